/*
 * align.c - where in its first page a block begins; see align.h.
 *
 * What a site has learned is two words, read and written without a lock: the worst of a race is a wrong guess.
 */
#include "liblens/source/align.h"

#include "liblens/base/stats.h"
#include "liblens/source/file_mapping.h"
#include "liblens/source/open_files.h"

#include <unistd.h>

#define LEAST_ALIGNMENT 16u
#define UNKNOWN UINT64_MAX

bool lensi_aligning;

static struct {
    _Atomic bool by_habit; /* the last guess from the position was wrong */
    _Atomic uint64_t habit; /* file offset less block offset of the last read that was seen, and one; 0: none yet */
} sites[LENSI_PLAN_SITES_MAX];

/* Where the program stands in the file that it opened last of those the site takes. */
static uint64_t by_position(const struct lensi_plan_site *site)
{
    for (uint64_t i = lensi_open_files_count(), oldest = lensi_open_files_oldest(); i-- > oldest;) {
        const struct lensi_open_file *o = lensi_open_file_at(i);
        int fd = o->fd;
        if (fd >= 0 && lensi_site_takes(site, o->path))
            return lensi_open_file_position(fd);
    }
    return UNKNOWN;
}

static uint64_t by_plan(const struct lensi_plan_site *site, size_t number)
{
    struct lensi_block_start next = {0, atomic_load(&lensi_gauges.sites[number].blocks), atomic_load(&lensi_gauges.sites[number].bytes)};
    uint64_t offset;

    if (!site->step)
        return site->offset;
    for (uint64_t i = lensi_open_files_count(), oldest = lensi_open_files_oldest(); i-- > oldest;) {
        const struct lensi_open_file *o = lensi_open_file_at(i);
        if (o->backing && lensi_site_takes(site, o->path) && lensi_open_file_extent(number, &next, o, &offset))
            return offset;
    }
    return UNKNOWN;
}

static uint64_t guess(const struct lensi_plan_site *site, size_t number)
{
    uint64_t habit = atomic_load_explicit(&sites[number].habit, memory_order_relaxed);

    if (site->extent != LENSI_EXTENT_READ)
        return by_plan(site, number);
    return habit && atomic_load_explicit(&sites[number].by_habit, memory_order_relaxed) ? habit - 1 : by_position(site);
}

uint64_t lensi_align_lead(size_t number, size_t alignment)
{
    const struct lensi_plan *plan = lensi_plan_in_force();
    uint64_t offset = lensi_aligning && plan && lensi_site_has_identity(&plan->sites[number]) ? guess(&plan->sites[number], number) : UNKNOWN;
    uint64_t lead = offset % LENSI_PAGE;

    if (offset == UNKNOWN || lead % LEAST_ALIGNMENT || (alignment && lead % alignment))
        return 0;
    return lead;
}

void lensi_align_learn(struct lensi_region *region, uint64_t start, uint64_t offset)
{
    uint64_t wanted = (offset - (start - region->start.lead)) % LENSI_PAGE;

    if (!lensi_aligning || region->packed || region->segments_count)
        return;
    if (wanted != region->start.lead && wanted % LEAST_ALIGNMENT == 0)
        atomic_store_explicit(&sites[region->site].by_habit, !atomic_load(&sites[region->site].by_habit), memory_order_relaxed);
    atomic_store_explicit(&sites[region->site].habit, wanted + 1, memory_order_relaxed);
}
