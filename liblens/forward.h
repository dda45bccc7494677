/*
 * forward.h - signals that came to our fault handler and are the program's own.
 *
 * The program's action is kept here and acted on as the kernel would: on the stack, with the mask and the flags it asked
 * for. lensi_fault_action (engine.h) sets and shows it.
 */
#ifndef LENSI_FORWARD_H
#define LENSI_FORWARD_H

#include <signal.h>

/* Async-signal-safe, from the fault handler alone: may not return (the handler jumps away). */
void lensi_forward(int number, siginfo_t *info, void *context);
/* From now on the signal comes to our handler. 0 or -errno. */
int lensi_forward_listen(int number, void (*handler)(int number, siginfo_t *info, void *context));
/* In a fork's child: ends what other threads had begun. */
void lensi_forward_after_fork(void);

#endif
