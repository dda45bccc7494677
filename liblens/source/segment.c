/* segment.c - see segment.h. All regions' segments lie in one table, by the region's number. */
#include "liblens/source/segment.h"

#include "liblens/base/arena.h"

#include <errno.h>
#include <string.h>

static struct lensi_segment *segments_of(const struct lensi_region *region)
{
    static struct lensi_lock lock;
    static struct lensi_segment *all; /* address space until they are used */

    lensi_lock(&lock);
    if (!all)
        all = lensi_arena_map((size_t)lensi_regions_most() * LENSI_SEGMENTS_MAX * sizeof *all);
    lensi_unlock(&lock);
    return all ? all + (size_t)region->index * LENSI_SEGMENTS_MAX : NULL;
}

/* Both say of the same file that its bytes lie at the same distance from the block's. */
static bool agree(const struct lensi_segment *a, const struct lensi_segment *b)
{
    return a->observed && b->observed && a->backing == b->backing && a->pipe == b->pipe &&
           a->view_offset - a->start == b->view_offset - b->start;
}

/*
 * A read beside, or inside of, what was read before is part of the same segment, with what lies between them: programs
 * read in pieces of any size, and in any order. Where that is not from the file, the proof says so.
 */
static bool joins(struct lensi_segment *known, const struct lensi_segment *next)
{
    if (!agree(known, next) || next->start < known->start)
        return false;
    if (next->start + next->bytes > known->start + known->read_bytes)
        atomic_store(&known->read_bytes, next->start + next->bytes - known->start);
    return true;
}

/*
 * Before what was read so far, which keeps its place: the new segment reaches over all of it, and down as far as the
 * file does.
 */
static void reach(const struct lensi_region *region, struct lensi_segment *fresh)
{
    uint64_t end = fresh->start + fresh->bytes, down = fresh->start > region->start.lead ? fresh->start - region->start.lead : 0;
    bool is_before = false;

    for (uint32_t i = 0; i < region->segments_count; i++) {
        const struct lensi_segment *known = &region->segments[i];
        if (!agree(known, fresh))
            continue;
        is_before = true;
        end = known->start + known->read_bytes > end ? known->start + known->read_bytes : end;
    }
    if (!is_before)
        return;
    down = down < fresh->view_offset ? down : fresh->view_offset;
    fresh->start -= down;
    fresh->view_offset -= down;
    fresh->bytes = end - fresh->start;
}

int lensi_segment_add(struct lensi_region *region, const struct lensi_segment *segment)
{
    int number = -ENOSPC;

    lensi_lock(&region->segments_lock);
    if (!region->segments && (region->segments = segments_of(region)) == NULL)
        number = -ENOMEM;
    for (uint32_t i = region->segments_count; i-- > 0;)
        if (joins(&region->segments[i], segment)) {
            number = (int)i;
            break;
        }
    if (number == -ENOSPC && region->segments_count < LENSI_SEGMENTS_MAX) {
        number = (int)region->segments_count;
        region->segments[number] = *segment;
        if (segment->observed)
            reach(region, &region->segments[number]);
        region->segments[number].read_bytes = region->segments[number].bytes;
        if (segment->backing)
            lensi_backing_hold(segment->backing);
        atomic_store_explicit(&region->segments_count, (uint32_t)number + 1, memory_order_release);
    }
    lensi_unlock(&region->segments_lock);
    return number;
}

void lensi_segments_end(struct lensi_region *region)
{
    for (uint32_t i = 0; i < region->segments_count; i++) {
        lensi_view_close(region->segments[i].view);
        lensi_backing_close(region->segments[i].backing);
    }
    if (region->segments)
        memset(region->segments, 0, region->segments_count * sizeof *region->segments);
    region->segments_count = 0;
}
