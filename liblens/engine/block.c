/*
 * block.c - virtualised allocations as malloc sees them: new, free, resize, size, pins; see engine.h.
 *
 * Below malloc: takes the slot and list locks for a few instructions, and the prover lock only to take memory away.
 */
#include "liblens/base/arena.h"
#include "liblens/base/checksum.h"
#include "liblens/base/hooks.h"
#include "liblens/base/running_stack.h"
#include "liblens/base/stats.h"
#include "liblens/engine/engine.h"
#include "liblens/engine/fault.h"
#include "liblens/engine/prover.h"
#include "liblens/engine/reclaim.h"
#include "liblens/engine/slowdown.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/memory/packed.h"
#include "liblens/source/align.h"
#include "liblens/source/open_files.h"
#include "liblens/source/segment.h"

#include <errno.h>
#include <string.h>

#define ROOM_LEAST (1ull << 24)
#define ROOM_MOST (1ull << 36)
#define PACKED_SPAN (1ull << 36)
#define PACKED_BLOCK_MOST (64u * 1024)

static struct lensi_region *packed_regions[LENSI_PLAN_SITES_MAX];
static struct lensi_lock packed_lock;
static const uint8_t zeros[LENSI_PAGE];

/* Room to grow in place: generous while address space is plentiful. */
static uint64_t span_for(uint64_t bytes)
{
    uint64_t fair = lensi_slots_left() / 256, room = bytes * 8;

    if (room < ROOM_LEAST)
        room = ROOM_LEAST;
    if (room < 1ull << 32 && fair > 1ull << 34)
        room = 1ull << 32; /* arrays that begin small and grow by realloc */
    if (room > ROOM_MOST)
        room = ROOM_MOST;
    if (room > fair)
        room = fair;
    return room < bytes ? bytes : room;
}

static struct lensi_region *region_for(size_t site, uint64_t bytes, uint64_t lead)
{
    struct lensi_block_start start = {lead, atomic_fetch_add(&lensi_gauges.sites[site].blocks, 1),
                                      atomic_fetch_add(&lensi_gauges.sites[site].bytes, bytes)};
    struct lensi_region *region = lensi_region_new((uint32_t)site, lead + bytes, span_for(lead + bytes), &start);

    if (!region) /* less room to grow is better than none */
        region = lensi_region_new((uint32_t)site, lead + bytes, lead + bytes, &start);
    if (!region) {
        atomic_fetch_sub(&lensi_gauges.sites[site].blocks, 1);
        atomic_fetch_sub(&lensi_gauges.sites[site].bytes, bytes);
    }
    return region;
}

bool lensi_site_packs(size_t site) { return lensi_plan_in_force()->sites[site].packed; }

/* ---- small allocations */

/* It stays absent, and comes back as zeros should somebody still look at it. */
static void release_absent(uint64_t page)
{
    if (!lensi_page_change(page, LENSI_ABSENT, LENSI_BUSY))
        return;
    lensi_pages_forget(page, 1);
    lensi_pages.checksum[page] = lensi_checksum(zeros, LENSI_PAGE);
    lensi_page_set(page, LENSI_ABSENT);
}

/*
 * A page that no object owns any more; its address is not handed out again. But it may yet be touched, by a pin of its
 * whole chunk for one: what becomes PLAIN must be accessible.
 */
static void packed_release(void *context, void *at, size_t bytes)
{
    uint64_t first = lensi_page_of(at), before = lensi_sys_signals_hold();
    struct lensi_region *region = context;

    for (uint64_t page = first; page < first + bytes / LENSI_PAGE; page++) {
        bool plain = lensi_page_change(page, LENSI_PLAIN, LENSI_LEAVING);
        if (!plain && !lensi_page_change(page, LENSI_PROVEN, LENSI_LEAVING)) {
            if (region->segments[lensi_pages.segment[page]].snapshot)
                release_absent(page);
            continue;
        }
        if (!plain) {
            lensi_budget_remove(page);
            lensi_backend->unprotect(lensi_page_address(page), LENSI_PAGE);
        }
        lensi_pages_forget(page, 1);
        lensi_sys_advise(lensi_page_address(page), LENSI_PAGE, MADV_DONTNEED);
        if (plain)
            lensi_region_plain(region, lensi_chunk_of(page)->flags & LENSI_CHUNK_SEEN ? -1 : 0);
        lensi_page_set(page, LENSI_PLAIN);
    }
    lensi_sys_signals_release(before);
}

