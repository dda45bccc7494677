/*
 * io.h - pins that a wrapped call holds while the kernel uses the program's memory.
 *
 * The kernel cannot touch an absent page of ours, nor write a proven one: EFAULT. So a wrapper collects what it hands
 * over, calls the next function and lets go. Nothing of ours: one comparison for each buffer, and no pin is kept.
 *
 * A thread cancelled inside the call lets go too (LENSI_PINNED). One that leaves by siglongjmp out of a signal handler
 * does not: those pages then stay plain memory, which costs memory and nothing else.
 */
#ifndef LENSI_IO_H
#define LENSI_IO_H

#include "liblens/engine/engine.h"
#include "preload/next.h"
#include "preload/process.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* What the kernel moves at most in one call; larger sizes are clamped there too. */
#define LENSI_IO_MAX 0x7ffff000u
#define LENSI_PINS_NEAR 8
#define LENSI_IO_PAGE 4096u

struct lensi_pin {
    const void *at;
    size_t bytes;
};

/* Only `count` is set while nothing is pinned, to keep the quick path quick. */
struct lensi_pins {
    size_t count;
    size_t room;
    struct lensi_pin *list; /* near, or a table of its own when that is full */
    struct lensi_pin near[LENSI_PINS_NEAR];
};

enum lensi_pin_use { LENSI_PIN_IN, LENSI_PIN_OUT }; /* the kernel reads it; the kernel writes it */

/* For what it costs nothing to ask: there is memory of ours that an argument could point to. */
static inline bool lensi_is_pinning(void)
{
    return LENSI_LIKELY(lensi_range.bytes && !lensi_retired);
}

/* The main thread's own stack; `thread` is 0 until the start. */
extern struct lensi_main_stack {
    uintptr_t thread, end;
} lensi_main_stack;
void lensi_main_stack_init(void);

/*
 * Between here and where the caller's stack ends, all is mapped. The library's threads have theirs right below what
 * pthread_self() points to; one that runs on a stack of its own making (a coroutine) is too far from there, or asks the
 * kernel.
 */
static inline bool lensi_is_on_own_stack(const void *at, size_t bytes)
{
    enum { NEAR_BYTES = 1 << 20, STACK_BYTES = 64 << 20 };
    uintptr_t low = (uintptr_t)__builtin_frame_address(0), start = (uintptr_t)at, self = (uintptr_t)pthread_self();
    uintptr_t end = self == lensi_main_stack.thread ? lensi_main_stack.end : self;

    return low < end && end - low < STACK_BYTES && start >= low && start - low < NEAR_BYTES && start < end && bytes <= end - start;
}

bool lensi_is_program_readable_slow(const void *at, size_t bytes);
/*
 * Whether the program could read there. What it could not, the kernel is to refuse with EFAULT, and not we to stumble
 * over: nothing of the program's may be read here before this was asked. Free for what lies on the caller's own stack,
 * as most vectors and headers do; elsewhere a call of the kernel for each page. False, too, once no such call is to be
 * made any more (lensi_retired).
 */
static inline bool lensi_is_program_readable(const void *at, size_t bytes)
{
    return LENSI_LIKELY(lensi_is_on_own_stack(at, bytes)) || lensi_is_program_readable_slow(at, bytes);
}

void lensi_pins_add_slow(struct lensi_pins *pins, const void *at, size_t bytes, enum lensi_pin_use use);
void lensi_pins_add_text_slow(struct lensi_pins *pins, const char *text);
/* Lets go of all of them; keeps errno. Takes void * to serve as a cleanup handler. */
void lensi_pins_end(void *pins);
/* A block that is moved in as many calls as it takes: not clamped to what one call moves. */
static inline void lensi_pins_add_block(struct lensi_pins *pins, const void *at, size_t bytes, enum lensi_pin_use use)
{
    if (bytes > SIZE_MAX - (uintptr_t)at)
        bytes = SIZE_MAX - (uintptr_t)at;
    if (LENSI_UNLIKELY(lensi_touches_ours(at, bytes)))
        lensi_pins_add_slow(pins, at, bytes, use);
}

