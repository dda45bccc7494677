/* text.c - see text.h. */
#include "liblens/base/text.h"

#include "liblens/lens.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

/* Where formatted text goes. length counts what would have been written, as snprintf does. */
struct out {
    char *to;
    size_t room, length;
};

/* A va_list in a struct can be handed on by pointer on every machine. */
struct arguments {
    va_list list;
};

/* One conversion: what stands between % and its letter. */
struct conversion {
    bool left, zeros;
    size_t width;
    size_t precision; /* SIZE_MAX: none */
    int longs;        /* l counts 1, ll and z count as what they hold */
    char letter;
};

static void put(struct out *out, char c)
{
    if (out->length + 1 < out->room)
        out->to[out->length] = c;
    out->length++;
}

static void put_padded(struct out *out, const struct conversion *how, const char *text, size_t bytes)
{
    size_t pad = how->width > bytes ? how->width - bytes : 0;

    if (how->zeros && pad && bytes && text[0] == '-') {
        put(out, '-');
        text++;
        bytes--;
    }
    for (; !how->left && pad; pad--)
        put(out, how->zeros ? '0' : ' ');
    for (size_t i = 0; i < bytes; i++)
        put(out, text[i]);
    for (; pad; pad--)
        put(out, ' ');
}

static void put_number(struct out *out, const struct conversion *how, unsigned long long value, bool negative,
                       const char *prefix)
{
    unsigned base = how->letter == 'x' || how->letter == 'p' ? 16 : 10;
    char digits[32];
    size_t at = sizeof digits;

    do
        digits[--at] = "0123456789abcdef"[value % base];
    while (value /= base);
    for (size_t i = strlen(prefix); i; i--)
        digits[--at] = prefix[i - 1];
    if (negative)
        digits[--at] = '-';
    put_padded(out, how, digits + at, sizeof digits - at);
}

static void put_text(struct out *out, struct conversion *how, const char *text)
{
    size_t bytes = 0;

    if (!text)
        text = "(none)";
    while (bytes < how->precision && text[bytes])
        bytes++;
    how->zeros = false;
    put_padded(out, how, text, bytes);
}

static size_t read_digits(const char **at)
{
    size_t value = 0;

    for (; **at >= '0' && **at <= '9'; ++*at)
        value = value < 100000 ? value * 10 + (size_t)(**at - '0') : value;
    return value;
}

/* Reads flags, width, precision and length from *at on; *at ends behind the letter. */
static struct conversion read_conversion(const char **at, struct arguments *arguments)
{
    struct conversion how = {.precision = SIZE_MAX};

    for (; **at == '-' || **at == '0'; ++*at) {
        how.left |= **at == '-';
        how.zeros |= **at == '0';
    }
    how.width = read_digits(at);
    if (**at == '.') {
        ++*at;
        if (**at == '*') {
            int given = va_arg(arguments->list, int);

            how.precision = given < 0 ? SIZE_MAX : (size_t)given;
            ++*at;
        } else {
            how.precision = read_digits(at);
        }
    }
    for (; **at == 'l' || **at == 'z'; ++*at)
        how.longs++;
    how.letter = **at;
    if (**at)
        ++*at;
    return how;
}

static void put_signed(struct out *out, const struct conversion *how, struct arguments *arguments)
{
    long long value = how->longs == 0 ? va_arg(arguments->list, int)
                      : how->longs == 1 ? va_arg(arguments->list, long)
                                        : va_arg(arguments->list, long long);

    put_number(out, how, value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value, value < 0, "");
}

static void put_unsigned(struct out *out, const struct conversion *how, struct arguments *arguments)
{
    unsigned long long value = how->longs == 0 ? va_arg(arguments->list, unsigned)
                               : how->longs == 1 ? va_arg(arguments->list, unsigned long)
                                                 : va_arg(arguments->list, unsigned long long);

    put_number(out, how, value, false, "");
}

static void put_conversion(struct out *out, struct conversion *how, struct arguments *arguments)
{
    switch (how->letter) {
    case 'd':
        put_signed(out, how, arguments);
        break;
    case 'u':
    case 'x':
        put_unsigned(out, how, arguments);
        break;
    case 'p':
        put_number(out, how, (uintptr_t)va_arg(arguments->list, void *), false, "0x");
        break;
    case 's':
        put_text(out, how, va_arg(arguments->list, const char *));
        break;
    case 'c': {
        char c = (char)va_arg(arguments->list, int);

        put_padded(out, how, &c, 1);
        break;
    }
    default:
        put(out, '%');
        if (how->letter && how->letter != '%')
            put(out, how->letter);
    }
}

size_t lensi_format_list(char *to, size_t room, const char *format, va_list list)
{
    struct out out = {to, room, 0};
    struct arguments arguments;

    va_copy(arguments.list, list);
    while (*format) {
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        format++;
        struct conversion how = read_conversion(&format, &arguments);
        put_conversion(&out, &how, &arguments);
    }
    va_end(arguments.list);
    if (room)
        to[out.length < room ? out.length : room - 1] = '\0';
    return out.length;
}

