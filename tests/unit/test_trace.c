/* test_trace.c - a trace that is written is read as it was written; one that is cut, damaged or none is told apart. */
#include "analysis/trace/profile.h"
#include "liblens/base/trace_writer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/lens-trace.XXXXXX";
static struct lensi_trace_writer writer;

static void put_record(unsigned kind, size_t count, const uint64_t *numbers)
{
    lensi_trace_begin(&writer, (enum lensi_record_kind)kind);
    for (size_t i = 0; i < count; i++)
        lensi_trace_put(&writer, numbers[i]);
    lensi_trace_end(&writer);
}
#define RECORD(kind, ...) \
    put_record(kind, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (const uint64_t[]){__VA_ARGS__})

static void open_trace(void)
{
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    memset(&writer, 0, sizeof writer);
    cr_assert_eq(lensi_trace_open(&writer, fd), 0);
}

static void put_start(uint64_t flags, uint64_t sample, uint64_t scale)
{
    lensi_trace_begin(&writer, LENSI_RECORD_START);
    const uint64_t numbers[] = {flags, sample, scale, 77, 7, 1700000000000000000, 4096, 2, 1ull << 33};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        lensi_trace_put(&writer, numbers[i]);
    lensi_trace_put_text(&writer, "x86_64");
    lensi_trace_put_text(&writer, "6.1");
    lensi_trace_put_text(&writer, "/bin/program");
    lensi_trace_put(&writer, 2);
    lensi_trace_put_text(&writer, "program");
    lensi_trace_put_text(&writer, "an argument");
    lensi_trace_end(&writer);
}

static void put_module(const char *name)
{
    static const uint8_t id[] = {1, 2, 3, 0, 5};

    lensi_trace_begin(&writer, LENSI_RECORD_MODULE);
    lensi_trace_put(&writer, 0x1000);
    lensi_trace_put(&writer, 0x9000);
    lensi_trace_put(&writer, 0x800);
    lensi_trace_put_text(&writer, name);
    lensi_trace_put_bytes(&writer, id, sizeof id);
    lensi_trace_end(&writer);
}

/* Two sites: 1 holds 100 bytes at the peak and 40 at the end, 2 holds 1000 and 0. */
static void put_tree(void)
{
    put_module("/bin/program");
    RECORD(LENSI_RECORD_NODE, 0, 1, 0x1234, 1);
    RECORD(LENSI_RECORD_NODE, 1, 1, 0x2345, 0);
    RECORD(LENSI_RECORD_SITE, 1, LENSI_SITE_MALLOC);
    RECORD(LENSI_RECORD_SITE, 2, LENSI_SITE_MAP);
}

static void put_middle(void)
{
    RECORD(40, 1, 2, 3); /* a kind that nobody knows */
    RECORD(LENSI_RECORD_SNAPSHOT, 1000, 1100, 8192, 4096, 1, 5, 100, 0, 0, 1, 1, 1000, 0, 0);
    lensi_trace_flush(&writer);
    RECORD(LENSI_RECORD_SNAPSHOT, 2000, 40, 0, 0, 1, 0, 0, 3, 60, 1, 0, 0, 1, 1000);
    RECORD(LENSI_RECORD_BLOCK, 1, 0x100000, 1 << 20, 500, 2, 0);
    RECORD(LENSI_RECORD_BLOCK, 3, 0x300000, 3 << 20, 600, 2, 1, 99 /* a field more */);
    RECORD(LENSI_RECORD_BLOCK_END, 1, 600);
    lensi_trace_begin(&writer, LENSI_RECORD_FILE);
    for (uint64_t i = 1; i <= 4; i++)
        lensi_trace_put(&writer, i);
    lensi_trace_put_signed(&writer, -5);
    lensi_trace_put_text(&writer, "/a/file");
    lensi_trace_end(&writer);
    RECORD(LENSI_RECORD_READ, 1, 1, 0, 3, 2, 4096, 8192, 100, 2, 650, 700);
    RECORD(LENSI_RECORD_READ, 1, 1, 0, 3, 2, 4096, 16384, 100, 4, 650, 800);
    RECORD(LENSI_RECORD_WRITER, 0, 0, 0, 0);
    RECORD(LENSI_RECORD_WRITER, 2, 2, 3, 300);
    RECORD(LENSI_RECORD_WRITER, 2, 1, 1); /* as older ones are: a sample is a page */
    RECORD(LENSI_RECORD_WRITER, 2, 2, 4, 400);
}

