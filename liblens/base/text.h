/*
 * text.h - text without libc's stdio or locale: formatting, globs, and the word a person may have meant.
 *
 * Pure functions over the caller's buffers; safe in signal handlers and below malloc. lens_error_set (lens.h) is here,
 * too.
 */
#ifndef LENSI_TEXT_H
#define LENSI_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Conversions: %s %.*s %c %d %u %ld %lu %lld %llu %zu %zd %x %lx %llx %p %%, widths with digits. NUL-terminates; returns the
 * length it would have had. */
size_t lensi_format(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t lensi_format_list(char *to, size_t room, const char *format, va_list list);

/* "12.3 MB", "640 kB", "0 B": decimal units as a person reads them. Returns `to`. */
const char *lensi_format_bytes(char to[24], unsigned long long bytes);

/* What a negative errno value means, in words that fit behind a colon. Never NULL. */
const char *lensi_error_text(int error);
/* The word of `words` (NULL-terminated) nearest to `word` by edit distance, or NULL if none is near. */
const char *lensi_nearest_word(const char *word, size_t bytes, const char *const *words);
/* Glob match of the whole text: * ? [a-z] and backslash. No libc, no locale. */
bool lensi_glob(const char *pattern, const char *text);

#endif
