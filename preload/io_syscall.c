/*
 * io_syscall.c - syscall(2): what a program asks of the kernel by number gets the same treatment as by name.
 *
 * Not a cancellation point, so no cleanup handler. Nobody calls vfork this way: its child would return on the stack
 * that the parent is to return on, through libc's function as through ours.
 */
#undef _FORTIFY_SOURCE
#include "preload/descriptors.h"
#include "preload/io.h"
#include "preload/io_syscalls.h"
#include "preload/masks.h"
#include "preload/process.h"
#include "preload/recorder/record.h"
#include "preload/signals.h"

#include "liblens/base/sys.h"
#include "liblens/engine/recognise.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif

/* unistd.h declares it with an ellipsis; whatever the number, libc passes six arguments on. */
typedef long syscall_function(long number, long a, long b, long c, long d, long e, long f);
LENSI_EXPORT long lensi_syscall(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");
#define CALL_PLACE __builtin_return_address(0), (const uintptr_t *)__builtin_frame_address(0) + 1
#define NEXT_SYSCALL ((syscall_function *)LENSI_NEXT(syscall))

#define POINTER(x) ((const void *)(x))
#define i(at, bytes) IN(POINTER(at), (size_t)(bytes))
#define o(at, bytes) OUT(POINTER(at), (size_t)(bytes))
#define t(at) TEXT(POINTER(at))
#define ts(at) TEXTS((char *const *)(at))
#define vi(at, count) VECTOR_IN(POINTER(at), count)
#define vo(at, count) VECTOR_OUT(POINTER(at), count)
#define mi(at) lensi_pins_add_message(&pins, POINTER(at), LENSI_PIN_IN);
#define mo(at) lensi_pins_add_message(&pins, POINTER(at), LENSI_PIN_OUT);
#define ms(at, count) lensi_pins_add_messages(&pins, (struct mmsghdr *)(at), (unsigned)(count), LENSI_PIN_IN);
#define p(at) AROUND(POINTER(at))
#define ad(at, bytes) ADDRESS((void *)(at), (socklen_t *)(bytes))
#define ne(at, bytes) NESTED(POINTER(at), (size_t)(bytes))
#define k(at, bytes) FOREVER(POINTER(at), (size_t)(bytes))
#define CASE(name, words) \
    case SYS_##name: \
        words \
        break;

static long pinned(long number, long a, long b, long c, long d, long e, long f)
{
    struct lensi_pins pins;
    long result;

    pins.count = 0;
    switch (number) {
        LENSI_SYSCALL_TABLE(CASE)
    default: /* newer than this table, or of no interest to it */
        p(a) p(b) p(c) p(d) p(e) p(f)
        break;
    }
    result = NEXT_SYSCALL(number, a, b, c, d, e, f);
    lensi_pins_end(&pins);
    return result;
}
#undef i
#undef o
#undef t
#undef ts
#undef vi
#undef vo
#undef mi
#undef mo
#undef ms
#undef p
#undef ad
#undef ne
#undef k

/* ---- buffers that the kernel goes on using after the call */

static void keep_requests(struct iocb *const *list, long count)
{
    for (long i = 0; i < count && lensi_is_program_readable(&list[i], sizeof *list); i++) {
        if (!lensi_is_program_readable(list[i], sizeof *list[i]))
            break;
        lensi_pin_forever(list[i], sizeof *list[i]);
        lensi_pin_forever((const void *)(uintptr_t)list[i]->aio_buf, list[i]->aio_nbytes);
    }
}

static void keep_vector(const struct iovec *vector, long count)
{
    lensi_pin_forever(vector, (size_t)count * sizeof *vector);
    for (long i = 0; i < count && lensi_is_program_readable(&vector[i], sizeof *vector); i++)
        lensi_pin_forever(vector[i].iov_base, vector[i].iov_len);
}

/* ---- calls that do more than use memory */

/* A process of its own, with a copy of our memory. clone3's flags are the first word of what it points to. */
static bool copies_memory(long number, long a)
{
    if (number == SYS_fork)
        return true;
    if (number == SYS_clone)
        return !((unsigned long)a & CLONE_VM);
    return number == SYS_clone3 && lensi_is_program_readable(POINTER(a), sizeof(uint64_t)) && !(((const struct clone_args *)a)->flags & CLONE_VM);
}

/* The program locks itself in: afterwards our calls may be refused, or end it. libseccomp first asks with no filter. */
static bool gives_up_calls(long number, long a, long b, long c)
{
    if (number == SYS_prctl)
        return a == PR_SET_SECCOMP && (b == SECCOMP_MODE_STRICT || c);
    return number == SYS_seccomp && (a == SECCOMP_SET_MODE_STRICT || (a == SECCOMP_SET_MODE_FILTER && c));
}

static bool gives_descriptor(long number)
{
    return number == SYS_open || number == SYS_openat || number == SYS_openat2 || number == SYS_pidfd_getfd || number == SYS_open_by_handle_at;
}

static long forked(long number, long a, long b, long c, long d, long e)
{
    struct lensi_pins pins;
    long pid;

    pins.count = 0;
    if (number == SYS_clone3)
        IN(POINTER(a), (size_t)b)
    lensi_process_forks();
    pid = NEXT_SYSCALL(number, a, b, c, d, e, 0);
    lensi_process_forked(pid == 0);
    lensi_pins_end(&pins);
    return pid;
}

static long execute(long number, long a, long b, long c, long d, long e, long f)
{
    LEAVES
    return pinned(number, a, b, c, d, e, f);
}

static long by_number(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* The calls for which this library has a function that does more than pin. False: not one of them. */
static bool by_name(long number, long a, long b, long c, long d, long e, long f, long *result)
{
    void *at = (void *)a;

    switch (number) {
    case SYS_recvmsg: *result = recvmsg((int)a, (struct msghdr *)b, (int)c); return true;
    case SYS_recvmmsg: *result = recvmmsg((int)a, (struct mmsghdr *)b, (unsigned)c, (int)d, (struct timespec *)e); return true;
    case SYS_close: *result = close((int)a); return true;
    case SYS_close_range: *result = close_range((unsigned)a, (unsigned)b, (int)c); return true;
    case SYS_dup2: *result = dup2((int)a, (int)b); return true;
    case SYS_dup3: *result = dup3((int)a, (int)b, (int)c); return true;
    case SYS_madvise: *result = madvise(at, (size_t)b, (int)c); return true;
    case SYS_process_madvise: *result = process_madvise((int)a, (const struct iovec *)b, (size_t)c, (int)d, (unsigned)e); return true;
    case SYS_remap_file_pages: *result = remap_file_pages(at, (size_t)b, (int)c, (size_t)d, (int)e); return true;
    case SYS_mprotect: *result = mprotect(at, (size_t)b, (int)c); return true;
    case SYS_munmap: *result = munmap(at, (size_t)b); return true;
    case SYS_pkey_mprotect: *result = pkey_mprotect(at, (size_t)b, (int)c, (int)d); return true;
    case SYS_mmap: *result = (long)mmap(at, (size_t)b, (int)c, (int)d, (int)e, f); return true;
    case SYS_mremap: *result = (long)mremap(at, (size_t)b, (size_t)c, (int)d, (void *)e); return true;
    case SYS_mlock: *result = mlock(at, (size_t)b); return true;
    case SYS_mlock2: *result = mlock2(at, (size_t)b, (unsigned)c); return true;
    case SYS_mlockall: *result = mlockall((int)a); return true;
    case SYS_rt_sigprocmask: /* which is also used to ask the kernel whether something can be read (Abseil) */
        if (b && !lensi_is_program_readable((const void *)b, sizeof(uint64_t)))
            return false;
        *result = sigprocmask((int)a, (const void *)b, (void *)c);
        return true;
    case SYS_rt_sigaction:
        if (!lensi_fault_signals() && !lensi_recording) /* nothing of ours to hide */
            return false;
        *result = by_number(lensi_action_by_number((int)a, (const void *)b, (void *)c, (size_t)d));
        return true;
    case SYS_ioctl: *result = ioctl((int)a, (unsigned long)b, (void *)c); return true;
    case SYS_vmsplice: *result = vmsplice((int)a, (const struct iovec *)b, (size_t)c, (unsigned)d); return true;
    case SYS_shmat: *result = (long)shmat((int)a, (const void *)b, (int)c); return true;
    case SYS_sigaltstack: *result = sigaltstack((const void *)a, (void *)b); return true;
    case SYS_rt_sigsuspend: *result = sigsuspend((const void *)a); return true;
    default: return false;
    }
}

/*
 * Whether this thread is in one of our functions that was asked for by number. What stands behind it may be another
 * library's, which asks for the call by number in turn (tcmalloc's mmap does): that is the kernel's to do, or it would
 * go in circles.
 */
static _Thread_local bool is_under_way __attribute__((tls_model("initial-exec")));

static bool by_name_once(long number, long a, long b, long c, long d, long e, long f, long *result)
{
    bool known;

    if (is_under_way)
        return false;
    is_under_way = true;
    known = by_name(number, a, b, c, d, e, f, result);
    is_under_way = false;
    return known;
}

long lensi_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    if (gives_up_calls(number, a, b, c))
        lensi_process_locks_in();
    if (!lensi_range.bytes) {
        if (lensi_recording && number == SYS_rt_sigaction && by_name_once(number, a, b, c, d, e, f, &result))
            return result;
        result = NEXT_SYSCALL(number, a, b, c, d, e, f);
        if (lensi_recording && result >= 0 && gives_descriptor(number))
            lensi_descriptor_came((int)result, CALL_PLACE);
        return result;
    }
    if (number == SYS_clone || number == SYS_clone3 || number == SYS_fork) {
        if (!copies_memory(number, a))
            return NEXT_SYSCALL(number, a, b, c, d, e, f);
        return forked(number, a, b, c, d, e);
    }
    if (number == SYS_exit_group)
        lensi_process_ends((int)a);
    if (number == SYS_execve || number == SYS_execveat)
        return execute(number, a, b, c, d, e, f);
    if (by_name_once(number, a, b, c, d, e, f, &result))
        return result;
    if (number == SYS_io_submit)
        keep_requests((struct iocb *const *)c, b);
    if (number == SYS_mseal) /* afterwards its protection is not to be changed any more */
        lensi_pin_forever(POINTER(a), (size_t)b);
    if (number == SYS_io_uring_register && b == IORING_REGISTER_BUFFERS)
        keep_vector(POINTER(c), d);
    result = pinned(number, a, b, c, d, e, f);
    if (result >= 0 && gives_descriptor(number))
        lensi_descriptor_came((int)result, CALL_PLACE);
    if (number == SYS_io_uring_setup && result >= 0)
        lensi_recognise_ring();
    return result;
}
