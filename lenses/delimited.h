/*
 * delimited.h - what the three files of the delimited lens share: its parameters.
 *
 * delimited_args.c reads arguments, delimited.c looks at the source once (prepare), delimited_get.c makes the view.
 */
#ifndef LENS_LENSES_DELIMITED_H
#define LENS_LENSES_DELIMITED_H

#include "lenses/fields.h"
#include "lenses/number.h"
#include "liblens/lens.h"

/* How many columns may be chosen one by one, and how many members a struct may have. */
#define LENSI_COLUMNS_MAX 512
#define LENSI_MEMBERS_MAX 64
#define LENSI_POOL_BYTES 1536

enum lensi_layout {
    LENSI_ROWS,    /* element [row][item] */
    LENSI_COLUMNS, /* element [item][row] */
    LENSI_STRUCT   /* one struct a row */
};

/* The loop that a row of numbers may use (delimited_get.c); LENSI_CAREFUL is right for everything. */
enum lensi_hot { LENSI_CAREFUL, LENSI_HOT_DOUBLE, LENSI_HOT_PANDAS, LENSI_HOT_FLOAT, LENSI_HOT_I64, LENSI_HOT_I32 };

/* One number or text of a row. Matrix items all have the same shape and are not stored. */
struct lensi_item {
    uint32_t at;    /* view offset inside the row */
    uint16_t bytes;
    uint8_t type;   /* enum lens_type, or LENS_TYPE_COUNT for text */
    uint8_t as;     /* enum lens_as */
};

struct lensi_delimited {
    struct lensi_dialect dialect;
    uint8_t layout, hot;
    uint8_t all_columns; /* item i is column i, and a row must have no others */
    uint8_t na_pandas, na_fill; /* know pandas' words for a missing value; a short row ends in missing values */
    uint8_t decimal;     /* the decimal point */
    struct lensi_item element; /* of a matrix; .at is not used */
    uint32_t items;      /* of a row; with all_columns known after prepare */
    uint32_t row_bytes;  /* of view, for one row; LENSI_COLUMNS: one element */
    uint64_t skip_lines, header_rows;
    uint64_t start;      /* source offset behind the header */
    uint64_t rows;       /* LENSI_COLUMNS: how many there are */
    /* Strings, each behind its length as two bytes: names_count names of columns, then na_count NA words. */
    uint16_t names_count, na_count, na_at, pool_used;
    uint16_t columns[LENSI_COLUMNS_MAX];          /* file column of item i, unless all_columns */
    struct lensi_item members[LENSI_MEMBERS_MAX]; /* LENSI_STRUCT */
    uint8_t pool[LENSI_POOL_BYTES];
};

_Static_assert(sizeof(struct lensi_delimited) <= LENS_PARAMS_MAX, "lens.h limits the size of params");

/* The string at *at in the pool; moves *at behind it. */
static inline const uint8_t *lensi_pool_next(const struct lensi_delimited *p, size_t *at, size_t *bytes)
{
    const uint8_t *text = p->pool + *at + 2;

    *bytes = (size_t)p->pool[*at] | (size_t)p->pool[*at + 1] << 8;
    *at += 2 + *bytes;
    return text;
}

/* The file column of item i. */
static inline uint32_t lensi_column_of(const struct lensi_delimited *p, uint32_t i)
{
    return p->all_columns ? i : p->columns[i];
}

int lensi_delimited_configure(void *params, const struct lens_args *args, struct lens_error *error);
int64_t lensi_delimited_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out,
                            size_t n);

#endif
