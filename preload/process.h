/* process.h - forks and ends of processes. */
#ifndef LENSI_PROCESS_H
#define LENSI_PROCESS_H

#include <stdbool.h>

/*
 * Once, first of all in the library's constructor: finds the next functions, and registers the engine's fork hooks.
 * Registered first, they run last before a fork and first after it, so the program's own hooks see memory as ever.
 */
void lensi_process_init(void);
/* Ends engine and recorder, unless this is a vfork's child, which ends in its parent's memory. */
void lensi_process_ends(int status);
/* The same when a signal is about to end the process. Async-signal-safe. */
void lensi_process_dies(int number);
/* The same before an exec: the recorder writes what it has, and what the next program is to inherit is put in place. */
void lensi_process_leaves(void);
/* The exec has failed: goes on as before. Takes what LEAVES (io.h) declares, to serve as its cleanup. */
void lensi_process_stays(const void *unused);
/* Whether this is a vfork's child, which has our memory but is a process of its own. */
bool lensi_process_is_guest(void);

/*
 * The same before the program gives up system calls for good (seccomp): the engine retires, and neither it nor the
 * recorder makes a call from the program's threads afterwards that the program might not make.
 */
void lensi_process_locks_in(void);

/*
 * A thread or a process could not be started, for `error`. Where that may be because of threads of ours, they end, as
 * above; true: it is to be tried again.
 */
bool lensi_process_makes_room(int error);

/* Around a fork that libc's hooks do not see: before it, and after it in both processes. */
void lensi_process_forks(void);
void lensi_process_forked(bool in_child);

#endif
