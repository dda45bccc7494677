/*
 * stack_blocks.c - see stack_blocks.h. It is done on a stack of ours: what is made present may be under our own feet.
 */
#include "liblens/engine/stack_blocks.h"

#include "liblens/base/own_stack.h"
#include "liblens/engine/fault.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/region.h"

/* What is kept around a stack pointer, and how much of it must be there for nothing to be done. */
#define BELOW (256u * 1024)
#define ABOVE (64u * 1024)
#define NEAR (64u * 1024)

static bool is_kept(uint64_t page) { return atomic_load(&lensi_chunk_of(page)->pins) & LENSI_PINS_FOREVER; }

struct stretch {
    uint64_t first, end; /* pages */
};

static void keep(void *of)
{
    const struct stretch *stretch = of;

    for (uint64_t page = stretch->first; page < stretch->end; page = (page / LENSI_CHUNK_PAGES + 1) * LENSI_CHUNK_PAGES) {
        uint64_t end = (page / LENSI_CHUNK_PAGES + 1) * LENSI_CHUNK_PAGES;
        if (!is_kept(page))
            lensi_fault_keep_stack(page, end < stretch->end ? end : stretch->end);
    }
}

static void see(uintptr_t pointer)
{
    const struct lensi_region *region = lensi_region_of((const void *)(pointer - 1));
    uint64_t first, end, page = lensi_page_of((const void *)(pointer - 1)), before;
    struct stretch stretch;

    if (!region || lensi_retired || !lensi_backend)
        return;
    first = lensi_region_first_page(region);
    end = first + lensi_region_pages(region);
    if (page >= end || (is_kept(page) && is_kept(page - first > NEAR / LENSI_PAGE ? page - NEAR / LENSI_PAGE : first)))
        return;
    stretch.first = page - first > BELOW / LENSI_PAGE ? page - BELOW / LENSI_PAGE : first;
    stretch.first -= stretch.first % LENSI_CHUNK_PAGES;
    stretch.end = (page + ABOVE / LENSI_PAGE) / LENSI_CHUNK_PAGES * LENSI_CHUNK_PAGES + LENSI_CHUNK_PAGES;
    if (stretch.end > end)
        stretch.end = end;
    before = lensi_sys_signals_hold();
    lensi_own_stack_run(keep, &stretch);
    lensi_sys_signals_release(before);
}

void lensi_stack_blocks_open(void) { lensi_stack_seen_slow = see; }
