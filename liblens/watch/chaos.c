/*
 * chaos.c - random proofs and drops; see chaos.h. The generator is one atomic counter, so a fork's child goes on from
 * it.
 */
#include "liblens/watch/chaos.h"

#include "liblens/base/hooks.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/engine/prove.h"
#include "liblens/engine/prover.h"
#include "liblens/engine/recognise.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/plan/lexer.h"
#include "liblens/source/extents.h"
#include "liblens/source/segment.h"

#include <errno.h>
#include <string.h>

#define NEAR_PAGES 4096u /* half of what happens, happens in the youngest pages of a region */
#define MAPPINGS_MOST 4000u
#define PACKED_LEAST 4096u
#define FAULTS_A_DOUBLING 10000u
#define BUDGET_MOST_PAGES (1u << 24)

static _Atomic uint64_t drawn;
static uint64_t seed;
static bool maps;
static uint32_t step_one_in, map_one_in, batch_most, drop_quarters, mapped;

/* ---- the generator */

static uint64_t draw(void)
{
    uint64_t x = seed + (atomic_fetch_add_explicit(&drawn, 1, memory_order_relaxed) + 1) * 0x9e3779b97f4a7c15ull;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static uint64_t below(uint64_t n) { return (uint64_t)((unsigned __int128)draw() * n >> 64); }

const struct lensi_plan *lensi_chaos_plan(const struct lensi_chaos_spec *spec)
{
    static struct lensi_plan_site everything = {.name = "*", .packed = true, .snapshot = true};
    static const struct lensi_plan plan = {.path = "--chaos", .sites = &everything, .sites_count = 1};

    everything.min_bytes = spec->min_bytes ? spec->min_bytes : 1;
    everything.max_bytes = spec->max_bytes;
    return &plan;
}

/* ---- what happens */

static bool maps_now(void)
{
    if (!maps || mapped >= MAPPINGS_MOST || below(map_one_in))
        return false;
    mapped++;
    return true;
}

static struct lensi_region *any_region(void)
{
    for (unsigned i = 0; i < 8 && lensi_regions_high(); i++) {
        struct lensi_region *r = lensi_region_at((uint32_t)below(lensi_regions_high()));
        if (atomic_load(&r->life) == LENSI_REGION_LIVE && lensi_region_pages(r))
            return r;
    }
    return NULL;
}

/* Some pages of some region are proven, and perhaps dropped. Under the prover lock. */
static void disturb(struct lensi_workspace *w)
{
    struct lensi_region *r = any_region();
    uint64_t pages = r ? lensi_region_pages(r) : 0, from = 0, count, granule = lensi_backend->granule_pages;

    if (!r)
        return;
    lensi_extents_offer(r);
    if (pages > NEAR_PAGES && below(2))
        from = pages - NEAR_PAGES;
    from += below(pages - from);
    from -= from % granule;
    count = (1 + below(batch_most) + granule - 1) / granule * granule;
    if (count > pages - from)
        count = pages - from;
    if (count > LENSI_OUT_PAGES)
        count = LENSI_OUT_PAGES;
    lensi_prover_prove(r, lensi_region_first_page(r) + from, count, w);
    if (below(4) < drop_quarters)
        lensi_budget_drop(lensi_region_first_page(r) + from, count);
}

/*
 * A program that goes round and round in more than the budget must come to its end: the budget doubles every so many
 * faults.
 */
static void relent(void)
{
    static uint64_t next = FAULTS_A_DOUBLING;

    if (lensi_counted(faults) + lensi_counted(write_faults) < next || lensi_budget_pages() > BUDGET_MOST_PAGES)
        return;
    next += FAULTS_A_DOUBLING;
    lensi_budget_grow((int64_t)lensi_budget_pages());
}

static void act(struct lensi_workspace *w)
{
    relent();
    for (uint64_t n = below(8); n > 0; n--)
        disturb(w);
}

static void step(void)
{
    struct lensi_workspace *w;
    uint64_t before;

    if (below(step_one_in) || !lensi_recognise_clear())
        return;
    before = lensi_sys_signals_hold();
    if (lensi_try_lock(&lensi_prover_lock)) {
        w = lensi_workspace_claim();
        disturb(w);
        lensi_workspace_release(w);
        lensi_unlock(&lensi_prover_lock);
    }
    lensi_sys_signals_release(before);
}

/* ---- what the seed decides */

void lensi_chaos_open(struct lensi_options *options)
{
    static const uint32_t batches[] = {1, 4, 16, 32, LENSI_OUT_PAGES}, rarities[] = {2, 8, 32, 128}, shares[] = {0, 0, 16, 3};

    seed = options->chaos.seed * 0xd1342543de82ef95ull;
    lensi_hooks.chaos = true;
    lensi_hooks.round = act;
    lensi_hooks.maps = maps_now;
    options->fault_first = LENSI_FAULT_INTHREAD + (enum lensi_fault_choice)below(3);
    batch_most = batches[below(sizeof batches / sizeof *batches)];
    step_one_in = rarities[below(sizeof rarities / sizeof *rarities)];
    map_one_in = shares[below(sizeof shares / sizeof *shares)];
    drop_quarters = 1 + (uint32_t)below(4);
    lensi_hooks.packs_most = PACKED_LEAST << 2 * below(3);
    maps = map_one_in && !options->chaos.no_map;
    if (!options->chaos.no_step)
        lensi_hooks.step = step;
    if (options->store == LENSI_STORE_AUTO) {
        options->store = below(2) ? LENSI_STORE_DISK : LENSI_STORE_MEMORY;
        options->store_dir = "/var/tmp"; /* snapshots have no names there */
    }
    if (options->budget.kind == LENSI_BUDGET_AUTO)
        options->budget = (struct lensi_budget_spec){.kind = LENSI_BUDGET_BYTES, .bytes = 64 * LENSI_PAGE << below(4)};
}
