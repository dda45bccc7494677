/*
 * test_view.c - views: the same bytes however they are cut, checkpoints, pipes, files that change, lenses that lie.
 */
#include "tests/unit/toy_lens.h"

#include "lenses/builtin.h"
#include "liblens/base/stats.h"
#include "liblens/memory/pages.h"
#include "liblens/view/backing.h"
#include "liblens/view/view.h"

TestSuite(view, .timeout = 60);

#define COUNT 200000u

static struct lensi_view *open_view(const char *path, const char *expression)
{
    struct lens_error error = {.at = -1};
    const struct lensi_pipe *pipe;
    struct lensi_backing *backing;
    struct lensi_view *view;

    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]);
    toy_register();
    cr_assert_eq(lensi_workspaces_reserve(), 0);
    cr_assert_eq(lensi_pipe_parse(expression, &pipe, &error), 0, "%s", error.text);
    cr_assert_eq(lensi_backing_open(path, &backing), 0);
    cr_assert_eq(lensi_view_open(backing, pipe, &view), 0);
    lensi_backing_close(backing);
    return view;
}

/* Random pieces at random places, from several workspaces in turn, against what is expected. */
static void check_cuts(struct lensi_view *view, const uint8_t *expected, size_t bytes, uint64_t seed, bool keep, unsigned turns)
{
    struct lensi_workspace *w[3];
    uint8_t *out = malloc(300000);

    for (unsigned i = 0; i < 3; i++)
        w[i] = lensi_workspace_claim();
    for (unsigned i = 0; i < turns; i++) {
        uint64_t r = toy_mix(seed + i), at = r % (bytes + 100), n = toy_mix(r) % (i % 9 ? 9000 : 300000) + 1;
        size_t there = at >= bytes ? 0 : n < bytes - at ? n : bytes - at;
        memset(out, 0xee, 300000);
        int64_t got = lensi_view_read(view, w[r >> 20 & 1 ? 0 : 1 + (r >> 21 & 1)], at, out, n, keep);
        cr_assert_eq(got, (int64_t)there, "seed %llu turn %u: %lld of %zu bytes at %llu", (unsigned long long)seed, i, (long long)got, there,
                     (unsigned long long)at);
        cr_assert(memcmp(out, expected + at, there) == 0, "seed %llu turn %u: %llu at %llu", (unsigned long long)seed, i, (unsigned long long)n,
                  (unsigned long long)at);
        cr_assert(there == 300000 || out[there] == 0xee, "wrote behind what it returned");
    }
    for (unsigned i = 0; i < 3; i++)
        lensi_workspace_release(w[i]);
    free(out);
}

static uint64_t measured(struct lensi_view *view)
{
    struct lensi_workspace *w = lensi_workspace_claim();
    uint64_t bytes = 0;

    cr_assert_eq(lensi_view_measure(view, w, &bytes), 0);
    lensi_workspace_release(w);
    return bytes;
}

Test(view, does_not_depend_on_cuts)
{
    uint64_t *sums;
    const char *path = toy_numbers_file("cuts", COUNT, &sums);
    struct lensi_view *view = open_view(path, "toysum");

    check_cuts(view, (uint8_t *)sums, COUNT * 8, 1, false, 40); /* no checkpoints yet */
    check_cuts(view, (uint8_t *)sums, COUNT * 8, 2, true, 400);
    cr_assert_eq(measured(view), COUNT * 8);
    check_cuts(view, (uint8_t *)sums, COUNT * 8, 3, false, 2000);
    lensi_view_close(view);
    unlink(path);
}

Test(view, gives_a_zero_cursor_at_the_front)
{
    uint64_t *sums;
    const char *path = toy_numbers_file("more", COUNT, &sums);
    struct lensi_view *view = open_view(path, "toymore"), *other = open_view(path, "toymore | toyraw");

    check_cuts(view, (uint8_t *)sums, COUNT * 8, 4, true, 200);
    check_cuts(other, (uint8_t *)sums, COUNT * 8, 5, true, 200); /* same workspaces, other views */
    check_cuts(view, (uint8_t *)sums, COUNT * 8, 6, false, 1000);
    check_cuts(other, (uint8_t *)sums, COUNT * 8, 7, false, 1000);
    lensi_view_close(view);
    lensi_view_close(other);
    unlink(path);
}