static struct lensi_region *packed_region(size_t site)
{
    struct lensi_region *region = packed_regions[site];
    uint64_t span = PACKED_SPAN < lensi_slots_left() / 8 ? PACKED_SPAN : lensi_slots_left() / 8;

    if (region || !(region = lensi_region_new((uint32_t)site, 0, span, NULL)))
        return region;
    region->packed = lensi_arena_new(sizeof *region->packed);
    if (!region->packed || lensi_packed_init(region->packed, region->base, region->span_bytes, packed_release, region) < 0) {
        lensi_region_reclaim(region);
        return NULL;
    }
    return packed_regions[site] = region;
}

static void *packed_new(size_t site, size_t bytes, size_t alignment)
{
    struct lensi_region *region;
    bool grown = false;
    void *at;

    lensi_lock(&packed_lock);
    region = packed_region(site);
    at = region ? lensi_packed_new(region->packed, bytes, alignment) : NULL;
    if (at) {
        uint64_t end = (uint64_t)((uint8_t *)at - region->base) + bytes;
        grown = end > atomic_load(&region->bytes);
        /* Grows a MiB at a time: one mprotect for thousands of objects. */
        if (grown && lensi_region_resize(region, (end + (1u << 20)) & ~(uint64_t)0xfffff) < 0) {
            lensi_packed_free(region->packed, at);
            at = NULL;
        }
    }
    lensi_unlock(&packed_lock);
    if (at && grown)
        lensi_work_ring(false);
    if (at)
        atomic_fetch_add(&lensi_gauges.sites[site].blocks, 1);
    return at;
}

void lensi_blocks_before_fork(void) { lensi_lock(&packed_lock); }

void lensi_blocks_after_fork(void) { lensi_unlock(&packed_lock); }

/* ---- blocks */

static uint64_t bytes_asked(const struct lensi_region *region) { return atomic_load(&region->bytes) - region->start.lead; }

/* `bytes` more, or less if it is negative. */
static void count_live(size_t site, int64_t bytes)
{
    lensi_count_site(site, live_bytes, bytes);
}

static void count_new(size_t site, uint64_t bytes)
{
    lensi_count(blocks, 1);
    lensi_count(blocks_bytes, bytes);
    count_live(site, (int64_t)bytes);
}

void *lensi_block_new(size_t site, size_t bytes, size_t alignment)
{
    struct lensi_region *region;
    void *at;

    if (!lensi_backend || lensi_retired || !bytes || bytes > SIZE_MAX - LENSI_PAGE || alignment > LENSI_SLOT)
        return NULL;
    if (lensi_site_packs(site) && bytes <= (lensi_hooks.chaos ? lensi_hooks.packs_most : PACKED_BLOCK_MOST)) {
        at = packed_new(site, bytes, alignment);
    } else {
        region = region_for(site, bytes, lensi_align_lead(site, alignment));
        at = region ? region->base + region->start.lead : NULL;
        lensi_work_ring(false);
    }
    if (at) {
        count_new(site, bytes);
        lensi_work_want();
        lensi_hooks_step();
    }
    return at;
}

/* With the one call that malloc makes as well. The addresses, and packed blocks, are not used again. */
static void give_back_quietly(struct lensi_region *region)
{
    if (!region->packed)
        lensi_sys_map(region->base, lensi_region_pages(region) << LENSI_PAGE_SHIFT, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0, NULL);
}

/*
 * The block ends while the prover is at work, which can take long: what is ordinary memory goes now, the addresses when
 * it is done. LEAVING keeps the prover away from a page meanwhile.
 */
