/*
 * test_delimited.c - the lens `delimited` against a slow reader of its own, numpy.loadtxt and pandas.read_csv.
 */
#include "tests/unit/expression.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

enum { ROOM = 1 << 18, CELLS = 4096, CELL = 40 };

static uint8_t view[ROOM];

static int64_t make(const char *expression, const char *text)
{
    return test_make(expression, text, strlen(text), view, ROOM);
}

static void check_doubles(const char *expression, const char *text, size_t n, const double *want)
{
    int64_t made = make(expression, text);

    cr_assert_eq(made, (int64_t)(n * sizeof *want), "%s of '%s': %lld bytes", expression, text, (long long)made);
    cr_assert(memcmp(view, want, n * sizeof *want) == 0, "%s of '%s'", expression, text);
}
#define DOUBLES(expression, text, ...)                                                                          \
    check_doubles(expression, text, sizeof((double[]){ __VA_ARGS__ }) / sizeof(double), (double[]){ __VA_ARGS__ })

/* ------------------------------------------------------------------ by example */

Test(delimited, rows)
{
    DOUBLES("delimited", "1,2\n3,4\n", 1, 2, 3, 4);
    DOUBLES("delimited", "1,2\r\n3,4", 1, 2, 3, 4);
    DOUBLES("delimited", "\n1,2\n  \n\r\n3,4\n\n", 1, 2, 3, 4);
    DOUBLES("delimited(header=1)", "\na,b\n1,2\n", 1, 2);
    DOUBLES("delimited(skip_lines=2)", "\"\na,b\n1,2\n", 1, 2);
    DOUBLES("delimited(sep=\";\", decimal=\",\")", "1,5;2\n-3,25;4e1\n", 1.5, 2, -3.25, 40);
    DOUBLES("delimited(sep=\"\\t\")", "1\t 2 \n3\t4\n", 1, 2, 3, 4);
    DOUBLES("delimited(sep=space)", "  1 \t2\n3   4  \n \n", 1, 2, 3, 4);
    DOUBLES("delimited(sep=space, comment=\"#\")", "# 7 8\n1 2 # x\n#\n3 4#5\n", 1, 2, 3, 4);
    DOUBLES("delimited", "\"1\",\"2\"\n\" 3 \",4", 1, 2, 3, 4);
    cr_assert_eq(make("delimited", ""), 0);
    cr_assert_eq(make("delimited(header=1)", "a,b\n"), 0);
    cr_assert_eq(make("delimited(layout=columns)", "\n\n"), 0);
}

Test(delimited, chosen_columns)
{
    DOUBLES("delimited(columns=[1])", "1,2,3\n4,5,6\n", 2, 5);
    DOUBLES("delimited(columns=2)", "1,2,3\n4,5,6\n", 3, 6);
    DOUBLES("delimited(columns=[2,0])", "1,x,3\n4,y,6\n", 3, 1, 6, 4);
    DOUBLES("delimited(header=1, columns=[\"c\",\"a\"])", "a,\"b,\",c\n1,2,3\n4,5,6\n", 3, 1, 6, 4);
    DOUBLES("delimited(columns=[1])", "\"a\n,\"\"b\",2\nc,5\n", 2, 5);
    DOUBLES("delimited(layout=columns)", "1,2,3\n4,5,6\n", 1, 4, 2, 5, 3, 6);
    DOUBLES("delimited(layout=columns, columns=[2,1])", "1,2,3\n4,5,6\n", 3, 6, 2, 5);
    cr_assert_eq(make("delimited(header=1, columns=[\"d\"])", "a,b\n1,2\n"), -EILSEQ);
}

/* A reader whose window slides over its own memory, as the library's does. */
struct sliding_reader {
    struct lens_reader reader;
    const char *text;
    size_t first; /* bytes of the first window */
    uint8_t memory[64];
};

static int slide(struct lens_reader *reader, uint64_t offset, size_t want)
{
    struct sliding_reader *s = (struct sliding_reader *)reader;
    size_t n = strlen(s->text), have = offset < n ? n - offset : 0;

    have = reader->window_bytes || have < s->first ? have : s->first;
    (void)want;
    memset(s->memory, 'x', sizeof s->memory);
    memcpy(s->memory, s->text + offset, have);
    reader->window = s->memory;
    reader->window_start = offset;
    reader->window_bytes = have;
    return 0;
}

