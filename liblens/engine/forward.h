/*
 * forward.h - signals that came to our fault handler and are the program's own.
 *
 * The program's action is kept here and acted on as the kernel would: on the stack, with the mask and the flags it
 * asked for. lensi_fault_action (engine.h) sets and shows it.
 */
#ifndef LENSI_FORWARD_H
#define LENSI_FORWARD_H

#include <signal.h>
#include <stdint.h>

/* Async-signal-safe, from the fault handler alone: may not return (the handler jumps away). */
void lensi_forward(int number, siginfo_t *info, void *context);
/* From now on the signal comes to our handler. 0 or -errno. */
int lensi_forward_listen(int number, void (*handler)(int number, siginfo_t *info, void *context));
/*
 * The handler of all other signals that the program catches, too: its own is called by way of ours, which needs no room
 * on the interrupted stack.
 */
void lensi_forward_others(void (*handler)(int number, siginfo_t *info, void *context));
/*
 * The kernel has been given this action for such a signal: kept here, and ours put in its place. `blocks`: what its
 * mask had of the fault signals.
 */
void lensi_forward_adopt(int number, const struct sigaction *is, uint64_t blocks);
/* What the kernel says of such a signal becomes what the program asked for. */
void lensi_forward_show(int number, struct sigaction *action);
/* In a fork's child: ends what other threads had begun. */
void lensi_forward_after_fork(void);

#endif
