/*
 * profile_counts.c - snapshots and totals into a profile: what each site held, when, and what that means at the end.
 *
 * A trace that ends as it should has the totals of every site at its end. One that was cut has snapshots behind the
 * last totals: then peaks and integrals come from these, to a tick.
 */
#include "analysis/trace/profile_build.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* So many changes are kept apart; beyond it neighbouring moments become one. */
#define CHANGES_MAX (6u << 20)
#define TOTALS_NUMBERS 17u /* 11 where the process was not forked */
#define PREFETCH_BYTES (4u * sizeof(struct build_site))

static uint64_t live_of(const struct build_site *site) { return site->bytes - site->freed_bytes; }

/* ---- moments */

/* Adds up a pair of moments' changes in `sum`, a number for each site, and writes them from `to` on. */
static size_t merge_pair(struct profile *p, const struct profile_moment *a, const struct profile_moment *b, int64_t *sum,
                         size_t to)
{
    size_t first = a->first_change, end = b->first_change + b->changes, start = to;

    for (size_t i = first; i < end; i++)
        sum[p->changes[i].site] += p->changes[i].live_bytes;
    for (size_t i = first; i < end; i++) {
        uint32_t site = p->changes[i].site;

        if (sum[site])
            p->changes[to++] = (struct profile_change){site, sum[site]};
        sum[site] = 0;
    }
    return to - start;
}

/* Two neighbouring moments become one, the later: half as many of both. */
static int thin(struct profile *p)
{
    int64_t *sum = calloc(p->sites_count, sizeof *sum);
    size_t to = 0, changes = 0;

    if (!sum)
        return -ENOMEM;
    for (size_t i = 0; i < p->moments_count; i += 2) {
        const struct profile_moment *a = &p->moments[i], *b = i + 1 < p->moments_count ? a + 1 : a;
        struct profile_moment merged = *b;

        merged.first_change = changes;
        merged.changes = merge_pair(p, a, b, sum, changes);
        changes += merged.changes;
        p->moments[to++] = merged;
    }
    p->moments_count = to;
    p->changes_count = changes;
    free(sum);
    return 0;
}

static int moment_at(struct build *build, uint64_t time, struct profile_moment **moment)
{
    struct profile *p = build->profile;
    void *array;

    if (p->moments_count && p->moments[p->moments_count - 1].time_ns == time) {
        *moment = &p->moments[p->moments_count - 1];
        return 0;
    }
    if (p->changes_count > CHANGES_MAX && p->moments_count > 2 && thin(p) < 0)
        return -ENOMEM;
    array = build_element(p->moments, &p->moments_count, &build->moments_room, p->moments_count, sizeof *p->moments);
    if (!array)
        return -ENOMEM;
    p->moments = array;
    *moment = &p->moments[p->moments_count - 1];
    memset(*moment, 0, sizeof **moment); /* what thinning left behind */
    (*moment)->time_ns = time;
    (*moment)->first_change = p->changes_count;
    return 0;
}

static int add_change(struct build *build, struct profile_moment *moment, size_t site, int64_t live_bytes)
{
    struct profile *p = build->profile;
    void *array = build_element(p->changes, &p->changes_count, &build->changes_room, p->changes_count, sizeof *p->changes);

    if (!array)
        return -ENOMEM;
    p->changes = array;
    p->changes[p->changes_count - 1] = (struct profile_change){(uint32_t)site, live_bytes};
    moment->changes++;
    return 0;
}

/* ---- snapshots */

/* Before a change: what it has held up to now. */
static void settle(const struct build *build, struct build_site *site, uint64_t time)
{
    if (site->best_serial != build->snapshot_peak_serial) {
        site->best_serial = build->snapshot_peak_serial;
        site->best_bytes = live_of(site);
        site->best_count = site->count - site->freed_count;
    }
    if (time > site->changed_ns)
        site->snapshot_byte_ns += (double)live_of(site) * (double)(time - site->changed_ns);
    site->changed_ns = time;
}

