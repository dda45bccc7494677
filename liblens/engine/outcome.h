/*
 * outcome.h - what became of virtualised memory: saved, or why not; and the line that says so at the end.
 *
 * Memory that stayed ordinary is counted when its block ends, or at the end of the run, under one reason.
 */
#ifndef LENSI_OUTCOME_H
#define LENSI_OUTCOME_H

#include "liblens/source/segment.h"

/* A block ends. Under the prover lock. */
void lensi_outcome_of_block(const struct lensi_region *region);
/* A page was compared with what the segment's lens makes and differs first at `at` of its block. The prover's. */
void lensi_outcome_refuted(const struct lensi_region *region, const struct lensi_segment *segment, uint64_t at);
/*
 * The run ends: counts the blocks that are alive, and pages that were refuted. Under the prover lock, or when nobody
 * else acts.
 */
void lensi_outcome_count(void);
void lensi_outcome_say(void);

#endif
