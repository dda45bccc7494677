/*
 * view.h - one lens (or a pipe of them) over one backing, with the checkpoints that let any page be made.
 *
 * Opened by the prover or by lens_open, never in a fault. Reading is safe in every thread and in the fault path:
 * it takes no lock and allocates nothing, except that new checkpoints are kept when the reader asks for it.
 */
#ifndef LENSI_VIEW_H
#define LENSI_VIEW_H

#include "liblens/plan/plan.h"
#include "liblens/view/backing.h"
#include "liblens/view/checkpoints.h"
#include "liblens/view/workspace.h"

struct lensi_stage_view {
    const struct lens_ops *ops;
    void *params; /* our own copy, prepared */
    struct lensi_checkpoints checkpoints;
    _Atomic uint64_t end; /* size of this stage's view once known, else LENS_UNKNOWN */
};

struct lensi_view {
    struct lensi_backing *backing;
    const struct lensi_pipe *pipe;
    uint64_t serial;
    uint32_t refs;
    size_t stages;
    struct lensi_stage_view stage[LENSI_STAGES_MAX];
    _Atomic uint32_t lone_ns[2]; /* what a page that came back alone has cost of late: by the lens, from an image */
    _Atomic uint32_t lone_turns;
    bool repeats; /* the prover has seen it make the same bytes twice */
    _Atomic bool broken; /* the lens misbehaved: nothing more is proven with it */
    struct lensi_view *next; /* in the list of views, or of spent ones, whose memory serves again */
};

/*
 * Opens (or finds) the view of backing through pipe; prepares its lenses, which may read the whole source.
 * Holds the backing. 0, -EILSEQ (not of this lens's kind), -ENOMEM, -ESTALE, -EIO.
 */
int lensi_view_open(struct lensi_backing *backing, const struct lensi_pipe *pipe, struct lensi_view **view);
void lensi_view_hold(struct lensi_view *view);
void lensi_view_close(struct lensi_view *view);
/*
 * View bytes [offset, offset + bytes) into out. Returns how many there are: fewer than asked only at the view's
 * end. keep: leave checkpoints on the way (allocates; not in a fault). -EIO, -ESTALE, -EILSEQ, -EPROTO (the lens
 * broke its contract).
 */
int64_t lensi_view_read(struct lensi_view *view, struct lensi_workspace *workspace, uint64_t offset, void *out,
                        uint64_t bytes, bool keep);
/* The size of the view: known, or found by making it all once (leaves checkpoints). -errno as above. */
int lensi_view_measure(struct lensi_view *view, struct lensi_workspace *workspace, uint64_t *bytes);
/* The size if it is known by now, else LENS_UNKNOWN. */
uint64_t lensi_view_end(const struct lensi_view *view);
void lensi_views_before_fork(void);
void lensi_views_after_fork(void); /* in parent and child */

#endif
