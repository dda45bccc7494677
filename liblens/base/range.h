/*
 * range.h - the one reserved range of addresses that everything virtualised lies in.
 */
#ifndef LENSI_RANGE_H
#define LENSI_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* The reserved range. start = 0, bytes = 0 until the engine has started. */
struct lensi_range {
    uintptr_t start;
    uint64_t bytes;
};
extern struct lensi_range lensi_range;

/* True if address is in the reserved range: one subtraction and one comparison. */
static inline bool lensi_is_ours(const void *address)
{
    return (uintptr_t)address - lensi_range.start < lensi_range.bytes;
}

/*
 * True once all memory in it is ordinary for good (lensi_engine_retire, lensi_engine_leave_alone): nothing more is
 * virtualised.
 */
extern bool lensi_retired;

#endif
