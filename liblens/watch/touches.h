/*
 * touches.h - what was seen of the use of memory, on its way to who writes it down.
 *
 * A ring of fixed size: many threads put, from the fault path too; one reader at a time (its own lock) takes. Nobody
 * waits: what finds the ring full is counted and lost.
 */
#ifndef LENSI_TOUCHES_H
#define LENSI_TOUCHES_H

#include "liblens/base/trace.h"

struct lensi_touch {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint32_t page;    /* as in pages.h; or the level, for LENSI_TOUCH_LEVEL; us spent in faults so far, for _PAUSE */
    enum lensi_touch_kind kind;
};

int lensi_touches_open(void); /* 0 or -ENOMEM */
void lensi_touch_put(uint64_t time_ns, uint64_t page, enum lensi_touch_kind kind);
/* The oldest that was not taken yet. False if there is none. */
bool lensi_touch_take(struct lensi_touch *touch);
uint64_t lensi_touches_lost(void);
void lensi_touches_after_fork(void); /* in the child: what the parent had not taken yet is the parent's */

#endif
