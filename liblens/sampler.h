/*
 * sampler.h - watches how virtualised memory is used: makes sampled pages absent, and notes who comes back.
 *
 * Takes the prover's place in a run whose plan has `sampled` sites: nothing is saved, the budget never acts. The prover's
 * thread finds sampled pages that the program has begun to use, and makes them absent with a snapshot of what they
 * hold (snapshot.h). A touch brings a page back, is noted (touches.h), and sends the page away again that was touched
 * longest ago: only a few sampled pages are ever there (`keep`), so the notes show each use of a page that a cache
 * holding that share of the memory would have missed.
 *
 * Cost is bounded: faults and the thread's work are paid from a share of the run's time. When that does not suffice, the
 * sample is thinned out (a level up), down to LENSI_SAMPLER_LEAST pages; below that watching pauses, and goes on when it
 * can be paid again.
 */
#ifndef LENSI_SAMPLER_H
#define LENSI_SAMPLER_H

#include "liblens/region.h"

#define LENSI_SAMPLER_LEAST 64u  /* pages: the sample is not thinned out below this */
#define LENSI_SAMPLER_MOST 256u  /* and always above */

/* Set once, before the program's own code. */
extern bool lensi_sampling;

int lensi_sampler_open(void); /* 0 or -ENOMEM */

/* ---- the prover's thread, under its lock */

/* Once a round: sends pages away, thins out, pauses. */
void lensi_sampler_round(struct lensi_workspace *workspace);
/* Finds pages of the region that have come into use. */
void lensi_sampler_visit(struct lensi_region *region);
/* The pages are gone with their block. */
void lensi_sampler_forget(uint64_t first, uint64_t count);
/* How long to sleep until the next round. */
uint64_t lensi_sampler_wait_ns(void);

/* ---- the fault path */

/* The page was touched, at start_ns, and is there again (was_absent), or was written for the first time since. */
void lensi_sampler_touched(uint64_t page, bool write, bool was_absent, uint64_t start_ns);
/* Whether faults of the page may come to us. */
bool lensi_sampler_arms(uint64_t page);
/* From now on they may. */
void lensi_sampler_arm(uint64_t page);
/* The run's time so far, as far as it counts for what may be spent on watching. */
uint64_t lensi_sampler_run_ns(void);
void lensi_sampler_before_fork(void);
void lensi_sampler_after_fork(bool in_child);

#endif
