/*
 * test_plan.c - the plan language: what parses to what, every error with its place, and printing.
 *
 * The lenses are the test's own, so that the language is tested and not the lenses.
 */
#include "liblens/plan/lexer.h"
#include "liblens/plan/plan.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ lenses */

/* Takes anything but the word "bad"; keeps the count of arguments and the first number. */
struct probe {
    size_t count;
    double number;
    int64_t integer;
    size_t text_bytes;
    char text[16];
    size_t items;
};

static int probe_configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    struct probe *probe = params;

    probe->count = args->count;
    for (size_t i = 0; i < args->count; i++) {
        const struct lens_value *value = &args->list[i].value;

        if (value->kind == LENS_WORD && strcmp(value->text, "bad") == 0)
            return lens_error_set(error, (int)i, "bad is not good; write good");
        if (value->kind == LENS_NUMBER) {
            probe->number = value->number;
            probe->integer = value->integer;
        } else if (value->kind == LENS_LIST) {
            probe->items = value->items_count;
        } else {
            probe->text_bytes = value->text_bytes;
            memcpy(probe->text, value->text, value->text_bytes < 16 ? value->text_bytes : 16);
        }
    }
    return 0;
}

static int plain_configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    (void)params;
    return args->count ? lens_error_set(error, -1, "takes no arguments") : 0;
}

static int64_t no_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    (void)params, (void)source, (void)cursor, (void)out, (void)n;
    return 0;
}

static const struct lens_ops probe_ops = {.size = sizeof probe_ops, .name = "probe", .usage = "probe(...)",
    .params_bytes = sizeof(struct probe), .configure = probe_configure, .get = no_get};
static const struct lens_ops plain_ops = {.size = sizeof plain_ops, .name = "plain", .usage = "plain",
    .configure = plain_configure, .get = no_get};

static void set_up(void)
{
    cr_assert_eq(lens_register(&probe_ops), 0);
    cr_assert_eq(lens_register(&plain_ops), 0);
}

static struct lensi_plan parse(const char *text)
{
    struct lensi_plan plan;
    struct lens_error error = {.text = ""};

    cr_assert_eq(lensi_plan_parse("p", text, strlen(text), &plan, &error), 0, "%s", error.text);
    return plan;
}

/* ------------------------------------------------------------------ the registry */

Test(registry, knows_lenses_by_name, .init = set_up)
{
    struct lens_ops nameless = probe_ops, spaced = probe_ops, old = probe_ops, other = probe_ops;

    cr_assert_eq(lens_find("probe"), &probe_ops);
    cr_assert_eq(lens_at(1), &plain_ops);
    cr_assert_null(lens_at(2));
    cr_assert_null(lens_find("prob"));
    cr_assert_eq(lens_register(&probe_ops), 0); /* the same table again */
    cr_assert_eq(lens_register(&other), -EEXIST);
    nameless.name = "";
    spaced.name = "two words";
    old.size = 8;
    cr_assert_eq(lens_register(&nameless), -EINVAL);
    cr_assert_eq(lens_register(&spaced), -EINVAL);
    cr_assert_eq(lens_register(&old), -EINVAL);
    cr_assert_eq(lens_register(NULL), -EINVAL);
}

/* ------------------------------------------------------------------ what parses */

Test(plan, reads_a_whole_site, .init = set_up)
{
    struct lensi_plan plan = parse("lens-plan 1\n"
                                   "# comment\n"
                                   "lens two = plain | probe(1)\n"
                                   "site \"load_*\" from \"main\" as \"loader\" { # comment\n"
                                   "  min 1M max 2G\n"
                                   "  file \"*.kv\" \"*.txt\" path \"/fixed\"\n"
                                   "  lens two\n  lens two | plain\n"
                                   "  extent 352 step block packed\n"
                                   "}\n");
    const struct lensi_plan_site *site = plan.sites;

    cr_assert_eq(plan.sites_count, 1);
    cr_assert_str_eq(plan.path, "p");
    cr_assert_str_eq(site->name, "loader");
    cr_assert_eq(site->line, 4);
    cr_assert_eq(site->frames_count, 2);
    cr_assert(site->frames[0].kind == LENSI_FRAME_NAME && strcmp(site->frames[0].text, "load_*") == 0);
    cr_assert(site->min_bytes == 1 << 20 && site->max_bytes == 2ull << 30);
    cr_assert_eq(site->files_count, 3);
    cr_assert(!site->fixed[0] && !site->fixed[1] && site->fixed[2]);
    cr_assert_str_eq(site->files[2], "/fixed");
    cr_assert_eq(site->pipes_count, 2);
    cr_assert_eq(site->pipes[1]->count, 3);
    cr_assert_eq(site->pipes[1]->stages[2].ops, &plain_ops);
    cr_assert_str_eq(site->pipes[1]->text, "plain | probe(1) | plain");
    cr_assert(site->extent == LENSI_EXTENT_FIXED && site->offset == 352 && site->step == LENSI_STEP_BLOCK);
    cr_assert(site->packed);
}