static void put_totals(void)
{
    /* samples, own peak, at peak, count there, byte-us, first, last, variances, lifetimes {20: 3}, sizes {4: 5} */
    RECORD(LENSI_RECORD_TOTALS, 2000, 9, 1100, 900, 2, 1, 11, 5, 100, 100, 5, 7000000, 10, 800, 0, 0, 0, 0, 1, 20, 3, 1, 4, 5, 1, 12,
           1, 1000, 1000, 1, 3000000, 20, 20, 0, 0, 0, 0, 77 /* a number more */, 0, 2, 9, 1, 1, 2);
}

static void make_trace(void)
{
    open_trace();
    put_start(1, 0, 1);
    put_tree();
    lensi_trace_flush(&writer);
    put_middle();
    put_totals();
    lensi_trace_flush(&writer);
    RECORD(LENSI_RECORD_END, 2500, LENSI_END_UNDER, 3, 700);
    cr_assert_eq(lensi_trace_flush(&writer), 0);
    close(writer.fd);
}

static struct profile *read_trace(void)
{
    struct profile *profile = NULL;
    struct lens_error error;

    cr_assert_eq(profile_read(path, NULL, NULL, &profile, &error), 0, "%s", error.text);
    return profile;
}

static void check_sites(const struct profile *p)
{
    cr_assert_eq(p->sites_count, 3);
    cr_assert_eq(p->sites[1].allocations, 5);
    cr_assert_eq(p->sites[1].frees, 3);
    cr_assert_eq(p->sites[1].live_bytes, 40);
    cr_assert_eq(p->sites[1].live_count, 2);
    cr_assert_eq(p->sites[1].at_peak_bytes, 100);
    cr_assert_eq(p->sites[1].at_peak_count, 5);
    cr_assert_eq(p->sites[1].lifetimes[20], 3);
    cr_assert_eq(p->sites[1].sizes[4], 5);
    cr_assert_float_eq(p->sites[1].byte_seconds, 7 + 40 * 500e-9, 1e-9);
    cr_assert_eq(p->sites[2].kind, LENSI_SITE_MAP);
    cr_assert_eq(p->sites[2].at_peak_bytes, 1000);
    cr_assert_eq(p->sites[2].live_bytes, 0);
    cr_assert_eq(p->sites[2].sizes[9] + p->sites[2].sizes[10], 3);
    cr_assert_eq(p->sites[2].bytes_error, 0);
}

Test(trace, round_trip)
{
    make_trace();
    struct profile *p = read_trace();

    cr_assert_str_eq(p->meta.program, "/bin/program");
    cr_assert_eq(p->meta.argc, 2);
    cr_assert_str_eq(p->meta.argv[1], "an argument");
    cr_assert_null(p->meta.argv[2]);
    cr_assert(p->meta.full && !p->meta.forked && !p->meta.cut);
    cr_assert_eq(p->meta.end, LENSI_END_UNDER);
    cr_assert_eq(p->meta.end_status, 3);
    cr_assert_eq(p->meta.duration_ns, 2500);
    cr_assert_eq(p->meta.waited_ns, 700);
    cr_assert_eq(p->meta.unknown_records, 1);
    cr_assert_eq(p->peak_bytes, 1100);
    cr_assert_eq(p->modules_count, 2);
    cr_assert_eq(p->modules[1].build_id_bytes, 5);
    cr_assert_eq(p->nodes[2].parent, 1);
    cr_assert_eq(p->nodes[1].flags, LENSI_NODE_TRUNCATED);
    check_sites(p);
    cr_assert_eq(p->moments_count, 2);
    cr_assert_eq(p->moments[1].changes, 2);
    cr_assert_eq(p->changes[p->moments[1].first_change].live_bytes, -60);
    cr_assert_eq(p->blocks_count, 4);
    cr_assert_eq(p->blocks[1].death_ns, 600);
    cr_assert_eq(p->blocks[2].bytes, 0);
    cr_assert_eq(p->blocks[3].death_ns, PROFILE_ALIVE);
    cr_assert_eq(p->blocks[3].previous, 1);
    cr_assert_str_eq(p->files[1].path, "/a/file");
    cr_assert_eq(p->files[1].mtime_ns, -5);
    cr_assert_eq(p->inputs_count, 1);
    cr_assert_eq(p->inputs[0].bytes, 16384);
    cr_assert(p->is_fill_watched);
    cr_assert_eq(p->writers_count, 2);
    cr_assert_eq(p->writers[0].samples, 7);
    cr_assert_eq(p->writers[0].pages, 700);
    cr_assert_eq(p->writers[1].pages, 1);
    profile_close(p);
    unlink(path);
}

