/*
 * difference.h - what grew and what shrank between two traces of a study, by call path.
 *
 * Paths are the same if their functions' names are, from the allocation outwards: addresses, lines and builds may
 * differ.
 */
#ifndef LENS_DIFFERENCE_H
#define LENS_DIFFERENCE_H

#include "analysis/trace/study.h"

enum difference_measure { DIFFERENCE_PEAK, DIFFERENCE_BYTES, DIFFERENCE_BYTETIME };

struct difference_row {
    const struct symbol *const *path; /* frame to show first, then its callers */
    size_t path_count;
    const char *via;         /* the wrapper next to the frame to show, or NULL */
    double before, after;    /* by the measure: bytes, or byte-seconds */
    double before_count, after_count; /* blocks at the peak, or allocations */
    double error;            /* half the width of the change's 95 % interval; 0 if both are full or it is not known */
};
struct difference {
    struct difference_row *rows; /* largest change first */
    size_t rows_count;
    double before, after;        /* sums */
};

/* Between traces 0 and 1 of the study. 0 or -ENOMEM. */
int difference_make(struct difference *difference, const struct study *study, enum difference_measure measure);
void difference_free(struct difference *difference);

#endif
