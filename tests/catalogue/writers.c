/* writers.c - four threads write their own bytes into shared pages while four read the rest. */
#include "data.h"

static unsigned char *block;

static void *write_some(void *number)
{
    size_t lane = (uintptr_t)number;

    for (size_t at = WORDS_AT; at + 64 < DATA_BYTES; at += 512)
        block[at + 8 * lane] = (unsigned char)(at / 512 + lane);
    return NULL;
}

static void *read_some(void *number)
{
    (void)number;
    for (size_t at = WORDS_AT; at + 512 < DATA_BYTES; at += 512)
        CHECK(data_is(block + at + 64, at + 64, 400));
    return NULL;
}

int main(int count, char **argument)
{
    pthread_t thread[8];

    (void)count;
    block = data_load(argument[1]);
    for (uintptr_t i = 0; i < 8; i++)
        pthread_create(&thread[i], NULL, i < 4 ? write_some : read_some, (void *)i);
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    for (size_t at = WORDS_AT; at + 512 < DATA_BYTES; at += 512) {
        for (size_t lane = 0; lane < 4; lane++)
            CHECK(block[at + 8 * lane] == (unsigned char)(at / 512 + lane));
        CHECK(data_is(block + at + 64, at + 64, 400));
    }
    puts("writers: ok");
    return 0;
}
