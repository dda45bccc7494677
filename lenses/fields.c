/*
 * fields.c - see fields.h.
 *
 * Passing over what nobody wants is most of the work of a column, so it looks at 16 bytes at once for the bytes that
 * could matter and leaves everything unusual (quotes, comments, the end of the window) to the one careful routine,
 * lensi_field_look.
 */
#include "lenses/fields.h"

#include <errno.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define STEP 16

struct lensi_dialect lensi_dialect_make(int sep, int quote, int comment, int spaces, int newline)
{
    return (struct lensi_dialect){
        .sep = (uint8_t)sep,
        .quote = (uint8_t)(quote < 0 ? newline : quote),
        .comment = (uint8_t)(comment < 0 ? newline : comment),
        .spaces = (uint8_t)spaces,
        .newline = (uint8_t)newline,
    };
}

/* One bit for each of the STEP bytes at p that equals a, b, c or d. */
static inline unsigned match(const uint8_t *p, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
#ifdef __SSE2__
    __m128i x = _mm_loadu_si128((const __m128i *)p);
    __m128i ab = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8((char)a)), _mm_cmpeq_epi8(x, _mm_set1_epi8((char)b)));
    __m128i cd = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8((char)c)), _mm_cmpeq_epi8(x, _mm_set1_epi8((char)d)));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(ab, cd));
#else
    unsigned mask = 0;

    for (int i = 0; i < STEP; i++)
        mask |= (unsigned)((p[i] == a) | (p[i] == b) | (p[i] == c) | (p[i] == d)) << i;
    return mask;
#endif
}

/* The first byte in [p, end) that equals a, b, c or d, or end. */
static inline const uint8_t *find(const uint8_t *p, const uint8_t *end, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    for (; end - p >= STEP; p += STEP) {
        unsigned mask = match(p, a, b, c, d);

        if (mask)
            return p + __builtin_ctz(mask);
    }
    while (p < end && *p != a && *p != b && *p != c && *p != d)
        p++;
    return p;
}

/* ------------------------------------------------------------------ the window */

void lensi_text_seek(struct lensi_text *text, uint64_t offset)
{
    size_t have = lens_reader_at(text->reader, offset, 1, &text->start);

    if (have == 0)
        text->start = (const uint8_t *)"";
    text->start_offset = offset;
    text->p = text->start;
    text->end = text->start + have;
    text->final = have == 0;
}

/* As much as can be seen from p on. Returns 0 if that is no more than before. */
static int text_widen(struct lensi_text *text)
{
    uint64_t offset = lensi_text_offset(text);
    size_t before = (size_t)(text->end - text->p), have;

    if (text->final || before >= 2 * LENS_TOKEN_MAX)
        return 0;
    have = lens_reader_at(text->reader, offset, 2 * LENS_TOKEN_MAX, &text->start);
    if (have == 0)
        text->start = (const uint8_t *)"";
    text->start_offset = offset;
    text->p = text->start;
    text->end = text->start + have;
    text->final = have < 2 * LENS_TOKEN_MAX;
    return 1;
}

/* Moves p to the end of the window and sees on from there. 0 at the end of the source. */
static int text_advance(struct lensi_text *text)
{
    text->p = text->end;
    if (!text->final)
        lensi_text_seek(text, lensi_text_offset(text));
    return text->p < text->end;
}

void lensi_lines_pass(struct lensi_text *text, uint64_t lines)
{
    while (lines > 0 && (text->p < text->end || text_advance(text))) {
        const uint8_t *newline = memchr(text->p, text->dialect.newline, (size_t)(text->end - text->p));

        lines -= newline != NULL;
        text->p = newline ? newline + 1 : text->end;
    }
}

/* ------------------------------------------------------------------ fields */

static int is_blank(const struct lensi_dialect *d, uint8_t c)
{
    return (c == ' ' || c == '\t' || c == '\v' || c == '\f') && (d->spaces || c != d->sep);
}

