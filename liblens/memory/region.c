/*
 * region.c - where virtualised blocks live; see region.h. The list lock guards the free list of region numbers.
 */
#include "liblens/memory/region.h"

#include "liblens/base/arena.h"
#include "liblens/base/hooks.h"
#include "liblens/base/stats.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"

#include <errno.h>
#include <string.h>

static struct lensi_lock list;
static struct lensi_region *regions;
static _Atomic uint32_t high;
static _Atomic uint64_t all_pages; /* of live regions */
static uint32_t *free_numbers;
static uint32_t free_count, numbers; /* as many regions as there are slots, LENSI_REGIONS_MAX at the most */

static bool tables_ready(void)
{
    numbers = lensi_regions_most();
    if (!regions)
        regions = lensi_arena_map(numbers * sizeof *regions);
    if (!free_numbers)
        free_numbers = lensi_arena_map(numbers * sizeof *free_numbers);
    return regions && free_numbers;
}

static int number_take(void)
{
    int number = -ENOMEM;

    lensi_lock(&list);
    if (!tables_ready())
        number = -ENOMEM;
    else if (free_count)
        number = (int)free_numbers[--free_count];
    else if (high < numbers)
        number = (int)high; /* published by the caller, when the region is whole */
    if (number >= 0 && (uint32_t)number == high)
        high = (uint32_t)number + 1;
    lensi_unlock(&list);
    return number;
}

static void number_give(uint32_t number)
{
    lensi_lock(&list);
    free_numbers[free_count++] = number;
    lensi_unlock(&list);
}

static uint64_t round_pages(uint64_t bytes) { return (bytes + LENSI_PAGE - 1) & ~(uint64_t)(LENSI_PAGE - 1); }

/* Ordinary memory from here on, and in core dumps. */
static int open_pages(uint8_t *at, uint64_t bytes)
{
    int result = lensi_sys_protect(at, bytes, PROT_READ | PROT_WRITE);

    if (result == 0)
        lensi_sys_advise(at, bytes, MADV_DODUMP);
    return result;
}

struct lensi_region *lensi_region_new(uint32_t site, uint64_t bytes, uint64_t span_bytes, const struct lensi_block_start *start)
{
    int number = number_take();
    struct lensi_region *region;
    uint8_t *base = number < 0 ? NULL : lensi_slots_take(span_bytes, (uint32_t)number);

    if (base && bytes && open_pages(base, round_pages(bytes)) < 0) {
        lensi_slots_give(base, span_bytes);
        base = NULL;
    }
    if (!base) {
        if (number >= 0)
            number_give((uint32_t)number);
        return NULL;
    }
    region = &regions[number];
    memset(region, 0, sizeof *region);
    region->base = base;
    region->span_bytes = (span_bytes + LENSI_SLOT - 1) & ~(uint64_t)(LENSI_SLOT - 1);
    region->index = (uint32_t)number;
    region->site = site;
    if (start)
        region->start = *start;
    atomic_store(&region->bytes, bytes);
    atomic_fetch_add(&all_pages, lensi_region_pages(region));
    region->elected = UINT32_MAX;
    region->zeros_left = LENSI_ZEROS_TRIES;
    if (lensi_hooks.pages_begin)
        lensi_hooks.pages_begin(region, lensi_region_first_page(region), lensi_region_pages(region));
    atomic_store_explicit(&region->life, LENSI_REGION_LIVE, memory_order_release);
    return region;
}

struct lensi_region *lensi_region_of(const void *address)
{
    uint32_t owner;

    if (!lensi_is_ours(address))
        return NULL;
    owner = atomic_load_explicit(&lensi_pages.owner[((uintptr_t)address - lensi_range.start) >> LENSI_SLOT_SHIFT], memory_order_acquire);
    return owner ? &regions[owner - 1] : NULL;
}

struct lensi_region *lensi_region_at(uint32_t index) { return index < atomic_load(&high) ? &regions[index] : NULL; }

uint64_t lensi_regions_pages(void) { return atomic_load_explicit(&all_pages, memory_order_relaxed); }

uint32_t lensi_regions_high(void) { return atomic_load(&high); }

void lensi_region_plain(struct lensi_region *region, int64_t pages)
{
    if (!pages)
        return;
    atomic_fetch_add(&region->plain_pages, pages);
    lensi_budget_plain(pages);
}

void lensi_region_note_armed(struct lensi_region *region, uint64_t page, uint64_t count)
{
    if (region->armed_high == 0 || page < region->armed_low)
        region->armed_low = page;
    if (page + count > region->armed_high)
        region->armed_high = page + count;
    region->touched_by_us = true;
    atomic_thread_fence(memory_order_seq_cst);
}

/*
 * Takes what is proven, absent or mapped out of the counts. Waits for who is dropping or placing a page right now: an
 * eviction that ended later would drop a page of the next block here.
 */
