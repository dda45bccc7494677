/*
 * profile_usage.h - what a trace tells of the use of memory: touches of sampled pages (liblens/base/sample.h), in order
 * of time.
 */
#ifndef LENS_PROFILE_USAGE_H
#define LENS_PROFILE_USAGE_H

#include "analysis/trace/profile.h"

struct profile_touch {
    uint64_t time_ns;
    uint32_t page; /* address = start_address + page * page_bytes; the level, for LENSI_TOUCH_LEVEL; us spent in faults so far, for _PAUSE */
    enum lensi_touch_kind kind;
};

struct profile_usage {
    uint64_t start_address, page_bytes;
    uint64_t least_bytes; /* allocations of this size and more were watched */
    uint64_t lost;        /* touches that there was no room for */
    struct profile_touch *touches;
    size_t touches_count;
};

/* Accepts NULL. */
void profile_usage_free(struct profile_usage *usage);
/* Into the order of time; touches of one moment stay as they came. 0 or -ENOMEM. */
int profile_usage_sort(struct profile_usage *usage);

#endif