static int change_site(struct build *build, struct record *record, struct profile_moment *moment, size_t number, uint64_t time)
{
    struct build_site *site = &build->sites[number];
    uint64_t before = live_of(site), live;

    /* The next change is mostly that of a site a little further on. */
    __builtin_prefetch((const char *)site + PREFETCH_BYTES, 1);
    __builtin_prefetch((const char *)site + PREFETCH_BYTES + 64, 1);
    settle(build, site, time);
    site->count += record_number(record);
    site->bytes += record_number(record);
    site->freed_count += record_number(record);
    site->freed_bytes += record_number(record);
    site->is_stale = true;
    live = live_of(site);
    if (live > site->peak_bytes && live <= INT64_MAX)
        site->peak_bytes = live;
    if (record->is_short)
        return -EBADMSG;
    return live == before ? 0 : add_change(build, moment, number, (int64_t)(live - before));
}

int build_snapshot(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    struct profile_moment *moment;
    uint64_t time = record_number(record), site = 0;
    int result = moment_at(build, time, &moment);

    if (result < 0)
        return result;
    moment->live_bytes = record_number(record);
    moment->rss_anon_bytes = record_number(record);
    moment->rss_file_bytes = record_number(record);
    while (!record_is_at_end(record) && !record->is_short && result == 0) {
        uint64_t distance = record_number(record);

        if (distance >= p->sites_count || (site += distance) >= p->sites_count)
            return -EBADMSG;
        result = change_site(build, record, moment, site, time);
    }
    if (moment->live_bytes > build->snapshot_peak) {
        build->snapshot_peak = moment->live_bytes;
        build->snapshot_peak_ns = time;
        build->snapshot_peak_serial++;
    }
    if (time > p->meta.duration_ns)
        p->meta.duration_ns = time;
    p->meta.end = LENSI_END_UNKNOWN; /* an exec that was told before this has failed */
    return result < 0 ? result : record->is_short ? -EBADMSG : 0;
}

/* ---- totals */

static void read_histogram(struct record *record, uint64_t *counts)
{
    uint64_t used = record_number(record), bucket = 0;

    memset(counts, 0, LENSI_TRACE_BUCKETS * sizeof *counts);
    for (; used && !record->is_short; used--) {
        uint64_t distance = record_number(record), count = record_number(record);

        bucket += distance < LENSI_TRACE_BUCKETS ? distance : LENSI_TRACE_BUCKETS;
        if (bucket >= LENSI_TRACE_BUCKETS)
            record->is_short = true;
        else
            counts[bucket] = count;
    }
}

static void read_site_totals(struct build *build, struct record *record, size_t number, uint64_t time)
{
    struct build_site *site = &build->sites[number];
    struct profile_site *out = &build->profile->sites[number];
    uint64_t fields = record_number(record), values[TOTALS_NUMBERS] = {0};

    for (uint64_t i = 0; i < fields && !record->is_short; i++) {
        uint64_t value = record_number(record);

        if (i < TOTALS_NUMBERS)
            values[i] = value;
    }
    out->samples = values[0];
    if (values[1] > out->peak_bytes)
        out->peak_bytes = values[1];
    out->at_peak_bytes = values[2];
    site->at_peak_count = values[3];
    site->byte_us = (double)values[4];
    out->first_ns = values[5];
    out->last_ns = values[6];
    for (size_t i = 0; i < 4; i++)
        site->variances[i] = (double)values[7 + i] * (i < 3 ? 0x1p20 : 1);
    out->inherited_at_peak = (struct profile_inherited){values[11], values[12]};
    out->inherited_live = (struct profile_inherited){values[13], values[14]};
    out->inherited_at_fork = (struct profile_inherited){values[15], values[16]};
    read_histogram(record, out->lifetimes);
    read_histogram(record, out->sizes);
    site->totals_time_ns = time;
    site->totals_serial = build->peak_serial;
    site->has_totals = true;
    site->is_stale = false;
}

