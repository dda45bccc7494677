/*
 * readahead.h - the next window of a sequential stream, made on another CPU while the program works on this one.
 *
 * A thread of ours waits for wishes; a fault that finds its window made only has to place it. What a slot holds is
 * checked like everything that is placed, so a slot can be late or useless but never wrong.
 */
#ifndef LENSI_READAHEAD_H
#define LENSI_READAHEAD_H

#include "liblens/source/segment.h"

#define LENSI_READAHEAD_PAGES 64u

struct lensi_slot {
    _Atomic uint32_t state;
    struct lensi_region *region;
    uint64_t page, count;
    uint32_t segment;
    uint32_t wish; /* a number that grows: the oldest is made first */
    uint8_t *bytes; /* LENSI_READAHEAD_PAGES pages */
};

/* Starts the thread where there is a second CPU for it. Not in a fault: the prover calls it. */
void lensi_readahead_start(void);
/* Ends it for good. Nothing is waited for. */
void lensi_readahead_end(void);
/*
 * Asks for [page, page + count) of segment, the window a stream comes to next or a later one; a wish that finds no slot
 * is forgotten. In the fault path.
 */
void lensi_readahead_want(struct lensi_region *region, uint64_t page, uint64_t count, uint32_t segment, bool is_next);
/* The page after the window that holds page, if that was asked for already; else 0. A guess: it may be gone at once. */
uint64_t lensi_readahead_wanted_to(uint64_t page);
/*
 * The slot that has page ready, or NULL. While another thread makes it, this one makes what its stream wants next, so
 * that both CPUs are at work; if nothing is, it waits. Ended by lensi_readahead_release. In the fault path.
 */
struct lensi_slot *lensi_readahead_take(uint64_t page);
void lensi_readahead_release(struct lensi_slot *slot);
/* Nothing of this region is being made, or will be, when it returns. */
void lensi_readahead_forget(const struct lensi_region *region);
void lensi_readahead_after_fork(void); /* in the child */

/* The bytes of pages under a segment, from the view store if it has them, else through the lens. 0 or -errno. */
int lensi_make(struct lensi_region *region, uint32_t segment, uint64_t page, uint64_t count, struct lensi_workspace *workspace,
               uint8_t *out);

#endif
