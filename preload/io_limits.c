/*
 * io_limits.c - limits of addresses (RLIMIT_AS) and of writable memory (RLIMIT_DATA): what the engine has reserved is
 * not the program's.
 *
 * They count what is reserved as they count what is used. A program that limits itself must neither be stopped by
 * the engine's reservation nor see a number that it did not set. Its blocks in the reserved range are not counted.
 */
#undef _FORTIFY_SOURCE
#include "preload/io.h"
#include "preload/recorder/record.h"

#include "liblens/base/sys.h"

#include <stdatomic.h>
#include <sys/resource.h>

/* What the engine's tables may still grow by. */
enum { HEADROOM = 256 << 20 };

/* Bytes of addresses, and of writable memory, that are not the program's; 0: nobody has asked yet. */
static _Atomic uint64_t addresses, data;
/* Whether the kernel was told another limit than the program set: one that the process came with is its own. */
static _Atomic bool is_told[2];

/* The number of a place in /proc/self/statm, in pages. */
static uint64_t statm(unsigned place)
{
    char text[128] = "";
    uint64_t pages = 0;
    const char *at = text;
    int fd = lensi_sys_open("/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);

    if (fd >= 0) {
        lensi_sys_read_some(fd, text, sizeof text - 1);
        lensi_sys_close(fd);
    }
    for (; place && *at; at++)
        place -= *at == ' ';
    for (; *at >= '0' && *at <= '9'; at++)
        pages = pages * 10 + (uint64_t)(*at - '0');
    return pages;
}

/*
 * Measured when the program first asks: what it uses itself by then is taken for ours, so it may get that much more
 * than it wished, never less.
 */
static uint64_t ours(int resource)
{
    _Atomic uint64_t *allowance = resource == RLIMIT_AS ? &addresses : &data;
    uint64_t pages, none = 0;

    if (*allowance || !(lensi_range.bytes || lensi_recording))
        return *allowance;
    pages = statm(resource == RLIMIT_AS ? 0 : 5);
    if (pages)
        atomic_compare_exchange_strong(allowance, &none, (pages << LENSI_PAGE_SHIFT) + HEADROOM);
    return *allowance;
}

/* The limit as the program means it, and as the kernel must hear it. */
static rlim_t with_ours(int resource, rlim_t limit)
{
    return limit == RLIM_INFINITY || limit > RLIM_INFINITY - ours(resource) ? limit : limit + ours(resource);
}

static rlim_t without_ours(int resource, rlim_t limit)
{
    return limit == RLIM_INFINITY || !is_told[resource == RLIMIT_AS] || limit < ours(resource) ? limit : limit - ours(resource);
}

static int limit_process(pid_t pid, int resource, const struct rlimit *set, struct rlimit *old)
{
    bool adjust = (resource == RLIMIT_AS || resource == RLIMIT_DATA) && (lensi_range.bytes || lensi_recording) && (pid == 0 || pid == lensi_sys_process_id());
    struct lensi_pins pins;
    struct rlimit wish;
    int result;

    pins.count = 0;
    if (set)
        IN_ONE(set)
    if (old)
        OUT_ONE(old)
    if (set && adjust && lensi_is_program_readable(set, sizeof *set)) {
        wish = (struct rlimit){with_ours(resource, set->rlim_cur), with_ours(resource, set->rlim_max)};
        set = &wish;
    }
    /* The kernel itself reads and writes: there are programs that ask it in this way whether they could (Chromium). */
    result = LENSI_NEXT(prlimit)(pid, resource, set, old);
    lensi_pins_end(&pins);
    if (result == 0 && old && adjust)
        *old = (struct rlimit){without_ours(resource, old->rlim_cur), without_ours(resource, old->rlim_max)};
    if (result == 0 && set == &wish)
        is_told[resource == RLIMIT_AS] = true;
    return result;
}

_Static_assert(sizeof(struct rlimit) == sizeof(struct rlimit64), "one layout for both names");

LENSI_EXPORT int prlimit(pid_t pid, __rlimit_resource_t resource, const struct rlimit *set, struct rlimit *old)
{
    return limit_process(pid, (int)resource, set, old);
}

LENSI_EXPORT int prlimit64(pid_t pid, __rlimit_resource_t resource, const struct rlimit64 *set, struct rlimit64 *old)
{
    return limit_process(pid, (int)resource, (const struct rlimit *)set, (struct rlimit *)old);
}

LENSI_EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *set)
{
    return limit_process(0, (int)resource, set, NULL);
}

LENSI_EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *set)
{
    return limit_process(0, (int)resource, (const struct rlimit *)set, NULL);
}

LENSI_EXPORT int getrlimit(__rlimit_resource_t resource, struct rlimit *to)
{
    return limit_process(0, (int)resource, NULL, to);
}

LENSI_EXPORT int getrlimit64(__rlimit_resource_t resource, struct rlimit64 *to)
{
    return limit_process(0, (int)resource, NULL, (struct rlimit *)to);
}
