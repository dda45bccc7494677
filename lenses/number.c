/*
 * number.c - strtol, strtoul, strtod and strtof over bounded text.
 *
 * Here is the full language of each; number_inline.h has the common case. Decimals are rounded by fast_float,
 * hexadecimal floats and nan(chars) here. number_scan.c builds scanf's, Python's and pandas' readers on these.
 */
#include "lenses/number_inline.h"

#include <math.h>

const double lensi_ten_f64[23] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
const float lensi_ten_f32[11] = { 1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f };

/* How many bytes past a number libc may have to see: "infinity" behind "inf", "e+" and "0x." behind digits. */
enum { LOOK_AHEAD = 8 };

size_t lensi_space_bytes(const uint8_t *p, size_t n)
{
    size_t i = 0;

    while (i < n && lensi_is_space(p[i]))
        i++;
    return i;
}

size_t lensi_match_word(const uint8_t *p, size_t n, const char *word)
{
    size_t i = 0;

    while (i < n && word[i] && (p[i] | 32) == (uint8_t)word[i])
        i++;
    return word[i] ? 0 : i;
}

unsigned lensi_digit_value(uint8_t c)
{
    if (lensi_is_digit(c))
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'z' ? c - 'a' + 10u : 255;
}

/* ------------------------------------------------------------------ integers */

size_t lensi_read_digits(const uint8_t *p, size_t n, unsigned base, uint64_t *value, int *overflow)
{
    uint64_t v = 0;
    size_t i = 0;
    unsigned digit;

    *overflow = 0;
    for (; i < n && (digit = lensi_digit_value(p[i])) < base; i++)
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
            *overflow = 1;
    *value = *overflow ? UINT64_MAX : v;
    return i;
}

/* "0x" counts as a prefix only if a digit follows; otherwise the number is the 0 in front of the x. */
static size_t prefix_bytes(const uint8_t *p, size_t n, unsigned *base)
{
    int hex = n > 2 && p[0] == '0' && (p[1] | 32) == 'x' && lensi_digit_value(p[2]) < 16;

    if (hex && (*base == 0 || *base == 16)) {
        *base = 16;
        return 2;
    }
    if (*base == 0)
        *base = n > 0 && p[0] == '0' ? 8 : 10;
    return 0;
}

/* Sign and digits at p; `used` is 0 if there is no number. */
static size_t read_integer(const uint8_t *p, size_t n, unsigned base, uint64_t *value, int *negative, int *overflow)
{
    size_t at = 0, digits;

    *negative = n > 0 && p[0] == '-';
    at += *negative || (n > 0 && p[0] == '+');
    at += prefix_bytes(p + at, n - at, &base);
    digits = lensi_read_digits(p + at, n - at, base, value, overflow);
    return digits ? at + digits : 0;
}

static unsigned cut_flag(size_t used, size_t n, size_t look_ahead)
{
    return n - used < look_ahead ? LENS_NUMBER_CUT : 0;
}

void lensi_clamp_signed(uint64_t v, int negative, int overflow, struct lens_number *out)
{
    if (overflow || v > (uint64_t)INT64_MAX + (uint64_t)negative) {
        out->flags |= LENS_NUMBER_OVERFLOW;
        out->i = negative ? INT64_MIN : INT64_MAX;
    } else {
        out->i = (int64_t)(negative ? 0 - v : v);
    }
}

void lensi_clamp_unsigned(uint64_t v, int negative, int overflow, struct lens_number *out)
{
    if (overflow)
        out->flags |= LENS_NUMBER_OVERFLOW;
    out->u = negative && !overflow ? 0 - v : v;
}

size_t lensi_strtol(const uint8_t *p, size_t n, unsigned base, struct lens_number *out)
{
    size_t space = lensi_space_bytes(p, n), used;
    int negative, overflow;
    uint64_t v;

    used = read_integer(p + space, n - space, base, &v, &negative, &overflow);
    out->flags = cut_flag(space + used, n, 4);
    lensi_clamp_signed(used ? v : 0, negative, used && overflow, out);
    return used ? space + used : 0;
}

