/*
 * test_number.c - number.h against libc itself, on millions of numbers; text always ends at an unreadable page.
 */
#include "lenses/number_inline.h"
#include "tests/unit/number_text.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* The formats are the test data. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

enum { CASES = 1500000, TEXT_ROOM = 2048 };

/* Copies text so that it ends right before a page that must not be touched. */
static const uint8_t *at_edge(const char *text, size_t n)
{
    static uint8_t *page;
    size_t size = (size_t)sysconf(_SC_PAGESIZE);

    if (!page) {
        page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cr_assert(page != MAP_FAILED && !mprotect(page + size, size, PROT_NONE));
    }
    return memcpy(page + size - n, text, n);
}

static uint64_t bits_of_double(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, 8);
    return bits;
}

static uint32_t bits_of_float(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, 4);
    return bits;
}

static void check_libc_integers(const char *text, size_t n, unsigned base)
{
    const uint8_t *p = at_edge(text, n);
    struct lens_number number;
    char *end;
    size_t used;

    errno = 0;
    long want = strtol(text, &end, (int)base);
    used = lensi_strtol(p, n, base, &number);
    cr_assert(used == (size_t)(end - text) && (!used || number.i == want), "strtol(\"%s\", %u)", text, base);
    cr_assert_eq(!!(number.flags & LENS_NUMBER_OVERFLOW), errno == ERANGE, "strtol(\"%s\", %u)", text, base);
    errno = 0;
    unsigned long uwant = strtoul(text, &end, (int)base);
    used = lensi_strtoul(p, n, base, &number);
    cr_assert(used == (size_t)(end - text) && (!used || number.u == uwant), "strtoul(\"%s\", %u)", text, base);
    cr_assert_eq(!!(number.flags & LENS_NUMBER_OVERFLOW), errno == ERANGE, "strtoul(\"%s\", %u)", text, base);
}

Test(number, strtol_as_libc, .timeout = 120)
{
    uint64_t state = test_seed("strtol_as_libc");
    char text[TEXT_ROOM];

    for (int i = 0; i < CASES; i++) {
        size_t n = test_number_text(&state, text);

        check_libc_integers(text, n, 10);
        check_libc_integers(text, n, (unsigned)(test_next(&state) % 36 + 1) % 36 ? 0 : 16);
        check_libc_integers(text, n, 2 + (unsigned)(test_next(&state) % 35));
    }
}

/*
 * glibc before 2.41 forgets one bit when a text's exact value is subnormal and has one significant bit more than the
 * type: then it rounds a value above the middle as if it were the middle. The lens gives the right number; the
 * hardware's rounding of a long double that holds the value exactly is the judge.
 */
static int libc_forgot_a_bit(const char *text, double got, int is_float)
{
    long double exact = strtold(text, NULL);
    int subnormal = __builtin_fabs(got) <= (is_float ? 0x1p-126 : 0x1p-1022);

    return subnormal && (is_float ? (double)(float)exact : (double)exact) == got;
}

static void check_libc_floats(const char *text, size_t n)
{
    const uint8_t *p = at_edge(text, n);
    struct lens_number number;
    char *end;
    errno = 0;
    double want = strtod(text, &end);
    int overflow = errno == ERANGE && __builtin_isinf(want);
    size_t used = lensi_strtod(p, n, &number);

    cr_assert(used == (size_t)(end - text) && (!used || bits_of_double(want) == number.u ||
                                               libc_forgot_a_bit(text, number.d, 0)), "strtod(\"%s\"): %a", text,
              number.d);
    cr_assert_eq(!!(number.flags & LENS_NUMBER_OVERFLOW), overflow, "strtod(\"%s\")", text);
    float wantf = strtof(text, &end);
    used = lensi_strtof(p, n, &number);
    cr_assert(used == (size_t)(end - text) && (!used || bits_of_float(wantf) == bits_of_float(number.f) ||
                                               libc_forgot_a_bit(text, (double)number.f, 1)),
              "strtof(\"%s\"): %a", text, (double)number.f);
}

Test(number, strtod_as_libc, .timeout = 120)
{
    uint64_t state = test_seed("strtod_as_libc");
    char text[TEXT_ROOM];

    for (int i = 0; i < 2 * CASES; i++)
        check_libc_floats(text, test_number_text(&state, text));
}

static void scan_format(char format[32], size_t width, const char *length, char letter)
{
    char digits[16] = "";

    if (width)
        snprintf(digits, sizeof digits, "%zu", width);
    snprintf(format, 32, "%%%s%s%c%%n", digits, length, letter);
}