Test(plan, has_defaults, .init = set_up)
{
    struct lensi_plan plan = parse("lens-plan 1 site \"*\" { file \"*\" lens plain }\n"
                                   "site \"*\" { file \"*\" lens plain packed }\n"
                                   "site \"*\" { file \"*\" lens plain extent read }\n");

    cr_assert_eq(plan.sites_count, 3);
    cr_assert_eq(plan.sites[0].min_bytes, 65536);
    cr_assert_eq(plan.sites[0].max_bytes, LENS_UNKNOWN);
    cr_assert(plan.sites[0].extent == LENSI_EXTENT_FIXED && plan.sites[0].offset == 0 && plan.sites[0].step == 0);
    cr_assert_eq(plan.sites[1].min_bytes, 0);
    cr_assert_eq(plan.sites[2].extent, LENSI_EXTENT_READ);
}

Test(plan, may_be_empty, .init = set_up)
{
    cr_assert_eq(parse("lens-plan 1").sites_count, 0);
    cr_assert_eq(parse("lens-plan 1\n# nothing yet\n").sites_count, 0);
}

static struct lensi_frame frame_of(const char *site)
{
    char text[300];

    snprintf(text, sizeof text, "lens-plan 1 site \"%s\" { file \"*\" lens plain }", site);
    return parse(text).sites[0].frames[0];
}

Test(plan, tells_frames_apart, .init = set_up)
{
    struct lensi_frame frame = frame_of("libfoo.so+0x1234");

    cr_assert(frame.kind == LENSI_FRAME_OFFSET && frame.low == 0x1234 && frame.high == 0x1235 && !frame.also);
    cr_assert_str_eq(frame.text, "libfoo.so");
    frame = frame_of("libstdc++.so.6+0x10-0x20,0x30");
    cr_assert_str_eq(frame.text, "libstdc++.so.6");
    cr_assert(frame.low == 0x10 && frame.high == 0x20 && frame.also && frame.also->low == 0x30);
    cr_assert(lensi_frame_holds(&frame, 0x1f) && lensi_frame_holds(&frame, 0x30));
    cr_assert_not(lensi_frame_holds(&frame, 0x20) || lensi_frame_holds(&frame, 0x31));
    frame = frame_of("file.c:123");
    cr_assert(frame.kind == LENSI_FRAME_LINE && frame.line == 123 && strcmp(frame.text, "file.c") == 0);
    frame = frame_of("module:src/file.c:7");
    cr_assert(frame.kind == LENSI_FRAME_LINE && frame.line == 7 && strcmp(frame.text, "module:src/file.c") == 0);
    cr_assert_eq(frame_of("ns::name::*").kind, LENSI_FRAME_NAME);
    cr_assert_eq(frame_of("operator+").kind, LENSI_FRAME_NAME);
    cr_assert_eq(frame_of("libstdc++.so.6").kind, LENSI_FRAME_NAME);
    cr_assert_eq(frame_of("ns::1").kind, LENSI_FRAME_NAME);
}

/* ------------------------------------------------------------------ expressions */

static const struct lensi_pipe *pipe_of(const char *text)
{
    const struct lensi_pipe *pipe;
    struct lens_error error = {.text = ""};

    cr_assert_eq(lensi_pipe_parse(text, &pipe, &error), 0, "%s: %s", text, error.text);
    return pipe;
}

