/*
 * bench_policy.c - the eviction policy on page-touch traces, beside Belady's MIN and the usual suspects.
 *
 *   bench_policy [--pages N] [--only WORD] [TRACE-FILE...]
 *
 * Every policy gets the same touches and must have the touched page resident (no bypass). A hit is a touch of a
 * resident page. Ours is told of faults only; LRU and CLOCK see every touch, and "static" (the best fixed choice of
 * pages) even the future. "read-ahead" is ours with 16 pages brought ahead of sequential faults; there every page made
 * is subtracted from the touches, so that pages made for nothing count against it.
 * A trace file holds one page number per line. Deterministic.
 */
#include "bench/policy_traces.h"
#include "liblens/memory/policy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define READ_AHEAD 16

static int read_trace(struct trace *trace, const char *path)
{
    FILE *file = fopen(path, "r");
    uint32_t page;

    if (!file) {
        fprintf(stderr, "bench_policy: %s: %s\n", path, strerror(errno));
        return -errno;
    }
    while (fscanf(file, "%" SCNu32, &page) == 1)
        touch(trace, page);
    int whole = feof(file);
    fclose(file);
    if (whole && trace->count)
        return 0;
    fprintf(stderr, "bench_policy: %s: not a list of page numbers\n", path);
    return -EINVAL;
}

/* The policies. Each returns its hits. */

static struct lensi_policy *open_policy(uint64_t pages, uint64_t budget, size_t *bytes)
{
    *bytes = lensi_policy_bytes(pages, budget);
    void *memory = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        must_have(NULL);
    return lensi_policy_init(memory, pages, budget, budget);
}

struct ours {
    struct lensi_policy *policy;
    uint8_t *resident;
    size_t made;
};

static void bring_in(struct ours *ours, uint32_t page, bool prefetched)
{
    ours->made++;
    ours->resident[page] = 1;
    lensi_policy_insert(ours->policy, page, prefetched);
    while (lensi_policy_resident(ours->policy) > lensi_policy_budget(ours->policy))
        ours->resident[lensi_policy_victim(ours->policy)] = 0;
}

/* With read-ahead a hit is a touch that cost no making of a page: touches minus pages made. */
static size_t run_ours(const struct trace *trace, uint32_t budget, uint32_t ahead)
{
    size_t bytes;
    struct ours ours = {open_policy(trace->pages, budget, &bytes), must_have(calloc(trace->pages, 1)), 0};

    for (size_t i = 0; i < trace->count; i++) {
        uint32_t page = trace->touches[i];
        if (ours.resident[page])
            continue;
        bring_in(&ours, page, false);
        if (i > 1 && trace->touches[i - 1] + 1 == page && trace->touches[i - 2] + 2 == page)
            for (uint32_t next = page + 1; next <= page + ahead && next < trace->pages; next++)
                if (!ours.resident[next])
                    bring_in(&ours, next, true);
    }
    munmap(ours.policy, bytes);
    free(ours.resident);
    return trace->count > ours.made ? trace->count - ours.made : 0;
}

static size_t run_alone(const struct trace *trace, uint32_t budget)
{
    return run_ours(trace, budget, 0);
}

static size_t run_ahead(const struct trace *trace, uint32_t budget)
{
    return run_ours(trace, budget, READ_AHEAD);
}

/* A max-heap of next uses; entries that a later touch made stale are skipped. */
struct heap {
    struct use {
        size_t next;
        uint32_t page;
    } *uses;
    size_t count;
};

static void heap_push(struct heap *heap, struct use use)
{
    size_t at = heap->count++;

    for (; at && heap->uses[(at - 1) / 2].next < use.next; at = (at - 1) / 2)
        heap->uses[at] = heap->uses[(at - 1) / 2];
    heap->uses[at] = use;
}

static struct use heap_pop(struct heap *heap)
{
    struct use top = heap->uses[0], last = heap->uses[--heap->count];
    size_t at = 0;

    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && heap->uses[child + 1].next > heap->uses[child].next)
            child++;
        if (heap->uses[child].next <= last.next)
            break;
        heap->uses[at] = heap->uses[child];
    }
    heap->uses[at] = last;
    return top;
}

