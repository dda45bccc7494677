/*
 * reads.h - what was read into ordinary memory lately: a block that realloc makes of it still knows its extents.
 *
 * A program may read into what one function has allocated and let another resize it; the plan may name either. Only the
 * last reads are kept, and only where some site of the plan has `extent read`. What is remembered wrongly is refuted.
 */
#ifndef LENSI_READS_H
#define LENSI_READS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LENSI_READS_LEAST (16u * 1024) /* smaller reads are not worth a look at the position */

struct lensi_plan;

extern bool lensi_reads_wanted;

void lensi_reads_open(const struct lensi_plan *plan);
/* `bytes` of fd from `offset` on are at `at` now, which is no block of ours. Keeps errno. */
void lensi_file_read_aside(int fd, uint64_t offset, const void *at, size_t bytes);
/* What was at [from, from + bytes) is at `to` now: either may be a block of ours or ordinary memory. */
void lensi_reads_moved(const void *from, size_t bytes, const void *to);
void lensi_reads_before_fork(void);
void lensi_reads_after_fork(void);

#endif
