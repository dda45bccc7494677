/*
 * utf8.h - texts of unknown origin for places that take UTF-8 only (JSON, protocol buffers).
 */
#ifndef LENS_UTF8_H
#define LENS_UTF8_H

/*
 * A copy in malloc memory in which every byte that is not part of a character has become U+FFFD. NULL: out of memory.
 */
char *utf8_clean(const char *text);

#endif