/* It hands the address on: that the memory there may not be initialised yet is in the nature of a read. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
static inline void lensi_pins_add(struct lensi_pins *pins, const void *at, size_t bytes, enum lensi_pin_use use)
{
    if (bytes > LENSI_IO_MAX)
        bytes = LENSI_IO_MAX;
    if (LENSI_UNLIKELY(lensi_touches_ours(at, bytes)))
        lensi_pins_add_slow(pins, at, bytes, use);
}
#pragma GCC diagnostic pop

static inline void lensi_pins_add_text(struct lensi_pins *pins, const char *text)
{
    if (LENSI_UNLIKELY(lensi_is_ours(text)))
        lensi_pins_add_text_slow(pins, text);
}

/* NULL-terminated vectors of strings, as exec takes them. */
void lensi_pins_add_texts(struct lensi_pins *pins, char *const *texts);
void lensi_pins_add_vector(struct lensi_pins *pins, const struct iovec *vector, long count, enum lensi_pin_use use);
void lensi_pins_add_message(struct lensi_pins *pins, const struct msghdr *message, enum lensi_pin_use use);
void lensi_pins_add_messages(struct lensi_pins *pins, struct mmsghdr *messages, unsigned count, enum lensi_pin_use use);
/* A socket address whose room is given by *bytes, both written by the kernel. */
void lensi_pins_add_address(struct lensi_pins *pins, void *address, socklen_t *bytes);
/* Memory of a size we do not know (ioctl, prctl): from `at` to the end of the page after its own. */
void lensi_pins_add_around(struct lensi_pins *pins, const void *at);
/*
 * What the words of a structure of an unknown kind point to, as far as that is ours: up to 256 KiB from there, for both
 * directions.
 */
void lensi_pins_add_nested(struct lensi_pins *pins, const void *at, size_t bytes);
/* Memory that the kernel keeps using after the call (a stdio buffer, a stack, a futex word): plain for good. */
void lensi_pin_forever(const void *at, size_t bytes);
/* A string that libc keeps and hands on later. */
void lensi_pin_text_forever(const char *text);
/* Whether the engine was told that the program opened this descriptor. */
bool lensi_file_is_told(int fd);

/* `result = call`, with the pins let go afterwards, and when the thread is cancelled in it. */
#define LENSI_PINNED(result, pins, call) \
    do { \
        pthread_cleanup_push(lensi_pins_end, (pins)); \
        (result) = (call); \
        pthread_cleanup_pop(1); \
    } while (0)

/* The words of the table (io_table.h): what a wrapper does with its arguments before the call. */
#define IN(at, bytes) lensi_pins_add(&pins, (at), (bytes), LENSI_PIN_IN);
#define OUT(at, bytes) lensi_pins_add(&pins, (at), (bytes), LENSI_PIN_OUT);
#define IN_ONE(at) IN(at, sizeof *(at))
#define OUT_ONE(at) OUT(at, sizeof *(at))
#define TEXT(text) lensi_pins_add_text(&pins, (text));
#define TEXTS(texts) lensi_pins_add_texts(&pins, (texts));
#define VECTOR_IN(vector, count) lensi_pins_add_vector(&pins, (vector), (long)(count), LENSI_PIN_IN);
#define VECTOR_OUT(vector, count) lensi_pins_add_vector(&pins, (vector), (long)(count), LENSI_PIN_OUT);
#define ADDRESS(address, bytes) lensi_pins_add_address(&pins, (address), (bytes));
#define AROUND(at) lensi_pins_add_around(&pins, (at));
#define NESTED(at, bytes) lensi_pins_add_nested(&pins, (at), (bytes));
#define FOREVER(at, bytes) lensi_pin_forever((at), (bytes));
#define FOREVER_TEXT(text) lensi_pin_text_forever(text);
/* The program is about to become another one; it stays if the wrapper comes to its end. */
#define LEAVES \
    __attribute__((cleanup(lensi_process_stays), unused)) const int leaves_ = 0; \
    lensi_process_leaves();
/* A signal mask that the kernel will use: replaced by a copy that leaves the fault signal out. */
#define MASK(mask) \
    sigset_t mask##_copy_; \
    mask = lensi_mask_without(mask, &mask##_copy_);

#endif
