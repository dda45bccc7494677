/*
 * chaos.h - every allocation is virtualised, and what it holds is proven against a snapshot and dropped at random
 * moments.
 *
 * For trying to break the promises: any program must run under it as if nothing were there. All decisions come from one
 * generator and a seed; no clock. What a seed decides once: the rung and where snapshots lie (where options leave that
 * open), the budget, how many pages are proven at a time, how often something happens, how much of it is mapped. When
 * it happens: at every so many allocations, frees and kernel entries, in the program's own thread, and in the prover's
 * rounds; the latter depend on time, so a seed repeats a run of one thread nearly and of many roughly.
 */
#ifndef LENSI_CHAOS_H
#define LENSI_CHAOS_H

#include "liblens/plan/options.h"
#include "liblens/plan/plan.h"

/* The plan of such a run: one site that takes everything. Valid for ever. */
const struct lensi_plan *lensi_chaos_plan(const struct lensi_chaos_spec *spec);
/* Makes the seed's decisions, fills in what `options` leaves to them, and hooks in. Before the engine starts. */
void lensi_chaos_open(struct lensi_options *options);

#endif
