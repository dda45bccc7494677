/*
 * test_rows.c - the lens `rows` against a plain reader of such files: getline, tokens one after another, strtol,
 * strtod, as liblinear-train does it.
 */
#include "tests/unit/number_text.h"
#include "tests/unit/reader.h"

#include <criterion/criterion.h>
#include <math.h>

enum { ROOM = 1 << 20 };

struct node {
    int32_t index;
    double value;
};

static uint8_t view[ROOM], other[ROOM];
static struct node want[ROOM / sizeof(struct node)];

static void put(size_t *at, int index, double value)
{
    memset(&want[*at], 0, sizeof want[0]);
    want[*at].index = index;
    want[(*at)++].value = value;
}

/* Reads rows; bias < 0: none. Returns the bytes made; the bias elements have index 0 if `early`. */
static size_t read_rows(const char *text, size_t n, double bias, int early)
{
    size_t at = 0, marks = 0;
    static size_t mark[ROOM / sizeof(struct node)];
    int highest = 0;

    for (const char *line = text; line < text + n;) {
        const char *stop = memchr(line, '\n', (size_t)(text + n - line));
        char copy[1 << 14], *p = copy, *end;

        stop = stop ? stop : text + n;
        memcpy(copy, line, (size_t)(stop - line));
        copy[stop - line] = 0;
        line = stop + 1;
        p += strspn(p, " \t");
        p += strcspn(p, " \t");
        for (;;) {
            p += strspn(p, " \t\r");
            if (!*p)
                break;
            long index = strtol(p, &end, 10);
            cr_assert_eq(*end, ':');
            double value = strtod(end + 1, &p);
            put(&at, (int)index, value);
            highest = index > highest ? (int)index : highest;
        }
        if (bias >= 0) {
            mark[marks++] = at;
            put(&at, 0, bias);
        }
        put(&at, -1, 0);
    }
    for (size_t i = 0; i < marks && !early; i++)
        want[mark[i]].index = highest + 1;
    return at * sizeof want[0];
}

static size_t make_text(uint64_t *state, char *text)
{
    size_t n = 0;
    int rows = (int)(test_next(state) % 30);

    for (int r = 0; r < rows; r++) {
        int tokens = test_next(state) % 5 ? (int)(test_next(state) % 12) : 0;

        n += (size_t)sprintf(text + n, "%s", test_next(state) % 2 ? "+1" : "-1.5");
        for (int t = 0; t < tokens; t++) {
            n += (size_t)sprintf(text + n, "%s%d:", test_next(state) % 9 ? " " : " \t ",
                                 1 + (int)(test_next(state) % 100000));
            n += (size_t)sprintf(text + n, "%.*g", 1 + (int)(test_next(state) % 18),
                                 ldexp((double)test_next(state), -40 - (int)(test_next(state) % 40)));
        }
        if (test_next(state) % 6 == 0)
            text[n++] = ' ';
        if (test_next(state) % 6 == 0)
            text[n++] = '\r';
        if (r + 1 < rows || test_next(state) % 2)
            text[n++] = '\n';
    }
    return n;
}

/* One view, whole and in pieces, against the plain reader. */
static void check(const struct lens_args *args, const char *text, size_t n, size_t bytes, uint64_t *state)
{
    struct lens_error error = { .text = "" };
    void *params = test_configure(&lens_rows, args, &error);
    struct test_reader t;

    cr_assert_not_null(params, "%s", error.text);
    test_reader_open(&t, text, n, 1 + test_next(state) % 5000);
    cr_assert_eq(lens_rows.prepare(params, &t.reader), 0);
    test_reader_close(&t);
    cr_assert_eq(test_view(&lens_rows, params, text, n, 1 << 16, 0, 1, view, ROOM), (int64_t)bytes, "\"%.*s\"", (int)n,
                 text);
    cr_assert(!memcmp(view, want, bytes), "\"%.*s\"", (int)n, text);
    cr_assert_eq(test_view(&lens_rows, params, text, n, 1 + test_next(state) % 800, 1 + test_next(state) % 50, *state,
                           other, ROOM),
                 (int64_t)bytes);
    cr_assert(!memcmp(other, want, bytes), "cut: \"%.*s\"", (int)n, text);
    uint64_t told = lens_rows.view_bytes(params, n);
    cr_assert(told == LENS_UNKNOWN || told == bytes);
    free(params);
}

Test(rows, as_a_plain_reader, .timeout = 240)
{
    uint64_t state = test_seed("rows_as_a_plain_reader");
    static char text[1 << 18];

    for (int i = 0; i < 8000; i++) {
        size_t n = make_text(&state, text);

        check(TEST_ARGS({ NULL, test_text("%d:%lf") }), text, n, read_rows(text, n, -1, 0), &state);
        check(TEST_ARGS({ NULL, test_text("%d:%lf") }, { "bias", test_number(1) }), text, n, read_rows(text, n, 1, 0),
              &state);
        check(TEST_ARGS({ NULL, test_text("%d:%lf") }, { "bias", test_number(1) }, { "bias_index", test_number(0) }),
              text, n, read_rows(text, n, 1, 1), &state);
    }
}

static int64_t make(const struct lens_args *args, const char *text)
{
    struct lens_error error = { .text = "" };
    void *params = test_configure(&lens_rows, args, &error);
    int64_t made;

    cr_assert_not_null(params, "%s", error.text);
    made = test_view(&lens_rows, params, text, strlen(text), 64, 0, 1, view, ROOM);
    free(params);
    return made;
}

