/*
 * test_verbatim.c - the lenses `verbatim` and `skip`.
 */
#include "tests/unit/expression.h"

#include <errno.h>

enum { ROOM = 1 << 17 };

static uint8_t source[ROOM], view[ROOM];

static void fill_source(void)
{
    for (size_t i = 0; i < ROOM; i++)
        source[i] = (uint8_t)(i * 2654435761u >> 13);
}

Test(verbatim, is_the_source)
{
    fill_source();
    cr_assert_eq(test_make("verbatim", source, ROOM - 5, view, ROOM), ROOM - 5);
    cr_assert_arr_eq(view, source, ROOM - 5);
    cr_assert_eq(test_make("verbatim", source, 0, view, ROOM), 0);
}

Test(verbatim, laws)
{
    struct lens_error error;
    struct test_lens lens = test_parse("verbatim", &error);
    size_t taken;

    fill_source();
    cr_assert_eq(test_put(&lens, source, 70000, 999, view, &taken), 70000);
    cr_assert_arr_eq(view, source, 70000);
}

/* ------------------------------------------------------------------ skip */

static void check_skip(const char *text, const char *from, const char *to)
{
    int64_t n = test_make(text, from, strlen(from), view, ROOM);

    cr_assert_eq(n, (int64_t)strlen(to), "%s of '%s' has %lld bytes", text, from, (long long)n);
    cr_assert_arr_eq(view, to, strlen(to));
}

Test(skip, counts)
{
    check_skip("skip(bytes=3)", "abcdef", "def");
    check_skip("skip(3)", "abcdef", "def");
    check_skip("skip(bytes=9)", "abcdef", "");
    check_skip("skip(last=2)", "abcdef", "abcd");
    check_skip("skip(bytes=2, last=5)", "abcdef", "");
    check_skip("skip(bytes=1, last=1, bytes_max=3)", "abcdef", "bcd");
    check_skip("skip(lines=2)", "a\n\nbc\nd", "bc\nd");
    check_skip("skip(lines=2, bytes=1)", "a\n\nbc\nd", "c\nd");
    check_skip("skip(lines=5)", "a\nb", "");
    check_skip("skip(bytes=4, before=\"\\xff\\xff\")", "abcdef", "\xff\xff" "ef");
    check_skip("skip", "abc", "abc");
}

Test(skip, patterns)
{
    check_skip("skip(scan=\"P6 %d %d %d%c\")", "P6\n4 -30\n255\n\n..", "\n..");
    check_skip("skip(scan=\"%s %f,%3d\")", " name 1.5e+3,12345", "45");
    check_skip("skip(scan=\"%%x\")", " %xy", "y");
    check_skip("skip(scan=\"%*d \")", "17 \n z", "z");
    check_skip("skip(scan=\"a%2cb\", lines=1)", "axyb\nq", "q");
    cr_assert_eq(test_make("skip(scan=\"P6 %d\")", "P5 3", 4, view, ROOM), -EILSEQ);
    cr_assert_eq(test_make("skip(scan=\"%d\")", "x", 1, view, ROOM), -EILSEQ);
    check_skip("skip(scan=\"%f\")", "1ex", "x"); /* as glibc has it */
    check_skip("skip(scan=\"%f%3d\")", "inf 1234", "4");
    check_skip("skip(scan=\"%f\")", "0x1.8p3;", ";");
    cr_assert_eq(test_make("skip(scan=\"%f\")", "-", 1, view, ROOM), -EILSEQ);
}

Test(skip, netpbm_headers)
{
    check_skip("skip(pnm=yes)", "P6\n4 3\n255\n\nabc", "\nabc");
    check_skip("skip(pnm=yes)", "P5 # made by hand\n4# w\n3 255\tabc", "abc");
    check_skip("skip(pnm=yes)", "P4\n8 1\n#", "#");
    check_skip("skip(pnm=yes)", "P5 4 3 255# ends a line\nabc", "abc");
    check_skip("skip(pnm=yes)", "P7\nWIDTH 4\n# ENDHDR\nTUPLTYPE RGB\nENDHDR\nabc", "abc");
    cr_assert_eq(test_make("skip(pnm=yes)", "P8 1 1 1 ", 9, view, ROOM), -EILSEQ);
    cr_assert_eq(test_make("skip(pnm=yes)", "P5 1 x", 6, view, ROOM), -EILSEQ);
    cr_assert_eq(test_make("skip(pnm=yes)", "P7\nENDHDRX\n", 11, view, ROOM), -EILSEQ);
    cr_assert_eq(test_make("skip(pnm=yes)", "", 0, view, ROOM), -EILSEQ);
}

Test(skip, fixture)
{
    size_t n;
    uint8_t *bytes = test_file("tests/fixtures/verbatim/tiny.ppm", &n);

    cr_assert_eq(test_make("skip(pnm=yes)", bytes, n, view, ROOM), 12);
    cr_assert_arr_eq(view, "abcdefghijkl", 12);
    free(bytes);
}

/* The end of a source whose size nobody knows is found by prepare. */
Test(skip, last_of_unknown_size)
{
    struct lens_error error;
    struct test_lens lens = test_parse("skip(bytes=1, last=2)", &error);
    struct lens_cursor cursor = { 0 };
    struct test_reader t;

    test_reader_open(&t, "abcdefg", 7, 2);
    t.reader.source_bytes = LENS_UNKNOWN;
    cr_assert_eq(lens.ops->prepare(lens.params, &t.reader), 0);
    cr_assert_eq(lens.ops->view_bytes(lens.params, LENS_UNKNOWN), 4);
    cr_assert_eq(lens.ops->get(lens.params, &t.reader, &cursor, view, ROOM), 4);
    cr_assert_arr_eq(view, "bcde", 4);
    test_reader_close(&t);
}

Test(skip, refuses)
{
    static const char *const wrong[] = { "skip(bytes=-1)", "skip(bytes=1.5)", "skip(scan=\"%q\")", "skip(scan=3)",
                                         "skip(pnm=maybe)", "skip(pnm=yes, scan=\"x\")", "skip(word=1)", "verbatim(1)" };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct lens_error error = { .text = "" };

        cr_assert_null(test_parse(wrong[i], &error).ops, "%s", wrong[i]);
        cr_assert(error.text[0]);
    }
}