Test(view, uses_checkpoints)
{
    uint64_t *sums, before;
    uint8_t out[8];
    const char *path = toy_numbers_file("checkpoints", COUNT, &sums);
    struct lensi_view *view = open_view(path, "toysum");
    struct lensi_workspace *w = lensi_workspace_claim();

    cr_assert_eq(measured(view), COUNT * 8);
    for (uint64_t at = COUNT * 8 - 8; at > 200000; at -= 123456 / 8 * 8) {
        before = lensi_counted(decoded_bytes);
        cr_assert_eq(lensi_view_read(view, w, at, out, 8, false), 8);
        cr_assert(memcmp(out, &sums[at / 8], 8) == 0);
        cr_assert(lensi_counted(decoded_bytes) - before <= LENSI_CHUNK + 8, "%llu bytes made for 8 at %llu",
                  (unsigned long long)(lensi_counted(decoded_bytes) - before), (unsigned long long)at);
    }
    lensi_workspace_release(w);
    lensi_view_close(view);
    unlink(path);
}

/* Rows of one text that several lenses take. */
static const char *table_file(size_t rows)
{
    static char path[64];
    FILE *file;

    snprintf(path, sizeof path, "/tmp/lens-view-%d-table", (int)getpid());
    file = fopen(path, "w");
    cr_assert_not_null(file);
    for (size_t i = 0; i < rows; i++)
        fprintf(file, "%d:%.6f %d:%.17g\n", (int)(toy_mix(i) % 1000), (double)(toy_mix(i) >> 44) / 1e6, (int)i + 1, 1.0 / (double)(i + 1));
    cr_assert_eq(fclose(file), 0);
    return path;
}

/* Pages wanted at random: after a view's worth of wandering, the way to each is a page at most, and that is counted. */
Test(view, keeps_fine_checkpoints_where_pages_come_at_random)
{
    static const char *const lenses[] = {"record(\"%d:%lf %d:%lf\\n\")", "rows(\"%d:%lf\", label=0)",
                                         "delimited(sep=\":\", header=0, type=double, columns=[0])", "bytes(map=[\":\", \" \"]) | tokens(\"%lf\")", "bytes(map=[\":\", \"=\"]) | record(\"%d=%lf %d=%lf\\n\")"};
    const char *path = table_file(60000);

    for (size_t i = 0; i < sizeof lenses / sizeof *lenses; i++) {
        struct lensi_view *view = open_view(path, lenses[i]);
        struct lensi_workspace *w = lensi_workspace_claim();
        uint64_t bytes = measured(view), books = lensi_counted(metadata_bytes), before, made = 0;
        uint8_t *whole = malloc(bytes), *page = malloc(LENSI_PAGE);
        cr_assert_gt(bytes, 100000, "%s", lenses[i]);
        cr_assert_eq(lensi_view_read(view, w, 0, whole, bytes, true), (int64_t)bytes);
        check_cuts(view, whole, bytes, i, false, 3000);
        for (uint64_t k = 0; k < 1000; k++) {
            uint64_t at = toy_mix(k) % (bytes / LENSI_PAGE) * LENSI_PAGE;
            before = lensi_counted(decoded_bytes);
            cr_assert_eq(lensi_view_read(view, w, at, page, LENSI_PAGE, false), LENSI_PAGE);
            cr_assert(memcmp(page, whole + at, LENSI_PAGE) == 0, "%s at %llu", lenses[i], (unsigned long long)at);
            made += lensi_counted(decoded_bytes) - before;
        }
        cr_assert_leq(made, 1000 * LENSI_PAGE * (strchr(lenses[i], '|') ? 4 : 1) /* the first lens makes what the second takes */ + 100 * LENSI_PAGE, "%s: %llu bytes made for 1000 pages", lenses[i],
                      (unsigned long long)made);
        cr_assert_gt(lensi_counted(metadata_bytes) - books, bytes / LENSI_PAGE * 11, "%s", lenses[i]);
        cr_assert_leq(lensi_counted(metadata_bytes) - books, bytes / LENSI_PAGE * 12, "%s", lenses[i]);
        check_cuts(view, whole, bytes, i + 100, true, 1000);
        lensi_workspace_release(w);
        lensi_view_close(view);
        free(whole);
        free(page);
    }
    unlink(path);
}