int build_totals(struct build *build, struct record *record)
{
    struct profile *p = build->profile;
    uint64_t time = record_number(record), site = 0;

    build->peak_serial = record_number(record);
    p->peak_bytes = record_number(record);
    p->peak_ns = record_number(record);
    p->meta.lost_blocks = record_number(record);
    while (!record_is_at_end(record) && !record->is_short) {
        uint64_t distance = record_number(record);

        if (distance >= p->sites_count || (site += distance) >= p->sites_count)
            return -EBADMSG;
        read_site_totals(build, record, site, time);
    }
    if (time > p->meta.duration_ns)
        p->meta.duration_ns = time;
    return record->is_short ? -EBADMSG : 0;
}

/* ---- the end */

/* At the peak that the totals tell, or, where the trace ends behind them and higher, at the highest snapshot. */
static void finish_peak(struct build *build, struct build_site *site, struct profile_site *out, bool by_snapshots)
{
    uint64_t count = site->at_peak_count;

    if (by_snapshots) {
        settle(build, site, site->changed_ns);
        out->at_peak_bytes = site->best_bytes;
        count = site->best_count;
    } else if (!site->has_totals || (site->totals_serial != build->peak_serial && !site->is_stale)) {
        out->at_peak_bytes = live_of(site); /* not changed since that peak */
        count = site->count - site->freed_count;
        site->variances[2] = site->variances[1];
        out->inherited_at_peak = out->inherited_live;
    }
    out->at_peak_count = (count + build->scale / 2) / build->scale;
}

/* Counts as others are; no part is larger than the whole, which may have been told later. */
static void finish_inherited(const struct build *build, struct profile_inherited *part, uint64_t bytes, uint64_t count)
{
    part->count = (part->count + build->scale / 2) / build->scale;
    part->bytes = part->bytes < bytes ? part->bytes : bytes;
    part->count = part->count < count ? part->count : count;
}

static void finish_site(struct build *build, struct build_site *site, struct profile_site *out, bool by_snapshots)
{
    uint64_t end = build->profile->meta.duration_ns, half = build->scale / 2;
    bool exact = site->has_totals && !site->is_stale;
    double rest = (double)live_of(site) * (double)(end - (exact ? site->totals_time_ns : site->changed_ns));

    finish_peak(build, site, out, by_snapshots);
    if (site->peak_bytes > out->peak_bytes)
        out->peak_bytes = site->peak_bytes;
    out->allocations = (site->count + half) / build->scale;
    out->frees = (site->freed_count + half) / build->scale;
    out->live_count = (site->count - site->freed_count + half) / build->scale;
    out->bytes = site->bytes;
    out->freed_bytes = site->freed_bytes;
    out->live_bytes = live_of(site);
    finish_inherited(build, &out->inherited_at_peak, out->at_peak_bytes, out->at_peak_count);
    finish_inherited(build, &out->inherited_live, out->live_bytes, out->live_count);
    finish_inherited(build, &out->inherited_at_fork, out->bytes, out->allocations);
    out->byte_seconds = exact ? site->byte_us / 1e6 + rest / 1e9 : (site->snapshot_byte_ns + rest) / 1e9;
    out->bytes_error = sqrt(site->variances[0]);
    out->live_error = sqrt(site->variances[1]);
    out->at_peak_error = sqrt(site->variances[2]);
    out->allocations_error = sqrt(site->variances[3] / (double)build->scale);
    for (size_t i = 0; i < LENSI_TRACE_BUCKETS; i++) {
        out->lifetimes[i] = (out->lifetimes[i] + half) / build->scale;
        out->sizes[i] = (out->sizes[i] + half) / build->scale;
    }
}

void build_finish_sites(struct build *build)
{
    struct profile *p = build->profile;
    bool by_snapshots = build->snapshot_peak > p->peak_bytes;

    if (by_snapshots) {
        p->peak_bytes = build->snapshot_peak;
        p->peak_ns = build->snapshot_peak_ns;
    }
    for (size_t i = 0; i < p->sites_count; i++)
        finish_site(build, &build->sites[i], &p->sites[i], by_snapshots);
}