static void drop_plain(const struct lensi_region *region)
{
    uint64_t first = lensi_region_first_page(region), end = first + lensi_region_pages(region);
    uint8_t resident[512];

    for (uint64_t from = first; from < end; from += sizeof resident) {
        uint64_t count = end - from < sizeof resident ? end - from : sizeof resident;
        if (lensi_sys_resident(lensi_page_address(from), count << LENSI_PAGE_SHIFT, resident) < 0)
            return;
        for (uint64_t i = 0, run; i < count; i += run ? run : 1) {
            for (run = 0; i + run < count && resident[i + run] & 1 && lensi_page_change(from + i + run, LENSI_PLAIN, LENSI_LEAVING); run++)
                ;
            if (run)
                lensi_sys_advise(lensi_page_address(from + i), run << LENSI_PAGE_SHIFT, MADV_DONTNEED);
            for (uint64_t k = 0; k < run; k++)
                lensi_page_set(from + i + k, LENSI_PLAIN);
        }
    }
}

void lensi_block_free(void *at)
{
    struct lensi_region *region = lensi_region_of(at);
    uint64_t before;

    if (!region)
        return;
    if (lensi_retired) {
        give_back_quietly(region);
        return;
    }
    if (region->packed) {
        count_live(region->site, -(int64_t)lensi_packed_bytes(region->packed, at));
        lensi_packed_free(region->packed, at);
        lensi_hooks_step();
        return;
    }
    count_live(region->site, -(int64_t)bytes_asked(region));
    before = lensi_sys_signals_hold();
    if (lensi_try_lock(&lensi_prover_lock)) {
        lensi_prover_note_unseen();
        lensi_region_reclaim(region);
        lensi_unlock(&lensi_prover_lock);
    } else {
        drop_plain(region);
        atomic_store(&region->life, LENSI_REGION_DYING); /* from here on it may be another's */
        atomic_fetch_add(&lensi_prover_dying, 1);
        lensi_work_ring(false); /* it takes the addresses back itself */
    }
    lensi_sys_signals_release(before);
}

void *lensi_block_resize(void *at, size_t bytes)
{
    struct lensi_region *region = lensi_region_of(at);
    uint64_t old, before;
    int result;

    if (!region || !bytes)
        return NULL;
    if (lensi_retired)
        return bytes <= lensi_block_bytes(at) ? at : NULL;
    if (region->packed)
        return lensi_packed_resize(region->packed, at, bytes) ? at : NULL;
    old = bytes_asked(region);
    if (bytes == old)
        return at;
    before = lensi_sys_signals_hold();
    if (bytes < old) /* to grow is to be longer, no more: nobody need wait for a proof under way */
        lensi_slowdown_lock(&lensi_prover_lock);
    result = bytes > SIZE_MAX - region->start.lead ? -ENOMEM : lensi_region_resize(region, region->start.lead + bytes);
    if (bytes < old)
        lensi_unlock(&lensi_prover_lock);
    lensi_sys_signals_release(before);
    if (result < 0)
        return NULL;
    count_live(region->site, (int64_t)bytes - (int64_t)old);
    lensi_work_want();
    lensi_work_ring(false);
    return at;
}

size_t lensi_block_bytes(const void *at)
{
    const struct lensi_region *region = lensi_region_of(at);

    if (!region)
        return 0;
    if (region->packed)
        return lensi_packed_bytes(region->packed, at);
    return at == region->base + region->start.lead ? bytes_asked(region) : 0;
}

/* ---- pins */

struct span {
    uint64_t first, count;
};

/* The pages of ours in [at, at + bytes). */
static struct span pages_in(const void *at, size_t bytes)
{
    uintptr_t low = (uintptr_t)at, high = low + bytes, end = lensi_range.start + lensi_range.bytes;
    struct span span = {0, 0};

    if (high < low)
        high = UINTPTR_MAX;
    if (low < lensi_range.start)
        low = lensi_range.start;
    if (high > end)
        high = end;
    if (low >= high)
        return span;
    span.first = (low - lensi_range.start) >> LENSI_PAGE_SHIFT;
    span.count = ((high - lensi_range.start + LENSI_PAGE - 1) >> LENSI_PAGE_SHIFT) - span.first;
    return span;
}

