/*
 * test_engine.c - blocks on every rung: proven, dropped, brought back, written, resized, freed, forked.
 */
#include "tests/unit/engine_fixture.h"

#include "liblens/memory/budget.h"
#include "liblens/memory/pages.h"
#include "liblens/source/segment.h"

#include <pthread.h>
#include <sys/wait.h>

TestSuite(engine, .timeout = 100);

#define COUNT 300000u
#define BYTES (COUNT * 8u)
#define SUMS "min 4K\nfile \"*numbers*\"\nlens toysum"
#define EXTENTS "min 4K\nfile \"*raw*\"\nlens verbatim\nextent read"

static uint64_t *sums;
static const char *path;

/* A block filled with what the file says, and proven. */
static uint64_t *filled_block(void)
{
    uint64_t *block;
    int fd;

    path = toy_numbers_file("numbers", COUNT, &sums);
    fd = open_for_engine(path);
    block = lensi_block_new(0, BYTES, 0);
    cr_assert_not_null(block);
    for (size_t i = 0; i < BYTES / 8; i += 100)
        cr_assert_eq(block[i], 0);
    memcpy(block, sums, BYTES);
    close_for_engine(fd);
    cr_assert(wait_for_proofs(BYTES / 4096 / 2), "%llu pages proven", (unsigned long long)lensi_counted(proven_pages));
    return block;
}

RUNG_TEST(engine, gives_up_and_brings_back)
{
    uint64_t *block;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    block = filled_block();
    nap(300);
    cr_assert_gt(lensi_counted(absent_pages), 200);
    cr_assert_leq(toy_resident(block, BYTES), 64 + 64 + 32, "%zu pages resident", toy_resident(block, BYTES));
    for (unsigned pass = 0; pass < 3; pass++)
        cr_assert(memcmp(block, sums, BYTES) == 0);
    cr_assert_gt(lensi_counted(faults), 3);
    lensi_block_free(block);
    nap(100);
    cr_assert_eq(lensi_counted(absent_pages), 0);
    cr_assert_eq(lensi_counted(resident_pages), 0);
    cr_assert_eq(lensi_budget_in_use(), 0);
    unlink(path);
}

RUNG_TEST(engine, writes_are_kept_and_proven_anew)
{
    uint64_t *block, kept;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    block = filled_block();
    for (unsigned i = 0; i < 300; i++) {
        size_t at = toy_mix(i) % COUNT;
        block[at] = ~sums[at];
    }
    kept = lensi_counted(kept_pages);
    nap(200);
    for (unsigned i = 0; i < 300; i++)
        cr_assert_eq(block[toy_mix(i) % COUNT], ~sums[toy_mix(i) % COUNT]);
    for (unsigned i = 0; i < 300; i++)
        block[toy_mix(i) % COUNT] = sums[toy_mix(i) % COUNT]; /* as it was: may go again */
    cr_assert_gt(kept, 100);
    nap(500);
    cr_assert(memcmp(block, sums, BYTES) == 0);
    lensi_block_free(block);
    unlink(path);
}

/* A reused address starts as zeros and knows nothing of the block before. */
RUNG_TEST(engine, addresses_are_reused_clean)
{
    uint8_t *block = NULL, *before = NULL;
    unsigned same = 0;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    lensi_block_free(filled_block());
    nap(100);
    for (unsigned i = 0; i < 60; i++) {
        size_t bytes = 20000 + toy_mix(i) % 500000;
        block = lensi_block_new(0, bytes, 0);
        for (size_t k = 0; k < bytes; k += 512)
            cr_assert_eq(block[k], 0);
        same += block == before;
        memcpy(block, sums, bytes); /* provable */
        if (i % 3 == 0)
            nap(20);
        if (i % 5 == 0)
            cr_assert_eq(lensi_block_resize(block, bytes / 2), block);
        cr_assert(memcmp(block, sums, i % 5 ? bytes : bytes / 2) == 0);
        before = block;
        lensi_block_free(block);
    }
    cr_assert_gt(same, 10, "addresses were not reused: this test shows nothing");
    unlink(path);
}

RUNG_TEST(engine, shrinks_and_grows_while_proven)
{
    uint8_t *block;
    size_t bytes = BYTES;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    block = (uint8_t *)filled_block();
    for (unsigned i = 0; i < 200; i++) {
        size_t now = toy_mix(i) % BYTES + 1;
        cr_assert_eq(lensi_block_resize(block, now), block);
        cr_assert_eq(lensi_block_bytes(block), now);
        cr_assert(memcmp(block, sums, now < bytes ? now : bytes) == 0);
        for (size_t k = (bytes + 4095) / 4096 * 4096; k < now; k += 4096)
            cr_assert_eq(block[k], 0, "fresh memory is zero");
        memcpy(block, sums, now);
        bytes = now;
        if (i % 10 == 0)
            nap(30);
    }
    cr_assert_lt(lensi_budget_in_use(), 1ull << 40, "the counters went below zero");
    lensi_block_free(block);
    nap(100);
    cr_assert_eq(lensi_budget_in_use(), 0);
    unlink(path);
}

