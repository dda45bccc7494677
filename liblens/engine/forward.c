/*
 * forward.c - what the program wants done with the signals that we catch; see forward.h.
 *
 * Our handler runs on the alternate stack, which is ours if the program has none. A handler of the program's that did
 * not ask for one, or has none, has to run below the interrupted frame: its own signal frame is laid there, as the
 * kernel would lay it, and our handler returns into it. The kernel could not lay it where the stack is absent.
 */
#include "liblens/engine/forward.h"

#include "liblens/base/restorer.h"
#include "liblens/base/signal_stack.h"
#include "liblens/base/sys.h"
#include "liblens/engine/engine.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/pages.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

#define BIT(number) (1ull << ((number) - 1))
/* What Linux keeps of an action's flags (UAPI_SA_FLAGS). */
#define FLAGS_KEPT \
    ((unsigned)(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | 0x800 /* EXPOSE_TAGBITS */) | \
     (unsigned)SA_RESETHAND | (unsigned)LENSI_RESTORER_FLAG)


/* ---- the program's actions: two copies of each, so that reading needs no lock */

static struct program_action {
    struct sigaction copy[2];
    _Atomic uint32_t now;
} program_actions[65]; /* by number */
static struct lensi_lock program_action_lock;
static lensi_signal_handler our_handler; /* of the fault signals */

static struct program_action *action_of(int number) { return &program_actions[number]; }

static bool is_caught(const struct sigaction *action) { return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN; }

/* Under the lock. The new action shows only when it is complete. */
static void replace(struct program_action *action, const struct sigaction *set)
{
    uint32_t next = !atomic_load(&action->now);

    action->copy[next] = *set;
    action->copy[next].sa_flags = (int)((unsigned)set->sa_flags & FLAGS_KEPT);
    sigdelset(&action->copy[next].sa_mask, SIGKILL);
    sigdelset(&action->copy[next].sa_mask, SIGSTOP);
    atomic_store(&action->now, next);
}

/* Whether a system call goes on after the signal is for the program to say, also where the kernel calls us. */
static bool restarts(const struct sigaction *action) { return !is_caught(action) || action->sa_flags & SA_RESTART; }

void lensi_fault_action(int number, const struct sigaction *set, struct sigaction *old)
{
    struct program_action *action = action_of(number);
    struct sigaction before;
    uint64_t held = lensi_sys_signals_hold();

    lensi_lock(&program_action_lock);
    before = action->copy[atomic_load(&action->now)];
    if (set) {
        replace(action, set);
        if (restarts(set) != restarts(&before))
            lensi_sys_catch(number, our_handler, restarts(set) ? SA_RESTART : 0, NULL);
    }
    lensi_unlock(&program_action_lock);
    lensi_sys_signals_release(held);
    if (old)
        *old = before;
}

/* SA_RESETHAND: the handler alone goes, flags and mask stay to be seen. */
static void reset(int number, const struct sigaction *was)
{
    struct program_action *action = action_of(number);
    struct sigaction now;

    lensi_lock(&program_action_lock);
    now = action->copy[atomic_load(&action->now)];
    if (now.sa_handler == was->sa_handler) {
        now.sa_handler = SIG_DFL;
        replace(action, &now);
    }
    lensi_unlock(&program_action_lock);
}

int lensi_forward_listen(int number, lensi_signal_handler handler)
{
    our_handler = handler;
    return lensi_sys_catch(number, handler, SA_RESTART, &action_of(number)->copy[0]);
}

/* ---- other signals: the kernel has been given the program's action, and is given ours in its place */

static lensi_signal_handler others_handler;

void lensi_forward_others(lensi_signal_handler handler) { others_handler = handler; }

/* On other machines the kernel calls the program's handler. */
static int catch_other(int number, int flags)
{
#if defined(__x86_64__)
    const int kernels = SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT | (int)SA_RESETHAND; /* what is for the kernel to do */

    return lensi_sys_catch_open(number, others_handler, flags & kernels, lensi_open_signals);
#else
    (void)number;
    (void)flags;
    return 0;
#endif
}

void lensi_forward_adopt(int number, const struct sigaction *is, uint64_t blocks)
{
    struct program_action *action = action_of(number);
    struct sigaction set = *is;
    uint64_t held = lensi_sys_signals_hold();

    lensi_lock(&program_action_lock);
    if (is->sa_sigaction == others_handler) { /* libc has changed the flags of what it found (siginterrupt) */
        set = action->copy[atomic_load(&action->now)];
        set.sa_flags = (set.sa_flags & ~SA_RESTART) | (is->sa_flags & SA_RESTART);
    }
    for (int i = 1; i < 64; i++)
        if (blocks >> (i - 1) & 1)
            sigaddset(&set.sa_mask, i);
    replace(action, &set);
    if (is_caught(&set) && is->sa_sigaction != others_handler)
        catch_other(number, set.sa_flags);
    lensi_unlock(&program_action_lock);
    lensi_sys_signals_release(held);
}

