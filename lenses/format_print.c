/*
 * format_print.c - the way back: structs filled with given numbers, and printed as text their format reads.
 */
#include "lenses/format.h"

#include <errno.h>
#include <string.h>

/* A number read as `from`, as a reader of number.h would have left it. */
static enum lens_as natural_reader(enum lens_type from)
{
    return from == LENS_TYPE_F64   ? LENS_AS_STRTOD
           : from == LENS_TYPE_F32 ? LENS_AS_STRTOF
           : from < LENS_TYPE_U8   ? LENS_AS_STRTOL
                                   : LENS_AS_STRTOUL;
}

void lensi_format_store(enum lens_type from, enum lens_type to, const struct lens_number *number, uint8_t *out)
{
    struct lens_number cut = *number;
    unsigned drop = 64 - 8 * (unsigned)lensi_type_bytes(from);

    /* scanf stores into the type of the conversion first: its high bits are gone, its sign is that type's. */
    if (from < LENS_TYPE_U8)
        cut.i = (int64_t)(cut.u << drop) >> drop;
    else if (from < LENS_TYPE_F32)
        cut.u = cut.u << drop >> drop;
    lensi_number_store(natural_reader(from), &cut, to, out);
}

int lensi_format_fill(const struct lensi_format *format, const struct lens_value *values, size_t count, uint8_t *out,
                      int at, struct lens_error *error)
{
    size_t used = 0;

    memset(out, 0, format->bytes);
    for (uint32_t i = 0; i < format->steps_count && used < count; i++) {
        const struct lensi_step *step = &format->steps[i];
        const struct lens_value *value = &values[used];
        struct lens_number number;

        if (!step->stored)
            continue;
        if (step->kind >= LENSI_STEP_CHARS || value->kind != LENS_NUMBER)
            return lens_error_set(error, at, "only numbers can be given here, one for each conversion");
        used++;
        number.d = value->number;
        if (step->type >= LENS_TYPE_F32) {
            lensi_number_store(LENS_AS_STRTOD, &number, (enum lens_type)step->type, out + step->offset);
            continue;
        }
        number.i = value->integer;
        if ((double)value->integer != value->number)
            return lens_error_set(error, at, "%s is no whole number, but the conversion is", value->text);
        lensi_number_store(LENS_AS_STRTOL, &number, (enum lens_type)step->type, out + step->offset);
    }
    if (used < count)
        return lens_error_set(error, at, "there are more numbers than the format has conversions");
    return 0;
}

/* ------------------------------------------------------------------ printing */

static size_t print_whole(const struct lensi_step *step, const uint8_t *member, char *out)
{
    unsigned drop = 64 - 8 * step->bytes;
    uint64_t bits = 0;

    memcpy(&bits, member, step->bytes);
    bits <<= drop;
    if (step->type < LENS_TYPE_U8)
        bits = (uint64_t)((int64_t)bits >> drop);
    else
        bits >>= drop;
    if (step->read_type < LENS_TYPE_U8)
        return lensi_print_int((int64_t)bits, out);
    return lensi_print_uint(bits, step->base, out);
}

static size_t print_number(const struct lensi_step *step, const uint8_t *member, char *out)
{
    double d;
    float f;

    if (step->type < LENS_TYPE_F32)
        return print_whole(step, member, out);
    if (step->type == LENS_TYPE_F32) {
        memcpy(&f, member, 4);
        return lensi_print_float(f, out);
    }
    memcpy(&d, member, 8);
    return step->read_type == LENS_TYPE_F32 ? lensi_print_float((float)d, out) : lensi_print_double(d, out);
}

/* The text of one stored member, up to its NUL; %c has none. */
static size_t text_bytes(const struct lensi_step *step, const uint8_t *member)
{
    return step->kind == LENSI_STEP_CHARS ? step->width : strnlen((const char *)member, step->bytes);
}

int64_t lensi_format_print(const struct lensi_format *format, const uint8_t *element, uint8_t *out, size_t cap)
{
    size_t at = 0;

    for (uint32_t i = 0; i < format->steps_count; i++) {
        const struct lensi_step *step = &format->steps[i];
        const uint8_t *member = element + step->offset;
        char number[LENS_NUMBER_TEXT_MAX];
        const void *text = number;
        size_t n;

        if (step->kind <= LENSI_STEP_PERCENT) {
            text = &step->literal;
            n = 1;
        } else if (!step->stored) {
            return -EILSEQ; /* what was left out cannot be found again */
        } else if (step->kind >= LENSI_STEP_CHARS) {
            text = member;
            n = text_bytes(step, member);
        } else {
            n = print_number(step, member, number);
        }
        if (n > cap - at)
            return -ENOSPC;
        memcpy(out + at, text, n);
        at += n;
    }
    return (int64_t)at;
}
