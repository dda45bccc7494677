/* reuse.c - blocks freed and asked for again, in odd sizes, never hold another's bytes where they were written. */
#include "data.h"

int main(int count, char **argument)
{
    unsigned char *kept = data_load(argument[1]);

    (void)count;
    for (unsigned i = 0; i < 60; i++) {
        size_t bytes = 100000 + data_mix(i) % 3000000;
        unsigned char *block = malloc(bytes);
        int fd = open(argument[1], O_RDONLY);
        size_t from = data_mix(i + 1000) % 500000;
        CHECK(pread(fd, block, bytes, (off_t)from) == (ssize_t)bytes && close(fd) == 0);
        CHECK(data_is(block, from, bytes));
        if (i % 3 == 0)
            memset(block, 'y', bytes / 2);
        CHECK(data_is(block + bytes / 2, from + bytes / 2, bytes - bytes / 2));
        free(block);
    }
    CHECK(data_is_all(kept));
    puts("reuse: ok");
    return 0;
}
