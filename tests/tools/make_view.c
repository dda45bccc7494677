/*
 * make_view.c - views made in every way there is, for tests that hold them against something else.
 *
 *   make_view < REQUESTS
 *
 * A request is a line: SEED ROOM FILE EXPRESSION. The answer is a line, `view N` and the N bytes of the view (ROOM at most), or
 * `refused` and why (the expression is wrong), or `error` and the number (the file is not of this kind), or `differs` and how:
 * the view made at once, in random pieces in random order with checkpoints at random distances, through windows of a few
 * bytes, or turned back by put and made again, is not the same.
 */
#include "lenses/builtin.h"
#include "liblens/memory/pages.h"
#include "liblens/view/backing.h"
#include "liblens/view/view.h"
#include "tests/unit/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lensi_workspace *workspace[3];
static uint8_t *piece, *source;
static size_t source_bytes;
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33 ^ seed >> 11) % below;
}

/* Mostly small. */
static uint64_t draw_size(uint64_t most) { return 1 + draw(1 + draw(2) * draw(most) + draw(40)) % most; }

static const char *difference(const char *how, uint64_t at, int64_t got, int64_t wanted)
{
    static char text[200];

    snprintf(text, sizeof text, "%s, at %llu: %lld bytes, not %lld, or others", how, (unsigned long long)at, (long long)got, (long long)wanted);
    return text;
}

/* Random pieces in random order; every piece must be a part of the whole. */
static const char *check_pieces(struct lensi_view *view, const uint8_t *whole, uint64_t bytes, bool ended)
{
    for (unsigned turn = 0; turn < 60; turn++) {
        uint64_t at = draw(bytes + (ended ? 20 : 1)), n = draw_size(bytes + 100), there = at < bytes ? bytes - at : 0;
        int64_t got;

        if (n > there && !ended)
            n = there;
        there = n < there ? n : there;
        memset(piece, 0xEE, n + 1);
        got = lensi_view_read(view, workspace[draw(3)], at, piece, n, draw(3) != 0);
        if (got != (int64_t)there || memcmp(piece, whole + at, there) || piece[n] != 0xEE)
            return difference("in pieces", at, got, (int64_t)there);
    }
    return NULL;
}

/* The lens by itself, from prepare on: a source seen through tiny windows, memory of exactly the size asked for. */
static const char *check_windows(const struct lens_ops *ops, const void *configured, const uint8_t *whole, uint64_t bytes)
{
    uint64_t window = draw_size(4000), cut = draw_size(bytes + 10);
    void *params = aligned_alloc(16, LENS_PARAMS_MAX);
    struct test_reader reader;
    int64_t got = 0;

    if (configured)
        memcpy(params, configured, ops->params_bytes);
    test_reader_open(&reader, source, source_bytes, draw_size(4000));
    if (ops->prepare)
        got = ops->prepare(params, &reader.reader);
    test_reader_close(&reader);
    if (got == 0)
        got = test_view(ops, params, source, source_bytes, window, cut, seed, piece, bytes);
    free(params);
    return got == (int64_t)bytes && memcmp(piece, whole, bytes) == 0 ? NULL : difference("through windows", window, got, (int64_t)bytes);
}

/* What put makes of the view must have the same view, if put takes it at all. */
static const char *check_put(const struct lensi_stage_view *stage, const uint8_t *whole, uint64_t bytes)
{
    struct lens_cursor *cursor = calloc(1, LENSI_CURSOR_BYTES);
    uint8_t *back = malloc(bytes * 64 + 4 * LENS_TOKEN_MAX);
    uint64_t taken = 0;
    int64_t written = 0, got = 0;

    while (taken < bytes) {
        size_t used = 0, n = draw(4) ? bytes - taken : draw_size(bytes - taken);

        got = stage->ops->put(stage->params, cursor, whole + taken, n, &used, back + written, 2 * LENS_TOKEN_MAX);
        if (got < 0 || (used == 0 && taken + n == bytes))
            break;
        taken += used;
        written += got;
        if ((uint64_t)written > bytes * 64)
            break;
    }
    if (got >= 0 && taken > 0) {
        got = test_view(stage->ops, stage->params, back, (size_t)written, 1 << 16, 0, 1, piece, taken);
        got = got == (int64_t)taken && memcmp(piece, whole, taken) == 0 ? 0 : got < 0 ? got : 1;
    } else {
        got = 0;
    }
    free(back);
    free(cursor);
    return got == 0 ? NULL : difference("put and made again", taken, got, (int64_t)taken);
}

