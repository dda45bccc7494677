/*
 * fill.c - the lens `fill`: one number, again and again; what the source holds does not matter.
 *
 * For arrays that a program sets to a constant, such as the weights of a graph without weights. The view ends after
 * `count` numbers, and never without a count.
 */
#include "lenses/args.h"
#include "lenses/number.h"

#include <errno.h>
#include <string.h>

struct fill {
    uint64_t view_bytes; /* LENS_UNKNOWN: without end */
    uint32_t bytes;
    uint8_t value[8];
};

static const char usage[] = "fill(value=1, type=i32, count=1000)";

/* What the arguments say; the value is made when its type is known. */
struct wanted {
    double value;
    int64_t whole, count;
    int is_whole, value_at, type;
};

static int configure_option(const struct lens_args *args, size_t i, struct wanted *w, struct lens_error *error)
{
    const char *text;
    size_t bytes;

    if (!args->list[i].key || lensi_args_is(args, i, "value")) {
        if (lensi_args_real(args, i, &w->value, &w->is_whole, error) < 0)
            return -EINVAL;
        w->whole = args->list[i].value.integer;
        w->value_at = (int)i;
        return 0;
    }
    if (lensi_args_is(args, i, "count"))
        return lensi_args_whole(args, i, 0, INT64_MAX / 8, &w->count, error);
    if (!lensi_args_is(args, i, "type"))
        return lensi_args_unknown(args, i, usage, error);
    if (lensi_args_text(args, i, &text, &bytes, error) < 0)
        return -EINVAL;
    w->type = lensi_type_find(text);
    if (w->type < 0)
        return lens_error_set(error, (int)i, "type must be i8, i16, i32, i64, u8, u16, u32, u64, f32 or f64");
    return 0;
}

static int fill_configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    struct wanted w = { .count = -1, .is_whole = 1, .value_at = -1, .type = LENS_TYPE_I32 };
    struct fill *f = params;
    struct lens_number number;

    for (size_t i = 0; i < args->count; i++)
        if (configure_option(args, i, &w, error) < 0)
            return -EINVAL;
    if (w.value_at < 0)
        return lens_error_set(error, -1, "a value is missing; write %s", usage);
    if (!w.is_whole && w.type < LENS_TYPE_F32)
        return lens_error_set(error, w.value_at, "value must be a whole number, as its type is");
    number.d = w.value;
    if (w.type < LENS_TYPE_F32)
        number.i = w.whole;
    lensi_number_store(w.type < LENS_TYPE_F32 ? LENS_AS_STRTOL : LENS_AS_STRTOD, &number, (enum lens_type)w.type,
                       f->value);
    f->bytes = (uint32_t)lensi_type_bytes((enum lens_type)w.type);
    f->view_bytes = w.count < 0 ? LENS_UNKNOWN : (uint64_t)w.count * f->bytes;
    return 0;
}

static uint64_t fill_view_bytes(const void *params, uint64_t source_bytes)
{
    const struct fill *f = params;

    (void)source_bytes;
    return f->view_bytes;
}

static int64_t fill_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    const struct fill *f = params;
    uint8_t *to = out;
    size_t at = 0;

    (void)source;
    if (f->view_bytes != LENS_UNKNOWN && f->view_bytes - cursor->view < n)
        n = (size_t)(f->view_bytes - cursor->view);
    for (; at < n && (cursor->view + at) % f->bytes; at++)
        to[at] = f->value[(cursor->view + at) % f->bytes];
    for (; n - at >= f->bytes; at += f->bytes)
        memcpy(to + at, f->value, f->bytes);
    for (size_t k = 0; at < n; at++, k++)
        to[at] = f->value[k];
    cursor->view += n;
    cursor->source = 0;
    return (int64_t)n;
}

static int seek(const void *params, struct lens_cursor *cursor, uint64_t view)
{
    (void)params;
    memset(cursor, 0, sizeof *cursor);
    cursor->view = view;
    return 0;
}

const struct lens_ops lens_fill = {
    .size = sizeof(struct lens_ops),
    .name = "fill",
    .usage = usage,
    .params_bytes = sizeof(struct fill),
    .configure = fill_configure,
    .view_bytes = fill_view_bytes,
    .get = fill_get,
    .seek = seek,
};
