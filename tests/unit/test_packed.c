/* test_packed.c - small allocations laid out densely: order, sizes, and which pages come free when. */
#include "liblens/memory/packed.h"

#include "liblens/base/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#define SPAN_PAGES 4096u
#define THREADS 4
#define ROUNDS 20000

struct bench {
    struct lensi_packed packed;
    _Atomic uint32_t released[SPAN_PAGES];
};

static void take_page(void *context, void *page, size_t bytes)
{
    struct bench *bench = context;
    size_t number = (size_t)((uint8_t *)page - bench->packed.base) / LENSI_PAGE;

    cr_assert_eq(bytes, LENSI_PAGE);
    atomic_fetch_add(&bench->released[number], 1);
    lensi_sys_advise(page, bytes, MADV_DONTNEED);
}

static struct bench *setup(void)
{
    static struct bench bench;
    void *base = lensi_sys_map(NULL, SPAN_PAGES * LENSI_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
                               NULL);

    cr_assert_not_null(base);
    cr_assert_eq(lensi_packed_init(&bench.packed, base, SPAN_PAGES * LENSI_PAGE, take_page, &bench), 0);
    return &bench;
}

Test(packed, objects_follow_each_other)
{
    struct lensi_packed *packed = &setup()->packed;
    uint8_t *first = lensi_packed_new(packed, 1, 0), *second = lensi_packed_new(packed, 17, 8);
    uint8_t *third = lensi_packed_new(packed, 0, 16), *fourth = lensi_packed_new(packed, 5, 0);

    cr_assert_eq(first, packed->base);
    cr_assert_eq(second, first + 16);
    cr_assert_eq(third, second + 32);
    cr_assert_eq(fourth, third + 16);
    cr_assert_eq(lensi_packed_bytes(packed, first), 16);
    cr_assert_eq(lensi_packed_bytes(packed, second), 32);
    cr_assert_eq(lensi_packed_bytes(packed, third), 16);
}

Test(packed, what_is_not_an_object_is_refused)
{
    struct lensi_packed *packed = &setup()->packed;
    uint8_t *at = lensi_packed_new(packed, 64, 0), outside[16];

    cr_assert_eq(lensi_packed_bytes(packed, at + 16), 0);
    cr_assert_eq(lensi_packed_bytes(packed, at + 1), 0);
    cr_assert_eq(lensi_packed_bytes(packed, outside), 0);
    cr_assert_eq(lensi_packed_free(packed, at + 16), -EINVAL);
    cr_assert_eq(lensi_packed_free(packed, at + 64), -EINVAL);
    cr_assert_eq(lensi_packed_free(packed, at), 0);
    cr_assert_eq(lensi_packed_free(packed, at), -EINVAL);
    cr_assert_eq(lensi_packed_bytes(packed, at), 0);
}

Test(packed, alignment)
{
    struct lensi_packed *packed = &setup()->packed;

    for (size_t alignment = 1; alignment <= 4 * LENSI_PAGE; alignment *= 2) {
        cr_assert_not_null(lensi_packed_new(packed, 1, 0));
        void *at = lensi_packed_new(packed, 40, alignment);
        cr_assert_eq((uintptr_t)at % alignment, 0);
        cr_assert_eq(lensi_packed_bytes(packed, at), 48);
    }
}

Test(packed, resize_within_and_at_the_end)
{
    struct lensi_packed *packed = &setup()->packed;
    uint8_t *first = lensi_packed_new(packed, 20, 0), *last = lensi_packed_new(packed, 20, 0);

    cr_assert(lensi_packed_resize(packed, first, 32));
    cr_assert(lensi_packed_resize(packed, first, 3));
    cr_assert_not(lensi_packed_resize(packed, first, 33));
    cr_assert(lensi_packed_resize(packed, last, 3000));
    cr_assert_eq(lensi_packed_bytes(packed, last), 3008);
    cr_assert_not(lensi_packed_resize(packed, last, LENSI_PAGE));
    cr_assert_not(lensi_packed_resize(packed, last, SIZE_MAX));
    cr_assert(lensi_packed_resize(packed, last, LENSI_PAGE - 32));
    cr_assert_eq(lensi_packed_new(packed, 1, 0), packed->base + LENSI_PAGE);
}