size_t lensi_strtoul(const uint8_t *p, size_t n, unsigned base, struct lens_number *out)
{
    size_t space = lensi_space_bytes(p, n), used;
    int negative, overflow;
    uint64_t v;

    used = read_integer(p + space, n - space, base, &v, &negative, &overflow);
    out->flags = cut_flag(space + used, n, 4);
    lensi_clamp_unsigned(used ? v : 0, negative, used && overflow, out);
    return used ? space + used : 0;
}

/* ------------------------------------------------------------------ hexadecimal floats */

struct binary {
    uint64_t mantissa; /* the value is mantissa * 2^power, and a little more if `sticky` */
    int64_t power;
    int sticky;
};

struct format {
    int mantissa_bits, bias;
};
static const struct format format_f64 = { 52, 1023 }, format_f32 = { 23, 127 };

/* Rounds to nearest, ties to even; the bits without a sign. Running over the top gives infinity by itself. */
static uint64_t round_binary(const struct binary *b, const struct format *format)
{
    int zeros = b->mantissa ? __builtin_clzll(b->mantissa) : 64;
    int64_t exponent = b->power + 63 - zeros, below = 1 - format->bias - exponent;
    int64_t shift = 63 - format->mantissa_bits + (below > 0 ? below : 0);
    uint64_t m, kept, rest, half;

    if (zeros == 64 || shift > 64)
        return 0;
    if (exponent > format->bias)
        return (uint64_t)(2 * format->bias + 1) << format->mantissa_bits;
    m = b->mantissa << zeros;
    kept = shift == 64 ? 0 : m >> shift;
    rest = shift == 64 ? m : m & ((1ull << shift) - 1);
    half = 1ull << (shift - 1);
    kept += rest > half || (rest == half && (b->sticky || (kept & 1)));
    /* A normal number's leading bit adds one to the exponent field; so does a carry out of the mantissa. */
    return kept + (below > 0 ? 0 : (uint64_t)(exponent + format->bias - 1) << format->mantissa_bits);
}

/* p[+-]digits behind a hexadecimal mantissa; 0 if it is not whole. */
static size_t read_power(const uint8_t *p, size_t n, int64_t *power)
{
    size_t at = 1;
    int negative;
    int64_t v = 0;

    if (n < 2 || (p[0] | 32) != 'p')
        return 0;
    negative = p[at] == '-';
    at += negative || p[at] == '+';
    if (at >= n || !lensi_is_digit(p[at]))
        return 0;
    for (; at < n && lensi_is_digit(p[at]); at++)
        v = v < 1 << 30 ? v * 10 + (p[at] - '0') : v;
    *power += negative ? -v : v;
    return at;
}

/* What follows "0x"; 0 if there is no digit. */
static size_t read_hex(const uint8_t *p, size_t n, struct binary *b)
{
    size_t at = 0, digits = 0;
    int point = 0;

    memset(b, 0, sizeof *b);
    for (; at < n; at++) {
        unsigned digit = lensi_digit_value(p[at]);

        if (p[at] == '.' && !point) {
            point = 1;
            continue;
        }
        if (digit > 15)
            break;
        digits++;
        b->power -= 4 * point;
        if (b->mantissa >> 60) {
            b->sticky |= digit != 0;
            b->power += 4;
        } else {
            b->mantissa = b->mantissa << 4 | digit;
        }
    }
    return digits ? at + read_power(p + at, n - at, &b->power) : 0;
}

/* ------------------------------------------------------------------ floats */

/* nan or nan(chars), where chars that are a whole number give the payload. */
static size_t read_nan(const uint8_t *p, size_t n, uint64_t *payload, unsigned *flags)
{
    struct lens_number number;
    size_t at = 4;

    *payload = 0;
    if (n < 4 || p[3] != '(')
        return 3;
    while (at < n && (lensi_digit_value(p[at]) < 36 || p[at] == '_'))
        at++;
    if (at == n)
        *flags |= LENS_NUMBER_CUT;
    if (at == n || p[at] != ')')
        return 3;
    if (at > 4 && lensi_strtoul(p + 4, at - 4, 0, &number) == at - 4)
        *payload = number.u;
    return at + 1;
}