/* Growing bit by bit: what is plain is counted, so that the prover goes on. */
RUNG_TEST(engine, grows_bit_by_bit)
{
    uint8_t *block;
    int fd;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    path = toy_numbers_file("numbers", COUNT, &sums);
    fd = open_for_engine(path);
    block = lensi_block_new(0, 4096, 0);
    for (size_t bytes = 4096; bytes <= BYTES; bytes += 4096) {
        cr_assert_eq(lensi_block_resize(block, bytes), block);
        memcpy(block + bytes - 4096, (uint8_t *)sums + bytes - 4096, 4096);
        if (bytes % (64 * 4096) == 0)
            nap(40);
    }
    close_for_engine(fd);
    nap(1500);
    cr_assert_geq(lensi_budget_in_use() + 8, toy_resident(block, BYTES / 4096 * 4096), "%llu in use, %zu resident",
                  (unsigned long long)lensi_budget_in_use(), toy_resident(block, BYTES / 4096 * 4096));
    cr_assert_leq(toy_resident(block, BYTES / 4096 * 4096), 300, "%zu pages resident", toy_resident(block, BYTES / 4096 * 4096));
    cr_assert(memcmp(block, sums, BYTES / 4096 * 4096) == 0);
    lensi_block_free(block);
    unlink(path);
}

/* Gaps that nobody touched do not keep the rest from going. */
RUNG_TEST(engine, proves_around_gaps)
{
    uint8_t *block;
    size_t pages = BYTES / 4096, plain = 0;
    int fd;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    path = toy_numbers_file("numbers", COUNT, &sums);
    fd = open_for_engine(path);
    block = lensi_block_new(0, BYTES, 0);
    for (size_t i = 0; i < pages; i++)
        if (i % 3 != 2)
            memcpy(block + i * 4096, (uint8_t *)sums + i * 4096, 4096);
    close_for_engine(fd);
    for (unsigned i = 0; i < 200 && lensi_counted(proven_pages) < pages / 2; i++)
        nap(10);
    nap(300);
    plain = toy_resident(block, BYTES);
    cr_assert_leq(plain, 200, "%zu of %zu pages resident, %llu proven", plain, pages, (unsigned long long)lensi_counted(proven_pages));
    for (size_t i = 0; i < pages; i++)
        if (i % 3 != 2)
            cr_assert(memcmp(block + i * 4096, (uint8_t *)sums + i * 4096, 4096) == 0);
        else
            cr_assert_eq(block[i * 4096 + i], 0);
    lensi_block_free(block);
    unlink(path);
}

/* A lens that does not do what it says is given up; the memory stays as it is. */
static void check_liar(const char *lens)
{
    char site[200];
    uint8_t *bytes = toy_random_bytes(BYTES, 5), *block;
    int fd;

    snprintf(site, sizeof site, "min 4K\nfile \"*raw*\"\nlens %s", lens);
    start_engine(site, 256 * 1024);
    path = toy_file("raw", bytes, BYTES);
    fd = open_for_engine(path);
    block = lensi_block_new(0, BYTES, 0);
    memcpy(block, bytes, BYTES);
    close_for_engine(fd);
    nap(700);
    cr_assert(memcmp(block, bytes, BYTES) == 0);
    block[5] ^= 1;
    lensi_block_free(block);
    unlink(path);
}

RUNG_TEST(engine, lens_that_is_not_the_same_twice)
{
    (void)rung;
    check_liar("toyfickle");
    cr_assert_eq(lensi_counted(proven_pages), 0);
}

RUNG_TEST(engine, lens_that_makes_too_much)
{
    (void)rung;
    check_liar("toylots");
    cr_assert_eq(lensi_counted(proven_pages), 0);
    cr_assert_eq(lensi_counted(quarantined), 1);
}

RUNG_TEST(engine, lens_that_fails_in_the_middle)
{
    (void)rung;
    check_liar("toyerror");
    cr_assert_leq(lensi_counted(proven_pages), 100000 / 4096 + 1);
}