static size_t *next_uses(const struct trace *trace)
{
    size_t *next = must_have(malloc(trace->count * sizeof *next));
    size_t *seen = must_have(malloc(trace->pages * sizeof *seen));

    for (uint32_t page = 0; page < trace->pages; page++)
        seen[page] = trace->count + page; /* never again: told apart, so that each page's is its own */
    for (size_t i = trace->count; i-- > 0;) {
        next[i] = seen[trace->touches[i]];
        seen[trace->touches[i]] = i;
    }
    free(seen);
    return next;
}

static size_t run_min(const struct trace *trace, uint32_t budget)
{
    size_t *next = next_uses(trace), hits = 0;
    size_t *due = must_have(calloc(trace->pages, sizeof *due)); /* next use + 1 of a resident page, 0: absent */
    struct heap heap = {must_have(malloc(trace->count * sizeof *heap.uses)), 0};
    uint32_t resident = 0;

    for (size_t i = 0; i < trace->count; i++) {
        uint32_t page = trace->touches[i];
        if (due[page])
            hits++;
        else if (resident < budget)
            resident++;
        else
            for (;;) {
                struct use use = heap_pop(&heap);
                if (due[use.page] == use.next + 1) {
                    due[use.page] = 0;
                    break;
                }
            }
        due[page] = next[i] + 1;
        heap_push(&heap, (struct use){next[i], page});
    }
    free(heap.uses);
    free(due);
    free(next);
    return hits;
}

static int by_count_down(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The best fixed choice of budget - 1 pages (one frame is needed for all others). */
static size_t run_static(const struct trace *trace, uint32_t budget)
{
    uint32_t *touches = must_have(calloc(trace->pages, sizeof *touches));
    size_t hits = 0;

    for (size_t i = 0; i < trace->count; i++)
        touches[trace->touches[i]]++;
    qsort(touches, trace->pages, sizeof *touches, by_count_down);
    for (uint32_t i = 0; i + 1 < budget && i < trace->pages && touches[i]; i++)
        hits += touches[i] - 1;
    free(touches);
    return hits;
}

/* FIFO, random and CLOCK over a table of frames. */
enum simple { FIFO, RANDOM, CLOCK };

static size_t run_frames(const struct trace *trace, uint32_t budget, enum simple kind)
{
    uint32_t *frame = must_have(malloc(budget * sizeof *frame)), used = 0, hand = 0;
    uint8_t *state = must_have(calloc(trace->pages, 1)); /* 0 absent, 1 resident, 2 touched again */
    size_t hits = 0;

    for (size_t i = 0; i < trace->count; i++) {
        uint32_t page = trace->touches[i], at = used;
        if (state[page]) {
            hits++;
            state[page] = 2;
            continue;
        }
        if (used < budget) {
            used++;
        } else {
            if (kind == RANDOM)
                hand = random_below(budget);
            for (; kind == CLOCK && state[frame[hand]] == 2; hand = (hand + 1) % budget)
                state[frame[hand]] = 1;
            at = hand;
            hand = (hand + 1) % budget;
            state[frame[at]] = 0;
        }
        frame[at] = page;
        state[page] = 1;
    }
    free(frame);
    free(state);
    return hits;
}

static size_t run_fifo(const struct trace *trace, uint32_t budget) { return run_frames(trace, budget, FIFO); }
static size_t run_random(const struct trace *trace, uint32_t budget) { return run_frames(trace, budget, RANDOM); }
static size_t run_clock(const struct trace *trace, uint32_t budget) { return run_frames(trace, budget, CLOCK); }

/* The page touched longest ago is found by walking the trace behind the touches: every touch is passed once. */
static size_t run_lru(const struct trace *trace, uint32_t budget)
{
    size_t *last = must_have(calloc(trace->pages, sizeof *last)), hits = 0, oldest = 0; /* last touch + 1 */
    uint32_t resident = 0;

    for (size_t i = 0; i < trace->count; i++) {
        uint32_t page = trace->touches[i];
        if (last[page])
            hits++;
        else if (resident++ == budget) {
            while (last[trace->touches[oldest]] != oldest + 1)
                oldest++;
            last[trace->touches[oldest]] = 0;
            resident--;
        }
        last[page] = i + 1;
    }
    free(last);
    return hits;
}

static const struct column {
    const char *name;
    size_t (*run)(const struct trace *trace, uint32_t budget);
} columns[] = {
    {"ours", run_alone}, {"read-ahead", run_ahead}, {"static", run_static}, {"LRU", run_lru},
    {"CLOCK", run_clock}, {"FIFO", run_fifo}, {"random", run_random},
};

#define COLUMNS (sizeof columns / sizeof *columns)

/* Ratios of ours to MIN over all rows. */
struct summary {
    double sum, lowest;
    uint32_t rows, reached;
};

static void print_row(const struct trace *trace, uint32_t percent, struct summary *summary)
{
    uint32_t budget = (uint32_t)((uint64_t)trace->pages * percent / 100);

    if (budget == 0)
        return;
    size_t best = run_min(trace, budget);
    printf("| %-20s | %2u %% | %8zu |", trace->name, percent, best);
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t hits = columns[c].run(trace, budget);
        double ratio = best ? (double)hits / (double)best : 1.0;
        if (c > 0) {
            printf(" %.3f |", ratio);
            continue;
        }
        printf(" %8zu | **%.3f** |", hits, ratio);
        summary->sum += ratio;
        summary->lowest = summary->rows == 0 || ratio < summary->lowest ? ratio : summary->lowest;
        summary->reached += ratio >= 0.9;
        summary->rows++;
    }
    printf("\n");
    fflush(stdout);
}