static void pin_chunks(struct span span, int by)
{
    uint64_t low = span.first / LENSI_CHUNK_PAGES, high = (span.first + span.count - 1) / LENSI_CHUNK_PAGES;

    for (uint64_t c = low; c <= high; c++)
        atomic_fetch_add(&lensi_pages.chunk[c].pins, (uint16_t)by);
}

/* Only what lies in blocks: addresses of ours that nobody was given must fault as they would without us. */
static struct span clip_to_block(struct span span)
{
    struct lensi_region *region = span.count ? lensi_region_of(lensi_page_address(span.first)) : NULL;
    uint64_t end = region ? lensi_region_first_page(region) + lensi_region_pages(region) : 0;

    if (!region || span.first >= end)
        span.count = 0;
    else if (span.first + span.count > end)
        span.count = end - span.first;
    return span;
}

int lensi_pin_slow(const void *at, size_t bytes, bool writing)
{
    struct span span = clip_to_block(pages_in(at, bytes));

    lensi_stack_under_us();
    if (!span.count || lensi_retired)
        return -EFAULT;
    lensi_hooks_step();
    pin_chunks(span, 1);
    lensi_count(pins, 1);
    if (lensi_backend)
        lensi_fault_present(span.first, span.count, writing);
    return 0;
}

void lensi_unpin_slow(const void *at, size_t bytes)
{
    struct span span = clip_to_block(pages_in(at, bytes));

    if (span.count)
        pin_chunks(span, -1);
    lensi_hooks_step();
}

/* Whole chunks: so a touch of a page that is there, in such a chunk, fails only because the program wants it to. */
/* Pinned for good already: coroutines ask at every switch. */
static bool is_kept(struct span span)
{
    for (uint64_t page = span.first; page < span.first + span.count; page += LENSI_CHUNK_PAGES - page % LENSI_CHUNK_PAGES)
        if (!(atomic_load(&lensi_chunk_of(page)->pins) & LENSI_PINS_FOREVER))
            return false;
    return true;
}

void lensi_pin_forever_slow(const void *at, size_t bytes)
{
    struct span span = pages_in(at, bytes);
    uint64_t before = span.first % LENSI_CHUNK_PAGES, end = span.first + span.count;

    lensi_stack_under_us();
    if (!span.count || lensi_retired || is_kept(span))
        return;
    end = (end + LENSI_CHUNK_PAGES - 1) / LENSI_CHUNK_PAGES * LENSI_CHUNK_PAGES;
    span = clip_to_block((struct span){span.first - before, end - (span.first - before)});
    if (!span.count)
        return;
    pin_chunks(span, 1);
    lensi_count(pins, 1);
    if (lensi_backend)
        lensi_fault_present(span.first, span.count, true);
    for (uint64_t page = span.first; page < span.first + span.count; page += LENSI_CHUNK_PAGES)
        atomic_fetch_or(&lensi_chunk_of(page)->pins, LENSI_PINS_FOREVER);
    pin_chunks(span, -1);
    /* The prover may be reading there: it must be through before the access changes. */
    lensi_slowdown_lock(&lensi_prover_lock);
    lensi_unlock(&lensi_prover_lock);
}

bool lensi_block_is_readable(const void *at)
{
    return clip_to_block(pages_in(at, 1)).count &&
           (!(atomic_load(&lensi_chunk_of(lensi_page_of(at))->pins) & LENSI_PINS_FOREVER) ||
            lensi_sys_is_readable((const void *)((uintptr_t)at & ~(sizeof(uint64_t) - 1))));
}

/* Up to its NUL, or to the end of what can be read. Reads it: present, but not yet safe from eviction. */
static size_t text_bytes(const char *text)
{
    const char *at = text;

    for (;;) {
        size_t here = LENSI_PAGE - (uintptr_t)at % LENSI_PAGE, length;

        if (!lensi_is_ours(at) || !lensi_block_is_readable(at))
            return (size_t)(at - text);
        length = strnlen(at, here);
        if (length < here)
            return (size_t)(at - text) + length + 1;
        at += here;
    }
}

bool lensi_pin_text(const char *text, size_t *bytes)
{
    if (!text || !lensi_is_ours(text) || (*bytes = text_bytes(text)) == 0)
        return false;
    return lensi_pin_slow(text, *bytes, false) == 0;
}
