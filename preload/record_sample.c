/* record_sample.c - distances, weights, and the filter; see record_sample.h. */
#include "preload/record_sample.h"

#include <math.h>
#include <stdatomic.h>

struct lensi_sample lensi_sample = {.scale = 1};

void lensi_sample_start(uint64_t distance)
{
    lensi_sample.distance = distance;
    lensi_sample.scale = distance ? LENSI_SAMPLE_SCALE : 1;
}

uint64_t lensi_sample_seed(uint64_t ordinal)
{
    uint64_t z = ordinal * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return (z ^ z >> 31) | 1;
}

int64_t lensi_sample_draw(uint64_t *random)
{
    uint64_t x = *random;
    double uniform;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *random = x;
    uniform = (double)((x >> 11) + 1) * 0x1p-53; /* in (0, 1] */
    return (int64_t)(-log(uniform) * (double)lensi_sample.distance) + 1;
}

void lensi_sample_weight(uint64_t bytes, struct lensi_weight *weight)
{
    double n = (double)bytes + 1, p, count; /* + 1 as the countdown has it: allocations of nothing are seen too */

    if (!lensi_sample.distance || bytes >= LENSI_TRACE_BLOCK_BYTES) {
        *weight = (struct lensi_weight){.bytes = bytes, .count = lensi_sample.scale};
        return;
    }
    p = -expm1(-n / (double)lensi_sample.distance);
    count = 1 / p;
    weight->bytes = (uint64_t)((double)bytes * count + 0.5);
    weight->count = (uint64_t)(count * lensi_sample.scale + 0.5);
    weight->count_variance = (1 - p) * count * count;
    weight->bytes_variance = (double)bytes * (double)bytes * weight->count_variance;
}

/* ---- the filter. A counter that is full stays so: it only costs time. */

void lensi_filter_add(const void *at)
{
    _Atomic uint8_t *counter = lensi_filter_at(at);
    uint8_t value = atomic_load_explicit(counter, memory_order_relaxed);

    while (value != UINT8_MAX && !atomic_compare_exchange_weak(counter, &value, (uint8_t)(value + 1)))
        ;
}

void lensi_filter_drop(const void *at)
{
    _Atomic uint8_t *counter = lensi_filter_at(at);
    uint8_t value = atomic_load_explicit(counter, memory_order_relaxed);

    while (value != UINT8_MAX && value != 0 && !atomic_compare_exchange_weak(counter, &value, (uint8_t)(value - 1)))
        ;
}
