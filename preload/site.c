/*
 * site.c - from an allocation's size and call path to a site of the plan; see site.h.
 *
 * What a call path means does not change, so it is worked out once: `paths` maps the hash of a path to the set of
 * sites whose frames it matches. Small allocations are many, so for them the innermost frames are looked at first:
 * what walks through these have found is counted in `callers`, and where the first walks all found nothing there
 * are no further ones. One return address would not do for that: operator new has a single one.
 *
 * Both tables grow until a module is unloaded: slots are claimed by compare-and-swap, and a full neighbourhood merely
 * costs time.
 */
#include "preload/site.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "preload/stack.h"
#include "preload/symbols.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <stdatomic.h>
#include <stdbool.h>

#define SITES_MAX 64u /* a set of sites is one word */
#define TABLE_SLOTS 8192u
#define SITE_PROBES_MAX 16u
#define ALWAYS_WALK_BYTES (64u * 1024u)
#define WALKS_BEFORE_NEVER 32u
#define NAME_BYTES 512u

/* What walks through the same INNER_FRAMES return addresses have found. */
struct caller {
    _Atomic uint64_t hash;
    _Atomic uint32_t fruitless; /* walks that matched no site, or HAS_MATCHED */
};
#define INNER_FRAMES 4u
#define HAS_MATCHED UINT32_MAX

struct path {
    uint64_t hash;
    uint64_t sites; /* bit i: the path matches site i */
};

static struct {
    uintptr_t start, bytes;
} libc, loader;
static const struct lensi_plan *plan;
static uint64_t everywhere; /* sites that any path matches */
static struct caller *callers;
static _Atomic(const struct path *) *paths;

/* ---- matching */

static bool name_matches(const char *pattern, const struct lensi_symbol *symbol)
{
    char plain[NAME_BYTES];

    if (lensi_glob(pattern, symbol->module) || lensi_glob(pattern, ""))
        return true;
    for (size_t i = 0; i < symbol->functions_count; i++) {
        if (lensi_glob(pattern, symbol->functions[i].name))
            return true;
        lensi_symbol_unmangle(symbol->functions[i].name, plain, sizeof plain);
        if (plain[0] && lensi_glob(pattern, plain))
            return true;
    }
    return false;
}

static bool frame_matches(const struct lensi_frame *frame, const struct lensi_symbol *symbol)
{
    switch (frame->kind) {
    case LENSI_FRAME_NAME:
        return name_matches(frame->text, symbol);
    case LENSI_FRAME_OFFSET:
        return lensi_glob(frame->text, symbol->module) && lensi_frame_holds(frame, symbol->offset);
    case LENSI_FRAME_LINE:
        return false;
    }
    return false;
}

/* Frames match in order, with any other frames between them: taking the first match each time finds one if any. */
static bool site_matches(const struct lensi_plan_site *site, const struct lensi_symbol *symbols, size_t count)
{
    size_t frame = 0;

    for (size_t i = 0; i < count && frame < site->frames_count; i++)
        if (frame_matches(&site->frames[frame], &symbols[i]))
            frame++;
    return frame == site->frames_count;
}

static uint64_t match_sites(const struct lensi_stack *stack)
{
    struct lensi_symbol symbols[LENSI_STACK_FRAMES];
    uint64_t sites = 0;

    for (size_t i = 0; i < stack->count; i++)
        lensi_symbol_find(stack->returns[i], &symbols[i]);
    for (size_t i = 0; i < plan->sites_count && i < SITES_MAX; i++)
        if (site_matches(&plan->sites[i], symbols, stack->count))
            sites |= 1ull << i;
    return sites;
}

/* ---- what is known */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return (hash ^ hash >> 29) | 1; /* never 0: that is an empty slot */
}

static uint64_t stack_hash(const struct lensi_stack *stack)
{
    uint64_t hash = stack->count;

    for (size_t i = 0; i < stack->count; i++)
        hash = mix(hash, stack->returns[i]);
    return hash;
}

static uint64_t remember(_Atomic(const struct path *) *slot, uint64_t hash, uint64_t sites)
{
    struct path *fresh = lensi_arena_new(sizeof *fresh);
    const struct path *none = NULL;

    if (fresh) {
        *fresh = (struct path){hash, sites};
        atomic_compare_exchange_strong(slot, &none, fresh);
    }
    return sites;
}

static uint64_t path_sites(const struct lensi_stack *stack)
{
    uint64_t hash = stack_hash(stack);

    for (size_t probe = 0; probe < SITE_PROBES_MAX; probe++) {
        _Atomic(const struct path *) *slot = &paths[((hash >> 8) + probe) % TABLE_SLOTS];
        const struct path *path = atomic_load_explicit(slot, memory_order_acquire);
        if (!path)
            return remember(slot, hash, match_sites(stack));
        if (path->hash == hash)
            return path->sites;
    }
    return match_sites(stack);
}

/* The record of these inner frames, or NULL if there is no room. */
static struct caller *caller_of(uint64_t hash)
{
    for (size_t probe = 0; probe < SITE_PROBES_MAX; probe++) {
        struct caller *caller = &callers[((hash >> 8) + probe) % TABLE_SLOTS];
        uint64_t have = atomic_load_explicit(&caller->hash, memory_order_relaxed);
        if (have == hash || (have == 0 && (atomic_compare_exchange_strong(&caller->hash, &have, hash) || have == hash)))
            return caller;
    }
    return NULL;
}

