/*
 * record_writer.h - the thread that writes the trace, and what it writes.
 *
 * Every tick (20 ms at first, a second at most) it tells what is new since the last one: modules, nodes, sites, blocks,
 * and a snapshot of the counters that have changed. Histograms and the like come more and more rarely, and at the end.
 * The thread is not libc's: a program with one thread stays one, for libc too.
 */
#ifndef LENSI_RECORDER_WRITER_H
#define LENSI_RECORDER_WRITER_H

#include "preload/recorder/record.h"

int lensi_writer_start(const struct lensi_record_options *options);
/* Starts the thread if this process has none. Cheap if it has. */
void lensi_writer_wake(void);
/*
 * Writes everything; not EXEC: for the last time. Interrupted: the thread may hold locks of an event; only the end is
 * told.
 */
void lensi_writer_finish(enum lensi_end_kind kind, int status, bool interrupted);
/* In the child: nothing is told yet, and the thread is not here. */
/* After the end was told: until the thread is gone, a tick and a half at most. */
void lensi_writer_wait(void);
/* Whether it is there. */
bool lensi_writer_stays(void);
void lensi_writer_after_fork(void);

#endif
