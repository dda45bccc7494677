/*
 * number_inline.h - the conversions of number.h for the common case, inlined into the loops of lenses.
 *
 * Each takes text with at least LENSI_NUMBER_SLACK readable bytes and returns the end of the number, or NULL where
 * it is not sure: then the caller asks the full conversion of number.h. Never another answer than that one gives.
 *
 * Digits are read one by one. Finding a number's end without branches (8 bytes at once, counting zeros) was tried:
 * it is 40 % slower, because then the next number cannot begin before this one's length is computed, while a branch
 * lets the processor guess it. Eight at once pay in long fractions only.
 */
#ifndef LENS_NUMBER_INLINE_H
#define LENS_NUMBER_INLINE_H

#include "lenses/number.h"
#include "lenses/number_parts.h"

#include <string.h>

#define LENSI_NUMBER_SLACK 64
#define LENSI_INLINE static inline __attribute__((always_inline))

extern const double lensi_ten_f64[23];
extern const float lensi_ten_f32[11];

/* The value of 8 digits, each byte 0..9, the first one in the lowest byte. */
LENSI_INLINE uint64_t lensi_eight_digits(uint64_t x)
{
    x = (x * (1 + (10 << 8)) >> 8) & 0x00FF00FF00FF00FF;
    x = (x * (1 + (100 << 16)) >> 16) & 0x0000FFFF0000FFFF;
    return x * (1 + (10000ull << 32)) >> 32;
}

/* Whether the 8 bytes are digits; *value is theirs then. */
LENSI_INLINE int lensi_are_eight_digits(const uint8_t *p, uint64_t *value)
{
    uint64_t x;

    memcpy(&x, p, 8);
    x ^= 0x3030303030303030;
    if (((x + 0x0606060606060606) | x) & 0xF0F0F0F0F0F0F0F0)
        return 0;
    *value = lensi_eight_digits(x);
    return 1;
}

/* Adds the digits at p to *value, at most `most` of them. Returns their end. */
LENSI_INLINE const uint8_t *lensi_take_digits(const uint8_t *p, ptrdiff_t most, uint64_t *value)
{
    const uint8_t *stop = p + most;
    uint64_t v = *value;
    unsigned digit;

    while (p < stop && (digit = (unsigned)*p - '0') < 10) {
        v = v * 10 + digit;
        p++;
    }
    *value = v;
    return p;
}

/* A decimal integer of at most 18 digits with an optional '-'. */
LENSI_INLINE const uint8_t *lensi_fast_int(const uint8_t *p, int64_t *value)
{
    uint64_t v = 0, negative = *p == '-';
    const uint8_t *start = p + negative;

    p = lensi_take_digits(start, 19, &v);
    if (__builtin_expect((size_t)(p - start) - 1 > 17, 0))
        return NULL;
    *value = (int64_t)((v ^ -negative) + negative);
    return p;
}

struct lensi_decimal {
    uint64_t mantissa;
    int64_t q; /* the value is mantissa * 10^q */
    unsigned negative;
};

/* The exponent behind e or E, of one to three digits. */
LENSI_INLINE const uint8_t *lensi_fast_exponent(const uint8_t *p, int64_t *q)
{
    uint64_t v = 0;
    const uint8_t *start = p + 1 + (p[1] == '-' || p[1] == '+');
    int negative = p[1] == '-';

    p = lensi_take_digits(start, 4, &v);
    if ((size_t)(p - start) - 1 > 2)
        return NULL;
    *q += negative ? -(int64_t)v : (int64_t)v;
    return p;
}

/* A decimal of at most 19 digits, a single 0 in front of the point not counted, behind an optional '-'. */
LENSI_INLINE const uint8_t *lensi_fast_decimal(const uint8_t *p, struct lensi_decimal *decimal)
{
    uint64_t mantissa = 0, eight;
    const uint8_t *start, *fraction;
    ptrdiff_t room;

    decimal->negative = *p == '-';
    start = p + decimal->negative;
    p = lensi_take_digits(start, 19, &mantissa);
    if (__builtin_expect((size_t)(p - start) - 1 > 17, 0))
        return NULL;
    decimal->q = 0;
    if (*p == '.') {
        fraction = ++p;
        room = 20 - (p - start) + (mantissa == 0 && p - start == 2);
        for (int k = 0; k < 2 && room >= 8 && lensi_are_eight_digits(p, &eight); k++, p += 8, room -= 8)
            mantissa = mantissa * 100000000 + eight;
        p = lensi_take_digits(p, room, &mantissa);
        if (__builtin_expect(lensi_is_digit(*p), 0))
            return NULL;
        decimal->q = fraction - p;
    }
    decimal->mantissa = mantissa;
    if (__builtin_expect((*p | 32) == 'e', 0))
        return lensi_fast_exponent(p, &decimal->q);
    return __builtin_expect((*p | 32) == 'x', 0) ? NULL : p;
}

/* As strtod. Whole numbers below 2^53 and powers to 10^22 are exact, so one operation rounds once (Clinger). */
LENSI_INLINE const uint8_t *lensi_fast_double(const uint8_t *p, double *value)
{
    struct lensi_decimal decimal;
    double d;

    p = lensi_fast_decimal(p, &decimal);
    if (__builtin_expect(!p, 0))
        return NULL;
    if (__builtin_expect(decimal.mantissa <= 1ull << 53 && decimal.q >= -22 && decimal.q <= 0, 1))
        d = (double)(int64_t)decimal.mantissa / lensi_ten_f64[-decimal.q];
    else if (!lensi_round_double(decimal.mantissa, decimal.q, &d))
        return NULL;
    *value = decimal.negative ? -d : d;
    return p;
}

/* As strtof. */
LENSI_INLINE const uint8_t *lensi_fast_float(const uint8_t *p, float *value)
{
    struct lensi_decimal decimal;
    float f;

    p = lensi_fast_decimal(p, &decimal);
    if (__builtin_expect(!p, 0))
        return NULL;
    if (__builtin_expect(decimal.mantissa <= 1u << 24 && decimal.q >= -10 && decimal.q <= 0, 1))
        f = (float)(int32_t)decimal.mantissa / lensi_ten_f32[-decimal.q];
    else if (!lensi_round_float(decimal.mantissa, decimal.q, &f))
        return NULL;
    *value = decimal.negative ? -f : f;
    return p;
}

#endif
