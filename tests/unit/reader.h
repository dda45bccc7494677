/*
 * reader.h - for tests of lenses: a source in memory with a window of any size, and lenses made from arguments.
 *
 * The window's bytes are copied to memory of exactly their size, so that a lens that reads outside of it is caught
 * by the sanitizer, what was in the window before is overwritten, and refill gives what was asked for and no more
 * (or `window` bytes, if that is more).
 */
#ifndef TESTS_UNIT_READER_H
#define TESTS_UNIT_READER_H

#include "lenses/builtin.h"
#include "liblens/lens.h"

#include <stdlib.h>
#include <string.h>

struct test_reader {
    struct lens_reader reader;
    const uint8_t *bytes;
    size_t bytes_count;
    size_t window; /* bytes a refill brings at least */
    uint8_t *copy;
};

static inline int test_reader_refill(struct lens_reader *reader, uint64_t offset, size_t want)
{
    struct test_reader *t = (struct test_reader *)reader;
    size_t n = want > t->window ? want : t->window;

    if (offset > t->bytes_count)
        offset = t->bytes_count;
    if (n > t->bytes_count - offset)
        n = t->bytes_count - offset;
    if (t->copy) /* who still looks there sees it */
        memset(t->copy, 0xDB, reader->window_bytes);
    free(t->copy);
    t->copy = malloc(n ? n : 1);
    memcpy(t->copy, t->bytes + offset, n);
    reader->window = t->copy;
    reader->window_start = offset;
    reader->window_bytes = n;
    return 0;
}

static inline void test_reader_open(struct test_reader *t, const void *bytes, size_t n, size_t window)
{
    memset(t, 0, sizeof *t);
    t->bytes = bytes;
    t->bytes_count = n;
    t->window = window;
    t->reader.source_bytes = n;
    t->reader.refill = test_reader_refill;
    t->reader.scratch_bytes = LENS_SCRATCH_BYTES;
    t->reader.scratch = aligned_alloc(16, LENS_SCRATCH_BYTES);
}

static inline void test_reader_close(struct test_reader *t)
{
    free(t->copy);
    free(t->reader.scratch);
}

/* ------------------------------------------------------------------ arguments */

static inline struct lens_value test_text(const char *text)
{
    return (struct lens_value){ .kind = LENS_STRING, .text = text, .text_bytes = strlen(text) };
}

static inline struct lens_value test_word(const char *text)
{
    return (struct lens_value){ .kind = LENS_WORD, .text = text, .text_bytes = strlen(text) };
}

static inline struct lens_value test_number(double number)
{
    return (struct lens_value){ .kind = LENS_NUMBER, .number = number, .integer = (int64_t)number, .text = "number",
                                .text_bytes = 6 };
}

#define TEST_ARGS(...)                                                                                                 \
    &(struct lens_args)                                                                                                \
    {                                                                                                                  \
        (struct lens_arg[]){ __VA_ARGS__ }, sizeof((struct lens_arg[]){ __VA_ARGS__ }) / sizeof(struct lens_arg)       \
    }

/* A lens's params, configured; NULL and *error if it refuses. Freed by the caller. */
static inline void *test_configure(const struct lens_ops *ops, const struct lens_args *args, struct lens_error *error)
{
    void *params = aligned_alloc(16, LENS_PARAMS_MAX);

    memset(params, 0, LENS_PARAMS_MAX);
    if (ops->configure(params, args, error) == 0)
        return params;
    free(params);
    return NULL;
}

/* ------------------------------------------------------------------ views */

/*
 * The whole view, at most cap bytes, through a window of `window` bytes, cut into gets of pseudo-random sizes up to
 * `cut` (0: one get). Returns its size or the error.
 */
static inline int64_t test_view(const struct lens_ops *ops, const void *params, const void *text, size_t n,
                                size_t window, size_t cut, uint64_t seed, void *out, size_t cap)
{
    struct test_reader t;
    size_t cursor_bytes = ops->cursor_bytes ? ops->cursor_bytes : sizeof(struct lens_cursor);
    struct lens_cursor *cursor = calloc(1, cursor_bytes);
    size_t at = 0;
    int64_t made = 0;

    test_reader_open(&t, text, n, window);
    while (at < cap) {
        size_t want = cap - at;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if (cut && want > 1 + (seed >> 33) % cut)
            want = 1 + (seed >> 33) % cut;
        /* Exactly as much room as asked for, so that a lens that writes too much is caught. */
        uint8_t *room = malloc(want);

        made = ops->get(params, &t.reader, cursor, room, want);
        if (made > 0)
            memcpy((uint8_t *)out + at, room, (size_t)made);
        free(room);
        if (made < 0)
            break;
        at += (size_t)made;
        if ((size_t)made < want || cursor->view != at)
            break;
    }
    test_reader_close(&t);
    made = made < 0 ? made : cursor->view == at ? (int64_t)at : -1;
    free(cursor);
    return made;
}

#endif
