/*
 * zeros.h - pages that hold nothing but zeros: they need no file to come back.
 *
 * Programs clear memory before they read into it (C++ vectors, calloc of what is in use), and all of it would be
 * resident before anything could be compared with a file. Such pages are proven equal to the page of zeros, with the
 * same protection as any, and go at once. A region has one segment for them, added when the first is found.
 */
#ifndef LENSI_ZEROS_H
#define LENSI_ZEROS_H

#include "liblens/source/segment.h"

/* The number of the region's segment of zeros, or -ENOSPC. */
int lensi_zeros_segment(struct lensi_region *region);
/*
 * Pages that look like zeros, at most LENSI_OUT_PAGES, go: each frame is moved away, where nobody can write to it, and
 * looked at there. That is the proof, and spares the protection. How many are gone; number: of the segment. Under the
 * prover lock, where frames can be moved (lift.h).
 */
uint64_t lensi_zeros_lift(struct lensi_region *region, uint64_t page, uint64_t count, uint32_t number);
/*
 * An absent page is about to be written: if it holds zeros, it and those behind it, to the end of the chunk, become
 * ordinary memory in one step. How many; 0: it holds something else, or is not absent any more. In the fault path.
 */
uint64_t lensi_zeros_refill(uint64_t page);

#endif
