/*
 * signals.c - the actions of the fault signals stay ours; programs see what they asked for.
 *
 * The engine keeps what the program wants done with them (lensi_fault_action) and forwards what is not its own fault.
 * Every other action is set as the program asks for, without the fault signals in its mask. Where it is a handler, the
 * engine's then takes its place (forward.h).
 */
#undef _FORTIFY_SOURCE
#include "preload/signals.h"

#include "liblens/base/restorer.h"
#include "liblens/base/sys.h"
#include "liblens/engine/forward.h"
#include "preload/io.h"
#include "preload/masks.h"
#include "preload/recorder/death.h"

#include <errno.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset and its kind: old programs use them */

LENSI_EXPORT int __sigaction(int number, const struct sigaction *set, struct sigaction *old);
LENSI_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);
LENSI_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler);

static bool is_signal(int number) { return number > 0 && number < LENSI_SIGNALS; }

/* Two that libc keeps to itself. */
static bool is_libcs(int number) { return number == 32 || number == 33; }

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

/* What the kernel now has for a signal, or -errno. */
static int kernel_has(int number, struct sigaction *is)
{
    struct kernel_action now = {0};
    int result = (int)lensi_sys(SYS_rt_sigaction, number, 0, (long)&now, LENSI_KERNEL_SET_BYTES, 0, 0);

    if (result == 0)
        *is = from_kernel(&now);
    return result;
}

/*
 * The kernel has been given an action of the program's, by whatever way; `blocks` was taken out of its mask. Not in a
 * vfork's child, whose actions are not its parent's, and not where no memory is absent any more.
 */
static void adopt(int number, uint64_t blocks)
{
    struct sigaction is;

    if (!lensi_fault_signals() || !is_signal(number) || is_libcs(number) || lensi_retired || lensi_process_is_guest())
        return;
    if (kernel_has(number, &is) == 0)
        lensi_forward_adopt(number, &is, blocks);
}

void lensi_signals_end(void)
{
    struct sigaction is, wish;

    for (int number = 1; lensi_fault_signals() && number < LENSI_SIGNALS; number++) {
        if (lensi_is_fault(number) || kernel_has(number, &is) < 0)
            continue;
        wish = is;
        lensi_forward_show(number, &wish);
        lensi_mask_remove(&wish.sa_mask, lensi_fault_signals());
        if (wish.sa_sigaction != is.sa_sigaction) {
            struct kernel_action plain = to_kernel(&wish);
            lensi_sys(SYS_rt_sigaction, number, (long)&plain, 0, LENSI_KERNEL_SET_BYTES, 0, 0);
        }
    }
}

/* ---- sigaction */

/* Through copies: the engine must not touch the program's memory while it holds a lock. */
static void fault_action(int number, const struct sigaction *set, struct sigaction *old)
{
    struct sigaction wish, before, ours;

    if (set)
        wish = *lensi_death_action(number, set, &ours);
    lensi_fault_action(number, set && !lensi_process_is_guest() ? &wish : NULL, &before);
    lensi_death_hide(number, &before);
    if (old)
        *old = before;
}

LENSI_EXPORT int sigaction(int number, const struct sigaction *restrict set, struct sigaction *restrict old)
{
    struct sigaction clean, before, ours;
    uint64_t members = 0;

    if (set) {
        clean = *set;
        clean.sa_flags |= (int)LENSI_RESTORER_FLAG; /* as libc does */
        set = &clean;
    }
    if (!lensi_fault_signals() || !is_signal(number)) {
        int result = LENSI_NEXT(sigaction)(number, lensi_death_action(number, set, &ours), old);
        if (result == 0)
            lensi_death_hide(number, old);
        return result;
    }
    if (lensi_is_fault(number)) {
        fault_action(number, set, &before);
    } else {
        if (set) {
            members = lensi_mask_faults(&clean.sa_mask);
            lensi_mask_remove(&clean.sa_mask, members);
        }
        if (LENSI_NEXT(sigaction)(number, lensi_death_action(number, set, &ours), &before) < 0)
            return -1;
        lensi_forward_show(number, &before);
        lensi_death_hide(number, &before);
        if (set)
            adopt(number, members);
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
    struct kernel_action clean, before = {0};
    struct sigaction wish, shown, ours;
    uint64_t members = 0;
    int result;

    if (set) {
        wish = from_kernel(set);
        members = lensi_mask_faults(&wish.sa_mask);
        lensi_mask_remove(&wish.sa_mask, members);
        clean = to_kernel(lensi_death_action(number, &wish, &ours));
    }
    result = (int)lensi_sys(SYS_rt_sigaction, number, set ? (long)&clean : 0, (long)&before, LENSI_KERNEL_SET_BYTES, 0, 0);
    if (result < 0)
        return result;
    shown = from_kernel(&before);
    lensi_forward_show(number, &shown);
    lensi_death_hide(number, &shown);
    *old = to_kernel(&shown);
    if (set)
        adopt(number, members);
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

/* What the handler of a signal was before a call that returns it as the kernel has it. */
static sighandler_t handler_of(int number)
{
    struct sigaction was;

    if (!lensi_fault_signals() || !is_signal(number) || kernel_has(number, &was) < 0)
        return SIG_ERR;
    lensi_forward_show(number, &was);
    return was.sa_handler;
}

/* What signal(2) and its kind have returned for a signal that is no fault's. */
static sighandler_t other_handler(int number, sighandler_t handler, sighandler_t was, sighandler_t old)
{
    if (old == SIG_ERR)
        return old;
    adopt(number, 0);
    lensi_death_set(number, handler);
    return lensi_death_hidden(was == SIG_ERR || old == SIG_HOLD ? old : was);
}

#define SIGNAL(name, flags, masks_itself) \
    LENSI_EXPORT sighandler_t name(int number, sighandler_t handler) \
    { \
        if (lensi_is_fault(number)) \
            return fault_handler(number, handler, flags, masks_itself); \
        sighandler_t was = handler_of(number); \
        return other_handler(number, handler, was, LENSI_NEXT(name)(number, handler)); \
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

    if (!lensi_is_fault(number)) {
        sighandler_t was = handler_of(number);
        return other_handler(number, handler, was, LENSI_NEXT(sigset)(number, handler));
    }
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

    if (!lensi_is_fault(number)) {
        int result = LENSI_NEXT(siginterrupt)(number, interrupt);
        if (result == 0)
            adopt(number, 0);
        return result;
    }
    fault_action(number, NULL, &action);
    action.sa_flags = interrupt ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
    fault_action(number, &action, NULL);
    return 0;
}
