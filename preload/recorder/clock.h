/*
 * record_clock.h - what time it is, in a few ns.
 *
 * The processor's own counter where the kernel trusts it too, scaled against CLOCK_MONOTONIC; until the scale is known,
 * and elsewhere, the clock itself.
 */
#ifndef LENSI_RECORDER_CLOCK_H
#define LENSI_RECORDER_CLOCK_H

#include "liblens/base/sys.h"

#include <stdatomic.h>

struct lensi_record_clock {
    uint64_t start_ns;    /* CLOCK_MONOTONIC at the trace's start */
    uint64_t base_ticks, base_ns; /* a moment on both scales, ns since the start */
    _Atomic uint64_t scale; /* ns per tick, times 2^32; 0: not known, ask the clock */
};
extern struct lensi_record_clock lensi_record_clock;

void lensi_record_clock_start(void);
/* Now and then, from the writer's thread: learns the scale once enough time has passed. */
void lensi_record_clock_settle(void);

static inline uint64_t lensi_record_ns(void)
{
#if defined(__x86_64__)
    uint64_t scale = atomic_load_explicit(&lensi_record_clock.scale, memory_order_acquire);

    if (__builtin_expect(scale != 0, 1)) {
        int64_t ticks = (int64_t)(__builtin_ia32_rdtsc() - lensi_record_clock.base_ticks);
        return lensi_record_clock.base_ns + (ticks > 0 ? (uint64_t)((unsigned __int128)ticks * scale >> 32) : 0);
    }
#endif
    return lensi_sys_clock_ns() - lensi_record_clock.start_ns;
}

#endif
