/* seccomp.c - see seccomp.h. Before the program's own code; one thread. */
#include "preload/seccomp.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

/*
 * What is called between the start and the end of a run, by the engine and by the recorder. A call is made with
 * arguments that no kernel takes: only a filter says EPERM to them, or ENOSYS to those that every kernel has.
 */
static const short needed[] = {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise, SYS_mincore, SYS_ioctl, SYS_pread64, SYS_pwrite64, SYS_fallocate,
                               SYS_ftruncate, SYS_fcntl, SYS_close, SYS_futex, SYS_read, SYS_write, SYS_rt_sigprocmask,
                               SYS_clock_gettime, SYS_tgkill, SYS_sched_getaffinity};
/* We can do without these, if they are refused and nothing worse. */
static const short useful[] = {SYS_fstatfs, SYS_statfs, SYS_fstat, SYS_openat, SYS_readlinkat, SYS_getdents64, SYS_mkdirat, SYS_renameat,
                               SYS_unlinkat, SYS_linkat, SYS_fchmod, SYS_faccessat, SYS_fgetxattr, SYS_fdatasync, SYS_sync_file_range,
                               SYS_flock, SYS_lseek, SYS_dup3, SYS_memfd_create, SYS_getcwd, SYS_uname, SYS_prctl, SYS_clone3,
                               SYS_process_madvise, SYS_process_vm_readv, SYS_perf_event_open, SYS_ppoll, SYS_rt_sigaction,
                               SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_rt_tgsigqueueinfo, SYS_sched_yield, SYS_getpid,
                               SYS_getppid, SYS_gettid, SYS_geteuid,
#ifdef SYS_readlink
                               SYS_readlink,
#endif
};

/* futex itself says ENOSYS to what it does not know. */
static bool is_refused(long number, long result)
{
    return result == -EPERM || result == -EACCES || (result == -ENOSYS && number != SYS_futex);
}

static long call(long number) { return lensi_sys(number, -1, -1, -1, -1, -1, -1); }

static int make_all(void (*start)(void))
{
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (is_refused(needed[i], call(needed[i])))
            return 1;
    for (size_t i = 0; i < sizeof useful / sizeof *useful; i++)
        call(useful[i]);
    if (start)
        start();
    return 0;
}

/* Asked of a file, as the loader has opened files before us: prctl may be among what is not allowed. */
static bool is_filtered(void)
{
    static const char key[] = "\nSeccomp:\t2";
    char text[4096];
    int fd = lensi_sys_open("/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    int64_t got = fd < 0 ? fd : lensi_sys_read_some(fd, text, sizeof text - 1);

    if (fd >= 0)
        lensi_sys_close(fd);
    text[got < 0 ? 0 : got] = '\0';
    return strstr(text, key) != NULL;
}

bool lensi_seccomp_allows(void (*start)(void))
{
    int status = -1;
    long child, got;

    if (!is_filtered())
        return true;
    child = lensi_sys(SYS_clone, 0, 0, 0, 0, 0, 0);
    if (child == 0) {
        status = make_all(start);
        for (;;)
            lensi_sys(SYS_exit_group, status, 0, 0, 0, 0, 0);
    }
    if (child < 0)
        return false;
    do
        got = lensi_sys(SYS_wait4, child, (long)&status, __WCLONE, 0, 0, 0);
    while (got == -EINTR);
    return got == child && status == 0;
}

void lensi_seccomp_say(const char *what)
{
    char line[256];
    size_t bytes = lensi_format(line, sizeof line, "lens: %s: the seccomp filter that this program runs behind refuses calls that are needed\n", what);

    lensi_sys(SYS_write, 2, (long)line, (long)bytes, 0, 0, 0);
}
