/*
 * own_stack.c - see own_stack.h. A stack is claimed by a swap and given back after the call; with more threads than
 * stacks, they use their own.
 */
#include "liblens/base/own_stack.h"

#include "liblens/base/arena.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#define STACKS 64u
#define STACK_BYTES (64u * 1024) /* touched as far as it is used */

static uint8_t *stacks;
static _Atomic uint32_t taken[STACKS];

void lensi_own_stack_switch(void *top, void (*run)(void *), void *argument);

#if defined(__x86_64__)
__asm__(".text\n"
        ".hidden lensi_own_stack_switch\n"
        ".globl lensi_own_stack_switch\n"
        ".type lensi_own_stack_switch, @function\n"
        "lensi_own_stack_switch:\n"
        ".cfi_startproc\n"
        "push %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset rbp, -16\n"
        "mov %rsp, %rbp\n"
        ".cfi_def_cfa_register rbp\n"
        "mov %rdi, %rsp\n"
        "mov %rdx, %rdi\n"
        "call *%rsi\n"
        "mov %rbp, %rsp\n"
        "pop %rbp\n"
        ".cfi_def_cfa rsp, 8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size lensi_own_stack_switch, . - lensi_own_stack_switch\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".hidden lensi_own_stack_switch\n"
        ".globl lensi_own_stack_switch\n"
        ".type lensi_own_stack_switch, %function\n"
        "lensi_own_stack_switch:\n"
        "stp x29, x30, [sp, #-16]!\n"
        "mov x29, sp\n"
        "mov sp, x0\n"
        "mov x0, x2\n"
        "blr x1\n"
        "mov sp, x29\n"
        "ldp x29, x30, [sp], #16\n"
        "ret\n"
        ".size lensi_own_stack_switch, . - lensi_own_stack_switch\n");
#endif

int lensi_own_stack_open(void)
{
    if (!stacks)
        stacks = lensi_arena_map((size_t)STACKS * STACK_BYTES);
    return stacks ? 0 : -ENOMEM;
}

/* AddressSanitizer would take what other threads had on these stacks at a fork for what the child may not touch. */
#if defined(__SANITIZE_ADDRESS__)
#define USABLE_STACKS 0
#else
#define USABLE_STACKS STACKS
#endif

void lensi_own_stack_run(void (*run)(void *), void *argument)
{
    for (uint32_t i = 0; i != USABLE_STACKS; i++) {
        if (atomic_load_explicit(&taken[i], memory_order_relaxed) || atomic_exchange_explicit(&taken[i], 1, memory_order_acquire))
            continue;
        lensi_own_stack_switch(stacks + (size_t)(i + 1) * STACK_BYTES, run, argument);
        atomic_store_explicit(&taken[i], 0, memory_order_release);
        return;
    }
    run(argument);
}

void lensi_own_stack_after_fork(void)
{
    for (uint32_t i = 0; i < STACKS; i++)
        atomic_store(&taken[i], 0);
}
