/*
 * bytes.c - one-to-one maps of elements of fixed size: byte tables, byte order, number kinds, scale and bias.
 *
 * Source element k alone makes view element k, so everything follows from the view offset and any cursor will do.
 */
#include "lenses/args.h"
#include "lenses/builtin.h"
#include "lenses/elements.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>

/* Elements converted at a time where a conversion takes more than one step: small, for small stacks. */
#define BLOCK 32

enum way { BY_TABLE, BY_SWAP, BY_KIND };
/* Which type scale and add are computed in. */
enum arithmetic { PLAIN, WHOLE, DOUBLE, FLOAT };

struct params {
    uint8_t way;
    uint8_t arithmetic;
    uint8_t from, to;             /* enum lensi_kind */
    uint8_t from_swap, to_swap;   /* the kind is big-endian */
    uint8_t from_bytes, to_bytes; /* of one element; from_bytes == to_bytes unless BY_KIND */
    double scale, add;
    int64_t whole_scale, whole_add;
    uint8_t table[256];
    uint8_t inverse[256];
    uint8_t sources[256]; /* how many source bytes give this view byte: 0, 1, or 2 for more */
};

/* ------------------------------------------------------------------ arguments */

/* What was said, before it is known to fit together. */
struct request {
    int has_table, has_kind, has_sum;
    int swap, from, to, in;
    int whole;
};

static int read_map(struct params *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    const struct lens_value *items;
    size_t count;
    int single = 1;

    lensi_args_items(args, i, &items, &count);
    for (size_t k = 0; k < count; k++)
        single &= (items[k].kind == LENS_STRING || items[k].kind == LENS_WORD) && items[k].text_bytes == 1;
    if (!single || count == 0 || count % 2)
        return lens_error_set(error, (int)i, "map must be pairs of one-byte strings, such as [\"\\n\",\"\\0\"]");
    for (size_t k = 0; k < count; k += 2)
        p->table[(uint8_t)items[k].text[0]] = (uint8_t)items[k + 1].text[0];
    return 0;
}

static int read_case(struct params *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    static const char *const words[] = {"upper", "lower", NULL};
    int lower;
    int result = lensi_args_choice(args, i, words, &lower, error);

    for (int c = 'A'; result == 0 && c <= 'Z'; c++)
        p->table[lower ? c : c - 'A' + 'a'] = (uint8_t)(lower ? c - 'A' + 'a' : c);
    return result;
}

static int read_swap(struct params *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    int64_t bytes;
    int result = lensi_args_whole(args, i, 2, 8, &bytes, error);

    if (result == 0 && bytes != 2 && bytes != 4 && bytes != 8)
        result = lens_error_set(error, (int)i, "swap must be 2, 4 or 8");
    if (result == 0)
        p->from_bytes = p->to_bytes = (uint8_t)bytes;
    return result;
}

static int read_kind(const struct lens_args *args, size_t i, uint8_t *kind, uint8_t *swap, uint8_t *bytes,
                     struct lens_error *error)
{
    const struct lens_value *value = &args->list[i].value;
    enum lensi_kind parsed;
    int big_endian;

    if (!value->text || lensi_kind_parse(value->text, &parsed, &big_endian) < 0)
        return lens_error_set(error, (int)i, "%s must be u8 i8 u16 i16 u32 i32 u64 i64 f32 or f64, then le or be or nothing",
                              args->list[i].key);
    *kind = (uint8_t)parsed;
    *swap = (uint8_t)big_endian;
    *bytes = (uint8_t)lensi_kind_bytes(parsed);
    return 0;
}

static int read_number(const struct lens_args *args, size_t i, double *value, int64_t *whole, int *is_whole,
                       struct lens_error *error)
{
    int this_whole = 0;
    int result = lensi_args_real(args, i, value, &this_whole, error);

    *whole = this_whole ? args->list[i].value.integer : 0;
    *is_whole &= this_whole;
    return result;
}

