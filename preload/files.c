/*
 * files.c - opening and closing: the engine hears of files that may back a block, and its own descriptors survive.
 *
 * Which descriptors it heard of, and which were looked at, is kept in bitmaps, so that closing others costs one test.
 * They are atomic; no lock.
 */
#undef _FORTIFY_SOURCE
#include "preload/files.h"

#include "preload/descriptors.h"
#include "preload/io.h"
#include "preload/recorder/input.h"
#include "preload/recorder/record.h"

#include "liblens/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FD_LIMIT = 1 << 16 };
static _Atomic uint64_t told[FD_LIMIT / 64], known[FD_LIMIT / 64]; /* known: told, or of no use to any site */

LENSI_EXPORT int __open(const char *path, int flags, ...);
LENSI_EXPORT int __open64(const char *path, int flags, ...);
LENSI_EXPORT int __open_2(const char *path, int flags);
LENSI_EXPORT int __open64_2(const char *path, int flags);
LENSI_EXPORT int __openat_2(int fd, const char *path, int flags);
LENSI_EXPORT int __openat64_2(int fd, const char *path, int flags);
LENSI_EXPORT int __close(int fd);
LENSI_EXPORT int __dup2(int from, int to);

/* Where a function of ours was called from, for the recorder. */
#define CALLER __builtin_return_address(0)
#define SLOT ((const uintptr_t *)__builtin_frame_address(0) + 1)

bool lensi_file_is_told(int fd)
{
    return fd >= 0 && fd < FD_LIMIT && (atomic_load_explicit(&told[fd / 64], memory_order_relaxed) & 1ull << fd % 64);
}

bool lensi_file_is_new(int fd)
{
    uint64_t bit = 1ull << (unsigned)fd % 64;

    return fd >= 0 && fd < FD_LIMIT && !(atomic_load_explicit(&known[fd / 64], memory_order_relaxed) & bit) &&
           !(atomic_fetch_or_explicit(&known[fd / 64], bit, memory_order_relaxed) & bit);
}

void lensi_file_tell(int fd, const char *path)
{
    uint64_t bit = 1ull << (unsigned)fd % 64;

    if (fd < 0 || fd >= FD_LIMIT)
        return;
    atomic_fetch_or(&known[fd / 64], bit);
    atomic_fetch_or(&told[fd / 64], bit);
    lensi_file_opened(fd, path);
}

/* /dev/stdin, /dev/fd/3, /proc/self/fd/3: names of descriptors, not of files. */
static bool names_descriptor(const char *path) { return path && (!strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6)); }

static void tell_opened(int fd, const char *path, const void *caller, const uintptr_t *slot)
{
    if (LENSI_UNLIKELY(lensi_recording))
        lensi_input_opened(fd, caller, slot);
    if (LENSI_UNLIKELY(lensi_range.bytes && names_descriptor(path)))
        lensi_descriptor_meet(fd);
    else if (fd >= 0 && fd < FD_LIMIT && lensi_file_wanted(path))
        lensi_file_tell(fd, path);
}

static void tell_closed(int fd)
{
    uint64_t bit = 1ull << (unsigned)fd % 64;

    if (LENSI_UNLIKELY(lensi_recording))
        lensi_input_closed(fd);
    if (fd < 0 || fd >= FD_LIMIT || !(atomic_load_explicit(&known[fd / 64], memory_order_relaxed) & bit))
        return;
    atomic_fetch_and(&known[fd / 64], ~bit);
    if (atomic_fetch_and(&told[fd / 64], ~bit) & bit)
        lensi_file_closed(fd);
}

static void tell_closed_range(unsigned first, unsigned last)
{
    for (unsigned word = first / 64; word <= last / 64 && word < FD_LIMIT / 64; word++)
        for (uint64_t bits = atomic_load(&known[word]); bits; bits &= bits - 1) {
            unsigned fd = word * 64 + (unsigned)__builtin_ctzll(bits);

            if (fd >= first && fd <= last)
                tell_closed((int)fd);
        }
}

/* ---- opening. `wanted` is asked about what can be read only. */

static bool reads(int flags)
{
    return (flags & O_ACCMODE) != O_WRONLY && !(flags & (O_DIRECTORY | O_PATH));
}

/* Who does not want to wait for a lease that we hold does not have to know of it. */
static bool again(int fd)
{
    return LENSI_UNLIKELY(fd < 0 && errno == EWOULDBLOCK && lensi_range.bytes) && lensi_writers_wait();
}

#define OPEN_BODY(name, arguments, reads_, caller, slot) \
    { \
        struct lensi_pins pins; \
        int fd; \
 \
        do { \
            pins.count = 0; \
            TEXT(path) \
            if (LENSI_LIKELY(pins.count == 0)) \
                fd = LENSI_NEXT(name) arguments; \
            else \
                LENSI_PINNED(fd, &pins, LENSI_NEXT(name) arguments); \
        } while (again(fd)); \
        if (fd >= 0 && (reads_)) \
            tell_opened(fd, path, caller, slot); \
        return fd; \
    }
#define OPEN_PLAIN(name, parameters, arguments, reads_) \
    LENSI_EXPORT int name parameters OPEN_BODY(name, arguments, reads_, CALLER, SLOT)

static mode_t mode_of(int flags, va_list list)
{
    return __OPEN_NEEDS_MODE(flags) ? va_arg(list, mode_t) : 0;
}

#define OPEN(name) \
    static int name##_with(const char *path, int flags, mode_t mode, const void *caller, const uintptr_t *slot) \
        OPEN_BODY(name, (path, flags, mode), reads(flags), caller, slot) \
    LENSI_EXPORT int name(const char *path, int flags, ...) \
    { \
        va_list list; \
 \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        return name##_with(path, flags, mode, CALLER, SLOT); \
    }