static const uint8_t *pass_blanks(const struct lensi_dialect *d, const uint8_t *p, const uint8_t *end)
{
    while (p < end && is_blank(d, *p))
        p++;
    return p;
}

/* A CR that only counts if an LF follows. */
static int is_cr(const struct lensi_dialect *d, const uint8_t *p, const uint8_t *end)
{
    return p < end && *p == '\r' && d->newline == '\n';
}

int lensi_row_begin(struct lensi_text *text)
{
    const struct lensi_dialect *d = &text->dialect;

    for (;;) {
        const uint8_t *p = pass_blanks(d, text->p, text->end);

        /* A CR is only a line end if the LF behind it is in sight. */
        if (p + is_cr(d, p, text->end) >= text->end) {
            if (text_widen(text))
                continue;
            return p < text->end;
        }
        if (is_cr(d, p, text->end) && p[1] == '\n')
            p++;
        if (*p == d->newline)
            text->p = p + 1;
        else if (*p == d->comment)
            lensi_lines_pass(text, 1);
        else
            return 1;
    }
}

/*
 * What comes behind the content of a field: fills in is_last and behind. 0; -EAGAIN: the window is too short;
 * -EILSEQ: something that may not stand there.
 */
static int field_close(const struct lensi_text *text, const uint8_t *p, struct lensi_field *field)
{
    const struct lensi_dialect *d = &text->dialect;
    const uint8_t *content_end = p;

    p = pass_blanks(d, p, text->end);
    if (p + is_cr(d, p, text->end) >= text->end && !text->final)
        return -EAGAIN;
    if (is_cr(d, p, text->end) && p + 1 < text->end && p[1] == '\n')
        p++;
    field->is_last = p == text->end || *p == d->newline || *p == d->comment;
    field->behind = p + (p < text->end && (*p == d->newline || (*p == d->sep && !d->spaces)));
    if (field->is_last || *p == d->sep || (d->spaces && p > content_end))
        return 0;
    return -EILSEQ;
}

static int look_quoted(const struct lensi_text *text, const uint8_t *p, struct lensi_field *field)
{
    const uint8_t quote = text->dialect.quote, *q = p + 1;

    for (;; q += 2) {
        q = memchr(q, quote, (size_t)(text->end - q));
        if (!q)
            return text->final ? -EILSEQ : -EAGAIN;
        if (q + 1 == text->end && !text->final)
            return -EAGAIN;
        if (q + 1 == text->end || q[1] != quote)
            break;
    }
    field->quoted = 1;
    field->text = p + 1;
    field->bytes = (size_t)(q - p - 1);
    return field_close(text, q + 1, field);
}

static int look_plain(const struct lensi_text *text, const uint8_t *p, struct lensi_field *field)
{
    const struct lensi_dialect *d = &text->dialect;
    const uint8_t *q = p;

    if (d->spaces)
        while (q < text->end && !is_blank(d, *q) && *q != d->newline && *q != d->comment)
            q++;
    else
        q = find(p, text->end, d->sep, d->newline, d->comment, d->newline);
    if (q == text->end && !text->final)
        return -EAGAIN;
    if (q > p && q[-1] == '\r' && q < text->end && *q == '\n')
        q--;
    field->quoted = 0;
    field->text = p;
    field->bytes = (size_t)(q - p);
    return field_close(text, q, field);
}

int lensi_field_look(struct lensi_text *text, struct lensi_field *field)
{
    for (;;) {
        const uint8_t *p = text->p;
        int result = -EAGAIN;

        if (text->dialect.spaces)
            p = pass_blanks(&text->dialect, p, text->end);
        if (p == text->end && text->final)
            result = look_plain(text, p, field);
        else if (p < text->end)
            result = *p == text->dialect.quote && *p != text->dialect.newline ? look_quoted(text, p, field) : look_plain(text, p, field);
        if (result != -EAGAIN)
            return result;
        if (!text_widen(text))
            return -EILSEQ;
    }
}

