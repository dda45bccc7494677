/*
 * io_lazy.c - see io_lazy.h. What is not worth leaving out (the parts of pages at both ends) is read as always, with
 * pins.
 *
 * Several threads may read one descriptor: so the extent is claimed first, by moving the position over it in one call,
 * and then read from where it lies.
 */
#undef _FORTIFY_SOURCE
#include "preload/io_lazy.h"

#include "liblens/base/sys.h"
#include "preload/descriptors.h"
#include "preload/io.h"

#include <errno.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <unistd.h>

#undef fread_unlocked /* a macro where the compiler optimises */

#define STREAM_HAS_UNGOT 0x100 /* _IO_IN_BACKUP */

/* The size of a regular file, or -1. */
static int64_t file_bytes(int fd)
{
    struct stat status;

    if (lensi_sys(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) < 0 || !S_ISREG(status.st_mode))
        return -1;
    return status.st_size;
}

static int64_t seek(int fd, int64_t by) { return lensi_sys(SYS_lseek, fd, by, SEEK_CUR, 0, 0, 0); }

/* Not inlined: a cancellation's handler must find its variables as they were. */
__attribute__((noinline)) static ssize_t read_pinned(int fd, void *to, size_t bytes, uint64_t at)
{
    struct lensi_pins pins;
    ssize_t got;

    pins.count = 0;
    lensi_pins_add(&pins, to, bytes, LENSI_PIN_OUT);
    LENSI_PINNED(got, &pins, LENSI_NEXT(pread64)(fd, to, bytes, (off64_t)at));
    return got;
}

/* Exactly as many bytes as there are; fewer only at an error, which errno tells. */
static size_t fill(int fd, uint8_t *to, size_t bytes, uint64_t at)
{
    const size_t piece = lensi_read_wants_pieces(to, bytes) ? LENSI_READ_PIECE : bytes;
    size_t done = 0;
    ssize_t got = 1;

    for (; done < bytes && got > 0; done += got > 0 ? (size_t)got : 0) {
        got = read_pinned(fd, to + done, bytes - done < piece ? bytes - done : piece, at + done);
        if (got > 0 && piece < bytes)
            lensi_file_read_into(fd, at + done, to + done, (size_t)got);
    }
    return done;
}

/* The parts that the engine has not taken. How far the whole read has come. */
static size_t read_rest(int fd, uint8_t *to, size_t bytes, uint64_t at, struct lensi_lazy lazy)
{
    size_t head = fill(fd, to, lazy.from, at);

    if (head < lazy.from)
        return head;
    return lazy.to + fill(fd, to + lazy.to, bytes - lazy.to, at + lazy.to);
}

bool lensi_lazy_read(int fd, void *to, size_t bytes, int64_t at, ssize_t *got)
{
    int64_t size = file_bytes(fd), start = at;
    size_t there, done;
    struct lensi_lazy lazy;

    if (bytes > LENSI_IO_MAX / LENSI_IO_PAGE * LENSI_IO_PAGE)
        bytes = LENSI_IO_MAX / LENSI_IO_PAGE * LENSI_IO_PAGE; /* as the kernel does */
    if (size < 0 || (at < 0 && (start = seek(fd, (int64_t)bytes) - (int64_t)bytes) < 0))
        return false;
    there = start < size ? (size_t)(size - start) : 0;
    there = there < bytes ? there : bytes;
    lensi_descriptor_meet(fd);
    if (at < 0 && there < bytes)
        seek(fd, (int64_t)there - (int64_t)bytes);
    lazy = there ? lensi_file_read_lazily(fd, (uint64_t)start, to, there) : (struct lensi_lazy){0, 0};
    done = read_rest(fd, to, there, (uint64_t)start, lazy);
    if (at < 0 && done < there)
        seek(fd, (int64_t)done - (int64_t)there);
    if (done && lazy.from == lazy.to)
        lensi_file_read_into(fd, (uint64_t)start, to, done);
    *got = done || !there ? (ssize_t)done : -1;
    return true;
}

/* ---- streams */

__attribute__((noinline)) static size_t stream_read(FILE *stream, uint8_t *to, size_t bytes)
{
    struct lensi_pins pins;
    size_t got;

    pins.count = 0;
    lensi_pins_add_block(&pins, to, bytes, LENSI_PIN_OUT);
    LENSI_PINNED(got, &pins, LENSI_NEXT(fread_unlocked)(to, 1, bytes, stream));
    return got;
}

static size_t stream_read_in_pieces(FILE *stream, uint8_t *to, size_t bytes, uint64_t at)
{
    size_t done = 0, got, step;

    do {
        step = bytes - done < LENSI_READ_PIECE ? bytes - done : LENSI_READ_PIECE;
        got = stream_read(stream, to + done, step);
        lensi_file_read_into(fileno_unlocked(stream), at + done, to + done, got);
        done += got;
    } while (got == step && done < bytes);
    return done;
}

bool lensi_lazy_fread(FILE *stream, void *to, size_t bytes, size_t *got)
{
    int saved = errno, fd = fileno_unlocked(stream);
    int64_t size = fd < 0 ? -1 : file_bytes(fd), at;
    size_t there;
    struct lensi_lazy lazy;

    if (size < 0 || __fwriting(stream) || stream->_flags & STREAM_HAS_UNGOT || (at = ftello64(stream)) < 0 || at >= size) {
        errno = saved;
        return false;
    }
    there = (uint64_t)(size - at) < bytes ? (size_t)(size - at) : bytes;
    lensi_descriptor_meet(fd);
    lazy = lensi_file_read_lazily(fd, (uint64_t)at, to, there);
    errno = saved;
    if (lazy.from == lazy.to && !lensi_read_wants_pieces(to, there))
        return false;
    if (lazy.from == lazy.to) {
        *got = stream_read_in_pieces(stream, to, bytes, (uint64_t)at);
        return true;
    }
    *got = stream_read(stream, to, lazy.from);
    if (*got == lazy.from && fseeko64(stream, at + (int64_t)lazy.to, SEEK_SET) == 0)
        *got = lazy.to;
    if (*got == lazy.to || *got == lazy.from) /* where the stream cannot seek it is read as always */
        *got += stream_read(stream, (uint8_t *)to + *got, bytes - *got);
    return true;
}
