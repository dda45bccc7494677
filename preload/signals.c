/*
 * signals.c - the actions of the fault signals stay ours; programs see what they asked for.
 *
 * The engine keeps what the program wants done with them (lensi_fault_action) and forwards what is not its own fault. Of
 * every other action the mask loses the fault signals, which are remembered here. A handler may also edit the mask in its
 * context: what it returns to is a restorer of ours, which looks (restorer.h).
 */
#undef _FORTIFY_SOURCE
#include "preload/signals.h"

#include "liblens/restorer.h"
#include "liblens/sys.h"
#include "preload/io.h"
#include "preload/masks.h"
#include "preload/record_death.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <stdatomic.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset and its kind: old programs use them */

/* Which fault signals the program's handler of a signal was to run with blocked. */
static _Atomic uint64_t handler_blocks[LENSI_SIGNALS];
/* What the program wanted its handler of a signal to return to, where it said so by number. */
static _Atomic uintptr_t restorer_wished[LENSI_SIGNALS];

LENSI_EXPORT int __sigaction(int number, const struct sigaction *set, struct sigaction *old);
LENSI_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);
LENSI_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler);

static bool is_signal(int number) { return number > 0 && number < LENSI_SIGNALS; }

static void remember(int number, uint64_t members, uintptr_t restorer)
{
    if (members == atomic_load(&handler_blocks[number]) && restorer == atomic_load(&restorer_wished[number]))
        return;
    if (lensi_process_is_guest()) /* a vfork's child: its actions are not its parent's */
        return;
    atomic_store(&handler_blocks[number], members);
    atomic_store(&restorer_wished[number], restorer);
}

/* ---- the kernel's own form of an action */

struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

static struct sigaction from_kernel(const struct kernel_action *from)
{
    struct sigaction to = {.sa_flags = (int)(unsigned)from->flags, .sa_restorer = (void (*)(void))from->restorer};

    to.sa_handler = (sighandler_t)from->handler;
    sigemptyset(&to.sa_mask);
    lensi_mask_add(&to.sa_mask, from->mask);
    return to;
}

static struct kernel_action to_kernel(const struct sigaction *from)
{
    return (struct kernel_action){(void *)from->sa_handler, (unsigned)from->sa_flags, (void *)from->sa_restorer, lensi_mask_bits(&from->sa_mask)};
}

static bool is_caught(const struct sigaction *action) { return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN; }

/* Only such a handler is shown its context. */
static bool may_edit_mask(const struct sigaction *action) { return LENSI_RESTORER_FLAG && is_caught(action) && action->sa_flags & SA_SIGINFO; }

/* With our restorer where a handler may edit its mask. 0 or -errno. */
static int install(int number, const struct sigaction *set, struct sigaction *old)
{
    struct kernel_action wanted = {0}, before = {0};
    int result;

    if (set)
        wanted = to_kernel(set);
#if defined(__x86_64__)
    if (set && may_edit_mask(set)) {
        wanted.flags |= LENSI_RESTORER_FLAG;
        wanted.restorer = (void *)lensi_restorer_programs;
    }
#endif
    result = (int)lensi_sys(SYS_rt_sigaction, number, set ? (long)&wanted : 0, (long)&before, LENSI_KERNEL_SET_BYTES, 0, 0);
    if (result == 0)
        *old = from_kernel(&before);
    return result;
}

/* Whether the function behind ours is libc's, not another library's that wants to know of it. */
static bool is_next_libc(void)
{
    static _Atomic int known; /* 1: no, 2: yes */
    Dl_info next, libc;

    if (!atomic_load(&known))
        atomic_store(&known, 1 + (dladdr((void *)LENSI_NEXT(sigaction), &next) && dladdr((void *)gnu_get_libc_version, &libc) && next.dli_fbase == libc.dli_fbase));
    return atomic_load(&known) == 2;
}

void lensi_signals_init(void) { is_next_libc(); }

/* ---- sigaction */

/* Through copies: the engine must not touch the program's memory while it holds a lock. */
static void fault_action(int number, const struct sigaction *set, struct sigaction *old)
{
    struct sigaction wish, before, ours;

    if (set)
        wish = *lensi_death_action(number, set, &ours);
    lensi_fault_action(number, set && !lensi_process_is_guest() ? &wish : NULL, &before);
    lensi_death_hide(&before);
    if (old)
        *old = before;
}

/* The two signals of libc's own it refuses by itself, and for SIGABRT it has a lock. */
static bool is_left_to_libc(int number, const struct sigaction *set)
{
    return !set || !may_edit_mask(set) || number == 32 || number == 33 || number == SIGABRT || !is_next_libc();
}

static int other_action(int number, const struct sigaction *set, struct sigaction *old)
{
    struct sigaction ours;
    int result;

    set = lensi_death_action(number, set, &ours);
    if (is_left_to_libc(number, set))
        return LENSI_NEXT(sigaction)(number, set, old);
    result = install(number, set, old);
    if (result < 0)
        errno = -result;
    return result < 0 ? -1 : 0;
}

