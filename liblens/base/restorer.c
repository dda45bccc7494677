/*
 * restorer.c - see restorer.h. On other machines the kernel brings its own, and a mask edited by a handler is not
 * looked at.
 */
#include "liblens/base/restorer.h"

#include "liblens/base/signal_stack.h"
#include "liblens/base/sys.h"

#include <string.h>
#include <ucontext.h>

uint64_t lensi_open_signals;
_Thread_local uint64_t lensi_fault_blocked __attribute__((tls_model("initial-exec")));

#if defined(__x86_64__)

void lensi_restorer_open(void) { lensi_sys_restorer = lensi_restorer_ours; }

__attribute__((visibility("hidden"))) void lensi_restorer_look_forwarded(ucontext_t *context);

/*
 * What the mask of a handler's context holds of the fault signals the thread only believes to block. And the kernel
 * sets the alternate stack that the context shows.
 */
void lensi_restorer_look_forwarded(ucontext_t *context)
{
    uint64_t mask, faults = lensi_open_signals;

    memcpy(&mask, &context->uc_sigmask, sizeof mask);
    lensi_fault_blocked = mask & faults;
    mask &= ~faults;
    memcpy(&context->uc_sigmask, &mask, sizeof mask);
    if (context->uc_stack.ss_flags & SS_DISABLE)
        context->uc_stack = lensi_signal_stack_idle();
}

/*
 * At their first instruction the stack pointer is at the kernel's ucontext, where each register lies at a fixed offset:
 * that is what the rules say (DW_CFA_expression, DW_OP_breg7 offset). The nop is there because unwinders look before a
 * return address.
 */
#define REGISTER(number, offset) ".cfi_escape 0x10, " #number ", 3, 0x77, (" #offset " & 0x7f) | 0x80, " #offset " >> 7\n"
#define FRAME \
    ".cfi_startproc simple\n.cfi_signal_frame\n" \
    ".cfi_escape 0x0f, 4, 0x77, (160 & 0x7f) | 0x80, 160 >> 7, 0x06\n" \
    REGISTER(8, 40) REGISTER(9, 48) REGISTER(10, 56) REGISTER(11, 64) REGISTER(12, 72) REGISTER(13, 80) REGISTER(14, 88) \
    REGISTER(15, 96) REGISTER(5, 104) REGISTER(4, 112) REGISTER(6, 120) REGISTER(3, 128) REGISTER(1, 136) REGISTER(0, 144) \
    REGISTER(2, 152) REGISTER(7, 160) REGISTER(16, 168)
#define BEGIN(name) \
    ".balign 16\n" FRAME "nop\n.globl " #name "\n.hidden " #name "\n.type " #name ", @function\n" #name ":\n"
#define END(name) "mov $15, %rax\nsyscall\n.cfi_endproc\n.size " #name ", . - " #name "\n"

__asm__(".text\n"
        BEGIN(lensi_restorer_ours) END(lensi_restorer_ours)
        BEGIN(lensi_restorer_forwarded) "mov %rsp, %rdi\ncall lensi_restorer_look_forwarded\n" END(lensi_restorer_forwarded));
#else

void lensi_restorer_open(void) { }

#endif
