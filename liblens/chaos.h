/*
 * chaos.h - every allocation is virtualised, and what it holds is proven against a snapshot and dropped at random moments.
 *
 * For trying to break the promises: any program must run under it as if nothing were there. All decisions come from one
 * generator and a seed; no clock. What a seed decides once: the rung and where snapshots lie (where options leave that
 * open), the budget, how many pages are proven at a time, how often something happens, how much of it is mapped. When
 * it happens: at every so many allocations, frees and kernel entries, in the program's own thread, and in the prover's
 * rounds; the latter depend on time, so a seed repeats a run of one thread nearly and of many roughly.
 */
#ifndef LENSI_CHAOS_H
#define LENSI_CHAOS_H

#include "liblens/options.h"
#include "liblens/plan.h"

struct lensi_workspace;

/* "SEED[,min=SIZE][,max=SIZE][,nomap][,nostep]". 0, or -EINVAL with *error. */
int lensi_chaos_parse(const char *text, struct lensi_chaos_spec *spec, struct lens_error *error);
/* The plan of such a run: one site that takes everything. Valid for ever. */
const struct lensi_plan *lensi_chaos_plan(const struct lensi_chaos_spec *spec);
/* Makes the seed's decisions, and fills in what `options` leaves to them. Before the engine starts. */
void lensi_chaos_open(struct lensi_options *options);
/* The rung to be tried first. */
enum lensi_fault_choice lensi_chaos_rung(void);
/* Whether pages that are being given up are to be mapped from the snapshot this time. Under the prover lock. */
bool lensi_chaos_maps(void);
/* Allocations up to this size are packed. */
size_t lensi_chaos_packs(void);
/* A round of the prover; under its lock. */
void lensi_chaos_round(struct lensi_workspace *workspace);

extern bool lensi_chaos_on;
void lensi_chaos_step_slow(void);
/* A moment at which something may happen: the caller holds no lock of ours. */
static inline void lensi_chaos_step(void)
{
    if (__builtin_expect(lensi_chaos_on, 0))
        lensi_chaos_step_slow();
}

#endif
