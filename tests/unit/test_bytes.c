/*
 * test_bytes.c - the lens `bytes` against one-element-at-a-time arithmetic, and its laws.
 */
#include "tests/unit/expression.h"

#include <errno.h>
#include <math.h>

enum { ROOM = 1 << 16, SOURCE = 2003 };

static uint8_t source[SOURCE], view[ROOM], back[ROOM];

static void fill_source(uint64_t seed)
{
    for (size_t i = 0; i < SOURCE; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        source[i] = (uint8_t)(seed >> 56);
    }
}

/* put(get(source)) is the source, and get(put(view)) is the view, for whole elements. */
static void check_laws(const char *text, size_t n, size_t element)
{
    struct lens_error error;
    struct test_lens lens = test_parse(text, &error);
    int64_t made = test_view(lens.ops, lens.params, source, n, 1 << 16, 0, 1, view, ROOM);
    size_t taken;
    int64_t put = test_put(&lens, view, (size_t)made / element * element, 4099, back, &taken);

    cr_assert_eq(taken, (size_t)made / element * element, "%s", text);
    cr_assert(put >= 0 && memcmp(back, source, (size_t)put) == 0, "%s", text);
    cr_assert_eq(test_view(lens.ops, lens.params, back, (size_t)put, 1 << 16, 0, 1, view + ROOM / 2, ROOM / 2), (int64_t)taken);
    cr_assert_arr_eq(view + ROOM / 2, view, taken, "%s", text);
    free(lens.params);
}

/* ------------------------------------------------------------------ tables and order */

Test(bytes, maps_pairs)
{
    cr_assert_eq(test_make("bytes(map=[\"\\n\",\"\\0\"])", "ab\nc\n\n", 6, view, ROOM), 6);
    cr_assert_arr_eq(view, "ab\0c\0\0", 6);
    cr_assert_eq(test_make("bytes(map=[\"a\",\"b\",\"b\",\"a\"])", "abc", 3, view, ROOM), 3);
    cr_assert_arr_eq(view, "bac", 3);
    cr_assert_eq(test_make("bytes(case=upper)", "aZz{@`", 6, view, ROOM), 6);
    cr_assert_arr_eq(view, "AZZ{@`", 6);
    cr_assert_eq(test_make("bytes(case=lower, map=[\"-\",\"_\"])", "A-Z[", 4, view, ROOM), 4);
    cr_assert_arr_eq(view, "a_z[", 4);
    cr_assert_eq(test_make("bytes(map=[\"A\",\"X\"], case=lower)", "ABa", 3, view, ROOM), 3); /* map counts more */
    cr_assert_arr_eq(view, "Xba", 3);
    cr_assert_eq(test_make("bytes(case=upper)", "", 0, view, ROOM), 0);
}

Test(bytes, map_laws)
{
    struct lens_error error;
    struct test_lens lens = test_parse("bytes(map=[\"\\n\",\"\\0\"])", &error);
    size_t taken;

    fill_source(1);
    check_laws("bytes(map=[\"a\",\"b\",\"b\",\"a\"])", SOURCE, 1);
    /* Two source bytes give NUL and none gives a newline: no inverse there, but elsewhere. */
    cr_assert_eq(test_put(&lens, "abc", 3, 3, back, &taken), 3);
    cr_assert_eq(test_put(&lens, "a\0c", 3, 3, back, &taken), -EILSEQ);
    cr_assert_eq(test_put(&lens, "a\nc", 3, 3, back, &taken), -EILSEQ);
}

Test(bytes, swaps)
{
    static const size_t sizes[] = { 2, 4, 8 };

    fill_source(2);
    for (size_t k = 0; k < 3; k++) {
        char text[64];
        size_t whole = SOURCE / sizes[k] * sizes[k];

        snprintf(text, sizeof text, "bytes(swap=%zu)", sizes[k]);
        cr_assert_eq(test_make(text, source, SOURCE, view, ROOM), SOURCE);
        for (size_t i = 0; i < SOURCE; i++) {
            size_t first = i / sizes[k] * sizes[k], from = i < whole ? first + sizes[k] - 1 - (i - first) : i;

            cr_assert_eq(view[i], source[from], "%s: byte %zu", text, i);
        }
        check_laws(text, whole, sizes[k]);
    }
}

