/*
 * throttle.h - keeps the prover near the program: memory that a growing block takes is handed out a chunk at a time,
 * and a program that fills, or rewrites what was proven, faster than it can be proven waits a little.
 *
 * Without it a starved prover (a busy machine, one CPU) lets ordinary memory pile up, and a hard memory limit kills the
 * program. A gate is put up in front of a block only after its first proof succeeded, and only while the budget does
 * not hold. It opens by itself when the prover makes no progress, each time for twice as much: nothing waits long for
 * proofs that will not come. Opening a lens that has to read the whole file first is progress.
 */
#ifndef LENSI_THROTTLE_H
#define LENSI_THROTTLE_H

#include "liblens/source/segment.h"

/* What a waiting thread does first, with what it has filled up to a page; true if some of it went. At the start. */
void lensi_throttle_open(bool (*help)(struct lensi_region *region, uint64_t page));
/* Watches what the region has not touched yet. The prover calls it, under its lock, after a proof. */
void lensi_throttle_put_up(struct lensi_region *region);
/* So many more pages of the region were proven. */
void lensi_throttle_proven(struct lensi_region *region, uint64_t pages);
/*
 * Proven pages, from this one on, are written: waits while too much that was rewritten is not proven anew. In the fault
 * path.
 */
void lensi_throttle_rewrite(uint64_t page, uint64_t count);
/*
 * The kernel has read into the region, which nobody could stop, and its pages are not pinned any more: waits likewise,
 * and for what was filled.
 */
void lensi_throttle_read(struct lensi_region *region);
/* Somebody waits now. */
bool lensi_throttle_is_waited_at(void);
/* The prover has been through all regions once more. */
void lensi_throttle_round(void);
/* The prover opens a view, which may take a while. */
void lensi_throttle_opening(bool now);
/* A touch of a plain page: if it lies behind a gate, hands out the rest of its chunk. False if there is no gate. */
bool lensi_throttle_pass(uint64_t page);

#endif
