/*
 * churn.c - a stress of malloc: threads that allocate, grow, write and free blocks of many sizes, most of them small.
 *
 *   churn [THREADS [OPERATIONS]]
 *
 * Deterministic; says a sum, so that two runs can be compared. For measuring what an allocator's neighbour costs.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELD = 4096 };

struct worker {
    pthread_t thread;
    uint64_t dice, sum;
    long operations;
};

static uint64_t roll(struct worker *w)
{
    w->dice ^= w->dice << 13;
    w->dice ^= w->dice >> 7;
    w->dice ^= w->dice << 17;
    return w->dice;
}

/* One in 4096 is large enough to be asked about by a plan. */
static size_t some_size(struct worker *w)
{
    uint64_t r = roll(w);

    if ((r & 4095) == 0)
        return 65536 + (r >> 20) % 200000;
    return (r & 15) == 0 ? 256 + (r >> 20) % 4096 : 8 + (r >> 20) % 248;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    unsigned char **held = calloc(HELD, sizeof *held);
    size_t *sizes = calloc(HELD, sizeof *sizes);

    for (long i = 0; held && sizes && i < w->operations; i++) {
        size_t k = roll(w) % HELD, bytes = some_size(w);
        if (held[k] && roll(w) % 4 == 0) {
            held[k] = realloc(held[k], bytes);
        } else {
            free(held[k]);
            held[k] = malloc(bytes);
        }
        if (!held[k])
            abort();
        sizes[k] = bytes;
        held[k][0] = (unsigned char)i;
        held[k][bytes - 1] = (unsigned char)(i >> 8);
        w->sum += held[k][0] + sizes[k];
    }
    for (size_t k = 0; held && k < HELD; k++)
        free(held[k]);
    free(held);
    free(sizes);
    return NULL;
}

int main(int argc, char **argv)
{
    long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 2, operations = argc > 2 ? strtol(argv[2], NULL, 10) : 5000000;
    struct worker workers[64] = {0};
    uint64_t sum = 0;

    if (threads < 1 || threads > 64)
        return 2;
    for (long i = 0; i < threads; i++) {
        workers[i].dice = 88172645463325252u + (uint64_t)i * 2654435761u;
        workers[i].operations = operations;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            return 1;
    }
    for (long i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        sum += workers[i].sum;
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
