/* record_site.c - counts allocations; see record_site.h. */
#include "preload/recorder/site.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"
#include "preload/recorder/tree.h"

#include <errno.h>
#include <string.h>

struct lensi_site_table lensi_sites;
struct lensi_record_total lensi_record_total;
uint64_t lensi_sites_forked_ns;

static uint32_t sites_room;

int lensi_sites_start(void)
{
    for (sites_room = LENSI_SITES_MAX; !lensi_sites.sites && sites_room >= 4096; sites_room /= 2)
        if (sites_room * sizeof *lensi_sites.sites < lensi_sys_address_limit() / 16)
            lensi_sites.sites = lensi_arena_map(sites_room * sizeof *lensi_sites.sites);
    sites_room *= 2;
    atomic_store(&lensi_sites.count, 1);
    return lensi_sites.sites ? 0 : -ENOMEM;
}

static uint32_t site_new(uint32_t node, enum lensi_site_kind kind)
{
    uint32_t number;

    lensi_lock(&lensi_tree_lock);
    number = atomic_load(&lensi_tree.nodes[node].site);
    if (!number && atomic_load(&lensi_sites.count) < sites_room) {
        number = atomic_load(&lensi_sites.count);
        lensi_sites.sites[number].node = node;
        lensi_sites.sites[number].kind = (uint8_t)kind;
        lensi_sites.sites[number].first_ns = UINT64_MAX;
        atomic_store_explicit(&lensi_sites.count, number + 1, memory_order_release);
        atomic_store_explicit(&lensi_tree.nodes[node].site, number, memory_order_release);
    }
    lensi_unlock(&lensi_tree_lock);
    return number;
}

uint32_t lensi_site_at(uint32_t node, enum lensi_site_kind kind)
{
    uint32_t number = atomic_load_explicit(&lensi_tree.nodes[node].site, memory_order_acquire);

    return __builtin_expect(number != 0, 1) ? number : site_new(node, kind);
}

/* ---- histograms */

static void bucket_add(struct lensi_site *site, bool lifetime, unsigned bucket, uint64_t count)
{
    uint8_t *only = lifetime ? &site->life_bucket : &site->size_bucket;
    struct lensi_histograms *all = site->histograms;

    if (!all && (*only == 0 || *only == bucket + 1)) {
        *only = (uint8_t)(bucket + 1);
        return;
    }
    if (!all) { /* what was in the only bucket is what was counted before this */
        all = lensi_arena_new(sizeof *all);
        if (!all)
            return;
        if (site->size_bucket)
            all->sizes[site->size_bucket - 1] = lifetime ? site->count : site->count - count;
        if (site->life_bucket)
            all->lifetimes[site->life_bucket - 1] = lifetime ? site->freed_count - count : site->freed_count;
        site->histograms = all;
    }
    (lifetime ? all->lifetimes : all->sizes)[bucket] += count;
}

/* ---- counting */

static inline void site_lock(struct lensi_site *site)
{
    if (__builtin_expect(atomic_exchange_explicit(&site->lock.held, 1, memory_order_acquire), 0))
        lensi_lock(&site->lock);
}

static inline void site_unlock(struct lensi_site *site, uint32_t number)
{
    atomic_store_explicit(&site->lock.held, 0, memory_order_release);
    atomic_store_explicit(&lensi_sites.changed[number >> LENSI_SITE_GROUP_SHIFT], 1, memory_order_release);
}

/* Before a change. */
static inline void integrate(struct lensi_site *site, uint64_t now_ns)
{
    if (now_ns > site->changed_ns) /* threads' clocks may differ by a few ns */
        site->byte_ns += (double)(site->bytes - site->freed_bytes) * (double)(now_ns - site->changed_ns);
    site->changed_ns = now_ns;
}

static inline void note_peak(struct lensi_site *site)
{
    uint64_t serial = atomic_load_explicit(&lensi_record_total.peak_serial, memory_order_relaxed);

    if (site->peak_serial == serial)
        return;
    site->peak_serial = serial;
    site->at_peak_bytes = site->bytes - site->freed_bytes;
    site->at_peak_count = site->count - site->freed_count;
    site->at_peak_variance = site->live_variance;
    site->at_peak_inherited = site->inherited;
}