Test(pipe, reads_values, .init = set_up)
{
    static const struct {
        const char *text;
        double number;
        int64_t integer;
    } rows[] = {
        {"probe(4K)", 4096, 4096}, {"probe(-3)", -3, -3}, {"probe(0x1f)", 31, 31}, {"probe(0.5)", 0.5, 0},
        {"probe(1e-3)", 1e-3, 0}, {"probe(3.0517578125e-05)", 3.0517578125e-05, 0}, {"probe(1.5K)", 1536, 1536},
        {"probe(123456789.987654)", 123456789.987654, 0}, {"probe(1e20)", 1e20, 0}, {"probe(-.25)", -.25, 0},
        {"probe(9223372036854775807)", 9223372036854775807.0, INT64_MAX}, {"probe(2.50)", 2.5, 0}, {"probe(-0)", 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct probe *probe = pipe_of(rows[i].text)->stages[0].params;

        cr_assert_eq(probe->number, rows[i].number, "%s gave %.17g", rows[i].text, probe->number);
        cr_assert_eq(probe->integer, rows[i].integer, "%s", rows[i].text);
    }
}

/* A fixed seed: the same numbers each time. */
static uint64_t next_random(void)
{
    static uint64_t state = 42;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

Test(pipe, reads_numbers_as_strtod_does, .timeout = 60)
{
    for (int i = 0; i < 500000; i++) {
        uint64_t digits = next_random() >> next_random() % 60;
        int exponent = (int)(next_random() % 60) - 40;
        struct lensi_literal literal;
        const char *problem;
        char text[64], printed[64];
        int length = snprintf(text, sizeof text, "%llue%d", (unsigned long long)(digits / 2), exponent);

        cr_assert_eq(lensi_literal_read(text, (size_t)length, &literal, &problem), 0, "%s: %s", text, problem);
        cr_assert_eq(literal.value, strtod(text, NULL), "%s gave %.17g", text, literal.value);
        lensi_literal_print(&literal, printed, sizeof printed);
        cr_assert_eq(strtod(printed, NULL), literal.value, "%s was printed as %s", text, printed);
    }
}

Test(pipe, reads_strings_with_escapes, .init = set_up)
{
    const struct probe *probe = pipe_of("probe(\"\\n\\t\\0\\x41\\\\\\\"\\r#\")")->stages[0].params;

    cr_assert_eq(probe->text_bytes, 8);
    cr_assert_arr_eq(probe->text, "\n\t\0A\\\"\r#", 8);
}

Test(pipe, reads_lists_and_words, .init = set_up)
{
    cr_assert_eq(((const struct probe *)pipe_of("probe(columns=[1, \"two\", three, [4]])")->stages[0].params)->items,
                 4);
    cr_assert_eq(((const struct probe *)pipe_of("probe([])")->stages[0].params)->items, 0);
    cr_assert_eq(((const struct probe *)pipe_of("probe(a, b=2, 3,)")->stages[0].params)->count, 3);
    cr_assert_str_eq(((const struct probe *)pipe_of("probe(big-endian)")->stages[0].params)->text, "big-endian");
}

Test(pipe, has_one_text_per_meaning, .init = set_up)
{
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {"plain", "plain"}, {"plain()", "plain"}, {" plain|plain ", "plain | plain"},
        {"probe(4K)", "probe(4096)"}, {"probe(0x10)", "probe(16)"}, {"probe(+1.50)", "probe(1.5)"},
        {"probe(5e-1)", "probe(0.5)"}, {"probe(0.05)", "probe(0.05)"}, {"probe(-12.25)", "probe(-12.25)"},
        {"probe(1e25)", "probe(1e25)"}, {"probe(1e-30)", "probe(1e-30)"}, {"probe(-0.0)", "probe(0)"},
        {"probe(b=2,a=1,3)", "probe(3, a=1, b=2)"}, {"probe(\"\\x0a\\x00\\x01\\x41\")", "probe(\"\\n\\0\\x01A\")"},
        {"probe([1,[a],\"b\"],)", "probe([1, [a], \"b\"])"}, {"probe(\n1 # one\n)", "probe(1)"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = pipe_of(rows[i].text)->text;

        cr_assert_str_eq(text, rows[i].canonical, "%s gave %s", rows[i].text, text);
        cr_assert_str_eq(pipe_of(text)->text, text);
    }
}

/* ------------------------------------------------------------------ errors */

#define HEAD "lens-plan 1\n"
#define SITE HEAD "site \"x\" { file \"*\" lens plain "

static const struct {
    const char *text, *says;
} wrong[] = {
    {"", "p:1:1: this is not a plan; the first line must be: lens-plan 1"},
    {"\nlens-plan 1", "p:1:1: this is not a plan"},
    {"lens-plan 2", "p:1:11: expected 1, the only version"},
    {"lens-plan", "p:1:10: expected 1, the only version of plans that this lens reads, not the end"},
    {HEAD "siet \"x\" {}", "p:2:1: siet is not lens or site; did you mean site?"},
    {HEAD "\"x\"", "p:2:1: expected lens or site, not \"x\""},
    {HEAD "zzzzz", "p:2:1: zzzzz is not lens or site"},
    /* definitions */
    {HEAD "lens = plain", "p:2:6: expected a name for the lens, not ="},
    {HEAD "lens a plain", "p:2:8: expected =, not plain"},
    {HEAD "lens a = ", "p:2:10: expected the name of a lens, not the end"},
    {HEAD "lens a = plian", "p:2:10: plian is not a lens; did you mean plain?"},
    {HEAD "lens abc = plain\nlens d = abd", "p:3:10: abd is not a lens; did you mean abc?"},
    {HEAD "lens a = plain |", "p:2:17: expected the name of a lens"},
    {HEAD "lens plain = probe", "p:2:6: plain is a built-in lens"},
    {HEAD "lens a = plain lens a = plain", "p:2:21: a is defined twice"},
    {HEAD "lens a = b lens b = plain", "p:2:10: b is not a lens; lens lenses lists them"},
    {HEAD "lens a = plain lens b = a(1)", "p:2:26: a takes no arguments"},
    {HEAD "lens a = plain|plain|plain|plain|plain|plain|plain|plain|plain", "this pipe is too long; 8"},
    /* arguments */
    {HEAD "lens a = probe(1, 2, bad)", "p:2:22: probe: bad is not good; write good"},
    {HEAD "lens a = probe(1,\n  key=bad)", "p:3:3: probe: bad is not good"},
    {HEAD "lens a = plain(1)", "p:2:10: plain: takes no arguments"},
    {HEAD "lens a = probe(1 2)", "p:2:18: expected , or ), not 2"},
    {HEAD "lens a = probe(",
     "p:2:16: expected a value: a number, a string in quotes, a word or a list [..], not the end"},
    {HEAD "lens a = probe(=1)", "p:2:16: expected a value"},
    {HEAD "lens a = probe(1=2)", "p:2:17: expected , or ), not ="},
    {HEAD "lens a = probe(k=1, k=2)", "p:2:21: k is given twice"},
    {HEAD "lens a = probe([1 2])", "p:2:19: expected , or ], not 2"},
    {HEAD "lens a = probe([[[[[[[[[1]]]]]]]]])", "nested too deeply; 8 levels"},
    {HEAD "lens a = probe(12x)", "p:2:16: this is not a number; sizes end in K, M, G or T"},
    {HEAD "lens a = probe(99999999999999999999)", "p:2:16: this number is too large"},
    {HEAD "lens a = probe(-)", "p:2:16: this is not a number"},
    /* strings and stray bytes */
    {HEAD "lens a = probe(\"abc", "p:2:16: this string does not end on its line"},
    {HEAD "lens a = probe(\"abc\n\")", "p:2:16: this string does not end on its line"},
    {HEAD "lens a = probe(\"ab\\q\")", "p:2:19: unknown escape; use"},
    {HEAD "lens a = probe(\"\\x4\")", "p:2:17: unknown escape"},
    {HEAD "lens a = probe('x')", "p:2:16: stray '; strings stand in double quotes"},
    {HEAD "lens a = plain;", "p:2:15: stray ;; a line needs no sign at its end"},
    {HEAD "\x01", "p:2:1: stray byte 0x01"},
    {HEAD "\xff", "p:2:1: stray byte 0xff"},
    /* sites */
    {HEAD "site x {", "p:2:6: expected a function's name"},
    {HEAD "site \"\" {", "p:2:6: this string is empty"},
    {HEAD "site \"a\\0b\" {", "p:2:6: a NUL byte cannot stand here"},
    {HEAD "site \"x\" \"y\" {", "p:2:10: expected { (or from before an outer frame), not \"y\""},
    {HEAD "site \"x\" from {", "p:2:15: expected a function's name"},
    {HEAD "site \"a\" from \"b\" from \"c\" from \"d\" from \"e\" {", "p:2:42: too many frames; 4"},
    {HEAD "site \"m+0x\" {", "p:2:6: \"m+0x\" is not a place in a module; write"},
    {HEAD "site \"m+12\" {", "p:2:6: \"m+12\" is not a place in a module"},
    {HEAD "site \"+0x12\" {", "is not a place in a module"},
    {HEAD "site \"m+0x20-0x10\" {", "is not a place in a module"},
    {HEAD "site \"m+0x10-\" {", "is not a place in a module"},
    {HEAD "site \"m+0x10,\" {", "is not a place in a module"},
    {HEAD "site \"f.c:0\" {", "p:2:6: \"f.c:0\" names no line"},
    {HEAD "site \"x\" {", "p:2:11: expected } at the end of the site, not the end"},
    {HEAD "site \"x\" { }", "p:2:1: this site has no lens"},
    {HEAD "site \"x\" { lens plain }", "p:2:1: this site has no file"},
    {HEAD "site \"x\" { flie \"*\" }",
     "p:2:12: flie is not min, max, file, path, lens, extent, packed or }; did you mean file?"},
    {HEAD "site \"x\" { 12 }", "p:2:12: expected min, max, file, path, lens, extent, packed or }, not 12"},
    {SITE "min 1 min 2 }", "min is given twice"},
    {SITE "packed packed }", "packed is given twice"},
    {SITE "min -1 }", "-1 cannot stand here; write a size such as 64K, whole and not negative"},
    {SITE "min 0.3 }", "0.3 cannot stand here"},
    {SITE "min x }", "expected a size such as 64K, not x"},
    {SITE "min 2M max 1M }", "p:2:1: min is larger than max"},
    {SITE "file x }", "expected a pattern in quotes"},
    {SITE "path \"a.txt\" }", "path \"a.txt\" is not absolute"},
    {SITE "file \"1\" \"2\" \"3\" \"4\" \"5\" \"6\" \"7\" \"8\" }", "too many files; 8"},
    {SITE "extent raed }", "raed is not an offset in bytes, or read; did you mean read?"},
    {SITE "extent 1 step x }", "expected a number of bytes, or block, not x"},
    {SITE "lens plain lens plain lens plain lens plain lens plain lens plain lens plain lens plain "
          "lens plain lens plain lens plain lens plain lens plain lens plain lens plain lens plain }",
     "too many lenses; 16"},
};

Test(plan, says_what_is_wrong_where, .init = set_up)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct lensi_plan plan;
        struct lens_error error = {.text = ""};

        cr_assert_eq(lensi_plan_parse("p", wrong[i].text, strlen(wrong[i].text), &plan, &error), -EINVAL, "%s",
                     wrong[i].text);
        cr_assert(strstr(error.text, wrong[i].says), "%s\nsays: %s\nnot:  %s", wrong[i].text, error.text,
                  wrong[i].says);
    }
}