#define OPENAT(name) \
    static int name##_with(int at, const char *path, int flags, mode_t mode, const void *caller, const uintptr_t *slot) \
        OPEN_BODY(name, (at, path, flags, mode), reads(flags), caller, slot) \
    LENSI_EXPORT int name(int at, const char *path, int flags, ...) \
    { \
        va_list list; \
 \
        va_start(list, flags); \
        mode_t mode = mode_of(flags, list); \
        va_end(list); \
        return name##_with(at, path, flags, mode, CALLER, SLOT); \
    }

OPEN(open)
OPEN(open64)
OPEN(__open)
OPEN(__open64)
OPENAT(openat)
OPENAT(openat64)
OPEN_PLAIN(__open_2, (const char *path, int flags), (path, flags), reads(flags))
OPEN_PLAIN(__open64_2, (const char *path, int flags), (path, flags), reads(flags))
OPEN_PLAIN(__openat_2, (int at, const char *path, int flags), (at, path, flags), reads(flags))
OPEN_PLAIN(__openat64_2, (int at, const char *path, int flags), (at, path, flags), reads(flags))
OPEN_PLAIN(creat, (const char *path, mode_t mode), (path, mode), false)
OPEN_PLAIN(creat64, (const char *path, mode_t mode), (path, mode), false)

/* 'w' and 'a' without '+' cannot read. */
static bool mode_reads(const char *mode)
{
    bool reads_too = mode[0] == 'r';

    for (; *mode && *mode != ','; mode++)
        reads_too |= *mode == '+';
    return reads_too;
}

static FILE *tell_stream(FILE *stream, const char *path, const char *mode, const void *caller, const uintptr_t *slot)
{
    if (stream && path && mode_reads(mode))
        tell_opened(fileno(stream), path, caller, slot);
    return stream;
}

#define FOPEN(name) \
    LENSI_EXPORT FILE *name(const char *restrict path, const char *restrict mode) \
    { \
        struct lensi_pins pins; \
        FILE *stream; \
 \
        pins.count = 0; \
        TEXT(path) \
        stream = LENSI_NEXT(name)(path, mode); \
        lensi_pins_end(&pins); \
        return tell_stream(stream, path, mode, CALLER, SLOT); \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define FREOPEN(name) \
    LENSI_EXPORT FILE *name(const char *restrict path, const char *restrict mode, FILE *restrict stream) \
    { \
        struct lensi_pins pins; \
 \
        pins.count = 0; \
        TEXT(path) \
        if (fileno_unlocked(stream) >= 0) \
            tell_closed(fileno_unlocked(stream)); \
        stream = LENSI_NEXT(name)(path, mode, stream); \
        lensi_pins_end(&pins); \
        return tell_stream(stream, path, mode, CALLER, SLOT); \
    }
FREOPEN(freopen)
FREOPEN(freopen64)

/* ---- closing */

LENSI_EXPORT int fclose(FILE *stream)
{
    int saved = errno, fd = fileno_unlocked(stream);

    if (fd >= 0)
        tell_closed(fd);
    errno = saved; /* a stream without a descriptor is no error here */
    return LENSI_NEXT(fclose)(stream);
}

static int refuse(void)
{
    errno = EBADF;
    return -1;
}

LENSI_EXPORT int close(int fd)
{
    if (LENSI_UNLIKELY(lensi_fd_is_ours(fd)))
        return refuse();
    tell_closed(fd);
    return LENSI_NEXT(close)(fd);
}

LENSI_EXPORT int __close(int fd)
{
    return close(fd);
}

LENSI_EXPORT int dup2(int from, int to)
{
    if (LENSI_UNLIKELY(lensi_fd_is_ours(to) || lensi_fd_is_ours(from)))
        return refuse();
    if (from != to)
        tell_closed(to);
    int fd = LENSI_NEXT(dup2)(from, to);
    lensi_descriptor_copied(from, fd);
    return fd;
}

LENSI_EXPORT int __dup2(int from, int to)
{
    return dup2(from, to);
}

LENSI_EXPORT int dup3(int from, int to, int flags)
{
    if (LENSI_UNLIKELY(lensi_fd_is_ours(to) || lensi_fd_is_ours(from)))
        return refuse();
    if (from != to)
        tell_closed(to);
    int fd = LENSI_NEXT(dup3)(from, to, flags);
    lensi_descriptor_copied(from, fd);
    return fd;
}

/* The first descriptor of ours in [from, last], or last + 1. Ours have high numbers, but not that high. */
static uint64_t next_of_ours(uint64_t from, uint64_t last)
{
    for (; from <= last && from < FD_LIMIT; from++)
        if (lensi_fd_is_ours((int)from))
            return from;
    return last + 1;
}

/* Closes piecewise, around the engine's own. */
LENSI_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    int result = 0;

    if (flags & (int)CLOSE_RANGE_CLOEXEC || first > last || !lensi_range.bytes)
        return LENSI_NEXT(close_range)(first, last, flags);
    tell_closed_range(first, last);
    for (uint64_t from = first; from <= last && result == 0;) {
        uint64_t ours = next_of_ours(from, last);

        if (ours > from)
            result = LENSI_NEXT(close_range)((unsigned)from, (unsigned)(ours - 1), flags);
        from = ours + 1;
    }
    return result;
}

LENSI_EXPORT void closefrom(int first)
{
    if (!lensi_range.bytes) {
        LENSI_NEXT(closefrom)(first);
        return;
    }
    close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0);
}
