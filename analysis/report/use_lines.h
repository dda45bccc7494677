/* use_lines.h - which line an address belonged to at a moment; the moments must not go back. */
#ifndef LENS_USE_LINES_H
#define LENS_USE_LINES_H

#include "analysis/trace/use.h"

struct use_lines {
    const struct profile *profile;
    uint32_t *by_birth; /* blocks that were watched */
    uint64_t *birth_ns; /* of these */
    size_t blocks_count, born;
    uint32_t *alive;    /* blocks in order of address; a block that died stays until its addresses are taken */
    size_t alive_count;
    uint32_t *line_of;  /* of blocks */
};

/* Finds the lines of the profile's blocks and puts them into use->lines. 0 or -ENOMEM. */
int use_lines_make(const struct profile *profile, struct use *use, struct use_lines *lines);
/* 0: no block that is known was there. */
uint32_t use_lines_find(struct use_lines *lines, uint64_t address, uint64_t time_ns);
void use_lines_free(struct use_lines *lines);

#endif
