/*
 * delimited_get.c - making the view of a delimited text.
 *
 * A cursor is a place at or before the text of the next item: `source` is the start of a field, state[0] that
 * field's number in its row (with ROW_DONE: whatever is left of the row is not wanted), state[1] the row's start.
 * Which item comes next, and how much of it was given already, follows from the view offset alone.
 *
 * Two ways lead to the same bytes: hot loops for matrices of plain numbers, and one careful step for everything
 * else, to which the hot loops leave any field that is not plain.
 */
#include "lenses/delimited.h"
#include "lenses/number_inline.h"

#include <errno.h>
#include <string.h>

#define ROW_DONE (1ull << 63)
/* A byte that no number has, nor stands beside one. */
#define NO_NUMBER '\1'
/* The missing value of pandas and numpy. */
#define NAN_F64 0x7FF8000000000000ull
#define NAN_F32 0x7FC00000u

struct walk {
    const struct lensi_delimited *p;
    struct lensi_text text;
    uint64_t row_start;
    uint64_t column; /* of the field at text.p */
    int row_done;
    uint64_t view;
    uint8_t *out;
    size_t n, done;
};

/* ------------------------------------------------------------------ places */

static void walk_to_front(struct walk *w)
{
    w->column = 0;
    w->row_done = 0;
    w->row_start = w->p->start;
    lensi_text_seek(&w->text, w->p->start);
}

/* Whether a row with more fields than the first ends the view. */
static int counts_fields(const struct lensi_delimited *p)
{
    return p->all_columns && !p->na_fill && p->layout != LENSI_COLUMNS;
}

/* Goes to the row of the next item. 1; 0 where the view ends, without having moved. */
static int walk_to_row(struct walk *w)
{
    uint64_t offset = lensi_text_offset(&w->text);

    if (w->row_done) {
        int64_t fields = lensi_row_pass(&w->text);

        if (fields < 0 || (counts_fields(w->p) && w->column + (uint64_t)fields != w->p->items))
            goto end;
    } else if (w->column > 0) {
        return 1;
    }
    if (!lensi_row_begin(&w->text))
        goto end;
    w->row_done = 0;
    w->column = 0;
    w->row_start = lensi_text_offset(&w->text);
    return 1;
end:
    lensi_text_seek(&w->text, offset);
    return 0;
}

/* Goes to a column of this row. 1, 0 if the row is too short, or -EILSEQ. */
static int walk_to_column(struct walk *w, uint64_t column)
{
    int64_t passed;

    if (column < w->column) {
        lensi_text_seek(&w->text, w->row_start);
        w->column = 0;
    }
    if (column == w->column)
        return 1;
    passed = lensi_fields_pass(&w->text, column - w->column);
    if (passed < 0) {
        lensi_text_seek(&w->text, w->row_start);
        w->column = 0;
        return -EILSEQ;
    }
    w->column += (uint64_t)passed;
    return w->column == column;
}

/* ------------------------------------------------------------------ one field to a number */

static int is_one_of(const uint8_t *text, size_t bytes, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == bytes && memcmp(text, *words, bytes) == 0)
            return 1;
    return 0;
}

static int is_missing(const struct lensi_delimited *p, const uint8_t *text, size_t bytes)
{
    static const char *const pandas[] = {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND",
                                         "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null", NULL};
    size_t at = p->na_at;

    if (p->na_pandas)
        return is_one_of(text, bytes, pandas);
    for (uint16_t k = 0; k < p->na_count; k++) {
        size_t word_bytes;
        const uint8_t *word = lensi_pool_next(p, &at, &word_bytes);

        if (word_bytes == bytes && memcmp(word, text, bytes) == 0)
            return 1;
    }
    return 0;
}

/* inf and infinity with a sign, in any case: what pandas accepts behind its number reader, and without blanks. 0, or all of it. */
static size_t read_infinity(const uint8_t *text, size_t bytes, struct lens_number *number)
{
    size_t sign = bytes > 0 && (*text == '-' || *text == '+');
    size_t used = lensi_match_word(text + sign, bytes - sign, "infinity");

    if (used == 0)
        used = lensi_match_word(text + sign, bytes - sign, "inf");
    number->d = sign && *text == '-' ? -__builtin_inf() : __builtin_inf();
    return used && sign + used == bytes ? bytes : 0;
}

static int store_missing(const struct lensi_item *item, uint8_t *out)
{
    const uint64_t wide = NAN_F64;
    const uint32_t narrow = NAN_F32;

    if (item->type == LENS_TYPE_F64)
        memcpy(out, &wide, sizeof wide);
    else if (item->type == LENS_TYPE_F32)
        memcpy(out, &narrow, sizeof narrow);
    else
        return -EILSEQ;
    return 0;
}