static void count_walk(struct caller *caller, bool matched)
{
    if (matched)
        atomic_store_explicit(&caller->fruitless, HAS_MATCHED, memory_order_relaxed);
    else if (atomic_load_explicit(&caller->fruitless, memory_order_relaxed) < WALKS_BEFORE_NEVER)
        atomic_fetch_add_explicit(&caller->fruitless, 1, memory_order_relaxed);
}

/* A path is a few words of the arena, which stay: others may be reading it. */
void lensi_site_forget(void)
{
    for (size_t i = 0; callers && paths && i < TABLE_SLOTS; i++) {
        atomic_store(&paths[i], NULL);
        atomic_store(&callers[i].hash, 0);
        atomic_store(&callers[i].fruitless, 0);
    }
}

/* ---- the decision */

/* Sites that take this size, whatever the path. */
static uint64_t sites_for(size_t bytes)
{
    uint64_t sites = 0;

    for (size_t i = 0; i < plan->sites_count && i < SITES_MAX; i++)
        if (bytes >= plan->sites[i].min_bytes && bytes <= plan->sites[i].max_bytes)
            sites |= 1ull << i;
    return sites;
}

static uint64_t walk_sites(uintptr_t address, const uintptr_t *slot)
{
    struct lensi_stack stack;

    lensi_stack_walk(address, slot, LENSI_STACK_FRAMES, &stack);
    return path_sites(&stack);
}

/* For small allocations: the same, but not again and again where nothing was found. */
static uint64_t walk_small_sites(uintptr_t address, const uintptr_t *slot)
{
    struct lensi_stack inner;
    struct caller *caller;
    uint64_t sites;

    lensi_stack_walk(address, slot, INNER_FRAMES, &inner);
    caller = caller_of(stack_hash(&inner));
    if (caller && atomic_load_explicit(&caller->fruitless, memory_order_relaxed) == WALKS_BEFORE_NEVER)
        return 0;
    sites = walk_sites(address, slot);
    if (caller)
        count_walk(caller, sites);
    return sites;
}

size_t lensi_site_find(size_t bytes, const void *caller, const uintptr_t *slot)
{
    uint64_t fitting = sites_for(bytes), sites = everywhere;
    uintptr_t address = (uintptr_t)caller;

    if (!fitting || address - libc.start < libc.bytes || address - loader.start < loader.bytes)
        return LENSI_NO_SITE;
    if (!(everywhere & fitting & -fitting)) /* else the first site that fits takes any path */
        sites |= bytes < ALWAYS_WALK_BYTES ? walk_small_sites(address, slot) : walk_sites(address, slot);
    sites &= fitting;
    return sites ? (size_t)__builtin_ctzll(sites) : LENSI_NO_SITE;
}

/* ---- the plan */

/* Whether every call path matches: no frames, or "*" only. */
static bool takes_any_path(const struct lensi_plan_site *site)
{
    for (size_t i = 0; i < site->frames_count; i++)
        if (site->frames[i].kind != LENSI_FRAME_NAME || site->frames[i].text[0] != '*' || site->frames[i].text[1])
            return false;
    return site->frames_count <= 1;
}

static bool has_unresolved_line(const struct lensi_plan_site *site)
{
    for (size_t i = 0; i < site->frames_count; i++)
        if (site->frames[i].kind == LENSI_FRAME_LINE)
            return true;
    return false;
}

/*
 * What libc asks for itself (stdio's buffers, opendir's) it hands to the kernel from inside, where nobody can pin it.
 * What the dynamic linker asks for it hands to the kernel too (paths), or touches while every signal is blocked (the
 * tables of a new thread's variables). Such memory is never virtualised.
 */
static void find_libc(void)
{
    struct dl_find_object found;

    if (_dl_find_object((void *)(uintptr_t)gnu_get_libc_version, &found) == 0) {
        libc.start = (uintptr_t)found.dlfo_map_start;
        libc.bytes = (uintptr_t)found.dlfo_map_end - libc.start;
    }
    if (_dl_find_object((void *)(uintptr_t)dlsym(RTLD_DEFAULT, "__tls_get_addr"), &found) == 0) {
        loader.start = (uintptr_t)found.dlfo_map_start;
        loader.bytes = (uintptr_t)found.dlfo_map_end - loader.start;
    }
}

size_t lensi_site_init(const struct lensi_plan *the_plan)
{
    size_t least = SIZE_MAX;

    find_libc();

    callers = lensi_arena_map(TABLE_SLOTS * sizeof *callers);
    paths = lensi_arena_map(TABLE_SLOTS * sizeof *paths);
    if (!callers || !paths || lensi_stack_init(LENSI_STACK_BITS) < 0)
        return SIZE_MAX;
    plan = the_plan;
    if (plan->sites_count > SITES_MAX)
        lensi_warn("%s: only the first %u sites are used", plan->path, SITES_MAX);
    for (size_t i = 0; i < plan->sites_count && i < SITES_MAX; i++) {
        const struct lensi_plan_site *site = &plan->sites[i];
        if (has_unresolved_line(site)) {
            lensi_warn("%s:%u: site \"%s\" names a source line that is not resolved to an offset; use `lens run`",
                       plan->path, site->line, site->name);
            continue;
        }
        if (takes_any_path(site))
            everywhere |= 1ull << i;
        if (site->min_bytes < least)
            least = site->min_bytes;
    }
    return least;
}
