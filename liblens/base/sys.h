/*
 * sys.h - every kernel call liblens makes, as raw system calls.
 *
 * Contract: results are >= 0 or -errno; errno is never touched, nothing is retried but EINTR where said, no
 * libc state is used. So these run in signal handlers, in a fork's child and below a wrapped malloc.
 */
#ifndef LENSI_SYS_H
#define LENSI_SYS_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>

#define LENSI_PAGE 4096u
#define LENSI_PAGE_SHIFT 12
/* The unit of pins, attempts and checkpoints. */
#define LENSI_CHUNK_SHIFT 16
#define LENSI_CHUNK (1u << LENSI_CHUNK_SHIFT)
#define LENSI_CHUNK_PAGES (LENSI_CHUNK / LENSI_PAGE)
#define LENSI_OUT_PAGES 64u /* what is made at once: to be proven, placed, settled */
#define LENSI_OUT_BYTES (LENSI_OUT_PAGES * LENSI_PAGE)

/* Failures made on purpose (inject.h): NULL but in tests. Set before any thread runs. */
struct lensi_injection {
    long (*call)(long number, long a, long b, long c, long d, long e, long f); /* the call, or what is made of it */
    bool (*refuses_memory)(void);
    uint64_t (*clock)(uint64_t now_ns); /* the clock, perhaps after a jump */
    void (*report)(void); /* at the end: writes how often each point was passed, if that was asked for */
};
extern const struct lensi_injection *lensi_injection;

/* One raw system call. */
long lensi_sys(long number, long a, long b, long c, long d, long e, long f);
/* The same, never made to fail for a test (inject.h). */
long lensi_sys_raw(long number, long a, long b, long c, long d, long e, long f);

/* Memory. map returns MAP_FAILED's replacement: NULL on error, the reason in *error if not NULL. */
void *lensi_sys_map(void *at, size_t bytes, int protection, int flags, int fd, uint64_t offset, int *error);
int lensi_sys_unmap(void *at, size_t bytes);
int lensi_sys_protect(void *at, size_t bytes, int protection);
int lensi_sys_advise(void *at, size_t bytes, int advice);
/*
 * The same for several ranges in one call (Linux 6.15): how many bytes of them it took, from the first on; or -errno.
 */
struct iovec;
int64_t lensi_sys_advise_many(const struct iovec *ranges, size_t count, int advice);
bool lensi_sys_is_readable(const void *at); /* 8 bytes at `at`, by a call that has no other effect */
/*
 * Copies as much as can be read of [from, from + bytes): memory that another thread may unmap meanwhile. Bytes, or
 * -EFAULT.
 */
int64_t lensi_sys_copy_readable(void *to, const void *from, size_t bytes);
int lensi_sys_resident(const void *at, size_t bytes, uint8_t *vector); /* mincore */

/* A soft limit; UINT64_MAX without one. */
uint64_t lensi_sys_limit(int resource);
/*
 * The address space the process may have (RLIMIT_AS, RLIMIT_DATA, what vm.overcommit_memory = 2 leaves); UINT64_MAX
 * without a limit. We take a small part of it.
 */
uint64_t lensi_sys_address_limit(void);
/* What the kernel would still commit to, by a text of /proc/meminfo. */
uint64_t lensi_sys_commit_left(const char *meminfo);

/* Files. open retries EINTR; pread and pwrite go on until done, the end of the file, or an error. */
int lensi_sys_open(const char *path, int flags, int mode);
int lensi_sys_close(int fd);
/* Whether fd still is the file that `known` tells of: a program may have closed it, and have something else there. */
bool lensi_sys_is_file(int fd, const struct stat *known);
int64_t lensi_sys_pread(int fd, void *to, size_t bytes, uint64_t offset);
int64_t lensi_sys_pwrite(int fd, const void *from, size_t bytes, uint64_t offset);
int64_t lensi_sys_read_some(int fd, void *to, size_t bytes);    /* one read(2) */
int64_t lensi_sys_write_all(int fd, const void *from, size_t bytes); /* retries EINTR and short writes; raises no signal */
int lensi_sys_stat(int fd, struct stat *status);
int lensi_sys_truncate(int fd, uint64_t bytes);
/*
 * The same for files of ours without a name, of whole pages, which hold the program's memory: its RLIMIT_FSIZE is not
 * meant for them, and no SIGXFSZ is sent. size: -EFBIG if the limit can never be raised again. write: into the file's
 * size.
 */