Test(view, pipes_of_three)
{
    uint64_t *sums;
    const char *path = toy_numbers_file("pipes", COUNT, &sums);
    struct lensi_view *view = open_view(path, "verbatim | toysum | toyraw");
    struct lensi_view *cut = open_view(path, "toysum | skip(bytes=1001) | toyraw");

    check_cuts(view, (uint8_t *)sums, COUNT * 8, 8, true, 100);
    check_cuts(cut, (uint8_t *)sums + 1001, COUNT * 8 - 1001, 9, true, 100);
    cr_assert_eq(measured(view), COUNT * 8);
    cr_assert_eq(measured(cut), COUNT * 8 - 1001);
    check_cuts(view, (uint8_t *)sums, COUNT * 8, 10, false, 500);
    check_cuts(cut, (uint8_t *)sums + 1001, COUNT * 8 - 1001, 11, false, 500);
    lensi_view_close(view);
    lensi_view_close(cut);
    unlink(path);
}

Test(view, edges_of_sizes)
{
    static const size_t sizes[] = {1, 7, 8, 4095, 4096, 4097, 24 * 1024, 65535, 65536, 65537, 512 * 1024, 512 * 1024 + 1, (1 << 20) + 3};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *bytes = toy_random_bytes(sizes[i], i);
        const char *path = toy_file("edges", bytes, sizes[i]);
        static const char *const pipes[] = {"verbatim", "toyraw", "toyraw | toyraw", "skip(bytes=0) | toyraw"};
        for (size_t k = 0; k < 4; k++) {
            struct lensi_view *view = open_view(path, pipes[k]);
            check_cuts(view, bytes, sizes[i], 12 + i, k & 1, 30);
            cr_assert_eq(measured(view), sizes[i], "%s of %zu bytes", pipes[k], sizes[i]);
            lensi_view_close(view);
        }
        unlink(path);
        free(bytes);
    }
}

/* A lens may ask refill directly, for what it has, for very much, for what lies behind and behind the end. */
#define GREEDY_BYTES 3000000u
static uint64_t asked_wrong;

static int64_t greedy_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    static const size_t wants[] = {1, 100, 2 * LENS_TOKEN_MAX, 4096, 7, 2 * LENS_TOKEN_MAX - 1};

    (void)params;
    for (unsigned i = 0; i < 60; i++) {
        uint64_t r = toy_mix(cursor->view + i), at = cursor->view + (i % 5 ? r % 50000 : r % 2000000);
        size_t want = wants[i % 6];
        if (at < source->window_start || i % 3) /* sometimes where it is already */
            at = at > 30000 && i % 7 == 0 ? at - 30000 : at;
        if (source->refill(source, at, want) < 0)
            return source->error;
        uint64_t end = source->window_start + source->window_bytes;
        asked_wrong += at < GREEDY_BYTES && (source->window_start > at || (end < at + want && end < GREEDY_BYTES));
    }
    return toy_raw_get(params, source, cursor, out, n);
}

Test(view, refill_in_every_way)
{
    static struct lens_ops greedy = {.size = sizeof greedy, .name = "greedy", .usage = "greedy", .configure = toy_configure, .get = greedy_get};
    uint8_t *bytes = toy_random_bytes(GREEDY_BYTES, 77);
    const char *path = toy_file("refill", bytes, GREEDY_BYTES);

    cr_assert_eq(lens_register(&greedy), 0);
    check_cuts(open_view(path, "greedy"), bytes, GREEDY_BYTES, 20, true, 100);
    check_cuts(open_view(path, "toyraw | greedy | greedy"), bytes, GREEDY_BYTES, 21, true, 10);
    cr_assert_eq(asked_wrong, 0);
    unlink(path);
}

/* ---- files that change */

Test(view, short_file_is_stale)
{
    uint8_t *bytes = toy_random_bytes(1000000, 5), *out = malloc(1000000);
    const char *path = toy_file("short", bytes, 1000000);
    struct lensi_view *direct = open_view(path, "verbatim"), *made = open_view(path, "toyraw | toyraw");
    struct lensi_workspace *w = lensi_workspace_claim();

    cr_assert_eq(lensi_view_read(made, w, 0, out, 100, false), 100);
    cr_assert_eq(truncate(path, 400000), 0);
    lensi_workspace_trim(w);
    cr_assert_eq(lensi_view_read(direct, w, 300000, out, 1000, false), 1000);
    cr_assert_eq(lensi_view_read(direct, w, 399999, out, 2, false), -ESTALE);
    cr_assert_eq(lensi_view_read(direct, w, 600000, out, 10, false), -ESTALE);
    cr_assert_eq(lensi_view_read(made, w, 600000, out, 10, false), -ESTALE);
    cr_assert_eq(lensi_view_read(made, w, 350000, out, 100000, true), -ESTALE);
    cr_assert_eq(lensi_view_read(made, w, 1000, out, 10, false), 10, "an error is not for ever");
    cr_assert(memcmp(out, bytes + 1000, 10) == 0);
    unlink(path);
}

