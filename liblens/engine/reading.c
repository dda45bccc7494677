/* reading.c - see reading.h. Who reads more than the budget holds proves it himself. */
#include "liblens/engine/reading.h"

#include "liblens/engine/prover.h"
#include "liblens/engine/throttle.h"
#include "liblens/source/extents.h"

void lensi_file_read_into(int fd, uint64_t offset, const void *at, size_t bytes)
{
    struct lensi_region *region = lensi_region_of(at);
    struct lensi_backing *backing;
    uint64_t before;

    if (!bytes || !region || lensi_retired)
        return;
    before = lensi_sys_signals_hold(); /* read(2) may be called in signal handlers */
    backing = lensi_bind_observes(region) ? lensi_open_file_of_fd(fd) : NULL;
    if (backing)
        lensi_extents_read(backing, offset, at, bytes);
    lensi_backing_close(backing);
    if (backing) {
        uint64_t low = (uint64_t)((const uint8_t *)at - region->base), first = (low + LENSI_PAGE - 1) >> LENSI_PAGE_SHIFT;
        uint64_t end = (low + bytes) >> LENSI_PAGE_SHIFT;

        if (end > lensi_region_pages(region))
            end = lensi_region_pages(region);
        if (first < end)
            lensi_prover_prove_read(region, lensi_region_first_page(region) + first, end - first);
    }
    lensi_throttle_read(region);
    lensi_sys_signals_release(before);
}
