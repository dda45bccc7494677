/*
 * format_match.c - matches text against a format as fscanf does. See format_match.h.
 */
#include "lenses/format_match.h"

static enum lensi_match cut_or_failed(const struct lensi_text *text)
{
    return text->final ? LENSI_FAILED : LENSI_CUT;
}

enum lensi_match lensi_match_number(const struct lensi_step *step, struct lensi_text *text, uint8_t *out)
{
    struct lens_number number;
    size_t n = (size_t)(text->end - text->p), used;

    if (step->kind == LENSI_STEP_DOUBLE)
        used = step->strict ? lensi_strtod(text->p, n, &number) : lensi_scan_double(text->p, n, step->width, &number);
    else if (step->kind == LENSI_STEP_FLOAT)
        used = step->strict ? lensi_strtof(text->p, n, &number) : lensi_scan_float(text->p, n, step->width, &number);
    else
        used = lensi_scan_int(text->p, n, step->width, step->base, step->read_type < LENS_TYPE_U8, &number);
    if (!text->final && (number.flags & LENS_NUMBER_CUT))
        return LENSI_CUT;
    if (!used)
        return LENSI_FAILED;
    if (step->stored)
        lensi_format_store((enum lens_type)step->read_type, (enum lens_type)step->type, &number, out + step->offset);
    text->p += used;
    return LENSI_MATCHED;
}

/* %5c takes what is there, if only one byte of it. */
static enum lensi_match match_chars(const struct lensi_step *step, struct lensi_text *text, uint8_t *out)
{
    size_t n = (size_t)(text->end - text->p);

    if (n >= step->width)
        n = step->width;
    else if (!text->final)
        return LENSI_CUT;
    if (!n)
        return LENSI_FAILED;
    if (step->stored)
        memcpy(out + step->offset, text->p, n);
    text->p += n;
    return LENSI_MATCHED;
}

enum lensi_match lensi_match_text(const struct lensi_format *format, const struct lensi_step *step,
                                  struct lensi_text *text, uint8_t *out)
{
    const uint8_t *set = format->sets[step->set], *p = text->p, *start, *stop;

    if (step->kind == LENSI_STEP_CHARS)
        return match_chars(step, text, out);
    if (step->kind == LENSI_STEP_STRING)
        p = lensi_skip_space(p, text->end);
    start = p;
    stop = step->width && (size_t)(text->end - p) > step->width ? p + step->width : text->end;
    while (p < stop && (step->kind == LENSI_STEP_STRING ? !lensi_is_space(*p) : set[*p / 8] >> (*p % 8) & 1))
        p++;
    if (p == text->end && !(step->width && (size_t)(p - start) == step->width) && !text->final)
        return LENSI_CUT;
    if (p == start)
        return LENSI_FAILED;
    if (step->stored)
        memcpy(out + step->offset, start, (size_t)(p - start));
    text->p = p;
    return LENSI_MATCHED;
}

/* One byte, or white space, of the format. A byte that is missing at the end of the file is a failure. */
LENSI_INLINE enum lensi_match match_byte(const struct lensi_step *step, struct lensi_text *text)
{
    if (step->kind != LENSI_STEP_LITERAL) {
        text->p = lensi_skip_space(text->p, text->end);
        if (step->kind == LENSI_STEP_SPACE)
            return text->p < text->end || text->final ? LENSI_MATCHED : LENSI_CUT;
    }
    if (text->p == text->end)
        return cut_or_failed(text);
    if (*text->p != step->literal)
        return LENSI_FAILED;
    text->p++;
    return LENSI_MATCHED;
}

LENSI_INLINE enum lensi_match match_step(const struct lensi_format *format, const struct lensi_step *step,
                                         struct lensi_text *text, uint8_t *out)
{
    struct lensi_text slow;
    enum lensi_match match;

    if (step->kind <= LENSI_STEP_PERCENT)
        return match_byte(step, text);
    if (step->kind <= LENSI_STEP_DOUBLE)
        return lensi_match_number_fast(step, text, out);
    slow = *text;
    match = lensi_match_text(format, step, &slow, out);
    text->p = slow.p;
    return match;
}

/*
 * Past the last stored conversion a failure ends the match and no more: fscanf's count is full. White space at the
 * very end may go on without limit; what of it lies behind this text is record.c's to skip.
 */
LENSI_INLINE enum lensi_match match_tail(const struct lensi_format *format, struct lensi_text *text, uint8_t *out)
{
    enum lensi_match match = LENSI_MATCHED;

    for (uint32_t i = format->stored_end; i < format->space_from && match == LENSI_MATCHED; i++)
        match = match_step(format, &format->steps[i], text, out);
    if (match == LENSI_MATCHED && format->space_from < format->steps_count)
        text->p = lensi_skip_space(text->p, text->end);
    return match == LENSI_CUT ? LENSI_CUT : LENSI_MATCHED;
}

LENSI_INLINE enum lensi_match match_one(const struct lensi_format *format, struct lensi_text *text, uint8_t *out)
{
    if (!format->dense)
        lensi_clear(out, format->bytes);
    for (uint32_t i = 0; i < format->stored_end; i++) {
        enum lensi_match match = match_step(format, &format->steps[i], text, out);

        if (match != LENSI_MATCHED)
            return match;
    }
    return match_tail(format, text, out);
}

enum lensi_match lensi_match_many(const struct lensi_format *format, struct lensi_text *text, size_t limit, uint8_t *out,
                                  size_t stride, size_t count, size_t *done)
{
    struct lensi_text one = *text;

    for (*done = 0; *done < count; ++*done, out += stride) {
        const uint8_t *start = one.p;
        int far = (size_t)(text->end - start) > limit;
        enum lensi_match match;

        one.end = far ? start + limit : text->end;
        one.final = text->final && !far;
        match = match_one(format, &one, out);
        if (match != LENSI_MATCHED) {
            text->p = start;
            return match;
        }
        /* White space at a format's end has no limit. */
        if (one.p == one.end && far && format->space_from < format->steps_count)
            one.p = lensi_skip_space(one.p, text->end);
        if (stride > format->bytes)
            memset(out + format->bytes, 0, stride - format->bytes);
    }
    text->p = one.p;
    return LENSI_MATCHED;
}