Test(delimited, names_where_the_window_slides)
{
    struct lens_error error;

    for (size_t first = 1; first < 20; first++) {
        struct test_lens lens = test_parse("delimited(header=1, columns=[\"c3\",\"c1\",\"c0\"])", &error);
        struct sliding_reader s = {.reader = {.source_bytes = 22, .refill = slide}, .text = "c0,c1,c2,c3\n1,2,3,4\n5", .first = first};

        cr_assert_eq(lens.ops->prepare(lens.params, &s.reader), 0, "a first window of %zu bytes", first);
        free(lens.params);
    }
}

/* The view ends at the first field that is not one. */
Test(delimited, ragged_rows_end_the_view)
{
    DOUBLES("delimited", "1,2\n3\n5,6\n", 1, 2, 3);
    DOUBLES("delimited", "1,2\n3,4,5\n6,7\n", 1, 2, 3, 4);
    DOUBLES("delimited", "1,2\n3,x\n", 1, 2, 3);
    DOUBLES("delimited", "1,2\n3,\n5,6", 1, 2, 3);
    DOUBLES("delimited", "1,2\n3,\"4\n", 1, 2, 3);
    DOUBLES("delimited", "1,2\n3,\"4\"5\n", 1, 2, 3);
    DOUBLES("delimited(columns=[0])", "1,2\n3\n5,6,7\n", 1, 3, 5);
    DOUBLES("delimited(layout=columns)", "1,2\n3,x\n5,6\n", 1, 3, 5, 2);
    DOUBLES("delimited(layout=columns)", "1,2\n3,4,5\n6\n7,8\n", 1, 3, 6, 7, 2, 4);
    DOUBLES("delimited(as=pandas)", "1\n1e308\n1e309\n2\n", 1, 1e308);
    DOUBLES("delimited(as=pandas_legacy)", "-1e400\n1\n1e400\n2\n", -INFINITY, 1);
}

Test(delimited, missing_values)
{
    const double none = __builtin_nan("");

    DOUBLES("delimited(as=pandas)", "1,\nNA,nan\n\"\",-inf\n7\n", 1, none, none, none, none, -INFINITY, 7, none);
    DOUBLES("delimited(na=[\"-\",\"none\"])", "1,-\nnone,-4\n", 1, none, none, -4);
    DOUBLES("delimited(na=[\"\"], fill=yes)", "1,2\n,\n3\n", 1, 2, none, none, 3, none);
    DOUBLES("delimited(as=pandas, na=none)", "1,2\n,\n", 1, 2);
    cr_assert_eq(make("delimited(as=pandas, type=i64)", "1,2\n3,\n"), 24);
    DOUBLES("delimited(as=pandas, na=[\"-\"])", "1,inf\n-\n3,4,5\n6,7\n", 1, INFINITY, none, none, 3, 4, 6, 7);
    DOUBLES("delimited(as=pandas)", "1,2 \n3,inf \n5,6\n", 1, 2, 3); /* blanks behind a number, not behind inf */
}

/* A word for a missing value that begins like a comment is one, wherever the reading begins. */
Test(delimited, comment_in_a_row)
{
    DOUBLES("delimited(as=pandas, sep=space, comment=\"#\", fill=no)",
            "1 2 3 4 5\n3967 -970.5 #N/A -7.279917162276837e-151 4.9499912115499773e+210\n9324 2190 603 -330.3074 -16838400023692631555\n",
            1, 2, 3, 4, 5, 3967, -970.5);
}

/* With another decimal point a dot is no part of a number, and words for missing values are compared before. */
Test(delimited, dots_beside_a_decimal_comma)
{
    DOUBLES("delimited(sep=\";\", decimal=\",\")", "1,5;2\n3;4.\n5;6\n", 1.5, 2, 3);
    DOUBLES("delimited(sep=\";\", decimal=\",\")", "1,5;2\n3;.4\n5;6\n", 1.5, 2, 3);
    DOUBLES("delimited(sep=\";\", decimal=\",\", na=[\"1.5\"])", "2;1.5\n1,5;3\n", 2, __builtin_nan(""), 1.5, 3);
}

