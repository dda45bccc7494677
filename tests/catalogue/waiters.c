/*
 * waiters.c - locks in the block that no call initialised, with threads that wait at them while their pages come and go.
 *
 * The file's words at their places are put back afterwards. A futex word that the kernel cannot see ends the process
 * (libc) or loses a wake-up (a hang).
 */
#include "data.h"

#include <semaphore.h>

enum { THREADS = 4, ROUNDS = 300 };

struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t turn;
    pthread_rwlock_t shelf;
    unsigned next, sum;
};

static struct meeting *meeting;
static sem_t *tokens;

static void *visit(void *number)
{
    unsigned me = (unsigned)(uintptr_t)number;

    for (unsigned round = 0; round < ROUNDS; round++) {
        CHECK(pthread_mutex_lock(&meeting->mutex) == 0);
        while (meeting->next % THREADS != me)
            CHECK(pthread_cond_wait(&meeting->turn, &meeting->mutex) == 0);
        meeting->next++;
        CHECK(pthread_cond_broadcast(&meeting->turn) == 0);
        CHECK(pthread_mutex_unlock(&meeting->mutex) == 0);
        CHECK(sem_wait(tokens) == 0);
        CHECK(pthread_rwlock_wrlock(&meeting->shelf) == 0);
        meeting->sum += me;
        CHECK(pthread_rwlock_unlock(&meeting->shelf) == 0);
        CHECK(sem_post(tokens) == 0);
    }
    return NULL;
}

int main(int count, char **argument)
{
    static const struct meeting fresh = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER, 0, 0};
    unsigned char *block = data_load(argument[1]), saved[2][sizeof fresh];
    pthread_t threads[THREADS];

    (void)count;
    meeting = (struct meeting *)(void *)data_page(block, 20);
    tokens = (sem_t *)(void *)data_page(block, 90);
    memcpy(saved[0], meeting, sizeof *meeting);
    memcpy(saved[1], tokens, sizeof *tokens);
    data_pause();
    *meeting = fresh;
    memset(tokens, 0, sizeof *tokens); /* what a semaphore of this process with no tokens looks like */
    CHECK(sem_post(tokens) == 0 && sem_post(tokens) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, visit, (void *)i) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(meeting->next == THREADS * ROUNDS && meeting->sum == ROUNDS * (THREADS * (THREADS - 1) / 2));
    memcpy(meeting, saved[0], sizeof *meeting);
    memcpy(tokens, saved[1], sizeof *tokens);
    CHECK(data_is_all(block));
    puts("waiters: ok");
    return 0;
}
