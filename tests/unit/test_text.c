/*
 * test_text.c - the formatter against libc's own, globs, and the word a person may have meant.
 */
#include "liblens/base/log.h"
#include "liblens/plan/options.h"
#include "liblens/plan/plan.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SAME_AS_LIBC(...) \
    do { \
        char ours[200], theirs[200]; \
        size_t length = lensi_format(ours, sizeof ours, __VA_ARGS__); \
        int expected = snprintf(theirs, sizeof theirs, __VA_ARGS__); \
        cr_assert_str_eq(ours, theirs); \
        cr_assert_eq(length, (size_t)expected); \
    } while (0)

Test(text, formats_as_libc_does)
{
    SAME_AS_LIBC("plain");
    SAME_AS_LIBC("%d %d %d", 0, INT_MAX, INT_MIN);
    SAME_AS_LIBC("%ld %lld", LONG_MIN, LLONG_MAX);
    SAME_AS_LIBC("%u %lu %llu", UINT_MAX, ULONG_MAX, ULLONG_MAX);
    SAME_AS_LIBC("%zu %zd", (size_t)-1, (ssize_t)-1);
    SAME_AS_LIBC("%x %lx %llx", 0xbeefu, 0xdeadbeeful, 0x123456789abcdefull);
    SAME_AS_LIBC("[%5d] [%-5d] [%05d] [%2d]", 42, 42, -42, 12345);
    SAME_AS_LIBC("[%08x] [%4x]", 0xabcu, 0xabcdefu);
    SAME_AS_LIBC("[%s] [%10s] [%-10s] [%.2s] [%.*s] [%6.3s]", "word", "word", "word", "word", 3, "word", "word");
    SAME_AS_LIBC("%c%c %%", 'a', 'b');
    SAME_AS_LIBC("%p", (void *)0x1234abcd);
    SAME_AS_LIBC("%.0s|", "gone");
}

Test(text, counts_what_does_not_fit_and_ends_in_nul)
{
    char to[5] = "....";

    cr_assert_eq(lensi_format(to, sizeof to, "%s", "longer"), 6);
    cr_assert_str_eq(to, "long");
    cr_assert_eq(lensi_format(NULL, 0, "%d", 1234), 4);
    cr_assert_eq(lensi_format(to, 1, "x"), 1);
    cr_assert_str_eq(to, "");
}

Test(text, shows_bytes_as_a_person_reads_them)
{
    static const struct {
        unsigned long long bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {1049, "1.0 kB"}, {1050, "1.1 kB"}, {640000, "640 kB"},
        {99949, "99.9 kB"}, {99950, "100 kB"}, {999499, "999 kB"}, {999950, "1.0 MB"}, {12345678, "12.3 MB"},
        {67108864, "67.1 MB"}, {1000000000000ull, "1.0 TB"}, {ULLONG_MAX, "18.4 EB"},
    };
    char to[24];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_str_eq(lensi_format_bytes(to, rows[i].bytes), rows[i].text, "%llu", rows[i].bytes);
}

Test(text, globs_as_fnmatch_does)
{
    static const char *const patterns[] = {"*", "", "a", "a*", "*a", "*a*", "?", "a?c", "[a-c]x", "[!a-c]x", "[]x]",
                                           "\\*", "*.txt", "a*b*c", "**", "*[0-9]", "/tmp/*.kv", "[a-]", "a\\"};
    static const char *const texts[] = {"", "a", "b", "abc", "ax", "dx", "]", "*", "x.txt", "x.txt.gz", "aXbYc",
                                        "aXbY", "n7", "/tmp/deep/a.kv", "-", "aaab", "a\\"};

    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++)
        for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
            /* A backslash at the end stands for itself here; fnmatch leaves it open. */
            if (strcmp(patterns[p], "a\\") == 0)
                continue;
            cr_assert_eq(lensi_glob(patterns[p], texts[t]), fnmatch(patterns[p], texts[t], 0) == 0, "%s on %s",
                         patterns[p], texts[t]);
        }
    cr_assert(lensi_glob("a\\", "a\\"));
    cr_assert(lensi_glob("x[", "x["));
    cr_assert_not(lensi_glob("x[", "xy"));
}

Test(text, globs_in_linear_space_and_without_explosion, .timeout = 5)
{
    char text[4000];

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_assert_not(lensi_glob("*a*a*a*a*a*a*a*a*a*b", text));
}

Test(text, finds_the_nearest_word)
{
    static const char *const words[] = {"auto", "inthread", "thread", "protect", "off", NULL};
    static const struct {
        const char *word, *near;
    } rows[] = {
        {"inthraed", "inthread"}, {"in", "inthread"}, {"threads", "thread"}, {"atuo", "auto"}, {"OFF", "off"},
        {"of", "off"}, {"protct", "protect"}, {"userfaultfd", NULL}, {"xyz", NULL}, {"", NULL},
        {"a-very-long-word-that-no-option-or-lens-would-ever-have", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *near = lensi_nearest_word(rows[i].word, strlen(rows[i].word), words);

        if (rows[i].near)
            cr_assert(near && strcmp(near, rows[i].near) == 0, "%s gave %s", rows[i].word, near ? near : "nothing");
        else
            cr_assert_null(near, "%s gave %s", rows[i].word, near);
    }
}

Test(text, fills_errors)
{
    struct lens_error error;

    cr_assert_eq(lens_error_set(&error, 3, "%s %d", "bad", 7), -EINVAL);
    cr_assert_str_eq(error.text, "bad 7");
    cr_assert_eq(error.at, 3);
    cr_assert_eq(lens_error_set(NULL, 0, "nobody listens"), -EINVAL);
}