/* ------------------------------------------------------------------ kinds */

static const char *const kinds[] = { "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64" };
static const size_t sizes[] = { 1, 1, 2, 2, 4, 4, 8, 8, 4, 8 };

/* One number of any kind, wide enough for all of them. */
struct any {
    int floating;
    long double d;
    uint64_t u;
};

static struct any load(int kind, const uint8_t *p, int big)
{
    struct any x = { kind >= 8, 0, 0 };
    uint8_t bytes[8] = { 0 };
    size_t n = sizes[kind];
    float f;
    double d;

    for (size_t i = 0; i < n; i++)
        bytes[i] = p[big ? n - 1 - i : i];
    memcpy(&x.u, bytes, 8);
    memcpy(&f, bytes, 4);
    memcpy(&d, bytes, 8);
    if (x.floating)
        x.d = kind == 8 ? (long double)f : (long double)d;
    else if (kind % 2 && n < 8 && x.u >> (8 * n - 1))
        x.u |= ~0ull << 8 * n;
    if (!x.floating)
        x.d = kind % 2 ? (long double)(int64_t)x.u : (long double)x.u;
    return x;
}

static void store(int kind, struct any x, uint8_t *p, int big)
{
    long double low = kind % 2 ? -ldexpl(1, (int)(8 * sizes[kind]) - 1) : 0;
    long double high = ldexpl(1, (int)(8 * sizes[kind]) - (kind % 2)) - 1;
    float f = (float)x.d;
    double d = (double)x.d;
    uint8_t bytes[8];

    if (kind < 8 && x.floating) {
        long double whole = isnan(x.d) ? 0 : x.d < low ? low : x.d > high ? high : truncl(x.d);

        x.u = whole < 0 ? (uint64_t)(int64_t)whole : (uint64_t)whole;
    }
    memcpy(bytes, kind == 8 ? (void *)&f : kind == 9 ? (void *)&d : (void *)&x.u, sizes[kind]);
    for (size_t i = 0; i < sizes[kind]; i++)
        p[i] = bytes[big ? sizes[kind] - 1 - i : i];
}

static void check_kinds(int from, int to, int from_big, int to_big)
{
    char text[64];
    size_t count = SOURCE / sizes[from];

    snprintf(text, sizeof text, "bytes(from=%s%s, to=%s%s)", kinds[from], from_big ? "be" : "le", kinds[to],
             to_big ? "be" : "");
    cr_assert_eq(test_make(text, source, SOURCE, view, ROOM), (int64_t)(count * sizes[to]), "%s", text);
    for (size_t i = 0; i < count; i++) {
        struct any x = load(from, source + i * sizes[from], from_big);
        uint8_t want[8];

        if (x.floating && isnan(x.d) && to >= 8)
            continue; /* which NaN is the machine's business */
        store(to, x, want, to_big);
        cr_assert_arr_eq(view + i * sizes[to], want, sizes[to], "%s: element %zu", text, i);
    }
}

Test(bytes, all_pairs_of_kinds, .timeout = 60)
{
    fill_source(3);
    for (int from = 0; from < 10; from++)
        for (int to = 0; to < 10; to++)
            check_kinds(from, to, (from + to) % 2, (from * 3 + to) / 2 % 2);
}

Test(bytes, widening_is_a_bijection_onto_its_image)
{
    static const char *const exact[] = { "bytes(from=u8, to=u32)",   "bytes(from=u16be, to=i32)", "bytes(from=i8, to=f32)",
                                         "bytes(from=i32, to=f64be)", "bytes(from=u64, to=i64)" };
    static const size_t view_sizes[] = { 4, 4, 4, 8, 8 };

    fill_source(4);
    for (size_t k = 0; k < sizeof exact / sizeof *exact; k++)
        check_laws(exact[k], 1600, view_sizes[k]);
}

