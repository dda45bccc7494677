/*
 * strings.h - texts kept once: equal texts have equal addresses, so that names are compared and hashed by pointer.
 */
#ifndef LENS_STRINGS_H
#define LENS_STRINGS_H

#include <stddef.h>

struct strings;

struct strings *strings_new(void);
void strings_free(struct strings *strings);
/* The kept copy of text[0..bytes), NUL behind it; lives as long as `strings`. NULL: out of memory. */
const char *strings_keep(struct strings *strings, const char *text, size_t bytes);

#endif