LENSI_EXPORT int sigaction(int number, const struct sigaction *restrict set, struct sigaction *restrict old)
{
    struct sigaction clean, before;
    uint64_t members = 0;

    if (!lensi_fault_signals() || !is_signal(number)) {
        int result = LENSI_NEXT(sigaction)(number, lensi_death_action(number, set, &clean), old);
        if (result == 0)
            lensi_death_hide(old);
        return result;
    }
    if (set)
        clean = *set;
    if (lensi_is_fault(number)) {
        clean.sa_flags |= (int)LENSI_RESTORER_FLAG; /* as libc does */
        fault_action(number, set ? &clean : NULL, &before);
    } else {
        if (set) {
            members = lensi_mask_faults(&clean.sa_mask);
            lensi_mask_remove(&clean.sa_mask, members);
        }
        if (other_action(number, set ? &clean : NULL, &before) < 0)
            return -1;
        lensi_death_hide(&before);
        lensi_mask_add(&before.sa_mask, atomic_load(&handler_blocks[number]));
        if (set)
            remember(number, members, 0);
    }
    if (old)
        *old = before;
    return 0;
}

LENSI_EXPORT int __sigaction(int number, const struct sigaction *set, struct sigaction *old)
{
    return sigaction(number, set, old);
}

/* ---- the same by number, as sandboxes and crash reporters do it */

static int change_by_number(int number, const struct kernel_action *set, struct kernel_action *old)
{
    struct sigaction wish = {.sa_flags = 0}, before, ours;
    const struct sigaction *real = NULL;
    uintptr_t restorer = atomic_load(&restorer_wished[number]);
    uint64_t members = 0, were = atomic_load(&handler_blocks[number]);
    int result;

    if (set) {
        wish = from_kernel(set);
        members = lensi_mask_faults(&wish.sa_mask);
        lensi_mask_remove(&wish.sa_mask, members);
        real = lensi_death_action(number, &wish, &ours);
    }
    result = install(number, real, &before);
    if (result < 0)
        return result;
    if (set)
        remember(number, members, may_edit_mask(&wish) ? (uintptr_t)set->restorer : 0);
    lensi_death_hide(&before);
    lensi_mask_add(&before.sa_mask, were);
    *old = to_kernel(&before);
    if (restorer)
        old->restorer = (void *)restorer;
    return 0;
}

int lensi_action_by_number(int number, const void *set, void *old, size_t mask_bytes)
{
    struct kernel_action wish, before = {0};
    struct sigaction fault_wish, fault_before;
    int result = 0;

    if (mask_bytes != LENSI_KERNEL_SET_BYTES)
        return -EINVAL;
    if (set && !lensi_is_program_readable(set, sizeof wish))
        return -EFAULT;
    if (set)
        memcpy(&wish, set, sizeof wish);
    if (!is_signal(number))
        return -EINVAL;
    if (lensi_is_fault(number)) {
        if (set)
            fault_wish = from_kernel(&wish);
        fault_action(number, set ? &fault_wish : NULL, &fault_before);
        before = to_kernel(&fault_before);
    } else {
        result = change_by_number(number, set ? &wish : NULL, &before);
    }
    if (result < 0 || !old)
        return result;
    if (lensi_is_ours(old))
        memcpy(old, &before, sizeof before);
    else if (lensi_sys_copy_readable(old, &before, sizeof before) != sizeof before) /* by the kernel: it may not be writable */
        return -EFAULT;
    return 0;
}

/* ---- older calls */

/* signal(2) in its flavours, for a fault signal. */
static sighandler_t fault_handler(int number, sighandler_t handler, int flags, bool masks_itself)
{
    struct sigaction set = {.sa_flags = flags | (int)LENSI_RESTORER_FLAG}, old;

    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    set.sa_handler = handler;
    sigemptyset(&set.sa_mask);
    if (masks_itself)
        lensi_mask_add(&set.sa_mask, lensi_signal_bit(number));
    fault_action(number, &set, &old);
    return old.sa_handler;
}

/* What signal(2) and its kind have returned for a signal that is no fault's. */
static sighandler_t other_handler(int number, sighandler_t handler, sighandler_t old)
{
    if (old != SIG_ERR) {
        remember(number, 0, 0);
        lensi_death_set(number, handler);
    }
    return lensi_death_hidden(old);
}

#define SIGNAL(name, flags, masks_itself) \
    LENSI_EXPORT sighandler_t name(int number, sighandler_t handler) \
    { \
        if (lensi_is_fault(number)) \
            return fault_handler(number, handler, flags, masks_itself); \
        return other_handler(number, handler, LENSI_NEXT(name)(number, handler)); \
    }
SIGNAL(signal, SA_RESTART, true)
SIGNAL(bsd_signal, SA_RESTART, true)
SIGNAL(ssignal, SA_RESTART, true)
SIGNAL(sysv_signal, (int)(SA_RESETHAND | SA_NODEFER), false)
SIGNAL(__sysv_signal, (int)(SA_RESETHAND | SA_NODEFER), false)

LENSI_EXPORT sighandler_t sigset(int number, sighandler_t handler)
{
    struct sigaction before;
    sigset_t set, mask;

    if (!lensi_is_fault(number))
        return other_handler(number, handler, LENSI_NEXT(sigset)(number, handler));
    fault_action(number, NULL, &before);
    if (handler != SIG_HOLD && fault_handler(number, handler, 0, false) == SIG_ERR)
        return SIG_ERR;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(handler == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, &set, &mask);
    return sigismember(&mask, number) == 1 ? SIG_HOLD : before.sa_handler;
}

LENSI_EXPORT int sigignore(int number)
{
    if (!lensi_is_fault(number))
        return LENSI_NEXT(sigignore)(number);
    fault_handler(number, SIG_IGN, 0, false);
    return 0;
}

LENSI_EXPORT int siginterrupt(int number, int interrupt)
{
    struct sigaction action;

    if (!lensi_is_fault(number))
        return LENSI_NEXT(siginterrupt)(number, interrupt);
    fault_action(number, NULL, &action);
    action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    fault_action(number, &action, NULL);
    return 0;
}