static uint64_t less(uint64_t from, uint64_t what) { return from > what ? from - what : 0; }

static inline void total_add(uint64_t bytes, uint64_t now_ns)
{
    struct lensi_record_total *total = &lensi_record_total;
    uint64_t live = atomic_fetch_add_explicit(&total->live, bytes, memory_order_relaxed) + bytes;
    uint64_t peak = atomic_load_explicit(&total->peak, memory_order_relaxed);

    while (live > peak)
        if (atomic_compare_exchange_weak_explicit(&total->peak, &peak, live, memory_order_relaxed, memory_order_relaxed)) {
            atomic_fetch_add_explicit(&total->peak_serial, 1, memory_order_relaxed);
            atomic_store_explicit(&total->peak_ns, now_ns, memory_order_relaxed);
            return;
        }
}

void lensi_site_count(uint32_t number, uint64_t size, const struct lensi_weight *weight, uint64_t now_ns)
{
    struct lensi_site *site = &lensi_sites.sites[number];
    uint64_t live;

    site_lock(site);
    note_peak(site);
    integrate(site, now_ns);
    site->bytes += weight->bytes;
    site->count += weight->count;
    site->samples += weight->count != 0;
    if (now_ns < site->first_ns)
        site->first_ns = now_ns;
    site->last_ns = now_ns;
    live = site->bytes - site->freed_bytes;
    if (live > site->peak_bytes)
        site->peak_bytes = live;
    if (weight->bytes_variance > 0) {
        site->bytes_variance += weight->bytes_variance;
        site->live_variance += weight->bytes_variance;
        site->count_variance += weight->count_variance;
    }
    if (weight->count)
        bucket_add(site, false, lensi_bucket(size), weight->count);
    site_unlock(site, number);
    if (site->kind != LENSI_SITE_MAP_FILE)
        total_add(weight->bytes, now_ns);
}

void lensi_site_uncount(uint32_t number, const struct lensi_weight *weight, uint64_t birth_ns, uint64_t now_ns)
{
    struct lensi_site *site = &lensi_sites.sites[number];
    uint64_t lived = now_ns > birth_ns ? now_ns - birth_ns : 0;

    site_lock(site);
    note_peak(site);
    integrate(site, now_ns);
    site->freed_bytes += weight->bytes;
    site->freed_count += weight->count;
    site->live_variance -= weight->bytes_variance;
    if (birth_ns < lensi_sites_forked_ns) {
        site->inherited.bytes = less(site->inherited.bytes, weight->bytes);
        site->inherited.count = less(site->inherited.count, weight->count);
    }
    if (weight->count)
        bucket_add(site, true, lensi_bucket(lived), weight->count);
    site_unlock(site, number);
    if (site->kind != LENSI_SITE_MAP_FILE)
        atomic_fetch_sub_explicit(&lensi_record_total.live, weight->bytes, memory_order_relaxed);
}

/* ---- fork */

void lensi_sites_after_fork(uint64_t now_ns)
{
    uint32_t count = atomic_load(&lensi_sites.count);
    uint64_t live = atomic_load(&lensi_record_total.live);

    for (uint32_t i = 0; i < count; i++) {
        struct lensi_site *old = &lensi_sites.sites[i];
        struct lensi_site fresh = {.node = old->node, .kind = old->kind, .first_ns = UINT64_MAX, .changed_ns = now_ns};

        fresh.bytes = fresh.peak_bytes = fresh.at_peak_bytes = old->bytes - old->freed_bytes;
        fresh.count = fresh.at_peak_count = old->count - old->freed_count;
        fresh.bytes_variance = fresh.live_variance = fresh.at_peak_variance = old->live_variance;
        fresh.size_bucket = fresh.count ? old->size_bucket : 0;
        fresh.inherited = fresh.at_peak_inherited = fresh.at_fork = (struct lensi_inherited){fresh.bytes, fresh.count};
        if (fresh.count)
            fresh.first_ns = fresh.last_ns = now_ns;
        *old = fresh;
    }
    lensi_sites_forked_ns = now_ns;
    memset(lensi_sites.changed, 1, sizeof lensi_sites.changed);
    atomic_store(&lensi_record_total.peak, live);
    atomic_store(&lensi_record_total.peak_serial, 0);
    atomic_store(&lensi_record_total.peak_ns, now_ns);
}
