/*
 * checkpoints.h - cursors that one stage of a view kept on the way, from which its lens can go on.
 *
 * Coarse ones, every 64 KiB of view (or as the lens says), are left by whoever makes the view in order. A view whose
 * pages come back at random pays for the way from the last of them each time; once more has been skipped than the view
 * is long, fine ones are kept as well, one a page: 12 bytes each, what a cursor differs by from the coarse one before
 * it. Kept and found in any thread and in a fault: no lock.
 */
#ifndef LENSI_CHECKPOINTS_H
#define LENSI_CHECKPOINTS_H

#include "liblens/lens.h"

#include <stdatomic.h>
#include <stdbool.h>

struct lensi_checkpoints {
    uint64_t every; /* view bytes */
    size_t cursor_bytes;
    _Atomic(struct lensi_leaf *) *leaves;
    _Atomic(struct lensi_fine_leaf *) *_Atomic fine; /* NULL: not worth while yet */
    _Atomic uint64_t skipped_bytes;
};

static inline bool lensi_checkpoints_are_fine(const struct lensi_checkpoints *c)
{
    return atomic_load_explicit(&c->fine, memory_order_relaxed) != NULL;
}
/* For a lens whose cursors have that many bytes; -ENOMEM. */
int lensi_checkpoints_open(struct lensi_checkpoints *c, uint64_t every, size_t cursor_bytes);
void lensi_checkpoints_close(struct lensi_checkpoints *c);
/*
 * The last checkpoint with beyond <= view <= offset into *to. False, and *to as it was, if there is none; with beyond 0
 * there always is, as the view's begin is one.
 */
bool lensi_checkpoint_find(const struct lensi_checkpoints *c, uint64_t offset, uint64_t beyond, struct lens_cursor *to);
/* How far a lens may go before its cursor should be kept. keep: coarse ones are wanted. */
uint64_t lensi_checkpoint_next(const struct lensi_checkpoints *c, uint64_t view, bool keep);
/* Keeps a cursor whose view is where lensi_checkpoint_next said, if it is not known yet. */
void lensi_checkpoint_keep(struct lensi_checkpoints *c, const struct lens_cursor *cursor, bool keep);
/* Somebody had to make that many bytes only to get to what he wanted, of a view with view_bytes (or LENS_UNKNOWN). */
void lensi_checkpoint_skipped(struct lensi_checkpoints *c, uint64_t bytes, uint64_t view_bytes);

#endif
