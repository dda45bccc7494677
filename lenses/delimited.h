/*
 * delimited.h - what the files of the delimited lens share: its parameters.
 *
 * delimited_args.c reads arguments; delimited.c looks at the source once (prepare), with delimited_guess.c, which tells
 * how the text is written, and delimited_kinds.c, which tells what each column holds; delimited_get.c makes the view,
 * and delimited_cell.c a number of one field.
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

/* Which columns, where the file tells it: LENSI_CHOSEN is all of them, or those in columns[]. */
enum lensi_infer {
    LENSI_CHOSEN,
    LENSI_SAME,    /* those that pandas would give the element's type */
    LENSI_NUMBERS, /* those that hold numbers of any kind */
    LENSI_OWN      /* all, each of the type that pandas gives it; LENSI_COLUMNS only */
};

/* What pandas makes of a column, in the order in which one kind takes in another. */
enum lensi_kind { LENSI_KIND_NONE, LENSI_KIND_TRUTH, LENSI_KIND_I64, LENSI_KIND_U64, LENSI_KIND_F64, LENSI_KIND_TEXT };

/* What the cells of a column show. */
enum {
    LENSI_SEEN_WHOLE = 1,     /* fits int64 */
    LENSI_SEEN_NEGATIVE = 2,
    LENSI_SEEN_UNSIGNED = 4,  /* fits uint64 only */
    LENSI_SEEN_HUGE = 8,      /* above uint64 */
    LENSI_SEEN_LOW = 16,      /* below int64 */
    LENSI_SEEN_REAL = 32,
    LENSI_SEEN_MISSING = 64,
    LENSI_SEEN_TRUTH = 128,
    LENSI_SEEN_TEXT = 256
};

/* In the place of a reader (enum lens_as): true and false, in any case, as 1 and 0. */
#define LENSI_AS_TRUTH LENS_AS_COUNT
/* What prepare is to find out of how the text is written; the line end goes with any of it. */
enum { LENSI_GUESS_SEP = 1, LENSI_GUESS_COMMENT = 2, LENSI_GUESS_DECIMAL = 4, LENSI_GUESS_THOUSANDS = 8 };
/* header_rows: as many rows as hold no number, at most LENSI_HEADER_MOST; the first row, which must hold one. */
#define LENSI_HEADER_GUESS UINT64_MAX
#define LENSI_HEADER_NUMBERS (UINT64_MAX - 1)
#define LENSI_HEADER_MOST 64

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
    uint8_t odd_missing; /* what is no number is a missing value, and the view goes on */
    uint8_t decimal;     /* the decimal point */
    uint8_t thousands;   /* a byte between digits that does not count, or 0 */
    uint8_t infer;       /* enum lensi_infer */
    uint8_t guess;       /* LENSI_GUESS_... */
    struct lensi_item element; /* of a matrix; .at is not used */
    uint32_t items;      /* of a row; with all_columns known after prepare */
    uint32_t row_bytes;  /* of view, for one row; LENSI_COLUMNS: one element */
    uint64_t skip_lines, header_rows;
    uint64_t start;      /* source offset behind the header */
    uint64_t rows;       /* LENSI_COLUMNS: how many there are */
    uint64_t view_bytes; /* LENSI_COLUMNS: of all columns */
    uint32_t width;      /* fields of the first row, where something is inferred */
    /* Strings, each behind its length as two bytes: names_count names of columns, then na_count NA words. */
    uint16_t names_count, na_count, na_at, pool_used;
    uint16_t columns[LENSI_COLUMNS_MAX];          /* file column of item i, unless all_columns */
    uint8_t kinds[LENSI_COLUMNS_MAX];             /* LENSI_OWN: enum lensi_kind of item i */
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

/* Item i of a matrix. A column of text has bytes and no type: LENS_TYPE_COUNT. */
struct lensi_item lensi_matrix_item(const struct lensi_delimited *p, uint32_t i);
/* The loop for such an item. */
enum lensi_hot lensi_hot_of(const struct lensi_delimited *p, const struct lensi_item *item);

/* ------------------------------------------------------------------ delimited_cell.c */

/* Whether a field stands for a missing value. */
int lensi_cell_missing(const struct lensi_delimited *p, const uint8_t *text, size_t bytes);
int lensi_cell_store_missing(const struct lensi_delimited *p, const struct lensi_item *item, uint8_t *out);
/* The number of a field, stored as the item wants it. 0, or -EILSEQ: not of its kind. */
int lensi_cell_read(const struct lensi_delimited *p, const struct lensi_item *item, const struct lensi_field *field,
                    struct lens_reader *reader, uint8_t *out);
/*
 * A real among such cells: once pandas has met a whole number that int64 cannot hold, it tries uint64 and looks at no
 * number that begins with "-"; once it has met a real, it minds no whole number's size.
 */
static inline unsigned lensi_see_real(unsigned before, int negative)
{
    int unseen = negative && before & (LENSI_SEEN_LOW | LENSI_SEEN_UNSIGNED) && !(before & LENSI_SEEN_REAL);

    return unseen ? LENSI_SEEN_NEGATIVE : LENSI_SEEN_REAL;
}
/* LENSI_SEEN_... of a field, below cells that have shown `before`. */
unsigned lensi_cell_see(const struct lensi_delimited *p, const struct lensi_field *field, struct lens_reader *reader,
                        unsigned before);

/* ------------------------------------------------------------------ facts about the source, for prepare */

/*
 * Fills in the dialect, the decimal point and the mark between thousands from the first lines. 0, or -EILSEQ: no such
 * mark is there.
 */
int lensi_delimited_guess(struct lensi_delimited *p, struct lens_reader *source);
/*
 * Goes over all rows from p->start on: counts them and fills in kinds, columns and items. 0, or -EILSEQ: a row cannot
 * be told apart, or there are too many columns.
 */
int lensi_delimited_kinds(struct lensi_delimited *p, struct lensi_text *text);

int lensi_delimited_configure(void *params, const struct lens_args *args, struct lens_error *error);
int64_t lensi_delimited_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out,
                            size_t n);

#endif
