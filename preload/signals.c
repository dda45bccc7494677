/*
 * signals.c - the fault signals stay out of every mask and their actions stay ours; programs see what they asked for.
 *
 * A touch of an absent page while its signal is blocked kills the process, and workers that block every signal
 * are common. So it is taken out of the masks on their way to the kernel, and what the program wished is remembered:
 * per thread which of them it "blocks", per signal which its handler's mask held. The actions themselves are
 * kept by the engine (lensi_fault_action), which forwards what is not its own fault.
 *
 * Not kept up: a thread that "blocks" a fault signal still gets one sent by kill(2); masks edited in a ucontext.
 */
#undef _FORTIFY_SOURCE
#include "preload/signals.h"

#include "preload/io.h"
#include "preload/record_death.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset and its kind: old programs use them */

enum { KERNEL_SET_BYTES = 8, SIGNALS = 65 };

/* Which fault signals the program believes that this thread blocks; bits as in the kernel's masks. */
static _Thread_local uint64_t blocked __attribute__((tls_model("initial-exec")));
/* Which of them the program's handler of a signal was to run with blocked. */
static _Atomic uint64_t handler_blocks[SIGNALS];

LENSI_EXPORT int __sigaction(int number, const struct sigaction *set, struct sigaction *old);
LENSI_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);
LENSI_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler);
LENSI_EXPORT int __sigsuspend(const sigset_t *mask);

/* libc's sigset_t is larger than the kernel's; only the kernel's part is read and written. */
static void set_copy(sigset_t *to, const sigset_t *from)
{
    memcpy(to, from, KERNEL_SET_BYTES);
}

/* The fault signals in set. */
static uint64_t faults_in(const sigset_t *set)
{
    uint64_t bits;

    memcpy(&bits, set, sizeof bits);
    return bits & lensi_fault_signals();
}

static void take_out(sigset_t *set, uint64_t signals)
{
    uint64_t bits;

    memcpy(&bits, set, sizeof bits);
    bits &= ~signals;
    memcpy(set, &bits, sizeof bits);
}

static void put_in(sigset_t *set, uint64_t signals)
{
    uint64_t bits;

    memcpy(&bits, set, sizeof bits);
    bits |= signals;
    memcpy(set, &bits, sizeof bits);
}

static uint64_t bit(int number)
{
    return number > 0 && number < SIGNALS ? 1ull << (number - 1) : 0;
}

static bool is_fault(int number)
{
    return bit(number) & lensi_fault_signals();
}

const sigset_t *lensi_mask_without(const sigset_t *mask, sigset_t *copy)
{
    if (!mask || !lensi_is_pinning() || !lensi_is_program_readable(mask, KERNEL_SET_BYTES))
        return mask;
    sigemptyset(copy);
    set_copy(copy, mask);
    take_out(copy, lensi_fault_signals());
    return copy;
}

/* ---- masks */

static void note_mask(int how, uint64_t members)
{
    if (how == SIG_SETMASK)
        blocked = members;
    else if (how == SIG_BLOCK)
        blocked |= members;
    else
        blocked &= ~members;
}

typedef int mask_function(int how, const sigset_t *set, sigset_t *old);

/* The kernel gets copies, because it would write `old` itself. */
static int change_mask(mask_function *next, int how, const sigset_t *set, sigset_t *old)
{
    uint64_t was = blocked, members = set ? faults_in(set) : 0;
    sigset_t clean, before;
    int result;

    if (!lensi_fault_signals())
        return next(how, set, old);
    sigemptyset(&before);
    result = next(how, lensi_mask_without(set, &clean), &before);
    if (result != 0)
        return result;
    if (set)
        note_mask(how, members);
    put_in(&before, was);
    if (old)
        set_copy(old, &before);
    return 0;
}

LENSI_EXPORT int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    return change_mask(LENSI_NEXT(sigprocmask), how, set, old);
}

LENSI_EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    return change_mask(LENSI_NEXT(pthread_sigmask), how, set, old);
}

/* The BSD calls take masks of 32 bits. */
LENSI_EXPORT int sigblock(int mask)
{
    uint64_t faults = (uint32_t)mask & lensi_fault_signals();
    int old = LENSI_NEXT(sigblock)((int)((uint32_t)mask & ~faults)) | (int)blocked;

    blocked |= faults;
    return old;
}

LENSI_EXPORT int sigsetmask(int mask)
{
    uint64_t faults = (uint32_t)mask & lensi_fault_signals();
    int old = LENSI_NEXT(sigsetmask)((int)((uint32_t)mask & ~faults)) | (int)blocked;

    blocked = faults;
    return old;
}

LENSI_EXPORT int siggetmask(void)
{
    return LENSI_NEXT(siggetmask)() | (int)blocked;
}

LENSI_EXPORT int sighold(int number)
{
    if (!is_fault(number))
        return LENSI_NEXT(sighold)(number);
    blocked |= bit(number);
    return 0;
}

LENSI_EXPORT int sigrelse(int number)
{
    if (!is_fault(number))
        return LENSI_NEXT(sigrelse)(number);
    blocked &= ~bit(number);
    return 0;
}

LENSI_EXPORT int sigsuspend(const sigset_t *mask)
{
    sigset_t copy;

    return LENSI_NEXT(sigsuspend)(lensi_mask_without(mask, &copy));
}

