/* record_tell.c - the tree, the counters and the end of the recorder as records; see record_tell.h. */
#include "preload/recorder/tell.h"

#include "liblens/base/sys.h"
#include "preload/recorder/block.h"
#include "preload/recorder/clock.h"
#include "preload/recorder/live.h"
#include "preload/recorder/sample.h"
#include "preload/recorder/site.h"
#include "preload/recorder/tree.h"
#include "preload/recorder/wait.h"

#define CHANGE_BYTES_MAX 64u
#define TOTALS_BYTES_MAX (26u * 10u + 2u * LENSI_TRACE_BUCKETS * 12u)
#define TOTALS_NUMBERS 11u
#define TOTALS_NUMBERS_FORKED 17u
#define TRIES 1000u

static uint32_t told_modules, told_nodes, told_sites; /* the blank counts: 0 is none, not told, not there */

static uint64_t since(uint64_t ns, uint64_t origin_ns) { return ns > origin_ns ? ns - origin_ns : 0; }

static int statm_fd = -1; /* on a high number; /proc/self/statm of this process */
static struct stat statm;

void lensi_tell_start(void)
{
    int fd = lensi_sys_open("/proc/self/statm", O_RDONLY | O_CLOEXEC, 0), high = fd < 0 ? fd : lensi_sys_dup_high(fd);

    if (fd >= 0)
        lensi_sys_close(fd);
    if (high >= 0 && lensi_sys_stat(high, &statm) == 0)
        statm_fd = high;
}

void lensi_tell_forget(void)
{
    told_modules = told_nodes = told_sites = 0;
    if (lensi_sys_is_file(statm_fd, &statm)) /* the parent's */
        lensi_sys_close(statm_fd);
    statm_fd = -1;
}

/* ---- the tree. A node's module is there before the node is, a site's node before the site. */

static void tell_module(struct lensi_trace_writer *writer, const struct lensi_tree_module *module)
{
    lensi_trace_begin(writer, LENSI_RECORD_MODULE);
    lensi_trace_put(writer, module->start);
    lensi_trace_put(writer, module->end);
    lensi_trace_put(writer, module->bias);
    lensi_trace_put_text(writer, module->path);
    lensi_trace_put_bytes(writer, module->build_id, module->build_id_bytes);
    lensi_trace_end(writer);
}

static void tell_node(struct lensi_trace_writer *writer, const struct lensi_tree_node *node)
{
    lensi_trace_begin(writer, LENSI_RECORD_NODE);
    lensi_trace_put(writer, node->parent);
    lensi_trace_put(writer, node->module);
    lensi_trace_put(writer, (node->address & ~LENSI_TREE_GONE) - (node->module ? lensi_tree.modules[node->module].bias : 0));
    lensi_trace_put(writer, node->flags);
    lensi_trace_end(writer);
}

static void tell_site(struct lensi_trace_writer *writer, const struct lensi_site *site)
{
    lensi_trace_begin(writer, LENSI_RECORD_SITE);
    lensi_trace_put(writer, site->node);
    lensi_trace_put(writer, site->kind);
    lensi_trace_end(writer);
}

struct lensi_told lensi_tell_tree(struct lensi_trace_writer *writer)
{
    uint32_t sites = atomic_load_explicit(&lensi_sites.count, memory_order_acquire);
    uint32_t nodes = atomic_load_explicit(&lensi_tree.nodes_count, memory_order_acquire);
    uint32_t modules = atomic_load_explicit(&lensi_tree.modules_count, memory_order_acquire);

    for (told_modules += !told_modules; told_modules < modules; told_modules++)
        tell_module(writer, &lensi_tree.modules[told_modules]);
    for (told_nodes += !told_nodes; told_nodes < nodes; told_nodes++)
        tell_node(writer, &lensi_tree.nodes[told_nodes]);
    for (told_sites += !told_sites; told_sites < sites; told_sites++)
        tell_site(writer, &lensi_sites.sites[told_sites]);
    return (struct lensi_told){told_nodes, told_sites};
}

/* ---- a site as it is at one moment */

/* Its lock is held for a few instructions only, unless its owner was interrupted for good by who asks now. */
static struct lensi_site copy_of(struct lensi_site *site)
{
    struct lensi_site copy;
    bool locked = false;

    for (unsigned i = 0; i < TRIES && !locked; i++) {
        locked = lensi_try_lock(&site->lock);
        if (!locked)
            lensi_wait_a_little(i);
    }
    copy = *site;
    if (locked)
        lensi_unlock(&site->lock);
    return copy;
}