void lensi_forward_show(int number, struct sigaction *action)
{
    const struct program_action *of = action_of(number);
    const struct sigaction *wish = &of->copy[atomic_load(&of->now)];

    if (others_handler && (action->sa_sigaction == others_handler || action->sa_handler == wish->sa_handler))
        *action = *wish;
}

static bool is_ignored(int number)
{
    const struct program_action *action;

    if (!(lensi_open_signals & BIT(number)))
        return false;
    action = action_of(number);
    return action->copy[atomic_load(&action->now)].sa_handler == SIG_IGN;
}

void lensi_fault_hand_on(void)
{
    struct { sighandler_t handler; unsigned long flags; void *restorer; uint64_t mask; } ignore = {.handler = SIG_IGN};

    for (int number = 1; number < 64; number++)
        if (is_ignored(number))
            lensi_sys(SYS_rt_sigaction, number, (long)&ignore, 0, 8, 0, 0);
}

void lensi_fault_take_back(void)
{
    for (int number = 1; number < 64; number++)
        if (is_ignored(number))
            lensi_sys_catch(number, our_handler, SA_RESTART, NULL);
}

void lensi_forward_after_fork(void) { atomic_store(&program_action_lock.held, 0); }

/* ---- acting on them */

/* The signal comes again, with all that it told, when our handler returns: it is blocked until then. */
static void act_by_default(int number, siginfo_t *info)
{
    struct { lensi_signal_handler handler; unsigned long flags; void *restorer; uint64_t mask; } plain = {0};
    int process = lensi_sys_process_id(), thread = lensi_sys_thread_id();

    lensi_sys(SYS_rt_sigaction, number, (long)&plain, 0, 8, 0, 0);
    if (lensi_sys(SYS_rt_tgsigqueueinfo, process, thread, number, (long)info, 0, 0) < 0)
        lensi_sys(SYS_tgkill, process, thread, number, 0, 0, 0);
}

static uint64_t bits_of(const sigset_t *set)
{
    uint64_t bits;

    memcpy(&bits, set, sizeof bits);
    return bits;
}

static void set_bits(sigset_t *set, uint64_t bits) { memcpy(set, &bits, sizeof bits); }

/* A handler and what it is called with. */
struct call {
    struct sigaction action;
    int number;
    siginfo_t *info;
    ucontext_t *context; /* as the program may see it: what it believes to block is in its mask */
    uint64_t mask;       /* the kernel's while it runs: our own faults must still reach us */
    uint64_t believed;   /* and what the program believes to be blocked of the fault signals */
};

#if defined(__x86_64__)

enum { RED_ZONE = 128, FX_BYTES = 512, FX_MXCSR_AT = 24, FX_MAGIC_AT = 464, FX_SIZE_AT = 468, STATE_BITS_AT = 512, KERNEL_UCONTEXT_BYTES = 304 };

/* Such an alternate stack is none while a handler runs, wherever it runs. */
#define DISARMED (1u << 31) /* SS_AUTODISARM */

/* What the kernel lays on the stack of a handler: struct rt_sigframe. */
struct frame {
    lensi_restorer *back;
    uint8_t context[KERNEL_UCONTEXT_BYTES];
    siginfo_t info;
};

static _Thread_local bool is_laying __attribute__((tls_model("initial-exec")));

/* Whether the kernel brought us to the alternate stack, from another. */
static bool has_switched(const ucontext_t *context)
{
    uintptr_t low = (uintptr_t)context->uc_stack.ss_sp, bytes = context->uc_stack.ss_size;
    uintptr_t interrupted = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];

    return bytes && (uintptr_t)context - low < bytes && interrupted - low - 1 >= bytes;
}