Test(delimited, types)
{
    static const int32_t whole[] = { 1, -2, 2147483647, 4 };
    static const float single[] = { 0.1f, -2e-3f };
    static const uint8_t small[] = { 1, 255 };

    cr_assert_eq(make("delimited(type=i32)", "1,-2\n2147483647,4\n"), 16);
    cr_assert_arr_eq(view, whole, sizeof whole);
    cr_assert_eq(make("delimited(type=float)", "0.1\n-2e-3\n"), 8);
    cr_assert_arr_eq(view, single, sizeof single);
    cr_assert_eq(make("delimited(type=u8)", "1\n255\n"), 2);
    cr_assert_arr_eq(view, small, 2);
    DOUBLES("delimited(as=float)", "0.1\n", (double)0.1f);
    cr_assert_eq(make("delimited(type=i64)", "1\n2.5\n"), 8);
}

#define NA __builtin_nan("")

Test(delimited, dialects_are_guessed)
{
    DOUBLES("delimited(dialect=guess)", "1,2\n3,4\n", 1, 2, 3, 4);
    DOUBLES("delimited(dialect=guess)", "1,5;2\n3,5;4\n", 1.5, 2, 3.5, 4);
    DOUBLES("delimited(dialect=guess)", "1.5\t2\r\n3\t4\r\n", 1.5, 2, 3, 4);
    DOUBLES("delimited(dialect=guess)", "  1   2\n 3 4\n", 1, 2, 3, 4);
    DOUBLES("delimited(dialect=guess)", "1,2\r3,4\r", 1, 2, 3, 4);
    DOUBLES("delimited(dialect=guess, header=1)", "a|b\r1|2\r\r3|4", 1, 2, 3, 4);
    DOUBLES("delimited(dialect=guess)", "# a remark\n1,2\n3,4 # another\n", 1, 2, 3, 4);
    DOUBLES("delimited(dialect=guess, header=1)", "#,b\n1,2\n3,4\n", 1, 2, 3, 4);
    DOUBLES("delimited(dialect=guess)", "5\n6\n", 5, 6);
    DOUBLES("delimited(dialect=guess, sep=\";\")", "1;2\n", 1, 2);
    cr_assert_eq(make("delimited(dialect=guess)", ""), 0);
}

Test(delimited, headers_are_guessed)
{
    DOUBLES("delimited(header=guess)", "a,b\n1,2\n", 1, 2);
    DOUBLES("delimited(header=guess)", "made by hand\na,b\n1,2\n3,4\n", 1, 2, 3, 4);
    DOUBLES("delimited(header=guess)", "1,2\n3,4\n", 1, 2, 3, 4);
    DOUBLES("delimited(header=numbers)", "2019,2020\n3,4\n", 3, 4);
    cr_assert_eq(make("delimited(header=numbers)", "a,b\n3,4\n"), -EILSEQ);
}

Test(delimited, marks_between_thousands)
{
    DOUBLES("delimited(thousands=\",\")", "\"1,234\",\"-12,345.5\"\n", 1234, -12345.5);
    DOUBLES("delimited(dialect=guess, thousands=guess)", "1.234;5,5\n2.000.000;6,25\n", 1234, 5.5, 2000000, 6.25);
    cr_assert_eq(make("delimited(dialect=guess, thousands=guess)", "1,234.5\n"), -EILSEQ);
}

Test(delimited, odd_fields_are_missing)
{
    DOUBLES("delimited(odd=missing)", "1,x\n3\n5,6,7\n8,9\n", 1, NA, 3, NA, 5, 6, 8, 9);
    DOUBLES("delimited(odd=missing, layout=columns)", "1,x\n3,4\n", 1, 3, NA, 4);
    cr_assert_eq(make("delimited(odd=missing, type=i32)", "1,x\n"), 8);
    cr_assert_eq(view[4] | view[5] | view[6] | view[7], 0);
}

