/* sys.c - every kernel call liblens makes; see sys.h for the contract. */
#include "liblens/base/sys.h"

#include "liblens/base/vdso.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/uio.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
/*
 * Descriptors of ours live from here up, or just below the limit where that is lower; not higher: fork copies the
 * table.
 */
#define HIGH_FD 4000

/* The raw call stands in one place, which recognise.c knows. */
#ifdef __clang__
#define ONE_COPY __attribute__((noinline))
#else
#define ONE_COPY __attribute__((noinline, noclone))
#endif

#if defined(__x86_64__)
ONE_COPY long lensi_sys_raw(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
ONE_COPY long lensi_sys_raw(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory", "cc");
    return x0;
}
#else
#error "lens knows x86-64 and aarch64"
#endif

const struct lensi_injection *lensi_injection;

long lensi_sys(long number, long a, long b, long c, long d, long e, long f)
{
    return __builtin_expect(lensi_injection != NULL, 0) ? lensi_injection->call(number, a, b, c, d, e, f) : lensi_sys_raw(number, a, b, c, d, e, f);
}

#define SYS0(n) lensi_sys(n, 0, 0, 0, 0, 0, 0)
#define SYS1(n, a) lensi_sys(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b) lensi_sys(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) lensi_sys(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) lensi_sys(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS6(n, a, b, c, d, e, f) lensi_sys(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

void *lensi_sys_map(void *at, size_t bytes, int protection, int flags, int fd, uint64_t offset, int *error)
{
    long result = SYS6(SYS_mmap, at, bytes, protection, flags, fd, offset);

    if (result < 0 && result > -4096) {
        if (error)
            *error = (int)result;
        return NULL;
    }
    return (void *)result;
}

uint64_t lensi_sys_limit(int resource)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

    SYS4(SYS_prlimit64, 0, resource, 0, &limit);
    return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

/* A small file of /proc as a text. */
static void read_text(const char *path, char *text, size_t room)
{
    int fd = lensi_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    int64_t got = fd < 0 ? 0 : lensi_sys_read_some(fd, text, room - 1);

    text[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        lensi_sys_close(fd);
}

static uint64_t kilobytes_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    uint64_t value = 0;

    for (at = at ? at + strlen(name) : ""; *at == ' ' || (*at >= '0' && *at <= '9'); at++)
        value = *at == ' ' ? value : value * 10 + (uint64_t)(*at - '0');
    return value;
}

uint64_t lensi_sys_commit_left(const char *meminfo)
{
    uint64_t limit = kilobytes_of(meminfo, "CommitLimit:"), used = kilobytes_of(meminfo, "Committed_AS:");

    return limit > used ? (limit - used) << 10 : 0;
}

/*
 * With vm.overcommit_memory = 2 what is only reserved counts as used, and for everybody. As it was when it was first
 * asked.
 */
static uint64_t commit_limit(void)
{
    static _Atomic uint64_t left; /* 0: not asked yet */
    char text[4096];

    if (atomic_load(&left))
        return atomic_load(&left);
    read_text("/proc/sys/vm/overcommit_memory", text, sizeof text);
    if (text[0] != '2') {
        atomic_store(&left, UINT64_MAX);
        return UINT64_MAX;
    }
    read_text("/proc/meminfo", text, sizeof text);
    atomic_store(&left, lensi_sys_commit_left(text) + 1);
    return atomic_load(&left);
}

uint64_t lensi_sys_address_limit(void)
{
    uint64_t least = lensi_sys_limit(RLIMIT_AS), data = lensi_sys_limit(RLIMIT_DATA), commit = commit_limit();

    least = data < least ? data : least;
    return commit < least ? commit : least;
}

int lensi_sys_unmap(void *at, size_t bytes) { return (int)SYS2(SYS_munmap, at, bytes); }

int lensi_sys_protect(void *at, size_t bytes, int protection) { return (int)SYS3(SYS_mprotect, at, bytes, protection); }

int lensi_sys_advise(void *at, size_t bytes, int advice) { return (int)SYS3(SYS_madvise, at, bytes, advice); }

int64_t lensi_sys_advise_many(const struct iovec *ranges, size_t count, int advice)
{
    const long self = -10000; /* PIDFD_SELF_THREAD */

    return lensi_sys(SYS_process_madvise, self, (long)ranges, (long)count, advice, 0, 0);
}

bool lensi_sys_is_readable(const void *at)
{
    return SYS4(SYS_rt_sigprocmask, -1, (uintptr_t)at, NULL, 8) != -EFAULT; /* -EINVAL, after it has read the set */
}

int64_t lensi_sys_copy_readable(void *to, const void *from, size_t bytes)
{
    struct iovec here = {to, bytes}, there = {(void *)(uintptr_t)from, bytes};
    int64_t got = SYS6(SYS_process_vm_readv, lensi_sys_process_id(), (uintptr_t)&here, 1, (uintptr_t)&there, 1, 0);

    if (got >= 0 || got == -EFAULT)
        return got;
    memcpy(to, from, bytes); /* the call is not to be had here */
    return (int64_t)bytes;
}

int lensi_sys_resident(const void *at, size_t bytes, uint8_t *vector)
{
    return (int)SYS3(SYS_mincore, (uintptr_t)at, bytes, vector);
}

int lensi_sys_open(const char *path, int flags, int mode)
{
    long result;

    do
        result = SYS4(SYS_openat, AT_FDCWD, (uintptr_t)path, flags, mode);
    while (result == -EINTR);
    return (int)result;
}

int lensi_sys_close(int fd) { return (int)SYS1(SYS_close, fd); }

int64_t lensi_sys_pread(int fd, void *to, size_t bytes, uint64_t offset)
{
    size_t done = 0;

    while (done < bytes) {
        long got = SYS4(SYS_pread64, fd, (uintptr_t)to + done, bytes - done, offset + done);
        if (got == -EINTR)
            continue;
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

int64_t lensi_sys_pwrite(int fd, const void *from, size_t bytes, uint64_t offset)
{
    size_t done = 0;

    while (done < bytes) {
        long put = SYS4(SYS_pwrite64, fd, (uintptr_t)from + done, bytes - done, offset + done);
        if (put == -EINTR)
            continue;
        if (put < 0)
            return put;
        if (put == 0)
            return -EIO;
        done += (size_t)put;
    }
    return (int64_t)done;
}

int64_t lensi_sys_read_some(int fd, void *to, size_t bytes)
{
    long got;

    do
        got = SYS3(SYS_read, fd, to, bytes);
    while (got == -EINTR);
    return got;
}

/* The signal that a failed write sends to its thread: nobody but us asked for that write. */
static void take_back(int number, uint64_t pending)
{
    uint64_t set = 1ull << (number - 1);
    struct timespec none = {0, 0};

    if (!(pending & set)) /* else it is the program's own */
        SYS4(SYS_rt_sigtimedwait, &set, NULL, &none, sizeof set);
}

int64_t lensi_sys_write_all(int fd, const void *from, size_t bytes)
{
    uint64_t before = lensi_sys_signals_hold(), pending = 0;
    int64_t result = 0;

    SYS2(SYS_rt_sigpending, &pending, sizeof pending);
    while (result >= 0 && (size_t)result < bytes) {
        long put = SYS3(SYS_write, fd, (uintptr_t)from + (size_t)result, bytes - (size_t)result);
        if (put != -EINTR)
            result = put < 0 ? put : result + put;
    }
    if (result == -EPIPE)
        take_back(SIGPIPE, pending);
    if (result == -EFBIG)
        take_back(SIGXFSZ, pending);
    lensi_sys_signals_release(before);
    return result;
}

int lensi_sys_stat(int fd, struct stat *status)
{
#if defined(__x86_64__) || defined(__aarch64__)
    return (int)SYS2(SYS_fstat, fd, status);
#endif
}

bool lensi_sys_is_file(int fd, const struct stat *known)
{
    struct stat now;

    return lensi_sys_stat(fd, &now) == 0 && now.st_dev == known->st_dev && now.st_ino == known->st_ino;
}

/* ---- limits of the program that are not meant for files of ours */

uint64_t lensi_sys_limit_lift(int resource)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY}, all;

    if (SYS4(SYS_prlimit64, 0, resource, 0, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return UINT64_MAX;
    all = (struct rlimit){limit.rlim_max, limit.rlim_max};
    return SYS4(SYS_prlimit64, 0, resource, &all, 0) < 0 ? UINT64_MAX : limit.rlim_cur;
}

void lensi_sys_limit_put_back(int resource, uint64_t soft)
{
    struct rlimit limit;

    if (soft == UINT64_MAX || SYS4(SYS_prlimit64, 0, resource, 0, &limit) < 0)
        return;
    limit.rlim_cur = soft;
    SYS4(SYS_prlimit64, 0, resource, &limit, 0);
}

static bool is_beyond_limit(uint64_t end)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

    SYS4(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit);
    return end > limit.rlim_cur;
}

int lensi_sys_size_ours(int fd, uint64_t bytes)
{
    uint64_t soft;
    int result;

    if (!is_beyond_limit(bytes))
        return lensi_sys_truncate(fd, bytes);
    soft = lensi_sys_limit_lift(RLIMIT_FSIZE);
    result = is_beyond_limit(bytes) ? -EFBIG : lensi_sys_truncate(fd, bytes);
    lensi_sys_limit_put_back(RLIMIT_FSIZE, soft);
    return result;
}

int64_t lensi_sys_write_ours(int fd, const void *from, size_t bytes, uint64_t offset)
{
    int error = 0;
    void *window;

    if (!is_beyond_limit(offset + bytes))
        return lensi_sys_pwrite(fd, from, bytes, offset);
    window = lensi_sys_map(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset, &error);
    if (!window)
        return error;
    memcpy(window, from, bytes);
    lensi_sys_unmap(window, bytes);
    return (int64_t)bytes;
}

int lensi_sys_truncate(int fd, uint64_t bytes) { return (int)SYS2(SYS_ftruncate, fd, bytes); }

int lensi_sys_advise_file(int fd, uint64_t offset, uint64_t bytes, int advice)
{
    return (int)SYS4(SYS_fadvise64, fd, offset, bytes, advice);
}

int lensi_sys_memfd(const char *name, unsigned flags) { return (int)SYS2(SYS_memfd_create, (uintptr_t)name, flags); }

int lensi_sys_dup_high(int fd)
{
    struct rlimit limit = {1024, 1024};
    long from = HIGH_FD;

    SYS4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
    if ((uint64_t)from + 1000 > limit.rlim_cur)
        from = (long)(limit.rlim_cur <= 256    ? limit.rlim_cur / 2
                      : limit.rlim_cur <= 1024 ? limit.rlim_cur - 128
                                               : limit.rlim_cur - limit.rlim_cur / 8);
    return (int)SYS3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, from);
}

/* ---- userfaultfd */

int lensi_sys_uffd_open(bool user_mode_only, uint64_t features_wanted, uint64_t *features)
{
    struct uffdio_api api = {.api = UFFD_API, .features = features_wanted};
    int flags = O_CLOEXEC | O_NONBLOCK | (user_mode_only ? UFFD_USER_MODE_ONLY : 0);
    int fd = (int)SYS1(SYS_userfaultfd, flags), high, result;

    if (fd < 0)
        return fd;
    result = (int)SYS3(SYS_ioctl, fd, UFFDIO_API, &api);
    if (result < 0) {
        lensi_sys_close(fd);
        return result;
    }
    if (features)
        *features = api.features;
    high = lensi_sys_dup_high(fd);
    if (high < 0)
        return fd;
    lensi_sys_close(fd);
    return high;
}

int lensi_sys_uffd_register(int uffd, void *at, size_t bytes, uint64_t mode)
{
    struct uffdio_register request = {.range = {.start = (uintptr_t)at, .len = bytes}, .mode = mode};

    return (int)SYS3(SYS_ioctl, uffd, UFFDIO_REGISTER, &request);
}

int lensi_sys_uffd_unregister(int uffd, void *at, size_t bytes)
{
    struct uffdio_range range = {.start = (uintptr_t)at, .len = bytes};

    return (int)SYS3(SYS_ioctl, uffd, UFFDIO_UNREGISTER, &range);
}

int lensi_sys_uffd_protect(int uffd, void *at, size_t bytes, bool protect)
{
    struct uffdio_writeprotect request = {.range = {.start = (uintptr_t)at, .len = bytes},
                                          .mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0};
    long result;

    do /* -EAGAIN: the mapping is changing under us (fork, mremap): the same call again is right. */
        result = SYS3(SYS_ioctl, uffd, UFFDIO_WRITEPROTECT, &request);
    while (result == -EAGAIN);
    return (int)result;
}

int64_t lensi_sys_uffd_copy(int uffd, void *at, const void *from, size_t bytes, bool protect)
{
    size_t done = 0;

    while (done < bytes) {
        struct uffdio_copy request = {.dst = (uintptr_t)at + done,
                                      .src = (uintptr_t)from + done,
                                      .len = bytes - done,
                                      .mode = protect ? UFFDIO_COPY_MODE_WP : 0};
        long result = SYS3(SYS_ioctl, uffd, UFFDIO_COPY, &request);
        if (result == 0)
            return (int64_t)bytes;
        if (request.copy > 0)
            done += (size_t)request.copy;
        else if (result != -EAGAIN && request.copy != -EAGAIN)
            return done ? (int64_t)done : result;
    }
    return (int64_t)done;
}

int lensi_sys_uffd_zero(int uffd, void *at, size_t bytes)
{
    struct uffdio_zeropage request = {.range = {.start = (uintptr_t)at, .len = bytes}};
    long result;

    do
        result = SYS3(SYS_ioctl, uffd, UFFDIO_ZEROPAGE, &request);
    while (result == -EAGAIN);
    return (int)result;
}

#ifndef UFFDIO_MOVE
struct uffdio_move {
    __u64 dst, src, len, mode;
    __s64 move;
};
#define UFFDIO_MOVE _IOWR(UFFDIO, 0x05, struct uffdio_move)
#endif

int64_t lensi_sys_uffd_move(int uffd, void *to, void *from, size_t bytes)
{
    struct uffdio_move request = {.dst = (uintptr_t)to, .src = (uintptr_t)from, .len = bytes};
    long result = SYS3(SYS_ioctl, uffd, UFFDIO_MOVE, &request);

    return result == 0 ? (int64_t)bytes : request.move ? request.move : result;
}

/* ---- waiting */

int lensi_sys_futex_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};

    return (int)SYS4(SYS_futex, (uintptr_t)word, FUTEX_WAIT_PRIVATE, expected, timeout_ns ? &timeout : NULL);
}

