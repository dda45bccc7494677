/*
 * test_tokens.c - the lenses `tokens` and `fill`: the first against a plain reader of graph files (lines, comment
 * lines left out, a header, strtol until the line is empty), as gpmetis does it.
 */
#include "tests/unit/expression.h"
#include "tests/unit/number_text.h"
#include "tests/unit/reader.h"

#include <criterion/criterion.h>

enum { ROOM = 1 << 20 };

static uint8_t view[ROOM], other[ROOM];
static int32_t want[ROOM / 4];

/* Every `every`-th number from `from` on, plus `add`, behind a header line. Returns the bytes made. */
static size_t read_graph(const char *text, size_t n, int every, int from, int add)
{
    size_t at = 0, k = 0, header = 1;

    for (const char *line = text; line < text + n;) {
        const char *stop = memchr(line, '\n', (size_t)(text + n - line));
        char copy[1 << 14], *p = copy, *end;

        stop = stop ? stop : text + n;
        memcpy(copy, line, (size_t)(stop - line));
        copy[stop - line] = 0;
        line = stop + 1;
        if (copy[0] == '%')
            continue;
        if (header) {
            header = 0;
            continue;
        }
        for (long value = strtol(p, &end, 10); end != p; value = strtol(p, &end, 10), k++) {
            p = end;
            if (k >= (size_t)from && (k - (size_t)from) % (size_t)every == 0)
                want[at++] = (int32_t)value + add;
        }
    }
    return at * 4;
}

static size_t make_graph(uint64_t *state, char *text)
{
    size_t n = 0;

    while (test_next(state) % 3 == 0)
        n += (size_t)sprintf(text + n, "%% a comment, %d\n", (int)n);
    n += (size_t)sprintf(text + n, "10 20 001\n");
    for (int line = 0, lines = (int)(test_next(state) % 20); line < lines; line++) {
        if (test_next(state) % 8 == 0)
            n += (size_t)sprintf(text + n, "%%%s\n", test_next(state) % 2 ? " 1 2 3" : "");
        for (int k = 0, count = (int)(test_next(state) % 30); k < count; k++)
            n += (size_t)sprintf(text + n, "%s%d", test_next(state) % 10 ? " " : "  \t",
                                 (int)(test_next(state) % (test_next(state) % 2 ? 100 : 2000000)));
        n += (size_t)sprintf(text + n, "%s", test_next(state) % 9 ? "\n" : " \r\n");
    }
    return n - (n && test_next(state) % 4 == 0);
}

Test(tokens, by_line)
{
    static const char graph[] = "3 2 11 2\n7 8 2 5\n% 9 9\n9 1\n\n4 6 3 1 2 8\r\n";
    static const int32_t weights[] = { 7, 8, 9, 1, 4, 6 }, near[] = { 1, 2, 1 };

    cr_assert_eq(test_make("tokens(\"%d\", skip_lines=1, comment=\"%\", most=2)", graph, sizeof graph - 1, view, ROOM), 24);
    cr_assert(memcmp(view, weights, sizeof weights) == 0);
    cr_assert_eq(test_make("tokens(\"%d\", skip_lines=1, comment=\"%\", lead=2, every=2, add=-1)", graph, sizeof graph - 1, view, ROOM), 12);
    cr_assert(memcmp(view, near, sizeof near) == 0);
}

Test(tokens, as_a_plain_reader, .timeout = 240)
{
    uint64_t state = test_seed("tokens_as_a_plain_reader");
    static char text[1 << 16];

    for (int i = 0; i < 20000; i++) {
        size_t n = make_graph(&state, text);
        int every = 1 + (int)(test_next(&state) % 3), from = (int)(test_next(&state) % 3);
        size_t bytes = read_graph(text, n, every, from, -1);
        struct lens_error error = { .text = "" };
        void *params = test_configure(&lens_tokens,
                                      TEST_ARGS({ NULL, test_text("%d") }, { "skip_lines", test_number(1) },
                                                { "comment", test_text("%") }, { "every", test_number(every) },
                                                { "from", test_number(from) }, { "add", test_number(-1) }),
                                      &error);

        cr_assert_not_null(params, "%s", error.text);
        cr_assert_eq(test_view(&lens_tokens, params, text, n, 1 << 16, 0, 1, view, ROOM), (int64_t)bytes, "\"%.*s\"",
                     (int)n, text);
        cr_assert(!memcmp(view, want, bytes), "\"%.*s\"", (int)n, text);
        cr_assert_eq(test_view(&lens_tokens, params, text, n, 1 + test_next(&state) % 600, 1 + test_next(&state) % 30,
                               state, other, ROOM),
                     (int64_t)bytes);
        cr_assert(!memcmp(other, want, bytes), "cut: \"%.*s\"", (int)n, text);
        free(params);
    }
}