Test(delimited, columns_by_what_they_hold)
{
    static const char table[] = "when,n,x,some,on,u\n2020-01-02,1,1.5,7,True,9223372036854775808\n2020-01-03,2,2,,False,1\n";

    DOUBLES("delimited(header=1, layout=columns, as=pandas, columns=same)", table, 1.5, 2, 7, NA);
    DOUBLES("delimited(header=1, as=python, na=pandas, fill=yes, columns=numbers)", table, 1, 1.5, 7, 9223372036854775808., 2, 2, NA, 1);
    cr_assert_eq(make("delimited(header=1, layout=columns, as=pandas, columns=same, type=i64)", table), 16);
    cr_assert_eq(view[0] | view[8] << 8, 0x201);
    cr_assert_eq(make("delimited(header=1, layout=columns, as=pandas, columns=same, type=u64)", table), 16);
    cr_assert_eq(view[7], 0x80);
    cr_assert_eq(make("delimited(header=1, layout=columns, as=pandas, columns=same, type=bool)", table), 2);
    cr_assert_eq(view[0] | view[1] << 8, 1);
    cr_assert_eq(make("delimited(header=1, layout=columns, as=pandas, type=own)", table), 5 * 16 + 2);
    cr_assert_eq(view[16] | view[24] << 8 | view[64] << 16, 0x010201);
    DOUBLES("delimited(header=1, layout=columns, as=pandas, columns=same)", "a,b\n1.5,2.5\nodd,3.5\n", 2.5, 3.5);
    cr_assert_eq(make("delimited(header=1, layout=columns, as=pandas, columns=same)", "a,b\n"), 0);
}

Test(delimited, structs)
{
    struct row {
        int id;
        double x, y[2];
        char name[6], letter;
    } rows[2];

    memset(rows, 0, sizeof rows);
    rows[0] = (struct row){ 1, 0.5, { 2, 3 }, "ab\"c", 'z' };
    rows[1] = (struct row){ -7, 1e9, { -1, 0 }, "longe", 0 };
    cr_assert_eq(make("delimited(struct=\"int id; double x, y[2]; char name[6], letter;\")",
                      "1,.5,2,3,\"ab\"\"c\",zebra\n-7,1e9,-1,0,longer,\n"), (int64_t)sizeof rows);
    for (int i = 0; i < 2; i++) {
        struct row *got = (struct row *)view + i;

        cr_assert(got->id == rows[i].id && got->x == rows[i].x && got->y[0] == rows[i].y[0] && got->y[1] == rows[i].y[1]);
        cr_assert_arr_eq(got->name, rows[i].name, 6);
        cr_assert_eq(got->letter, rows[i].letter);
        cr_assert_arr_eq((char *)got + 4, "\0\0\0\0", 4);
        cr_assert_eq(((char *)got)[39], 0);
    }
    cr_assert_eq(make("delimited(struct=\"unsigned short a; long b;\", columns=[2,0])", "1,x,65535\n"), 16);
    cr_assert_arr_eq(view, "\xff\xff\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16);
}

Test(delimited, refuses)
{
    static const char *const wrong[] = {
        "delimited(sep=\"ab\")", "delimited(sep=\"1\")", "delimited(sep=\"\\\"\")", "delimited(type=text)",
        "delimited(columns=[])", "delimited(columns=[-1])", "delimited(columns=[\"a\"])", "delimited(layout=struct)",
        "delimited(struct=\"int\")", "delimited(struct=\"int *p;\")", "delimited(struct=\"int a;\", columns=[0,1])",
        "delimited(columns=[0,\"a\"], header=1)", "delimited(as=atof)", "delimited(width=3)", "delimited(header=-1)" };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct lens_error error = { .text = "" };

        cr_assert_null(test_parse(wrong[i], &error).ops, "%s", wrong[i]);
        cr_assert(error.text[0]);
    }
}

/* ------------------------------------------------------------------ a slow reader as oracle */

static uint64_t seed;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

struct table {
    size_t rows, columns;
    char cells[CELLS][CELL];
    char text[CELLS * (CELL + 8)];
};

static struct table table;

