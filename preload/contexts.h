/* contexts.h - the parts of contexts.c that its assembly calls, and that nobody else needs. */
#ifndef LENSI_CONTEXTS_H
#define LENSI_CONTEXTS_H

#include <setjmp.h>
#include <stdint.h>
#include <ucontext.h>

typedef int lensi_get_function(ucontext_t *context);

/* Before getcontext: makes the structure ordinary memory, and returns the next function. */
lensi_get_function *lensi_context_get(ucontext_t *context);
/* After it: as if its caller had called it. */
int lensi_context_got(ucontext_t *context, uintptr_t caller, uintptr_t stack);
/* A context's function has ended: its successor is about to be set. Returns what libc wanted to do next. */
uintptr_t lensi_context_ended(ucontext_t *successor);
/* Before sigsetjmp and setjmp: makes the buffer ordinary memory if a mask is saved, and returns the next function. */
void *lensi_jump_sigset(struct __jmp_buf_tag *buffer, int with_mask);
void *lensi_jump_set(struct __jmp_buf_tag *buffer);

#endif