Test(plan, takes_64_sites_and_no_more, .init = set_up)
{
    static char text[8192];
    struct lensi_plan plan;
    struct lens_error error;
    size_t length = (size_t)sprintf(text, HEAD);

    for (int i = 0; i < 64; i++)
        length += (size_t)sprintf(text + length, "site \"f%d\" { file \"*\" lens plain }\n", i);
    cr_assert_eq(lensi_plan_parse("p", text, length, &plan, &error), 0);
    cr_assert_eq(plan.sites_count, 64);
    length += (size_t)sprintf(text + length, "site \"last\" { file \"*\" lens plain }\n");
    cr_assert_eq(lensi_plan_parse("p", text, length, &plan, &error), -EINVAL);
    cr_assert(strstr(error.text, "p:66:1: too many sites; 64"), "%s", error.text);
}

Test(plan, shows_the_end_of_a_long_path, .init = set_up)
{
    char path[400];
    struct lensi_plan plan;
    struct lens_error error;

    memset(path, 'd', sizeof path);
    strcpy(path + sizeof path - 8, "/x.plan");
    cr_assert_eq(lensi_plan_parse(path, "nonsense", 8, &plan, &error), -EINVAL);
    cr_assert(strstr(error.text, "ddd/x.plan:1:1: this is not a plan; the first line must be: lens-plan 1"), "%s",
              error.text);
}

