/*
 * stack.c - walking the stack; see stack.h.
 *
 * Programs have no frame pointers, so the unwinder of libgcc (linked into this library: a shared one would also take
 * over the program's exceptions) reads their unwind tables, in about a microsecond a frame. What it finds is
 * kept: at one return address a function without a frame pointer always has the same frame size, and in one with a
 * frame pointer that pointer leads on. So a walk over known return addresses is a few loads a frame.
 *
 * The table of steps only grows; an entry is one word, so it is never half written. A wrong step could only
 * lead to a wrong site, never out of the stack: sizes are taken from frames that cannot vary.
 */
#include "preload/stack_steps.h"

#include "liblens/arena.h"

#include <errno.h>
#include <unwind.h>

struct lensi_steps lensi_steps;

int lensi_stack_init(unsigned bits)
{
    if (lensi_steps.bits >= bits)
        return 0;
    lensi_steps.table = lensi_arena_map(sizeof *lensi_steps.table << bits);
    lensi_steps.bits = bits;
    return lensi_steps.table ? 0 : -ENOMEM;
}

/* Two different findings for one address mean that it has no fixed step. */
static void learn_step(uintptr_t address, unsigned how)
{
    uint64_t fresh = (uint64_t)address << STEP_BITS | how;
    size_t place = lensi_step_place(address);

    for (size_t probe = 0; probe < STEP_PROBES_MAX; probe++) {
        _Atomic uint64_t *slot = lensi_step_slot(place, probe);
        uint64_t step = atomic_load_explicit(slot, memory_order_relaxed);
        if (step == 0 && atomic_compare_exchange_strong(slot, &step, fresh))
            return;
        if (step >> STEP_BITS == address) {
            if (step != fresh)
                atomic_store_explicit(slot, (uint64_t)address << STEP_BITS | STEP_VARIES, memory_order_relaxed);
            return;
        }
    }
}

/* ---- the short walk */

/* True if known steps led all the way: to the last frame of the stack, or over `frames` frames. */
static bool walk_steps(uintptr_t caller, const uintptr_t *slot, size_t frames, struct lensi_stack *stack)
{
    const uintptr_t *pointer; /* the frame pointer at the current return address, while it is known */

    if (!HAS_STEPS || *slot != caller)
        return false;
    pointer = (const uintptr_t *)slot[-1];
    stack->count = 0;
    for (;;) {
        unsigned how = lensi_step_at(*slot);
        stack->returns[stack->count++] = *slot;
        if (stack->count == frames || how == STEP_LAST)
            return true;
        if (how == STEP_UNKNOWN || how == STEP_VARIES || (how == STEP_POINTER && !lensi_step_is_near(pointer, slot)))
            return false;
        if (how == STEP_POINTER) {
            slot = pointer + 1;
            pointer = (const uintptr_t *)*pointer;
        } else {
            slot += how;
            pointer = NULL; /* the function may have used the register for something else */
        }
    }
}

/* ---- the long walk */

struct walk {
    uintptr_t *returns, *slots; /* slots may be NULL */
    size_t count, frames;
    size_t known; /* SIZE_MAX: goes to the end */
    bool is_partial;
    uintptr_t caller;
    uintptr_t end, pointer; /* of the frame before: its inner end and its frame pointer */
};

/* What a frame of [end, next_end) tells about its step. */
static unsigned judge_step(uintptr_t end, uintptr_t next_end, uintptr_t pointer)
{
    if (next_end <= end || next_end - end > FRAME_BYTES_MAX || (next_end - end) % sizeof(uintptr_t))
        return STEP_VARIES;
    if (pointer + 2 * sizeof(uintptr_t) == next_end)
        return STEP_POINTER;
    if (pointer >= end && pointer < next_end) /* a frame pointer of another kind: the frame may vary */
        return STEP_VARIES;
    return (unsigned)((next_end - end) / sizeof(uintptr_t));
}

/* From the last frame on learned steps lead outwards. */
static bool leads_on(const struct walk *walk)
{
    unsigned how = lensi_step_at(walk->returns[walk->count - 1]);

    return how == STEP_POINTER ? lensi_step_is_near((const uintptr_t *)walk->pointer, (const uintptr_t *)walk->slots[walk->count - 1])
                               : how != STEP_UNKNOWN && how != STEP_VARIES;
}

static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *data)
{
    struct walk *walk = data;
    uintptr_t address = _Unwind_GetIP(context), end = _Unwind_GetCFA(context);

    if (walk->count == 0 && address != walk->caller) /* frames of our own */
        return _URC_NO_REASON;
    if (HAS_STEPS && walk->count)
        learn_step(walk->returns[walk->count - 1], address ? judge_step(walk->end, end, walk->pointer) : STEP_LAST);
    if (address == 0 || walk->count == walk->frames)
        return _URC_END_OF_STACK;
    if (walk->slots)
        walk->slots[walk->count] = end - sizeof(uintptr_t);
    walk->returns[walk->count++] = address;
    walk->end = end;
    walk->pointer = _Unwind_GetGR(context, FRAME_POINTER);
    walk->is_partial = HAS_STEPS && walk->count > walk->known && leads_on(walk);
    return walk->is_partial ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

size_t lensi_stack_unwind(uintptr_t caller, size_t frames, uintptr_t *returns, uintptr_t *slots)
{
    bool is_partial;
    const uintptr_t *pointer;

    return lensi_stack_unwind_past(caller, SIZE_MAX, frames, returns, slots, &is_partial, &pointer);
}

size_t lensi_stack_unwind_past(uintptr_t caller, size_t known, size_t frames, uintptr_t *returns, uintptr_t *slots, bool *is_partial,
                               const uintptr_t **pointer)
{
    struct walk walk = {.returns = returns, .slots = slots, .frames = frames, .known = known, .caller = caller};
    _Unwind_Reason_Code result = _Unwind_Backtrace(take_frame, &walk);

    if (HAS_STEPS && walk.count && walk.count < frames && result == _URC_END_OF_STACK)
        learn_step(returns[walk.count - 1], STEP_LAST);
    *is_partial = walk.is_partial;
    *pointer = (const uintptr_t *)walk.pointer;
    return walk.count;
}

void lensi_stack_walk(uintptr_t caller, const uintptr_t *slot, size_t frames, struct lensi_stack *stack)
{
    if (walk_steps(caller, slot, frames, stack))
        return;
    stack->count = lensi_stack_unwind(caller, frames, stack->returns, NULL);
    if (stack->count == 0) {
        stack->returns[0] = caller;
        stack->count = 1;
    }
}
