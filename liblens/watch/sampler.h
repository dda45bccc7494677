/*
 * sampler.h - watches how virtualised memory is used: makes sampled pages absent, and notes who comes back.
 *
 * Takes the prover's place in a run whose plan has `sampled` sites: nothing is saved, the budget never acts. The
 * prover's thread finds sampled pages that the program has begun to use, and makes them absent with a snapshot of what
 * they hold (snapshot.h). A touch brings a page back, is noted (touches.h), and sends the page away again that was
 * touched longest ago: only a few sampled pages are ever there (`keep`), so the notes show each use of a page that a
 * cache holding that share of the memory would have missed.
 *
 * Cost is bounded: faults and the thread's work are paid from a share of the run's time. When that does not suffice,
 * the sample is thinned out (a level up), down to LENSI_SAMPLER_LEAST pages; below that watching pauses, and goes on
 * when it can be paid again.
 */
#ifndef LENSI_SAMPLER_H
#define LENSI_SAMPLER_H

#include "liblens/source/segment.h"

#define LENSI_SAMPLER_LEAST 64u  /* pages: the sample is not thinned out below this */
#define LENSI_SAMPLER_MOST 256u  /* and always above */

/* From the engine's start on memory is watched. Before it. */
void lensi_sampler_hook(void);

/* From now on faults of the page may come to us. */
void lensi_sampler_arm(uint64_t page);
/* The run's time so far, as far as it counts for what may be spent on watching. */
uint64_t lensi_sampler_run_ns(void);

#endif
