/*
 * trial.h - which proofs are worth an attempt, so that what is refuted costs next to nothing.
 *
 * Most blocks of a site may hold something else than a lens makes of the file. A segment that has proven nothing gets a
 * few attempts, each on a page or two of a chunk; when these are used up, further ones come when a file was closed, or
 * when the run has become twice as long. All attempts that proved nothing share an allowance: a small part of the run's
 * time.
 */
#ifndef LENSI_TRIAL_H
#define LENSI_TRIAL_H

#include "liblens/source/segment.h"

/* Whether to attempt a proof with the segment now. All of this is the prover's. */
bool lensi_trial_may(const struct lensi_region *region, struct lensi_segment *segment);
/* The same for some segment of the region. */
bool lensi_trial_any(const struct lensi_region *region);
/* Whether a view may be opened although its lens has to read `bytes` of its file first. */
bool lensi_trial_may_open(uint64_t bytes);
/* An attempt with the segment differed in all that was looked at. */
void lensi_trial_refuted(const struct lensi_region *region, struct lensi_segment *segment);
/* Pages were proven with it. */
void lensi_trial_held(const struct lensi_region *region);
/* A file was closed: loading may be done. */
void lensi_trial_anew(struct lensi_region *region);
/* So much processor time went into attempts that proved nothing. */
void lensi_trial_vain(uint64_t ns);

#endif