static void draw_cell(char *cell)
{
    switch (draw(12)) {
    case 0: snprintf(cell, CELL, "%d", (int)draw(2000) - 1000); break;
    case 1: snprintf(cell, CELL, "%.17g", (double)draw(1u << 30) / 7e5); break;
    case 2: snprintf(cell, CELL, "%.18e", (double)draw(1u << 30) * 1e-12); break;
    case 3: snprintf(cell, CELL, "-%u.%ue-%u", draw(9), draw(99999), draw(30)); break;
    case 4: snprintf(cell, CELL, "%s", draw(2) ? "inf" : "-.5"); break;
    case 5: snprintf(cell, CELL, "%u%09u%09u", draw(99), draw(1000000000), draw(1000000000)); break;
    default: snprintf(cell, CELL, "%.6f", (double)draw(2000000000) / 1e9 - 1); break;
    }
}

/* Fills the table and writes it out with all the freedom that the format leaves. */
static void draw_table(int plain)
{
    char *at = table.text;

    table.columns = 1 + draw(8);
    table.rows = draw(120);
    for (size_t r = 0; r < table.rows; r++) {
        for (size_t c = 0; c < table.columns; c++) {
            char *cell = table.cells[r * table.columns + c];
            int quoted = !plain && draw(10) == 0;

            draw_cell(cell);
            /* pandas takes blanks behind a number but not behind inf. */
            at += sprintf(at, quoted ? "\"%s\"" : draw(9) || *cell == 'i' ? "%s" : "%s ", cell);
            *at++ = c + 1 < table.columns ? ',' : '\n';
        }
        if (!plain && draw(6) == 0)
            at += sprintf(at - 1, "\r\n") - 1;
        if (!plain && draw(9) == 0)
            at += sprintf(at, "%s", draw(2) ? "\n" : "#, 1,\"2\n");
    }
    *at = '\0';
}

Test(delimited, random_tables, .timeout = 120)
{
    static double want[CELLS];
    char expression[128];

    for (seed = 1; seed < 60; seed++) {
        int by_column = (int)draw(2), chosen = (int)draw(3) == 0;
        size_t n = 0, first, last;

        draw_table((int)draw(2));
        first = chosen ? draw((unsigned)table.columns) : 0;
        last = chosen ? first + 1 : table.columns;
        snprintf(expression, sizeof expression, chosen ? "delimited(comment=\"#\", layout=%s, columns=[%zu])"
                 : "delimited(comment=\"#\", layout=%s)", by_column ? "columns" : "rows", first);
        for (size_t a = 0; a < (by_column ? last - first : table.rows); a++)
            for (size_t b = 0; b < (by_column ? table.rows : last - first); b++)
                want[n++] = strtod(table.cells[(by_column ? b : a) * table.columns + first + (by_column ? a : b)], NULL);
        check_doubles(expression, table.text, n, want);
    }
}

/* ------------------------------------------------------------------ numpy and pandas */

/* Runs Debian's python; -1 if it or a module is missing. */
static int python(const char *script)
{
    char command[2048];
    int status;

    snprintf(command, sizeof command, "/usr/bin/python3 -W ignore -c '%s' 2>/dev/null", script);
    status = system(command);
    return status == 0 ? 0 : -1;
}

/* Compares what the script writes to argv-less "out" with the view of "in"; both lie in a folder of the test's own. */
static void check_python(const char *module, const char *input, const char *body, const char *expression)
{
    char folder[] = "/tmp/lens-delimited-XXXXXX", path[64], script[1536];
    uint8_t *want;
    size_t n;
    FILE *file;
    int failed;

    cr_assert(mkdtemp(folder));
    snprintf(script, sizeof script, "import %s as m", module);
    if (python(script) < 0) {
        rmdir(folder);
        cr_skip_test("no /usr/bin/python3 with %s here", module);
    }
    snprintf(path, sizeof path, "%s/in", folder);
    file = fopen(path, "w");
    fputs(input, file);
    fclose(file);
    snprintf(script, sizeof script, "import %s as m\nf=\"%s\"\n%s\nopen(\"%s/out\",\"wb\").write(b)", module, path, body, folder);
    failed = python(script);
    unlink(path);
    snprintf(path, sizeof path, "%s/out", folder);
    want = failed ? NULL : test_file(path, &n);
    unlink(path);
    rmdir(folder);
    cr_assert(want, "%s refused: %s", module, body);
    cr_assert_eq(make(expression, input), (int64_t)n, "%s: %s gives %zu bytes", expression, module, n);
    cr_assert(memcmp(view, want, n) == 0, "%s differs from %s", expression, module);
    free(want);
}