static void print_trace(const struct trace *trace, struct summary *summary)
{
    print_row(trace, 10, summary);
    print_row(trace, 25, summary);
    print_row(trace, 50, summary);
}

static void print_head(void)
{
    printf("| trace                | budget | hits MIN | hits ours | ours |");
    for (size_t c = 1; c < COLUMNS; c++)
        printf(" %s |", columns[c].name);
    printf("\n|---|---|---|---|---|");
    for (size_t c = 1; c < COLUMNS; c++)
        printf("---|");
    printf("\n");
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Every call is a fault and an eviction, pages in random order: the worst case for caches. */
static void print_speed(uint32_t pages, uint32_t budget)
{
    size_t bytes;
    struct lensi_policy *policy = open_policy(pages, budget, &bytes);
    uint32_t pairs = 8000000;
    double start = 0;

    for (uint32_t i = 0; i < pairs + pages; i++) {
        if (i == pages)
            start = seconds_now();
        lensi_policy_insert(policy, i < pages ? i : random_below(pages), 0);
        while (lensi_policy_resident(policy) > budget)
            lensi_policy_victim(policy);
    }
    printf("insert + victim, %u pages, budget %u: %.0f ns\n", pages, budget, (seconds_now() - start) * 1e9 / pairs);
    munmap(policy, bytes);
}

static void print_made(uint32_t pages, const char *only, struct summary *summary)
{
    for (size_t m = 0; m < sizeof makers / sizeof *makers; m++) {
        if (!strstr(makers[m].name, only))
            continue;
        struct trace trace = {.name = makers[m].name};
        makers[m].make(&trace, pages);
        print_trace(&trace, summary);
        free(trace.touches);
    }
}

static int print_file(const char *path, struct summary *summary)
{
    struct trace trace = {.name = path};
    int result = read_trace(&trace, path);

    if (result == 0)
        print_trace(&trace, summary);
    free(trace.touches);
    return result;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_policy [--pages N] [--only WORD] [TRACE-FILE...]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct summary summary = {0};
    unsigned long pages = 10000;
    const char *only = "";
    int i = 1, failed = 0;

    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--pages") == 0)
            pages = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--only") == 0)
            only = argv[i + 1];
        else
            return usage();
    }
    if (pages < 100 || pages > 10000000 || (i < argc && strncmp(argv[i], "--", 2) == 0))
        return usage();

    print_head();
    if (i == argc)
        print_made((uint32_t)pages, only, &summary);
    for (; i < argc; i++)
        failed |= print_file(argv[i], &summary) != 0;
    if (summary.rows)
        printf("ours / MIN: mean %.3f, lowest %.3f, at least 0.9 in %u of %u rows\n", summary.sum / summary.rows,
               summary.lowest, summary.reached, summary.rows);
    print_speed(20000, 5000);
    print_speed(2000000, 500000);
    if (summary.rows)
        printf("%s: at least 0.9 in %u of %u rows, the lowest %.3f\n", summary.reached == summary.rows ? "reached" : "not reached",
               summary.reached, summary.rows, summary.lowest);
    return failed;
}