Test(plan, cannot_read_what_is_no_file, .init = set_up)
{
    struct lensi_plan plan;
    struct lens_error error;

    cr_assert_eq(lensi_plan_read("/nonexistent/x.plan", &plan, &error), -ENOENT);
    cr_assert_str_eq(error.text, "cannot read the plan /nonexistent/x.plan: no such file");
    cr_assert_eq(lensi_plan_read("/", &plan, &error), -EISDIR);
    cr_assert_eq(lensi_plan_read("/dev/null", &plan, &error), -ESPIPE);
}

/* ------------------------------------------------------------------ printing */

Test(plan, prints_what_parses_to_the_same, .init = set_up)
{
    static const char *const texts[] = {
        "lens-plan 1\n"
        "lens x = probe(\"a\\0b\", [1.25, -3, 4K], z=q, a=\"\\x7f\")\n"
        "site \"a\\\"b\" from \"m+0x00ff,0x200-0x300\" from \"f.c:12\" as \"na\\tme\" { file \"*\" \"\\xc3\\xa4\" lens "
        "x | plain }\n"
        "site \"m+0x1\" { path \"/p\" lens plain min 3K max 5M }\n",
        "lens-plan 1 site \"*\" { file \"*\" lens plain lens probe extent 12 step 4096 packed max 1T }",
        "lens-plan 1 site \"f:c\" { file \"*\" lens plain extent 1 step block }",
        "lens-plan 1 site \"*\" as \"*\" { file \"*\" lens plain extent read }",
        "lens-plan 1",
    };
    char first[4096], second[4096];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct lensi_plan plan = parse(texts[i]);
        size_t length = lensi_plan_print(&plan, first, sizeof first);

        cr_assert_eq(length, strlen(first));
        cr_assert_eq(lensi_plan_print(&plan, NULL, 0), length);
        struct lensi_plan again = parse(first);
        lensi_plan_print(&again, second, sizeof second);
        cr_assert_str_eq(first, second);
        cr_assert_eq(again.sites_count, plan.sites_count);
    }
}