/* One integer conversion of scanf, stored as wide as its length modifier says. */
static void check_scan_int(const char *text, size_t n, size_t width, unsigned kind)
{
    static const struct {
        char letter;
        unsigned base;
        int is_signed;
    } kinds[] = { { 'd', 10, 1 }, { 'i', 0, 1 }, { 'u', 10, 0 }, { 'x', 16, 0 }, { 'o', 8, 0 } };
    static const char *const lengths[] = { "hh", "h", "", "l" };
    struct lens_number number;
    int64_t want = 0, got = 0;
    int end = 0, length = (int)(kind / 5 % 4), result;
    char format[32];

    kind %= 5;
    scan_format(format, width, lengths[length], kinds[kind].letter);
    result = sscanf(text, format, &want, &end);
    size_t used = lensi_scan_int(at_edge(text, n), n, width, kinds[kind].base, kinds[kind].is_signed, &number);
    memcpy(&got, &number.u, 1u << length);
    cr_assert(result == 1 ? used == (size_t)end && got == want : !used, "%s of \"%s\": %d, %lld, %zu", format, text,
              result, (long long)number.i, used);
}

static void check_scan_float(const char *text, size_t n, size_t width)
{
    struct lens_number number;
    char wide[32], narrow[32];
    double want = 0;
    float wantf = 0;
    int end = 0;

    scan_format(wide, width, "l", 'f');
    scan_format(narrow, width, "", 'f');
    int result = sscanf(text, wide, &want, &end);
    size_t used = lensi_scan_double(at_edge(text, n), n, width, &number);
    cr_assert(result == 1 ? used == (size_t)end && (number.u == bits_of_double(want) ||
                                                       libc_forgot_a_bit(text, number.d, 0)) : !used, "%s of \"%s\": %d %d %zu",
              wide, text, result, end, used);
    result = sscanf(text, narrow, &wantf, &end);
    used = lensi_scan_float(at_edge(text, n), n, width, &number);
    cr_assert(result == 1 ? used == (size_t)end && (bits_of_float(number.f) == bits_of_float(wantf) ||
                                                       libc_forgot_a_bit(text, (double)number.f, 1)) : !used,
              "%s of \"%s\"", narrow, text);
}

Test(number, scanf_as_libc, .timeout = 200)
{
    uint64_t state = test_seed("scanf_as_libc");
    char text[TEXT_ROOM];

    for (int i = 0; i < CASES; i++) {
        size_t n = test_number_text(&state, text), width = test_next(&state) % 2 ? 0 : 1 + test_next(&state) % 12;

        check_scan_int(text, n, width, (unsigned)test_next(&state) % 20);
        check_scan_float(text, n, width);
    }
}

/* Where the inlined conversions answer at all, they answer as the full ones. */
Test(number, inline_as_full, .timeout = 120)
{
    uint64_t state = test_seed("inline_as_full");
    char text[TEXT_ROOM + LENSI_NUMBER_SLACK];
    int answered = 0;

    for (int i = 0; i < 2 * CASES; i++) {
        size_t n = test_number_text(&state, text);
        struct lens_number number;
        const uint8_t *p = (const uint8_t *)text, *end;
        int64_t whole;
        double d;
        float f;

        memset(text + n, " 9.;xe,"[i % 7], LENSI_NUMBER_SLACK);
        n += LENSI_NUMBER_SLACK;
        if ((end = lensi_fast_int(p, &whole)))
            cr_assert(lensi_strtol(p, n, 10, &number) == (size_t)(end - p) && number.i == whole, "\"%s\"", text);
        if ((end = lensi_fast_double(p, &d))) {
            cr_assert(lensi_strtod(p, n, &number) == (size_t)(end - p) && number.u == bits_of_double(d), "\"%s\"", text);
            cr_assert(lensi_scan_double(p, n, 0, &number) == (size_t)(end - p), "\"%s\"", text);
            answered++;
        }
        if ((end = lensi_fast_float(p, &f)))
            cr_assert(lensi_strtof(p, n, &number) == (size_t)(end - p) && bits_of_float(number.f) == bits_of_float(f),
                      "\"%s\"", text);
    }
    cr_assert_gt(answered, CASES / 2);
}