Test(view, follows_the_inode)
{
    uint8_t *bytes = toy_random_bytes(100000, 6), *out = malloc(100000);
    const char *path = toy_file("inode", bytes, 100000);
    struct lensi_view *view = open_view(path, "toyraw");
    struct lensi_workspace *w = lensi_workspace_claim();

    cr_assert_eq(rename(toy_file("other", "x", 1), path), 0);
    cr_assert_eq(lensi_view_read(view, w, 0, out, 100000, true), 100000);
    cr_assert(memcmp(out, bytes, 100000) == 0);
    unlink(path);
    cr_assert_eq(lensi_view_read(view, w, 50000, out, 100000, true), 50000);
}

/* ---- lenses that lie */

Test(view, notices_too_much)
{
    const char *path = toy_file("lots", toy_random_bytes(100000, 7), 100000);
    struct lensi_view *view = open_view(path, "toylots");
    struct lensi_workspace *w = lensi_workspace_claim();
    uint8_t out[200];

    cr_assert_eq(lensi_view_read(view, w, 0, out, 100, false), -EPROTO);
    cr_assert(atomic_load(&view->broken));
    unlink(path);
}

Test(view, notices_a_lost_cursor)
{
    const char *path = toy_file("lost", toy_random_bytes(100000, 7), 100000);
    struct lensi_view *view = open_view(path, "toylost");
    struct lensi_workspace *w = lensi_workspace_claim();
    uint8_t out[200];

    cr_assert_eq(lensi_view_read(view, w, 0, out, 100, false), -EPROTO);
    cr_assert(atomic_load(&view->broken));
    unlink(path);
}

Test(view, hands_errors_up)
{
    const char *path = toy_file("error", toy_random_bytes(200000, 8), 200000);
    struct lensi_view *view = open_view(path, "toyerror | toyraw");
    struct lensi_workspace *w = lensi_workspace_claim();
    uint8_t *out = malloc(200000);
    uint64_t bytes;

    cr_assert_eq(lensi_view_read(view, w, 0, out, 5000, false), 5000);
    cr_assert_eq(lensi_view_read(view, w, 150000, out, 5000, false), -EILSEQ);
    cr_assert_eq(lensi_view_measure(view, w, &bytes), -EILSEQ);
    unlink(path);
}

/* Too little means: the view ends there. Never bytes that nobody made. */
Test(view, too_little_is_an_end)
{
    uint8_t *bytes = toy_random_bytes(400000, 9), *out = malloc(400000);
    const char *path = toy_file("few", bytes, 400000);
    struct lensi_view *view = open_view(path, "toyfew");
    struct lensi_workspace *w = lensi_workspace_claim();

    for (unsigned i = 0; i < 100; i++) {
        uint64_t at = toy_mix(i) % 400000;
        int64_t got = lensi_view_read(view, w, at, out, 20000, i & 1);
        cr_assert(got >= 0 && got <= 20000);
        cr_assert(memcmp(out, bytes + at, (size_t)got) == 0);
        cr_assert(lensi_view_end(view) == LENS_UNKNOWN || at + (uint64_t)got <= lensi_view_end(view) || got == 0);
    }
    unlink(path);
}

/* ---- books */

Test(view, is_shared_and_closed)
{
    const char *path = toy_file("shared", "1\n2\n3\n", 6);
    struct lens_error error = {.at = -1};
    const struct lensi_pipe *pipe;
    struct lensi_backing *backing, *again;
    struct lensi_view *a, *b;

    open_view(path, "toysum");
    cr_assert_eq(lensi_pipe_parse("toysum", &pipe, &error), 0);
    cr_assert_eq(lensi_backing_open(path, &backing), 0);
    cr_assert_eq(lensi_backing_open(path, &again), 0);
    cr_assert_eq(backing, again);
    cr_assert(lensi_backing_owns_fd(backing->fd));
    cr_assert_eq(lensi_view_open(backing, pipe, &a), 0);
    cr_assert_eq(lensi_view_open(backing, pipe, &b), 0);
    cr_assert_eq(a, b);
    lensi_view_close(a);
    cr_assert_eq(measured(b), 24);
    lensi_view_close(b);
    cr_assert_eq(lensi_view_open(backing, pipe, &b), 0, "opened anew");
    cr_assert_eq(measured(b), 24);
    unlink(path);
}
