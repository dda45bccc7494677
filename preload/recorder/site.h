/*
 * record_site.h - the sites' counters.
 *
 * A site is a call path (its node) that allocates. Counters of one site change together, under its lock, which is held
 * for a few instructions, innermost of all. Counts are in units of 1 / scale (scale 1 in a full recording).
 *
 *   live bytes = bytes - freed_bytes         live count = count - freed_count
 *
 * What a site held when the whole process was at its peak is found without looking at all sites at every new peak: each
 * peak has a serial, and a site that changes for the first time after a peak first notes what it held (at_peak_...). So
 *   held at the peak = peak_serial == the last peak's serial ? at_peak_bytes : live bytes.
 */
#ifndef LENSI_RECORDER_SITE_H
#define LENSI_RECORDER_SITE_H

#include "liblens/base/trace.h"
#include "liblens/memory/pages.h"

#include <stdbool.h>

#define LENSI_SITES_MAX (1u << 19) /* the live table has 19 bits for a site */

/* What an allocation stands for: itself in a full recording, many in a sampled one. */
struct lensi_weight {
    uint64_t bytes, count;
    double bytes_variance, count_variance; /* of the estimate; 0 if it was certain to be seen */
};

struct lensi_histograms {
    uint64_t lifetimes[LENSI_TRACE_BUCKETS], sizes[LENSI_TRACE_BUCKETS];
};

struct lensi_site {
    struct lensi_lock lock;
    uint32_t node;
    uint64_t bytes, freed_bytes, count, freed_count;
    uint64_t peak_serial, at_peak_bytes, at_peak_count, peak_bytes;
    /* Of it, what a fork's child inherited: now, at the peak, and at the fork (count: in the same units). */
    struct lensi_inherited {
        uint64_t bytes, count;
    } inherited, at_peak_inherited, at_fork;
    double byte_ns;      /* the integral of live bytes over time, up to changed_ns */
    uint64_t changed_ns;
    uint64_t samples, first_ns, last_ns;
    /* Most sites have one size and many one lifetime: a table of all only where there are more. */
    struct lensi_histograms *histograms;
    uint8_t kind, life_bucket, size_bucket; /* buckets + 1; 0: none yet */
    double bytes_variance, live_variance, at_peak_variance, count_variance;
    /* The writer's: what it has told. */
    uint64_t told_bytes, told_freed_bytes, told_count, told_freed_count, totals_events;
};

/* Sites that the writer looks at together; it passes over groups in which nothing has changed. */
#define LENSI_SITE_GROUP_SHIFT 6

struct lensi_site_table {
    struct lensi_site *sites;
    _Atomic uint32_t count; /* with the blank 0 */
    _Atomic uint8_t changed[(LENSI_SITES_MAX >> LENSI_SITE_GROUP_SHIFT) + 1]; /* since the writer looked */
};
extern struct lensi_site_table lensi_sites;

/* The whole process: live bytes of all sites but file mappings. */
struct lensi_record_total {
    _Atomic uint64_t live, peak, peak_serial, peak_ns;
};
extern struct lensi_record_total lensi_record_total;
extern uint64_t lensi_sites_forked_ns; /* when this process was forked; 0: it was not, or not while it was recorded */

int lensi_sites_start(void);
/* The site of this node, made if need be. 0 (which counts what has no place of its own) when there is no room. */
uint32_t lensi_site_at(uint32_t node, enum lensi_site_kind kind);
void lensi_site_count(uint32_t site, uint64_t size, const struct lensi_weight *weight, uint64_t now_ns);
void lensi_site_uncount(uint32_t site, const struct lensi_weight *weight, uint64_t birth_ns, uint64_t now_ns);
/* In a fork's child: what is alive counts as allocated now, what was freed is the parent's. */
void lensi_sites_after_fork(uint64_t now_ns);

static inline unsigned lensi_bucket(uint64_t value)
{
    unsigned bucket = value ? 63u - (unsigned)__builtin_clzll(value) : 0;

    return bucket < LENSI_TRACE_BUCKETS ? bucket : LENSI_TRACE_BUCKETS - 1;
}

#endif
