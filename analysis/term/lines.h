/*
 * lines.h - where the code of a source line lies, by the debug information of a module.
 */
#ifndef LENS_LINES_H
#define LENS_LINES_H

#include <stddef.h>
#include <stdint.h>

/* Addresses as the module's file has them (objdump and addr2line say the same), [low, high). */
struct line_range {
    uint64_t low, high;
};
struct line_ranges {
    struct line_range *list; /* malloc memory, sorted, merged; the caller frees it */
    size_t count;
    unsigned nearest; /* where the line has no code: the next line of that file that has some, or 0 */
};

/*
 * Finds the code of FILE:LINE in one module: `file` is the end of the source's path, from a / on or all of it.
 * 0 (count may be 0), -ENODATA if the module has no debug information, -ENOENT if none of it is about that file,
 * -ENOMEM.
 */
int lines_find(const char *module_path, const char *file, unsigned line, struct line_ranges *ranges);

#endif
