/*
 * stdio.c - stdio moves large blocks between the kernel and the caller's memory without its own buffer in between.
 *
 * So these pin as read and write do. The functions that copy through the buffer (fgets, getline, scanf, ...) touch
 * the memory in user space and need nothing. libc's own calls among them do not pass here twice: they are bound
 * inside libc.
 */
#undef _FORTIFY_SOURCE
#include "preload/descriptors.h"
#include "preload/io.h"
#include "preload/io_lazy.h"
#include "preload/recorder/input.h"
#include "preload/recorder/record.h"

#include "liblens/source/reads.h"

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
    if (at < 0 || bytes == 0)
        return;
    lensi_descriptor_meet(fileno_unlocked(stream));
    if (lensi_is_ours(to))
        lensi_file_read_into(fileno_unlocked(stream), (uint64_t)at, to, bytes);
    else if (lensi_reads_wanted && bytes >= LENSI_READS_LEAST)
        lensi_file_read_aside(fileno_unlocked(stream), (uint64_t)at, to, bytes);
}

/* A header that was just read says where the next block will be read from. */
static size_t placed(FILE *stream, size_t got)
{
    int fd = LENSI_UNLIKELY(lensi_aligning) ? fileno_unlocked(stream) : -1;

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

/*
 * Each function below only compares and jumps on to libc's: programs call these for every line. What pins is apart,
 * because its frame is large: the pins, and a jump buffer for a thread that is cancelled in it.
 */
static __attribute__((noinline)) size_t read_slow(void *to, size_t size, size_t n, FILE *stream, bool locks, const void *caller,
                                                  const uintptr_t *stack)
{
    const size_t bytes = product(size, n);
    struct lensi_pins pins;
    int64_t from;
    size_t got;

    if (lensi_lazy_fits(to, bytes) && lazily(stream, locks, to, bytes, &got))
        return got / size;
    pins.count = 0;
    lensi_pins_add_block(&pins, to, bytes, LENSI_PIN_OUT);
    if (pins.count == 0 && !(lensi_recording && bytes >= LENSI_INPUT_LEAST_BYTES) && !(lensi_reads_wanted && bytes >= LENSI_READS_LEAST))
        return placed(stream, locks ? LENSI_NEXT(fread)(to, size, n, stream) : LENSI_NEXT(fread_unlocked)(to, size, n, stream));
    from = position(stream);
    LENSI_PINNED(got, &pins, locks ? LENSI_NEXT(fread)(to, size, n, stream) : LENSI_NEXT(fread_unlocked)(to, size, n, stream));
    if (lensi_recording)
        lensi_input_read(fileno_unlocked(stream), from, to, (ssize_t)(got * size), caller, stack);
    else
        landed(stream, from, to, got * size);
    return got;
}

static inline bool read_is_quick(const void *to, size_t bytes)
{
    return LENSI_LIKELY(!lensi_touches_ours(to, bytes) && !lensi_aligning && !(lensi_recording && bytes >= LENSI_INPUT_LEAST_BYTES) &&
                        !(lensi_reads_wanted && bytes >= LENSI_READS_LEAST));
}

#define READ_SLOW(locks) \
    read_slow(to, size, n, stream, (locks), __builtin_return_address(0), (const uintptr_t *)__builtin_frame_address(0) + 1)

LENSI_EXPORT size_t fread(void *restrict to, size_t size, size_t n, FILE *restrict stream)
{
    if (read_is_quick(to, product(size, n)))
        return LENSI_NEXT(fread)(to, size, n, stream);
    return READ_SLOW(true);
}

LENSI_EXPORT size_t fread_unlocked(void *restrict to, size_t size, size_t n, FILE *restrict stream)
{
    if (read_is_quick(to, product(size, n)))
        return LENSI_NEXT(fread_unlocked)(to, size, n, stream);
    return READ_SLOW(false);
}

/* More than there is room for: libc's own function ends the program. */
LENSI_EXPORT size_t __fread_chk(void *to, size_t room, size_t size, size_t n, FILE *stream)
{
    if (product(size, n) > room || read_is_quick(to, product(size, n)))
        return LENSI_NEXT(__fread_chk)(to, room, size, n, stream);
    return READ_SLOW(true);
}

LENSI_EXPORT size_t __fread_unlocked_chk(void *to, size_t room, size_t size, size_t n, FILE *stream)
{
    if (product(size, n) > room || read_is_quick(to, product(size, n)))
        return LENSI_NEXT(__fread_unlocked_chk)(to, room, size, n, stream);
    return READ_SLOW(false);
}

static __attribute__((noinline)) size_t write_slow(const void *from, size_t size, size_t n, FILE *stream, bool locks)
{
    struct lensi_pins pins;
    size_t put;

    pins.count = 0;
    lensi_pins_add_block(&pins, from, product(size, n), LENSI_PIN_IN);
    LENSI_PINNED(put, &pins, locks ? LENSI_NEXT(fwrite)(from, size, n, stream) : LENSI_NEXT(fwrite_unlocked)(from, size, n, stream));
    return put;
}

/* What fits into the stream's buffer is copied there in user space, whatever its state; only more goes out directly. */
static inline bool write_is_quick(const void *from, size_t bytes, FILE *stream)
{
    return LENSI_LIKELY(!lensi_is_ours(from) || bytes < __fbufsize(stream));
}

LENSI_EXPORT size_t fwrite(const void *restrict from, size_t size, size_t n, FILE *restrict stream)
{
    if (write_is_quick(from, product(size, n), stream))
        return LENSI_NEXT(fwrite)(from, size, n, stream);
    return write_slow(from, size, n, stream, true);
}

LENSI_EXPORT size_t fwrite_unlocked(const void *restrict from, size_t size, size_t n, FILE *restrict stream)
{
    if (write_is_quick(from, product(size, n), stream))
        return LENSI_NEXT(fwrite_unlocked)(from, size, n, stream);
    return write_slow(from, size, n, stream, false);
}

#define PUT_TEXT(name, parameters, arguments) \
    static __attribute__((noinline)) int slow_##name parameters \
    { \
        struct lensi_pins pins; \
        int result; \
 \
        pins.count = 0; \
        lensi_pins_add_text(&pins, text); \
        LENSI_PINNED(result, &pins, LENSI_NEXT(name) arguments); \
        return result; \
    } \
    LENSI_EXPORT int name parameters { return LENSI_LIKELY(!lensi_is_ours(text)) ? LENSI_NEXT(name) arguments : slow_##name arguments; }
PUT_TEXT(fputs, (const char *restrict text, FILE *restrict stream), (text, stream))
PUT_TEXT(fputs_unlocked, (const char *restrict text, FILE *restrict stream), (text, stream))
PUT_TEXT(puts, (const char *text), (text))

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

LENSI_EXPORT void _IO_setbuffer(FILE *stream, char *buffer, size_t bytes);

LENSI_EXPORT void _IO_setbuffer(FILE *stream, char *buffer, size_t bytes)
{
    if (buffer)
        lensi_pin_forever(buffer, bytes);
    LENSI_NEXT(_IO_setbuffer)(stream, buffer, bytes);
}
