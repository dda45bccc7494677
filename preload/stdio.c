/*
 * stdio.c - stdio moves large blocks between the kernel and the caller's memory without its own buffer in between.
 *
 * So these pin as read and write do. The functions that copy through the buffer (fgets, getline, scanf, ...) touch
 * the memory in user space and need nothing. libc's own calls among them do not pass here twice: they are bound
 * inside libc.
 */
#undef _FORTIFY_SOURCE
#include "preload/io.h"
#include "preload/io_lazy.h"
#include "preload/record.h"
#include "preload/record_input.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>

#undef fread_unlocked /* macros where the compiler optimises */
#undef fwrite_unlocked

LENSI_EXPORT size_t __fread_chk(void *to, size_t room, size_t size, size_t n, FILE *stream);
LENSI_EXPORT size_t __fread_unlocked_chk(void *to, size_t room, size_t size, size_t n, FILE *stream);

static size_t product(size_t size, size_t n)
{
    size_t bytes;

    return __builtin_mul_overflow(size, n, &bytes) ? SIZE_MAX : bytes;
}

/* Where the stream is in its file: negative if it has no position. Keeps errno. */
static int64_t position(FILE *stream)
{
    int saved = errno;
    int64_t at = fileno_unlocked(stream) >= 0 ? ftello64(stream) : -1;

    errno = saved;
    return at;
}

static void landed(FILE *stream, int64_t at, void *to, size_t bytes)
{
    if (at >= 0 && bytes > 0)
        lensi_file_read_into(fileno_unlocked(stream), (uint64_t)at, to, bytes);
}

/* A header that was just read says where the next block will be read from. */
static size_t placed(FILE *stream, size_t got)
{
    int fd = LENSI_UNLIKELY(lensi_placing) ? fileno_unlocked(stream) : -1;

    if (fd >= 0 && lensi_file_is_told(fd))
        lensi_file_stands(fd, (uint64_t)position(stream));
    return got;
}

static bool lazily(FILE *stream, bool locks, void *to, size_t bytes, size_t *got)
{
    bool done;

    if (locks)
        flockfile(stream);
    done = lensi_lazy_fread(stream, to, bytes, got);
    if (locks)
        funlockfile(stream);
    return done;
}

#define FREAD(name, locks, room, parameters, arguments) \
    LENSI_EXPORT size_t name parameters \
    { \
        struct lensi_pins pins; \
        size_t got; \
 \
        if (LENSI_UNLIKELY(lensi_lazy_fits(to, product(size, n))) && product(size, n) <= (room) && \
            lazily(stream, (locks), to, product(size, n), &got)) \
            return got / size; \
        pins.count = 0; \
        lensi_pins_add_block(&pins, to, product(size, n), LENSI_PIN_OUT); \
        if (LENSI_LIKELY(pins.count == 0 && !(lensi_recording && product(size, n) >= LENSI_INPUT_LEAST_BYTES))) \
            return placed(stream, LENSI_NEXT(name) arguments); \
        const int64_t from = position(stream); \
        LENSI_PINNED(got, &pins, LENSI_NEXT(name) arguments); \
        if (lensi_recording) \
            lensi_input_read(fileno_unlocked(stream), from, to, (ssize_t)(got * size), __builtin_return_address(0), \
                             (const uintptr_t *)__builtin_frame_address(0) + 1); \
        else \
            landed(stream, from, to, got * size); \
        return got; \
    }
FREAD(fread, true, SSIZE_MAX, (void *to, size_t size, size_t n, FILE *stream), (to, size, n, stream))
FREAD(fread_unlocked, false, SSIZE_MAX, (void *to, size_t size, size_t n, FILE *stream), (to, size, n, stream))
FREAD(__fread_chk, true, room, (void *to, size_t room, size_t size, size_t n, FILE *stream), (to, room, size, n, stream))
FREAD(__fread_unlocked_chk, false, room, (void *to, size_t room, size_t size, size_t n, FILE *stream), (to, room, size, n, stream))

#define STREAM_OUT(type, name, parameters, arguments, words) \
    LENSI_EXPORT type name parameters \
    { \
        struct lensi_pins pins; \
 \
        pins.count = 0; \
        words \
        if (LENSI_LIKELY(pins.count == 0)) \
            return LENSI_NEXT(name) arguments; \
        type result; \
        LENSI_PINNED(result, &pins, LENSI_NEXT(name) arguments); \
        return result; \
    }
/* What fits into the stream's buffer is copied there in user space, whatever its state; only more goes out directly. */
#define BLOCK_IN(from, bytes) \
    if (lensi_is_ours(from) && (bytes) >= __fbufsize(stream)) \
        lensi_pins_add_block(&pins, (from), (bytes), LENSI_PIN_IN);

STREAM_OUT(size_t, fwrite, (const void *from, size_t size, size_t n, FILE *stream), (from, size, n, stream),
           BLOCK_IN(from, product(size, n)))
STREAM_OUT(size_t, fwrite_unlocked, (const void *from, size_t size, size_t n, FILE *stream), (from, size, n, stream),
           BLOCK_IN(from, product(size, n)))
STREAM_OUT(int, fputs, (const char *text, FILE *stream), (text, stream), TEXT(text))
STREAM_OUT(int, fputs_unlocked, (const char *text, FILE *stream), (text, stream), TEXT(text))
STREAM_OUT(int, puts, (const char *text), (text), TEXT(text))

/* ---- a buffer of ours: the stream uses it until it is closed, from inside libc, where we cannot pin */

LENSI_EXPORT int setvbuf(FILE *restrict stream, char *restrict buffer, int mode, size_t bytes)
{
    if (buffer && mode != _IONBF)
        lensi_pin_forever(buffer, bytes);
    return LENSI_NEXT(setvbuf)(stream, buffer, mode, bytes);
}

LENSI_EXPORT void setbuf(FILE *restrict stream, char *restrict buffer)
{
    if (buffer)
        lensi_pin_forever(buffer, BUFSIZ);
    LENSI_NEXT(setbuf)(stream, buffer);
}

LENSI_EXPORT void setbuffer(FILE *restrict stream, char *restrict buffer, size_t bytes)
{
    if (buffer)
        lensi_pin_forever(buffer, bytes);
    LENSI_NEXT(setbuffer)(stream, buffer, bytes);
}
