/*
 * symbol_lookup.h - one address in one opened module: the functions and lines there. Part of the symboliser.
 */
#ifndef LENS_SYMBOL_LOOKUP_H
#define LENS_SYMBOL_LOOKUP_H

#include "analysis/names/debug_file.h"
#include "analysis/names/symboliser.h"
#include "analysis/names/unwind_table.h"
#include "analysis/trace/strings.h"

/* The code of one compilation unit; units may have several. */
struct unit_range {
    uint64_t low, high;
    size_t unit; /* offset of its entry in the debug information */
};
/* What is kept of a module between lookups. */
struct symbol_source {
    struct debug_file file; /* file.module is NULL if nothing could be opened */
    const char *name;       /* base name of the module */
    bool has_lines, has_names;
    struct unit_range *units; /* for compilers that write no .debug_aranges; sorted */
    size_t units_count;
    bool units_are_read;
    struct unwind_table functions; /* for code without symbols */
};

/* Finds out what the module has. */
void symbol_source_look(struct symbol_source *source);
void symbol_source_close(struct symbol_source *source);
/* In malloc memory; NULL: out of memory. */
struct symbols *symbol_lookup(struct symbol_source *source, struct strings *strings, uint64_t address, bool is_return);

#endif