static int read_arg(struct params *p, struct request *r, const struct lens_args *args, size_t i,
                    struct lens_error *error)
{
    static const char *const types[] = {"double", "float", NULL};

    if (lensi_args_is(args, i, "map"))
        return r->has_table = 1, read_map(p, args, i, error);
    if (lensi_args_is(args, i, "case"))
        return 0;
    if (lensi_args_is(args, i, "swap"))
        return r->swap = 1, read_swap(p, args, i, error);
    if (lensi_args_is(args, i, "from"))
        return r->from = 1, read_kind(args, i, &p->from, &p->from_swap, &p->from_bytes, error);
    if (lensi_args_is(args, i, "to"))
        return r->to = 1, read_kind(args, i, &p->to, &p->to_swap, &p->to_bytes, error);
    if (lensi_args_is(args, i, "scale"))
        return r->has_sum = 1, read_number(args, i, &p->scale, &p->whole_scale, &r->whole, error);
    if (lensi_args_is(args, i, "add"))
        return r->has_sum = 1, read_number(args, i, &p->add, &p->whole_add, &r->whole, error);
    if (lensi_args_is(args, i, "in"))
        return lensi_args_choice(args, i, types, &r->in, error);
    return lensi_args_unknown(args, i, lens_bytes_map.usage, error);
}

static enum arithmetic choose_arithmetic(const struct params *p, const struct request *r)
{
    if (r->in >= 0)
        return r->in ? FLOAT : DOUBLE;
    if (!r->has_sum)
        return PLAIN;
    if (r->whole && !lensi_kind_is_float(p->from) && !lensi_kind_is_float(p->to))
        return WHOLE;
    return DOUBLE;
}

static void invert_table(struct params *p)
{
    for (int c = 0; c < 256; c++) {
        uint8_t to = p->table[c];

        p->inverse[to] = (uint8_t)c;
        p->sources[to] = p->sources[to] ? 2 : 1;
    }
}

static int configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    struct params *p = params;
    struct request r = {.in = -1, .whole = 1};

    for (int c = 0; c < 256; c++)
        p->table[c] = (uint8_t)c;
    p->scale = 1;
    p->whole_scale = 1;
    for (size_t i = 0; i < args->count; i++) /* what map says counts more, wherever it stands */
        if (lensi_args_is(args, i, "case") && (r.has_table = 1, read_case(p, args, i, error)) < 0)
            return -EINVAL;
    for (size_t i = 0; i < args->count; i++)
        if (read_arg(p, &r, args, i, error) < 0)
            return -EINVAL;
    if (r.from != r.to)
        return lens_error_set(error, -1, "from and to go together, as in bytes(from=u8, to=u32)");
    if (r.has_table + r.swap + r.from != 1)
        return lens_error_set(error, -1, "write one of bytes(map=[...]), bytes(case=...), bytes(swap=...), bytes(from=, to=)");
    if ((r.has_sum || r.in >= 0) && !r.from)
        return lens_error_set(error, -1, "scale, add and in need from and to, as in bytes(from=u8, to=f32, scale=0.5)");
    p->way = r.has_table ? BY_TABLE : r.swap ? BY_SWAP : BY_KIND;
    if (r.has_table)
        p->from_bytes = p->to_bytes = 1;
    p->arithmetic = (uint8_t)choose_arithmetic(p, &r);
    invert_table(p);
    return 0;
}

static uint64_t view_bytes(const void *params, uint64_t source_bytes)
{
    const struct params *p = params;

    if (p->way != BY_KIND || source_bytes == LENS_UNKNOWN)
        return source_bytes;
    return source_bytes / p->from_bytes * p->to_bytes;
}

/* ------------------------------------------------------------------ the map and its inverse */

/* The kind that values wait in while scale and add are applied. */
static enum lensi_kind middle_kind(const struct params *p)
{
    static const uint8_t kinds[] = {[WHOLE] = LENSI_I64, [DOUBLE] = LENSI_F64, [FLOAT] = LENSI_F32};

