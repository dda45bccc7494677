/* zeros.c - see zeros.h. */
#include "liblens/engine/zeros.h"

#include "liblens/base/checksum.h"
#include "liblens/base/stats.h"
#include "liblens/engine/page_in.h"
#include "liblens/engine/prove.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/lift.h"

#include <string.h>

static const uint8_t zeros[LENSI_CHUNK] __attribute__((aligned(LENSI_PAGE)));

int lensi_zeros_segment(struct lensi_region *region)
{
    const struct lensi_segment segment = {.bytes = LENS_UNKNOWN, .zeros = true};
    uint32_t count = atomic_load_explicit(&region->segments_count, memory_order_acquire);

    for (uint32_t i = 0; i < count; i++)
        if (region->segments[i].zeros)
            return (int)i;
    return lensi_segment_add(region, &segment);
}

uint64_t lensi_zeros_lift(struct lensi_region *region, uint64_t page, uint64_t count, uint32_t number)
{
    enum lensi_lifted what[LENSI_OUT_PAGES];
    uint64_t begun = 0, gone = 0;

    region->touched_by_us = true;
    while (begun < count && lensi_page_begin(page + begun))
        begun++;
    for (uint64_t i = 0; i < begun; i++) {
        lensi_pages.segment[page + i] = (uint8_t)number;
        lensi_pages.checksum[page + i] = lensi_zeros_checksum();
        what[i] = LENSI_STAYS;
    }
    if (begun && lensi_backend->arm(lensi_page_address(page), begun << LENSI_PAGE_SHIFT) == 0)
        lensi_lift_drop(page, begun, what);
    for (uint64_t i = 0; i < begun; i++)
        gone += what[i] == LENSI_GONE;
    lensi_count_site(region->site, absent_pages, gone); /* before it shows: who brings a page back counts it out */
    lensi_region_plain(region, -(int64_t)gone);
    lensi_count(dropped_pages, gone);
    for (uint64_t i = 0; i < begun; i++)
        lensi_page_set(page + i, what[i] == LENSI_GONE ? LENSI_ABSENT : LENSI_PLAIN);
    return gone;
}

static bool holds_zeros(const struct lensi_region *region, uint64_t page) { return region->segments[lensi_pages.segment[page]].zeros; }

/* ABSENT -> BUSY, if it holds zeros: what it holds is certain only when it is BUSY. */
static bool take(const struct lensi_region *region, uint64_t page)
{
    if (!holds_zeros(region, page) || !lensi_page_change(page, LENSI_ABSENT, LENSI_BUSY))
        return false;
    if (lensi_region_of(lensi_page_address(page)) == region && holds_zeros(region, page))
        return true;
    lensi_page_set(page, LENSI_ABSENT);
    return false;
}

/*
 * BUSY pages of which some could not be placed: those that were may have been written already. How many, and all the
 * others are absent.
 */
static uint64_t sort_out(uint64_t first, uint64_t count, bool *placed)
{
    uint8_t resident[LENSI_CHUNK_PAGES];
    uint64_t n = 0;

    if (lensi_sys_resident(lensi_page_address(first), count << LENSI_PAGE_SHIFT, resident) < 0)
        memset(resident, 0, sizeof resident);
    for (uint64_t i = 0; i < count; i++)
        n += placed[i] = resident[i] & 1;
    return n;
}

uint64_t lensi_zeros_refill(uint64_t page)
{
    struct lensi_region *region = lensi_region_of(lensi_page_address(page));
    uint64_t end, count = 0, start = lensi_sys_clock_ns(), n;
    bool placed[LENSI_CHUNK_PAGES];

    if (!region || region->library)
        return 0;
    end = lensi_region_first_page(region) + lensi_region_pages(region);
    while ((count == 0 || (page + count) % LENSI_CHUNK_PAGES) && page + count < end && take(region, page + count))
        placed[count++] = true;
    if (!count)
        return 0;
    n = count;
    if (lensi_place(lensi_page_address(page), zeros, count << LENSI_PAGE_SHIFT, false) < 0)
        n = sort_out(page, count, placed);
    lensi_uncount_site(region->site, absent_pages, n); /* before it shows: then the block may be freed */
    lensi_count_site(region->site, kept_pages, n);
    lensi_region_plain(region, (int64_t)n);
    lensi_count(faulted_pages, n);
    lensi_count_site(region->site, faults, 1);
    for (uint64_t i = 0; i < count; i++)
        lensi_page_set(page + i, placed[i] ? LENSI_PLAIN : LENSI_ABSENT);
    lensi_count(fault_ns, lensi_sys_clock_ns() - start);
    return placed[0] ? n : 0;
}
