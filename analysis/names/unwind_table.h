/*
 * unwind_table.h - where functions begin, by the table that unwinders search (.eh_frame_hdr): stripped files have it
 * too.
 */
#ifndef LENS_UNWIND_TABLE_H
#define LENS_UNWIND_TABLE_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

struct unwind_table {
    uint64_t *starts; /* addresses of the file, ascending */
    size_t count;
};

/* Empty where the file has no such table or one of a kind that nobody writes. */
void unwind_table_read(struct unwind_table *table, Elf *elf);
void unwind_table_free(struct unwind_table *table);
/* The start of the function that `address` lies in, and where the next one begins (0: nowhere). 0: not known. */
uint64_t unwind_table_find(const struct unwind_table *table, uint64_t address, uint64_t *next);

#endif
