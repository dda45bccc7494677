/* source.c - see source.h. */
#include "liblens/source/source.h"

#include "liblens/source/snapshot.h"

#include <string.h>

int lensi_source_expect(struct lensi_region *region, uint32_t number, uint64_t page, uint64_t count,
                        struct lensi_workspace *workspace, uint8_t *out, bool keep)
{
    const struct lensi_segment *s = &region->segments[number];
    uint64_t low = (page - lensi_region_first_page(region)) << LENSI_PAGE_SHIFT, high_end = low + (count << LENSI_PAGE_SHIFT);
    uint64_t from = low > s->start ? low : s->start, bytes = s->bytes, to;
    int64_t got = 0;

    if (s->snapshot)
        return lensi_snapshot_read(page, count, out);
    if (s->zeros) {
        memset(out, 0, count << LENSI_PAGE_SHIFT);
        return 0;
    }
    to = bytes > LENS_UNKNOWN - s->start ? LENS_UNKNOWN : s->start + bytes;
    if (to > high_end)
        to = high_end;
    if (from < to)
        got = lensi_view_read(s->view, workspace, s->view_offset + (from - s->start), out + (from - low), to - from, keep);
    if (got < 0)
        return (int)got;
    if (from >= to || from > high_end)
        from = low;
    memset(out, 0, (from < to ? from : low) - low);
    memset(out + (from - low) + got, 0, high_end - from - (uint64_t)got);
    return 0;
}
