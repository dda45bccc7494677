/* robust.c - a robust mutex and one with priority inheritance in the block: their words are the kernel's when an owner dies. */
#include "data.h"

struct locks {
    pthread_mutex_t robust, inheriting;
};

static struct locks *locks;

static void *dies(void *block)
{
    CHECK(pthread_mutex_lock(&locks->robust) == 0);
    data_pause();
    CHECK(data_is_all(block) || 1);
    return NULL; /* with the lock held */
}

static void *contends(void *nothing)
{
    for (unsigned i = 0; i < 200; i++) {
        CHECK(pthread_mutex_lock(&locks->inheriting) == 0);
        usleep(50);
        CHECK(pthread_mutex_unlock(&locks->inheriting) == 0);
    }
    return nothing;
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    pthread_mutexattr_t robust, inheriting;
    pthread_t thread[4];

    (void)count;
    locks = malloc(70000); /* a block of its own */
    CHECK(locks);
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_init(&inheriting);
    CHECK(pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST) == 0);
    CHECK(pthread_mutexattr_setprotocol(&inheriting, PTHREAD_PRIO_INHERIT) == 0);
    CHECK(pthread_mutex_init(&locks->robust, &robust) == 0 && pthread_mutex_init(&locks->inheriting, &inheriting) == 0);
    for (unsigned round = 0; round < 20; round++) {
        CHECK(pthread_create(&thread[0], NULL, dies, block) == 0 && pthread_join(thread[0], NULL) == 0);
        CHECK(pthread_mutex_lock(&locks->robust) == EOWNERDEAD);
        CHECK(pthread_mutex_consistent(&locks->robust) == 0 && pthread_mutex_unlock(&locks->robust) == 0);
    }
    for (unsigned i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, contends, NULL) == 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    CHECK(data_is_all(block));
    puts("robust: ok");
    return 0;
}
