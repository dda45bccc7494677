/*
 * verdict.h - what could be done about a row of the ranking: the words for a person, and what a plan calls it.
 */
#ifndef LENS_VERDICT_H
#define LENS_VERDICT_H

#include "analysis/report/ranking.h"

enum verdict {
    VERDICT_READ_INTO,    /* a plan can be written now */
    VERDICT_READ_NEAR,    /* a lens must be found */
    VERDICT_SMALL_BLOCKS, /* nodes, strings: too small for pages */
    VERDICT_MAPPING,      /* mmap, not malloc: out of reach */
    VERDICT_SHORT_LIVED,  /* gone again soon */
    VERDICT_READ_THEN,    /* a file was read when it was made: a hint */
    VERDICT_NO_FILE,      /* nothing was read near it: computed data */
    VERDICT_NOT_TOLD,     /* the traces do not tell which files were read */
};

enum verdict verdict_of(const struct ranking_row *row);
/*
 * The word for machines: "read-into", "read-near", "small-blocks", "mapping", "short-lived", "read-then", "no-file",
 * "not-told".
 */
const char *verdict_word(enum verdict verdict);
/* A few words about one row: "read from g.fa.bwt (64.0 MB)". */
void verdict_phrase(const struct ranking_row *row, char *to, size_t room);
/*
 * The row's memory that a lens could give back at the peak, in bytes, by what is known; NAN: nothing is. *is_bound: no
 * more than that, as the use of the memory was not recorded.
 */
double verdict_saving(const struct ranking_row *row, bool *is_bound);
/* How the plan language calls the row's site: "function", "file.c:12" or "module+0x12", quoted and escaped. */
void verdict_site(const struct ranking_row *row, char *to, size_t room);
/* A text in quotes, for a plan: what a glob reads otherwise gets a \ of its own. */
void verdict_quote(const char *text, char *to, size_t room);
/* Of one block of the row, on average. */
double verdict_block_bytes(const struct ranking_row *row);

#endif
