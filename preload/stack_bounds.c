/*
 * stack_bounds.c - see stack_bounds.h. The kernel is asked, page by page, by calls that fail where a read of ours would
 * end the program.
 */
#include "preload/stack_bounds.h"

#include "liblens/base/sys.h"

#define AHEAD_PAGES 4u /* outwards, where most walks end */
#define JOIN_BYTES (1u << 20)

_Thread_local struct lensi_stack_bounds lensi_stack_bounds __attribute__((tls_model("initial-exec")));
_Atomic uint32_t lensi_stack_unmaps;

/* How many of `count` pages can be read, up to the first that cannot. */
static unsigned readable_pages(uintptr_t page, unsigned count)
{
    unsigned n = 0;

    while (n < count && lensi_sys_is_readable((const void *)(page + (uintptr_t)n * LENSI_PAGE)))
        n++;
    return n;
}

bool lensi_stack_look(uintptr_t at)
{
    struct lensi_stack_bounds *known = &lensi_stack_bounds;
    uint32_t unmaps = atomic_load_explicit(&lensi_stack_unmaps, memory_order_acquire);
    uintptr_t page = at & ~(uintptr_t)(LENSI_PAGE - 1);
    unsigned pages = AHEAD_PAGES, got;
    bool is_below = known->unmaps == unmaps && page < known->low && known->low - page <= JOIN_BYTES;

    if (is_below)
        pages = (unsigned)((known->low - page) / LENSI_PAGE);
    got = readable_pages(page, pages);
    if (is_below && got == pages)
        known->low = page;
    else
        *known = (struct lensi_stack_bounds){page, page + (uintptr_t)got * LENSI_PAGE, unmaps};
    return got != 0;
}

bool lensi_stack_extend(uintptr_t at)
{
    struct lensi_stack_bounds *known = &lensi_stack_bounds;
    uintptr_t beyond = at - known->high;

    if (at < known->high || beyond >= JOIN_BYTES)
        return false;
    known->high += (uintptr_t)readable_pages(known->high, (unsigned)(beyond / LENSI_PAGE) + AHEAD_PAGES) * LENSI_PAGE;
    return at < known->high;
}
