/*
 * record_sample.h - which allocations a sampled recording sees, and what each of them stands for.
 *
 * Samples lie at exponentially distributed distances along the bytes that a thread allocates, so an allocation of n
 * bytes is seen with the chance p = 1 - exp(-n / distance), whatever came before, and stands for 1 / p of its kind.
 * That estimate is unbiased; its variance is n^2 (1 - p) / p^2, which is estimated by the sum of n^2 (1 - p) / p^2 over
 * what was seen (Horvitz and Thompson 1952). Allocations of LENSI_TRACE_BLOCK_BYTES and more are always seen: p = 1.
 *
 * What was not seen must not be looked for when it is freed: a table of counters by address says "certainly not".
 */
#ifndef LENSI_RECORDER_SAMPLE_H
#define LENSI_RECORDER_SAMPLE_H

#include "preload/recorder/site.h"

#include <stddef.h>
#include <stdint.h>

#define LENSI_SAMPLE_SCALE 256u /* counts are in units of 1/256 where they are estimates */
#define LENSI_FILTER_BITS 14

struct lensi_sample {
    uint64_t distance; /* mean, in bytes; 0: everything is seen */
    unsigned scale;    /* of counts */
    _Atomic uint8_t filter[1 << LENSI_FILTER_BITS]; /* seen and alive, by address; 255: many */
};
extern struct lensi_sample lensi_sample;

void lensi_sample_start(uint64_t distance);
/* Seeds a thread's random numbers by its ordinal: runs can be repeated. */
uint64_t lensi_sample_seed(uint64_t ordinal);
/* Bytes to the next sample. */
int64_t lensi_sample_draw(uint64_t *random);
void lensi_sample_weight(uint64_t bytes, struct lensi_weight *weight);

static inline _Atomic uint8_t *lensi_filter_at(const void *at)
{
    return &lensi_sample.filter[((uintptr_t)at >> 4) * 0x9e3779b97f4a7c15ull >> (64 - LENSI_FILTER_BITS)];
}

/* False: certainly not seen. */
static inline bool lensi_sample_may_hold(const void *at)
{
    return atomic_load_explicit(lensi_filter_at(at), memory_order_relaxed) != 0;
}
void lensi_filter_add(const void *at);
void lensi_filter_drop(const void *at);

#endif
