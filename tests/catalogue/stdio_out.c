/* stdio_out.c - long strings and blocks go out through stdio straight from the block. */
#include "data.h"

#define LONG_LENGTH (LONG_BYTES - 1)

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    const char *text = (const char *)block + LONG_AT;
    FILE *file = tmpfile(), *back;
    unsigned char *copy = malloc(DATA_BYTES);

    (void)count;
    CHECK(fwrite(block, 1, DATA_BYTES, file) == DATA_BYTES && fflush(file) == 0);
    rewind(file);
    CHECK(fread(copy, 1, DATA_BYTES, file) == DATA_BYTES && data_is_all(copy));
    CHECK(fread(copy, 1, 1, file) == 0 && feof(file));
    fclose(file);
    free(copy);
    CHECK(puts(text) >= 0);
    CHECK(fputs(text, stdout) >= 0);
    CHECK(printf("%d %s %.*s|%5.3f\n", 7, text, 100, text + 5, 1.5) == 2 + (int)LONG_LENGTH + 1 + 100 + 7);
    CHECK(printf("%2$s%1$d\n", 5, text) == (int)LONG_LENGTH + 2);
    CHECK(fprintf(stdout, "%s", text) == (int)LONG_LENGTH);
    fflush(stdout);
    CHECK(dprintf(1, "%s\n", text) == (int)LONG_LENGTH + 1);
    CHECK(fwrite_unlocked(text, 1000, 100, stdout) == 100);
    back = fopen(argument[1], "r");
    copy = malloc(DATA_BYTES);
    CHECK(setvbuf(back, (char *)data_page(block, 100), _IOFBF, 16 * PAGE) == 0); /* a buffer in the block */
    for (size_t at = 0; at < DATA_BYTES; at++)
        copy[at] = (unsigned char)getc(back);
    CHECK(data_is_all(copy) && getc(back) == EOF && fclose(back) == 0);
    CHECK(data_is(block, 0, (size_t)(data_page(block, 100) - block)));
    return 0;
}
