/*
 * delimited_kinds.c - what each column holds, as pandas.read_csv (1.5, its C reader) sees it.
 *
 * pandas reads rows in pieces; in each it takes the first of int64, uint64, float64, bool and text that fits all of a
 * column's cells, and then joins the pieces' types. So one odd cell makes its whole column text. A column that is known
 * to be text is only passed over.
 */
#include "lenses/delimited.h"

#include "lenses/number_inline.h"

#include <errno.h>

/* pandas: the largest power of two below this many cells. */
#define PIECE_CELLS (1u << 20)
/* Powers of ten that no number of 19 digits leaves the range of double with. */
#define PLAIN_POWER 280

struct scan {
    struct lensi_delimited *p;
    struct lensi_text *text;
    uint32_t width;
    uint64_t piece; /* rows of one */
    uint16_t seen[LENSI_COLUMNS_MAX]; /* in this piece */
};

static enum lensi_kind kind_of_piece(unsigned seen)
{
    if (seen & LENSI_SEEN_TEXT || (seen & LENSI_SEEN_TRUTH && seen != LENSI_SEEN_TRUTH) || seen & LENSI_SEEN_HUGE)
        return LENSI_KIND_TEXT;
    if (seen & LENSI_SEEN_TRUTH)
        return LENSI_KIND_TRUTH;
    if (seen & LENSI_SEEN_REAL)
        return LENSI_KIND_F64;
    if (seen & LENSI_SEEN_LOW)
        return LENSI_KIND_TEXT;
    if (seen & LENSI_SEEN_UNSIGNED)
        return seen & (LENSI_SEEN_MISSING | LENSI_SEEN_NEGATIVE) ? LENSI_KIND_TEXT : LENSI_KIND_U64;
    return seen & LENSI_SEEN_MISSING ? LENSI_KIND_F64 : LENSI_KIND_I64;
}

static enum lensi_kind join(enum lensi_kind a, enum lensi_kind b)
{
    if (a == b || a == LENSI_KIND_NONE)
        return b;
    if ((a == LENSI_KIND_I64 && b == LENSI_KIND_U64) || (a == LENSI_KIND_U64 && b == LENSI_KIND_I64))
        return LENSI_KIND_F64;
    return a > b ? a : b;
}

static void end_piece(struct scan *s)
{
    for (uint32_t k = 0; k < s->width; k++) {
        if (s->p->kinds[k] != LENSI_KIND_TEXT)
            s->p->kinds[k] = (uint8_t)join((enum lensi_kind)s->p->kinds[k], kind_of_piece(s->seen[k]));
        s->seen[k] = 0;
    }
}

/* Nothing more is to be learnt of a column in this piece. */
static int is_text(const struct scan *s, uint32_t column)
{
    return s->p->kinds[column] == LENSI_KIND_TEXT || s->seen[column] & LENSI_SEEN_TEXT;
}

/* What follows a plain number: 1 a separator, 0 the row's end, -1 something else. Moves *p behind it. */
static int pass_end(const struct lensi_dialect *d, const uint8_t **p)
{
    const uint8_t *end = *p + (d->newline == '\n' && (*p)[0] == '\r' && (*p)[1] == '\n');

    if (*end != d->sep && *end != d->newline)
        return -1;
    *p = end + 1;
    return *end == d->sep;
}

/* A plain number and what ends it: passes both. As see_field, or -1: it is not that, and nothing was passed. */
static int see_plain(struct scan *s, uint32_t column)
{
    const struct lensi_dialect *d = &s->text->dialect;
    const uint8_t *start = s->text->p, *p = NULL;
    unsigned seen = s->seen[column] & LENSI_SEEN_REAL;
    struct lensi_decimal decimal;
    int64_t whole;
    int goes_on = -1;

    if (d->spaces || s->text->end - start < LENSI_NUMBER_SLACK)
        return -1;
    if (!seen) {
        seen = LENSI_SEEN_WHOLE | (*start == '-' ? LENSI_SEEN_NEGATIVE : 0u);
        p = lensi_fast_int(start, &whole);
        goes_on = p ? pass_end(d, &p) : -1;
    }
    if (goes_on < 0 && s->p->decimal == '.' && !s->p->thousands) {
        seen = lensi_see_real(s->seen[column], *start == '-');
        p = lensi_fast_decimal(start, &decimal);
        goes_on = p && decimal.q >= -PLAIN_POWER && decimal.q <= PLAIN_POWER ? pass_end(d, &p) : -1;
    }
    if (goes_on < 0)
        return -1;
    s->seen[column] |= (uint16_t)seen;
    s->text->p = p;
    return goes_on;
}

