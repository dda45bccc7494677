/*
 * format_match.h - matching text against a format: the inner loop of record and rows.
 *
 * Exactly what fscanf does with a stream that goes on like this text, bounded. LENSI_CUT is the answer where the
 * end of the text was looked at and more of it might change the result; at the end of a file (`final`) it never is.
 */
#ifndef LENS_LENSES_FORMAT_MATCH_H
#define LENS_LENSES_FORMAT_MATCH_H

#include "lenses/format.h"
#include "lenses/number_inline.h"

enum lensi_match {
    LENSI_MATCHED, /* every conversion was stored */
    LENSI_FAILED,  /* fscanf would return less */
    LENSI_CUT
};

/* Text being matched: [p, end). */
struct lensi_text {
    const uint8_t *p, *end;
    int final;
};

#define LENSI_LIKELY(x) __builtin_expect(!!(x), 1)

/* The slow, complete way through one conversion of a number. */
enum lensi_match lensi_match_number(const struct lensi_step *step, struct lensi_text *text, uint8_t *out);
/* %c, %s and %[...]. */
enum lensi_match lensi_match_text(const struct lensi_format *format, const struct lensi_step *step,
                                  struct lensi_text *text, uint8_t *out);
/*
 * Matches the format `count` times, at most, and stores the structs `stride` bytes apart. *done is how many whole
 * ones; text->p stands behind the last of them. LENSI_MATCHED: all of them. A text that one match may look at is at
 * most `limit` bytes.
 */
enum lensi_match lensi_match_many(const struct lensi_format *format, struct lensi_text *text, size_t limit, uint8_t *out,
                                  size_t stride, size_t count, size_t *done);

/* White space; the caller tells from p == end whether it was cut. */
LENSI_INLINE const uint8_t *lensi_skip_space(const uint8_t *p, const uint8_t *end)
{
    while (p < end && lensi_is_space(*p))
        p++;
    return p;
}

/* Stores an integer of 4 bytes or another size; the sizes are few and the same each time. */
LENSI_INLINE void lensi_store_whole(uint8_t *out, uint32_t bytes, uint64_t value)
{
    if (LENSI_LIKELY(bytes == 4))
        memcpy(out, &value, 4);
    else if (bytes == 8)
        memcpy(out, &value, 8);
    else if (bytes == 2)
        memcpy(out, &value, 2);
    else
        memcpy(out, &value, 1);
}

/*
 * A step's number at p, with LENSI_NUMBER_SLACK bytes behind it, stored at out + step->offset: the end, or NULL where
 * lensi_match_number must decide. For plain steps.
 */
LENSI_INLINE const uint8_t *lensi_number_fast(const struct lensi_step *step, const uint8_t *p, uint8_t *out)
{
    int64_t whole;
    double d;
    float f;

    out += step->offset;
    if (step->kind == LENSI_STEP_INT) {
        p = lensi_fast_int(p, &whole);
        if (LENSI_LIKELY(p))
            lensi_store_whole(out, step->bytes, (uint64_t)whole);
    } else if (step->kind == LENSI_STEP_DOUBLE) {
        p = lensi_fast_double(p, &d);
        if (LENSI_LIKELY(p))
            memcpy(out, &d, 8);
    } else {
        p = lensi_fast_float(p, &f);
        if (LENSI_LIKELY(p))
            memcpy(out, &f, 4);
    }
    return p;
}

/* One conversion of a number: quickly where that is possible. */
LENSI_INLINE enum lensi_match lensi_match_number_fast(const struct lensi_step *step, struct lensi_text *text,
                                                      uint8_t *out)
{
    const uint8_t *p = text->p;
    struct lensi_text slow;
    enum lensi_match match;

    if (LENSI_LIKELY(text->end - p > LENSI_NUMBER_SLACK && step->plain)) {
        p = lensi_number_fast(step, p + lensi_is_space(*p), out);
        if (LENSI_LIKELY(p)) {
            text->p = p;
            return LENSI_MATCHED;
        }
    }
    /* A copy, so that the text itself can live in registers. */
    slow = *text;
    match = lensi_match_number(step, &slow, out);
    text->p = slow.p;
    return match;
}

/* Zeroes a struct; the usual sizes inline. */
LENSI_INLINE void lensi_clear(uint8_t *out, uint32_t bytes)
{
    if (LENSI_LIKELY(bytes == 16))
        memset(out, 0, 16);
    else
        memset(out, 0, bytes);
}

#endif
