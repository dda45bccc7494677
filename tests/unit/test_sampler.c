/*
 * test_sampler.c - watching memory on every rung: no byte changes, each kind of use is seen, and what ends is forgotten.
 */
#include "tests/unit/engine_fixture.h"

#include "liblens/base/hooks.h"
#include "liblens/base/sample.h"
#include "liblens/source/snapshot.h"
#include "liblens/watch/sampler.h"
#include "liblens/watch/touches.h"

#include <sys/wait.h>

TestSuite(sampler, .timeout = 100);

#define WORDS (1u << 20) /* 8 MiB */
#define BYTES (WORDS * 8u)

static uint64_t seen[LENSI_TOUCH_AWAY + 1], seen_front[LENSI_TOUCH_AWAY + 1]; /* of the whole, of its first half */
static uint64_t base_page;

static void start_watching(void)
{
    start_engine("min 4K\nfile \"*.never\"\nlens verbatim", 1ull << 40);
    ((struct lensi_plan_site *)(uintptr_t)engine_plan.sites)->snapshot = true;
    cr_assert_eq(lensi_snapshot_open(LENSI_STORE_MEMORY, NULL), 0);
    lensi_sampler_hook();
    cr_assert_eq(lensi_hooks.open(), 0);
}

static void take_touches(void)
{
    struct lensi_touch touch;

    while (lensi_touch_take(&touch)) {
        seen[touch.kind]++;
        if (touch.kind != LENSI_TOUCH_LEVEL && touch.page - base_page < BYTES / 8192)
            seen_front[touch.kind]++;
    }
}

static bool wait_for(enum lensi_touch_kind kind, uint64_t count)
{
    for (unsigned i = 0; i < 30000 && seen[kind] < count; i++) {
        for (volatile unsigned work = 0; work < 1000000; work++) /* watching is paid from time with a processor */
            ;
        take_touches();
        nap(1);
    }
    return seen[kind] >= count;
}

static uint64_t *watched_block(uint64_t salt)
{
    uint64_t *block = lensi_block_new(0, BYTES, 0);

    cr_assert_not_null(block);
    base_page = lensi_page_of(block);
    for (size_t i = 0; i < WORDS; i++)
        block[i] = toy_mix(salt * WORDS + i);
    cr_assert(wait_for(LENSI_TOUCH_AWAY, 60), "%llu pages sent away", (unsigned long long)seen[LENSI_TOUCH_AWAY]);
    return block;
}

static size_t wrong_words(const uint64_t *block, uint64_t salt, size_t from, size_t to)
{
    size_t wrong = 0;

    for (size_t i = from; i < to; i++)
        wrong += block[i] != toy_mix(salt * WORDS + i);
    return wrong;
}

RUNG_TEST(sampler, sees_who_reads_and_who_writes)
{
    uint64_t *block;

    (void)rung;
    start_watching();
    block = watched_block(1);
    cr_assert_leq(seen[LENSI_TOUCH_FILLED], BYTES / 4096 / 8);
    seen[LENSI_TOUCH_WRITE] = seen_front[LENSI_TOUCH_WRITE] = 0; /* of a page that was being filled */
    for (unsigned pass = 0; pass < 4000 && seen[LENSI_TOUCH_READ] < 20; pass++) { /* watching may rest */
        cr_assert_eq(wrong_words(block, 1, 0, WORDS / 2), 0);
        take_touches();
    }
    cr_assert_geq(seen[LENSI_TOUCH_READ], 20);
    cr_assert_eq(seen[LENSI_TOUCH_READ], seen_front[LENSI_TOUCH_READ], "the second half was not read");
    cr_assert_eq(seen[LENSI_TOUCH_WRITE], 0);
    for (unsigned pass = 0; pass < 4000 && seen[LENSI_TOUCH_WRITE] < 20; pass++) {
        for (size_t i = WORDS / 2; i < WORDS; i += 512)
            block[i] = 5;
        take_touches();
        nap(1);
    }
    cr_assert_geq(seen[LENSI_TOUCH_WRITE], 20);
    cr_assert_eq(seen_front[LENSI_TOUCH_WRITE], 0);
    cr_assert_eq(seen[LENSI_TOUCH_READ], seen_front[LENSI_TOUCH_READ], "nobody read there");
    for (size_t i = WORDS / 2; i < WORDS; i += 512)
        cr_assert_eq(block[i], 5);
}

