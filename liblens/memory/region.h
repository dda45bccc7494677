/*
 * region.h - the address range that one virtualised block (or one site's packed small blocks) lives in.
 *
 * A region is ordinary zeroed memory until the prover works on it. Its segments (segment.h) say what its bytes may
 * equal.
 *
 * Guarded by: `segments_lock` for adding segments; everything marked "prover" by the prover lock.
 */
#ifndef LENSI_REGION_H
#define LENSI_REGION_H

#include "liblens/memory/pages.h"

struct lensi_packed;
struct lensi_segment;

#define LENSI_STREAMS 16
#define LENSI_ZEROS_TRIES 64u

/* A sequential stream of faults: the page expected next, and how far to read ahead. */
struct lensi_stream {
    _Atomic uint64_t next_and_window; /* page << 16 | window pages */
};

/* What is known of a block when it is allocated. */
struct lensi_block_start {
    uint64_t lead;                 /* it begins so many bytes behind the region's base: zeros before it (align.h) */
    uint64_t number, bytes_before; /* how many blocks, and bytes of them, the site had had: for `extent … step` */
};

struct lensi_region {
    uint8_t *base;
    struct lensi_block_start start;
    _Atomic uint64_t bytes; /* the lead, and what the program asked for */
    uint64_t span_bytes;    /* address space it may grow into */
    uint32_t index, site;
    _Atomic uint32_t life;  /* enum below */
    bool library;           /* belongs to lens_open: absent from the start */
    struct lensi_packed *packed; /* or NULL */

    _Atomic int64_t plain_pages; /* resident and not proven, as far as seen */

    struct lensi_lock segments_lock;
    struct lensi_segment *segments; /* segment.h; NULL: none yet. Entries never move */
    _Atomic uint32_t segments_count;

    _Atomic bool gated; /* throttle.h */
    _Atomic uint64_t gate_handed, gate_proven; /* pages */
    _Atomic uint64_t rewritten_ns;    /* when a proven page was last written */
    _Atomic int64_t rewritten_pages; /* proven pages that were written, less what was proven since; below zero: that many are free */
    _Atomic uint64_t gate_free_pages; /* how many are handed out the next time the prover does not get on */
    _Atomic uint32_t gate_word;
    _Atomic uint64_t read_from, read_to; /* pages that were read into lately and are not looked at yet */
    uint64_t help_page;  /* prover: where who waits at the gate goes on looking for zeros */
    uint64_t gate_end; /* prover: pages of the region that are watched */

    struct lensi_stream streams[LENSI_STREAMS];
    _Atomic uint32_t streams_turn;

    /* prover */
    uint64_t files_seen;     /* how many opened files have been offered to it */
    uint64_t seen_chunks;    /* chunks below this have been looked at for residency */
    uint64_t cursor_chunk;   /* where proving goes on */
    uint64_t sweep_chunk;    /* where looking for residency goes on, beyond seen_chunks */
    uint64_t armed_low, armed_high; /* pages */
    uint32_t elected;        /* the segment that proved last */
    uint32_t zeros_left;     /* chunks that are still looked at for zeros only: more when some were found */
    uint64_t grown_ns;       /* when a chunk was last seen to be new */
    uint64_t settled_pages, settle_next_ns; /* how far absent pages were moved to the view store; when to look again */
    uint64_t given_back_pages; /* how far absent pages were brought back for good (slowdown.h) */
    uint32_t idle_rounds;
    uint32_t sample_level;   /* sampler.c: of the next two, */
    uint64_t sample_front, sample_sweep; /* groups of the region: all below are known; where looking goes on */
    bool touched_by_us;      /* some page left PLAIN: freeing has to look at the tables */
};

enum { LENSI_REGION_FREE, LENSI_REGION_LIVE, LENSI_REGION_DYING };

#define LENSI_REGIONS_MAX (1u << 20)

/*
 * A region with room to grow, its first `bytes` readable and writable. start: NULL for none of it. NULL when out of
 * room.
 */
struct lensi_region *lensi_region_new(uint32_t site, uint64_t bytes, uint64_t span_bytes, const struct lensi_block_start *start);
/* The region an address lies in, or NULL. */
struct lensi_region *lensi_region_of(const void *address);
struct lensi_region *lensi_region_at(uint32_t index); /* NULL past the last ever used */
/* Pages that live blocks may have resident: the most that they can ask of the budget. */
uint64_t lensi_regions_pages(void);
uint32_t lensi_regions_high(void);                    /* one more than the highest index ever used */
/*
 * Gives a region's memory back, and takes it out of the books. False: its addresses must not be used again
 * (reset_pages). Then, when nothing else knows it any more: gives its number back, and its addresses if they are
 * `fresh`. Under the prover lock.
 */
bool lensi_region_empty(struct lensi_region *region);
void lensi_region_release(struct lensi_region *region, bool fresh);
/* How many regions there can be; and more than that is no index. */
uint32_t lensi_regions_most(void);
/* Changes the size in place: 0, or -ENOMEM (no room). Under the prover lock when it shrinks. */
int lensi_region_resize(struct lensi_region *region, uint64_t bytes);
/* Forgets everything known of pages [first, first + count) of the range and makes them fresh memory. False: they could not
 * be unmapped and must not be handed out again. */
bool lensi_region_reset_pages(struct lensi_region *region, uint64_t first, uint64_t count);

void lensi_regions_before_fork(void);
void lensi_regions_after_fork(void);
void lensi_regions_child(void); /* in the child: nobody else is left to end what they had begun */

/*
 * Pages [page, page + count) are about to be watched: said before it is done, so that who pins from here on touches his
 * pages first. The hull of all such is what a fork's child has to watch anew. Under the prover lock.
 */
void lensi_region_note_armed(struct lensi_region *region, uint64_t page, uint64_t count);

/* The prover has seen, or a write has made, so many more plain pages. */
void lensi_region_plain(struct lensi_region *region, int64_t pages);

static inline uint64_t lensi_region_first_page(const struct lensi_region *region) { return lensi_page_of(region->base); }
static inline uint64_t lensi_region_pages(const struct lensi_region *region)
{
    return (atomic_load_explicit(&region->bytes, memory_order_relaxed) + LENSI_PAGE - 1) >> LENSI_PAGE_SHIFT;
}

#endif