static int is_pandas(const struct lensi_item *item)
{
    return item->as == LENS_AS_PANDAS || item->as == LENS_AS_PANDAS_LEGACY;
}

/* pandas keeps a column with such a number as text; its older reader looks at positive ones only. */
static int is_too_large(const struct lensi_item *item, const struct lens_number *number)
{
    return is_pandas(item) && number->flags & LENS_NUMBER_OVERFLOW && (item->as == LENS_AS_PANDAS || number->d > 0);
}

/* The whole of `text` must be the number; blanks around it do not matter. */
static int read_number(const struct lensi_item *item, const uint8_t *text, size_t bytes, uint8_t *out)
{
    struct lens_number number;
    size_t used = lensi_number_read((enum lens_as)item->as, text, bytes, &number);

    if (used == 0 && is_pandas(item))
        used = read_infinity(text, bytes, &number);
    else if (is_too_large(item, &number))
        return -EILSEQ;
    if (used == 0)
        return -EILSEQ;
    while (used < bytes && lensi_is_space(text[used]))
        used++;
    if (used < bytes)
        return -EILSEQ;
    lensi_number_store((enum lens_as)item->as, &number, (enum lens_type)item->type, out);
    return 0;
}

static int read_field(struct walk *w, const struct lensi_item *item, const struct lensi_field *field, uint8_t *out)
{
    const struct lensi_delimited *p = w->p;
    uint8_t *copy = w->text.reader->scratch;

    if (is_missing(p, field->text, field->bytes))
        return store_missing(item, out);
    if (p->decimal == '.')
        return read_number(item, field->text, field->bytes, out);
    if (field->bytes > w->text.reader->scratch_bytes)
        return -EILSEQ;
    for (size_t i = 0; i < field->bytes; i++)
        copy[i] = field->text[i] == p->decimal ? '.' : field->text[i] == '.' ? NO_NUMBER : field->text[i];
    return read_number(item, copy, field->bytes, out);
}

/* ------------------------------------------------------------------ the careful step */

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void emit(struct walk *w, const uint8_t *bytes, size_t count)
{
    memcpy(w->out + w->done, bytes, count);
    w->done += count;
    w->view += count;
}

static void emit_zeros(struct walk *w, uint64_t count)
{
    size_t now = smaller(w->n - w->done, (size_t)count);

    memset(w->out + w->done, 0, now);
    w->done += now;
    w->view += now;
}

/* Text fills its array like strncpy but always ends in a NUL, unless it is a single char. */
static void emit_text(struct walk *w, const struct lensi_item *item, const struct lensi_field *field, size_t inside)
{
    size_t limit = item->bytes > 1 ? item->bytes - 1u : 1, count = 0;
    size_t wanted = smaller(w->n - w->done, item->bytes - inside);

    if (field && inside < limit)
        count = lensi_field_copy(&w->text, field, inside, w->out + w->done, smaller(wanted, limit - inside));
    w->done += count;
    w->view += count;
    emit_zeros(w, wanted - count);
}

/* The item whose bytes come next, and where the view stands relative to it. */
struct next {
    uint32_t index;
    struct lensi_item item;
    size_t inside;
    size_t padding; /* zeros before it, or before the end of the row (then index == items) */
};

static struct next next_item(const struct walk *w)
{
    const struct lensi_delimited *p = w->p;
    struct next next = {.item = p->element};
    uint64_t element = w->view / (p->element.bytes ? p->element.bytes : 1);
    uint32_t at;

    if (p->layout != LENSI_STRUCT) {
        next.index = (uint32_t)(p->layout == LENSI_ROWS ? element % p->items : element / p->rows);
        next.inside = (size_t)(w->view % p->element.bytes);
        return next;
    }
    at = (uint32_t)(w->view % p->row_bytes);
    while (next.index < p->items && p->members[next.index].at + p->members[next.index].bytes <= at)
        next.index++;
    next.padding = p->row_bytes - at;
    if (next.index < p->items) {
        next.item = p->members[next.index];
        next.padding = next.item.at > at ? next.item.at - at : 0;
        next.inside = at > next.item.at ? at - next.item.at : 0;
    }
    return next;
}

