/*
 * number.h - text to numbers, bounded, and equal to libc's to the last bit (C locale, round to nearest).
 *
 * Every conversion reads [p, p + n) and nothing behind it: no NUL is needed, and none ends the text unless the
 * rules of the conversion say so. White space in front is skipped, as libc does. Each returns the bytes used
 * (white space included), or 0 if there is no number. All are pure and may run in a signal handler.
 *
 * The flags tell what the value alone cannot:
 *   OVERFLOW  out of range; the value is what libc delivers (LONG_MAX, ULONG_MAX, +-HUGE_VAL, ...)
 *   CUT       the conversion looked at the end of the buffer: with more bytes the answer might be another one.
 *             Who holds a window of a longer text gets more text and converts again; at the end of the text
 *             the answer is final. It may be set without need, never the other way round.
 *
 * Decimals and hexadecimal floats are rounded correctly. So are glibc's, but for one slip in glibc before 2.41: a text
 * whose exact value is subnormal and has one significant bit more than the type is taken for a tie. Such text needs
 * 25 (54) bits spelt out exactly, which takes a hexadecimal float or over a hundred digits; a view then differs from
 * the program's memory there, and that memory is left alone.
 *
 * lenses/number_inline.h has the same conversions for the common case, inlined, for the loops of lenses.
 */
#ifndef LENS_NUMBER_H
#define LENS_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LENS_NUMBER_OVERFLOW = 1, LENS_NUMBER_CUT = 2 };

struct lens_number {
    union {
        int64_t i;
        uint64_t u;
        double d;
        float f;
    };
    unsigned flags;
};

/* ------------------------------------------------------------------ one function per reader */

/* strtol, strtoll / strtoul, strtoull: base 0 or 2..36. Sets i / u. */
size_t lensi_strtol(const uint8_t *p, size_t n, unsigned base, struct lens_number *out);
size_t lensi_strtoul(const uint8_t *p, size_t n, unsigned base, struct lens_number *out);
/* strtod sets d, strtof sets f: decimal, hexadecimal, inf, infinity, nan, nan(chars). */
size_t lensi_strtod(const uint8_t *p, size_t n, struct lens_number *out);
size_t lensi_strtof(const uint8_t *p, size_t n, struct lens_number *out);
/*
 * scanf's %d (base 10, signed), %i (0, signed), %u (10), %x (16), %o (8). width 0: none; it counts from behind
 * the white space. Sets i or u to what strtol/strtoul give: whoever stores it into fewer bits cuts the high ones
 * off, which is what glibc's %hhd, %hd and %d do.
 */
size_t lensi_scan_int(const uint8_t *p, size_t n, size_t width, unsigned base, int is_signed, struct lens_number *out);
/* scanf's %lf (sets d) and %f (sets f): they take "1e" and "1e+" whole, and do not know nan(chars). */
size_t lensi_scan_double(const uint8_t *p, size_t n, size_t width, struct lens_number *out);
size_t lensi_scan_float(const uint8_t *p, size_t n, size_t width, struct lens_number *out);
/* pandas 1.5 read_csv: float_precision=None or "high" (the default), and "legacy". Set d. No inf, nan, hex. */
size_t lensi_pandas(const uint8_t *p, size_t n, struct lens_number *out);
size_t lensi_pandas_legacy(const uint8_t *p, size_t n, struct lens_number *out);
/* Python's float (numpy.loadtxt, pandas "round_trip"): correctly rounded decimals, inf, infinity, nan; no hex. */
size_t lensi_python(const uint8_t *p, size_t n, struct lens_number *out);

/* ------------------------------------------------------------------ readers by name, for `as=` */

enum lens_as {
    LENS_AS_STRTOL,        /* i */
    LENS_AS_STRTOUL,       /* u */
    LENS_AS_STRTOD,        /* d */
    LENS_AS_STRTOF,        /* f */
    LENS_AS_FLOAT,         /* d: strtof's result made a double ("through float") */
    LENS_AS_PANDAS,        /* d */
    LENS_AS_PANDAS_LEGACY, /* d */
    LENS_AS_PYTHON,        /* d */
    LENS_AS_COUNT
};

/* The reader called `name` (strtol strtoul strtod strtof float pandas pandas_legacy python, and round_trip for
 * python), or -1. The first LENS_AS_COUNT names in order, NULL behind them. */
int lensi_as_find(const char *name);
const char *lensi_as_name(size_t i);
/* Converts; integers in base 10. */
size_t lensi_number_read(enum lens_as as, const uint8_t *p, size_t n, struct lens_number *out);

/* ------------------------------------------------------------------ stored numbers */

enum lens_type {
    LENS_TYPE_I8,
    LENS_TYPE_I16,
    LENS_TYPE_I32,
    LENS_TYPE_I64,
    LENS_TYPE_U8,
    LENS_TYPE_U16,
    LENS_TYPE_U32,
    LENS_TYPE_U64,
    LENS_TYPE_F32,
    LENS_TYPE_F64,
    LENS_TYPE_COUNT
};

/* The type called `name`: i8 ... u64 f32 f64, stdint's names with or without _t, float, double. -1: unknown. */
int lensi_type_find(const char *name);
const char *lensi_type_name(enum lens_type type);
size_t lensi_type_bytes(enum lens_type type);
/* The type a reader's result naturally has: i64, u64, f64, f32. */
enum lens_type lensi_as_type(enum lens_as as);
/*
 * Stores a result of reader `as` as `type`, little-endian, at out (any alignment): integers are cut to size,
 * everything else is C's conversion; a floating value that does not fit an integer gives the type's extreme, nan 0
 * (C leaves that open).
 */
void lensi_number_store(enum lens_as as, const struct lens_number *number, enum lens_type type, void *out);

/* ------------------------------------------------------------------ numbers to text */

enum { LENS_NUMBER_TEXT_MAX = 32 };
/* The shortest decimal that strtod / strtof read back as the same bits, and plain integers. No NUL. The bytes made. */
size_t lensi_print_double(double value, char out[LENS_NUMBER_TEXT_MAX]);
size_t lensi_print_float(float value, char out[LENS_NUMBER_TEXT_MAX]);
size_t lensi_print_int(int64_t value, char out[LENS_NUMBER_TEXT_MAX]);
size_t lensi_print_uint(uint64_t value, unsigned base, char out[LENS_NUMBER_TEXT_MAX]);

/* White space as isspace has it in the C locale. */
static inline int lensi_is_space(uint8_t c) { return c == ' ' || (uint8_t)(c - '\t') < 5; }
static inline int lensi_is_digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }

#ifdef __cplusplus
}
#endif
#endif
