/*
 * test_snapshot.c - regions that are their own backing, on every rung: any bytes go and come back; forks; files.
 */
#include "tests/unit/engine_fixture.h"

#include "liblens/memory/budget.h"
#include "liblens/memory/pages.h"
#include "liblens/source/segment.h"
#include "liblens/source/snapshot.h"

#include <sys/wait.h>

TestSuite(snapshot, .timeout = 200);

#define WORDS (512u * 512u) /* 2 MiB */
#define BYTES (WORDS * 8u)
#define BUDGET (256u * 1024)

static void start_snapshots(void)
{
    start_engine("min 4K\nfile \"*.never\"\nlens verbatim", BUDGET);
    ((struct lensi_plan_site *)(uintptr_t)engine_plan.sites)->snapshot = true;
    cr_assert_eq(lensi_snapshot_open(LENSI_STORE_MEMORY, NULL), 0);
}

/* Values that no file has and that differ from one generation of the block to the next. */
static void fill(uint64_t *block, uint64_t salt)
{
    for (size_t i = 0; i < WORDS; i++)
        block[i] = toy_mix(salt * WORDS + i);
}

static size_t wrong_words(const uint64_t *block, uint64_t salt)
{
    size_t wrong = 0;

    for (size_t i = 0; i < WORDS; i++)
        wrong += block[i] != toy_mix(salt * WORDS + i);
    return wrong;
}

static bool wait_for_absence(uint64_t pages)
{
    for (unsigned i = 0; i < 3000 && lensi_counted(absent_pages) < pages; i++)
        nap(10);
    return lensi_counted(absent_pages) >= pages;
}

static uint64_t *absent_block(uint64_t salt)
{
    uint64_t *block = lensi_block_new(0, BYTES, 0);

    cr_assert_not_null(block);
    fill(block, salt);
    cr_assert(wait_for_absence(300), "%llu absent", (unsigned long long)lensi_counted(absent_pages));
    return block;
}

RUNG_TEST(snapshot, any_bytes_go_and_come_back)
{
    uint64_t *block;

    (void)rung;
    start_snapshots();
    block = absent_block(1);
    cr_assert_geq(lensi_snapshot_bytes(), 300 * 4096);
    for (unsigned pass = 0; pass < 3; pass++)
        cr_assert_eq(wrong_words(block, 1), 0);
    cr_assert_gt(lensi_counted(faults), 3);
    lensi_block_free(block);
    for (unsigned i = 0; i < 200 && lensi_snapshot_bytes(); i++)
        nap(10);
    cr_assert_eq(lensi_snapshot_bytes(), 0, "%llu bytes of a block that is gone", (unsigned long long)lensi_snapshot_bytes());
    cr_assert_eq(lensi_counted(absent_pages), 0);
    cr_assert_eq(lensi_budget_in_use(), 0);
}

RUNG_TEST(snapshot, what_is_written_is_taken_anew)
{
    uint64_t *block;

    (void)rung;
    start_snapshots();
    block = absent_block(0);
    for (uint64_t salt = 1; salt < 6; salt++) {
        fill(block, salt);
        cr_assert(wait_for_absence(300));
        cr_assert_eq(wrong_words(block, salt), 0, "round %llu", (unsigned long long)salt);
    }
    /* A page that is ordinary memory has no copy beside it. */
    cr_assert_leq(lensi_snapshot_bytes(), BYTES + 64 * 4096);
    lensi_block_free(block);
}

static void *writer(void *from)
{
    uint64_t *block = from;

    for (unsigned round = 0; round < 60; round++)
        for (size_t i = 0; i < WORDS; i += 97)
            __atomic_fetch_add(&block[i], 1, __ATOMIC_RELAXED);
    return NULL;
}

/* Writers that never rest: nothing that they stored is lost to a proof that came between. */
RUNG_TEST(snapshot, loses_no_write)
{
    pthread_t thread[4];
    uint64_t *block, wrong = 0;

    (void)rung;
    start_snapshots();
    block = absent_block(7);
    for (unsigned i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, writer, block);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < WORDS; i++)
        wrong += block[i] != toy_mix(7 * WORDS + i) + (i % 97 ? 0 : 240);
    cr_assert_eq(wrong, 0);
    cr_assert_gt(lensi_counted(write_faults), 100);
}

/* The child goes on with other bytes than its parent, in the same pages, and both are right. */
static int child_goes_on(uint64_t *block, uint64_t salt)
{
    if (wrong_words(block, salt) || !lensi_block_new(0, 4096, 0)) /* a child's prover starts with its first block */
        return 1;
    for (uint64_t now = 100 + salt; now < 103 + salt; now++) {
        fill(block, now);
        if (!wait_for_absence(300))
            return 2;
        if (wrong_words(block, now))
            return 3;
    }
    return 0;
}

RUNG_TEST(snapshot, forks_do_not_share_what_they_write)
{
    pid_t child[4];
    uint64_t *block;

    (void)rung;
    start_snapshots();
    block = absent_block(0);
    for (uint64_t i = 0; i < 4; i++) {
        child[i] = fork();
        if (child[i] == 0)
            _exit(child_goes_on(block, i));
        cr_assert_gt(child[i], 0);
        fill(block, i + 1);
        cr_assert(wait_for_absence(300));
    }
    for (unsigned i = 0; i < 4; i++) {
        int status;
        cr_assert_eq(waitpid(child[i], &status, 0), child[i]);
        cr_assert_eq(status, 0, "child %u: status %x", i, status);
    }
    cr_assert_eq(wrong_words(block, 4), 0);
}

/* Each fork freezes a file that holds a part of the block: in the end they have to be merged, again and again. */
RUNG_TEST(snapshot, generations_are_merged)
{
    uint64_t *block;

    (void)rung;
    start_snapshots();
    block = absent_block(3);
    for (unsigned i = 0; i < 50; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            _exit(i % 10 == 9 ? (wrong_words(block, 3) ? 1 : 0) : 0);
        cr_assert_gt(pid, 0);
        for (size_t k = i * 4096; k < (i + 4) * 4096u; k += 512) /* some pages are proven into the next file */
            block[k] = toy_mix(3 * WORDS + k);
        cr_assert(wait_for_absence(300));
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "fork %u: status %x", i, status);
    }
    cr_assert_eq(wrong_words(block, 3), 0);
    cr_assert_leq(lensi_snapshot_bytes(), 16 * BYTES);
    lensi_block_free(block);
}

RUNG_TEST(snapshot, lies_on_disk_if_that_is_wished)
{
    uint64_t *block;

    (void)rung;
    start_snapshots();
    cr_assert_eq(lensi_snapshot_open(LENSI_STORE_DISK, "/var/tmp"), 0);
    block = absent_block(1);
    cr_assert_eq(wrong_words(block, 1), 0);
    lensi_block_free(block);
}
