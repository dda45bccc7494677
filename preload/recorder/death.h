/*
 * record_death.h - the recorder's last word when a signal ends the program.
 *
 * A signal that would end the process where the program has not said otherwise goes through an action of ours, which
 * ends the trace, and then ends the process by that same signal with what it told. The program sees its default action,
 * and may set others. SIGKILL says nothing to anybody.
 */
#ifndef LENSI_RECORDER_DEATH_H
#define LENSI_RECORDER_DEATH_H

#include <signal.h>

/* Once, when the recorder has started: takes every such signal that has its default action. */
void lensi_death_start(void);
/* Gives the default actions back: from here on nobody wants to know. */
void lensi_death_end(void);
/* What is to be set for the program's `set`: *ours if that is the default action of a signal that ends the process. */
const struct sigaction *lensi_death_action(int number, const struct sigaction *set, struct sigaction *ours);
/* The same after a handler was set by signal(2) and its kind. */
void lensi_death_set(int number, sighandler_t handler);
/* What the program is to see: its default action where *old is ours. */
void lensi_death_hide(int number, struct sigaction *old);
sighandler_t lensi_death_hidden(sighandler_t old);

#endif
