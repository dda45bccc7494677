/*
 * policy_traces.h - the page-touch traces of bench_policy.c. Each maker appends the touches of a program with n pages;
 * all are deterministic.
 */
#ifndef BENCH_POLICY_TRACES_H
#define BENCH_POLICY_TRACES_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct trace {
    const char *name;
    uint32_t *touches;
    size_t count, room;
    uint32_t pages;
};

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) * n >> 32);
}

static void *must_have(void *memory)
{
    if (!memory) {
        fprintf(stderr, "bench_policy: out of memory\n");
        exit(1);
    }
    return memory;
}

static void touch(struct trace *trace, uint32_t page)
{
    if (trace->count && trace->touches[trace->count - 1] == page)
        return; /* the second touch in a row is a hit for everyone */
    if (trace->count == trace->room) {
        trace->room = trace->room ? trace->room * 2 : 1 << 16;
        trace->touches = must_have(realloc(trace->touches, trace->room * sizeof *trace->touches));
    }
    trace->touches[trace->count++] = page;
    if (page >= trace->pages)
        trace->pages = page + 1;
}

/* Skewed choice: page ranks are scattered over the pages, as hot data is in a heap. */
struct zipf {
    uint32_t n;
    double *cumulative;
    uint32_t *page;
};

static struct zipf zipf_make(uint32_t n, double alpha)
{
    struct zipf zipf = {n, must_have(malloc(n * sizeof(double))), must_have(malloc(n * sizeof(uint32_t)))};
    double sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        zipf.cumulative[i] = sum += pow(i + 1, -alpha);
        zipf.page[i] = i;
    }
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t j = random_below(i + 1), page = zipf.page[i];
        zipf.page[i] = zipf.page[j];
        zipf.page[j] = page;
    }
    return zipf;
}

static uint32_t zipf_next(const struct zipf *zipf)
{
    double at = zipf->cumulative[zipf->n - 1] * (random_below(UINT32_MAX) / (double)UINT32_MAX);
    uint32_t low = 0, high = zipf->n - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (zipf->cumulative[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return zipf->page[low];
}

static void zipf_free(struct zipf *zipf)
{
    free(zipf->cumulative);
    free(zipf->page);
}

static void add_loop(struct trace *trace, uint32_t first, uint32_t n, uint32_t passes)
{
    for (uint32_t pass = 0; pass < passes; pass++)
        for (uint32_t i = 0; i < n; i++)
            touch(trace, first + i);
}

static void add_zipf(struct trace *trace, uint32_t first, uint32_t n, double alpha, size_t count)
{
    struct zipf zipf = zipf_make(n, alpha);

    while (count--)
        touch(trace, first + zipf_next(&zipf));
    zipf_free(&zipf);
}

/* The traces. Each is made for n pages. */

static void make_loop(struct trace *trace, uint32_t n)
{
    add_loop(trace, 0, n, 30);
}

static void make_there_and_back(struct trace *trace, uint32_t n)
{
    for (uint32_t pass = 0; pass < 30; pass++)
        for (uint32_t i = 0; i < n; i++)
            touch(trace, pass % 2 ? n - 1 - i : i);
}

static void make_two_arrays(struct trace *trace, uint32_t n)
{
    for (uint32_t pass = 0; pass < 30; pass++) {
        add_loop(trace, 0, n / 3, 1);
        add_loop(trace, n / 3, n - n / 3, 1);
        if (pass % 2)
            add_loop(trace, 0, n / 3, 1);
    }
}

static void make_two_streams(struct trace *trace, uint32_t n)
{
    for (uint32_t pass = 0; pass < 30; pass++)
        for (uint32_t i = 0; i < n / 2; i++)
            for (uint32_t again = 0; again < 4; again++) {
                touch(trace, i);
                touch(trace, n / 2 + i);
            }
}

static void make_stride(struct trace *trace, uint32_t n)
{
    for (uint32_t pass = 0; pass < 30; pass++)
        for (uint32_t offset = 0; offset < 16; offset++)
            for (uint32_t i = offset; i < n; i += 16)
                touch(trace, i);
}

static void make_noisy_loop(struct trace *trace, uint32_t n)
{
    for (uint32_t pass = 0; pass < 30; pass++)
        for (uint32_t i = 0; i < n; i++)
            touch(trace, random_below(10) ? i : random_below(n));
}

static void make_shuffled(struct trace *trace, uint32_t n)
{
    uint32_t *order = must_have(malloc(n * sizeof *order));

    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t pass = 0; pass < 30; pass++)
        for (uint32_t i = 0; i < n; i++) {
            uint32_t j = i + random_below(n - i), page = order[j];
            order[j] = order[i];
            order[i] = page;
            touch(trace, page);
        }
    free(order);
}

static void make_shrinking(struct trace *trace, uint32_t n)
{
    for (uint32_t pass = 0; pass < 40; pass++)
        add_loop(trace, 0, n - n / 50 * pass, 1);
}

static void make_growing(struct trace *trace, uint32_t n)
{
    for (uint32_t pass = 1; pass <= 40; pass++)
        add_loop(trace, 0, n / 40 * pass, 1);
}

static void make_zipf06(struct trace *trace, uint32_t n) { add_zipf(trace, 0, n, 0.6, 50 * (size_t)n); }
static void make_zipf08(struct trace *trace, uint32_t n) { add_zipf(trace, 0, n, 0.8, 50 * (size_t)n); }
static void make_zipf10(struct trace *trace, uint32_t n) { add_zipf(trace, 0, n, 1.0, 50 * (size_t)n); }
static void make_zipf12(struct trace *trace, uint32_t n) { add_zipf(trace, 0, n, 1.2, 50 * (size_t)n); }

static void make_hot_cold(struct trace *trace, uint32_t n)
{
    for (size_t i = 0; i < 50 * (size_t)n; i++)
        touch(trace, random_below(5) ? random_below(n / 5) : n / 5 + random_below(n - n / 5));
}

/* A scan over three quarters of the pages, with look-ups in the rest between its steps. */
static void make_mixed(struct trace *trace, uint32_t n)
{
    struct zipf zipf = zipf_make(n / 4, 0.9);

    for (uint32_t pass = 0; pass < 30; pass++)
        for (uint32_t i = n / 4; i < n; i++) {
            touch(trace, i);
            touch(trace, zipf_next(&zipf));
        }
    zipf_free(&zipf);
}

static void make_scan_then_zipf(struct trace *trace, uint32_t n)
{
    for (uint32_t turn = 0; turn < 6; turn++) {
        add_loop(trace, 0, n, 3);
        add_zipf(trace, 0, n, 1.0, 4 * (size_t)n);
    }
}

/* The working set (a quarter of the pages) moves on. */
static void make_moving(struct trace *trace, uint32_t n)
{
    for (uint32_t phase = 0; phase < 4; phase++)
        add_loop(trace, phase * (n / 4), n / 4, 30);
}

static void make_moving_zipf(struct trace *trace, uint32_t n)
{
    for (uint32_t phase = 0; phase < 2; phase++)
        add_zipf(trace, phase * (n / 2), n / 2, 0.9, 30 * (size_t)n);
}

static void make_search(struct trace *trace, uint32_t n)
{
    for (uint32_t i = 0; i < 4 * n; i++) {
        uint32_t low = 0, high = n, key = random_below(n);
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            touch(trace, middle);
            if (middle < key)
                low = middle + 1;
            else
                high = middle;
        }
    }
}

