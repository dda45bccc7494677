/*
 * running_stack.h - a thread's stack pointer, looked at before anything is done that must not fault on the stack it
 * runs on.
 *
 * A stack may lie in the range: programs run on memory from malloc. What is done about one is in stack_blocks.h.
 */
#ifndef LENSI_RUNNING_STACK_H
#define LENSI_RUNNING_STACK_H

#include "liblens/base/range.h"

/* Called where a stack pointer lies in the range. Set by the engine, before there is a range. */
extern void (*lensi_stack_seen_slow)(uintptr_t pointer);

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
