/*
 * sample.h - which pages are watched for their use: one page of each group of 2^level, at a place in it that a hash
 * chooses.
 *
 * Samples nest: what is watched at a level is watched at every level below. So a sample can be thinned out while a
 * program runs, and what was seen before still counts. A page stands for 2^level pages; of a loop, or of random
 * touches, the sample shows the same pattern in small (spatial sampling: Waldspurger et al., "Efficient MRC
 * Construction with SHARDS", FAST 2015). Pages are numbered as in pages.h. Pure; the analysis uses it too.
 */
#ifndef LENSI_SAMPLE_H
#define LENSI_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#define LENSI_SAMPLE_LEVEL_LEAST 3u /* finer would cut memory into too many mappings */
#define LENSI_SAMPLE_LEVEL_MOST 20u

/* Which half of a group of this level holds its page. */
static inline unsigned lensi_sample_half(uint64_t group, unsigned level)
{
    uint64_t x = (group << 5 | level) * 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return (unsigned)(x >> 63);
}

/* The page of group number `group`. */
static inline uint64_t lensi_sample_page(uint64_t group, unsigned level)
{
    for (; level; level--)
        group = group << 1 | lensi_sample_half(group, level);
    return group;
}

static inline bool lensi_sample_has(uint64_t page, unsigned level)
{
    for (unsigned i = 1; i <= level; i++)
        if ((page >> (i - 1) & 1) != lensi_sample_half(page >> i, i))
            return false;
    return true;
}

#endif
