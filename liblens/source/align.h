/*
 * align.h - where in its first page a block begins.
 *
 * Pages can be mapped from the file itself where address and file offset agree modulo the page. An address is given out
 * before the read that fills it, so it is a guess from the plan, from where the program stands in the file, and from
 * where earlier blocks of the site were read from. A wrong guess costs at most a page less 16 bytes.
 */
#ifndef LENSI_ALIGN_H
#define LENSI_ALIGN_H

#include "liblens/source/segment.h"

/*
 * How many bytes of its first page the site's next block leaves free: a multiple of 16 and of `alignment` (0: 16),
 * below 4096.
 */
uint64_t lensi_align_lead(size_t site, size_t alignment);
/* A read from `offset` of a file landed `start` bytes into the region. Before its segment is added. */
void lensi_align_learn(struct lensi_region *region, uint64_t start, uint64_t offset);

extern bool lensi_aligning; /* whether anybody wants to know */

#endif
