/*
 * io_memory.c - what a program does to its own memory by hand: advice, protection, unmapping.
 *
 * On memory of ours most advice is moot, and some calls would undo what the engine relies on. The rule: what the
 * program can observe happens, by other means if need be; what cannot be done that way makes the range ordinary
 * memory for good (lensi_pin_forever), and then the kernel does it.
 */
#undef _FORTIFY_SOURCE
#include "preload/altstack.h"
#include "preload/io.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "preload/recorder/map.h"
#include "preload/recorder/record.h"
#include "preload/stack_bounds.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef PIDFD_SELF_THREAD
#define PIDFD_SELF_THREAD (-10000)
#define PIDFD_SELF_THREAD_GROUP (-10001)
#endif

static bool all_ours(const void *at, size_t bytes)
{
    return lensi_is_ours(at) && bytes <= lensi_range.start + lensi_range.bytes - (uintptr_t)at;
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + LENSI_IO_PAGE - 1) & ~(size_t)(LENSI_IO_PAGE - 1);
}

/* ---- advice */

/* Makes the pages present and ordinary, as MADV_POPULATE_WRITE would; they may become virtual again. */
static void populate(const void *at, size_t bytes, bool writing)
{
    if (lensi_pin_slow(at, bytes, writing) == 0)
        lensi_unpin_slow(at, bytes);
}

/*
 * 0: done or moot, the kernel need not hear of it. 1: the kernel shall do it. -1: refused. Zeros are what the program
 * sees after MADV_DONTNEED, and what it must expect after MADV_FREE.
 */
static int advise_ours(void *at, size_t bytes, int advice)
{
    switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE:
    case 24: /* MADV_DONTNEED_LOCKED */
        memset(at, 0, bytes);
        return 0;
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
        populate(at, bytes, advice == MADV_POPULATE_WRITE);
        return 0;
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_COLLAPSE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case MADV_COLD:
    case MADV_PAGEOUT:
        return 0;
    case MADV_DONTFORK:
    case MADV_WIPEONFORK:
    case MADV_GUARD_INSTALL:
        lensi_pin_forever(at, bytes);
        return 1;
    case MADV_REMOVE: /* for shared memory, which malloc's is not: in one rung ours is */
        errno = EINVAL;
        return -1;
    default: /* takes back one of these, or unknown, or refused on such memory: the kernel's to say */
        return 1;
    }
}

LENSI_EXPORT int madvise(void *at, size_t bytes, int advice)
{
    if (LENSI_LIKELY(!lensi_touches_ours(at, bytes)))
        return LENSI_NEXT(madvise)(at, bytes, advice);
    if ((uintptr_t)at % LENSI_IO_PAGE == 0 && all_ours(at, whole_pages(bytes))) {
        int done = advise_ours(at, whole_pages(bytes), advice);

        if (done <= 0)
            return done;
    } else {
        lensi_pin_forever(at, bytes);
    }
    return LENSI_NEXT(madvise)(at, bytes, advice);
}

LENSI_EXPORT int posix_madvise(void *at, size_t bytes, int advice)
{
    if (LENSI_UNLIKELY(lensi_touches_ours(at, bytes)) && (uintptr_t)at % LENSI_IO_PAGE == 0 &&
        advice >= POSIX_MADV_NORMAL && advice <= POSIX_MADV_DONTNEED)
        return 0; /* never destructive: libc ignores POSIX_MADV_DONTNEED itself */
    return LENSI_NEXT(posix_madvise)(at, bytes, advice);
}

/* Whether it stands for this process. */
static bool is_our_own(int pidfd)
{
    char text[512], *at;
    int64_t got;
    int fd;

    if (pidfd == PIDFD_SELF_THREAD || pidfd == PIDFD_SELF_THREAD_GROUP)
        return true;
    lensi_format(text, sizeof text, "/proc/self/fdinfo/%d", pidfd);
    fd = lensi_sys_open(text, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    got = lensi_sys_read_some(fd, text, sizeof text - 1);
    lensi_sys_close(fd);
    text[got > 0 ? got : 0] = '\0';
    at = strstr(text, "\nPid:");
    return at && atol(at + 5) == getpid();
}

/* Each part as by madvise, if the kernel takes such advice by vector at all. */
static ssize_t advise_parts(int pidfd, const struct iovec *parts, size_t count, int advice)
{
    struct iovec nothing = {.iov_base = NULL};
    ssize_t done = 0;

    if (LENSI_NEXT(process_madvise)(pidfd, &nothing, 1, advice, 0) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (madvise(parts[i].iov_base, parts[i].iov_len, advice) < 0)
            return done ? done : -1;
        done += (ssize_t)parts[i].iov_len;
    }
    return done;
}

LENSI_EXPORT ssize_t process_madvise(int pidfd, const struct iovec *parts, size_t count, int advice, unsigned flags)
{
    struct lensi_pins pins;
    ssize_t result;

    pins.count = 0;
    VECTOR_IN(parts, count)
    if (LENSI_LIKELY(pins.count == 0))
        return LENSI_NEXT(process_madvise)(pidfd, parts, count, advice, flags);
    if (flags || !lensi_is_program_readable(parts, count * sizeof *parts) || !is_our_own(pidfd)) {
        LENSI_PINNED(result, &pins, LENSI_NEXT(process_madvise)(pidfd, parts, count, advice, flags));
        return result;
    }
    lensi_pins_end(&pins);
    return advise_parts(pidfd, parts, count, advice);
}

/* ---- protection */

LENSI_EXPORT int mprotect(void *at, size_t bytes, int protection)
{
    lensi_stack_unmapped();
    lensi_pin_forever(at, bytes);
    return LENSI_NEXT(mprotect)(at, bytes, protection);
}

LENSI_EXPORT int pkey_mprotect(void *at, size_t bytes, int protection, int key)
{
    lensi_stack_unmapped();
    lensi_pin_forever(at, bytes);
    return LENSI_NEXT(pkey_mprotect)(at, bytes, protection, key);
}

/* ---- mappings. A hole in the reserved range would be given to somebody else's mmap: no access, but still ours. */

static int fence(void *at, size_t bytes)
{
    lensi_pin_forever(at, bytes);
    return LENSI_NEXT(mprotect)(at, bytes, PROT_NONE);
}

LENSI_EXPORT LENSI_ALIGNS_STACK int munmap(void *at, size_t bytes)
{
    lensi_stack_unmapped();
    if (LENSI_UNLIKELY(lensi_recording)) /* before: then the addresses may be another's */
        lensi_record_unmapped(at, bytes);
    if (LENSI_UNLIKELY(lensi_altstacks))
        lensi_altstack_unmapped(at, bytes);
    if (LENSI_LIKELY(!lensi_touches_ours(at, bytes)))
        return LENSI_NEXT(munmap)(at, bytes);
    if ((uintptr_t)at % LENSI_IO_PAGE == 0 && all_ours(at, whole_pages(bytes)))
        return fence(at, whole_pages(bytes));
    return LENSI_NEXT(munmap)(at, bytes); /* EINVAL, or a range that begins or ends outside: the kernel's to do */
}

static bool is_remap_refused(const char *at, size_t bytes, size_t wanted, int flags, const char *where)
{
    if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)))
        return true;
    if (flags & MREMAP_DONTUNMAP && wanted != bytes)
        return true;
    return flags & MREMAP_FIXED && ((uintptr_t)where % LENSI_IO_PAGE || (where < at + bytes && at < where + wanted));
}

