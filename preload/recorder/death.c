/* record_death.c - see record_death.h. The handler runs on a stack of ours: the thread's own may have no room. */
#undef _FORTIFY_SOURCE
#include "preload/recorder/death.h"

#include "liblens/base/own_stack.h"
#include "liblens/base/sys.h"
#include "liblens/engine/forward.h"
#include "preload/next.h"
#include "preload/process.h"
#include "preload/recorder/record.h"

#define BIT(number) (1ull << ((number) - 1))

/* Those that end a process by default, and that can be caught. */
static const uint64_t fatal = BIT(SIGHUP) | BIT(SIGINT) | BIT(SIGQUIT) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGABRT) |
    BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGUSR1) | BIT(SIGSEGV) | BIT(SIGUSR2) | BIT(SIGPIPE) | BIT(SIGALRM) | BIT(SIGTERM) |
    BIT(SIGSTKFLT) | BIT(SIGXCPU) | BIT(SIGXFSZ) | BIT(SIGVTALRM) | BIT(SIGPROF) | BIT(SIGPOLL) | BIT(SIGPWR) | BIT(SIGSYS);
static bool started;
/* The default action has flags, too: those that the program set. */
static int flags_wished[65];

static bool is_fatal(int number) { return started && number > 0 && number <= 64 && fatal & BIT(number); }

static void finish(void *number) { lensi_process_dies(*(int *)number); }

/*
 * The signal comes again, with all that it told, when this returns: it is blocked until then. So the process ends where
 * it would have, and its parent, and a core file, show the same.
 */
static void dies(int number, siginfo_t *info, void *context)
{
    struct { sighandler_t handler; unsigned long flags; void *restorer; uint64_t mask; } plain = {.handler = SIG_DFL};
    int process = lensi_sys_process_id(), thread = lensi_sys_thread_id();
    uint64_t before = lensi_sys_signals_hold();

    (void)context;
    lensi_own_stack_run(finish, &number);
    lensi_sys(SYS_rt_sigaction, number, (long)&plain, 0, 8, 0, 0);
    if (lensi_sys(SYS_rt_tgsigqueueinfo, process, thread, number, (long)info, 0, 0) < 0)
        lensi_sys(SYS_tgkill, process, thread, number, 0, 0, 0);
    lensi_sys_signals_release(before);
}

static bool is_ours(const struct sigaction *action) { return action->sa_flags & SA_SIGINFO && action->sa_sigaction == dies; }

const struct sigaction *lensi_death_action(int number, const struct sigaction *set, struct sigaction *ours)
{
    if (!set || set->sa_handler != SIG_DFL || !is_fatal(number))
        return set;
    if (!lensi_process_is_guest())
        flags_wished[number] = set->sa_flags;
    *ours = (struct sigaction){.sa_sigaction = dies, .sa_mask = set->sa_mask, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    return ours;
}

void lensi_death_set(int number, sighandler_t handler)
{
    struct sigaction now;

    if (handler != SIG_DFL || !is_fatal(number) || sigaction(number, NULL, &now) < 0 || now.sa_handler != SIG_DFL)
        return;
    sigaction(number, &now, NULL);
    if (!lensi_process_is_guest())
        flags_wished[number] = now.sa_flags;
}

void lensi_death_hide(int number, struct sigaction *old)
{
    if (old && is_ours(old))
        *old = (struct sigaction){.sa_handler = SIG_DFL, .sa_mask = old->sa_mask, .sa_flags = flags_wished[number]};
}

sighandler_t lensi_death_hidden(sighandler_t old) { return old == (sighandler_t)(void *)dies ? SIG_DFL : old; }

void lensi_death_start(void)
{
    struct sigaction now;

    if (lensi_own_stack_open() < 0)
        return;
    started = true;
    for (int number = 1; number <= 64; number++)
        if (is_fatal(number) && sigaction(number, NULL, &now) == 0)
            lensi_death_set(number, now.sa_handler);
}

void lensi_death_end(void)
{
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    struct sigaction now;

    for (int number = 1; started && number <= 64; number++)
        if (is_fatal(number) && LENSI_NEXT(sigaction)(number, NULL, &now) == 0) {
            lensi_forward_show(number, &now);
            if (is_ours(&now))
                LENSI_NEXT(sigaction)(number, &plain, NULL);
        }
    started = false;
}