static int64_t make(const struct lens_ops *ops, const struct lens_args *args, const char *text, size_t cap)
{
    struct lens_error error = { .text = "" };
    void *params = test_configure(ops, args, &error);
    int64_t made;

    cr_assert_not_null(params, "%s", error.text);
    made = test_view(ops, params, text, strlen(text), 8, 5, 1, view, cap);
    free(params);
    return made;
}

Test(tokens, other_types)
{
    static const double doubles[] = { 1.5, -2, 3e10 };
    static const float floats[] = { 2.5f, -1 };
    static const int64_t longs[] = { 5000000000 };

    cr_assert_eq(make(&lens_tokens, TEST_ARGS({ NULL, test_text("%lf") }), "1.5 -2\n\n3e10", ROOM), 24);
    cr_assert_arr_eq(view, doubles, 24);
    cr_assert_eq(make(&lens_tokens, TEST_ARGS({ NULL, test_text("%f") }, { "add", test_number(1) }), "1.5 -2 x 4", ROOM),
                 8);
    cr_assert_arr_eq(view, floats, 8);
    cr_assert_eq(make(&lens_tokens, TEST_ARGS({ NULL, test_text("%ld") }), "5000000000\n", ROOM), 8);
    cr_assert_arr_eq(view, longs, 8);
    cr_assert_eq(make(&lens_tokens, TEST_ARGS({ NULL, test_text("%d") }), "", ROOM), 0);
    cr_assert_eq(make(&lens_tokens, TEST_ARGS({ NULL, test_text("%d") }, { "skip_lines", test_number(3) }), "1\n2", ROOM),
                 0);
}

Test(tokens, refuses_with_a_reason)
{
    static const char *const bad[] = { "%s", "%d %d", "%9s", "%*d", "" };
    struct lens_error error;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_null(test_configure(&lens_tokens, TEST_ARGS({ NULL, test_text(bad[i]) }), &error), "%s", bad[i]);
    cr_assert_null(test_configure(&lens_tokens, TEST_ARGS({ NULL, test_text("%d") }, { "every", test_number(0) }), &error));
    cr_assert_null(test_configure(&lens_tokens, TEST_ARGS({ NULL, test_text("%d") }, { "odd", test_number(0) }), &error));
    cr_assert_null(test_configure(&lens_tokens, TEST_ARGS({ "every", test_number(2) }), &error));
}

Test(fill, repeats)
{
    static const int32_t ones[] = { 1, 1, 1, 1, 1 };
    static const double halves[] = { 0.5, 0.5, 0.5 };

    cr_assert_eq(make(&lens_fill, TEST_ARGS({ "value", test_number(1) }), "", 20), 20);
    cr_assert_arr_eq(view, ones, 20);
    cr_assert_eq(make(&lens_fill, TEST_ARGS({ "value", test_number(0.5) }, { "type", test_text("f64") },
                                            { "count", test_number(3) }),
                      "", ROOM),
                 24);
    cr_assert_arr_eq(view, halves, 24);
    cr_assert_eq(make(&lens_fill, TEST_ARGS({ NULL, test_number(258) }, { "type", test_word("i16") }), "", 7), 7);
    cr_assert_eq(view[6], 2);
    cr_assert_eq(view[5], 1);
}

Test(fill, refuses_with_a_reason)
{
    struct lens_error error;

    cr_assert_null(test_configure(&lens_fill, TEST_ARGS({ "type", test_text("i32") }), &error));
    cr_assert_null(test_configure(&lens_fill, TEST_ARGS({ "value", test_number(0.5) }), &error));
    cr_assert_null(test_configure(&lens_fill, TEST_ARGS({ "value", test_number(1) }, { "type", test_text("x") }), &error));
}