size_t lensi_format(char *to, size_t room, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    size_t length = lensi_format_list(to, room, format, list);
    va_end(list);
    return length;
}

/* bytes / unit, rounded. */
static unsigned long long in_units(unsigned long long bytes, unsigned long long unit)
{
    return bytes / unit + (bytes % unit >= unit - unit / 2);
}

const char *lensi_format_bytes(char to[24], unsigned long long bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    unsigned long long unit = 1, tenths;
    size_t u = 0;

    while (in_units(bytes, unit) >= 1000) {
        unit *= 1000;
        u++;
    }
    tenths = unit == 1 ? LONG_MAX : in_units(bytes, unit / 10);
    if (tenths < 1000)
        lensi_format(to, 24, "%llu.%llu %s", tenths / 10, tenths % 10, units[u]);
    else
        lensi_format(to, 24, "%llu %s", in_units(bytes, unit), units[u]);
    return to;
}

int lens_error_set(struct lens_error *error, int at, const char *format, ...)
{
    va_list list;

    if (!error)
        return -EINVAL;
    va_start(list, format);
    lensi_format_list(error->text, sizeof error->text, format, list);
    va_end(list);
    error->at = at;
    return -EINVAL;
}

/* ------------------------------------------------------------------ the nearest word */

#define WORD_MAX 40

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edits between a and b: insert, remove, replace, or swap two neighbours (optimal string alignment). */
static unsigned edit_distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    unsigned rows[3][WORD_MAX + 1];

    for (size_t j = 0; j <= b_bytes; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_bytes; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3], *above_that = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_bytes; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);

            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], above_that[j - 2] + 1);
        }
    }
    return rows[a_bytes % 3][b_bytes];
}

const char *lensi_nearest_word(const char *word, size_t bytes, const char *const *words)
{
    const char *best = NULL;
    unsigned best_distance = bytes < 4 ? 2 : bytes < 8 ? 3 : 4; /* one more than the edits forgiven */

    if (bytes == 0 || bytes > WORD_MAX)
        return NULL;
    for (; *words; words++) {
        size_t length = strlen(*words);

        if (length > WORD_MAX)
            continue;
        unsigned distance = edit_distance(word, bytes, *words, length);

        /* The beginning of a word is nearer than any word of another length. */
        if (bytes >= 2 && length > bytes && edit_distance(word, bytes, *words, bytes) == 0)
            distance = 1;
        if (distance < best_distance) {
            best = *words;
            best_distance = distance;
        }
    }
    return best;
}

/* ------------------------------------------------------------------ globs */

/* Matches one byte against the class behind '['; *end is behind its ']'. An unclosed '[' stands for itself. */
static bool in_class(const char *at, char c, const char **end)
{
    const char *first = at;
    bool negated = *at == '!' || *at == '^', found = false;

    at += negated;
    for (const char *start = at; *at && (*at != ']' || at == start); at++) {
        unsigned char low = (unsigned char)*at, high = low;

        if (at[1] == '-' && at[2] && at[2] != ']') {
            high = (unsigned char)at[2];
            at += 2;
        }
        found |= low <= (unsigned char)c && (unsigned char)c <= high;
    }
    *end = *at ? at + 1 : first;
    return *at ? found != negated : c == '[';
}

/* Matches one byte of text against one element of the pattern other than '*'; *next is the element behind. */
static bool matches_one(const char *pattern, char c, const char **next)
{
    *next = pattern + 1;
    switch (*pattern) {
    case '\0':
        return false;
    case '?':
        return true;
    case '[':
        return in_class(pattern + 1, c, next);
    case '\\':
        if (pattern[1]) {
            *next = pattern + 2;
            return pattern[1] == c;
        }
        return c == '\\';
    default:
        return *pattern == c;
    }
}

bool lensi_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL, *next;

    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (matches_one(pattern, *text, &next)) {
            pattern = next;
            text++;
        } else if (star) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

const char *lensi_error_text(int error)
{
    static const struct {
        int error;
        const char *text;
    } known[] = {
        {-ENOENT, "there is no such file"},
        {-EACCES, "permission denied"},
        {-EPERM, "not permitted"},
        {-EISDIR, "it is a directory"},
        {-ENOTDIR, "a part of its path is not a directory"},
        {-ESPIPE, "it is not a regular file"},
        {-EILSEQ, "its bytes are not of this kind"},
        {-ESTALE, "it has changed since it was opened"},
        {-EIO, "reading it failed"},
        {-ENOMEM, "out of memory"},
        {-ENOSPC, "no space left"},
        {-EROFS, "the file system is read-only"},
        {-EMFILE, "too many open files"},
        {-ELOOP, "too many symbolic links"},
        {-ENAMETOOLONG, "the name is too long"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].error == error)
            return known[i].text;
    return "the system refused";
}
