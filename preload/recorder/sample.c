/* record_sample.c - distances, weights, and the filter; see record_sample.h. */
#include "preload/recorder/sample.h"

#include <stdatomic.h>
#include <string.h>

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

/*
 * Two functions that libm has too, to the ten digits that sampling needs: with libm every program that we are loaded
 * into would have to load it.
 */

/* ln x, for x in (0, 1]: the exponent's share, and twice artanh((m - 1) / (m + 1)) of the mantissa. */
static double logarithm(double x)
{
    double mantissa, s, power, sum = 0;
    uint64_t bits;
    int exponent;

    memcpy(&bits, &x, sizeof bits);
    exponent = (int)(bits >> 52) - 1023;
    bits = (bits & (UINT64_MAX >> 12)) | 1023ull << 52;
    memcpy(&mantissa, &bits, sizeof mantissa);
    power = s = (mantissa - 1) / (mantissa + 1);
    for (int n = 1; n < 22; n += 2, power *= s * s)
        sum += power / n;
    return exponent * 0.693147180559945309 + 2 * sum;
}

/* 1 - e^-x, for x >= 0: a series for x small, and from there with twice the x each time. */
static double decayed(double x)
{
    double term, sum = 0;
    unsigned halved = 0;

    if (x > 64)
        return 1;
    for (; x > 0.5; x /= 2)
        halved++;
    term = x;
    for (int n = 2; n < 14; term *= -x / n++)
        sum += term;
    for (; halved; halved--)
        sum *= 2 - sum;
    return sum;
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
    return (int64_t)(-logarithm(uniform) * (double)lensi_sample.distance) + 1;
}

void lensi_sample_weight(uint64_t bytes, struct lensi_weight *weight)
{
    double n = (double)bytes + 1, p, count; /* + 1 as the countdown has it: allocations of nothing are seen too */

    if (!lensi_sample.distance || bytes >= LENSI_TRACE_BLOCK_BYTES) {
        *weight = (struct lensi_weight){.bytes = bytes, .count = lensi_sample.scale};
        return;
    }
    p = decayed(n / (double)lensi_sample.distance);
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
