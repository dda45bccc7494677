/*
 * test_gunzip.c - the lens `gunzip` against zlib's own decoder, on streams of every make.
 */
#include "tests/unit/expression.h"

#include <errno.h>
#include <time.h>
#define ZLIB_CONST
#include <zlib.h>

enum { ROOM = 1 << 20, TEXT = 150000 };

static uint8_t text[ROOM], packed[ROOM], view[ROOM];

/* Words that repeat, numbers that do not, and a long run: literals, matches of all lengths, far distances. */
static void fill_text(uint64_t seed)
{
    size_t at = 0;

    while (at < TEXT) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t n = (size_t)(seed >> 40) % 70 + 1, from = at > 32768 ? at - 32768 : 0;

        for (size_t i = 0; i < n && at < TEXT; i++, at++)
            text[at] = seed >> 63 ? (uint8_t)(seed >> (i % 8 * 8)) : seed >> 62 ? text[from + i] : (uint8_t)('a' + i % 3);
    }
    memset(text + 1000, 'x', 5000);
}

/* One member behind packed[at]; returns where it ends. */
static size_t pack(size_t at, const uint8_t *bytes, size_t n, int level, int strategy, int flush)
{
    z_stream z = { 0 };

    deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, strategy);
    z.next_out = packed + at;
    z.avail_out = (unsigned)(ROOM - at);
    for (size_t done = 0; done < n; done += 9000) {
        z.next_in = bytes + done;
        z.avail_in = (unsigned)(n - done < 9000 ? n - done : 9000);
        deflate(&z, flush);
    }
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    at += z.total_out;
    deflateEnd(&z);
    return at;
}

static void check(const char *what, size_t packed_bytes, const uint8_t *bytes, size_t n)
{
    static const size_t windows[] = { 1, 500, 1 << 16 }, cuts[] = { 0, 1000, 40000 };
    struct lens_error error;
    struct test_lens lens = test_parse("gunzip", &error);

    cr_assert_eq(test_prepare(&lens, packed, packed_bytes, 100), 0, "%s", what);
    for (size_t k = 0; k < 9; k++) {
        int64_t made = test_view(&lens_gunzip, lens.params, packed, packed_bytes, windows[k % 3], cuts[k / 3], k, view, ROOM);

        cr_assert_eq(made, (int64_t)n, "%s: %lld bytes, not %zu", what, (long long)made, n);
        cr_assert(memcmp(view, bytes, n) == 0, "%s", what);
    }
    free(lens.params);
}

Test(gunzip, levels_and_strategies, .timeout = 60)
{
    static const int strategies[] = { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED };
    static const int flushes[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_PARTIAL_FLUSH, Z_BLOCK };
    char what[64];

    fill_text(1);
    for (int level = 0; level <= 9; level += 3) {
        for (int k = 0; k < 5; k++) {
            snprintf(what, sizeof what, "level %d, strategy %d, flush %d", level, strategies[k], flushes[(level + k) % 4]);
            check(what, pack(0, text, TEXT, level, strategies[k], flushes[(level + k) % 4]), text, TEXT);
        }
    }
}

/* A cut behind every single byte. */
Test(gunzip, byte_by_byte, .timeout = 60)
{
    struct lens_error error;
    struct test_lens lens = test_parse("gunzip", &error);

    fill_text(2);
    for (int level = 0; level <= 9; level += 3) {
        size_t n = pack(0, text, 12000, level, level ? Z_DEFAULT_STRATEGY : Z_FIXED, Z_BLOCK);

        cr_assert_eq(test_view(&lens_gunzip, lens.params, packed, n, 1 << 16, 1, 1, view, ROOM), 12000);
        cr_assert_arr_eq(view, text, 12000);
    }
}

Test(gunzip, members_and_what_follows)
{
    size_t at;

    fill_text(3);
    at = pack(0, text, 50000, 6, 0, 0);
    at = pack(at, text, 0, 6, 0, 0);
    at = pack(at, text + 50000, 40000, 1, 0, 0);
    check("three members", at, text, 90000);
    memcpy(packed + at, "garbage\0\0", 9);
    check("garbage behind", at + 9, text, 90000);
    memset(packed + at, 0, 512);
    check("zeros behind", at + 512, text, 90000);
    packed[at] = 0x1F;
    check("half a header behind", at + 1, text, 90000);
}

Test(gunzip, empty_member)
{
    check("empty", pack(0, text, 0, 6, 0, 0), text, 0);
}

Test(gunzip, header_fields)
{
    uint8_t extra[300] = { 7 }, name[] = "a name", comment[] = "why";
    gz_header header = { .extra = extra, .extra_len = sizeof extra, .name = name, .comment = comment, .hcrc = 1 };
    z_stream z = { 0 };

    fill_text(4);
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, 0);
    deflateSetHeader(&z, &header);
    z.next_in = text;
    z.avail_in = TEXT;
    z.next_out = packed;
    z.avail_out = ROOM;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    check("header", z.total_out, text, TEXT);
    deflateEnd(&z);
}

