/* profile_build.h - fills a profile record by record; between trace_read.c and profile.c. */
#ifndef LENS_PROFILE_BUILD_H
#define LENS_PROFILE_BUILD_H

#include "analysis/trace/profile.h"
#include "analysis/trace/trace_read.h"

/* What is known of a site while reading, in the trace's units. */
struct build_site {
    /* Touched by each change, of which a large trace has a hundred million: all of it, and together. */
    uint64_t bytes, freed_bytes, count, freed_count; /* counts scaled */
    uint64_t changed_ns;
    double snapshot_byte_ns;           /* from snapshots alone: for what was killed before its last TOTALS */
    uint64_t best_serial, best_bytes, best_count; /* at the highest snapshot, as at_peak in the recorder */
    uint64_t peak_bytes;               /* its own, by snapshots */
    bool has_totals, is_stale;         /* changed since its totals */
    uint64_t totals_time_ns, totals_serial;
    double byte_us;                    /* of its last TOTALS, up to their time */
    uint64_t at_peak_count;
    double variances[4];               /* bytes, live, at peak (bytes^2), count (scaled) */
};

struct build {
    struct profile *profile;
    struct build_site *sites;
    size_t modules_room, nodes_room, sites_room, build_sites_room, moments_room, changes_room, blocks_room, files_room,
        inputs_room, writers_room, touches_room;
    uint64_t scale;
    uint64_t peak_serial, snapshot_peak, snapshot_peak_ns, snapshot_peak_serial;
    bool started;
    uint32_t *recent_writers; /* by a hash, 1 more than their place: where a record of the same two is looked for */
};

/* 0; -EBADMSG: the record makes no sense; -ENOMEM. */
int build_record(struct build *build, struct record *record);
/* When all records are in: derives what the trace does not say. */
void build_finish(struct build *build);
/* An element more in an array, zeroed; NULL when out of memory. Elements up to `at` are there afterwards. */
void *build_element(void *array, size_t *count, size_t *room, size_t at, size_t element_bytes);

/* The use of memory: profile_usage.c */
int build_usage(struct build *build, struct record *record);

/* The kinds of records by their files: profile_counts.c */
int build_snapshot(struct build *build, struct record *record);
int build_totals(struct build *build, struct record *record);
void build_finish_sites(struct build *build);

#endif
