/*
 * test_zeros.c - memory that is cleared before it is read into, and reads in pieces: nothing has to wait in memory for the end.
 */
#include "tests/unit/engine_fixture.h"

#include "liblens/engine/lazy.h"
#include "liblens/engine/throttle.h"
#include "liblens/memory/budget.h"
#include "liblens/memory/pages.h"
#include "liblens/memory/region.h"

TestSuite(zeros, .timeout = 100);

#define COUNT 300000u
#define BYTES (COUNT * 8u)
#define BUDGET (256u * 1024)
#define FILE_SITE "min 4K\nfile \"*raw*\"\nlens verbatim\nextent read"

static const char *path;

static uint8_t *content(void)
{
    static uint8_t bytes[BYTES];

    for (size_t i = 0; i < COUNT; i++)
        ((uint64_t *)(void *)bytes)[i] = toy_mix(i) | 1;
    path = toy_file("raw", bytes, sizeof bytes);
    return bytes;
}

/* Until so many pages of zeros have been given up. */
static bool wait_for_zeros(uint64_t pages)
{
    for (unsigned i = 0; i < 2000 && lensi_counted(absent_pages) < pages; i++)
        nap(5);
    return lensi_counted(absent_pages) >= pages;
}

static uint8_t *cleared_block(void)
{
    uint8_t *block = lensi_block_new(0, BYTES, 0);

    cr_assert_not_null(block);
    for (size_t i = 0; i < BYTES; i += 64)
        ((volatile uint8_t *)block)[i] = 0;
    cr_assert(wait_for_zeros((BYTES - 2 * BUDGET) / LENSI_PAGE), "%llu pages", (unsigned long long)lensi_counted(absent_pages));
    return block;
}

RUNG_TEST(zeros, go_without_any_file)
{
    uint8_t *block;

    (void)rung;
    start_engine(FILE_SITE, BUDGET);
    block = cleared_block();
    cr_assert_leq(toy_resident(block, BYTES) * LENSI_PAGE, 2 * BUDGET);
    for (size_t i = 0; i < BYTES; i += 512)
        cr_assert_eq(block[i], 0);
    for (size_t i = 0; i < BYTES; i += 3 * LENSI_PAGE) /* every third page is not zero any more */
        block[i + i / LENSI_PAGE % 4000] = 7;
    nap(100);
    for (size_t i = 0; i < BYTES; i++)
        cr_assert_eq(block[i], i % (3 * LENSI_PAGE) == i / (3 * LENSI_PAGE) * 3 % 4000 ? 7 : 0, "byte %zu", i);
    lensi_block_free(block);
    nap(100);
    cr_assert_eq(lensi_budget_in_use(), 0);
    cr_assert_eq(lensi_counted(absent_pages), 0);
}

/* The reads of one file, in pieces of any size and in any order, into memory that was cleared. */
static void read_pieces(uint8_t *block, const uint8_t *wanted, size_t piece, unsigned stride)
{
    size_t pieces = (BYTES + piece - 1) / piece;
    int fd = open_for_engine(path);

    for (size_t k = 0; k < pieces; k++) {
        size_t at = k * stride % pieces * piece;
        read_for_engine(fd, block + at, BYTES - at < piece ? BYTES - at : piece, at);
    }
    close_for_engine(fd);
    cr_assert(memcmp(block, wanted, BYTES) == 0);
}

RUNG_TEST(zeros, pieces_are_one_extent)
{
    static const struct { size_t piece; unsigned stride; } ways[] = {{65536, 1}, {10007, 1}, {65536, 7}, {4096, 1}, {50000, 47}};
    uint8_t *wanted = content(), *block;
    const struct lensi_region *region;

    (void)rung;
    start_engine(FILE_SITE, BUDGET);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        block = cleared_block();
        region = lensi_region_of(block);
        read_pieces(block, wanted, ways[i].piece, ways[i].stride);
        cr_assert_leq(atomic_load(&region->segments_count), 3, "way %zu: %u segments", i, atomic_load(&region->segments_count));
        cr_assert(wait_for_zeros((BYTES - 2 * BUDGET) / LENSI_PAGE), "way %zu: %llu pages absent", i, (unsigned long long)lensi_counted(absent_pages));
        cr_assert(memcmp(block, wanted, BYTES) == 0);
        lensi_block_free(block);
    }
    unlink(path);
}

/* Last piece first: each lies before all that is known. */
RUNG_TEST(zeros, backwards)
{
    uint8_t *wanted = content(), *block;
    int fd;

    (void)rung;
    start_engine(FILE_SITE, BUDGET);
    fd = open_for_engine(path);
    block = cleared_block();
    for (size_t at = BYTES / 20000 * 20000 + 20000; at; at -= 20000)
        read_for_engine(fd, block + at - 20000, at > BYTES ? BYTES - (at - 20000) : 20000, at - 20000);
    cr_assert_leq(atomic_load(&lensi_region_of(block)->segments_count), 3);
    close_for_engine(fd);
    cr_assert(wait_for_zeros((BYTES - 2 * BUDGET) / LENSI_PAGE));
    cr_assert(memcmp(block, wanted, BYTES) == 0);
    lensi_block_free(block);
    unlink(path);
}

/* One large read over memory that was cleared is accounted for, as if nobody had touched it. */
RUNG_TEST(zeros, lazily_over_cleared)
{
    uint8_t *wanted = content(), *block;
    struct lensi_lazy lazy;
    int fd;

    (void)rung;
    start_engine(FILE_SITE, BUDGET);
    fd = open_for_engine(path);
    block = cleared_block();
    lazy = lensi_file_read_lazily(fd, 0, block, BYTES);
    if (lazy.from == lazy.to)
        cr_skip_test("skip: no lease is to be had here");
    cr_assert_eq(lazy.from, 0);
    cr_assert_eq(lazy.to, BYTES / LENSI_PAGE * LENSI_PAGE);
    cr_assert_leq(toy_resident(block, BYTES), BUDGET / LENSI_PAGE);
    cr_assert(memcmp(block, wanted, lazy.to) == 0);
    lensi_block_free(block);
    close_for_engine(fd);
    cr_assert_eq(lensi_counted(absent_pages), 0);
    unlink(path);
}
