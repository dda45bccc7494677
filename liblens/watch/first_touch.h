/*
 * first_touch.h - who touches fresh memory first: moments of faults, on their way to who unwinds them.
 *
 * For where the kernel's own events are denied and memory is sampled for its use anyhow (sampler.h): some pages of each
 * new block are watched before anybody has touched them. The first touch is a fault in the touching thread, whose
 * registers and innermost stack are copied into a ring of fixed size; nobody waits, and what finds the ring full is
 * counted and lost. Only where faults come as SIGBUS (backend.h), on x86-64.
 */
#ifndef LENSI_FIRST_TOUCH_H
#define LENSI_FIRST_TOUCH_H

#include "liblens/source/segment.h"

#define LENSI_FIRST_TOUCH_REGISTERS 17u /* as DWARF numbers them; the instruction pointer is the last */
#define LENSI_FIRST_TOUCH_STACK 2048u

struct lensi_first_touch {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint64_t address; /* of the page */
    uint64_t pages;   /* that it stands for */
    uint64_t registers[LENSI_FIRST_TOUCH_REGISTERS];
    uint64_t stack_bytes; /* what lay from the stack pointer on */
    uint8_t stack[LENSI_FIRST_TOUCH_STACK];
};

/*
 * From now on new pages are watched: some of each block's. Before the program's own code. 0, -ENOMEM, or -EOPNOTSUPP:
 * this rung does not see such touches.
 */
int lensi_first_touch_open(void);
/* ---- one reader at a time */

/* The oldest that was not taken yet; it stays where it is until lensi_first_touch_done. NULL: there is none. */
const struct lensi_first_touch *lensi_first_touch_take(void);
void lensi_first_touch_done(void);
uint64_t lensi_first_touch_lost(void); /* since the last call */
void lensi_first_touch_after_fork(void); /* in the child: what was not taken yet is the parent's */

#endif