size_t lensi_field_copy(const struct lensi_text *text, const struct lensi_field *field, size_t from, uint8_t *out,
                        size_t n)
{
    size_t count = 0, at = 0;

    if (!field->quoted) {
        if (from >= field->bytes)
            return 0;
        count = field->bytes - from < n ? field->bytes - from : n;
        memcpy(out, field->text + from, count);
        return count;
    }
    for (size_t i = 0; i < field->bytes && count < n; i++, at++) {
        if (at >= from)
            out[count++] = field->text[i];
        i += field->text[i] == text->dialect.quote;
    }
    return count;
}

/* ------------------------------------------------------------------ passing over */

/* The careful way; stops at the row's last field if there are not that many. */
static int64_t pass_looking(struct lensi_text *text, uint64_t count)
{
    struct lensi_field field;

    for (uint64_t passed = 0; passed < count; passed++) {
        if (lensi_field_look(text, &field) < 0)
            return -EILSEQ;
        if (field.is_last)
            return (int64_t)passed;
        text->p = field.behind;
    }
    return (int64_t)count;
}

/*
 * The fast way over at most `count` fields: stops behind the last separator it is sure of. *newline is the line end
 * that stopped it, or NULL. Returns the fields passed.
 */
static inline uint64_t pass_plain(struct lensi_text *text, uint64_t count, const uint8_t **newline)
{
    const struct lensi_dialect *d = &text->dialect;
    uint64_t passed = 0;

    *newline = NULL;
    for (const uint8_t *p = text->p; !d->spaces && text->end - p >= STEP; p += STEP) {
        for (unsigned mask = match(p, d->sep, d->newline, d->quote, d->comment); mask; mask &= mask - 1) {
            const uint8_t *stop = p + __builtin_ctz(mask);

            if (*stop != d->sep) {
                *newline = *stop == d->newline ? stop : NULL;
                return passed;
            }
            text->p = stop + 1;
            if (++passed == count)
                return passed;
        }
    }
    return passed;
}

int64_t lensi_fields_pass(struct lensi_text *text, uint64_t count)
{
    const uint8_t *newline = NULL;
    uint64_t passed = count > 0 ? pass_plain(text, count, &newline) : 0;
    int64_t more = passed < count && !newline ? pass_looking(text, count - passed) : 0;

    return more < 0 ? more : (int64_t)passed + more;
}

int64_t lensi_row_pass(struct lensi_text *text)
{
    const uint8_t *newline = NULL;
    uint64_t passed = pass_plain(text, UINT64_MAX, &newline);
    struct lensi_field field;

    while (!newline) {
        if (lensi_field_look(text, &field) < 0)
            return -EILSEQ;
        text->p = field.behind;
        passed++;
        if (field.is_last)
            return (int64_t)passed;
    }
    text->p = newline + 1;
    return (int64_t)passed + 1;
}

int lensi_column_below(struct lensi_text *text, uint64_t column, uint64_t *row_start)
{
    const struct lensi_dialect *d = &text->dialect;
    const uint8_t *end = text->end, *p = find(text->p, end, d->newline, d->quote, d->comment, d->newline);
    const uint8_t *row = p + 1;

    /* Whatever may begin a row that is none: blanks, line ends, a comment. */
    if (end - p <= STEP || *p != d->newline || *row <= ' ' || *row == d->comment || *row == d->quote || d->spaces)
        return 0;
    for (p = row; column > 0; p += STEP) {
        if (end - p < STEP)
            return 0;
        for (unsigned mask = match(p, d->sep, d->newline, d->quote, d->comment); mask; mask &= mask - 1) {
            const uint8_t *stop = p + __builtin_ctz(mask);

            if (*stop != d->sep)
                return 0;
            if (--column == 0) {
                p = stop + 1;
                goto found;
            }
        }
    }
found:
    *row_start = text->start_offset + (uint64_t)(row - text->start);
    text->p = p;
    return 1;
}
