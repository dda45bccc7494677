/*
 * contexts.c - ucontext_t and jump buffers: masks that libc hands to the kernel from the program's memory.
 *
 * Two things can go wrong. The structure may be absent: libc makes the call with it, and setcontext fails, sigsetjmp
 * saves no mask without a word. So it becomes ordinary memory for good. And the mask may hold the fault signals, as the
 * program fills it: they are taken out of it, and become what the thread believes to block.
 *
 * getcontext and setjmp return to their caller a second time, when this frame is long gone: they are jumped through, or
 * called in such a way that what they saved can be made their caller's.
 */
#undef _FORTIFY_SOURCE
#include "preload/contexts.h"

#include "liblens/base/sys.h"
#include "preload/io.h"
#include "preload/masks.h"

#include <stdarg.h>
#include <stdatomic.h>

#if defined(__x86_64__)
#define STACK_OF(context) ((context)->uc_mcontext.gregs[REG_RSP])
#else
#define STACK_OF(context) ((context)->uc_mcontext.sp)
#endif

/* ---- contexts */

/* Before the kernel is given the mask. If it cannot be read, the kernel is to find that out. */
static void ready(ucontext_t *context)
{
    uint64_t faults;

    lensi_pin_forever(context, sizeof *context);
    if (!lensi_fault_signals() || (!lensi_is_ours(context) && !lensi_sys_is_readable(&context->uc_sigmask)))
        return;
    faults = lensi_mask_faults(&context->uc_sigmask);
    if (faults)
        lensi_mask_remove(&context->uc_sigmask, faults);
    lensi_fault_blocked = faults;
}

lensi_get_function *lensi_context_get(ucontext_t *context)
{
    lensi_pin_forever(context, sizeof *context);
    return LENSI_NEXT(getcontext);
}

int lensi_context_got(ucontext_t *context, uintptr_t caller, uintptr_t stack)
{
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)caller;
    context->uc_mcontext.gregs[REG_RSP] = (greg_t)stack;
#else
    context->uc_mcontext.pc = caller;
    context->uc_mcontext.regs[30] = caller;
    context->uc_mcontext.sp = stack;
#endif
    lensi_mask_add(&context->uc_sigmask, lensi_fault_blocked & lensi_fault_signals());
    return 0;
}

LENSI_EXPORT int setcontext(const ucontext_t *context)
{
    uint64_t believed = lensi_fault_blocked;
    ucontext_t *to = (ucontext_t *)(uintptr_t)context;
    int result;

    ready(to);
    result = LENSI_NEXT(setcontext)(context); /* comes back only if it fails */
    lensi_fault_blocked = believed;
    return result;
}

/* This frame is part of what is saved: whoever sets the context again comes back to it. */
LENSI_EXPORT int swapcontext(ucontext_t *restrict save, const ucontext_t *restrict context)
{
    uint64_t believed = lensi_fault_blocked;
    int result;

    lensi_pin_forever(save, sizeof *save);
    ready((ucontext_t *)(uintptr_t)context);
    result = LENSI_NEXT(swapcontext)(save, context);
    lensi_fault_blocked = result < 0 ? believed : lensi_fault_blocked | believed; /* what it was, and what was put into the mask since */
    return result;
}

/* ---- a context's function, and what comes after it */

void lensi_context_ends(void);

static _Atomic uintptr_t libc_ends; /* to which such a function would return */

uintptr_t lensi_context_ended(ucontext_t *successor)
{
    if (successor)
        ready(successor);
    return atomic_load(&libc_ends);
}

/*
 * libc sets the successor by a call of its own. The function's return address is where a function finds it; a register
 * that functions preserve, and that libc does not use, says which successor that is.
 */
static void end_by_ours(ucontext_t *context)
{
#if defined(__x86_64__)
    uintptr_t *back = (uintptr_t *)STACK_OF(context);

    atomic_store(&libc_ends, *back);
    *back = (uintptr_t)lensi_context_ends;
    context->uc_mcontext.gregs[REG_R12] = (greg_t)context->uc_link;
#else
    atomic_store(&libc_ends, context->uc_mcontext.regs[30]);
    context->uc_mcontext.regs[30] = (uintptr_t)lensi_context_ends;
    context->uc_mcontext.regs[20] = (uintptr_t)context->uc_link;
#endif
}

/* A coroutine's stack: a signal that arrives on it has its frame written by the kernel. */
LENSI_EXPORT void makecontext(ucontext_t *context, void (*run)(void), int count, ...)
{
    enum { ARGUMENTS = 16 }; /* more than anybody passes; those past `count` are not looked at */
    long a[ARGUMENTS] = {0};
    va_list list;

    lensi_pin_forever(context, sizeof *context);
    lensi_pin_forever(context->uc_stack.ss_sp, context->uc_stack.ss_size);
    va_start(list, count);
    for (int i = 0; i < count && i < ARGUMENTS; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    LENSI_NEXT(makecontext)(context, run, count < ARGUMENTS ? count : ARGUMENTS, a[0], a[1], a[2], a[3], a[4], a[5],
                            a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15]);
    if (lensi_fault_signals())
        end_by_ours(context);
}

/* ---- jump buffers: what is believed lies in the last word of the mask's room, of which the kernel uses the first */

#define BELIEF_MARK 0x6c656e73ull /* above the signals that can be fault signals */

static uint64_t *belief_of(struct __jmp_buf_tag *buffer)
{
    return (uint64_t *)&buffer->__saved_mask + sizeof buffer->__saved_mask / sizeof(uint64_t) - 1;
}