    return (enum lensi_kind)kinds[p->arithmetic];
}

static void apply_arithmetic(const struct params *p, void *values, size_t count)
{
    if (p->arithmetic == WHOLE)
        lensi_scale_whole(values, count, (uint64_t)p->whole_scale, (uint64_t)p->whole_add);
    else if (p->arithmetic == DOUBLE)
        lensi_scale_double(values, count, p->scale, p->add);
    else
        lensi_scale_float(values, count, (float)p->scale, (float)p->add);
}

/* count <= BLOCK elements, every step of the conversion. */
static void convert_block(const struct params *p, const uint8_t *in, uint8_t *out, size_t count)
{
    alignas(16) uint8_t native[BLOCK * 8], middle[BLOCK * 8];

    if (p->from_swap) {
        lensi_swap(in, native, count, p->from_bytes);
        in = native;
    }
    if (p->arithmetic == PLAIN) {
        lensi_convert(p->from, p->to)(in, out, count);
    } else {
        lensi_convert(p->from, middle_kind(p))(in, middle, count);
        apply_arithmetic(p, middle, count);
        lensi_convert(middle_kind(p), p->to)(middle, out, count);
    }
    if (p->to_swap)
        lensi_swap(out, out, count, p->to_bytes);
}

static void convert(const struct params *p, const uint8_t *in, uint8_t *out, size_t count)
{
    if (p->arithmetic == PLAIN && !p->from_swap && !p->to_swap) {
        lensi_convert(p->from, p->to)(in, out, count);
        return;
    }
    while (count > 0) {
        size_t now = count < BLOCK ? count : BLOCK;

        convert_block(p, in, out, now);
        in += now * p->from_bytes;
        out += now * p->to_bytes;
        count -= now;
    }
}

static void translate(const uint8_t *table, const uint8_t *in, uint8_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = table[in[i]];
}

static void map(const struct params *p, const uint8_t *in, uint8_t *out, size_t count)
{
    if (p->way == BY_TABLE)
        translate(p->table, in, out, count);
    else if (p->way == BY_SWAP)
        lensi_swap(in, out, count, p->from_bytes);
    else
        convert(p, in, out, count);
}

/*
 * Makes at most n bytes from view offset `at` on, as many as one look at the source gives. Returns how many; 0 at
 * the end of the view.
 */
static size_t map_some(const struct params *p, struct lens_reader *source, uint64_t at, uint8_t *out, size_t n)
{
    uint64_t element = at / p->to_bytes;
    size_t inside = (size_t)(at % p->to_bytes), count = n / p->to_bytes;
    const uint8_t *in = NULL;
    size_t have = lens_reader_at(source, element * p->from_bytes, p->from_bytes, &in);
    uint8_t one[8];

    if (have >= p->from_bytes && inside == 0 && count > 0) {
        if (count > have / p->from_bytes)
            count = have / p->from_bytes;
        map(p, in, out, count);
        return count * p->to_bytes;
    }
    if (have >= p->from_bytes) {
        map(p, in, one, 1);
        have = p->to_bytes;
    } else if (have > 0 && p->way == BY_SWAP) {
        memcpy(one, in, have); /* a partial element at the end stays as it is */
    } else {
        return 0;
    }
    if (inside >= have)
        return 0;
    count = have - inside < n ? have - inside : n;
    memcpy(out, one + inside, count);
    return count;
}

static int64_t get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    const struct params *p = params;
    size_t done = 0;

    while (done < n) {
        size_t made = map_some(p, source, cursor->view, (uint8_t *)out + done, n - done);

        if (made == 0)
            break;
        done += made;
        cursor->view += made;
    }
    cursor->source = cursor->view / p->to_bytes * p->from_bytes;
    return source->error ? source->error : (int64_t)done;
}

