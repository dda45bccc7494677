/* fork_threads.c - forks while eight threads touch pages. */
#include "data.h"

#include <stdatomic.h>
#include <stdbool.h>

static unsigned char *block;
static atomic_bool stop;

static void *touch(void *seed)
{
    uint64_t state = (uintptr_t)seed;

    while (!stop) {
        size_t at = (state = data_mix(state)) % (DATA_BYTES - 64);
        CHECK(data_is(block + at, at, 64));
    }
    return NULL;
}

int main(int count, char **argument)
{
    pthread_t thread[8];

    (void)count;
    block = data_load(argument[1]);
    for (long i = 0; i < 8; i++)
        pthread_create(&thread[i], NULL, touch, (void *)(i + 1));
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(data_is_all(block) ? 11 : 1);
        CHECK(pid > 0 && data_wait(pid) == 11);
    }
    stop = true;
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    CHECK(data_is_all(block));
    puts("fork among threads: ok");
    return 0;
}