Test(trace, estimates_are_scaled_and_have_errors)
{
    open_trace();
    put_start(0, 131072, 256);
    put_tree();
    RECORD(LENSI_RECORD_SNAPSHOT, 1000, 5000, 0, 0, 1, 640, 5000, 256, 1000);
    RECORD(LENSI_RECORD_TOTALS, 1000, 1, 5000, 900, 0, 1, 11, 3, 5000, 5000, 640, 0, 1, 2, 4, 9, 16, 256 * 25, 0, 1, 3, 640);
    lensi_trace_flush(&writer);
    close(writer.fd);
    struct profile *p = read_trace();

    cr_assert(!p->meta.full);
    cr_assert_eq(p->sites[1].allocations, 3, "2.5, rounded"); /* half up */
    cr_assert_eq(p->sites[1].frees, 1);
    cr_assert_float_eq(p->sites[1].bytes_error, 2 * 1024, 1);
    cr_assert_float_eq(p->sites[1].live_error, 3 * 1024, 1);
    cr_assert_float_eq(p->sites[1].at_peak_error, 4 * 1024, 1);
    cr_assert_float_eq(p->sites[1].allocations_error, 5, 0.01);
    profile_close(p);
    unlink(path);
}

/* Killed behind its last totals: the highest snapshot tells the peak, and what each site held then. */
Test(trace, killed_between_totals)
{
    open_trace();
    put_start(1, 0, 1);
    put_tree();
    RECORD(LENSI_RECORD_SNAPSHOT, 1000, 100, 0, 0, 1, 1, 100, 0, 0);
    RECORD(LENSI_RECORD_TOTALS, 1000, 1, 100, 900, 0, 1, 11, 1, 100, 100, 1, 50, 1, 2, 0, 0, 0, 0, 0, 0);
    RECORD(LENSI_RECORD_SNAPSHOT, 2000, 700, 0, 0, 2, 1, 600, 0, 0);
    RECORD(LENSI_RECORD_SNAPSHOT, 3000, 300, 0, 0, 1, 2, 200, 1, 100, 1, 0, 0, 1, 600);
    lensi_trace_flush(&writer);
    close(writer.fd);
    struct profile *p = read_trace();

    cr_assert_eq(p->meta.end, LENSI_END_UNKNOWN);
    cr_assert_eq(p->peak_bytes, 700);
    cr_assert_eq(p->peak_ns, 2000);
    cr_assert_eq(p->sites[1].at_peak_bytes, 100);
    cr_assert_eq(p->sites[2].at_peak_bytes, 600);
    cr_assert_eq(p->sites[1].live_bytes, 200);
    cr_assert_eq(p->sites[1].peak_bytes, 200);
    cr_assert_float_eq(p->sites[2].byte_seconds, 600 * 1000e-9, 1e-12);
    profile_close(p);
    unlink(path);
}

/* ---- what is wrong with a file */

static uint8_t *whole;
static size_t whole_bytes;

static void load(void)
{
    FILE *file = fopen(path, "rb");

    whole = malloc(65536);
    whole_bytes = fread(whole, 1, 65536, file);
    fclose(file);
    cr_assert(whole_bytes > 200 && whole_bytes < 65536);
}

