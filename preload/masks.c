/*
 * masks.c - the fault signals stay out of every signal mask, and programs see what they asked for.
 *
 * A touch of an absent page while its signal is blocked kills the process, and workers that block every signal are
 * common. So it is taken out of the masks on their way to the kernel, and lensi_fault_blocked remembers for each thread
 * which of them it "blocks". What a process inherits, and what it hands on to another program, is its wish.
 *
 * Not kept up: a thread that "blocks" a fault signal still gets one sent by kill(2); system(3) and popen(3) do not hand
 * the wish on.
 */
#undef _FORTIFY_SOURCE
#include "preload/masks.h"

#include "liblens/base/sys.h"
#include "preload/io.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigblock and its kind: old programs use them */

LENSI_EXPORT int __sigsuspend(const sigset_t *mask);
LENSI_EXPORT int __sigpause(int what, int is_signal);
LENSI_EXPORT int lensi_sigpause(int mask) __asm__("sigpause"); /* what the header calls so is another function */

const sigset_t *lensi_mask_without(const sigset_t *mask, sigset_t *copy)
{
    if (!mask || !lensi_is_pinning() || !lensi_is_program_readable(mask, LENSI_KERNEL_SET_BYTES))
        return mask;
    sigemptyset(copy);
    lensi_mask_copy(copy, mask);
    lensi_mask_remove(copy, lensi_fault_signals());
    return copy;
}

/*
 * A vfork's child has masks of its own, but our memory, thread-local storage, too: what it asks for, often an empty
 * mask before exec, must not become its parent's belief.
 */
static _Thread_local struct {
    int process;
    uint64_t blocked;
} guest __attribute__((tls_model("initial-exec")));

static uint64_t *believed(bool to_change)
{
    if (guest.process && guest.process == lensi_sys_process_id())
        return &guest.blocked;
    if (!to_change || !lensi_process_is_guest())
        return &lensi_fault_blocked;
    guest.process = lensi_sys_process_id();
    guest.blocked = lensi_fault_blocked;
    return &guest.blocked;
}

/* ---- what is inherited and handed on */

void lensi_mask_begin(void)
{
    uint64_t faults = lensi_fault_signals(), before = 0;

    if (!faults)
        return;
    lensi_sys_signal_mask(SIG_UNBLOCK, faults, &before);
    lensi_fault_blocked = before & faults;
}

/*
 * In that moment a handler of another signal that touched an absent page would be the end; but who blocks a fault
 * signal around exec blocks the others, too.
 */
void lensi_mask_hand_on(void)
{
    uint64_t faults = *believed(false) & lensi_fault_signals();

    if (faults)
        lensi_sys_signal_mask(SIG_BLOCK, faults, NULL);
}

void lensi_mask_take_back(void)
{
    if (*believed(false))
        lensi_sys_signal_mask(SIG_UNBLOCK, lensi_fault_signals(), NULL);
}

const posix_spawnattr_t *lensi_mask_spawn(const posix_spawnattr_t *attributes, posix_spawnattr_t *copy)
{
    short flags = 0;
    uint64_t mask = 0;
    sigset_t set;

    if (!(*believed(false) & lensi_fault_signals()) ||
        (attributes && (posix_spawnattr_getflags(attributes, &flags) != 0 || flags & POSIX_SPAWN_SETSIGMASK)))
        return attributes;
    if (attributes)
        *copy = *attributes; /* plain data, of which nothing is freed */
    else
        posix_spawnattr_init(copy);
    lensi_sys_signal_mask(SIG_BLOCK, 0, &mask);
    sigemptyset(&set);
    lensi_mask_add(&set, mask | *believed(false));
    posix_spawnattr_setsigmask(copy, &set);
    posix_spawnattr_setflags(copy, (short)(flags | POSIX_SPAWN_SETSIGMASK));
    return copy;
}

/* ---- the calls */

static void note_mask(int how, uint64_t members)
{
    uint64_t is = *believed(false);
    uint64_t now = how == SIG_SETMASK ? members : how == SIG_BLOCK ? is | members : is & ~members;

    if (now != is)
        *believed(true) = now;
}

typedef int mask_function(int how, const sigset_t *set, sigset_t *old);

/* The kernel gets copies, because it would write `old` itself. */
static int change_mask(mask_function *next, int how, const sigset_t *set, sigset_t *old)
{
    uint64_t was = *believed(false), members;
    sigset_t clean, before;
    int result;

    if (!lensi_fault_signals() || (set && !lensi_is_program_readable(set, LENSI_KERNEL_SET_BYTES)))
        return next(how, set, old);
    members = set ? lensi_mask_faults(set) : 0;
    sigemptyset(&before);
    result = next(how, lensi_mask_without(set, &clean), &before);
    if (result != 0)
        return result;
    if (set)
        note_mask(how, members);
    lensi_mask_add(&before, was);
    if (old)
        lensi_mask_copy(old, &before);
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
    int old = LENSI_NEXT(sigblock)((int)((uint32_t)mask & ~faults)) | (int)*believed(false);

    note_mask(SIG_BLOCK, faults);
    return old;
}

LENSI_EXPORT int sigsetmask(int mask)
{
    uint64_t faults = (uint32_t)mask & lensi_fault_signals();
    int old = LENSI_NEXT(sigsetmask)((int)((uint32_t)mask & ~faults)) | (int)*believed(false);

    note_mask(SIG_SETMASK, faults);
    return old;
}

LENSI_EXPORT int siggetmask(void)
{
    return LENSI_NEXT(siggetmask)() | (int)*believed(false);
}

LENSI_EXPORT int sighold(int number)
{
    if (!lensi_is_fault(number))
        return LENSI_NEXT(sighold)(number);
    note_mask(SIG_BLOCK, lensi_signal_bit(number));
    return 0;
}

LENSI_EXPORT int sigrelse(int number)
{
    if (!lensi_is_fault(number))
        return LENSI_NEXT(sigrelse)(number);
    note_mask(SIG_UNBLOCK, lensi_signal_bit(number));
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
    OUT(to, LENSI_KERNEL_SET_BYTES)
    result = LENSI_NEXT(sigpending)(to);
    lensi_pins_end(&pins);
    return result;
}

/* The old one, by a mask in a word. The header's names one signal, which does not touch the others. */
int lensi_sigpause(int mask)
{
    sigset_t set;

    sigemptyset(&set);
    lensi_mask_add(&set, (unsigned)mask);
    return sigsuspend(&set);
}

LENSI_EXPORT int __sigpause(int what, int is_signal)
{
    return is_signal ? LENSI_NEXT(__sigpause)(what, is_signal) : lensi_sigpause(what);
}

LENSI_EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *mask)
{
    sigset_t copy;

    return LENSI_NEXT(pthread_attr_setsigmask_np)(attributes, lensi_mask_without(mask, &copy));
}
