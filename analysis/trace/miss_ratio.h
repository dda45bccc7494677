/*
 * miss_ratio.h - how many faults a run would take if only so much of its memory could be resident.
 *
 * The touches of sampled pages are replayed through the eviction policy that lens run itself uses
 * (liblens/memory/policy.h), with a budget that is as much smaller as the sample is than the memory. docs/usage.md says
 * what the model leaves out.
 */
#ifndef LENS_MISS_RATIO_H
#define LENS_MISS_RATIO_H

#include "analysis/trace/cost.h"
#include "analysis/trace/use.h"

#define MISS_RATIO_POINTS 16u

struct miss_ratio_point {
    double share;             /* of the memory that may be resident */
    double faulted_pages;     /* pages that have to be brought back, over the run */
    double sequential_pages;  /* of these: in a stream, so that they come in windows */
    double cost_ns;           /* what bringing them back takes, by the costs given */
    double absent_bytes;      /* memory that is not there then, at the most */
};

struct miss_ratio {
    double bytes;       /* most memory in use at once: the budget of share 1 */
    double stuck_bytes; /* of it: written after it was filled, so that it has to stay */
    double used_pages;  /* touches of pages that a cache of a few pages would miss: what a share of 0 would cost */
    double least_share; /* the curve is not to be trusted below */
    size_t lives;       /* sampled pages it stands on */
    struct miss_ratio_point points[MISS_RATIO_POINTS]; /* from share 1 down */
};

/* takes[line]: lines that are virtualised; NULL: all. costs[line]: of their pages; NULL: nothing. 0 or -ENOMEM. */
int miss_ratio_make(const struct use *use, const bool *takes, const struct cost_page *costs, struct miss_ratio *to);
/* The same, with one point only: points[0]. */
int miss_ratio_make_one(const struct use *use, const bool *takes, const struct cost_page *costs, double share, struct miss_ratio *to);
/* Between the points, linearly. */
struct miss_ratio_point miss_ratio_at(const struct miss_ratio *of, double share);

#endif
