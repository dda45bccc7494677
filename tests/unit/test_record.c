/*
 * test_record.c - the lens `record` against fscanf itself, on generated formats and files.
 */
#include "tests/unit/number_text.h"
#include "tests/unit/reader.h"

#include <criterion/criterion.h>
#include <errno.h>

/* The formats are the test data. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

enum { ROOM = 1 << 20 };

static uint8_t view[ROOM], other[ROOM], want[ROOM];

static void *record(const char *format)
{
    struct lens_error error;

    return test_configure(&lens_record, TEST_ARGS({ NULL, test_text(format) }), &error);
}

static int64_t make(const void *params, const char *text, size_t n)
{
    return test_view(&lens_record, params, text, n, 1 << 16, 0, 1, view, ROOM);
}

/* ------------------------------------------------------------------ by example */

struct kv {
    int key;
    float value;
};

Test(record, key_value)
{
    static const char text[] = "1=0.5;\n-2=1e3;\n  3=4.25;\n2000000000=-0.0;";
    static const struct kv values[] = { { 1, 0.5f }, { -2, 1e3f }, { 3, 4.25f }, { 2000000000, -0.0f } };
    void *params = record("%d=%f;\n");

    cr_assert_eq(make(params, text, sizeof text - 1), (int64_t)sizeof values);
    cr_assert_arr_eq(view, values, sizeof values);
    free(params);
}

Test(record, ends_where_the_format_does_not_match)
{
    void *params = record("%d=%f;\n");

    cr_assert_eq(make(params, "1=2;\n3 4\n5=6;\n", 14), 8);
    cr_assert_eq(make(params, "", 0), 0);
    cr_assert_eq(make(params, "\n \n", 3), 0);
    cr_assert_eq(make(params, "7=8", 3), 8);
    free(params);
}

Test(record, strings_and_padding)
{
    struct row {
        char name[8];
        int8_t small;
        double value;
    } rows[] = { { "abc", -1, 2.5 }, { "defghij", 127, -1 } };
    void *params = record("%7s %hhd %lf");

    cr_assert_eq(make(params, "abc 255 2.5\r\ndefghij\t127 -1", 29 - 2), (int64_t)sizeof rows);
    rows[0].small = -1;
    for (int i = 0; i < 2; i++) {
        cr_assert_str_eq((char *)view + 24 * i, rows[i].name);
        cr_assert_eq(view[24 * i + 8], (uint8_t)rows[i].small);
        for (int k = 9; k < 16; k++)
            cr_assert_eq(view[24 * i + k], 0);
        cr_assert_arr_eq(view + 24 * i + 16, &rows[i].value, 8);
    }
    free(params);
}

Test(record, declared_struct)
{
    struct row {
        int64_t key;
        double value;
        char name[16];
        unsigned short a, b;
    } row = { -5, (double)0.1f, "xy", 65535, 2 };
    struct lens_error error;
    void *params = test_configure(
        &lens_record,
        TEST_ARGS({ NULL, test_text("%d,%f,%3[a-z],%d,%d\n") },
                  { "struct", test_text("long long int key; double value; char name[16]; unsigned short a, b;") }),
        &error);

    cr_assert_not_null(params, "%s", error.text);
    cr_assert_eq(make(params, "-5,0.1,xy,-1,2\n", 15), (int64_t)sizeof row);
    cr_assert_eq(memcmp(view, &row.key, 8), 0);
    cr_assert_eq(memcmp(view + 8, &row.value, 8), 0);
    cr_assert_str_eq((char *)view + 16, "xy");
    cr_assert_eq(memcmp(view + 32, &row.a, 4), 0);
    free(params);
}

