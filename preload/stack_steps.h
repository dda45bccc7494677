/*
 * stack_steps.h - the learned steps of stack.c, for who walks the stack by them: stack.c and record_path.c.
 *
 * A step is a return address and 16 bits: how to get from the slot of this address to the next one's. Those are a
 * number of words, or one of the names below. The table grows until a module is unloaded; an entry is one word, so it
 * is never half written.
 */
#ifndef LENSI_STACK_STEPS_H
#define LENSI_STACK_STEPS_H

#include "preload/stack.h"
#include "preload/stack_bounds.h"

#include <stdatomic.h>
#include <stdbool.h>

#if defined(__x86_64__)
#define HAS_STEPS 1
#define FRAME_POINTER 6 /* DWARF's number of rbp */
#else
#define HAS_STEPS 0 /* the return address does not lie next to the frame's end */
#define FRAME_POINTER 29
#endif

#define STEP_BITS 16
#define STEP_PROBES_MAX 8u
#define FRAME_BYTES_MAX (16u * 1024u)
enum { STEP_UNKNOWN = 0, STEP_LAST = 0xfffd, STEP_VARIES = 0xfffe, STEP_POINTER = 0xffff };

struct lensi_steps {
    _Atomic uint64_t *table;
    unsigned bits; /* of the number of entries */
};
extern struct lensi_steps lensi_steps;

static inline size_t lensi_step_place(uintptr_t address)
{
    return (size_t)((uint64_t)address * 0x9e3779b97f4a7c15ull >> (64 - lensi_steps.bits));
}

static inline _Atomic uint64_t *lensi_step_slot(size_t place, size_t probe)
{
    return &lensi_steps.table[(place + probe) & (((size_t)1 << lensi_steps.bits) - 1)];
}

static inline unsigned lensi_step_at(uintptr_t address)
{
    size_t place = lensi_step_place(address);

    for (size_t probe = 0; probe < STEP_PROBES_MAX; probe++) {
        uint64_t step = atomic_load_explicit(lensi_step_slot(place, probe), memory_order_relaxed);
        if (step >> STEP_BITS == address)
            return step & ((1u << STEP_BITS) - 1);
        if (step == 0)
            break;
    }
    return STEP_UNKNOWN;
}

/* A frame pointer that leads outwards, and not far; where it leads is yet to be looked at. */
static inline bool lensi_step_is_near(const uintptr_t *pointer, const uintptr_t *slot)
{
    return (uintptr_t)pointer % sizeof *pointer == 0 && pointer > slot && pointer < slot + FRAME_BYTES_MAX / sizeof *slot;
}

/*
 * To the next slot. `pointer` is the frame pointer, while it is known. False: what lies there is not known to be
 * mapped.
 */
static inline bool lensi_step_take(unsigned how, const uintptr_t **slot, const uintptr_t **pointer)
{
    const uintptr_t *next = how == STEP_POINTER ? *pointer + 1 : *slot + how;

    if (!lensi_stack_reaches(next) || (how == STEP_POINTER && !lensi_stack_reaches(*pointer)))
        return false;
    *pointer = how == STEP_POINTER ? (const uintptr_t *)**pointer : NULL; /* the function may have used the register for something else */
    *slot = next;
    return true;
}

#endif
