/*
 * stack_bounds.h - what is known to be readable around a thread's stack pointer.
 *
 * A stack may be a thread's, a fiber's in memory of any kind, or end in junk. So nothing is read that was not found to
 * be mapped: a thread keeps one range of pages, which was looked at since memory was last unmapped, and which grows as
 * walks and calls go on.
 */
#ifndef LENSI_STACK_BOUNDS_H
#define LENSI_STACK_BOUNDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lensi_stack_bounds {
    uintptr_t low, high; /* whole pages; equal: nothing is known */
    uint32_t unmaps;     /* lensi_stack_unmaps when that was found */
};
extern _Thread_local struct lensi_stack_bounds lensi_stack_bounds __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern _Atomic uint32_t lensi_stack_unmaps; /* how often the program has unmapped memory, or taken access to it away */

/* Looks at the pages from `at` on, where the stack pointer is: known is then what is around it. False: not readable. */
bool lensi_stack_look(uintptr_t at);
/* Looks further outwards than what is known. False: what lies at `at` does not follow it, page by page. */
bool lensi_stack_extend(uintptr_t at);
/*
 * Fibers whose stack pointer is not where the ABI wants it get away with it in malloc, which has no use for that. So
 * the first functions of ours that need it set it right.
 */
#if defined(__x86_64__)
#define LENSI_ALIGNS_STACK __attribute__((force_align_arg_pointer))
#else
#define LENSI_ALIGNS_STACK
#endif

/* Memory is about to go. */
static inline void lensi_stack_unmapped(void) { atomic_fetch_add_explicit(&lensi_stack_unmaps, 1, memory_order_release); }

/* Before the first read of a walk. */
static inline bool lensi_stack_enter(const uintptr_t *slot)
{
    const struct lensi_stack_bounds *known = &lensi_stack_bounds;
    uintptr_t at = (uintptr_t)(slot - 1);

    return (__builtin_expect(at - known->low < known->high - known->low, 1) && (uintptr_t)slot < known->high &&
            known->unmaps == atomic_load_explicit(&lensi_stack_unmaps, memory_order_acquire)) ||
           (lensi_stack_look(at) && ((uintptr_t)slot < known->high || lensi_stack_extend((uintptr_t)slot)));
}

/* Whether the word at `slot` may be read; further out than the walk has been. */
static inline bool lensi_stack_reaches(const uintptr_t *slot)
{
    const struct lensi_stack_bounds *known = &lensi_stack_bounds;

    return __builtin_expect((uintptr_t)slot - known->low < known->high - known->low, 1) || lensi_stack_extend((uintptr_t)slot);
}

#endif
