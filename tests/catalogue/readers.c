/* readers.c - eight threads read at random. */
#include "data.h"

static unsigned char *block;

static void *work(void *seed)
{
    uint64_t state = (uintptr_t)seed;

    for (int i = 0; i < 6000; i++) {
        size_t at = (state = data_mix(state)) % (DATA_BYTES - 16);
        CHECK(data_is(block + at, at, 16));
    }
    return NULL;
}

int main(int count, char **argument)
{
    pthread_t thread[8];

    (void)count;
    block = data_load(argument[1]);
    for (long i = 0; i < 8; i++)
        CHECK(pthread_create(&thread[i], NULL, work, (void *)(i + 1)) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    CHECK(data_is_all(block));
    puts("random readers: ok");
    return 0;
}
