/*
 * delimited.c - text in rows and fields (CSV, TSV, columns of blanks) as a matrix, as columns, or as structs.
 *
 * prepare looks at the header and the first row; for columns it also counts the rows, as column k begins at
 * k * rows elements of the view.
 */
#include "lenses/delimited.h"
#include "lenses/builtin.h"

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

static int pass_header(struct lensi_delimited *p, struct lensi_text *text)
{
    lensi_lines_pass(text, p->skip_lines);
    for (uint64_t row = 0; row < p->header_rows && lensi_row_begin(text); row++) {
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
    p->items = (uint32_t)count;
    p->row_bytes = p->element.bytes * (p->layout == LENSI_ROWS ? p->items : 1);
    return 0;
}

static int count_rows(struct lensi_delimited *p, struct lensi_text *text)
{
    for (p->rows = 0; lensi_row_begin(text); p->rows++)
        if (lensi_row_pass(text) < 0)
            return -EILSEQ;
    return 0;
}

static int prepare(void *params, struct lens_reader *source)
{
    struct lensi_delimited *p = params;
    struct lensi_text text = {.reader = source, .dialect = p->dialect};
    int result;

    lensi_text_seek(&text, 0);
    result = pass_header(p, &text);
    if (result == 0 && lensi_row_begin(&text)) {
        if (p->all_columns)
            result = count_columns(p, &text);
        lensi_text_seek(&text, p->start); /* as with names */
        if (result == 0 && p->layout == LENSI_COLUMNS)
            result = count_rows(p, &text);
    }
    return source->error ? source->error : result;
}

static uint64_t view_bytes(const void *params, uint64_t source_bytes)
{
    const struct lensi_delimited *p = params;

    if (source_bytes == 0)
        return 0;
    return p->layout == LENSI_COLUMNS ? p->rows * p->items * p->element.bytes : LENS_UNKNOWN;
}

static int reads_all(const void *params)
{
    const struct lensi_delimited *p = params;

    return p->layout == LENSI_COLUMNS;
}

const struct lens_ops lens_delimited = {
    .size = sizeof(struct lens_ops),
    .name = "delimited",
    .usage = "delimited(sep=\",\", header=1, skip_lines=0, columns=all, type=double, as=strtod, layout=rows, struct=\"int id; "
             "double x;\", quote=\"\\\"\", comment=none, decimal=\".\", na=none, fill=no)",
    .params_bytes = sizeof(struct lensi_delimited),
    .configure = lensi_delimited_configure,
    .prepare = prepare,
    .view_bytes = view_bytes,
    .get = lensi_delimited_get,
    .reads_all = reads_all,
};