Test(plan, prints_in_canonical_form, .init = set_up)
{
    struct lensi_plan plan = parse("lens-plan 1 lens x = probe(0x10) site \"a\" from \"m+0x0010\" {\n"
                                   "lens x file \"1\" min 2048 path \"/2\" extent 8 step 16 }");
    char text[400], little[20];

    lensi_plan_print(&plan, text, sizeof text);
    cr_assert_str_eq(text, "lens-plan 1\n\nsite \"a\" from \"m+0x10\" {\n    min 2K\n    file \"1\"\n    path \"/2\"\n"
                           "    lens probe(16)\n    extent 8 step 16\n}\n");
    cr_assert_eq(lensi_plan_print(&plan, little, sizeof little), strlen(text));
    cr_assert_str_eq(little, "lens-plan 1\n\nsite \"");
}

/* Every plan cut short anywhere is an error with a place or a plan, never a crash. */
Test(plan, survives_being_cut_short_and_changed, .init = set_up, .timeout = 20)
{
    static const char text[] = SITE "min 1 extent 4 step block packed lens probe(a=[1,2],\"x\\n\")|plain }";
    char changed[sizeof text];
    struct lensi_plan plan;
    struct lens_error error;

    for (size_t cut = 0; cut < sizeof text; cut++) {
        int result = lensi_plan_parse("p", text, cut, &plan, &error);
        cr_assert(result == 0 || (result == -EINVAL && strncmp(error.text, "p:", 2) == 0));
    }
    for (size_t at = 0; at + 1 < sizeof text; at++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(changed, text, sizeof text);
            changed[at] = (char)byte;
            int result = lensi_plan_parse("p", changed, sizeof text - 1, &plan, &error);
            cr_assert(result == 0 || (result == -EINVAL && strncmp(error.text, "p:", 2) == 0));
        }
    }
}
