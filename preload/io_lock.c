/*
 * io_lock.c - memory that the program wants to stay resident: mlock, mlock2, mlockall.
 *
 * What is locked is ordinary memory first, and then the kernel's to lock, within the limits that the program has.
 * mlockall is made of one lock for each mapping of the program: the kernel's own would count and fill our reservations,
 * terabytes for the most part. A program that locks all it has gets nothing from us, so it is left alone from there on.
 */
#undef _FORTIFY_SOURCE
#include "preload/io.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "preload/recorder/record.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

LENSI_EXPORT int mlock(const void *at, size_t bytes)
{
    lensi_pin_forever(at, bytes);
    return LENSI_NEXT(mlock)(at, bytes);
}

LENSI_EXPORT int mlock2(const void *at, size_t bytes, unsigned flags)
{
    lensi_pin_forever(at, bytes);
    return LENSI_NEXT(mlock2)(at, bytes, flags);
}

/* ---- the program's mappings, one by one */

struct mapping {
    uintptr_t start, end;
    bool is_fence; /* no access */
};

static uintptr_t read_hex(const char **at)
{
    uintptr_t value = 0;

    for (;; ++*at) {
        if (**at >= '0' && **at <= '9')
            value = value * 16 + (uintptr_t)(**at - '0');
        else if (**at >= 'a' && **at <= 'f')
            value = value * 16 + (uintptr_t)(**at - 'a' + 10);
        else
            return value;
    }
}

/* "start-end rwxp ..." */
static struct mapping read_mapping(const char *line)
{
    struct mapping m = {.start = read_hex(&line)};

    line++;
    m.end = read_hex(&line);
    m.is_fence = !strncmp(line, " ---", 4);
    return m;
}

/*
 * The first piece of a mapping that is ours: tables (which the kernel may have merged with the program's memory) and
 * this library.
 */
static bool next_of_ours(struct mapping m, uintptr_t *start, uintptr_t *end)
{
    extern const char __ehdr_start[] __attribute__((visibility("hidden"))), _end[] __attribute__((visibility("hidden")));
    uintptr_t first = (uintptr_t)__ehdr_start, last = ((uintptr_t)_end + LENSI_IO_PAGE - 1) & -(uintptr_t)LENSI_IO_PAGE;
    bool found = lensi_arena_next(m.start, m.end, start, end);

    if (first < m.end && last > m.start && (!found || first < *start)) {
        *start = first > m.start ? first : m.start;
        *end = last < m.end ? last : m.end;
        found = true;
    }
    return found;
}

/*
 * Calls visit for what is the program's of a mapping. A block in the reserved range is, what has no access there is
 * not.
 */
static void visit_pieces(struct mapping m, void (*visit)(struct mapping mapping, void *context), void *context)
{
    while (m.start < m.end) {
        struct mapping piece = m;
        uintptr_t start, end;

        m.start = m.end;
        if (next_of_ours(piece, &start, &end)) {
            piece.end = start;
            m.start = end;
        }
        if (piece.start < piece.end &&
            !(piece.is_fence && (lensi_is_ours((const void *)piece.start) || lensi_is_ours((const void *)(piece.end - 1)))))
            visit(piece, context);
    }
}

/* Calls visit for each of the program's mappings. 0 or -errno. */
static int each_mapping(void (*visit)(struct mapping mapping, void *context), void *context)
{
    char text[4096 + 1];
    size_t kept = 0;
    int64_t got;
    int fd = lensi_sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    while ((got = lensi_sys_read_some(fd, text + kept, sizeof text - 1 - kept)) > 0) {
        char *line = text, *end;

        text[kept += (size_t)got] = '\0';
        for (; (end = strchr(line, '\n')); line = end + 1)
            visit_pieces(read_mapping(line), visit, context);
        kept -= (size_t)(line - text);
        if (kept == sizeof text - 1)
            kept = 0; /* a name longer than any can be */
        memmove(text, line, kept);
    }
    lensi_sys_close(fd);
    return (int)got;
}

static void add_bytes(struct mapping m, void *total) { *(uint64_t *)total += m.end - m.start; }

/* What cannot be locked, as it has no pages, is passed over, as by the kernel. */
static void lock_it(struct mapping m, void *flags)
{
    lensi_sys(SYS_mlock2, (long)m.start, (long)(m.end - m.start), *(const unsigned *)flags, 0, 0, 0);
}

static bool may_lock_any(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};

    return lensi_sys(SYS_capget, (long)&header, (long)data, 0, 0, 0, 0) == 0 && data[0].effective & 1u << CAP_IPC_LOCK;
}

/* As the kernel judges it, but for the program's own mappings. 0 or the errno. */
static int judge(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    uint64_t total = 0;

    lensi_sys(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0, (long)&limit, 0, 0);
    if (limit.rlim_cur == RLIM_INFINITY || may_lock_any())
        return 0;
    if (limit.rlim_cur == 0)
        return EPERM;
    return each_mapping(add_bytes, &total) < 0 || total > limit.rlim_cur + lensi_arena_small_bytes() ? ENOMEM : 0;
}

static void leave_alone(void)
{
    if (!lensi_is_pinning())
        return;
    lensi_say("this program locks its memory: from here on it is left alone");
    lensi_engine_retire();
}

LENSI_EXPORT int mlockall(int flags)
{
    static bool is_future;
    unsigned how = flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0;
    int saved = errno, error;

    if (!(lensi_range.bytes || lensi_recording) || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || !(flags & (MCL_CURRENT | MCL_FUTURE)))
        return LENSI_NEXT(mlockall)(flags);
    error = flags & MCL_CURRENT ? judge() : 0;
    if (error) {
        errno = error;
        return -1;
    }
    leave_alone();
    if (flags & MCL_FUTURE ? LENSI_NEXT(mlockall)(flags & ~MCL_CURRENT) < 0 : is_future && LENSI_NEXT(munlockall)() < 0)
        return -1;
    is_future = flags & MCL_FUTURE;
    if (flags & MCL_CURRENT)
        each_mapping(lock_it, &how);
    errno = saved;
    return 0;
}
