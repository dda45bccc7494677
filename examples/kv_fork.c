/*
 * kv_fork.c - the pairs of kv.c, loaded once and worked on by forked processes: each sums all of them, changes its own
 * slice, and sums again. Nobody may see another's changes.
 *
 *   kv_fork [-w WORKERS] FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair {
    int key;
    float value;
};

struct pair *load_pairs(FILE *file, size_t *count)
{
    size_t lines = 0, used = 0;
    struct pair *pairs;
    int c;

    while ((c = getc_unlocked(file)) != EOF)
        lines += c == '\n';
    rewind(file);
    pairs = malloc((lines + 1) * sizeof *pairs);
    if (!pairs)
        abort();
    while (used < lines && fscanf(file, "%d=%f;\n", &pairs[used].key, &pairs[used].value) == 2)
        used++;
    *count = used;
    return pairs;
}

static double sum_values(const struct pair *pairs, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)pairs[i].value;
    return sum;
}

/* Writes its two sums to the pipe in one piece. */
static void work(struct pair *pairs, size_t count, size_t from, size_t to, int out)
{
    double sums[2];

    sums[0] = sum_values(pairs, count);
    for (size_t i = from; i < to; i++)
        pairs[i].value = (float)pairs[i].key;
    sums[1] = sum_values(pairs, count);
    if (write(out, sums, sizeof sums) != sizeof sums)
        _exit(1);
    _exit(0);
}

static int start_worker(struct pair *pairs, size_t count, size_t from, size_t to)
{
    int ends[2];
    pid_t child;

    if (pipe(ends) < 0 || (child = fork()) < 0) {
        perror("kv_fork");
        exit(1);
    }
    if (child == 0)
        work(pairs, count, from, to, ends[1]);
    close(ends[1]);
    return ends[0];
}

int main(int argc, char **argv)
{
    size_t workers = 4, count;
    struct pair *pairs;
    FILE *file;
    int option, from[64], failed = 0, status;

    while ((option = getopt(argc, argv, "w:")) != -1) {
        if (option != 'w')
            return 2;
        workers = strtoul(optarg, NULL, 10);
    }
    file = optind + 1 == argc ? fopen(argv[optind], "r") : NULL;
    if (!file || workers < 1 || workers > 64) {
        fprintf(stderr, "usage: %s [-w WORKERS] FILE\n", argv[0]);
        return 2;
    }
    pairs = load_pairs(file, &count);
    fclose(file);
    for (size_t i = 0; i < workers; i++)
        from[i] = start_worker(pairs, count, count * i / workers, count * (i + 1) / workers);
    for (size_t i = 0; i < workers; i++) {
        double sums[2] = {0, 0};
        failed |= read(from[i], sums, sizeof sums) != sizeof sums;
        printf("worker %zu: %.6f, then %.6f\n", i, sums[0], sums[1]);
        failed |= wait(&status) < 0 || status != 0;
    }
    printf("parent: %.6f\n", sum_values(pairs, count));
    free(pairs);
    return failed;
}
