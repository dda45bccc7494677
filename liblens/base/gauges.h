/*
 * gauges.h - the page that `lens top` reads of a running program: the counters themselves, where others can see them.
 *
 * The counters and the plan's sites are fields of one object (stats.h). lensi_gauges_publish puts a sealed memfd in the
 * place of its pages: counting costs what it did before, and whoever may look into /proc/PID/fd can read them there,
 * but not write or cut the file. A fork's child gets a memfd of its own before it counts anything. docs/formats.md has
 * the layout.
 */
#ifndef LENSI_GAUGES_H
#define LENSI_GAUGES_H

#include <stdbool.h>
#include <stdint.h>

#define LENSI_GAUGES_MAGIC "lens-gauges 1\n"
#define LENSI_GAUGES_NAME "lens-gauges" /* of the memfd */

/* Makes the object visible. Before the program has threads. 0 or -errno; then everything counts as before, unseen. */
/* The sites' names stand in it by then. */
int lensi_gauges_publish(uint32_t sites_count);
/* In the process that forks: its child goes on counting from here. */
void lensi_gauges_before_fork(void);
/* In a fork's child, before it counts: what it has counted so far goes on as its own. */
void lensi_gauges_after_fork(void);
bool lensi_gauges_owns_fd(int fd);

#endif
