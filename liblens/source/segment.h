/*
 * segment.h - a stretch of a region, and what its bytes may equal: a view of a file, or a snapshot of themselves.
 *
 * Several segments may cover the same bytes (alternatives); the proof decides. A page remembers the number of the
 * segment it was proven with, so a segment stays as it is while its region lives.
 *
 * Guarded by: the region's `segments_lock` for adding; everything marked "prover" by the prover lock.
 */
#ifndef LENSI_SEGMENT_H
#define LENSI_SEGMENT_H

#include "liblens/memory/region.h"
#include "liblens/view/view.h"

struct lensi_image;

#define LENSI_SEGMENTS_MAX 250

/* How often more a segment that has proven nothing is tried (trial.h); the prover's. */
struct lensi_trial {
    uint64_t later_ns; /* of the run: when there will be another try */
    uint32_t left;
    uint8_t anew;
    bool begun, counted;
};

struct lensi_segment {
    uint64_t start, bytes;  /* within the region; only the prover lets bytes grow, between two proofs */
    _Atomic uint64_t read_bytes; /* observed: how far reads that went on have come by now */
    uint64_t view_offset;   /* view byte that lies at `start` */
    const struct lensi_pipe *pipe;
    struct lensi_view *view; /* NULL until the prover has opened it, or for good if that failed */
    struct lensi_backing *backing; /* what the view is opened on; held */
    struct lensi_image *image; /* prover: in the view store, or NULL */
    uint32_t proven, refuted;  /* prover: chunks */
    struct lensi_trial trial;
    bool failed;            /* cannot be opened, or its lens misbehaved */
    bool observed;          /* from a read that the program made */
    bool snapshot;          /* the region's own bytes (snapshot.h): no view, no backing */
    bool zeros;             /* nothing but zeros (zeros.h): neither */
    bool image_tried, image_looked;
    bool direct;            /* pages of it are mapped from the backing itself (file_mapping.h); then it has no image */
    uint64_t image_next_ns; /* prover: somebody else was building it: ask again then */
};

/* Adds a segment; its number, or -ENOSPC. Goes on an observed one where it ends, if it can. */
int lensi_segment_add(struct lensi_region *region, const struct lensi_segment *segment);
/* The region ends: lets go of views and backings. Its images have been left. Under the prover lock. */
void lensi_segments_end(struct lensi_region *region);

#endif
