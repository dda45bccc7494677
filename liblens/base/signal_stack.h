/*
 * signal_stack.h - an alternate signal stack of ours for each thread, as long as the program sets none.
 *
 * A touch of an absent page is a signal, and its frame needs a stack that is there. The one that was interrupted may be
 * what is absent: programs make stacks of malloc'ed memory. Where the program has an alternate stack of its own, that
 * one serves.
 */
#ifndef LENSI_SIGNAL_STACK_H
#define LENSI_SIGNAL_STACK_H

#include <signal.h>
#include <stdbool.h>

/* For the calling thread, which has none yet. Without room for one, it goes without. */
void lensi_signal_stack_begin(void);
/* Before the thread ends. Nothing is done to one that the program has set. */
void lensi_signal_stack_end(void);
/* Whether this is the calling thread's, made by us: the program is not to see it. */
bool lensi_signal_stack_is_ours(const stack_t *stack);
/* What the calling thread has while the program wants none: one of ours, or none. */
stack_t lensi_signal_stack_idle(void);
void lensi_signal_stack_after_fork(void); /* in the child: those of the threads that are gone are free */

#endif