static void save_belief(struct __jmp_buf_tag *buffer)
{
    lensi_pin_forever(buffer, sizeof *buffer);
    if (lensi_fault_signals())
        *belief_of(buffer) = BELIEF_MARK << 32 | (lensi_fault_blocked & lensi_fault_signals());
}

static void take_belief(struct __jmp_buf_tag *buffer)
{
    if (lensi_fault_signals() && buffer->__mask_was_saved && *belief_of(buffer) >> 32 == BELIEF_MARK)
        lensi_fault_blocked = *belief_of(buffer) & lensi_fault_signals();
}

/* setjmp.h makes macros of these names, and declares some as if they returned twice. */
#undef setjmp
void *lensi_jump_sigset(struct __jmp_buf_tag *buffer, int with_mask)
{
    if (with_mask)
        save_belief(buffer);
    return (void *)LENSI_NEXT(__sigsetjmp);
}

void *lensi_jump_set(struct __jmp_buf_tag *buffer)
{
    save_belief(buffer);
    return (void *)LENSI_NEXT(setjmp);
}

LENSI_EXPORT _Noreturn void __longjmp_chk(struct __jmp_buf_tag buffer[1], int value);

/* The kernel reads the mask from the buffer, which may be another one's copy: then from our copy. */
#define JUMP(name) \
    LENSI_EXPORT _Noreturn void name(struct __jmp_buf_tag buffer[1], int value) \
    { \
        struct __jmp_buf_tag near[1]; \
 \
        take_belief(buffer); \
        if (lensi_touches_ours(buffer, sizeof *buffer)) { \
            *near = *buffer; \
            LENSI_NEXT(name)(near, value); \
        } \
        LENSI_NEXT(name)(buffer, value); \
        __builtin_unreachable(); \
    }
JUMP(longjmp)
JUMP(_longjmp)
JUMP(siglongjmp)
JUMP(__longjmp_chk)

/* ---- what cannot be written in C */

#if defined(__x86_64__)
#define FUNCTION(name, visibility) ".balign 16\n.globl " #name "\n" visibility ".type " #name ", @function\n" #name ":\n.cfi_startproc\nendbr64\n"
#define END(name) ".cfi_endproc\n.size " #name ", . - " #name "\n"
__asm__(".text\n"
        FUNCTION(getcontext, "")
        "push %rdi\n.cfi_adjust_cfa_offset 8\n"
        "call lensi_context_get\n"
        "mov (%rsp), %rdi\n"
        "call *%rax\n"
        "pop %rdi\n.cfi_adjust_cfa_offset -8\n"
        "test %eax, %eax\n"
        "jne 1f\n"
        "mov (%rsp), %rsi\n"
        "lea 8(%rsp), %rdx\n"
        "jmp lensi_context_got\n"
        "1: ret\n"
        END(getcontext)
        FUNCTION(__sigsetjmp, "")
        "push %rdi\n.cfi_adjust_cfa_offset 8\n"
        "push %rsi\n.cfi_adjust_cfa_offset 8\n"
        "sub $8, %rsp\n.cfi_adjust_cfa_offset 8\n"
        "call lensi_jump_sigset\n"
        "add $8, %rsp\n.cfi_adjust_cfa_offset -8\n"
        "pop %rsi\n.cfi_adjust_cfa_offset -8\n"
        "pop %rdi\n.cfi_adjust_cfa_offset -8\n"
        "jmp *%rax\n"
        END(__sigsetjmp)
        FUNCTION(setjmp, "")
        "push %rdi\n.cfi_adjust_cfa_offset 8\n"
        "call lensi_jump_set\n"
        "pop %rdi\n.cfi_adjust_cfa_offset -8\n"
        "jmp *%rax\n"
        END(setjmp)
        /* Where a context's function returns to; nothing has called it. */
        ".balign 16\n.globl lensi_context_ends\n.hidden lensi_context_ends\n.type lensi_context_ends, @function\n"
        ".cfi_startproc\n.cfi_undefined rip\nnop\n"
        "lensi_context_ends:\n"
        "mov %r12, %rdi\n"
        "call lensi_context_ended\n"
        "jmp *%rax\n"
        END(lensi_context_ends));
#elif defined(__aarch64__)
#define FUNCTION(name) ".balign 16\n.globl " #name "\n.type " #name ", %function\n" #name ":\n"
#define END(name) ".size " #name ", . - " #name "\n"
__asm__(".text\n"
        FUNCTION(getcontext)
        "stp x0, x30, [sp, #-16]!\n"
        "bl lensi_context_get\n"
        "mov x16, x0\n"
        "ldr x0, [sp]\n"
        "blr x16\n"
        "ldp x3, x30, [sp], #16\n"
        "cbnz w0, 1f\n"
        "mov x0, x3\n"
        "mov x1, x30\n"
        "mov x2, sp\n"
        "b lensi_context_got\n"
        "1: ret\n"
        END(getcontext)
        FUNCTION(__sigsetjmp)
        "stp x0, x30, [sp, #-32]!\n"
        "str x1, [sp, #16]\n"
        "bl lensi_jump_sigset\n"
        "mov x16, x0\n"
        "ldr x1, [sp, #16]\n"
        "ldp x0, x30, [sp], #32\n"
        "br x16\n"
        END(__sigsetjmp)
        FUNCTION(setjmp)
        "stp x0, x30, [sp, #-16]!\n"
        "bl lensi_jump_set\n"
        "mov x16, x0\n"
        "ldp x0, x30, [sp], #16\n"
        "br x16\n"
        END(setjmp)
        "nop\n"
        FUNCTION(lensi_context_ends)
        "mov x0, x20\n"
        "bl lensi_context_ended\n"
        "br x0\n"
        END(lensi_context_ends));
#endif
