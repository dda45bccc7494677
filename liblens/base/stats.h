/*
 * stats.h - what a run counts. One list yields the struct, the text and the JSON keys.
 *
 * Counters are process-wide, atomic, relaxed. Sizes are in bytes and end in _bytes; everything else is a count.
 */
#ifndef LENSI_STATS_H
#define LENSI_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#define LENSI_PLAN_SITES_MAX 64u /* that are counted apart: a set of them fits into one word */

/* X(name, what it means) */
#define LENSI_STATS(X) \
    X(blocks, "allocations virtualised") \
    X(blocks_bytes, "bytes asked for by virtualised allocations") \
    X(live_bytes, "bytes of virtualised allocations now alive") \
    X(touched_bytes_peak, "most bytes of virtualised memory the program had in use at once") \
    X(proven_pages, "pages proven equal to their view (each proof counts)") \
    X(dropped_pages, "pages given up after proof") \
    X(mapped_pages, "pages replaced by a mapping of the view store or the backing") \
    X(absent_pages, "pages absent now") \
    X(absent_pages_peak, "most pages absent or mapped at once") \
    X(resident_pages, "proven pages resident now") \
    X(mapped_now_pages, "pages mapped from a file now") \
    X(refuted_pages, "pages that were compared and differed at the last attempt") \
    X(refuted_bytes, "bytes of memory beyond the budget that stayed ordinary because they differ") \
    X(uncovered_bytes, "bytes of it of which no file was opened or read in") \
    X(untried_bytes, "bytes of it that were not compared before the block or the run ended") \
    X(left_alone_bytes, "bytes of it that may not depend on their file, or were given back for the slowdown limit") \
    X(kept_pages, "proven pages that were written and became ordinary memory") \
    X(faults, "touches of absent pages") \
    X(faulted_pages, "pages brought back, read-ahead included") \
    X(write_faults, "first writes to proven pages") \
    X(readahead_pages, "pages brought back before they were touched") \
    X(zero_pages, "pages proven to be nothing but zeros, and given up without a file") \
    X(lazy_pages, "pages of reads that were accounted for instead of copied") \
    X(evicted_pages, "pages dropped to stay within the budget") \
    X(held_pages, "pages that could not be dropped, as the kernel held their frames or wrote to them meanwhile") \
    X(snapshot_bytes_peak, "most bytes that snapshots of memory took, shared ones of a fork included") \
    X(pins, "ranges made present for the kernel") \
    X(pinned_pages, "absent pages brought back for the kernel") \
    X(quarantined, "sites given up because their lens misbehaved") \
    X(decoded_bytes, "view bytes made by lenses") \
    X(source_bytes, "bytes read from backings") \
    X(store_hits, "views found in the view store") \
    X(store_published, "views published in the view store") \
    X(store_written_bytes, "bytes written to the view store") \
    X(copied_bytes, "bytes of backings copied because nothing else kept their writers off") \
    X(prove_ns, "time spent proving, in nanoseconds") \
    X(vain_ns, "processor time of proofs that came to nothing, in nanoseconds") \
    X(waited_ns, "time the program's threads waited for proofs, in nanoseconds") \
    X(harm_ns, "how much longer the run took for all of this, an estimate in nanoseconds") \
    X(fault_ns, "time spent in faults, in nanoseconds") \
    X(metadata_bytes, "bytes of our own books for views and regions") \
    X(unmatched_blocks, "large allocations no site asked for")

struct lensi_stats {
#define X(name, meaning) _Atomic uint64_t name;
    LENSI_STATS(X)
#undef X
};

/* What is counted for each site of the plan as well; X(name, what it means). */
#define LENSI_SITE_STATS(X) \
    X(blocks, "allocations so far") \
    X(bytes, "bytes asked for by them") \
    X(live_bytes, "bytes alive now") \
    X(resident_pages, "proven pages resident now") \
    X(absent_pages, "pages absent now") \
    X(mapped_now_pages, "pages mapped from a file now") \
    X(kept_pages, "proven pages that were written so far") \
    X(faults, "touches of absent pages so far") \
    X(store_hits, "views found in the view store so far")

/* All that is counted, in one object of whole pages, which others can be shown (gauges.h). */
struct lensi_gauges_site {
    char name[48];
#define X(name, meaning) _Atomic uint64_t name;
    LENSI_SITE_STATS(X)
#undef X
};
struct lensi_gauges {
    char magic[16];
    uint32_t bytes;       /* of this object: another size is another version */
    uint32_t process_id;
    uint64_t started_ns;  /* CLOCK_MONOTONIC */
    uint32_t stats_count; /* counters, in the order of LENSI_STATS */
    uint32_t sites_count;
    _Atomic uint64_t budget_bytes;
    char version[16], rung[16], store[64];
    struct lensi_stats stats;
    struct lensi_gauges_site sites[LENSI_PLAN_SITES_MAX];
};
extern struct lensi_gauges lensi_gauges;

#define lensi_count(name, by) \
    ((void)atomic_fetch_add_explicit(&lensi_gauges.stats.name, (uint64_t)(by), memory_order_relaxed))
#define lensi_uncount(name, by) \
    ((void)atomic_fetch_sub_explicit(&lensi_gauges.stats.name, (uint64_t)(by), memory_order_relaxed))
/* For all, and for a site by its number. */
#define lensi_count_site(site, name, by) \
    (lensi_count(name, by), (void)atomic_fetch_add_explicit(&lensi_gauges.sites[site].name, (uint64_t)(by), memory_order_relaxed))
#define lensi_uncount_site(site, name, by) lensi_count_site(site, name, -(uint64_t)(by))
#define lensi_counted(name) (atomic_load_explicit(&lensi_gauges.stats.name, memory_order_relaxed))

/* Raises peak to at least now. */
void lensi_stats_peak(_Atomic uint64_t *peak, uint64_t now);
/* Extra facts for the JSON file, set by whoever knows them (static strings). */
struct lensi_stats_facts {
    const char *rung;  /* "inthread", "thread", "protect", "off" */
    const char *store; /* "none", "memory", "disk" */
    uint64_t budget_bytes;
    uint64_t elapsed_ns;
};
extern struct lensi_stats_facts lensi_stats_facts;
/* Sets facts.store, facts.rung or facts.budget_bytes, and shows it to who looks on. */
void lensi_stats_say_store(const char *store);
void lensi_stats_say_rung(const char *rung);
void lensi_stats_say_budget(uint64_t bytes);
/* Opens the file that statistics go to; a link that somebody may have put there is not followed: -ELOOP. */
int lensi_stats_open(const char *path);
/* Writes all of it as one JSON object to fd. 0 or -errno. Async-signal-safe. */
int lensi_stats_write(int fd);

#endif
