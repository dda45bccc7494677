/*
 * fuzz_number.c - any bytes as a number: every reader of number.h against libc, and CUT against longer text.
 */
#include "lenses/number_inline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The formats are made of the input. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good, const char *what, const char *text)
{
    if (good)
        return;
    fprintf(stderr, "%s of \"%s\"\n", what, text);
    abort();
}

static int same_double(double a, double b) { return !memcmp(&a, &b, sizeof a); }
static int same_float(float a, float b) { return !memcmp(&a, &b, sizeof a); }

/* glibc before 2.41 rounds some exactly given subnormals wrongly (tests/unit/test_number.c says which). */
static int subnormal(double got, int is_float)
{
    return __builtin_fabs(got) <= (is_float ? 0x1p-126 : 0x1p-1022);
}

static void check_strto(const char *text, const uint8_t *p, size_t n)
{
    struct lens_number number;
    char *end;
    size_t used;
    double d = strtod(text, &end);

    used = lensi_strtod(p, n, &number);
    check(used == (size_t)(end - text) && (!used || same_double(d, number.d) || subnormal(number.d, 0)), "strtod", text);
    float f = strtof(text, &end);
    used = lensi_strtof(p, n, &number);
    check(used == (size_t)(end - text) && (!used || same_float(f, number.f) || subnormal((double)number.f, 1)), "strtof",
          text);
    for (unsigned base = 0; base <= 36; base = base == 0 ? 8 : base == 8 ? 10 : base == 10 ? 16 : base + 20) {
        long l = strtol(text, &end, (int)base);
        used = lensi_strtol(p, n, base, &number);
        check(used == (size_t)(end - text) && (!used || number.i == l), "strtol", text);
        unsigned long u = strtoul(text, &end, (int)base);
        used = lensi_strtoul(p, n, base, &number);
        check(used == (size_t)(end - text) && (!used || number.u == u), "strtoul", text);
    }
}

static void check_scan(const char *text, const uint8_t *p, size_t n, unsigned width)
{
    static const char letters[] = "diuxo";
    static const unsigned bases[] = { 10, 0, 10, 16, 8 };
    struct lens_number number;
    char digits[16] = "", format[32];
    int end = 0;
    double d = 0;

    if (width)
        snprintf(digits, sizeof digits, "%u", width);
    snprintf(format, sizeof format, "%%%slf%%n", digits);
    int result = sscanf(text, format, &d, &end);
    size_t used = lensi_scan_double(p, n, width, &number);
    check(result == 1 ? used == (size_t)end && (same_double(d, number.d) || subnormal(number.d, 0)) : !used, format, text);
    for (int k = 0; k < 5; k++) {
        long value = 0;

        snprintf(format, sizeof format, "%%%sl%c%%n", digits, letters[k]);
        result = sscanf(text, format, &value, &end);
        used = lensi_scan_int(p, n, width, bases[k], k < 2, &number);
        check(result == 1 ? used == (size_t)end && number.i == value : !used, format, text);
    }
}

static void check_cut(const char *text, const uint8_t *p, size_t n, size_t part)
{
    for (int as = 0; as < LENS_AS_COUNT; as++) {
        struct lens_number a = { .u = 0 }, b = { .u = 0 };
        size_t used = lensi_number_read((enum lens_as)as, p, part, &a);

        if (!(a.flags & LENS_NUMBER_CUT))
            check(used == lensi_number_read((enum lens_as)as, p, n, &b) && (!used || a.u == b.u), "cut", text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096];
    uint8_t *exact;
    size_t n = size > 1 ? size - 1 : 0;

    if (!n || n >= sizeof text || memchr(data + 1, 0, n))
        return 0;
    memcpy(text, data + 1, n);
    text[n] = 0;
    exact = malloc(n);
    memcpy(exact, text, n);
    check_strto(text, exact, n);
    check_scan(text, exact, n, data[0] % 16);
    check_cut(text, exact, n, data[0] % n);
    free(exact);
    return 0;
}
