/*
 * delimited.c - text in rows and fields (CSV, TSV, columns of blanks) as a matrix, as columns, or as structs.
 *
 * prepare looks at the header and the first row; for columns it also counts the rows, as column k begins at
 * k * rows elements of the view; and where columns are chosen by what they hold, it looks at all fields.
 */
#include "lenses/builtin.h"
#include "lenses/delimited.h"

#include <errno.h>
#include <string.h>

/* The number of the header's field called `name`, or -ENOENT. The text stands at the header's first field. */
static int64_t find_name(const struct lensi_text *header, const uint8_t *name, size_t bytes)
{
    struct lensi_text text = *header;
    struct lensi_field field;

    for (int64_t column = 0;; column++) {
        uint8_t copy[256];
        size_t copied;

        if (lensi_field_look(&text, &field) < 0)
            return -EILSEQ;
        copied = lensi_field_copy(&text, &field, 0, copy, sizeof copy);
        if (copied == bytes && memcmp(copy, name, bytes) == 0)
            return column;
        if (field.is_last)
            return -ENOENT;
        text.p = field.behind;
    }
}

static int resolve_names(struct lensi_delimited *p, struct lensi_text *header)
{
    uint64_t offset = lensi_text_offset(header);
    size_t at = 0;

    for (uint16_t k = 0; k < p->names_count; k++) {
        size_t bytes;
        const uint8_t *name = lensi_pool_next(p, &at, &bytes);
        int64_t column = find_name(header, name, bytes);

        lensi_text_seek(header, offset); /* the copy that looked for the name may have moved the window */
        if (column < 0 || column > UINT16_MAX)
            return -EILSEQ;
        p->columns[k] = (uint16_t)column;
    }
    return 0;
}

/* Whether a number stands in the row that begins here. The text may move inside of it. */
static int has_number(const struct lensi_delimited *p, struct lensi_text *text)
{
    struct lensi_field field;

    do {
        if (lensi_field_look(text, &field) < 0)
            return 0;
        if (lensi_cell_see(p, &field, text->reader, 0) & (LENSI_SEEN_WHOLE | LENSI_SEEN_UNSIGNED | LENSI_SEEN_REAL))
            return 1;
        text->p = field.behind;
    } while (!field.is_last);
    return 0;
}

/* Passes the rows in front that hold no number. */
static void guess_header(struct lensi_delimited *p, struct lensi_text *text)
{
    uint64_t start = lensi_text_offset(text);

    for (int row = 0; row < LENSI_HEADER_MOST && lensi_row_begin(text) && !has_number(p, text); row++) {
        lensi_text_seek(text, start);
        if (!lensi_row_begin(text) || lensi_row_pass(text) < 0)
            break;
        start = lensi_text_offset(text);
    }
    p->start = start;
    lensi_text_seek(text, start);
}

static int number_in_front(const struct lensi_delimited *p, struct lensi_text *text)
{
    uint64_t start = lensi_text_offset(text);
    int found = lensi_row_begin(text) && has_number(p, text);

    lensi_text_seek(text, start);
    return found;
}

static int pass_header(struct lensi_delimited *p, struct lensi_text *text)
{
    uint64_t rows = p->header_rows == LENSI_HEADER_NUMBERS ? 1 : p->header_rows;

    lensi_lines_pass(text, p->skip_lines);
    if (p->header_rows == LENSI_HEADER_GUESS) {
        guess_header(p, text);
        return 0;
    }
    if (p->header_rows == LENSI_HEADER_NUMBERS && !number_in_front(p, text))
        return -EILSEQ;
    for (uint64_t row = 0; row < rows && lensi_row_begin(text); row++) {
        if ((row == 0 && resolve_names(p, text) < 0) || lensi_row_pass(text) < 0)
            return -EILSEQ;
    }
    p->start = lensi_text_offset(text);
    return 0;
}

static int count_columns(struct lensi_delimited *p, const struct lensi_text *first_row)
{
    struct lensi_text text = *first_row;
    int64_t count = lensi_row_pass(&text);

    if (count < 0 || count > (int64_t)(UINT32_MAX / p->element.bytes))
        return -EILSEQ;
    p->width = (uint32_t)count;
    if (p->all_columns)
        p->items = p->width;
    return 0;
}

