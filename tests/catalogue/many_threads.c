/* many_threads.c - a hundred thousand threads, made and ended, each reading a little. */
#include "data.h"

enum { THREADS = 100000, AT_ONCE = 20 };

static unsigned char *block;

static void *work(void *number)
{
    size_t at = (uintptr_t)number * 40;

    CHECK(data_is(block + at, at, 40));
    return NULL;
}

int main(int count, char **argument)
{
    pthread_attr_t small;

    (void)count;
    block = data_load(argument[1]);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    for (uintptr_t i = 0; i < THREADS; i += AT_ONCE) {
        pthread_t thread[AT_ONCE];
        for (uintptr_t k = 0; k < AT_ONCE; k++)
            CHECK(pthread_create(&thread[k], &small, work, (void *)(i + k)) == 0);
        for (int k = 0; k < AT_ONCE; k++)
            CHECK(pthread_join(thread[k], NULL) == 0);
    }
    CHECK(data_is_all(block));
    puts("100000 threads: ok");
    return 0;
}