Test(rows, other_shapes)
{
    static const int32_t plain[] = { 1, 2, 3, 4 }, ended[] = { 1, 2, -7, 3, -7, -7, 4, -7 };
    static const struct lens_value minus_seven = { .kind = LENS_NUMBER, .number = -7, .integer = -7 };

    cr_assert_eq(make(TEST_ARGS({ NULL, test_text("%d") }, { "label", test_number(0) }, { "end", { .kind = LENS_LIST } }),
                      "1 2\n3\n\n 4"),
                 16);
    cr_assert_arr_eq(view, plain, 16);
    cr_assert_eq(make(TEST_ARGS({ NULL, test_text("%d") }, { "label", test_number(0) }, { "end", minus_seven },
                                { "separators", test_text(",") }),
                      "1,2\n3\n\n4\n"),
                 32);
    cr_assert_arr_eq(view, ended, 32);
}

/* Marks are laid out like the declared struct, wherever struct= stands. */
Test(rows, marks_of_a_declared_struct)
{
    static const struct lens_value five = { .kind = LENS_NUMBER, .number = 5, .integer = 5 };
    struct { int16_t index; double value; } rows[4] = { { 1, 2 }, { -1, 0 }, { 3, 4 }, { -1, 0 } };
    static const float plain[] = { 2, -1 }, five_behind[] = { 2, 5 };
    struct lens_arg declared = { "struct", test_text("short index; double value;") }, single = { "struct", test_text("float x;") };

    for (int i = 0; i < 4; i++)
        memset((char *)&rows[i] + 2, 0, 6);
    cr_assert_eq(make(TEST_ARGS({ NULL, test_text("%d:%lf") }, declared), "0 1:2\n0 3:4\n"), (int64_t)sizeof rows);
    cr_assert_arr_eq(view, rows, sizeof rows);
    cr_assert_eq(make(TEST_ARGS({ NULL, test_text("%lf") }, single), "0 2"), 8);
    cr_assert_arr_eq(view, plain, 8);
    cr_assert_eq(make(TEST_ARGS({ NULL, test_text("%lf") }, { "end", five }, single), "0 2"), 8);
    cr_assert_arr_eq(view, five_behind, 8);
}

/* The highest index is that of the file's elements: end marks are none, and an unsigned index is not negative. */
Test(rows, highest_index)
{
    static const struct lens_value nine = { .kind = LENS_NUMBER, .number = 9, .integer = 9 };
    static const struct row { uint32_t index; float value; } high[] = { { 3000000000u, 1 }, { 3000000001u, 7 }, { 9, 0 } },
                                                             bare[] = { { 1, 7 }, { 9, 0 } };
    const struct lens_args *args = TEST_ARGS({ NULL, test_text("%u:%f") }, { "bias", test_number(7) }, { "end", nine });
    uint64_t state = 1;

    memcpy(want, high, sizeof high);
    check(args, "0 3000000000:1\n", 15, sizeof high, &state);
    memcpy(want, bare, sizeof bare);
    check(args, "0\n", 2, sizeof bare, &state);
}

Test(rows, ends_at_what_is_no_row)
{
    const struct lens_args *args = TEST_ARGS({ NULL, test_text("%d:%lf") });

    cr_assert_eq(make(args, ""), 0);
    cr_assert_eq(make(args, "1"), 16);
    cr_assert_eq(make(args, "1 1:2 x 3:4\n1 1:1\n"), 16);
    cr_assert_eq(make(args, "1 1:2 3:\n4:5\n"), 16);
    cr_assert_eq(make(args, "1 1:2 3:4x\n"), 16);
    cr_assert_eq(make(args, "1 1:2 3: 4\n"), 48);
}

Test(rows, refuses_with_a_reason)
{
    static const char *const bad[] = { "%s", "%7s", "%d %d", "%c", "", "x" };
    struct lens_error error;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_null(test_configure(&lens_rows, TEST_ARGS({ NULL, test_text(bad[i]) }), &error), "%s", bad[i]);
    cr_assert_null(test_configure(&lens_rows, TEST_ARGS({ "label", test_number(1) }), &error));
    cr_assert_null(test_configure(&lens_rows, TEST_ARGS({ NULL, test_text("%lf") }, { "bias", test_number(1) }), &error));
    cr_assert_null(test_configure(
        &lens_rows, TEST_ARGS({ NULL, test_text("%d:%f") }, { "bias_index", test_text("most") }), &error));
}

/* A row longer than any window, and a label longer than a token may be. */
Test(rows, long_rows)
{
    size_t n = 1 << 20, at = 1;
    char *text = malloc(n + 32);
    const struct lens_args *args = TEST_ARGS({ NULL, test_text("%d:%f") });
    struct lens_error error;
    void *params = test_configure(&lens_rows, args, &error);
    size_t elements = 1;

    text[0] = '1';
    for (; at < n / 2; elements++)
        at += (size_t)sprintf(text + at, " %zu:%zu.5", elements, at);
    memset(text + at, ' ', n - at);
    cr_assert_eq(test_view(&lens_rows, params, text, n, 4096, 100, 1, view, ROOM), (int64_t)(elements * 8));
    memset(text, '1', n);
    cr_assert_eq(test_view(&lens_rows, params, text, n, 4096, 100, 1, view, ROOM), 0);
    cr_assert_eq(test_view(&lens_rows, params, text, n, 1 << 22, 100, 1, view, ROOM), 0);
    free(params);
    free(text);
}