Test(gunzip, refuses_other_kinds)
{
    static const char *const wrong[] = { "", "\x1f", "\x1f\x8b\x08", "plain text, long enough", "\x1f\x8b\x07\0\0\0\0\0\0\0\0",
                                         "\x1f\x8b\x08\xe0\0\0\0\0\0\0\0" };
    static const size_t sizes[] = { 0, 1, 3, 23, 11, 11 };
    struct lens_error error;
    struct test_lens lens = test_parse("gunzip", &error);

    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(test_prepare(&lens, wrong[i], sizes[i], 1), -EILSEQ);
    cr_assert_null(test_parse("gunzip(level=9)", &error).ops);
}

/* The view of a damaged file ends in the same place however it is cut, and never holds a byte too many. */
Test(gunzip, damage, .timeout = 60)
{
    struct lens_error error;
    struct test_lens lens = test_parse("gunzip", &error);
    uint8_t *other = malloc(ROOM);

    fill_text(5);
    for (uint32_t k = 0; k < 300; k++) {
        size_t n = pack(0, text, 20000, (int)(k % 10), k % 3 ? 0 : Z_FIXED, k % 2 ? Z_BLOCK : 0);
        size_t at = 10 + k * 2654435761u % (n - 10);
        int64_t made, again;

        if (k % 2)
            n = at;
        else
            packed[at] ^= (uint8_t)(1 << k % 8);
        made = test_view(&lens_gunzip, lens.params, packed, n, 1 << 16, 0, k, view, ROOM);
        again = test_view(&lens_gunzip, lens.params, packed, n, 300, 999, k, other, ROOM);
        cr_assert_eq(made, again, "damage %u: %lld and %lld bytes", k, (long long)made, (long long)again);
        cr_assert(made >= 0 && memcmp(view, other, (size_t)made) == 0);
        cr_assert(k % 2 == 0 || memcmp(view, text, (size_t)made) == 0);
    }
    free(other);
    free(lens.params);
}

Test(gunzip, fixture)
{
    size_t n;
    uint8_t *bytes = test_file("tests/fixtures/gunzip/two-members.gz", &n);

    memcpy(packed, bytes, n);
    check("fixture", n, (const uint8_t *)"first member\nsecond member\n", 27);
    free(bytes);
}

/* ------------------------------------------------------------------ one huge block */

/* A stream of one block with fixed codes and literals only: 8 MB of view that zlib itself would never write. */
static size_t write_one_block(uint8_t *to, size_t literals)
{
    static const uint8_t start[] = { 0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0 };
    uint64_t held = 3; /* last block, fixed codes */
    unsigned bits = 3;
    size_t at = sizeof start;

    memcpy(to, start, sizeof start);
    for (size_t i = 0; i < literals; i++) {
        unsigned code = 0x30 + (unsigned)(i * 7 % 144), reversed = 0;

        for (int b = 0; b < 8; b++)
            reversed |= (code >> b & 1) << (7 - b);
        held |= (uint64_t)reversed << bits;
        for (bits += 8; bits >= 8; bits -= 8, held >>= 8)
            to[at++] = (uint8_t)held;
    }
    to[at++] = (uint8_t)held; /* the end of the block is seven zero bits */
    to[at++] = 0;
    return at + 8;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double time_one_block(uint8_t *stream, uint8_t *out, size_t literals, size_t cut)
{
    struct lens_cursor *cursor = calloc(1, lens_gunzip.cursor_bytes);
    struct test_reader t;
    double start;

    test_reader_open(&t, stream, write_one_block(stream, literals), SIZE_MAX / 2);
    start = seconds();
    for (size_t at = 0; at < literals; at += cut)
        cr_assert_eq(lens_gunzip.get(NULL, &t.reader, cursor, out + at, cut), (int64_t)cut);
    start = seconds() - start;
    for (size_t i = 0; i < literals; i++)
        cr_assert_eq(out[i], i * 7 % 144);
    test_reader_close(&t);
    free(cursor);
    return start;
}

Test(gunzip, one_huge_block_costs_no_more, .timeout = 60)
{
    enum { BYTES = 8 << 20 };
    uint8_t *stream = calloc(1, BYTES + 64), *out = malloc(BYTES);
    double whole = time_one_block(stream, out, BYTES, BYTES), pieces = time_one_block(stream, out, BYTES, 1 << 16);

    /* Decoding again from the block's start would take 64 times as long. */
    cr_assert(pieces < 8 * whole + 0.2, "%.3f s in pieces, %.3f s at once", pieces, whole);
    free(stream);
    free(out);
}
