/*
 * fields.h - the rows and fields of delimited text (CSV, TSV, columns of blanks), found through a lens_reader.
 *
 * A row is a line that is neither blank nor only a comment; a quoted field may hold line ends. CR before LF is part
 * of the line end; a CR elsewhere is an ordinary byte. All functions are pure and leave the text at a place from
 * which they can be called again.
 */
#ifndef LENS_LENSES_FIELDS_H
#define LENS_LENSES_FIELDS_H

#include "liblens/lens.h"

/* How the text is written. Made by lensi_dialect_make; plain data. */
struct lensi_dialect {
    uint8_t sep;
    uint8_t quote, comment; /* the line end's byte if there is none: it never reaches the comparison */
    uint8_t newline;        /* what ends a line: '\n', with a CR in front or not, or '\r' alone */
    uint8_t spaces;         /* runs of blanks separate, and count for nothing at the ends of a line */
};

struct lensi_dialect lensi_dialect_make(int sep, int quote, int comment, int spaces, int newline);

/* A place in the text and the window around it. */
struct lensi_text {
    struct lens_reader *reader;
    struct lensi_dialect dialect;
    uint64_t start_offset; /* source offset of `start` */
    const uint8_t *start, *p, *end;
    int final; /* the source ends at `end` */
};

struct lensi_field {
    const uint8_t *text; /* the content, without quotes and, where blanks separate, without blanks */
    size_t bytes;
    int quoted;      /* doubled quotes inside stand for one */
    int is_last;     /* of its row */
    const uint8_t *behind; /* the next field of the row, or the next line */
};

/* Moves to a source offset. */
void lensi_text_seek(struct lensi_text *text, uint64_t offset);
static inline uint64_t lensi_text_offset(const struct lensi_text *text)
{
    return text->start_offset + (uint64_t)(text->p - text->start);
}

/* Goes over `lines` lines as they are, whatever they hold. */
void lensi_lines_pass(struct lensi_text *text, uint64_t lines);
/* Goes from the start of a line over blank and comment lines. 1 if a row begins here, 0 at the end of the text. */
int lensi_row_begin(struct lensi_text *text);
/* Goes from the start of a field behind the row. How many fields were passed, or -EILSEQ. */
int64_t lensi_row_pass(struct lensi_text *text);
/*
 * Goes from the start of a field over `count` fields of this row. Returns how many were passed: fewer if the row
 * ends before (the text then stands at its last field), or -EILSEQ.
 */
int64_t lensi_fields_pass(struct lensi_text *text, uint64_t count);
/*
 * Goes from inside a row to field `column` of the row below, if nothing unusual lies between: 1 and *row_start, the
 * source offset of that row. Otherwise 0, and the text has not moved.
 */
int lensi_column_below(struct lensi_text *text, uint64_t column, uint64_t *row_start);
/* Looks at the field here; the text does not move (its pointers may). 0, or -EILSEQ: no end in sight. */
int lensi_field_look(struct lensi_text *text, struct lensi_field *field);
/* Copies content bytes [from, from + n) of a field to out, doubled quotes made one. Returns how many there were. */
size_t lensi_field_copy(const struct lensi_text *text, const struct lensi_field *field, size_t from, uint8_t *out,
                        size_t n);

#endif