static int count_rows(struct lensi_delimited *p, struct lensi_text *text)
{
    for (p->rows = 0; lensi_row_begin(text); p->rows++)
        if (lensi_row_pass(text) < 0)
            return -EILSEQ;
    return 0;
}

struct lensi_item lensi_matrix_item(const struct lensi_delimited *p, uint32_t i)
{
    static const struct lensi_item items[] = {
        [LENSI_KIND_NONE] = {.bytes = 8, .type = LENS_TYPE_COUNT},
        [LENSI_KIND_TRUTH] = {.bytes = 1, .type = LENS_TYPE_U8, .as = LENSI_AS_TRUTH},
        [LENSI_KIND_I64] = {.bytes = 8, .type = LENS_TYPE_I64, .as = LENS_AS_STRTOL},
        [LENSI_KIND_U64] = {.bytes = 8, .type = LENS_TYPE_U64, .as = LENS_AS_STRTOUL},
        [LENSI_KIND_F64] = {.bytes = 8, .type = LENS_TYPE_F64},
        [LENSI_KIND_TEXT] = {.bytes = 8, .type = LENS_TYPE_COUNT}, /* pointers to objects */
    };
    struct lensi_item item = p->infer == LENSI_OWN ? items[p->kinds[i]] : p->element;

    if (p->infer == LENSI_OWN && item.type == LENS_TYPE_F64)
        item.as = p->element.as;
    return item;
}

/* Sizes, when rows and columns are known. */
static void measure(struct lensi_delimited *p)
{
    p->row_bytes = p->element.bytes * (p->layout == LENSI_ROWS ? p->items : 1);
    p->hot = (uint8_t)lensi_hot_of(p, &p->element);
    p->view_bytes = p->infer == LENSI_OWN ? 0 : p->rows * p->items * p->element.bytes;
    for (uint32_t i = 0; p->infer == LENSI_OWN && i < p->items; i++)
        p->view_bytes += p->rows * lensi_matrix_item(p, i).bytes;
}

static int prepare(void *params, struct lens_reader *source)
{
    struct lensi_delimited *p = params;
    struct lensi_text text = {.reader = source};
    int result = lensi_delimited_guess(p, source);

    if (result < 0)
        return source->error ? source->error : result;
    text.dialect = p->dialect;
    lensi_text_seek(&text, 0);
    result = pass_header(p, &text);
    if (result == 0 && lensi_row_begin(&text)) {
        if (p->all_columns || p->infer)
            result = count_columns(p, &text);
        lensi_text_seek(&text, p->start); /* as with names */
        if (result == 0 && p->infer)
            result = lensi_delimited_kinds(p, &text);
        else if (result == 0 && p->layout == LENSI_COLUMNS)
            result = count_rows(p, &text);
    }
    if (p->layout != LENSI_STRUCT)
        measure(p);
    return source->error ? source->error : result;
}

static uint64_t view_bytes(const void *params, uint64_t source_bytes)
{
    const struct lensi_delimited *p = params;

    if (source_bytes == 0)
        return 0;
    return p->layout == LENSI_COLUMNS ? p->view_bytes : LENS_UNKNOWN;
}

static int reads_all(const void *params)
{
    const struct lensi_delimited *p = params;

    return p->layout == LENSI_COLUMNS || p->infer;
}

const struct lens_ops lens_delimited = {
    .size = sizeof(struct lens_ops),
    .name = "delimited",
    .usage = "delimited(sep=\",\", dialect=guess, header=1, skip_lines=0, columns=all, type=double, as=strtod, layout=rows, "
             "struct=\"int id; double x;\", quote=\"\\\"\", comment=none, decimal=\".\", thousands=none, na=none, fill=no, "
             "odd=end)",
    .params_bytes = sizeof(struct lensi_delimited),
    .configure = lensi_delimited_configure,
    .prepare = prepare,
    .view_bytes = view_bytes,
    .get = lensi_delimited_get,
    .reads_all = reads_all,
};
