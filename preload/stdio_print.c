/*
 * stdio_print.c - the printf family: a long string of ours goes to the kernel straight from where it lies.
 *
 * The format is read once beforehand and the strings of ours among the arguments are pinned. When none of the
 * arguments can be ours (nothing virtualised yet, no string conversion) that is a comparison and a search for 's'.
 */
#undef _FORTIFY_SOURCE
#ifndef __NO_INLINE__
#define __NO_INLINE__ 1 /* libc's headers define vprintf inline otherwise, and here it is defined */
#endif
#include "preload/io.h"

#include <err.h>
#include <printf.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

LENSI_EXPORT int __printf_chk(int flag, const char *format, ...);
LENSI_EXPORT int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
LENSI_EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...);
LENSI_EXPORT int _IO_vfprintf(FILE *stream, const char *format, va_list list);
LENSI_EXPORT int _IO_printf(const char *format, ...);
LENSI_EXPORT int _IO_fprintf(FILE *stream, const char *format, ...);
LENSI_EXPORT int __vprintf_chk(int flag, const char *format, va_list list);
LENSI_EXPORT int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list list);
LENSI_EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list list);

/* One conversion of a format. Widths and precisions given by arguments are taken from the list as they are met. */
struct conversion {
    int precision; /* -1: none */
    int longs;     /* l = 1, ll = 2; z, t, j and q count as 2 */
    bool long_double;
    char kind;
};

static const char *read_number(const char *at, int *number, va_list *list)
{
    if (*at == '*') {
        *number = va_arg(*list, int);
        return at + 1;
    }
    for (*number = 0; *at >= '0' && *at <= '9'; at++)
        *number = *number < 100000000 ? *number * 10 + (*at - '0') : *number;
    return at;
}

/* `at` points behind the '%'. Returns the place behind the conversion, or NULL at the end of the format. */
static const char *read_conversion(const char *at, struct conversion *found, va_list *list)
{
    int width;

    *found = (struct conversion){.precision = -1};
    while (*at == '-' || *at == '0' || *at == '+' || *at == ' ' || *at == '#' || *at == '\'' || *at == 'I')
        at++;
    at = read_number(at, &width, list);
    if (*at == '.')
        at = read_number(at + 1, &found->precision, list);
    for (;; at++) {
        if (*at == 'l')
            found->longs++;
        else if (*at == 'z' || *at == 't' || *at == 'j' || *at == 'q' || *at == 'Z')
            found->longs = 2;
        else if (*at == 'L')
            found->long_double = true;
        else if (*at != 'h')
            break;
    }
    found->kind = *at;
    return *at ? at + 1 : NULL;
}

static void pin_string(struct lensi_pins *pins, const char *text, int precision)
{
    if (!lensi_is_ours(text))
        return;
    if (precision < 0)
        lensi_pins_add_text(pins, text);
    else
        lensi_pins_add(pins, text, strnlen(text, (size_t)precision) + 1, LENSI_PIN_IN);
}

/* Takes the conversion's argument off the list. False: a kind we do not know, so the rest is not followed. */
static bool take(struct lensi_pins *pins, const struct conversion *found, va_list *list)
{
    switch (found->kind) {
    case '%':
    case 'm':
        return true;
    case 's':
        if (found->longs)
            (void)va_arg(*list, void *); /* wide: converted in user space */
        else
            pin_string(pins, va_arg(*list, const char *), found->precision);
        return true;
    case 'p':
    case 'n':
    case 'S':
        (void)va_arg(*list, void *);
        return true;
    case 'c':
    case 'C':
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
        if (found->longs)
            (void)va_arg(*list, long);
        else
            (void)va_arg(*list, int);
        return true;
    case 'a':
    case 'A':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (found->long_double || found->longs > 1)
            (void)va_arg(*list, long double);
        else
            (void)va_arg(*list, double);
        return true;
    default:
        return false;
    }
}

/* "%2$s": libc tells the types of the arguments in the order of the list. Precisions are not seen: whole strings. */
static void pin_numbered(struct lensi_pins *pins, const char *format, va_list *list)
{
    enum { ARGUMENTS = 64 };
    int types[ARGUMENTS];
    size_t count = parse_printf_format(format, ARGUMENTS, types);

    for (size_t i = 0; i < count && i < ARGUMENTS; i++) {
        struct conversion argument = {.precision = -1, .kind = 'd'};
        int base = types[i] & ~PA_FLAG_MASK;

        if (types[i] & PA_FLAG_PTR || base == PA_POINTER || base == PA_WSTRING)
            argument.kind = 'p';
        else if (base == PA_STRING)
            argument.kind = 's';
        else if (base == PA_FLOAT || base == PA_DOUBLE)
            argument.kind = 'f';
        if (types[i] & (PA_FLAG_LONG | PA_FLAG_LONG_LONG))
            argument.longs = types[i] & PA_FLAG_LONG ? 1 : 2;
        if (!take(pins, &argument, list))
            return;
    }
}