static void read_source(struct lensi_backing *backing)
{
    source_bytes = backing->identity.size_bytes;
    source = realloc(source, source_bytes + 1);
    if (lensi_backing_read(backing, 0, source, source_bytes) != (int64_t)source_bytes)
        exit(1);
}

static int open_view(const char *path, const char *expression, struct lensi_view **view)
{
    struct lens_error error = { .at = -1 };
    const struct lensi_pipe *pipe;
    struct lensi_backing *backing;
    int result;

    if (lensi_pipe_parse(expression, &pipe, &error) < 0) {
        printf("refused %s\n", error.text);
        return -1;
    }
    result = lensi_backing_open(path, &backing);
    if (result == 0) {
        result = lensi_view_open(backing, pipe, view);
        read_source(backing);
        lensi_backing_close(backing);
    }
    if (result < 0)
        printf("error %d\n", -result);
    return result;
}

/* Anywhere, or at every page between coarse ones. */
static void place_checkpoints(struct lensi_checkpoints *c)
{
    if (draw(2)) {
        c->every = LENSI_PAGE * (1 + draw(8));
        lensi_checkpoint_skipped(c, UINT64_MAX / 2, 0);
    } else {
        c->every = c->cursor_bytes > 1000 ? 500 + draw(20000) : draw_size(5000);
    }
}

static void answer(uint64_t room, const char *path, const char *expression)
{
    struct lensi_view *view, *other;
    uint8_t *whole = malloc(room + 1);
    const char *wrong = NULL;
    int64_t bytes;

    piece = malloc(2 * room + 200);
    if (open_view(path, expression, &view) < 0)
        goto out;
    bytes = lensi_view_read(view, workspace[0], 0, whole, room, false);
    bool ended = bytes >= 0 && (uint64_t)bytes < room;
    if (bytes < 0) {
        printf("error %lld\n", (long long)-bytes);
    } else if (lensi_view_end(view) != LENS_UNKNOWN && lensi_view_end(view) < (uint64_t)bytes) {
        wrong = difference("the size that was told", 0, (int64_t)lensi_view_end(view), bytes);
    } else if (open_view(path, expression, &other) == 0) {
        for (size_t i = 0; i < other->stages; i++)
            place_checkpoints(&other->stage[i].checkpoints);
        wrong = check_pieces(other, whole, (uint64_t)bytes, ended);
        lensi_view_close(other);
    }
    if (!wrong && bytes >= 0 && view->stages == 1)
        wrong = check_windows(view->stage[0].ops, view->pipe->stages[0].params, whole, (uint64_t)bytes);
    if (!wrong && bytes > 0 && view->stages == 1 && view->stage[0].ops->put)
        wrong = check_put(&view->stage[0], whole, (uint64_t)bytes);
    if (wrong) {
        printf("differs %s\n", wrong);
    } else if (bytes >= 0) {
        printf("view %lld\n", (long long)bytes);
        fwrite(whole, 1, (size_t)bytes, stdout);
    }
    lensi_view_close(view);
out:
    fflush(stdout);
    free(whole);
    free(piece);
}

int main(void)
{
    static char line[1 << 16];

    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]);
    if (lensi_workspaces_reserve() < 0)
        return 1;
    for (unsigned i = 0; i < 3; i++)
        workspace[i] = lensi_workspace_claim();
    while (fgets(line, sizeof line, stdin)) {
        char *at = line, *path;
        uint64_t room;

        line[strcspn(line, "\n")] = '\0';
        seed = strtoull(at, &at, 10);
        room = strtoull(at, &at, 10);
        path = at + 1;
        at = strchr(path, ' ');
        if (!at)
            return 2;
        *at = '\0';
        answer(room, path, at + 1);
    }
    return 0;
}
