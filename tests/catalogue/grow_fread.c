/*
 * grow_fread.c - a file is read with fread, a large piece at a time, into a block that grows before each: fresh memory is
 * handed to the kernel while the memory before it is being proven, and others keep both CPUs busy.
 */
#include "data.h"

static volatile int done;

static void *burn(void *block)
{
    volatile unsigned char *at = block;
    unsigned sum = 0;

    while (!done)
        for (size_t i = 0; i < 256 * PAGE && !done; i += PAGE)
            sum += at[i];
    return (void *)(uintptr_t)sum;
}

int main(int count, char **argument)
{
    enum { PIECE = 1u << 20, PASSES = 8 };
    unsigned char *other = data_load(argument[1]), *block = NULL;
    pthread_t thread[2];

    (void)count;
    for (unsigned i = 0; i < 2; i++)
        CHECK(pthread_create(&thread[i], NULL, burn, other) == 0);
    for (unsigned pass = 0; pass < PASSES; pass++) {
        FILE *file = fopen(argument[1], "r");
        size_t have = 0, got;
        CHECK(file);
        do {
            block = realloc(block, have + PIECE);
            CHECK(block);
            got = fread(block + have, 1, PIECE, file);
            CHECK(!ferror(file));
            have += got;
        } while (got == PIECE);
        CHECK(feof(file) && have == DATA_BYTES);
        fclose(file);
        data_pause();
        CHECK(data_is_all(block));
        if (pass % 2) {
            free(block);
            block = NULL;
        }
    }
    done = 1;
    for (unsigned i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    CHECK(data_is_all(other));
    puts("grow fread: ok");
    return 0;
}