/* Solves y = x*scale+add for x, in place; what does not come out exactly is found by mapping forward again. */
static void undo_arithmetic(const struct params *p, void *values, size_t count)
{
    int is_unsigned = p->from == LENSI_U64 && p->to == LENSI_U64 && p->whole_scale > 0;

    for (size_t i = 0; i < count; i++) {
        if (p->arithmetic == WHOLE) {
            uint64_t x = ((uint64_t *)values)[i] - (uint64_t)p->whole_add;
            int64_t scale = p->whole_scale ? p->whole_scale : 1;

            if (scale == -1)
                x = 0 - x;
            else
                x = is_unsigned ? x / (uint64_t)scale : (uint64_t)((int64_t)x / scale);
            ((uint64_t *)values)[i] = x;
            continue;
        }
        double x = p->arithmetic == DOUBLE ? ((double *)values)[i] : (double)((float *)values)[i];

        x = (x - p->add) / p->scale;
        if (!lensi_kind_is_float(p->from))
            x += x < 0 ? -0.5 : 0.5;
        if (p->arithmetic == DOUBLE)
            ((double *)values)[i] = x;
        else
            ((float *)values)[i] = (float)x;
    }
}

/* count <= BLOCK view elements back to source elements. 0, or -EILSEQ if some element has no source. */
static int unconvert_block(const struct params *p, const uint8_t *view, uint8_t *out, size_t count)
{
    alignas(16) uint8_t native[BLOCK * 8], middle[BLOCK * 8];

    memcpy(native, view, count * p->to_bytes);
    if (p->to_swap)
        lensi_swap(native, native, count, p->to_bytes);
    if (p->arithmetic == PLAIN) {
        lensi_convert(p->to, p->from)(native, out, count);
    } else {
        lensi_convert(p->to, middle_kind(p))(native, middle, count);
        undo_arithmetic(p, middle, count);
        lensi_convert(middle_kind(p), p->from)(middle, out, count);
    }
    if (p->from_swap)
        lensi_swap(out, out, count, p->from_bytes);
    convert_block(p, out, native, count);
    return memcmp(native, view, count * p->to_bytes) == 0 ? 0 : -EILSEQ;
}

static int unmap(const struct params *p, const uint8_t *view, uint8_t *out, size_t count)
{
    if (p->way == BY_SWAP) {
        lensi_swap(view, out, count, p->from_bytes);
        return 0;
    }
    for (size_t i = 0; p->way == BY_TABLE && i < count; i++) {
        if (p->sources[view[i]] != 1)
            return -EILSEQ;
        out[i] = p->inverse[view[i]];
    }
    for (size_t i = 0; p->way == BY_KIND && i < count; i += BLOCK) {
        size_t now = count - i < BLOCK ? count - i : BLOCK;

        if (unconvert_block(p, view + i * p->to_bytes, out + i * p->from_bytes, now) < 0)
            return -EILSEQ;
    }
    return 0;
}

static int64_t put(const void *params, struct lens_cursor *cursor, const void *view, size_t n, size_t *taken,
                   void *out, size_t cap)
{
    const struct params *p = params;
    size_t count = n / p->to_bytes < cap / p->from_bytes ? n / p->to_bytes : cap / p->from_bytes;

    if (unmap(p, view, out, count) < 0)
        return -EILSEQ;
    *taken = count * p->to_bytes;
    cursor->view += *taken;
    cursor->source += count * p->from_bytes;
    return (int64_t)(count * p->from_bytes);
}

static int seek(const void *params, struct lens_cursor *cursor, uint64_t view)
{
    (void)params;
    memset(cursor, 0, sizeof *cursor);
    cursor->view = view;
    return 0;
}

const struct lens_ops lens_bytes_map = {
    .size = sizeof(struct lens_ops),
    .name = "bytes",
    .usage = "bytes(map=[\"\\n\",\"\\0\"]) or bytes(case=upper) or bytes(swap=2) or bytes(from=u8, to=u32, scale=1, add=0, in=double)",
    .params_bytes = sizeof(struct params),
    .configure = configure,
    .view_bytes = view_bytes,
    .get = get,
    .put = put,
    .seek = seek,
};