Test(record, options)
{
    struct lens_error error;
    void *params = test_configure(&lens_record,
                                  TEST_ARGS({ NULL, test_text("%d\n") }, { "skip_lines", test_number(2) },
                                            { "stride", test_number(8) }),
                                  &error);
    static const int32_t values[] = { 7, 0, 8, 0 };

    cr_assert_eq(make(params, "99\n98\n7\n8\n", 10), 16);
    cr_assert_arr_eq(view, values, 16);
    free(params);
    params = test_configure(&lens_record, TEST_ARGS({ NULL, test_text("%d;") }, { "lines", test_word("yes") }), &error);
    static const int32_t lines[] = { 1, 3, 4 };
    cr_assert_eq(make(params, "1;x\nno\n\n3\r\n 4 5\n", 17), 12);
    cr_assert_arr_eq(view, lines, 12);
    free(params);
}

Test(record, refuses_with_a_reason)
{
    static const char *const bad[] = { "%n", "%s", "%d %p", "%Lf", "%llf", "%hf", "abc", "", "%ls", "%d %[abc", "%", "%5y", "%*d" };
    static const char *const bad_structs[] = { "int", "int a;", "int a; float b; int c;", "int *a; float b;",
                                               "half a; float b;", "int a; int b;", "int a[2]; float b;" };
    struct lens_error error;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error.text[0] = 0;
        cr_assert_null(test_configure(&lens_record, TEST_ARGS({ NULL, test_text(bad[i]) }), &error), "%s", bad[i]);
        cr_assert_gt(strlen(error.text), 10);
    }
    for (size_t i = 0; i < sizeof bad_structs / sizeof *bad_structs; i++)
        cr_assert_null(test_configure(&lens_record,
                                      TEST_ARGS({ NULL, test_text("%d%f") }, { "struct", test_text(bad_structs[i]) }),
                                      &error),
                       "%s", bad_structs[i]);
    cr_assert_null(test_configure(&lens_record, TEST_ARGS({ "stride", test_number(4) }), &error));
    cr_assert_null(
        test_configure(&lens_record, TEST_ARGS({ NULL, test_text("%lf") }, { "stride", test_number(4) }), &error));
}

/* White space between records may be longer than any window; a token may not. */
Test(record, long_white_space)
{
    size_t n = 1 << 20;
    char *text = malloc(n);
    void *params = record("%d;\n");
    static const int32_t values[] = { 12, 34 };

    memset(text, ' ', n);
    memcpy(text, "12;", 3);
    memcpy(text + n - 3, "34;", 3);
    cr_assert_eq(make(params, text, n), 8);
    cr_assert_arr_eq(view, values, 8);
    cr_assert_eq(test_view(&lens_record, params, text, n, 1, 3, 5, view, ROOM), 8);
    memset(text, '0', n);
    cr_assert_eq(make(params, text, n), 0);
    free(params);
    free(text);
}

/* ------------------------------------------------------------------ against fscanf */

/* A stored conversion: what the format says, and where its value lies in the struct that fscanf fills. */
struct field {
    size_t offset, bytes;
};

struct plan {
    char format[256];
    struct field fields[8];
    int count;
    size_t bytes;
};

static void add_field(struct plan *plan, size_t align, size_t bytes)
{
    size_t offset = (plan->bytes + align - 1) / align * align;

    plan->fields[plan->count++] = (struct field){ offset, bytes };
    plan->bytes = offset + bytes;
}

static void add_conversion(struct plan *plan, uint64_t *state, size_t *largest)
{
    static const struct {
        const char *text;
        size_t align, bytes;
    } all[] = { { "%d", 4, 4 },   { "%f", 4, 4 },   { "%lf", 8, 8 },   { "%ld", 8, 8 },  { "%hd", 2, 2 },
                { "%hhu", 1, 1 }, { "%u", 4, 4 },   { "%x", 4, 4 },    { "%i", 4, 4 },   { "%lo", 8, 8 },
                { "%3d", 4, 4 },  { "%5lf", 8, 8 }, { "%c", 1, 1 },    { "%3c", 1, 3 },  { "%7s", 1, 8 },
                { "%5[0-9.]", 1, 6 }, { "%4[^;\n]", 1, 5 }, { "%*d", 0, 0 }, { "%*s", 0, 0 }, { "%2f", 4, 4 } };
    size_t k = test_next(state) % (test_next(state) % 2 ? 4 : sizeof all / sizeof *all);

    strcat(plan->format, all[k].text);
    if (!all[k].align)
        return;
    add_field(plan, all[k].align, all[k].bytes);
    if (all[k].align > *largest)
        *largest = all[k].align;
}

