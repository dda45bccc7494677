/*
 * uses.c - memory whose use is known. One kind of use for each block of 64 MB, for about as many seconds as asked for.
 *
 *   uses KIND SECONDS      loop: half of it is read again and again     never: filled, and left alone
 *                          rewrite: read, then a quarter is written     random: read here and there
 *                          grow: filled piece by piece through realloc, then read in a loop
 *                          kernel: only the kernel reads it, by write(2) to a pipe
 *                          churn: blocks of 2 MB that live for a moment
 *        loops N, randoms N  the same work every time, for benchmarks: N passes, N touches
 * What it prints depends on nothing else.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BYTES (64u << 20)
#define WORDS (BYTES / 8)

static uint64_t end_ms;

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int goes_on(void) { return now_ms() < end_ms; }

static void pass_time(void)
{
    while (goes_on())
        usleep(10000);
}

static uint64_t *filled(void)
{
    uint64_t *block = malloc(BYTES);

    if (!block)
        exit(1);
    for (size_t i = 0; i < WORDS; i++)
        block[i] = i;
    return block;
}

static uint64_t sum(const uint64_t *block, size_t from, size_t to)
{
    uint64_t total = 0;

    for (size_t i = from; i < to; i++)
        total += block[i];
    return total;
}

static void loop(void)
{
    uint64_t *block = filled(), first = sum(block, 0, WORDS / 2);

    while (goes_on())
        if (sum(block, 0, WORDS / 2) != first)
            abort();
    printf("%llu\n", (unsigned long long)first);
}

static void never(void)
{
    uint64_t *block = filled();

    pass_time();
    printf("%d\n", block != NULL);
}

static void rewrite(void)
{
    uint64_t *block = filled(), end = end_ms, total;

    end_ms -= goes_on() ? (end_ms - now_ms()) / 2 : 0;
    do
        total = sum(block, 0, WORDS);
    while (goes_on());
    end_ms = end;
    do
        for (size_t i = 0; i < WORDS / 4; i++)
            block[i] = i ^ total;
    while (goes_on());
    printf("%llu\n", (unsigned long long)sum(block, 0, WORDS));
}

static void at_random(void)
{
    uint64_t *block = filled(), state = 88172645463325252u, bad = 0;

    while (goes_on())
        for (unsigned i = 0; i < 20000; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bad += block[state % WORDS] != state % WORDS;
        }
    printf("%llu\n", (unsigned long long)bad);
}

static void grow(void)
{
    uint64_t *block = NULL, first;

    for (size_t bytes = 1 << 20; bytes <= BYTES; bytes += 1 << 20) {
        block = realloc(block, bytes);
        if (!block)
            exit(1);
        for (size_t i = (bytes - (1 << 20)) / 8; i < bytes / 8; i++)
            block[i] = i;
    }
    first = sum(block, 0, WORDS);
    while (goes_on())
        if (sum(block, 0, WORDS) != first)
            abort();
    printf("%llu\n", (unsigned long long)first);
}

static void kernel(void)
{
    uint64_t *block = filled();
    int ends[2];

    if (pipe(ends) < 0)
        exit(1);
    while (goes_on())
        for (size_t at = 0; at < BYTES; at += 4096) {
            char back[4096];
            if (write(ends[1], (const char *)block + at, 4096) != 4096 || read(ends[0], back, 4096) != 4096 || memcmp(back, (const char *)block + at, 8) != 0)
                abort();
        }
    printf("ok\n");
}

static void churn(void)
{
    uint64_t *kept = filled(), total = 0, rounds = 0;

    while (goes_on()) {
        uint64_t *block = malloc(2 << 20);
        memset(block, (int)(++rounds & 0x7f), 2 << 20);
        total += block[1000] == 0;
        free(block);
    }
    printf("%llu %llu\n", (unsigned long long)total, (unsigned long long)kept[5]);
}

static int work(const char *kind, unsigned long count)
{
    uint64_t *block = filled(), total = 0, state = 88172645463325252u;

    for (unsigned long i = 0; i < count && strcmp(kind, "loops") == 0; i++)
        total += sum(block, 0, WORDS);
    for (unsigned long i = 0; i < count && strcmp(kind, "randoms") == 0; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        total += block[state % WORDS];
    }
    printf("%llu\n", (unsigned long long)total);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } kinds[] = {{"loop", loop}, {"never", never}, {"rewrite", rewrite}, {"random", at_random}, {"grow", grow}, {"kernel", kernel}, {"churn", churn}};

    if (argc != 3)
        return 2;
    if (strcmp(argv[1], "loops") == 0 || strcmp(argv[1], "randoms") == 0)
        return work(argv[1], strtoul(argv[2], NULL, 10));
    end_ms = now_ms() + (uint64_t)(atof(argv[2]) * 1000);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, argv[1]) == 0)
            return kinds[i].run(), 0;
    return 2;
}