/* Moves by copying: the kernel would take the pages out of the engine's hands. */
static void *remap_ours(void *at, size_t bytes, size_t wanted, int flags, void *where)
{
    int fixed = flags & MREMAP_FIXED ? MAP_FIXED : 0;
    void *moved;

    if (is_remap_refused(at, bytes, wanted, flags, where)) {
        errno = EINVAL;
        return MAP_FAILED;
    }
    if (wanted <= bytes && !(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) {
        if (wanted < bytes && fence((char *)at + wanted, bytes - wanted) < 0)
            return MAP_FAILED;
        return at;
    }
    if (!(flags & MREMAP_MAYMOVE)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    moved = LENSI_NEXT(mmap)(fixed ? where : NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
    if (moved == MAP_FAILED)
        return moved;
    memcpy(moved, at, wanted < bytes ? wanted : bytes);
    if (flags & MREMAP_DONTUNMAP)
        memset(at, 0, bytes);
    else
        fence(at, bytes);
    return moved;
}

static void *remap(void *at, size_t bytes, size_t wanted, int flags, void *where)
{
    if (LENSI_LIKELY(!lensi_touches_ours(at, bytes)))
        return LENSI_NEXT(mremap)(at, bytes, wanted, flags, where);
    bytes = whole_pages(bytes);
    if ((uintptr_t)at % LENSI_IO_PAGE == 0 && bytes && wanted && all_ours(at, bytes))
        return remap_ours(at, bytes, whole_pages(wanted), flags, where);
    lensi_pin_forever(at, bytes);
    return LENSI_NEXT(mremap)(at, bytes, wanted, flags, where);
}

LENSI_EXPORT LENSI_ALIGNS_STACK void *mremap(void *at, size_t bytes, size_t wanted, int flags, ...)
{
    va_list list;
    void *moved;

    va_start(list, flags);
    void *where = va_arg(list, void *);
    va_end(list);
    lensi_stack_unmapped();
    if (flags & MREMAP_FIXED)
        lensi_pin_forever(where, wanted);
    moved = remap(at, bytes, wanted, flags, where);
    if (LENSI_UNLIKELY(lensi_recording) && moved != MAP_FAILED && bytes && !(flags & MREMAP_DONTUNMAP))
        lensi_record_remapped(at, bytes, moved, wanted);
    return moved;
}

/* For shared mappings, which malloc's memory is not: in one rung ours is. */
LENSI_EXPORT int remap_file_pages(void *at, size_t bytes, int protection, size_t page, int flags)
{
    if (LENSI_LIKELY(!lensi_touches_ours(at, bytes)))
        return LENSI_NEXT(remap_file_pages)(at, bytes, protection, page, flags);
    errno = EINVAL;
    return -1;
}

/* In the place of what lies there. */
LENSI_EXPORT void *shmat(int id, const void *at, int flags)
{
    struct shmid_ds segment;

    if (LENSI_UNLIKELY(flags & SHM_REMAP && lensi_is_ours(at)) && LENSI_NEXT(shmctl)(id, IPC_STAT, &segment) == 0)
        lensi_pin_forever(at, segment.shm_segsz);
    return LENSI_NEXT(shmat)(id, at, flags);
}

#define MMAP(name, offset_type) \
    LENSI_EXPORT LENSI_ALIGNS_STACK void *name(void *at, size_t bytes, int protection, int flags, int fd, offset_type offset) \
    { \
        if (LENSI_UNLIKELY(flags & MAP_FIXED)) { \
            lensi_stack_unmapped(); \
            lensi_pin_forever(at, bytes); \
        } \
        void *mapped = LENSI_NEXT(name)(at, bytes, protection, flags, fd, offset); \
        if (LENSI_UNLIKELY(lensi_recording) && mapped != MAP_FAILED) \
            lensi_record_mapped(mapped, bytes, protection, flags, fd, (uint64_t)offset, __builtin_return_address(0), \
                                (const uintptr_t *)__builtin_frame_address(0) + 1); \
        return mapped; \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)
