/*
 * format.h - scanf formats: taken apart, laid out as a C struct, matched against text.
 *
 * A format becomes a list of steps, which a lens keeps in its params. Stored conversions go to the members of a
 * struct in their order; the struct is the natural one (int for %d, float for %f, char[16] for %15s, ...) or given
 * as C declarations, and then values are converted as C's assignment would. Formats are parsed by configure only;
 * matching is pure and may run in a signal handler (format_match.h has the loops).
 */
#ifndef LENS_LENSES_FORMAT_H
#define LENS_LENSES_FORMAT_H

#include "lenses/number.h"
#include "liblens/lens.h"

enum {
    LENSI_FORMAT_STEPS = 96,
    LENSI_FORMAT_SETS = 12,
    LENSI_FORMAT_WIDTH_MAX = 32 * 1024 /* of a string; also the size limit of the struct */
};

enum lensi_step_kind {
    LENSI_STEP_SPACE,   /* white space in the format: skips any, even none */
    LENSI_STEP_LITERAL, /* one byte */
    LENSI_STEP_PERCENT, /* %%: skips white space, then a literal */
    LENSI_STEP_INT,
    LENSI_STEP_FLOAT,
    LENSI_STEP_DOUBLE,
    LENSI_STEP_CHARS,  /* %5c */
    LENSI_STEP_STRING, /* %5s */
    LENSI_STEP_SET     /* %5[a-z] */
};

struct lensi_step {
    uint8_t kind;
    uint8_t stored;    /* 0 for %*d */
    uint8_t read_type; /* enum lens_type: what scanf would store */
    uint8_t type;      /* enum lens_type: what the struct's member is */
    uint8_t base;      /* integers: 0, 8, 10, 16 */
    uint8_t literal;   /* the byte, also of white space (for printing) */
    uint8_t set;       /* index into sets */
    uint8_t plain;     /* a stored number of base 10 without a width, into its own type: the common case */
    uint8_t strict;    /* strtod's rules instead of scanf's */
    uint32_t width;    /* 0: none */
    uint32_t offset;   /* of the member in the struct */
    uint32_t bytes;    /* of the member */
};

/* Invariants: every stored step's offset + bytes <= bytes; dense means no byte of the struct is left unwritten. */
struct lensi_format {
    uint32_t steps_count;
    uint32_t stored_count;
    uint32_t sets_count;
    uint32_t bytes; /* sizeof the struct */
    uint8_t dense;
    uint8_t begins_with_space; /* the first step skips white space */
    uint8_t ends_open; /* the last step is a conversion: another number behind it would touch it */
    uint32_t stored_end; /* steps from here on store nothing */
    uint32_t space_from; /* steps from here on are white space */
    struct lensi_step steps[LENSI_FORMAT_STEPS];
    uint8_t sets[LENSI_FORMAT_SETS][32]; /* bitmaps of the bytes a set takes */
};

/* Parses a scanf format and lays it out. `at` is the argument's index, for the error. 0 or -EINVAL. */
int lensi_format_parse(struct lensi_format *format, const char *text, size_t n, int at, struct lens_error *error);
/* Lays the members out as these C declarations say, one member per stored conversion. 0 or -EINVAL. */
int lensi_format_layout(struct lensi_format *format, const char *declarations, size_t n, int at,
                        struct lens_error *error);
/* Writes a struct whose members hold these numbers (fewer: the rest is zero); strings are refused. 0 or -EINVAL. */
int lensi_format_fill(const struct lensi_format *format, const struct lens_value *values, size_t count, uint8_t *out,
                      int at, struct lens_error *error);
/* Prints one struct as text the format reads back, at most cap bytes. The count, -ENOSPC, or -EILSEQ if the
 * format leaves something out; not verified. */
int64_t lensi_format_print(const struct lensi_format *format, const uint8_t *element, uint8_t *out, size_t cap);

/* Stores a number read as `from` as a member of type `to`: C's assignment; little-endian, any alignment. */
void lensi_format_store(enum lens_type from, enum lens_type to, const struct lens_number *number, uint8_t *out);

#endif
