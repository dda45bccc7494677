/*
 * prover.h - the thread that follows behind the program: protect, compare, give up.
 *
 * Started when the blocks could exceed the budget: a program within it stays as many threads as it has. Sleeps while
 * nothing grows and the budget holds. Every transition it makes is under the prover lock, which fork and the ends of
 * blocks take too; it never waits for the program.
 */
#ifndef LENSI_PROVER_H
#define LENSI_PROVER_H

#include "liblens/base/work.h"
#include "liblens/source/segment.h"

#include <stdbool.h>

/* Blocks that have ended and wait for the prover to take their memory away. */
extern _Atomic uint32_t lensi_prover_dying;

/* Starts the thread if it does not run in this process. Cheap if it does. */
void lensi_prover_start(void);
/* From now on lensi_work_want starts it when the blocks could exceed the budget. */
void lensi_prover_open(void);
/*
 * Notes what the blocks have in use, should the thread not have run: before one of them ends, or all do. Under the
 * prover lock.
 */
void lensi_prover_note_unseen(void);
/* Ends its work for good; waits for the step under way. */
void lensi_prover_stop(void);
/*
 * Proves what is resident of [page, page + count), at most LENSI_OUT_PAGES, now and whatever the budget. Under the
 * prover lock.
 */
void lensi_prover_prove(struct lensi_region *region, uint64_t page, uint64_t count, struct lensi_workspace *workspace);
/*
 * Whole pages [page, page + count) of the region were just read into: where the budget does not hold, who has read them
 * proves them at once, some at a time, as far as the prover is not at work itself. The budget holds while loading goes
 * on, whoever gets the processor.
 */
void lensi_prover_prove_read(struct lensi_region *region, uint64_t page, uint64_t count);
void lensi_prover_retire(void); /* never starts again */

#endif
