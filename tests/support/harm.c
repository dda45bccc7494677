/*
 * slowdown.c - programs that lens could harm (tests/harm.sh).
 *   harm loop FILE PASSES   reads FILE into one block and goes over it at random PASSES times; 0: until all of it is resident
 *   harm refuted FILE       reads FILE, holds a block that no lens makes of it, and works for a second
 *   harm early FILE         the same, and ends at once
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096u
#define PATIENCE_S 60

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((noinline)) static char *load(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    char *block = NULL;

    if (file && fseek(file, 0, SEEK_END) == 0) {
        *bytes = (size_t)ftell(file);
        rewind(file);
        block = malloc(*bytes);
        if (block && fread(block, 1, *bytes, file) != *bytes)
            block = NULL;
    }
    if (!block)
        exit(99);
    fclose(file);
    return block;
}

static uint64_t pass(const char *block, size_t bytes)
{
    static uint64_t state = 1;
    uint64_t sum = 0;

    for (size_t i = 0; i < bytes / PAGE; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        sum += (uint8_t)block[(state >> 33) % bytes];
    }
    return sum;
}

static unsigned resident_percent(char *block, size_t bytes)
{
    static unsigned char vector[1 << 20];
    char *first = (char *)(((uintptr_t)block + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    size_t pages = (bytes - PAGE) / PAGE, n = 0;

    if (pages > sizeof vector || mincore(first, pages * PAGE, vector) < 0)
        exit(98);
    for (size_t i = 0; i < pages; i++)
        n += vector[i] & 1;
    return (unsigned)(n * 100 / pages);
}

static int loop(const char *path, unsigned passes)
{
    double until = seconds(CLOCK_MONOTONIC) + PATIENCE_S;
    size_t bytes;
    char *block = load(path, &bytes);
    uint64_t sum = 0;

    for (unsigned i = 0; passes ? i < passes : resident_percent(block, bytes) < 100; i++) {
        sum += pass(block, bytes);
        if (!passes && seconds(CLOCK_MONOTONIC) > until) {
            printf("timeout at %u %%\n", resident_percent(block, bytes));
            return 3;
        }
    }
    printf("resident %u %%\n", resident_percent(block, bytes));
    free(block);
    return sum == 1;
}

__attribute__((noinline)) static double *make_numbers(size_t count)
{
    double *numbers = malloc(count * sizeof *numbers);

    for (size_t i = 0; numbers && i < count; i++)
        numbers[i] = (double)(i * 2654435761u % 1000003) + 0.5;
    return numbers;
}

static int hold(const char *path, double cpu_seconds)
{
    const size_t count = 4u << 20;
    char line[4096];
    FILE *file = fopen(path, "r");
    double *numbers = make_numbers(count), sum = 0;

    while (file && fgets(line, sizeof line, file))
        sum += strtod(line, NULL);
    if (!file || !numbers)
        return 99;
    fclose(file);
    for (double end = seconds(CLOCK_THREAD_CPUTIME_ID) + cpu_seconds; seconds(CLOCK_THREAD_CPUTIME_ID) < end;)
        for (size_t i = 0; i < count; i += 512)
            sum += numbers[i];
    printf("%s\n", sum > 0 ? "summed" : "?");
    free(numbers);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "loop"))
        return loop(argv[2], (unsigned)atoi(argv[3]));
    if (argc == 3 && !strcmp(argv[1], "refuted"))
        return hold(argv[2], 1);
    if (argc == 3 && !strcmp(argv[1], "early"))
        return hold(argv[2], 0);
    return 99;
}