Test(bytes, out_of_range_has_no_source)
{
    static const uint32_t wide[] = { 1, 255, 256 };
    struct lens_error error;
    struct test_lens lens = test_parse("bytes(from=u8, to=u32)", &error);
    size_t taken;

    cr_assert_eq(test_put(&lens, wide, 8, 8, back, &taken), 2);
    cr_assert_eq(test_put(&lens, wide, 12, 12, back, &taken), -EILSEQ);
}

/* ------------------------------------------------------------------ scale and bias */

Test(bytes, whole_arithmetic_is_exact)
{
    int64_t values[100], got[100];

    for (int i = 0; i < 100; i++)
        values[i] = (int64_t)1 << (i % 60) | i;
    cr_assert_eq(test_make("bytes(from=i64, to=i64, scale=-3, add=1000000007)", values, sizeof values, got, sizeof got + 1),
                 (int64_t)sizeof values);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(got[i], values[i] * -3 + 1000000007);
    fill_source(5);
    check_laws("bytes(from=i16, to=i32, scale=-7, add=12345)", 1600, 4);
    check_laws("bytes(from=u8, to=u16, scale=257)", 1600, 2);
}

Test(bytes, arithmetic_in_double_and_in_float)
{
    int16_t values[100];
    float single[100], through[100];
    double wide[100];
    volatile float f;

    for (int i = 0; i < 100; i++)
        values[i] = (int16_t)(i * 331 - 16000);
    test_make("bytes(from=i16, to=f64, scale=0.1, add=0.3)", values, sizeof values, wide, sizeof wide + 1);
    test_make("bytes(from=i16, to=f32, scale=0.1, add=0.3)", values, sizeof values, single, sizeof single + 1);
    test_make("bytes(from=i16, to=f32, scale=0.1, add=0.3, in=float)", values, sizeof values, through, sizeof through + 1);
    for (int i = 0; i < 100; i++) {
        volatile double product = values[i] * 0.1;

        cr_assert_eq(wide[i], product + 0.3);
        cr_assert_eq(single[i], (float)(product + 0.3));
        f = (float)values[i] * 0.1f;
        f = f + 0.3f;
        cr_assert_eq(through[i], f);
    }
    memcpy(source, values, sizeof values);
    check_laws("bytes(from=i16, to=f64, scale=0.1, add=0.3)", sizeof values, 8);
    check_laws("bytes(from=i16, to=f32, scale=0.5, in=float)", sizeof values, 4);
}

/* ------------------------------------------------------------------ arguments, fixture */

Test(bytes, refuses)
{
    static const char *const wrong[] = { "bytes", "bytes(swap=3)", "bytes(map=[\"a\"])", "bytes(map=[\"ab\",\"c\"])",
                                         "bytes(case=title)", "bytes(from=u8)", "bytes(from=u9, to=u8)",
                                         "bytes(swap=2, case=upper)", "bytes(swap=2, scale=2)", "bytes(in=float, swap=2)",
                                         "bytes(from=u8, to=u16bee)", "bytes(map=[])" };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct lens_error error = { .text = "" };

        cr_assert_null(test_parse(wrong[i], &error).ops, "%s", wrong[i]);
        cr_assert(error.text[0]);
    }
}

/* A 2 x 2 picture of 16-bit samples, as pnmtile holds it. */
Test(bytes, fixture)
{
    static const uint32_t samples[] = { 0, 1, 256, 65535, 4660, 43981 };
    size_t n;
    uint8_t *bytes = test_file("tests/fixtures/bytes/samples16.raw", &n);

    cr_assert_eq(test_make("bytes(from=u16be, to=u32)", bytes, n, view, ROOM), (int64_t)sizeof samples);
    cr_assert_arr_eq(view, samples, sizeof samples);
    free(bytes);
}