int lensi_sys_size_ours(int fd, uint64_t bytes);
int64_t lensi_sys_write_ours(int fd, const void *from, size_t bytes, uint64_t offset);
/* Raises a soft limit (RLIMIT_...) to the hard one for a moment; put_back takes what lift returned. */
uint64_t lensi_sys_limit_lift(int resource);
void lensi_sys_limit_put_back(int resource, uint64_t soft);
int lensi_sys_advise_file(int fd, uint64_t offset, uint64_t bytes, int advice);
int lensi_sys_memfd(const char *name, unsigned flags);
int lensi_sys_dup_high(int fd); /* a close-on-exec copy on a number programs do not use; closes nothing */

/* userfaultfd. ranges are page-aligned. */
int lensi_sys_uffd_open(bool user_mode_only, uint64_t features_wanted, uint64_t *features);
int lensi_sys_uffd_register(int uffd, void *at, size_t bytes, uint64_t mode);
int lensi_sys_uffd_unregister(int uffd, void *at, size_t bytes);
int lensi_sys_uffd_protect(int uffd, void *at, size_t bytes, bool protect);
/* Places `bytes` from `from` at `at`, write-protected. Returns bytes placed, or -EEXIST if the first page is there. */
int64_t lensi_sys_uffd_copy(int uffd, void *at, const void *from, size_t bytes, bool protect);
int lensi_sys_uffd_zero(int uffd, void *at, size_t bytes);
int64_t lensi_sys_uffd_move(int uffd, void *to, void *from, size_t bytes); /* bytes moved, some at least; or -errno */

/* Waiting. `timeout_ns` 0 waits for ever; -EAGAIN if *word != expected, -ETIMEDOUT. */
int lensi_sys_futex_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);
int lensi_sys_futex_wake(const _Atomic uint32_t *word, int count);
void lensi_sys_yield(void);
uint64_t lensi_sys_clock_ns(void); /* CLOCK_MONOTONIC */
uint64_t lensi_sys_cpu_ns(bool process); /* what this thread, or the process, has had of processors; a system call */
int lensi_sys_thread_id(void);
int lensi_sys_process_id(void);

/* Signals, with the kernel's own structures: the handler runs with every signal blocked. */
typedef void (*lensi_signal_handler)(int number, siginfo_t *info, void *context);
/* What our handlers return to (restorer.h); NULL: the kernel brings its own. Set before the first is caught. */
extern void (*lensi_sys_restorer)(void);
/* flags: SA_RESTART or none. */
int lensi_sys_catch(int number, lensi_signal_handler handler, int flags, struct sigaction *old);
/* The same with more flags, and some signals that are not blocked meanwhile. */
int lensi_sys_catch_open(int number, lensi_signal_handler handler, int flags, uint64_t open);
int lensi_sys_signal_mask(int how, uint64_t set, uint64_t *old);
/*
 * What a thread of our own blocks: everything but the two signals by which libc reaches all threads of a process.
 * setuid(2) and its kind wait until every thread has answered.
 */
#define LENSI_HELPER_MASK (~(3ull << 31))
/*
 * Holds back every signal that is not a fault of the thread's own, while it has a lock or a page in its hands: a
 * handler that ran meanwhile could touch a page and wait for what its own thread holds. release takes what hold
 * returned.
 */
uint64_t lensi_sys_signals_hold(void);
void lensi_sys_signals_release(uint64_t before);

_Noreturn void lensi_sys_exit(int status);

#endif