static void make_plan(struct plan *plan, uint64_t *state)
{
    static const char *const between[] = { " ", "=", ";", ",", "\n", ";\n", "", ":", " %%", "\t;" };
    size_t largest = 1;
    int want_fields = 1 + (int)(test_next(state) % 4);

    memset(plan, 0, sizeof *plan);
    if (test_next(state) % 8 == 0)
        strcat(plan->format, between[test_next(state) % 10]);
    while (plan->count < want_fields) {
        add_conversion(plan, state, &largest);
        strcat(plan->format, between[test_next(state) % 10]);
    }
    plan->bytes = (plan->bytes + largest - 1) / largest * largest;
}

/* A file that the format matches for a while: its own text with numbers for conversions, sometimes damaged. */
static size_t make_text(const struct plan *plan, uint64_t *state, char *text, size_t cap)
{
    size_t at = 0;
    int records = (int)(test_next(state) % 40);

    for (int i = 0; i < records && at + 4096 < cap; i++)
        for (const char *f = plan->format; *f; f++) {
            if (*f == '%' && f[1] == '%') {
                text[at++] = *++f;
            } else if (*f == '%') {
                f += strcspn(f + 1, "dflxiuoscs[") + 1;
                if (*f == '[')
                    f = strchr(f, ']');
                if (*f == 'l' || *f == 'h')
                    f++;
                while (*f && !strchr("dfxiuosc]", *f))
                    f++;
                if (test_next(state) % 64 == 0)
                    at += test_number_text(state, text + at);
                else
                    at += (size_t)sprintf(text + at, test_next(state) % 2 ? "%lld" : "%lld.5",
                                          (long long)(test_next(state) % 2000) - 500);
            } else if (*f == '\n' && test_next(state) % 8 == 0) {
                at += (size_t)sprintf(text + at, "%s", test_next(state) % 2 ? "\r\n" : "\n\n");
            } else if (test_next(state) % 128) {
                text[at++] = *f;
            }
        }
    if (at && test_next(state) % 4 == 0)
        at--;
    return at;
}

/* while (fscanf(...) == n), into zeroed memory. Up to 8 pointers are passed, more than any format here uses. */
static size_t by_fscanf(const struct plan *plan, char *text, size_t n, size_t cap)
{
    FILE *file = n ? fmemopen(text, n, "r") : NULL;
    size_t at = 0;

    for (; file && at + plan->bytes <= cap; at += plan->bytes) {
        uint8_t *p[8];

        memset(want + at, 0, plan->bytes);
        for (int i = 0; i < 8; i++)
            p[i] = want + at + plan->fields[i].offset;
        if (fscanf(file, plan->format, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]) != plan->count)
            break;
    }
    if (file)
        fclose(file);
    return at;
}

Test(record, as_fscanf, .timeout = 240)
{
    uint64_t state = test_seed("record_as_fscanf");
    static char text[1 << 17];
    size_t records = 0;

    for (int i = 0; i < 40000; i++) {
        struct plan plan;
        make_plan(&plan, &state);
        size_t n = make_text(&plan, &state, text, sizeof text), bytes = by_fscanf(&plan, text, n, ROOM - 64);
        void *params = record(plan.format);

        cr_assert_not_null(params, "%s", plan.format);
        cr_assert_eq(make(params, text, n), (int64_t)bytes, "\"%s\" on \"%.*s\": %lld, fscanf %zu", plan.format,
                     (int)n, text, (long long)make(params, text, n), bytes);
        cr_assert(!memcmp(view, want, bytes), "\"%s\" on \"%.*s\"", plan.format, (int)n, text);
        cr_assert_eq(test_view(&lens_record, params, text, n, 1 + test_next(&state) % 600, 1 + test_next(&state) % 40,
                               state, other, ROOM),
                     (int64_t)bytes, "cut: \"%s\" on \"%.*s\"", plan.format, (int)n, text);
        cr_assert(!memcmp(view, other, bytes), "cut: \"%s\" on \"%.*s\"", plan.format, (int)n, text);
        records += bytes / plan.bytes;
        free(params);
    }
    cr_assert_gt(records, 100000);
}

