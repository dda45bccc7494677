/*
 * altstack.c - see altstack.h. The kernel keeps one alternate stack for each thread; we remember where the program's
 * is. While it has none, there is one of ours (signal_stack.h), of which it sees nothing.
 */
#undef _FORTIFY_SOURCE
#include "preload/altstack.h"

#include "liblens/base/signal_stack.h"
#include "preload/io.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>

enum { NEAR = 1 << 20 }; /* a block in which an alternate stack lies further in is not recognised */

bool lensi_altstacks;

static _Thread_local stack_t mine __attribute__((tls_model("initial-exec"))); /* no bytes: none */

LENSI_EXPORT int sigaltstack(const stack_t *set, stack_t *old)
{
    stack_t wanted = {0};
    struct lensi_pins pins;
    bool is_set;
    int result;

    if (set && !lensi_is_program_readable(set, sizeof *set))
        return LENSI_NEXT(sigaltstack)(set, old);
    if (set)
        wanted = *set;
    is_set = set && !(wanted.ss_flags & SS_DISABLE);
    if (set && wanted.ss_flags == SS_DISABLE)
        wanted = lensi_signal_stack_idle();
    pins.count = 0;
    if (is_set)
        lensi_pin_forever(wanted.ss_sp, wanted.ss_size);
    OUT_ONE(old)
    result = LENSI_NEXT(sigaltstack)(set ? &wanted : NULL, old);
    lensi_pins_end(&pins);
    if (result == 0 && old && lensi_signal_stack_is_ours(old))
        *old = (stack_t){.ss_flags = SS_DISABLE};
    if (result < 0 || !set)
        return result;
    mine = is_set ? wanted : (stack_t){0};
    if (is_set)
        __atomic_store_n(&lensi_altstacks, true, __ATOMIC_RELAXED);
    return result;
}

/* Refused while the thread runs on it: then it stays, as it would without us. */
static void go_without(void)
{
    const stack_t idle = lensi_signal_stack_idle();
    int saved = errno;

    if (LENSI_NEXT(sigaltstack)(&idle, NULL) == 0)
        mine = (stack_t){0};
    errno = saved;
}

void lensi_altstack_freed(const void *at)
{
    size_t before = (uintptr_t)mine.ss_sp - (uintptr_t)at; /* huge if it begins below */

    if (mine.ss_size && before < NEAR && before < malloc_usable_size((void *)(uintptr_t)at))
        go_without();
}

void lensi_altstack_unmapped(const void *at, size_t bytes)
{
    if (mine.ss_size && (uintptr_t)at < (uintptr_t)mine.ss_sp + mine.ss_size && (uintptr_t)mine.ss_sp < (uintptr_t)at + bytes)
        go_without();
}
