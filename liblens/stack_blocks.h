/*
 * stack_blocks.h - blocks that the program uses as a stack.
 *
 * Coroutines and threads run on memory from malloc, whatever switches them. libc hands buffers in its own frames to the kernel, the
 * kernel lays signal frames there, and our own hooks run there while they hold locks. So wherever a stack pointer is seen to lie in a
 * block, what is around it becomes ordinary memory for good.
 */
#ifndef LENSI_STACK_BLOCKS_H
#define LENSI_STACK_BLOCKS_H

#include "liblens/engine.h"

void lensi_stack_seen_slow(uintptr_t pointer);

/* A thread's stack pointer, one comparison. Safe in the fault path; elsewhere before a lock is taken. */
static inline void lensi_stack_seen(uintptr_t pointer)
{
    if (__builtin_expect(pointer - 1 - lensi_range.start < lensi_range.bytes, 0))
        lensi_stack_seen_slow(pointer);
}

static inline void lensi_stack_under_us(void)
{
    uintptr_t pointer;

#if defined(__x86_64__)
    __asm__("mov %%rsp, %0" : "=r"(pointer));
#else
    __asm__("mov %0, sp" : "=r"(pointer));
#endif
    lensi_stack_seen(pointer);
}

#endif
