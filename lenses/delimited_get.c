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

struct walk {
    const struct lensi_delimited *p;
    struct lensi_text text;
    uint64_t row_start;
    uint64_t column; /* of the field at text.p */
    int row_done;
    uint64_t view;
    /* LENSI_COLUMNS: the column whose elements come next */
    struct lensi_item item;
    uint32_t index;
    uint64_t item_start, item_end;
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
    return p->all_columns && !p->na_fill && !p->odd_missing && p->layout != LENSI_COLUMNS;
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
    uint32_t at;

    if (p->layout == LENSI_COLUMNS) {
        next.index = w->index;
        next.item = w->item;
        next.inside = (size_t)((w->view - w->item_start) % w->item.bytes);
        return next;
    }
    if (p->layout == LENSI_ROWS) {
        next.index = (uint32_t)(w->view / p->element.bytes % p->items);
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
    if (there < 0 || (!there && !w->p->na_fill && !w->p->odd_missing) || (there && lensi_field_look(&w->text, &field) < 0))
        return 0;
    if (item->type == LENS_TYPE_COUNT) {
        emit_text(w, item, there ? &field : NULL, next->inside);
        return 1;
    }
    result = there ? lensi_cell_read(w->p, item, &field, w->text.reader, value)
                   : lensi_cell_store_missing(w->p, item, value);
    if (result < 0 && w->p->odd_missing)
        result = lensi_cell_store_missing(w->p, item, value);
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
    return p->layout == LENSI_COLUMNS && w->view >= p->view_bytes;
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
    w->row_done = p->layout == LENSI_COLUMNS ? (w->view - w->item_start) % w->item.bytes == 0 : w->view % p->row_bytes == 0;
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
LENSI_INLINE const uint8_t *hot_field(int hot, const uint8_t *text, uint8_t behind, uint8_t newline, uint8_t *out)
{
    text = hot_number(hot, text, out);
    if (!text)
        return NULL;
    if (__builtin_expect(*text == behind, 1))
        return text + 1;
    return behind == newline && text[0] == '\r' && text[1] == '\n' && newline == '\n' ? text + 2 : NULL;
}

/* Whole rows of a matrix with all columns. Stops before the first field that is not plain. */
LENSI_INLINE void hot_rows(struct walk *w, int hot)
{
    const uint32_t last = w->p->items - 1, bytes = w->p->element.bytes;
    const uint8_t sep = w->text.dialect.sep, newline = w->text.dialect.newline;
    const uint8_t *p = w->text.p, *end = w->text.end, *row = p;
    uint8_t *out = w->out + w->done, *const out_end = w->out + w->n;
    uint32_t column = (uint32_t)w->column;

    while ((size_t)(out_end - out) >= bytes && end - p >= LENSI_NUMBER_SLACK) {
        const uint8_t *next = hot_field(hot, p, column == last ? newline : sep, newline, out);

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
    const uint32_t bytes = w->p->layout == LENSI_COLUMNS ? w->item.bytes : w->p->element.bytes;
    const uint8_t sep = w->text.dialect.sep, newline = w->text.dialect.newline;
    uint64_t left = w->p->layout == LENSI_COLUMNS ? (w->item_end - w->view) / bytes : UINT64_MAX;

    for (; left > 0 && w->n - w->done >= bytes && w->text.end - w->text.p >= LENSI_NUMBER_SLACK; left--) {
        const uint8_t *behind = hot_number(hot, w->text.p, w->out + w->done);

        if (!behind || (*behind != sep && *behind != newline && (*behind != '\r' || behind[1] != '\n' || newline != '\n')))
            return;
        w->done += bytes;
        w->view += bytes;
        w->row_done = 1;
        if (left == 1 || walk_to_column_below(w, behind, column) != 1)
            return;
    }
}

/* The one number of a row of chosen columns at which the text stands. */
LENSI_INLINE void hot_one(struct walk *w, int hot)
{
    const uint32_t bytes = w->p->element.bytes;
    const uint8_t newline = w->text.dialect.newline, *behind;

    if (w->n - w->done < bytes || w->text.end - w->text.p < LENSI_NUMBER_SLACK)
        return;
    behind = hot_number(hot, w->text.p, w->out + w->done);
    if (!behind || (*behind != w->text.dialect.sep && *behind != newline))
        return;
    w->done += bytes;
    w->view += bytes;
    w->row_done = w->view % w->p->row_bytes == 0;
}

/* As many items as go without care. */
LENSI_INLINE void hot_items(struct walk *w, int hot)
{
    const struct lensi_delimited *p = w->p;
    struct next next = next_item(w);
    uint64_t column = lensi_column_of(p, next.index);

    if (next.inside != 0 || !walk_to_row(w) || walk_to_column(w, column) != 1)
        return;
    if (p->layout == LENSI_ROWS && p->all_columns)
        hot_rows(w, hot);
    else if (p->layout == LENSI_COLUMNS || p->items == 1)
        hot_column(w, hot, column);
    else
        hot_one(w, hot);
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

    int hot = w->p->infer == LENSI_OWN ? (int)lensi_hot_of(w->p, &w->item) : w->p->hot;

    if (loops[hot])
        loops[hot](w);
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

/* Finds the column of the next element; at its front the walk begins anew. */
static void walk_to_item(struct walk *w)
{
    const struct lensi_delimited *p = w->p;

    if (p->infer != LENSI_OWN) {
        w->index = (uint32_t)(w->view / (p->rows * p->element.bytes));
        w->item = p->element;
        w->item_start = w->index * p->rows * p->element.bytes;
    } else {
        for (w->index = 0, w->item_start = 0;; w->index++) {
            w->item = lensi_matrix_item(p, w->index);
            if (w->view - w->item_start < p->rows * w->item.bytes)
                break;
            w->item_start += p->rows * w->item.bytes;
        }
    }
    w->item_end = w->item_start + p->rows * w->item.bytes;
    if (w->view == w->item_start)
        walk_to_front(w);
}

int64_t lensi_delimited_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out,
                            size_t n)
{
    const struct lensi_delimited *p = params;
    struct walk w = {.p = p, .view = cursor->view, .out = out, .n = n,
                     .text = {.reader = source, .dialect = p->dialect}};

    walk_load(&w, cursor);
    while (w.done < n && !at_view_end(&w)) {
        size_t before = w.done;

        if (p->layout == LENSI_COLUMNS && (w.view == w.item_end || w.item_end == 0))
            walk_to_item(&w);
        if (p->layout == LENSI_COLUMNS && w.item.type == LENS_TYPE_COUNT) {
            emit_zeros(&w, w.item_end - w.view);
            continue;
        }
        try_hot(&w);
        if (w.done == before && !step(&w))
            break;
    }
    walk_save(&w, cursor);
    return source->error ? source->error : (int64_t)w.done;
}