/* Reads in pieces, at odd offsets, over each other: the extent decides, and pages with two of them stay. */
RUNG_TEST(engine, extents_of_reads)
{
    uint8_t *bytes = toy_random_bytes(1 << 20, 6), *block, *shadow = calloc(1, 1 << 20);
    int fd;

    (void)rung;
    start_engine(EXTENTS, 128 * 1024);
    path = toy_file("raw", bytes, 1 << 20);
    fd = open_for_engine(path);
    block = lensi_block_new(0, 1 << 20, 0);
    for (unsigned i = 0; i < 300; i++) {
        size_t at = toy_mix(i) % (1 << 20), n = toy_mix(i + 1) % 90000 + 1, from = toy_mix(i + 2) % (1 << 19);
        if (i % 4 == 0) { /* on the page, from the page */
            at &= ~4095ul;
            from &= ~4095ul;
        }
        n = n > (1 << 20) - at ? (1 << 20) - at : n;
        for (size_t done = 0; done < n;) { /* going on where it ended */
            size_t piece = toy_mix(i + done) % 30000 + 1;
            piece = piece > n - done ? n - done : piece;
            read_for_engine(fd, block + at + done, piece, from + done);
            memcpy(shadow + at + done, bytes + from + done, piece);
            done += piece;
            if (i % 16 == 3)
                nap(2);
        }
        if (i % 7 == 0) {
            memset(block + at, 0, n / 2); /* zeros where view bytes were */
            memset(shadow + at, 0, n / 2);
        }
        if (i % 20 == 0) {
            nap(30);
            cr_assert(memcmp(block, shadow, 1 << 20) == 0, "round %u", i);
        }
    }
    cr_assert_gt(lensi_counted(proven_pages), 50);
    cr_assert_eq(lensi_counted(quarantined), 0);
    lensi_block_free(block);
    close_for_engine(fd);
    unlink(path);
}

/* ---- forks */

RUNG_TEST(engine, forks)
{
    uint64_t *block;
    int status;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    block = filled_block();
    for (unsigned round = 0; round < 10; round++) {
        size_t at = toy_mix(round) % COUNT;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(60);
            int bad = memcmp(block, sums, BYTES) != 0;
            for (unsigned i = 0; i < 200; i++)
                block[toy_mix(i) % COUNT]++;
            uint8_t *other = lensi_block_new(0, 100000, 0);
            for (size_t i = 0; i < 100000; i++)
                bad |= other[i] != 0;
            memcpy(other, sums, 100000);
            nap(50);
            bad |= memcmp(other, sums, 100000) != 0;
            for (unsigned i = 0; i < 200; i++)
                block[toy_mix(i) % COUNT]--;
            bad |= memcmp(block, sums, BYTES) != 0;
            lensi_block_free(other);
            lensi_block_free(block);
            _exit(bad);
        }
        block[at] = sums[at] = round;
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "round %u: 0x%x", round, status);
        cr_assert(memcmp(block, sums, BYTES) == 0);
    }
    lensi_block_free(block);
    unlink(path);
}

/* A shrunk block's child must not watch the addresses behind its end, which are the next block's. */
RUNG_TEST(engine, fork_after_shrinking)
{
    uint64_t *block;
    int status;
    pid_t pid;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    block = filled_block();
    cr_assert_eq(lensi_block_resize(block, 70000), block);
    pid = fork();
    if (pid == 0) {
        int zero = open("/dev/zero", O_RDONLY), bad = 0;
        lensi_block_free(block);
        uint8_t *next = lensi_block_new(0, BYTES, 0);
        for (unsigned i = 0; i < 100 && (uint64_t *)next != block; i++) { /* the prover takes the address back in its time */
            lensi_block_free(next);
            nap(10);
            next = lensi_block_new(0, BYTES, 0);
        }
        bool pinned = lensi_pin_for_write(next, BYTES);
        bad = (uint64_t *)next != block ? 2 : !pinned || read(zero, next, BYTES) != (ssize_t)BYTES;
        _exit(bad);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0, "0x%x", status);
    lensi_block_free(block);
    unlink(path);
}

/* ---- threads */

static const void *trial(uintptr_t n)
{
    for (unsigned i = 0; i < 150; i++) {
        size_t bytes = 30000 + toy_mix(n * 1000 + i) % 400000;
        uint8_t *block = lensi_block_new(0, bytes, 0);
        if (!block || block[bytes - 1] || block[bytes / 2])
            return "not zero";
        memcpy(block, sums, bytes);
        if (i % 4 == 0)
            nap(3);
        block[i] ^= 1;
        if (memcmp(block + i + 1, (uint8_t *)sums + i + 1, bytes - i - 1))
            return "differs";
        if (block[i] != (((uint8_t *)sums)[i] ^ 1))
            return "write lost";
        lensi_block_free(block);
    }
    return NULL;
}

static void *worker(void *number) { return (void *)(uintptr_t)trial((uintptr_t)number); }

RUNG_TEST(engine, threads_allocate_and_free)
{
    pthread_t threads[8];
    void *said;

    (void)rung;
    start_engine(SUMS, 256 * 1024);
    lensi_block_free(filled_block());
    for (uintptr_t i = 0; i < 8; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, worker, (void *)i), 0);
    for (unsigned i = 0; i < 8; i++) {
        pthread_join(threads[i], &said);
        cr_assert_null(said, "%s", (char *)said);
    }
    nap(300);
    cr_assert_eq(lensi_counted(live_bytes), 0);
    cr_assert_eq(lensi_counted(absent_pages), 0);
    cr_assert_eq(lensi_counted(resident_pages), 0);
    cr_assert_eq(lensi_budget_in_use(), 0);
    unlink(path);
}