LENSI_EXPORT int __sigsuspend(const sigset_t *mask)
{
    return sigsuspend(mask);
}

LENSI_EXPORT int sigpending(sigset_t *to)
{
    struct lensi_pins pins;
    int result;

    pins.count = 0;
    OUT(to, KERNEL_SET_BYTES)
    result = LENSI_NEXT(sigpending)(to);
    lensi_pins_end(&pins);
    return result;
}

LENSI_EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *mask)
{
    sigset_t copy;

    return LENSI_NEXT(pthread_attr_setsigmask_np)(attributes, lensi_mask_without(mask, &copy));
}

/* ---- threads inherit the mask, so also what the program believes of it */

struct start {
    void *(*run)(void *);
    void *argument;
    uint64_t blocked;
};

static void *start_blocked(void *from)
{
    struct start start = *(struct start *)from;

    free(from);
    blocked = start.blocked;
    return start.run(start.argument);
}

LENSI_EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                                void *(*run)(void *), void *restrict argument)
{
    struct start *start = blocked ? malloc(sizeof *start) : NULL;
    int result;

    if (!start)
        return LENSI_NEXT(pthread_create)(thread, attributes, run, argument);
    *start = (struct start){run, argument, blocked};
    result = LENSI_NEXT(pthread_create)(thread, attributes, start_blocked, start);
    if (result != 0)
        free(start);
    return result;
}

/* ---- actions */

/* Through copies: the engine must not touch the program's memory while it holds a lock. */
static int fault_action(int number, const struct sigaction *set, struct sigaction *old)
{
    struct sigaction wish, before, ours;

    if (set)
        wish = *lensi_death_action(number, set, &ours);
    lensi_fault_action(number, set ? &wish : NULL, &before);
    lensi_death_hide(&before);
    if (old)
        *old = before;
    return 0;
}

static int other_action(int number, const struct sigaction *set, struct sigaction *old)
{
    struct sigaction ours;
    int result = LENSI_NEXT(sigaction)(number, lensi_death_action(number, set, &ours), old);

    if (result == 0)
        lensi_death_hide(old);
    return result;
}

LENSI_EXPORT int sigaction(int number, const struct sigaction *restrict set, struct sigaction *restrict old)
{
    struct sigaction clean;
    uint64_t members = 0, was;
    int result;

    if (!lensi_fault_signals() || number <= 0 || number >= SIGNALS)
        return other_action(number, set, old);
    if (is_fault(number))
        return fault_action(number, set, old);
    was = atomic_load(&handler_blocks[number]);
    if (set) {
        clean = *set;
        members = faults_in(&clean.sa_mask);
        take_out(&clean.sa_mask, members);
    }
    result = other_action(number, set ? &clean : NULL, old);
    if (result == 0 && set)
        atomic_store(&handler_blocks[number], members);
    if (result == 0 && old)
        put_in(&old->sa_mask, was);
    return result;
}

LENSI_EXPORT int __sigaction(int number, const struct sigaction *set, struct sigaction *old)
{
    return sigaction(number, set, old);
}

/* signal(2) in its flavours, for a fault signal. */
static sighandler_t fault_handler(int number, sighandler_t handler, int flags)
{
    struct sigaction set = {.sa_flags = flags}, old;

    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    set.sa_handler = handler;
    sigemptyset(&set.sa_mask);
    fault_action(number, &set, &old);
    return old.sa_handler;
}

/* What signal(2) and its kind have returned for a signal that is no fault's. */
static sighandler_t other_handler(int number, sighandler_t handler, sighandler_t old)
{
    if (old != SIG_ERR)
        lensi_death_set(number, handler);
    return lensi_death_hidden(old);
}

#define SIGNAL(name, flags) \
    LENSI_EXPORT sighandler_t name(int number, sighandler_t handler) \
    { \
        if (is_fault(number)) \
            return fault_handler(number, handler, flags); \
        return other_handler(number, handler, LENSI_NEXT(name)(number, handler)); \
    }
SIGNAL(signal, SA_RESTART)
SIGNAL(bsd_signal, SA_RESTART)
SIGNAL(ssignal, SA_RESTART)
SIGNAL(sysv_signal, (int)(SA_RESETHAND | SA_NODEFER))
SIGNAL(__sysv_signal, (int)(SA_RESETHAND | SA_NODEFER))

LENSI_EXPORT sighandler_t sigset(int number, sighandler_t handler)
{
    bool was = blocked & bit(number);
    struct sigaction before;
    sighandler_t old;

    if (!is_fault(number))
        return other_handler(number, handler, LENSI_NEXT(sigset)(number, handler));
    fault_action(number, NULL, &before);
    old = before.sa_handler;
    if (handler == SIG_HOLD) {
        blocked |= bit(number);
    } else {
        blocked &= ~bit(number);
        fault_handler(number, handler, 0);
    }
    return was ? SIG_HOLD : old;
}

LENSI_EXPORT int sigignore(int number)
{
    if (!is_fault(number))
        return LENSI_NEXT(sigignore)(number);
    fault_handler(number, SIG_IGN, 0);
    return 0;
}

LENSI_EXPORT int siginterrupt(int number, int interrupt)
{
    struct sigaction action;

    if (!is_fault(number))
        return LENSI_NEXT(siginterrupt)(number, interrupt);
    fault_action(number, NULL, &action);
    action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    return fault_action(number, &action, NULL);
}