/* Everything but decimals: the bits without the sign, and the bytes used; 0 if it is something else. */
static size_t read_special(const uint8_t *p, size_t n, const struct format *format, uint64_t *bits, unsigned *flags)
{
    uint64_t infinity = (uint64_t)(2 * format->bias + 1) << format->mantissa_bits;
    uint64_t quiet = 1ull << (format->mantissa_bits - 1);
    struct binary b;
    size_t used;

    if (lensi_match_word(p, n, "inf")) {
        *bits = infinity;
        return lensi_match_word(p, n, "infinity") ? 8 : 3;
    }
    if (lensi_match_word(p, n, "nan")) {
        used = read_nan(p, n, bits, flags);
        *bits = infinity | quiet | (*bits & (quiet - 1));
        return used;
    }
    if (n < 3 || p[0] != '0' || (p[1] | 32) != 'x' || !(used = read_hex(p + 2, n - 2, &b)))
        return 0;
    *bits = round_binary(&b, format);
    if (*bits == infinity)
        *flags |= LENS_NUMBER_OVERFLOW;
    return 2 + used;
}

/* Whether a decimal begins at p; fast_float would take more, and a sign of its own. */
static int begins_decimal(const uint8_t *p, size_t n)
{
    return n > 0 && (lensi_is_digit(p[0]) || (n > 1 && p[0] == '.' && lensi_is_digit(p[1])));
}

static size_t sign_bytes(const uint8_t *p, size_t n)
{
    return n > 0 && (p[0] == '-' || p[0] == '+');
}

size_t lensi_strtod(const uint8_t *p, size_t n, struct lens_number *out)
{
    size_t space = lensi_space_bytes(p, n), at = space + sign_bytes(p + space, n - space), used;

    out->flags = 0;
    out->u = 0;
    used = read_special(p + at, n - at, &format_f64, &out->u, &out->flags);
    if (!used && begins_decimal(p + at, n - at)) {
        used = lensi_decimal_double(p + at, n - at, &out->d);
        if (isinf(out->d))
            out->flags |= LENS_NUMBER_OVERFLOW;
    }
    out->flags |= cut_flag(at + used, n, LOOK_AHEAD);
    if (used && at > space && p[at - 1] == '-')
        out->d = -out->d;
    return used ? at + used : 0;
}

size_t lensi_strtof(const uint8_t *p, size_t n, struct lens_number *out)
{
    size_t space = lensi_space_bytes(p, n), at = space + sign_bytes(p + space, n - space), used;

    out->flags = 0;
    out->u = 0;
    used = read_special(p + at, n - at, &format_f32, &out->u, &out->flags);
    if (!used && begins_decimal(p + at, n - at)) {
        used = lensi_decimal_float(p + at, n - at, &out->f);
        if (isinf(out->f))
            out->flags |= LENS_NUMBER_OVERFLOW;
    }
    out->flags |= cut_flag(at + used, n, LOOK_AHEAD);
    if (used && at > space && p[at - 1] == '-')
        out->f = -out->f;
    return used ? at + used : 0;
}

size_t lensi_python(const uint8_t *p, size_t n, struct lens_number *out)
{
    size_t space = lensi_space_bytes(p, n), at = space + sign_bytes(p + space, n - space), used = 0;
    size_t word = n - at < LOOK_AHEAD ? n - at : LOOK_AHEAD;

    out->flags = 0;
    out->u = 0;
    if (begins_decimal(p + at, n - at)) {
        used = lensi_decimal_double(p + at, n - at, &out->d);
        if (isinf(out->d))
            out->flags |= LENS_NUMBER_OVERFLOW;
    } else if (lensi_match_word(p + at, word, "nan")) {
        out->d = NAN;
        used = 3;
    } else {
        used = read_special(p + at, word, &format_f64, &out->u, &out->flags);
    }
    out->flags |= cut_flag(at + used, n, LOOK_AHEAD);
    if (used && at > space && p[at - 1] == '-')
        out->d = -out->d;
    return used ? at + used : 0;
}
