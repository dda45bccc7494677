/*
 * own_stack.h - a function on a stack of ours: where a fault is served, the program's own may be an alternate signal
 * stack with room for hardly more than the frame that the kernel puts there.
 */
#ifndef LENSI_OWN_STACK_H
#define LENSI_OWN_STACK_H

int lensi_own_stack_open(void); /* 0 or -ENOMEM */
/* Calls run(argument), on a stack of ours if one is free. Every signal that is not a fault must be blocked. */
void lensi_own_stack_run(void (*run)(void *), void *argument);
void lensi_own_stack_after_fork(void); /* in the child: nobody is on any of them */

#endif