static void *writer(void *from)
{
    uint64_t *block = from;

    for (unsigned round = 0; round < 200; round++)
        for (size_t i = 0; i < WORDS; i += 511)
            __atomic_fetch_add(&block[i], 1, __ATOMIC_RELAXED);
    return NULL;
}

RUNG_TEST(sampler, loses_no_write)
{
    pthread_t thread[3];
    uint64_t *block, wrong = 0;

    (void)rung;
    start_watching();
    block = watched_block(3);
    for (unsigned i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, writer, block);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < WORDS; i++)
        wrong += block[i] != toy_mix(3 * WORDS + i) + (i % 511 ? 0 : 600);
    cr_assert_eq(wrong, 0);
    take_touches();
    cr_assert_gt(seen[LENSI_TOUCH_WRITE], 0);
}

RUNG_TEST(sampler, blocks_end_and_others_take_their_place)
{
    (void)rung;
    start_watching();
    for (uint64_t round = 0; round < 4; round++) {
        uint64_t *block = watched_block(round);
        cr_assert_eq(wrong_words(block, round, 0, WORDS), 0);
        lensi_block_free(block);
        memset(seen, 0, sizeof seen);
    }
    for (unsigned i = 0; i < 200 && lensi_counted(absent_pages); i++)
        nap(10);
    cr_assert_eq(lensi_counted(absent_pages), 0);
}

RUNG_TEST(sampler, a_child_has_its_bytes)
{
    uint64_t *block;
    int status;

    (void)rung;
    start_watching();
    block = watched_block(9);
    pid_t pid = fork();
    if (pid == 0) {
        size_t wrong = wrong_words(block, 9, 0, WORDS);
        block[7] = 1;
        _exit(wrong == 0 && block[7] == 1 ? 0 : 1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert_eq(wrong_words(block, 9, 0, WORDS), 0);
}

/* A program that runs over all of it without a rest: what that may cost is bounded. */
RUNG_TEST(sampler, thins_out_or_rests_when_it_is_dear)
{
    volatile uint64_t sum = 0;
    uint64_t *block;

    (void)rung;
    start_watching();
    block = watched_block(2);
    for (unsigned pass = 0; pass < 3000 && !seen[LENSI_TOUCH_PAUSE]; pass++) {
        for (size_t i = 0; i < WORDS; i += 64)
            sum += block[i];
        take_touches();
    }
    cr_assert(wait_for(LENSI_TOUCH_PAUSE, 1));
    cr_assert_gt(seen[LENSI_TOUCH_LEVEL], 0);
    cr_assert(wait_for(LENSI_TOUCH_RESUME, 1), "and goes on");
}

Test(sampler, what_finds_the_ring_full_is_counted)
{
    struct lensi_touch touch;
    uint64_t taken = 0;

    cr_assert_eq(lensi_touches_open(), 0);
    for (uint64_t i = 0; i < 40000; i++)
        lensi_touch_put(i, i, LENSI_TOUCH_READ);
    while (lensi_touch_take(&touch))
        cr_assert_eq(touch.page, taken++);
    cr_assert_eq(taken + lensi_touches_lost(), 40000);
    cr_assert_gt(lensi_touches_lost(), 0);
    lensi_touch_put(1, 77, LENSI_TOUCH_READ);
    cr_assert(lensi_touch_take(&touch) && touch.page == 77);
}
