/* test_recorder.c - the recorder's table of what is alive against a model of it, and what a sample stands for. */
#include "preload/recorder/live.c"
#include "preload/recorder/sample.c"

#include <criterion/criterion.h>
#include <math.h>

static uint64_t seed = 12345; /* the same in every run */

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % below;
}

/* ---- what is alive */

enum { ADDRESSES = 20000 };
static struct lensi_live model[ADDRESSES]; /* site 0: not there */

static void *address_at(uint32_t i) { return (void *)(0x7f0000001000 + (uintptr_t)i * 32 + (i % 3 == 0 ? 8 : 0)); }

static void put(uint32_t i, struct lensi_live entry)
{
    struct lensi_live old;
    unsigned shard = lensi_live_lock(address_at(i));
    bool was_there = lensi_live_put(shard, address_at(i), &entry, &old);

    lensi_live_unlock(shard);
    cr_assert_eq(was_there, model[i].site != 0);
    if (was_there)
        cr_assert(old.site == model[i].site && old.size == model[i].size);
    model[i] = entry;
}

static void take(uint32_t i)
{
    struct lensi_live entry;
    unsigned shard = lensi_live_lock(address_at(i));
    bool was_there = lensi_live_take(shard, address_at(i), &entry);

    lensi_live_unlock(shard);
    cr_assert_eq(was_there, model[i].site != 0);
    if (was_there)
        cr_assert(entry.site == model[i].site && entry.size == model[i].size &&
                  entry.birth_ns == (model[i].birth_ns & ~1023ull));
    model[i].site = 0;
}

Test(recorder, live_table_agrees_with_a_model, .timeout = 60)
{
    cr_assert_eq(lensi_live_start(), 0);
    for (uint32_t round = 0; round < 400000; round++) {
        uint32_t i = draw(ADDRESSES);

        /* It fills, is churned, and empties. */
        if (draw(100) < (round < 150000 ? 75u : round < 250000 ? 50u : 25u))
            put(i, (struct lensi_live){1 + draw(LENSI_SITES_MAX - 1), draw(LENSI_LIVE_SIZE_MAX), (uint64_t)round * 5000});
        else
            take(i);
    }
    for (uint32_t i = 0; i < ADDRESSES; i++)
        take(i);
    cr_assert_eq(lensi_live_lost(), 0);
}

/* ---- samples */

Test(recorder, its_functions_are_those_of_libm)
{
    for (double x = 0x1p-53; x <= 1; x *= 1.01)
        cr_assert_float_eq(logarithm(x), log(x), 1e-9, "%g", x);
    cr_assert_float_eq(logarithm(1), 0, 1e-15);
    for (double x = 0x1p-40; x < 100; x *= 1.01)
        cr_assert_float_eq(decayed(x), -expm1(-x), -1e-9 * expm1(-x), "%g", x);
}

Test(recorder, samples_are_unbiased)
{
    enum { SIZE = 700, COUNT = 400000 };
    struct lensi_weight weight, sum = {0};
    uint64_t random = lensi_sample_seed(1), seen = 0;
    int64_t left;

    lensi_sample_start(16384);
    left = lensi_sample_draw(&random);
    for (int i = 0; i < COUNT; i++) {
        left -= SIZE + 1;
        if (left >= 0)
            continue;
        while (left < 0)
            left += lensi_sample_draw(&random);
        lensi_sample_weight(SIZE, &weight);
        sum.bytes += weight.bytes;
        sum.count += weight.count;
        sum.bytes_variance += weight.bytes_variance;
        sum.count_variance += weight.count_variance;
        seen++;
    }
    /* About 16,700 of 400,000 are seen. What they stand for is within four of the standard errors that are claimed. */
    cr_assert(seen > 14000 && seen < 20000, "%lu", (unsigned long)seen);
    cr_assert_float_eq((double)sum.bytes, (double)SIZE * COUNT, 4 * sqrt(sum.bytes_variance));
    cr_assert_float_eq((double)sum.count / LENSI_SAMPLE_SCALE, COUNT, 4 * sqrt(sum.count_variance));
    cr_assert_lt(sqrt(sum.bytes_variance), (double)SIZE * COUNT / 100);
}

Test(recorder, large_ones_are_certain)
{
    struct lensi_weight weight;

    lensi_sample_start(1 << 20);
    lensi_sample_weight(LENSI_TRACE_BLOCK_BYTES, &weight);
    cr_assert_eq(weight.bytes, LENSI_TRACE_BLOCK_BYTES);
    cr_assert_eq(weight.count, LENSI_SAMPLE_SCALE);
    cr_assert_eq(weight.bytes_variance, 0);
}

Test(recorder, filter_never_denies_what_was_added)
{
    static uint8_t heap[1 << 20];

    for (size_t i = 0; i < sizeof heap; i += 16)
        lensi_filter_add(heap + i);
    for (size_t i = 0; i < sizeof heap; i += 16) {
        cr_assert(lensi_sample_may_hold(heap + i));
        if (i % 32 == 0)
            lensi_filter_drop(heap + i);
    }
    for (size_t i = 16; i < sizeof heap; i += 32)
        cr_assert(lensi_sample_may_hold(heap + i));
}
