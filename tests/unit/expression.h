/*
 * expression.h - for tests of lenses: a lens from its words in the plan language, and laws that all lenses keep.
 */
#ifndef TESTS_UNIT_EXPRESSION_H
#define TESTS_UNIT_EXPRESSION_H

#include "liblens/plan/plan.h"
#include "tests/unit/reader.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct test_lens {
    const struct lens_ops *ops;
    void *params;
};

/* The lens written in `text`, one stage. ops is NULL if its arguments are refused; *error says why. */
static inline struct test_lens test_parse(const char *text, struct lens_error *error)
{
    struct test_lens lens = { NULL, aligned_alloc(16, LENS_PARAMS_MAX) };
    const struct lensi_pipe *pipe;

    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]); /* again and again: -EEXIST */
    memset(lens.params, 0, LENS_PARAMS_MAX);
    if (lensi_pipe_parse(text, &pipe, error) < 0)
        return lens;
    cr_assert_eq(pipe->count, 1);
    lens.ops = pipe->stages[0].ops;
    if (pipe->stages[0].params)
        memcpy(lens.params, pipe->stages[0].params, lens.ops->params_bytes);
    return lens;
}

/* What prepare says of a source seen through windows of `window` bytes. */
static inline int test_prepare(struct test_lens *lens, const void *source, size_t n, size_t window)
{
    struct test_reader t;
    int result;

    test_reader_open(&t, source, n, window);
    result = lens->ops->prepare ? lens->ops->prepare(lens->params, &t.reader) : 0;
    test_reader_close(&t);
    return result;
}

/*
 * The view of a source through a lens, into out (at most cap bytes). Asserts that windows and cuts of all sizes give
 * the same, and that view_bytes told the truth if it told anything. Returns the size; -EILSEQ if prepare refuses.
 */
static inline int64_t test_make(const char *text, const void *source, size_t n, void *out, size_t cap)
{
    static const size_t windows[] = { 1, 7, 64, 1000, 1 << 16 }, cuts[] = { 0, 1, 3, 64, 5000 };
    struct lens_error error = { .text = "" };
    struct test_lens lens = test_parse(text, &error);
    uint8_t *other = malloc(cap + 1);
    int64_t made;

    cr_assert(lens.ops, "%s: %s", text, error.text);
    made = test_prepare(&lens, source, n, 1 << 16);
    if (made == 0) {
        uint64_t said = lens.ops->view_bytes ? lens.ops->view_bytes(lens.params, n) : LENS_UNKNOWN;

        made = test_view(lens.ops, lens.params, source, n, 1 << 20, 0, 1, out, cap);
        cr_assert(made < 0 || (uint64_t)made == cap || said == LENS_UNKNOWN || said >= (uint64_t)made, "%s", text);
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
            for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
                int64_t again = test_view(lens.ops, lens.params, source, n, windows[w], cuts[c], w * 7 + c, other, cap);

                cr_assert_eq(again, made, "%s: %lld bytes, not %lld, through windows of %zu, cut into %zu", text,
                             (long long)again, (long long)made, windows[w], cuts[c]);
                cr_assert(made < 0 || memcmp(other, out, (size_t)made) == 0, "%s: windows of %zu, cuts of %zu", text,
                          windows[w], cuts[c]);
            }
        }
    }
    free(other);
    free(lens.params);
    return made;
}

/* Turns a whole view back, piece by piece. Returns the source bytes, or the error; *taken: view bytes used. */
static inline int64_t test_put(const struct test_lens *lens, const void *view, size_t n, size_t piece, void *out,
                               size_t *taken)
{
    struct lens_cursor *cursor = calloc(1, sizeof *cursor + 65536);
    int64_t at = 0;

    *taken = 0;
    while (*taken < n) {
        size_t used = 0, want = n - *taken < piece ? n - *taken : piece;
        int64_t made = lens->ops->put(lens->params, cursor, (const uint8_t *)view + *taken, want, &used,
                                      (uint8_t *)out + at, LENS_TOKEN_MAX);

        if (made < 0 || used == 0) {
            at = made < 0 ? made : at;
            break;
        }
        at += made;
        *taken += used;
    }
    free(cursor);
    return at;
}

/* The bytes of a file of the fixture folder (tests run from the top of the source tree). Freed by the caller. */
static inline uint8_t *test_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);

    cr_assert(file, "%s", path);
    *n = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

#endif