int lensi_sys_futex_wake(const _Atomic uint32_t *word, int count)
{
    return (int)SYS3(SYS_futex, (uintptr_t)word, FUTEX_WAKE_PRIVATE, count);
}

void lensi_sys_yield(void) { SYS0(SYS_sched_yield); }

uint64_t lensi_sys_cpu_ns(bool process)
{
    struct timespec now = {0, 0};

    SYS2(SYS_clock_gettime, process ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID, (uintptr_t)&now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int clock_by_number(clockid_t clock, struct timespec *to) { return (int)SYS2(SYS_clock_gettime, clock, to); }

uint64_t lensi_sys_clock_ns(void)
{
    static lensi_clock_function *_Atomic function;
    lensi_clock_function *call = atomic_load_explicit(&function, memory_order_relaxed);
    struct timespec now = {0};

    if (__builtin_expect(!call, 0)) {
        call = lensi_vdso_clock();
        atomic_store(&function, call = call ? call : clock_by_number);
    }
    call(CLOCK_MONOTONIC, &now);
    uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return __builtin_expect(lensi_injection != NULL, 0) ? lensi_injection->clock(ns) : ns;
}

int lensi_sys_thread_id(void) { return (int)SYS0(SYS_gettid); }

int lensi_sys_process_id(void) { return (int)SYS0(SYS_getpid); }

/* ---- signals */

struct kernel_sigaction {
    lensi_signal_handler handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

#define SA_RESTORER 0x04000000ul /* which libc keeps to itself */

void (*lensi_sys_restorer)(void);

static int catch(int number, lensi_signal_handler handler, int flags, uint64_t mask, struct kernel_sigaction *before)
{
    struct kernel_sigaction mine = {.handler = handler,
                                    .flags = (unsigned)(SA_SIGINFO | SA_ONSTACK | flags) | (lensi_sys_restorer ? SA_RESTORER : 0),
                                    .restorer = lensi_sys_restorer,
                                    .mask = mask};

    return (int)SYS4(SYS_rt_sigaction, number, &mine, before, sizeof mine.mask);
}

int lensi_sys_catch_open(int number, lensi_signal_handler handler, int flags, uint64_t open)
{
    return catch(number, handler, flags, ~open, NULL);
}

int lensi_sys_catch(int number, lensi_signal_handler handler, int flags, struct sigaction *old)
{
    struct kernel_sigaction before = {0};
    int result = catch(number, handler, flags, ~0ull, &before);

    if (result == 0 && old) {
        *old = (struct sigaction){0};
        old->sa_sigaction = before.handler;
        old->sa_flags = (int)(unsigned)before.flags;
        for (int i = 0; i < 64; i++)
            if (before.mask >> i & 1)
                sigaddset(&old->sa_mask, i + 1);
    }
    return result;
}

int lensi_sys_signal_mask(int how, uint64_t set, uint64_t *old)
{
    return (int)SYS4(SYS_rt_sigprocmask, how, &set, old, sizeof set);
}

uint64_t lensi_sys_signals_hold(void)
{
    static const int own[] = {SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    uint64_t set = ~0ull, before = 0;

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        set &= ~(1ull << (own[i] - 1));
    lensi_sys_signal_mask(SIG_BLOCK, set, &before);
    return before;
}

void lensi_sys_signals_release(uint64_t before) { lensi_sys_signal_mask(SIG_SETMASK, before, NULL); }

_Noreturn void lensi_sys_exit(int status)
{
    for (;;)
        SYS1(SYS_exit_group, status);
}