/* Reads the field of an item and gives what is wanted of it. 1, or 0 where the view ends. */
static int give_item(struct walk *w, const struct next *next)
{
    const struct lensi_item *item = &next->item;
    struct lensi_field field;
    uint8_t value[8];
    int there, result;

    if (!walk_to_row(w))
        return 0;
    there = walk_to_column(w, lensi_column_of(w->p, next->index));
    if (there < 0 || (!there && !w->p->na_fill) || (there && lensi_field_look(&w->text, &field) < 0))
        return 0;
    if (item->type == LENS_TYPE_COUNT) {
        emit_text(w, item, there ? &field : NULL, next->inside);
        return 1;
    }
    result = there ? read_field(w, item, &field, value) : store_missing(item, value);
    if (result < 0)
        return 0;
    emit(w, value + next->inside, smaller(w->n - w->done, item->bytes - next->inside));
    return 1;
}

static int at_view_end(const struct walk *w)
{
    const struct lensi_delimited *p = w->p;

    if (p->items == 0)
        return 1;
    return p->layout == LENSI_COLUMNS && w->view >= p->rows * p->items * p->element.bytes;
}

/* At most one item. 1, or 0 where the view ends. */
static int step(struct walk *w)
{
    const struct lensi_delimited *p = w->p;
    struct next next = next_item(w);

    if (next.padding)
        emit_zeros(w, next.padding);
    else if (!give_item(w, &next))
        return 0;
    w->row_done = w->view % p->row_bytes == 0;
    return 1;
}

/* ------------------------------------------------------------------ hot loops */

/* As pandas' reader: the same operation as a correctly rounded one while all of its sums are exact. */
LENSI_INLINE const uint8_t *fast_pandas(const uint8_t *text, double *value)
{
    struct lensi_decimal decimal;
    const uint8_t *end = lensi_fast_decimal(text, &decimal);
    double d = (double)(int64_t)decimal.mantissa;

    if (!end || end - text > 17 || decimal.mantissa > 1ull << 53 || decimal.q < -22 || decimal.q > 0)
        return NULL;
    d /= lensi_ten_f64[-decimal.q];
    *value = decimal.negative ? -d : d;
    return end;
}

/* The number at `text`, stored at out; its end, or NULL if it is not plain. `hot` is constant where this is inlined. */
LENSI_INLINE const uint8_t *hot_number(int hot, const uint8_t *text, uint8_t *out)
{
    double d = 0;
    float f = 0;
    int64_t i = 0;

    if (hot == LENSI_HOT_DOUBLE || hot == LENSI_HOT_PANDAS) {
        text = hot == LENSI_HOT_DOUBLE ? lensi_fast_double(text, &d) : fast_pandas(text, &d);
        memcpy(out, &d, sizeof d);
    } else if (hot == LENSI_HOT_FLOAT) {
        text = lensi_fast_float(text, &f);
        memcpy(out, &f, sizeof f);
    } else {
        text = lensi_fast_int(text, &i);
        memcpy(out, &i, hot == LENSI_HOT_I64 ? 8 : 4);
    }
    return text;
}

/* The number at `text` and then the byte `behind`, which may be a line end. Where it ends, or NULL. */
LENSI_INLINE const uint8_t *hot_field(int hot, const uint8_t *text, uint8_t behind, uint8_t *out)
{
    text = hot_number(hot, text, out);
    if (!text)
        return NULL;
    if (__builtin_expect(*text == behind, 1))
        return text + 1;
    return behind == '\n' && text[0] == '\r' && text[1] == '\n' ? text + 2 : NULL;
}

/* Whole rows of a matrix with all columns. Stops before the first field that is not plain. */
LENSI_INLINE void hot_rows(struct walk *w, int hot)
{
    const uint32_t last = w->p->items - 1, bytes = w->p->element.bytes;
    const uint8_t sep = w->text.dialect.sep;
    const uint8_t *p = w->text.p, *end = w->text.end, *row = p;
    uint8_t *out = w->out + w->done, *const out_end = w->out + w->n;
    uint32_t column = (uint32_t)w->column;

    while ((size_t)(out_end - out) >= bytes && end - p >= LENSI_NUMBER_SLACK) {
        const uint8_t *next = hot_field(hot, p, column == last ? '\n' : sep, out);

        if (!next)
            break;
        p = next;
        out += bytes;
        if (column++ == last) {
            column = 0;
            row = p;
        }
    }
    if (row > w->text.p || w->column == 0)
        w->row_start = w->text.start_offset + (uint64_t)(row - w->text.start);
    if (p < end && *p == w->text.dialect.comment && p != row) { /* the row may end here: for the careful step to say, from where fields are told apart */
        column = row == w->text.p ? (uint32_t)w->column : 0;
        p = row;
    }
    w->column = column;
    w->view += (uint64_t)(out - w->out) - w->done;
    w->done = (size_t)(out - w->out);
    w->text.p = p;
}

