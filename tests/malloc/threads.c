/* threads.c - blocks made in one thread, grown in a second, freed in a third, while the program forks. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 6
#define ROUNDS 400
#define SHELVES 32

struct item {
    size_t bytes;
    unsigned char mark;
    unsigned char *at;
};

static _Atomic(struct item *) shelves[SHELVES];
static _Atomic int wrong;

static void check(const struct item *item)
{
    if (item->at[0] != item->mark || item->at[item->bytes / 2] != item->mark || item->at[item->bytes - 1] != item->mark)
        wrong++;
}

static struct item *make(uint32_t dice)
{
    struct item *item = malloc(sizeof *item);

    item->bytes = dice % 5 == 0 ? 1u << 20 : 16 + dice % 3000;
    item->mark = (unsigned char)(dice >> 8);
    item->at = malloc(item->bytes);
    memset(item->at, item->mark, item->bytes);
    return item;
}

static void grow(struct item *item)
{
    size_t bytes = item->bytes * 2;

    item->at = realloc(item->at, bytes);
    memset(item->at + item->bytes, item->mark, bytes - item->bytes);
    item->bytes = bytes;
}

static void drop(struct item *item)
{
    if (!item)
        return;
    check(item);
    free(item->at);
    free(item);
}

static void *work(void *argument)
{
    uint32_t dice = (uint32_t)(uintptr_t)argument * 2654435761u + 1;

    for (int i = 0; i < ROUNDS; i++) {
        dice = dice * 1664525u + 1013904223u;
        size_t shelf = dice >> 16 & (SHELVES - 1);
        struct item *item = atomic_exchange(&shelves[shelf], NULL);
        if (item && dice >> 28 < 4 && item->bytes < 4u << 20) {
            check(item);
            grow(item);
        } else {
            drop(item);
            item = make(dice >> 4);
        }
        drop(atomic_exchange(&shelves[shelf], item));
    }
    return NULL;
}

/* In a child only the forking thread lives; malloc must work there, and what was on the shelves is whole. */
static void fork_once(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        for (int i = 0; i < 50; i++)
            drop(make((uint32_t)i * 5));
        for (int i = 0; i < SHELVES; i++)
            drop(atomic_exchange(&shelves[i], NULL));
        _exit(wrong ? 1 : 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        wrong++;
}

int main(void)
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < 20; i++)
        fork_once();
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < SHELVES; i++)
        drop(shelves[i]);
    printf("%d wrong\n", wrong);
    return wrong != 0;
}
