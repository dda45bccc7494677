/*
 * number_print.c - numbers to the shortest decimal that reads back as the same bits.
 *
 * No table of its own and no big numbers: a candidate with p digits is made with 64-bit precision and then *read* by
 * the exact conversion; the first p that gives the same bits wins. 17 digits (9 for float) always do.
 */
#include "lenses/number_inline.h"

#include <math.h>

static size_t put_digits(uint64_t value, unsigned base, char *out)
{
    char reversed[64];
    size_t n = 0;

    do
        reversed[n++] = "0123456789abcdef"[value % base];
    while (value /= base);
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    return n;
}

size_t lensi_print_uint(uint64_t value, unsigned base, char out[LENS_NUMBER_TEXT_MAX])
{
    return put_digits(value, base == 8 || base == 16 ? base : 10, out);
}

size_t lensi_print_int(int64_t value, char out[LENS_NUMBER_TEXT_MAX])
{
    if (value >= 0)
        return put_digits((uint64_t)value, 10, out);
    out[0] = '-';
    return 1 + put_digits(0 - (uint64_t)value, 10, out + 1);
}

/* A positive number as bits * 2^power, the top bit of bits set. */
struct scaled {
    uint64_t bits;
    int power;
};

/* x * 10^q, within a few units of the last of 64 bits. Two steps where 10^q is out of the table's range. */
static struct scaled scale_by_ten(struct scaled x, int q)
{
    for (int part; q; q -= part) {
        unsigned __int128 product;
        uint64_t ten;
        int power, zeros;

        part = q > 300 ? 300 : q < -300 ? -300 : q;
        lensi_power_of_ten(part, &ten, &power);
        product = (unsigned __int128)x.bits * ten;
        zeros = product >> 127 ? 0 : 1;
        x.bits = (uint64_t)(product >> (64 - zeros));
        x.power += power + 64 - zeros;
    }
    return x;
}

/* x rounded to a whole number; x is below 2^60. */
static uint64_t to_whole(struct scaled x)
{
    int shift = -x.power;

    if (shift <= 0)
        return x.bits;
    return shift > 63 ? 0 : ((x.bits >> (shift - 1)) + 1) >> 1;
}

/* Digits d, an exponent of the first digit, to text: plain where short, else with an exponent. */
static size_t lay_digits(const char *digits, int n, int exponent, char *out)
{
    size_t at = 0;
    int i = 0;

    if (exponent < -5 || exponent > 16) {
        out[at++] = digits[i++];
        if (n > 1)
            out[at++] = '.';
        while (i < n)
            out[at++] = digits[i++];
        out[at++] = 'e';
        return at + lensi_print_int(exponent, out + at);
    }
    if (exponent < 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int k = -1; k > exponent; k--)
            out[at++] = '0';
    }
    for (; i < n || i <= exponent; i++) {
        if (exponent >= 0 && i == exponent + 1)
            out[at++] = '.';
        out[at++] = i < n ? digits[i] : '0';
    }
    return at;
}

/* Does mantissa * 10^q read back as `value`? */
static int reads_back(uint64_t mantissa, int q, double value, int is_float)
{
    struct lens_number number;
    char text[64];
    size_t n = put_digits(mantissa, 10, text);
    const uint8_t *p = (const uint8_t *)text;

    text[n++] = 'e';
    n += lensi_print_int(q, text + n);
    if (is_float)
        return lensi_strtof(p, n, &number) == n && (double)number.f == value;
    return lensi_strtod(p, n, &number) == n && number.d == value;
}

/* A positive, finite number. */
static size_t print_positive(double value, int is_float, char *out)
{
    struct scaled x = { 0, 0 };
    int exponent2, exponent10, n;
    uint64_t mantissa = 0;
    char digits[32];

    x.bits = (uint64_t)ldexp(frexp(value, &exponent2), 53) << 11;
    x.power = exponent2 - 64;
    exponent10 = (exponent2 - 1) * 78913 >> 18; /* log10(2) is 78913 / 2^18 */
    for (n = 1; n <= 18; n++) {
        int q = exponent10 - n + 1;

        mantissa = to_whole(scale_by_ten(x, -q));
        if (reads_back(mantissa, q, value, is_float) && mantissa) {
            n = (int)put_digits(mantissa, 10, digits);
            exponent10 = q + n - 1;
            break;
        }
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return lay_digits(digits, n, exponent10, out);
}

static size_t print_any(double value, int is_float, char *out)
{
    size_t at = 0;

    if (signbit(value))
        out[at++] = '-';
    if (isnan(value) || isinf(value)) {
        memcpy(out + at, isnan(value) ? "nan" : "inf", 3);
        return at + 3;
    }
    if (value == 0) {
        out[at] = '0';
        return at + 1;
    }
    return at + print_positive(fabs(value), is_float, out + at);
}

size_t lensi_print_double(double value, char out[LENS_NUMBER_TEXT_MAX]) { return print_any(value, 0, out); }
size_t lensi_print_float(float value, char out[LENS_NUMBER_TEXT_MAX]) { return print_any((double)value, 1, out); }