Test(packed, a_full_span_says_no)
{
    struct lensi_packed *packed = &setup()->packed;

    cr_assert_null(lensi_packed_new(packed, SIZE_MAX, 0));
    cr_assert_null(lensi_packed_new(packed, SPAN_PAGES * LENSI_PAGE + 1, 0));
    cr_assert_not_null(lensi_packed_new(packed, SPAN_PAGES * LENSI_PAGE, 0));
    cr_assert_null(lensi_packed_new(packed, 1, 0));
}

Test(packed, a_page_comes_free_with_its_last_byte)
{
    struct bench *bench = setup();
    struct lensi_packed *packed = &bench->packed;
    void *at[3 * 16];

    for (size_t i = 0; i < 3 * 16; i++) /* 250 bytes take 256: 16 to a page */
        at[i] = lensi_packed_new(packed, 250, 0);
    for (size_t i = 1; i < 3 * 16; i++)
        lensi_packed_free(packed, at[i]);
    cr_assert_eq(bench->released[0], 0);
    cr_assert_eq(bench->released[1], 1);
    cr_assert_eq(bench->released[2], 1);
    lensi_packed_free(packed, at[0]);
    cr_assert_eq(bench->released[0], 1);
}

Test(packed, an_object_over_two_pages_holds_both)
{
    struct bench *bench = setup();
    void *first = lensi_packed_new(&bench->packed, 4000, 0), *over = lensi_packed_new(&bench->packed, 200, 0);
    void *rest = lensi_packed_new(&bench->packed, 2 * LENSI_PAGE - 4000 - 208, 0);

    lensi_packed_free(&bench->packed, first);
    lensi_packed_free(&bench->packed, rest);
    cr_assert_eq(bench->released[0] + bench->released[1], 0);
    lensi_packed_free(&bench->packed, over);
    cr_assert_eq(bench->released[0], 1);
    cr_assert_eq(bench->released[1], 1);
}

Test(packed, gaps_do_not_hold_pages)
{
    struct bench *bench = setup();
    void *first = lensi_packed_new(&bench->packed, 16, 0), *second = lensi_packed_new(&bench->packed, 16, 2 * LENSI_PAGE);

    cr_assert_eq(bench->released[0], 0);
    lensi_packed_free(&bench->packed, first);
    cr_assert_eq(bench->released[0], 1);
    cr_assert_eq(lensi_packed_bytes(&bench->packed, second), 16);
}

/* Every thread fills its objects with its own mark, frees them out of order, and finds the marks undisturbed. */
static void *churn(void *argument)
{
    struct bench *bench = argument;
    uint8_t *held[64] = {0}, mark = (uint8_t)(uintptr_t)pthread_self() | 1;
    size_t bytes[64] = {0};
    uint32_t dice = mark;

    for (size_t i = 0; i < ROUNDS + 64; i++) {
        size_t place = (dice = dice * 1664525u + 1013904223u) >> 26;
        if (i >= ROUNDS)
            place = i - ROUNDS;
        for (size_t j = 0; held[place] && j < bytes[place]; j++)
            cr_assert_eq(held[place][j], mark);
        if (held[place])
            cr_assert_eq(lensi_packed_free(&bench->packed, held[place]), 0);
        held[place] = NULL;
        if (i >= ROUNDS)
            continue;
        bytes[place] = dice >> 8 & 255;
        held[place] = lensi_packed_new(&bench->packed, bytes[place], 0);
        cr_assert_not_null(held[place]);
        cr_assert_geq(lensi_packed_bytes(&bench->packed, held[place]), bytes[place]);
        for (size_t j = 0; j < bytes[place]; j++)
            cr_assert_eq(held[place][j], 0);
        memset(held[place], mark, bytes[place]);
    }
    return NULL;
}

Test(packed, threads, .timeout = 60)
{
    struct bench *bench = setup();
    pthread_t threads[THREADS];
    uint64_t full;

    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, churn, bench);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    full = bench->packed.used_bytes / LENSI_PAGE;
    for (uint64_t i = 0; i < full; i++)
        cr_assert_eq(bench->released[i], 1, "page %zu of %zu released %u times", (size_t)i, (size_t)full,
                     (unsigned)bench->released[i]);
}
