/*
 * io_read.c - reads from files: pinned as all of io.c, and what landed in memory of ours is told to the engine, which
 * learns from it which extent of which file a block holds (`extent read` in a plan).
 */
#undef _FORTIFY_SOURCE
#include "preload/descriptors.h"
#include "preload/io.h"
#include "preload/io_lazy.h"
#include "preload/recorder/input.h"
#include "preload/recorder/record.h"

#include "liblens/base/sys.h"
#include "liblens/source/reads.h"

#include <errno.h>
#include <unistd.h>

/* Declared nowhere: the checked variants that -D_FORTIFY_SOURCE calls, and libc's own second names. */
LENSI_EXPORT ssize_t __read(int fd, void *to, size_t n);
LENSI_EXPORT ssize_t __pread64(int fd, void *to, size_t n, off64_t at);
LENSI_EXPORT ssize_t __read_chk(int fd, void *to, size_t n, size_t room);
LENSI_EXPORT ssize_t __pread_chk(int fd, void *to, size_t n, off_t at, size_t room);
LENSI_EXPORT ssize_t __pread64_chk(int fd, void *to, size_t n, off64_t at, size_t room);

/* Where read(2) will begin; negative for what has no position. Leaves errno alone. */
static int64_t position(int fd)
{
    return lensi_sys(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
}

static void landed(int fd, int64_t at, void *to, ssize_t got)
{
    if (at < 0 || got <= 0)
        return;
    lensi_descriptor_meet(fd);
    if (lensi_is_ours(to))
        lensi_file_read_into(fd, (uint64_t)at, to, (size_t)got);
    else
        lensi_file_read_aside(fd, (uint64_t)at, to, (size_t)got);
}

static void recorded_vector(int fd, int64_t at, const struct iovec *vector, int count, ssize_t got, const void *caller,
                            const uintptr_t *slot)
{
    for (int i = 0; i < count && got > 0 && at >= 0; i++) {
        ssize_t here = (size_t)got < vector[i].iov_len ? got : (ssize_t)vector[i].iov_len;

        lensi_input_read(fd, at, vector[i].iov_base, here, caller, slot);
        at += here;
        got -= here;
    }
}

static void landed_vector(int fd, int64_t at, const struct iovec *vector, int count, ssize_t got)
{
    for (int i = 0; i < count && got > 0 && at >= 0; i++) {
        ssize_t here = (size_t)got < vector[i].iov_len ? got : (ssize_t)vector[i].iov_len;

        if (here > 0 && lensi_touches_ours(vector[i].iov_base, (size_t)here))
            landed(fd, at, vector[i].iov_base, here);
        at += here;
        got -= here;
    }
}

/* The recorder wants to hear of reads of some size; where this was called from tells it who read. */
#define IS_RECORDED(bytes) LENSI_UNLIKELY(lensi_recording && (bytes) >= LENSI_INPUT_LEAST_BYTES)
/* What is read into ordinary memory may be a block's later. */
#define IS_KEPT(bytes) LENSI_UNLIKELY(lensi_reads_wanted && (bytes) >= LENSI_READS_LEAST)
#define CALL_PLACE __builtin_return_address(0), (const uintptr_t *)__builtin_frame_address(0) + 1

/* start: where it reads, negative for the current position. */
#define READ(name, parameters, arguments, start) \
    LENSI_EXPORT ssize_t name parameters \
    { \
        struct lensi_pins pins; \
        ssize_t got; \
 \
        if (LENSI_UNLIKELY(lensi_lazy_fits(to, n)) && lensi_lazy_read(fd, to, n, start, &got)) \
            return got; \
        pins.count = 0; \
        OUT(to, n) \
        if (LENSI_LIKELY(pins.count == 0 && !IS_RECORDED(n) && !IS_KEPT(n))) \
            return LENSI_NEXT(name) arguments; \
        const int64_t from = (start) < 0 ? position(fd) : (start); \
        LENSI_PINNED(got, &pins, LENSI_NEXT(name) arguments); \
        if (lensi_recording) \
            lensi_input_read(fd, from, to, got, CALL_PLACE); \
        else \
            landed(fd, from, to, got); \
        return got; \
    }

READ(read, (int fd, void *to, size_t n), (fd, to, n), -1)
READ(__read, (int fd, void *to, size_t n), (fd, to, n), -1)
READ(__read_chk, (int fd, void *to, size_t n, size_t room), (fd, to, n, room), -1)
READ(pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), at)
READ(pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at), at)
READ(__pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at), at)
READ(__pread_chk, (int fd, void *to, size_t n, off_t at, size_t room), (fd, to, n, at, room), at)
READ(__pread64_chk, (int fd, void *to, size_t n, off64_t at, size_t room), (fd, to, n, at, room), at)

#define READ_VECTOR(name, parameters, arguments, where) \
    LENSI_EXPORT ssize_t name parameters \
    { \
        struct lensi_pins pins; \
 \
        pins.count = 0; \
        VECTOR_OUT(v, n) \
        if (LENSI_LIKELY(pins.count == 0 && !lensi_recording)) \
            return LENSI_NEXT(name) arguments; \
        ssize_t got; \
        const int64_t from = where; \
        LENSI_PINNED(got, &pins, LENSI_NEXT(name) arguments); \
        if (lensi_recording) \
            recorded_vector(fd, from, v, n, got, CALL_PLACE); \
        else \
            landed_vector(fd, from, v, n, got); \
        return got; \
    }

READ_VECTOR(readv, (int fd, const struct iovec *v, int n), (fd, v, n), position(fd))
READ_VECTOR(preadv, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at), at)
READ_VECTOR(preadv64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at), at)
/* An offset of -1 means the current one. */
READ_VECTOR(preadv2, (int fd, const struct iovec *v, int n, off_t at, int flags), (fd, v, n, at, flags),
            at == -1 ? position(fd) : at)
READ_VECTOR(preadv64v2, (int fd, const struct iovec *v, int n, off64_t at, int flags), (fd, v, n, at, flags),
            at == -1 ? position(fd) : at)