/* ------------------------------------------------------------------ laws */

/* GetPut: text made from a view gives that view. PutGet: putting what was got from such text gives the text. */
static void check_laws(const char *format, const void *elements, size_t n)
{
    static char text[1 << 17], again[1 << 17];
    struct lens_cursor cursor = { 0 };
    void *params = record(format);
    size_t taken;
    int64_t made = lens_record.put(params, &cursor, elements, n, &taken, text, sizeof text);

    cr_assert(made > 0 && taken == n, "\"%s\": %lld, %zu of %zu", format, (long long)made, taken, n);
    cr_assert(cursor.view == n && cursor.source == (uint64_t)made);
    cr_assert_eq(make(params, text, (size_t)made), (int64_t)n, "\"%s\": \"%.*s\"", format, (int)made, text);
    cr_assert(!memcmp(view, elements, n), "\"%s\": \"%.*s\"", format, (int)made, text);
    memset(&cursor, 0, sizeof cursor);
    cr_assert_eq(lens_record.put(params, &cursor, view, n, &taken, again, sizeof again), made);
    cr_assert(!memcmp(text, again, (size_t)made));
    free(params);
}

Test(record, laws)
{
    uint64_t state = test_seed("record_laws");

    for (int round = 0; round < 300; round++) {
        struct kv pairs[100];
        struct {
            double a;
            int64_t b;
        } wide[100];

        for (int i = 0; i < 100; i++) {
            uint32_t bits = (uint32_t)test_next(&state);
            uint64_t more = test_next(&state) << 32 ^ test_next(&state);

            pairs[i].key = (int)test_next(&state);
            memcpy(&pairs[i].value, &bits, 4);
            memcpy(&wide[i].a, &more, 8);
            wide[i].b = (int64_t)(test_next(&state) << 20);
            if (pairs[i].value != pairs[i].value)
                pairs[i].value = (float)i / 10;
            if (wide[i].a != wide[i].a)
                wide[i].a = (double)i / 1000;
        }
        check_laws("%d=%f;\n", pairs, sizeof pairs);
        check_laws("%d %f", pairs, sizeof pairs);
        check_laws("%x,%f\n", pairs, sizeof pairs);
        check_laws("%lf %ld\n", wide, sizeof wide);
    }
}

Test(record, put_refuses_what_no_text_gives)
{
    struct {
        char name[4];
        int32_t value;
    } row = { "a b", 1 };
    char text[LENS_TOKEN_MAX];
    struct lens_cursor cursor = { 0 };
    size_t taken;
    void *params = record("%3s %d\n"), *silent = record("%*d %d\n");

    cr_assert_eq(lens_record.put(params, &cursor, &row, sizeof row, &taken, text, sizeof text), -EILSEQ);
    memcpy(row.name, "a\0b", 4);
    cr_assert_eq(lens_record.put(params, &cursor, &row, sizeof row, &taken, text, sizeof text), -EILSEQ);
    memcpy(row.name, "a\0\0", 4);
    cr_assert_eq(lens_record.put(params, &cursor, &row, sizeof row, &taken, text, sizeof text), 4);
    cr_assert_eq(memcmp(text, "a 1\n", 4), 0);
    cr_assert_eq(lens_record.put(silent, &cursor, &row, 4, &taken, text, sizeof text), -EILSEQ);
    free(params);
    free(silent);
}
