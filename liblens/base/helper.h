/* helper.h - threads of our own beside the program's: the prover, who makes windows ahead, who serves faults. */
#ifndef LENSI_HELPER_H
#define LENSI_HELPER_H

#include <stdbool.h>

/*
 * Starts a detached thread with a small stack and every signal blocked but those that libc needs for itself: the
 * program's signals are for the program's threads. 0 or -errno.
 */
int lensi_helper_start(void *(*run)(void *context), void *context);
/* First of all in such a thread, if it stays: its name. It can then be waited for. */
void lensi_helper_named(const char *name);
/* While this thread starts one: its pthread_create is not the program's. */
extern _Thread_local bool lensi_helper_starts __attribute__((tls_model("initial-exec"), visibility("hidden")));
/* Whether one was started at all. */
bool lensi_helpers_began(void);
/* Waits until those that stayed are gone, a second at most: they have been told to end. */
void lensi_helpers_wait(void);
/*
 * Runs work(context) in this thread and, at the same time, in as many others as there are CPUs for (none, where none
 * can be had); returns when all of them are through. They share out the work among themselves.
 */
void lensi_helper_together(void (*work)(void *context), void *context);
/* How many CPUs this process may use. */
unsigned lensi_helper_cpus(void);

#endif
