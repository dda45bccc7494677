/*
 * source.h - what the bytes of pages are: those of a view, or of a snapshot.
 */
#ifndef LENSI_SOURCE_H
#define LENSI_SOURCE_H

#include "liblens/source/segment.h"

/*
 * The bytes that pages [page, page + count) have under segment number `number`: view bytes where the segment covers
 * them, zero elsewhere. 0 or -errno of lensi_view_read.
 */
int lensi_source_expect(struct lensi_region *region, uint32_t number, uint64_t page, uint64_t count,
                        struct lensi_workspace *workspace, uint8_t *out, bool keep);

#endif
