/*
 * timeline.h - live memory over time, by row of the ranking, in as many steps as can be shown.
 */
#ifndef LENS_TIMELINE_H
#define LENS_TIMELINE_H

#include "analysis/report/ranking.h"

/* Processes are laid on one axis by their wall clocks. Each step shows the moment of it when the memory was highest. */
struct timeline {
    size_t steps, rows;   /* rows: the first of the ranking; one more series gathers the rest */
    uint64_t duration_ns; /* from the first start to the last end */
    double *values;       /* of row r at step s: values[s * (rows + 1) + r], bytes */
};

/* 0 or -ENOMEM. */
int timeline_make(struct timeline *timeline, const struct study *study, const struct ranking *ranking, size_t rows,
                  size_t steps);
void timeline_free(struct timeline *timeline);
/* All series of a step. */
double timeline_total(const struct timeline *timeline, size_t step);

#endif
