/*
 * next.h - the next definition of a function that this library interposes, usually libc's.
 *
 * LENSI_NEXT(read)(fd, to, bytes) calls it. Every use leaves a record in a linker section, so that all of them can be
 * found once, at start: dlsym takes the loader's lock and must not run below a signal handler or in a fork's child.
 * A call before that (another library's constructor) finds its function by itself.
 */
#ifndef LENSI_NEXT_H
#define LENSI_NEXT_H

#include "liblens/base/running_stack.h"

#define LENSI_EXPORT __attribute__((visibility("default")))
#define LENSI_LIKELY(x) __builtin_expect(!!(x), 1)
#define LENSI_UNLIKELY(x) __builtin_expect(!!(x), 0)

struct lensi_next {
    void *function;
    const char *name;
};

/* Never NULL: where libc has no such function, one that fails with ENOSYS. */
void *lensi_next_find(struct lensi_next *next);
/* Finds them all. Once, from the library's constructor. */
void lensi_next_find_all(void);

#define LENSI_NEXT(symbol) \
    ({ \
        static struct lensi_next next_ __attribute__((section("lensi_next"), used)) = {0, #symbol}; \
        lensi_stack_under_us(); /* libc may hand what lies in its frames to the kernel */ \
        void *found_ = __atomic_load_n(&next_.function, __ATOMIC_RELAXED); \
        (__typeof__(&symbol))(LENSI_LIKELY(found_) ? found_ : lensi_next_find(&next_)); \
    })

#endif