static const char *random_text(uint64_t from, int header)
{
    static char text[sizeof table.text + 100];
    char *at = text;

    seed = from;
    do
        draw_table(1);
    while (table.rows < 50 || table.columns < 3);
    for (size_t c = 0; header && c < table.columns; c++)
        at += sprintf(at, "c%zu%c", c, c + 1 < table.columns ? ',' : '\n');
    strcpy(at, table.text);
    return text;
}

Test(delimited, as_numpy_loadtxt, .timeout = 60)
{
    check_python("numpy", random_text(100, 1), "b=m.loadtxt(f,delimiter=\",\",skiprows=1).tobytes()",
                 "delimited(skip_lines=1, quote=none, comment=\"#\", as=python)");
    check_python("numpy", random_text(101, 1), "b=m.loadtxt(f,delimiter=\",\",skiprows=1,usecols=(2,0)).tobytes()",
                 "delimited(skip_lines=1, quote=none, comment=\"#\", as=python, columns=[2,0])");
    check_python("numpy", "# c\n 1 2\t3\n\n4  nan -inf # x\r\n+5 1e400 .5", "b=m.loadtxt(f).tobytes()",
                 "delimited(sep=space, quote=none, comment=\"#\", as=python)");
    check_python("numpy", "1 2\n3 4\n", "b=m.loadtxt(f,dtype=m.int32).tobytes()",
                 "delimited(sep=space, quote=none, comment=\"#\", type=i32)");
}

#define BLOCK "m.read_csv(f)._mgr.blocks"

Test(delimited, as_pandas_read_csv, .timeout = 60)
{
    check_python("pandas", random_text(200, 1), "b=" BLOCK "[0].values.tobytes()",
                 "delimited(header=1, layout=columns, as=pandas)");
    check_python("pandas", random_text(201, 1), "b=m.read_csv(f)[\"c1\"].to_numpy().tobytes()",
                 "delimited(header=1, as=pandas, columns=[\"c1\"])");
    check_python("pandas", "a,b,c\n1,.5,\"x\"\n\n,NA,y\n3,-inf,z\r\n4\n5,nan,\"p\"\"q\n\"\n 6 , 7.25,w\n",
                 "b=m.read_csv(f).select_dtypes(float)._mgr.blocks[0].values.tobytes()",
                 "delimited(header=1, layout=columns, as=pandas, columns=[0,1])");
    check_python("pandas", "a,i,j\n0.5,1,-9223372036854775808\n2,+3,9223372036854775807\n",
                 "b=m.read_csv(f).select_dtypes(int)._mgr.blocks[0].values.tobytes()",
                 "delimited(header=1, layout=columns, type=i64, as=pandas, columns=[1,2])");
    check_python("pandas", random_text(202, 1), "b=m.read_csv(f,float_precision=\"round_trip\")._mgr.blocks[0].values.tobytes()",
                 "delimited(header=1, layout=columns, as=round_trip, na=pandas)");
}

/* ------------------------------------------------------------------ fixture */

Test(delimited, fixture)
{
    struct city {
        char name[16];
        int64_t people;
        double lat, lon;
    };
    size_t n;
    uint8_t *bytes = test_file("tests/fixtures/delimited/cities.csv", &n);
    const struct city *city = (const struct city *)(void *)view;

    cr_assert_eq(test_make("delimited(header=1, struct=\"char name[16]; int64_t people; double lat, lon;\", "
                           "columns=[\"name\",\"people\",\"lat\",\"lon\"])", bytes, n, view, ROOM), 3 * (int64_t)sizeof *city);
    cr_assert_str_eq(city[1].name, "Paris, France");
    cr_assert_eq(city[1].people, 2102650);
    cr_assert_eq(city[2].lat, -33.4489);
    cr_assert_str_eq(city[2].name, "Santiago \"SCL\"");
    free(bytes);
}