static void forget_pages(const struct lensi_region *region, uint64_t first, uint64_t count)
{
    for (uint64_t page = first; page < first + count; page++) {
        enum lensi_page_state state;
        do
            state = lensi_page_wait(page);
        while (state != LENSI_PLAIN && !lensi_page_change(page, state, LENSI_PLAIN));
        if (state == LENSI_PROVEN)
            lensi_budget_remove(page);
        else if (state == LENSI_ABSENT)
            lensi_uncount_site(region->site, absent_pages, 1);
        else if (state == LENSI_MAPPED)
            lensi_uncount_site(region->site, mapped_now_pages, 1);
    }
}

bool lensi_region_reset_pages(struct lensi_region *region, uint64_t first, uint64_t count)
{
    bool fresh;

    if (!count)
        return true;
    if (region->touched_by_us)
        forget_pages(region, first, count);
    /* One call ends mappings, registrations and frames alike. It fails where the process may have no more mappings. */
    fresh = lensi_sys_map(lensi_page_address(first), count << LENSI_PAGE_SHIFT, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0, NULL) != NULL;
    lensi_sys_advise(lensi_page_address(first), count << LENSI_PAGE_SHIFT, fresh ? MADV_DONTDUMP : MADV_DONTNEED);
    if (region->touched_by_us && lensi_backend && lensi_backend->forget)
        lensi_backend->forget(lensi_page_address(first), count << LENSI_PAGE_SHIFT);
    if (region->touched_by_us)
        lensi_pages_forget(first, count);
    if (lensi_hooks.pages_end)
        lensi_hooks.pages_end(first, count);
    /* The chunk that a shrunk block ends in has been seen already. */
    for (uint64_t page = (first + LENSI_CHUNK_PAGES - 1) / LENSI_CHUNK_PAGES * LENSI_CHUNK_PAGES; page < first + count; page += LENSI_CHUNK_PAGES) {
        struct lensi_chunk *chunk = lensi_chunk_of(page);
        chunk->attempts = 0;
        chunk->flags = 0;
        chunk->next_try_ms = 0;
        if (page % LENSI_CHUNK_PAGES == 0) /* else a part of it lives on */
            atomic_fetch_and(&chunk->pins, (uint16_t)~LENSI_PINS_FOREVER);
    }
    return fresh;
}

bool lensi_region_empty(struct lensi_region *region)
{
    atomic_fetch_sub(&all_pages, lensi_region_pages(region));
    lensi_region_plain(region, -atomic_load(&region->plain_pages));
    return lensi_region_reset_pages(region, lensi_region_first_page(region), lensi_region_pages(region));
}

void lensi_region_release(struct lensi_region *region, bool fresh)
{
    uint64_t bytes = region->span_bytes;

    atomic_store(&region->life, LENSI_REGION_FREE);
    if (fresh) { /* else these addresses are not used again: a block starts as zeros, always */
        lensi_slots_give(region->base, bytes);
        number_give(region->index);
    }
}

uint32_t lensi_regions_most(void)
{
    uint64_t slots = lensi_range.bytes >> LENSI_SLOT_SHIFT;

    return slots < LENSI_REGIONS_MAX ? (uint32_t)slots : LENSI_REGIONS_MAX;
}

int lensi_region_resize(struct lensi_region *region, uint64_t bytes)
{
    uint64_t old = lensi_region_pages(region), now = round_pages(bytes) >> LENSI_PAGE_SHIFT;
    uint8_t *edge = region->base + (old << LENSI_PAGE_SHIFT);

    if (bytes > region->span_bytes)
        return -ENOMEM;
    if (now > old && open_pages(edge, (now - old) << LENSI_PAGE_SHIFT) < 0)
        return -ENOMEM;
    if (now < old) {
        lensi_region_reset_pages(region, lensi_region_first_page(region) + now, old - now);
        if (region->armed_high > lensi_region_first_page(region) + now) /* a fork's child would watch what is the next block's */
            region->armed_high = lensi_region_first_page(region) + now;
        region->sample_front = 0;
        if (region->seen_chunks > now / LENSI_CHUNK_PAGES)
            region->seen_chunks = now / LENSI_CHUNK_PAGES;
    }
    atomic_store(&region->bytes, bytes);
    atomic_fetch_add(&all_pages, now - old);
    if (now > old && lensi_hooks.pages_begin)
        lensi_hooks.pages_begin(region, lensi_region_first_page(region) + old, now - old);
    return 0;
}

void lensi_regions_before_fork(void) { lensi_lock(&list); }

void lensi_regions_after_fork(void) { lensi_unlock(&list); }

/* A segment half added lies beyond segments_count. */
void lensi_regions_child(void)
{
    for (uint32_t i = 0; i < high; i++)
        atomic_store(&regions[i].segments_lock.held, 0);
}
