/*
 * lift.h - taking frames away that the kernel may be writing to.
 *
 * Write protection stops who writes through the page tables. What the kernel has pinned for a device (O_DIRECT by any
 * way, io_uring, AIO, RDMA) is written to without a fault, also after it was compared and claimed. So frames that a
 * program has filled itself are not dropped in place: they are moved to a scratch window first (UFFDIO_MOVE, Linux
 * 6.8), which the kernel refuses for what is pinned, and compared there, where nobody can reach them any more. Then
 * they are dropped, or moved back. What we have placed ourselves was protected from the start: a pin for writing must
 * fault first, and then it is no longer ours to drop.
 *
 * One window and one lock, held for a few system calls; nobody waits for anything under it. Safe in the fault path.
 */
#ifndef LENSI_LIFT_H
#define LENSI_LIFT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * After the rung has been chosen. Without it, or where the kernel cannot, frames are dropped and mapped over where they
 * are.
 */
void lensi_lift_open(void);
/* When no page is proven any more, for good: the program may lock its mappings, and nobody would serve the window's. */
void lensi_lift_close(void);
/* Whether frames are lifted in this process. */
bool lensi_lifts(void);
/* The page is about to be PROVEN with the frame that the program has filled. */
void lensi_lift_note(uint64_t page);

enum lensi_lifted { LENSI_STAYS, LENSI_GONE, LENSI_CHANGED };
/* Whether the page's frame is one to lift: else it can be dropped where it is. */
bool lensi_lift_is_due(uint64_t page);
/*
 * Drops the frames of BUSY pages, at most LENSI_OUT_PAGES; `what` tells of each whether it is gone, is still there as
 * it was, or is there with other bytes (or may yet get others): then it must become ordinary memory.
 */
void lensi_lift_drop(uint64_t page, uint64_t count, enum lensi_lifted *what);

/*
 * The same for BUSY pages that are about to be replaced by a mapping, at most LENSI_OUT_PAGES: all or nothing. True:
 * they hold what is expected, and the frames are out of reach until lensi_lift_end.
 */
bool lensi_lift(uint64_t page, uint64_t count, const uint8_t *expected);
/* They are dropped; or, with `back`, where they were, unprotected. */
void lensi_lift_end(uint64_t page, uint64_t count, bool back);

void lensi_lift_before_fork(void);
void lensi_lift_after_fork(bool in_child); /* in the child after the rung is open anew */

#endif