/* What is not flagged as CUT does not change when more text follows. */
Test(number, cut_is_told, .timeout = 120)
{
    uint64_t state = test_seed("cut_is_told");
    char text[TEXT_ROOM];

    for (int i = 0; i < CASES; i++) {
        size_t n = test_number_text(&state, text), part = test_next(&state) % (n + 1);
        const uint8_t *p = (const uint8_t *)text;

        for (int as = 0; as < LENS_AS_COUNT + 4; as++) {
            struct lens_number a = { .u = 0 }, b = { .u = 0 };
            size_t used_a, used_b;

            if (as < LENS_AS_COUNT) {
                used_a = lensi_number_read((enum lens_as)as, p, part, &a);
                used_b = lensi_number_read((enum lens_as)as, p, n, &b);
            } else if (as == LENS_AS_COUNT) {
                used_a = lensi_scan_double(p, part, 0, &a);
                used_b = lensi_scan_double(p, n, 0, &b);
            } else {
                unsigned base = as == LENS_AS_COUNT + 1 ? 10 : as == LENS_AS_COUNT + 2 ? 0 : 16;
                used_a = lensi_scan_int(p, part, 0, base, 1, &a);
                used_b = lensi_scan_int(p, n, 0, base, 1, &b);
            }
            if (!(a.flags & LENS_NUMBER_CUT))
                cr_assert(used_a == used_b && (!used_a || a.u == b.u), "reader %d: \"%.*s\" of \"%s\"", as, (int)part,
                          text, text);
        }
    }
}

/* pandas 1.5.3 and CPython 3.11 gave these bits (tests/fixtures/number/pandas.txt: text, high, legacy, round_trip). */
Test(number, pandas_and_python_as_recorded)
{
    FILE *file = fopen("tests/fixtures/number/pandas.txt", "r");
    char line[4096], text[2048];
    unsigned long long want[3];
    static const enum lens_as readers[3] = { LENS_AS_PANDAS, LENS_AS_PANDAS_LEGACY, LENS_AS_PYTHON };
    int lines = 0;

    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file)) {
        struct lens_number number;
        char bits[3][32];

        if (line[0] == '#' || sscanf(line, "%2047s %31s %31s %31s", text, bits[0], bits[1], bits[2]) != 4)
            continue;
        lines++;
        for (int k = 0; k < 3; k++) {
            if (sscanf(bits[k], "%llx", &want[k]) != 1) /* '-': pandas kept the text */
                continue;
            size_t used = lensi_number_read(readers[k], (const uint8_t *)text, strlen(text), &number);

            cr_assert(used == strlen(text) && number.u == want[k], "%s of %s: %llx, not %llx", lensi_as_name(readers[k]),
                      text, (unsigned long long)number.u, want[k]);
        }
    }
    fclose(file);
    cr_assert_gt(lines, 500);
}

Test(number, names)
{
    cr_assert_eq(lensi_as_find("strtod"), LENS_AS_STRTOD);
    cr_assert_eq(lensi_as_find("round_trip"), LENS_AS_PYTHON);
    cr_assert_eq(lensi_as_find("atof"), -1);
    for (size_t i = 0; i < LENS_AS_COUNT; i++)
        cr_assert_eq(lensi_as_find(lensi_as_name(i)), (int)i);
    cr_assert_null(lensi_as_name(LENS_AS_COUNT));
    cr_assert_eq(lensi_type_find("uint16_t"), LENS_TYPE_U16);
    cr_assert_eq(lensi_type_find("half"), -1);
    for (int i = 0; i < LENS_TYPE_COUNT; i++)
        cr_assert_eq(lensi_type_find(lensi_type_name((enum lens_type)i)), i);
}

Test(number, stored_as_another_type)
{
    struct lens_number number = { .i = -2 };
    uint8_t byte;
    float f;
    int16_t half;

    lensi_number_store(LENS_AS_STRTOL, &number, LENS_TYPE_U8, &byte);
    cr_assert_eq(byte, 254);
    lensi_number_store(LENS_AS_STRTOL, &number, LENS_TYPE_F32, &f);
    cr_assert_eq(f, -2);
    number.d = 1e9;
    lensi_number_store(LENS_AS_STRTOD, &number, LENS_TYPE_I16, &half);
    cr_assert_eq(half, INT16_MAX);
    number.d = -1.5;
    lensi_number_store(LENS_AS_STRTOD, &number, LENS_TYPE_I16, &half);
    cr_assert_eq(half, -1);
    lensi_number_store(LENS_AS_STRTOD, &number, LENS_TYPE_U8, &byte);
    cr_assert_eq(byte, 0);
}