/* One field. 1: the row goes on; 0: it was the last; -EILSEQ. */
static int see_field(struct scan *s, uint32_t column)
{
    struct lensi_field field;
    int plain = see_plain(s, column);

    if (plain >= 0)
        return plain;
    if (lensi_field_look(s->text, &field) < 0)
        return -EILSEQ;
    s->seen[column] |= (uint16_t)lensi_cell_see(s->p, &field, s->text->reader, s->seen[column]);
    s->text->p = field.behind;
    return !field.is_last;
}

/* Fields that nobody looks at, up to the next column of interest. As see_field; moves *column. */
static int pass_text(struct scan *s, uint32_t *column)
{
    uint32_t to = *column;
    int64_t passed;

    while (to < s->width && is_text(s, to))
        to++;
    if (to == s->width) {
        *column = to;
        return lensi_row_pass(s->text) < 0 ? -EILSEQ : 0;
    }
    passed = lensi_fields_pass(s->text, to - *column);
    if (passed < 0)
        return -EILSEQ;
    *column += (uint32_t)passed;
    if (*column == to)
        return 1;
    ++*column;
    return lensi_row_pass(s->text) < 0 ? -EILSEQ : 0; /* the row is too short */
}

static int see_row(struct scan *s)
{
    uint32_t column = 0;
    int goes_on = 1;

    while (goes_on > 0 && column < s->width) {
        if (is_text(s, column))
            goes_on = pass_text(s, &column);
        else
            goes_on = see_field(s, column++);
    }
    if (goes_on > 0 && lensi_row_pass(s->text) < 0)
        return -EILSEQ;
    for (; goes_on == 0 && column < s->width; column++)
        s->seen[column] |= LENSI_SEEN_MISSING;
    return goes_on < 0 ? -EILSEQ : 0;
}

/* Whether a column of this kind is asked for. */
static int is_wanted(const struct lensi_delimited *p, enum lensi_kind kind)
{
    enum lensi_kind same = p->element.as == LENSI_AS_TRUTH        ? LENSI_KIND_TRUTH
                           : p->element.type == LENS_TYPE_U64     ? LENSI_KIND_U64
                           : p->element.type == LENS_TYPE_F64     ? LENSI_KIND_F64
                           : p->element.type == LENS_TYPE_I64     ? LENSI_KIND_I64
                                                                  : LENSI_KIND_NONE;

    return p->infer == LENSI_NUMBERS ? kind >= LENSI_KIND_I64 && kind <= LENSI_KIND_F64 : kind == same;
}

static void choose(struct lensi_delimited *p, uint32_t width)
{
    if (p->infer != LENSI_SAME && p->infer != LENSI_NUMBERS)
        return;
    p->items = 0;
    for (uint32_t k = 0; k < width; k++)
        if (is_wanted(p, (enum lensi_kind)p->kinds[k]))
            p->columns[p->items++] = (uint16_t)k;
    p->all_columns = p->items == width;
}

int lensi_delimited_kinds(struct lensi_delimited *p, struct lensi_text *text)
{
    struct scan s = {.p = p, .text = text, .width = p->width, .piece = 1};

    if (p->width == 0 || p->width > LENSI_COLUMNS_MAX)
        return -EILSEQ;
    while (s.piece * 2 < PIECE_CELLS / p->width)
        s.piece *= 2;
    for (p->rows = 0; lensi_row_begin(text); p->rows++) {
        if (p->rows > 0 && p->rows % s.piece == 0)
            end_piece(&s);
        if (see_row(&s) < 0)
            return -EILSEQ;
    }
    end_piece(&s);
    choose(p, p->width);
    return 0;
}
