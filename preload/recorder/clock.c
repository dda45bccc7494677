/* record_clock.c - scales the processor's counter; see record_clock.h. */
#include "preload/recorder/clock.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define SETTLE_NS 20000000u /* two readings this far apart give the scale to a few parts in a million */

struct lensi_record_clock lensi_record_clock;

static uint64_t first_ticks, first_ns;
static bool is_steady; /* one rate, on all processors */

static uint64_t ticks_now(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

static bool kernel_trusts_it(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d = 0;
    char text[16] = "";
    int fd;

    if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & 1u << 8))
        return false;
    fd = lensi_sys_open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    lensi_sys_read_some(fd, text, sizeof text - 1);
    lensi_sys_close(fd);
    return strncmp(text, "tsc", 3) == 0 || strncmp(text, "kvm-clock", 9) == 0;
#else
    return false;
#endif
}

void lensi_record_clock_start(void)
{
    struct lensi_record_clock *clock = &lensi_record_clock;

    atomic_store(&clock->scale, 0);
    clock->start_ns = lensi_sys_clock_ns();
    first_ns = 0;
    first_ticks = ticks_now();
    is_steady = kernel_trusts_it();
}

void lensi_record_clock_settle(void)
{
    struct lensi_record_clock *clock = &lensi_record_clock;
    uint64_t ns = lensi_sys_clock_ns() - clock->start_ns, ticks = ticks_now();

    if (!is_steady || atomic_load(&clock->scale) || ns - first_ns < SETTLE_NS || ticks <= first_ticks)
        return;
    clock->base_ticks = ticks;
    clock->base_ns = ns;
    atomic_store_explicit(&clock->scale, (uint64_t)(((unsigned __int128)(ns - first_ns) << 32) / (ticks - first_ticks)),
                          memory_order_release);
}
