/*
 * record_fill.h - who fills large allocations: sampled first touches of their pages, with call paths.
 *
 * The kernel samples the program's own page faults (perf_event_open, a software event; no privilege where
 * kernel.perf_event_paranoid is 2 or less) and puts address, registers and the innermost stack into a ring, which the
 * writer's thread empties. The program is not stopped and gets no signal; what the kernel writes (read(2)) is not held
 * up.
 *
 * Where that is denied, a run that watches the use of memory (--use) sees first touches of its sampled pages
 * (first_touch.h).
 *
 * Nothing of it is set up before a process holds large allocations worth it.
 */
#ifndef LENSI_RECORDER_FILL_H
#define LENSI_RECORDER_FILL_H

#include "liblens/base/trace_writer.h"

#include <stdbool.h>
#include <stdint.h>

/* full: more samples, and of smaller programs. quiet: nothing is said if it does not work. */
int lensi_fill_start(bool full, bool quiet); /* 0 or -ENOMEM */
/*
 * The use of memory is watched too: where the kernel lets nobody sample faults, the first touches of some pages are
 * seen that way.
 */
void lensi_fill_by_touch(void);
/* A large allocation was made. No lock is held. */
void lensi_fill_grown(void);

/* ---- the writer's thread, or who has its lock */

/* Sleeps until the time is over, or the rings want to be emptied. */
void lensi_fill_wait(uint64_t timeout_ns);
/* Empties the rings, which makes nodes in the tree. */
void lensi_fill_take(void);
/* What is new. Nodes and sites below these numbers are told. */
void lensi_tell_fill(struct lensi_trace_writer *writer, uint32_t nodes, uint32_t sites);

/* What is counted after a fork is of memory that came after it: pages that both share are touched anew. */
void lensi_fill_after_fork(bool in_child);

#endif
