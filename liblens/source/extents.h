/*
 * extents.h - which views a block's bytes may equal: offers segments to regions. The prover calls it.
 */
#ifndef LENSI_EXTENTS_H
#define LENSI_EXTENTS_H

#include "liblens/source/open_files.h"
#include "liblens/source/segment.h"

/* Offers the region what has been opened since it was last asked. */
void lensi_extents_offer(struct lensi_region *region);
/* Whether reads tell the extents of the region. */
bool lensi_bind_observes(const struct lensi_region *region);
/*
 * `bytes` of the backing from `offset` on were read into the block at `at`. Nothing where its site does not ask for
 * extents.
 */
void lensi_extents_read(struct lensi_backing *backing, uint64_t offset, const void *at, size_t bytes);
/*
 * Opens the segment's view if that has not been tried. False if there is none to be had (said once, when the lens or
 * the file is at fault and not merely of another kind).
 */
bool lensi_segment_open(struct lensi_region *region, struct lensi_segment *segment);
/* The lens of this segment misbehaved: the site's plan line is not used again. Says so. */
void lensi_segment_quarantine(struct lensi_region *region, struct lensi_segment *segment, const char *what);

#endif