static void make_merge_sort(struct trace *trace, uint32_t n)
{
    for (uint32_t width = 1; width < n; width *= 2)
        for (uint32_t start = 0; start < n; start += 2 * width)
            for (uint32_t i = 0; i < width && start + i < n; i++) {
                touch(trace, start + i);
                if (start + width + i < n)
                    touch(trace, start + width + i);
            }
}

/* A gather through random indices beside a sequential scan: sparse matrix times vector. */
static void make_gather(struct trace *trace, uint32_t n)
{
    uint32_t scan = n - n / 5;

    for (uint32_t pass = 0; pass < 20; pass++)
        for (uint32_t i = 0; i < scan; i++) {
            touch(trace, i);
            touch(trace, scan + random_below(n / 5));
        }
}

static const struct maker {
    const char *name;
    void (*make)(struct trace *trace, uint32_t n);
} makers[] = {
    {"loop", make_loop}, {"loop, there and back", make_there_and_back}, {"loop, two arrays", make_two_arrays},
    {"loop, two streams", make_two_streams}, {"loop, stride 16", make_stride}, {"loop, 10% noise", make_noisy_loop},
    {"loop, shuffled", make_shuffled}, {"loop, shrinking", make_shrinking}, {"loop, growing", make_growing},
    {"loop, moves on 3x", make_moving}, {"zipf 0.6", make_zipf06}, {"zipf 0.8", make_zipf08},
    {"zipf 1.0", make_zipf10}, {"zipf 1.2", make_zipf12}, {"zipf 0.9, moves on", make_moving_zipf},
    {"hot/cold 80/20", make_hot_cold}, {"mixed loop + zipf", make_mixed}, {"mixed in turns", make_scan_then_zipf},
    {"binary search", make_search}, {"merge sort", make_merge_sort}, {"scan + gather", make_gather},
};

#endif
