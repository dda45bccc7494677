/*
 * stack.c - walking the stack; see stack.h.
 *
 * Programs have no frame pointers, so their unwind tables are read (unwind.h; where that is not to be had, by the
 * unwinder of libgcc, linked into this library: a shared one would also take over the program's exceptions). That is
 * slow. What it finds is kept: at one return address a function without a frame pointer always has the same frame size,
 * and in one with a frame pointer that pointer leads on. So a walk over known return addresses is a few loads a frame.
 *
 * The table of steps grows until a module is unloaded; an entry is one word, so it is never half written. A wrong step
 * could only lead to a wrong site: nothing is read but what is known to be mapped (stack_bounds.h).
 */
#include "preload/stack_steps.h"

#include "liblens/base/arena.h"

#include "preload/stack_bounds.h"
#include "preload/unwind.h"

#include <errno.h>
#include <unwind.h>

#define OWN_FRAMES_MOST 32u

struct lensi_steps lensi_steps;
_Atomic uint32_t lensi_stack_unloads;

int lensi_stack_init(unsigned bits)
{
    if (lensi_steps.bits >= bits)
        return 0;
    lensi_steps.table = lensi_arena_map(sizeof *lensi_steps.table << bits);
    lensi_steps.bits = bits;
    return lensi_steps.table ? lensi_unwind_start() : -ENOMEM;
}

void lensi_stack_forget(void)
{
    atomic_fetch_add(&lensi_stack_unloads, 1);
    for (size_t i = 0; lensi_steps.table && i >> lensi_steps.bits == 0; i++)
        if (atomic_load_explicit(&lensi_steps.table[i], memory_order_relaxed))
            atomic_store_explicit(&lensi_steps.table[i], 0, memory_order_relaxed);
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

    if (!HAS_STEPS || *slot != caller || !lensi_stack_enter(slot))
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
        if (!lensi_step_take(how, &slot, &pointer))
            return false;
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

/*
 * A frame that was returned to at `address`, where its inner end is `end`; no address: there is none. False: that is
 * enough.
 */
static bool take_frame(struct walk *walk, uintptr_t address, uintptr_t end, uintptr_t pointer)
{
    if (walk->count == 0 && address != walk->caller) /* frames of our own */
        return address != 0;
    if (HAS_STEPS && walk->count)
        learn_step(walk->returns[walk->count - 1], address ? judge_step(walk->end, end, walk->pointer) : STEP_LAST);
    if (address == 0 || walk->count == walk->frames)
        return false;
    if (walk->slots)
        walk->slots[walk->count] = end - sizeof(uintptr_t);
    walk->returns[walk->count++] = address;
    walk->end = end;
    walk->pointer = pointer;
    walk->is_partial = HAS_STEPS && walk->count > walk->known && leads_on(walk);
    return !walk->is_partial;
}

#if defined(__x86_64__)
/* Those that a call preserves, as they are in who calls this. */
static inline __attribute__((always_inline)) void take_registers(uint64_t *registers)
{
    __asm__ volatile("mov %%rbx, 3*8(%0)\n\tmov %%rbp, 6*8(%0)\n\tmov %%rsp, 7*8(%0)\n\tmov %%r12, 12*8(%0)\n\tmov %%r13, 13*8(%0)\n\t"
                     "mov %%r14, 14*8(%0)\n\tmov %%r15, 15*8(%0)\n\tlea 0f(%%rip), %%rax\n0:\tmov %%rax, 16*8(%0)"
                     : : "r"(registers) : "rax", "memory");
}

/* True: to the end of the stack. */
static __attribute__((noinline)) bool walk_tables(struct walk *walk)
{
    struct lensi_moment moment = {.stack = NULL};
    bool is_last = false;

    take_registers(moment.registers);
    if (!lensi_stack_enter((const uintptr_t *)moment.registers[LENSI_DWARF_RSP] + 1))
        return false;
    for (unsigned own = 0; walk->count || own < OWN_FRAMES_MOST; own += !walk->count) {
        bool is_stepped = lensi_unwind_step(&moment, &is_last);

        if (!is_stepped && !is_last)
            return true;
        if (!take_frame(walk, is_last ? 0 : moment.registers[LENSI_DWARF_RETURN], moment.registers[LENSI_DWARF_RSP],
                        moment.registers[LENSI_DWARF_RBP]))
            return is_last;
    }
    return false;
}
#else
static _Unwind_Reason_Code take_context(struct _Unwind_Context *context, void *walk)
{
    return take_frame(walk, _Unwind_GetIP(context), _Unwind_GetCFA(context), _Unwind_GetGR(context, FRAME_POINTER)) ? _URC_NO_REASON
                                                                                                               : _URC_NORMAL_STOP;
}

static bool walk_tables(struct walk *walk) { return _Unwind_Backtrace(take_context, walk) == _URC_END_OF_STACK; }
#endif

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
    bool is_end = walk_tables(&walk);

    if (HAS_STEPS && walk.count && walk.count < frames && is_end)
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