static void store(const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");

    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

/* Everything of the profile is within bounds, whatever the file was. */
static void check_bounds(const struct profile *p)
{
    for (size_t i = 1; i < p->nodes_count; i++)
        cr_assert(p->nodes[i].parent < i && p->nodes[i].module < p->modules_count);
    for (size_t i = 1; i < p->sites_count; i++)
        cr_assert_lt(p->sites[i].node, p->nodes_count);
    for (size_t i = 0; i < p->moments_count; i++)
        cr_assert_leq(p->moments[i].first_change + p->moments[i].changes, p->changes_count);
    for (size_t i = 0; i < p->changes_count; i++)
        cr_assert_lt(p->changes[i].site, p->sites_count);
    for (size_t i = 0; i < p->inputs_count; i++)
        cr_assert(p->inputs[i].file < p->files_count && p->inputs[i].block < p->blocks_count);
}

Test(trace, cut_anywhere)
{
    struct profile *p;
    struct lens_error error;

    make_trace();
    load();
    for (size_t cut = 0; cut < whole_bytes; cut++) {
        store(whole, cut);
        int result = profile_read(path, NULL, NULL, &p, &error);
        if (result == 0) {
            check_bounds(p);
            cr_assert_leq(p->meta.cut_at, cut);
            cr_assert_eq(p->meta.cut, p->meta.cut_at < cut);
            cr_assert_eq(p->meta.end, LENSI_END_UNKNOWN);
        } else {
            cr_assert(strstr(error.text, path) != NULL, "%s", error.text);
            cr_assert_null(p);
        }
        profile_close(p);
    }
    unlink(path);
}

Test(trace, every_bit_counts)
{
    struct profile *p;
    struct lens_error error;

    make_trace();
    load();
    for (size_t bit = 0; bit < whole_bytes * 8; bit++) {
        whole[bit / 8] ^= (uint8_t)(1u << bit % 8);
        store(whole, whole_bytes);
        whole[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int result = profile_read(path, NULL, NULL, &p, &error);
        cr_assert(result < 0 || p->meta.cut, "bit %zu of byte %zu went unnoticed", bit % 8, bit / 8);
        if (result == 0)
            check_bounds(p);
        profile_close(p);
    }
    unlink(path);
}

static void expect_error(const void *bytes, size_t count, int wanted, const char *word)
{
    struct profile *p = NULL;
    struct lens_error error;

    store(bytes, count);
    cr_assert_eq(profile_read(path, NULL, NULL, &p, &error), wanted, "%s", error.text);
    cr_assert(strstr(error.text, word) != NULL, "\"%s\" lacks \"%s\"", error.text, word);
}

Test(trace, files_that_are_none)
{
    static const char newer[] = "lens-trace 2\nwhatever", other[] = "\x7f" "ELF and so on and so on";
    struct lens_error error;
    struct profile *p;

    cr_assert(mkstemp(path) >= 0);
    expect_error("", 0, -EINVAL, "empty");
    expect_error(newer, sizeof newer, -EPROTO, "version 2");
    expect_error(other, sizeof other, -EINVAL, "not a trace");
    expect_error("lens-tr", 7, -EINVAL, "not a trace");
    expect_error(LENSI_TRACE_MAGIC, LENSI_TRACE_MAGIC_BYTES, -ENODATA, "no whole frame");
    unlink(path);
    cr_assert_eq(profile_read(path, NULL, NULL, &p, &error), -ENOENT);
    cr_assert_eq(profile_read("/tmp", NULL, NULL, &p, &error), -EISDIR);
}

/* More records than a frame holds, and a record of the largest size. */
Test(trace, many_frames)
{
    open_trace();
    put_start(1, 0, 1);
    put_module("m");
    RECORD(LENSI_RECORD_NODE, 0, 1, 1, 0);
    for (uint64_t i = 1; i < 200000; i++)
        RECORD(LENSI_RECORD_NODE, i, 1, i * 977, 0);
    lensi_trace_begin(&writer, (enum lensi_record_kind)41);
    while (lensi_trace_room(&writer) > 0)
        lensi_trace_put(&writer, 0);
    lensi_trace_end(&writer);
    cr_assert_eq(lensi_trace_flush(&writer), 0);
    close(writer.fd);
    struct profile *p = read_trace();

    cr_assert_eq(p->nodes_count, 200001);
    cr_assert_eq(p->nodes[200000].address, 199999u * 977);
    cr_assert_eq(p->meta.unknown_records, 1);
    cr_assert(!p->meta.cut);
    profile_close(p);
    unlink(path);
}

/* A disk that takes no more: whole frames stay, the error is kept, nothing is written behind it. */
Test(trace, full_disk)
{
    int fd = open("/dev/full", O_WRONLY);

    cr_assert(fd >= 0);
    memset(&writer, 0, sizeof writer);
    cr_assert_eq(lensi_trace_open(&writer, fd), -ENOSPC);
    put_start(1, 0, 1);
    cr_assert_eq(lensi_trace_flush(&writer), -ENOSPC);
    cr_assert_eq(writer.written, 0);
    close(fd);
}
