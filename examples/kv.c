/*
 * kv.c - reads lines such as "17=0.25;" into an array and goes over it a few times.
 *
 *   kv [-p PASSES] FILE
 *
 * An ordinary C program: it knows nothing of lens and is not linked to it.
 *
 *   lens run --plan examples/plans/kv.plan --budget 10% -- build/examples/kv pairs.kv
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct pair {
    int key;
    float value;
};

static size_t count_lines(FILE *file)
{
    char block[65536];
    size_t lines = 0, bytes;

    while ((bytes = fread(block, 1, sizeof block, file)) > 0)
        for (size_t i = 0; i < bytes; i++)
            lines += block[i] == '\n';
    rewind(file);
    return lines;
}

struct pair *load_pairs(const char *path, size_t *count)
{
    FILE *file = fopen(path, "r");
    struct pair *pairs = NULL;
    size_t room, used = 0;

    if (!file) {
        perror(path);
        exit(1);
    }
    room = count_lines(file);
    pairs = malloc((room ? room : 1) * sizeof *pairs);
    if (!pairs) {
        perror("kv");
        exit(1);
    }
    while (used < room && fscanf(file, "%d=%f;\n", &pairs[used].key, &pairs[used].value) == 2)
        used++;
    fclose(file);
    *count = used;
    return pairs;
}

static double sum_of_positive_keys(const struct pair *pairs, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        if (pairs[i].key > 0)
            sum += (double)pairs[i].value;
    return sum;
}

int main(int argc, char **argv)
{
    int passes = 5, option;
    struct pair *pairs;
    size_t count;

    while ((option = getopt(argc, argv, "p:")) != -1) {
        if (option != 'p')
            return 2;
        passes = atoi(optarg);
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: %s [-p PASSES] FILE\n", argv[0]);
        return 2;
    }
    pairs = load_pairs(argv[optind], &count);
    printf("%zu pairs\n", count);
    fflush(stdout); /* whoever waits for it knows that all is loaded */
    for (int pass = 0; pass < passes; pass++)
        printf("pass %d: %.6f\n", pass, sum_of_positive_keys(pairs, count));
    free(pairs);
    return 0;
}
