/*
 * extents.c - candidates for a block; see extents.h.
 *
 * A fixed extent offers one segment per (file, lens): the n-th block since that file was opened begins at
 * offset + n * step. An observed extent offers one per lens for each read the program made into the block.
 */
#include "liblens/source/extents.h"

#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/base/work.h"
#include "liblens/source/align.h"
#include "liblens/source/snapshot.h"

#include <errno.h>

static bool is_offered(const struct lensi_region *region, const struct lensi_segment *segment)
{
    for (uint32_t i = 0; i < region->segments_count; i++) {
        const struct lensi_segment *s = &region->segments[i];
        if (s->backing == segment->backing && s->pipe == segment->pipe && s->view_offset == segment->view_offset && s->start == segment->start)
            return true;
    }
    return false;
}

static void offer(struct lensi_region *region, const struct lensi_plan_site *site, const struct lensi_open_file *o)
{
    struct lensi_segment segment = {.start = region->start.lead, .bytes = LENS_UNKNOWN, .backing = o->backing};

    if (!lensi_site_takes(site, o->path) || !lensi_open_file_extent(region->site, &region->start, o, &segment.view_offset))
        return;
    for (size_t i = 0; i < site->pipes_count; i++) {
        segment.pipe = site->pipes[i];
        if (!is_offered(region, &segment))
            lensi_segment_add(region, &segment);
    }
}

void lensi_extents_offer(struct lensi_region *region)
{
    const struct lensi_plan *plan = lensi_plan_in_force();
    const struct lensi_plan_site *site = plan && !region->library ? &plan->sites[region->site] : NULL;
    uint64_t count = lensi_open_files_count();

    if (site && site->snapshot)
        lensi_snapshot_add(region);
    if (!site || site->extent == LENSI_EXTENT_READ)
        return;
    if (region->files_seen < lensi_open_files_oldest())
        region->files_seen = lensi_open_files_oldest();
    for (; region->files_seen < count; region->files_seen++)
        if (lensi_open_file_at(region->files_seen)->backing)
            offer(region, site, lensi_open_file_at(region->files_seen));
}

/* The site of a block that reads are to tell the extents of. */
static const struct lensi_plan_site *observed_site(const struct lensi_region *region)
{
    const struct lensi_plan *plan = lensi_plan_in_force();
    const struct lensi_plan_site *site = region && plan && !region->library ? &plan->sites[region->site] : NULL;

    return site && site->extent == LENSI_EXTENT_READ ? site : NULL;
}

bool lensi_bind_observes(const struct lensi_region *region) { return observed_site(region) != NULL; }

void lensi_extents_read(struct lensi_backing *backing, uint64_t offset, const void *at, size_t bytes)
{
    struct lensi_region *region = lensi_region_of(at);
    const struct lensi_plan_site *site = observed_site(region);
    struct lensi_segment segment = {.start = region ? (uint64_t)((const uint8_t *)at - region->base) : 0,
                                    .bytes = bytes,
                                    .view_offset = offset,
                                    .observed = true,
                                    .backing = backing};

    if (!site)
        return;
    lensi_align_learn(region, segment.start, offset);
    for (size_t i = 0; i < site->pipes_count; i++) {
        segment.pipe = site->pipes[i];
        lensi_segment_add(region, &segment);
    }
    lensi_work_want();
}

static const char *site_name(const struct lensi_region *region)
{
    const struct lensi_plan *plan = lensi_plan_in_force();

    return plan && !region->library ? plan->sites[region->site].name : "lens_open";
}

bool lensi_segment_open(struct lensi_region *region, struct lensi_segment *segment)
{
    int result;

    if (segment->view)
        return !segment->failed;
    if (segment->failed)
        return false;
    result = segment->backing->changed ? -EILSEQ : lensi_view_open(segment->backing, segment->pipe, &segment->view);
    if (result == 0)
        return true;
    segment->failed = true;
    segment->view = NULL;
    if (result != -EILSEQ)
        lensi_warn("site \"%s\": %s cannot be read through %s: %s; this memory stays ordinary", site_name(region),
                   segment->backing->path, segment->pipe->text, lensi_error_text(result));
    return false;
}

void lensi_segment_quarantine(struct lensi_region *region, struct lensi_segment *segment, const char *what)
{
    if (segment->failed)
        return;
    segment->failed = true;
    atomic_store(&segment->view->broken, true);
    lensi_count(quarantined, 1);
    lensi_warn("site \"%s\": lens %s over %s %s; it is not used any more, the program runs on in ordinary memory", site_name(region),
               segment->pipe->text, segment->backing->path, what);
}
