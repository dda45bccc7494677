/* reclaim.c - see reclaim.h. First who works for the region lets go of it, then its memory goes, last its name. */
#include "liblens/engine/reclaim.h"

#include "liblens/engine/outcome.h"
#include "liblens/engine/readahead.h"
#include "liblens/source/images.h"
#include "liblens/source/segment.h"

void lensi_region_reclaim(struct lensi_region *region)
{
    bool fresh;

    lensi_outcome_of_block(region);
    lensi_readahead_forget(region);
    fresh = lensi_region_empty(region);
    for (uint32_t i = 0; i < region->segments_count; i++)
        lensi_images_leave(&region->segments[i]);
    lensi_segments_end(region);
    lensi_region_release(region, fresh);
}