/* From behind the number of a column to that column of the next row. 1, or as walk_to_row and walk_to_column. */
LENSI_INLINE int walk_to_column_below(struct walk *w, const uint8_t *behind, uint64_t column)
{
    if (!counts_fields(w->p)) {
        const uint8_t *field = w->text.p;

        w->text.p = behind;
        if (lensi_column_below(&w->text, column, &w->row_start)) {
            w->row_done = 0;
            w->column = column;
            return 1;
        }
        w->text.p = field;
    }
    return walk_to_row(w) && walk_to_column(w, column) == 1;
}

/* One column of a matrix, row after row, to the end of its block; the text stands at its next field. */
LENSI_INLINE void hot_column(struct walk *w, int hot, uint64_t column)
{
    const uint32_t bytes = w->p->element.bytes;
    const uint8_t sep = w->text.dialect.sep;
    uint64_t left = w->p->layout == LENSI_COLUMNS ? w->p->rows - w->view / bytes % w->p->rows : UINT64_MAX;

    for (; left > 0 && w->n - w->done >= bytes && w->text.end - w->text.p >= LENSI_NUMBER_SLACK; left--) {
        const uint8_t *behind = hot_number(hot, w->text.p, w->out + w->done);

        if (!behind || (*behind != sep && *behind != '\n' && (*behind != '\r' || behind[1] != '\n')))
            return;
        w->done += bytes;
        w->view += bytes;
        w->row_done = 1;
        if (left == 1 || walk_to_column_below(w, behind, column) != 1)
            return;
    }
}

/* As many items as go without care. */
LENSI_INLINE void hot_items(struct walk *w, int hot)
{
    const struct lensi_delimited *p = w->p;
    uint64_t element = w->view / p->element.bytes;
    uint64_t item = p->layout == LENSI_ROWS ? element % p->items : element / p->rows;
    uint64_t column = lensi_column_of(p, (uint32_t)item);

    if (w->view % p->element.bytes != 0 || !walk_to_row(w) || walk_to_column(w, column) != 1)
        return;
    if (p->layout == LENSI_ROWS && p->all_columns)
        hot_rows(w, hot);
    else if (p->layout == LENSI_COLUMNS || p->items == 1)
        hot_column(w, hot, column);
}

static void hot_double(struct walk *w) { hot_items(w, LENSI_HOT_DOUBLE); }
static void hot_pandas(struct walk *w) { hot_items(w, LENSI_HOT_PANDAS); }
static void hot_float(struct walk *w) { hot_items(w, LENSI_HOT_FLOAT); }
static void hot_i64(struct walk *w) { hot_items(w, LENSI_HOT_I64); }
static void hot_i32(struct walk *w) { hot_items(w, LENSI_HOT_I32); }

static void try_hot(struct walk *w)
{
    static void (*const loops[])(struct walk *) = {
        [LENSI_HOT_DOUBLE] = hot_double, [LENSI_HOT_PANDAS] = hot_pandas, [LENSI_HOT_FLOAT] = hot_float,
        [LENSI_HOT_I64] = hot_i64,       [LENSI_HOT_I32] = hot_i32,
    };

    if (loops[w->p->hot])
        loops[w->p->hot](w);
}

/* ------------------------------------------------------------------ get */

static void walk_load(struct walk *w, const struct lens_cursor *cursor)
{
    if (cursor->view == 0) {
        walk_to_front(w);
        return;
    }
    w->column = cursor->state[0] & ~ROW_DONE;
    w->row_done = (cursor->state[0] & ROW_DONE) != 0;
    w->row_start = cursor->state[1];
    lensi_text_seek(&w->text, cursor->source);
}

static void walk_save(const struct walk *w, struct lens_cursor *cursor)
{
    cursor->view = w->view;
    cursor->source = lensi_text_offset(&w->text);
    cursor->state[0] = w->column | (w->row_done ? ROW_DONE : 0);
    cursor->state[1] = w->row_start;
}

int64_t lensi_delimited_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out,
                            size_t n)
{
    const struct lensi_delimited *p = params;
    struct walk w = {.p = p, .view = cursor->view, .out = out, .n = n,
                     .text = {.reader = source, .dialect = p->dialect}};
    uint64_t block = p->layout == LENSI_COLUMNS ? p->rows * p->element.bytes : LENS_UNKNOWN;

    walk_load(&w, cursor);
    while (w.done < n && !at_view_end(&w)) {
        size_t before = w.done;

        if (p->layout == LENSI_COLUMNS && w.view % block == 0)
            walk_to_front(&w); /* the next column's block begins */
        try_hot(&w);
        if (w.done == before && !step(&w))
            break;
    }
    walk_save(&w, cursor);
    return source->error ? source->error : (int64_t)w.done;
}