static uint32_t word(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static size_t state_bytes(const uint8_t *state)
{
    return word(state + FX_MAGIC_AT) == 0x46505853u /* FP_XSTATE_MAGIC1 */ ? word(state + FX_SIZE_AT) : FX_BYTES;
}

/* The floating point state that a handler begins with. */
static void begin_state(uint8_t *state)
{
    const uint32_t control = 0x37f, mxcsr = 0x1f80;

    if (state_bytes(state) > FX_BYTES)
        memset(state + STATE_BITS_AT, 0, sizeof(uint64_t));
    memcpy(state, &control, sizeof control); /* the status word behind it becomes zero */
    state[4] = 0;
    memcpy(state + FX_MXCSR_AT, &mxcsr, sizeof mxcsr);
}

/* As the program may see it: where it has no alternate stack, none. What the kernel wrote stays for our own return. */
static void copy_context(uint8_t *to, const ucontext_t *from)
{
    const stack_t none = {.ss_flags = SS_DISABLE};

    memcpy(to, from, KERNEL_UCONTEXT_BYTES);
    if (lensi_signal_stack_is_ours(&from->uc_stack))
        memcpy(to + offsetof(ucontext_t, uc_stack), &none, sizeof none);
}

/* Where no frame fits, the program's stack is at its end: it dies of that, as it would without us. */
static struct frame *lay(const struct call *call)
{
    greg_t *registers = call->context->uc_mcontext.gregs;
    uint8_t *state = (uint8_t *)call->context->uc_mcontext.fpregs, *state_to;
    uintptr_t top = (uintptr_t)registers[REG_RSP] - RED_ZONE;
    struct frame *frame;

    state_to = (uint8_t *)((top - (state ? state_bytes(state) : 0)) & ~(uintptr_t)63);
    frame = (struct frame *)((((uintptr_t)state_to - sizeof *frame + 8) & ~(uintptr_t)15) - 8);
    is_laying = true;
    if (lensi_open_signals & BIT(call->number) && !lensi_retired)
        lensi_sys_signal_mask(SIG_UNBLOCK, lensi_open_signals, NULL); /* the stack may be a block of ours */
    frame->back = lensi_restorer_forwarded;
    frame->info = *call->info;
    copy_context(frame->context, call->context);
    if (state) {
        memcpy(state_to, state, state_bytes(state));
        memcpy(frame->context + offsetof(ucontext_t, uc_mcontext.fpregs), &state_to, sizeof state_to);
    }
    is_laying = false;
    return frame;
}

/* Our own context becomes that of the handler's first instruction. */
static void return_into(const struct call *call)
{
    greg_t *registers = call->context->uc_mcontext.gregs;
    struct frame *frame = lay(call);

    if ((unsigned)call->context->uc_stack.ss_flags & DISARMED)
        call->context->uc_stack = lensi_signal_stack_idle();
    if (call->context->uc_mcontext.fpregs)
        begin_state((uint8_t *)call->context->uc_mcontext.fpregs);
    registers[REG_RIP] = (greg_t)call->action.sa_sigaction;
    registers[REG_RSP] = (greg_t)frame;
    registers[REG_RDI] = call->number;
    registers[REG_RSI] = (greg_t)&frame->info;
    registers[REG_RDX] = (greg_t)frame->context;
    registers[REG_RAX] = 0;
    registers[REG_EFL] &= ~(greg_t)0x10500; /* direction, trap, resume */
    set_bits(&call->context->uc_sigmask, call->mask);
    lensi_fault_blocked = call->believed;
}

#else

static const bool is_laying = false;

static bool has_switched(const ucontext_t *context)
{
    (void)context;
    return false; /* handlers run where ours does */
}

static void return_into(const struct call *call) { (void)call; }

#endif

/* Here, on the stack that the kernel chose. The handler may jump away. */
static void call_here(const struct call *call)
{
    uint64_t mask;

    lensi_fault_blocked = call->believed;
    lensi_sys_signal_mask(SIG_SETMASK, call->mask, NULL);
    if (call->action.sa_flags & SA_SIGINFO)
        call->action.sa_sigaction(call->number, call->info, call->context);
    else
        call->action.sa_handler(call->number);
    mask = bits_of(&call->context->uc_sigmask);
    lensi_fault_blocked = mask & lensi_open_signals;
    set_bits(&call->context->uc_sigmask, mask & ~lensi_open_signals);
}

void lensi_forward(int number, siginfo_t *info, void *context)
{
    struct program_action *of = action_of(number);
    struct call call = {.action = of->copy[atomic_load(&of->now)], .number = number, .info = info, .context = context};
    uint64_t before = lensi_fault_blocked, during;
    bool sent = info->si_code <= 0;

    if (call.action.sa_handler == SIG_IGN && (sent || !(lensi_open_signals & BIT(number))))
        return;
    if (!is_caught(&call.action) || is_laying || (!sent && before & BIT(number))) {
        act_by_default(number, info);
        return;
    }
    if (call.action.sa_flags & (int)SA_RESETHAND)
        reset(number, &call.action);
    during = bits_of(&call.context->uc_sigmask) | bits_of(&call.action.sa_mask) | (call.action.sa_flags & SA_NODEFER ? 0 : BIT(number));
    call.mask = during & ~lensi_open_signals;
    call.believed = before | (during & lensi_open_signals);
    set_bits(&call.context->uc_sigmask, bits_of(&call.context->uc_sigmask) | before);
    if (has_switched(context) && (!(call.action.sa_flags & SA_ONSTACK) || lensi_signal_stack_is_ours(&call.context->uc_stack)))
        return_into(&call);
    else
        call_here(&call);
}