static void pin_arguments(struct lensi_pins *pins, const char *format, va_list arguments)
{
    struct conversion found;
    va_list list;

    va_copy(list, arguments);
    if (strchr(format, '$'))
        pin_numbered(pins, format, &list);
    else
        for (const char *at = strchr(format, '%'); at; at = strchr(at, '%')) {
            at = read_conversion(at + 1, &found, &list);
            if (!at || !take(pins, &found, &list))
                break;
        }
    va_end(list);
}

static inline void add_arguments(struct lensi_pins *pins, const char *format, va_list list)
{
    pins->count = 0;
    if (lensi_range.bytes && strchr(format, 's'))
        pin_arguments(pins, format, list);
}

#define PRINT_LIST(name, parameters, arguments) \
    LENSI_EXPORT int name parameters \
    { \
        struct lensi_pins pins; \
        int result; \
 \
        add_arguments(&pins, format, list); \
        if (LENSI_LIKELY(pins.count == 0)) \
            return LENSI_NEXT(name) arguments; \
        LENSI_PINNED(result, &pins, LENSI_NEXT(name) arguments); \
        return result; \
    }
PRINT_LIST(vprintf, (const char *restrict format, va_list list), (format, list))
PRINT_LIST(vfprintf, (FILE *restrict stream, const char *restrict format, va_list list), (stream, format, list))
PRINT_LIST(vdprintf, (int fd, const char *restrict format, va_list list), (fd, format, list))
PRINT_LIST(_IO_vfprintf, (FILE *stream, const char *format, va_list list), (stream, format, list))
PRINT_LIST(__vprintf_chk, (int flag, const char *format, va_list list), (flag, format, list))
PRINT_LIST(__vfprintf_chk, (FILE *stream, int flag, const char *format, va_list list), (stream, flag, format, list))
PRINT_LIST(__vdprintf_chk, (int fd, int flag, const char *format, va_list list), (fd, flag, format, list))

#define PRINT(name, parameters, call) \
    LENSI_EXPORT int name parameters \
    { \
        va_list list; \
        int result; \
 \
        va_start(list, format); \
        result = call; \
        va_end(list); \
        return result; \
    }
PRINT(printf, (const char *restrict format, ...), vfprintf(stdout, format, list))
PRINT(fprintf, (FILE *restrict stream, const char *restrict format, ...), vfprintf(stream, format, list))
PRINT(dprintf, (int fd, const char *restrict format, ...), vdprintf(fd, format, list))
PRINT(__printf_chk, (int flag, const char *format, ...), __vfprintf_chk(stdout, flag, format, list))
PRINT(__fprintf_chk, (FILE *stream, int flag, const char *format, ...), __vfprintf_chk(stream, flag, format, list))
PRINT(__dprintf_chk, (int fd, int flag, const char *format, ...), __vdprintf_chk(fd, flag, format, list))
PRINT(_IO_printf, (const char *format, ...), _IO_vfprintf(stdout, format, list))
PRINT(_IO_fprintf, (FILE *stream, const char *format, ...), _IO_vfprintf(stream, format, list))

/* ---- messages on stderr, to which the program may have given a buffer */

#define MESSAGE_LIST(name, parameters, arguments) \
    LENSI_EXPORT void name parameters \
    { \
        struct lensi_pins pins; \
 \
        pins.count = 0; \
        if (format) \
            add_arguments(&pins, format, list); \
        LENSI_NEXT(name) arguments; \
        lensi_pins_end(&pins); \
    }
MESSAGE_LIST(vwarn, (const char *format, va_list list), (format, list))
MESSAGE_LIST(vwarnx, (const char *format, va_list list), (format, list))

#define MESSAGE(name, parameters, call) \
    LENSI_EXPORT void name parameters \
    { \
        va_list list; \
 \
        va_start(list, format); \
        call; \
        va_end(list); \
    }
MESSAGE(warn, (const char *format, ...), vwarn(format, list))
MESSAGE(warnx, (const char *format, ...), vwarnx(format, list))

/* These do not return. */
#define LAST_MESSAGE_LIST(name) \
    LENSI_EXPORT void name(int status, const char *format, va_list list) \
    { \
        struct lensi_pins pins; \
 \
        pins.count = 0; \
        if (format) \
            add_arguments(&pins, format, list); \
        LENSI_NEXT(name)(status, format, list); \
        __builtin_unreachable(); \
    }
LAST_MESSAGE_LIST(verr)
LAST_MESSAGE_LIST(verrx)

#define LAST_MESSAGE(name, next) \
    LENSI_EXPORT void name(int status, const char *format, ...) \
    { \
        va_list list; \
 \
        va_start(list, format); \
        next(status, format, list); \
        va_end(list); /* not reached */ \
        __builtin_unreachable(); \
    }
LAST_MESSAGE(err, verr)
LAST_MESSAGE(errx, verrx)
