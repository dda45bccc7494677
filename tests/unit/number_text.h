/*
 * number_text.h - numbers as a hostile file would write them: seeded, for the tests and fuzz targets of number.h.
 */
#ifndef TESTS_UNIT_NUMBER_TEXT_H
#define TESTS_UNIT_NUMBER_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t test_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 2685821657736338717u >> 8;
}

/* The seed: LENS_TEST_SEED, or a fixed one; printed, so that a failure can be repeated. */
static inline uint64_t test_seed(const char *who)
{
    const char *text = getenv("LENS_TEST_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 88172645463325252u;

    fprintf(stderr, "%s: seed %llu\n", who, (unsigned long long)seed);
    return seed | 1;
}

static inline size_t text_digits(uint64_t *state, char *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('0' + (test_next(state) % 3 ? test_next(state) % 10 : test_next(state) % 2 * 9));
    return n;
}

/* How many digits: mostly few, sometimes around the limits of 64 and 128 bits, seldom hundreds. */
static inline size_t text_length(uint64_t *state)
{
    uint64_t kind = test_next(state) % 64;

    return kind < 50 ? test_next(state) % 8 : kind < 63 ? test_next(state) % 25 : test_next(state) % 900;
}

static inline size_t text_decimal(uint64_t *state, char *out)
{
    size_t n = 0;

    n += text_digits(state, out, text_length(state));
    if (test_next(state) % 4) {
        out[n++] = '.';
        n += text_digits(state, out + n, text_length(state));
    }
    if (test_next(state) % 4 == 0) {
        out[n++] = "eE"[test_next(state) % 2];
        if (test_next(state) % 2)
            out[n++] = "+-"[test_next(state) % 2];
        n += text_digits(state, out + n, test_next(state) % 5);
    }
    return n;
}

/* A double (or float) by its bits, or the exact middle between two of them, with enough digits to be exact. */
static inline size_t text_bits(uint64_t *state, char *out)
{
    uint64_t bits = test_next(state) << 32 ^ test_next(state);
    uint32_t small = (uint32_t)bits;
    double d;
    float f;

    if (test_next(state) % 4 == 0)
        bits &= 0x800fffffffffffff; /* subnormal */
    if (test_next(state) % 4 == 0)
        bits &= ~0u << (test_next(state) % 32);
    memcpy(&d, &bits, 8);
    memcpy(&f, &small, 4);
    if (test_next(state) % 3 == 0)
        d = f;
    if (test_next(state) % 3 == 0) {
        long double middle = ((long double)f + (long double)__builtin_nextafterf(f, 1e38f)) / 2;
        return (size_t)sprintf(out, "%.*Le", (int)(test_next(state) % 60), middle);
    }
    if (test_next(state) % 3 == 0) {
        long double middle = ((long double)d + (long double)__builtin_nextafter(d, 1e308)) / 2;
        return (size_t)sprintf(out, "%.*Le", (int)(test_next(state) % 800), middle);
    }
    if (test_next(state) % 4 == 0)
        return (size_t)sprintf(out, "%.*a", (int)(test_next(state) % 20), d);
    return (size_t)sprintf(out, "%.*g", (int)(1 + test_next(state) % 25), d);
}

static inline size_t text_integer(uint64_t *state, char *out)
{
    static const char *const edges[] = { "2147483647", "2147483648", "4294967295", "4294967296",
        "9223372036854775807", "9223372036854775808", "9223372036854775809", "18446744073709551615",
        "18446744073709551616", "0777", "08", "0x7fffffffffffffff", "0x10000000000000000", "0x", "0xg", "127", "128" };

    if (test_next(state) % 6 == 0)
        return (size_t)sprintf(out, "%s", edges[test_next(state) % (sizeof edges / sizeof *edges)]);
    if (test_next(state) % 6 == 0)
        return (size_t)sprintf(out, "0%c%llx", "xX"[test_next(state) % 2],
                               (unsigned long long)(test_next(state) >> test_next(state) % 56));
    return text_digits(state, out, text_length(state));
}

static inline size_t text_special(uint64_t *state, char *out)
{
    static const char *const words[] = { "inf", "INF", "infinity", "infinit", "infi", "nan", "NaN", "nan(", "nan()",
        "nan(12)", "nan(0x7ff)", "nan(077)", "nan(a_b)", "nan(1 )", "in", "na", "0x", "0x.", "0x.8", "0x1p", "0x1p+",
        "0x1p-1074", "0x1.8p-1075", "0x1p1024", "0x0p99999999999", "0xp1", ".", ".e1", "e1", "+", "-", "+-1", "0x1.p2",
        "0x.p", "1e", "1e+", "1e-", "1..2", "0x1.fffffffffffff8p1023", "0x1.fffffffffffff7p1023", "0x1.fffffep127",
        "0x1.ffffffp127", "0x0.00000000000000000000000000000000001p-1000", "0x8000000000000000000000001p0",
        "4.9406564584124654e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623159e308",
        "1.7976931348623158e308", "3.4028235677973366e38", "7.0064923216240853e-46", "1e99999999999999999999",
        "0e99999999999999999999", "1e-99999999999999999999", "123456789012345678e-9", "0.1", "1" };

    return (size_t)sprintf(out, "%s", words[test_next(state) % (sizeof words / sizeof *words)]);
}

/* One number, or nearly one, of at most 2000 bytes, NUL-terminated. Returns its length. */
static inline size_t test_number_text(uint64_t *state, char *out)
{
    size_t n = 0, spaces = test_next(state) % 8 == 0 ? test_next(state) % 4 : 0;

    while (spaces--)
        out[n++] = " \t\n\v\f\r"[test_next(state) % 6];
    if (test_next(state) % 3 == 0)
        out[n++] = "+-"[test_next(state) % 2];
    switch (test_next(state) % 8) {
    case 0:
        n += text_special(state, out + n);
        break;
    case 1:
    case 2:
        n += text_bits(state, out + n);
        break;
    case 3:
    case 4:
        n += text_integer(state, out + n);
        break;
    default:
        n += text_decimal(state, out + n);
    }
    if (n && test_next(state) % 16 == 0)
        out[test_next(state) % n] = "0123456789.eExXpPnNiIaAfF()_+- \n"[test_next(state) % 32];
    if (test_next(state) % 2)
        out[n++] = " \n,;:xe.0)"[test_next(state) % 10];
    out[n] = 0;
    return n;
}

#endif