/* ---- snapshots */

struct resident {
    uint64_t anon_bytes, file_bytes;
};

static uint64_t next_number(const char **text)
{
    uint64_t value = 0;

    while (**text && (**text < '0' || **text > '9'))
        ++*text;
    for (; **text >= '0' && **text <= '9'; ++*text)
        value = value * 10 + (uint64_t)(**text - '0');
    return value;
}

/* /proc/self/statm: size, resident, of that file and shared. */
static struct resident resident_now(void)
{
    char text[128] = "";
    const char *at = text;
    bool is_kept = lensi_sys_is_file(statm_fd, &statm);
    int fd = is_kept ? statm_fd : (int)lensi_sys_open("/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
    uint64_t all, file;

    if (fd < 0)
        return (struct resident){0, 0};
    lensi_sys_pread(fd, text, sizeof text - 1, 0);
    if (!is_kept)
        lensi_sys_close(fd);
    next_number(&at);
    all = next_number(&at);
    file = next_number(&at);
    return (struct resident){(all > file ? all - file : 0) * LENSI_PAGE, file * LENSI_PAGE};
}

static void tell_change(struct lensi_trace_writer *writer, struct lensi_site *site, const struct lensi_site *now,
                        uint32_t distance)
{
    lensi_trace_put(writer, distance);
    lensi_trace_put(writer, now->count - site->told_count);
    lensi_trace_put(writer, now->bytes - site->told_bytes);
    lensi_trace_put(writer, now->freed_count - site->told_freed_count);
    lensi_trace_put(writer, now->freed_bytes - site->told_freed_bytes);
    site->told_count = now->count;
    site->told_bytes = now->bytes;
    site->told_freed_count = now->freed_count;
    site->told_freed_bytes = now->freed_bytes;
}

static bool has_changed(const struct lensi_site *site)
{
    return site->count != site->told_count || site->freed_count != site->told_freed_count || site->bytes != site->told_bytes;
}

/*
 * The next site from `at` on that may have changed. A group is passed over, or looked at to its end: so its mark may go
 * when its first site is looked at. What changes later sets it anew.
 */
static uint32_t next_changed(uint32_t at)
{
    const uint32_t group_sites = 1u << LENSI_SITE_GROUP_SHIFT;

    while (at < told_sites && at % group_sites == 0 &&
           !atomic_exchange_explicit(&lensi_sites.changed[at >> LENSI_SITE_GROUP_SHIFT], 0, memory_order_acquire))
        at += group_sites;
    return at < told_sites ? at : told_sites;
}

/* More changes than fit into a record make several records of one time. */
void lensi_tell_snapshot(struct lensi_trace_writer *writer, uint64_t origin_ns)
{
    uint64_t time = since(lensi_record_ns(), origin_ns);
    struct resident resident = resident_now();
    uint32_t at = 0;

    do {
        uint32_t before = 0;

        lensi_trace_begin(writer, LENSI_RECORD_SNAPSHOT);
        lensi_trace_put(writer, time);
        lensi_trace_put(writer, atomic_load(&lensi_record_total.live));
        lensi_trace_put(writer, resident.anon_bytes);
        lensi_trace_put(writer, resident.file_bytes);
        for (; lensi_trace_room(writer) > CHANGE_BYTES_MAX && (at = next_changed(at)) < told_sites; at++) {
            struct lensi_site now;

            if (!has_changed(&lensi_sites.sites[at]))
                continue;
            now = copy_of(&lensi_sites.sites[at]);
            tell_change(writer, &lensi_sites.sites[at], &now, at - before);
            before = at;
        }
        lensi_trace_end(writer);
    } while (at < told_sites);
    /* The rest of the last group is yet to be told of: it is looked at again. */
    atomic_store(&lensi_sites.changed[told_sites >> LENSI_SITE_GROUP_SHIFT], 1);
}

/* ---- totals */

static void put_buckets(struct lensi_trace_writer *writer, const uint64_t *counts)
{
    unsigned used = 0, before = 0;

    for (unsigned i = 0; i < LENSI_TRACE_BUCKETS; i++)
        used += counts[i] != 0;
    lensi_trace_put(writer, used);
    for (unsigned i = 0; i < LENSI_TRACE_BUCKETS; i++) {
        if (!counts[i])
            continue;
        lensi_trace_put(writer, i - before);
        lensi_trace_put(writer, counts[i]);
        before = i;
    }
}

static void put_histogram(struct lensi_trace_writer *writer, const uint64_t *counts, uint8_t only, uint64_t count)
{
    uint64_t one[LENSI_TRACE_BUCKETS] = {0};

    if (!counts && only)
        one[only - 1] = count;
    put_buckets(writer, counts ? counts : one);
}

static uint64_t squares(double variance) { return variance > 0 ? (uint64_t)(variance * 0x1p-20) : 0; }

static void put_inherited(struct lensi_trace_writer *writer, const struct lensi_inherited *inherited)
{
    lensi_trace_put(writer, inherited->bytes);
    lensi_trace_put(writer, inherited->count);
}

static void tell_site_totals(struct lensi_trace_writer *writer, const struct lensi_site *site, uint32_t distance,
                             uint64_t now_ns, uint64_t origin_ns)
{
    double live = (double)(site->bytes - site->freed_bytes);
    bool current = site->peak_serial == atomic_load(&lensi_record_total.peak_serial);
    const struct lensi_histograms *all = site->histograms;

    lensi_trace_put(writer, distance);
    lensi_trace_put(writer, lensi_sites_forked_ns ? TOTALS_NUMBERS_FORKED : TOTALS_NUMBERS);
    lensi_trace_put(writer, site->samples);
    lensi_trace_put(writer, site->peak_bytes);
    lensi_trace_put(writer, current ? site->at_peak_bytes : site->bytes - site->freed_bytes);
    lensi_trace_put(writer, current ? site->at_peak_count : site->count - site->freed_count);
    lensi_trace_put(writer, (uint64_t)((site->byte_ns + live * (double)since(now_ns, site->changed_ns)) / 1000));
    lensi_trace_put(writer, since(site->first_ns, origin_ns));
    lensi_trace_put(writer, since(site->last_ns, origin_ns));
    lensi_trace_put(writer, squares(site->bytes_variance));
    lensi_trace_put(writer, squares(site->live_variance));
    lensi_trace_put(writer, squares(current ? site->at_peak_variance : site->live_variance));
    lensi_trace_put(writer, (uint64_t)(site->count_variance * lensi_sample.scale));
    if (lensi_sites_forked_ns) {
        put_inherited(writer, current ? &site->at_peak_inherited : &site->inherited);
        put_inherited(writer, &site->inherited);
        put_inherited(writer, &site->at_fork);
    }
    put_histogram(writer, all ? all->lifetimes : NULL, site->life_bucket, site->freed_count);
    put_histogram(writer, all ? all->sizes : NULL, site->size_bucket, site->count);
}

static uint64_t events_of(const struct lensi_site *site) { return site->count + site->freed_count; }

void lensi_tell_totals(struct lensi_trace_writer *writer, uint64_t origin_ns)
{
    const struct lensi_record_total *total = &lensi_record_total;
    uint64_t now = lensi_record_ns();
    uint32_t at = 0;

    do {
        uint32_t before = 0;

        lensi_trace_begin(writer, LENSI_RECORD_TOTALS);
        lensi_trace_put(writer, since(now, origin_ns));
        lensi_trace_put(writer, atomic_load(&total->peak_serial));
        lensi_trace_put(writer, atomic_load(&total->peak));
        lensi_trace_put(writer, since(atomic_load(&total->peak_ns), origin_ns));
        lensi_trace_put(writer, lensi_blocks_lost() + lensi_live_lost());
        for (; at < told_sites && lensi_trace_room(writer) > TOTALS_BYTES_MAX; at++) {
            struct lensi_site *site = &lensi_sites.sites[at], copy;

            if (events_of(site) == site->totals_events)
                continue;
            copy = copy_of(site);
            site->totals_events = events_of(&copy);
            tell_site_totals(writer, &copy, at - before, now, origin_ns);
            before = at;
        }
        lensi_trace_end(writer);
    } while (at < told_sites);
}

void lensi_tell_end(struct lensi_trace_writer *writer, enum lensi_end_kind kind, int status, uint64_t origin_ns)
{
    lensi_trace_begin(writer, LENSI_RECORD_END);
    lensi_trace_put(writer, since(lensi_record_ns(), origin_ns));
    lensi_trace_put(writer, kind);
    lensi_trace_put(writer, (uint64_t)status);
    lensi_trace_put(writer, lensi_waited_ns());
    lensi_trace_end(writer);
}
