/* stack.h - the return addresses on a thread's stack, from a malloc function outwards. */
#ifndef LENSI_STACK_H
#define LENSI_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LENSI_STACK_FRAMES 32

struct lensi_stack {
    size_t count;
    uintptr_t returns[LENSI_STACK_FRAMES]; /* inner to outer; the first is the malloc function's */
};

/* Before the first walk: a table for 2^bits return addresses (the largest asked for counts). 0 or -ENOMEM. */
#define LENSI_STACK_BITS 14
int lensi_stack_init(unsigned bits);
/* How often modules were unloaded: what is known of an address from before may be about another's code. */
extern _Atomic uint32_t lensi_stack_unloads;
/* Modules have been unloaded: all that was learned goes. */
void lensi_stack_forget(void);
/*
 * Walks `frames` frames (at most LENSI_STACK_FRAMES) from the function that returns to `caller`. `slot` is where that
 * address lies on the stack if a frame pointer lies below it, else anything readable: then the walk is slow. Always
 * finds at least one frame. No locks, no malloc.
 */
void lensi_stack_walk(uintptr_t caller, const uintptr_t *slot, size_t frames, struct lensi_stack *stack);
/*
 * The same by the unwinder alone, and where each return address lies (slots may be NULL). Learns what it sees. Returns
 * how many frames were found, 0 if `caller` is not among them; fewer than `frames`: these are all.
 */
size_t lensi_stack_unwind(uintptr_t caller, size_t frames, uintptr_t *returns, uintptr_t *slots);
/*
 * The same, but no further than to the first frame behind the first `known` ones from where learned steps lead on:
 * *is_partial tells if there was one, which is the last of those returned, and *pointer its frame pointer.
 */
size_t lensi_stack_unwind_past(uintptr_t caller, size_t known, size_t frames, uintptr_t *returns, uintptr_t *slots, bool *is_partial,
                               const uintptr_t **pointer);

#endif
