/*
 * record_wait.h - how long the program could have run and had no processor, because others had them.
 *
 * On a busy machine that is most of a run, and says nothing of the program. The kernel tells it of each thread
 * (/proc/self/task/N/schedstat). In each interval the thread that waited longest speaks for all.
 */
#ifndef LENSI_RECORDER_WAIT_H
#define LENSI_RECORDER_WAIT_H

#include <stdint.h>

/* Adds the time since the last call. Looks at a few threads only. From the writer's thread, or who has its lock. */
void lensi_wait_look(uint64_t now_ns);
uint64_t lensi_waited_ns(void); /* since the start; 0 where it is not told */
void lensi_wait_after_fork(uint64_t now_ns);

#endif
