/*
 * kv_threads.c - the pairs of kv.c, read by eight threads at once: each its slice, then at random all over.
 *
 *   kv_threads [-n PICKS] FILE
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 8

struct pair {
    int key;
    float value;
};

struct task {
    pthread_t thread;
    const struct pair *pairs;
    size_t count, from, to, picks;
    uint64_t dice;
    double sum, picked;
};

/* Grows as it reads: the array is never the size it was asked for first. */
struct pair *load_pairs(FILE *file, size_t *count)
{
    struct pair *pairs = NULL, pair;
    size_t room = 0, used = 0;

    while (fscanf(file, "%d=%f;\n", &pair.key, &pair.value) == 2) {
        if (used == room) {
            room = room ? 2 * room : 1024;
            pairs = realloc(pairs, room * sizeof *pairs);
            if (!pairs)
                abort();
        }
        pairs[used++] = pair;
    }
    *count = used;
    return pairs;
}

static void *work(void *argument)
{
    struct task *task = argument;

    for (size_t i = task->from; i < task->to; i++)
        task->sum += (double)task->pairs[i].value;
    for (size_t i = 0; i < task->picks && task->count; i++) {
        task->dice = task->dice * 6364136223846793005u + 1442695040888963407u;
        task->picked += task->pairs[(task->dice >> 20) % task->count].key;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct task tasks[THREADS] = {0};
    size_t picks = 200000, count;
    struct pair *pairs;
    FILE *file;
    int option;

    while ((option = getopt(argc, argv, "n:")) != -1) {
        if (option != 'n')
            return 2;
        picks = strtoul(optarg, NULL, 10);
    }
    file = optind + 1 == argc ? fopen(argv[optind], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: %s [-n PICKS] FILE\n", argv[0]);
        return 2;
    }
    pairs = load_pairs(file, &count);
    fclose(file);
    for (size_t i = 0; i < THREADS; i++) {
        tasks[i] = (struct task){.pairs = pairs, .count = count, .from = count * i / THREADS,
                                 .to = count * (i + 1) / THREADS, .picks = picks, .dice = i + 1};
        pthread_create(&tasks[i].thread, NULL, work, &tasks[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(tasks[i].thread, NULL);
        printf("thread %zu: %.6f %.0f\n", i, tasks[i].sum, tasks[i].picked);
    }
    free(pairs);
    return 0;
}
