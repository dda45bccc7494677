/*
 * refused.c - pointers to what cannot be read or written: the kernel refuses them with EFAULT, and nothing happens. Programs ask it in
 * this way what they may touch: Chromium by getrlimit, Abseil by rt_sigprocmask, unwinders by write, mincore and msync.
 */
#include "data.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#define REFUSED(call) CHECK((errno = 0, (call) == -1) && errno == EFAULT)

static int pipes[2], file;

/* Hidden from the compiler, which knows that these want something that is there. */
static void *opaque(void *at)
{
    __asm__ volatile("" : "+r"(at));
    return at;
}

static void unwritable(void *at)
{
    CHECK(write(pipes[1], "0123456789", 10) == 10);
    REFUSED(read(pipes[0], at, 5));
    REFUSED(pread(file, at, 5, 0));
    REFUSED(getrlimit(RLIMIT_NPROC, at));
    REFUSED(getrlimit(RLIMIT_AS, at));
    REFUSED(prlimit(0, RLIMIT_NOFILE, NULL, at));
    REFUSED(sigpending(at));
    REFUSED(sigaltstack(NULL, at));
    REFUSED(uname(at));
    REFUSED(sysinfo(at));
    REFUSED(syscall(SYS_getcwd, at, 100));
    REFUSED(readlink("/proc/self/exe", at, 100));
    REFUSED(stat("/", at));
    REFUSED(pipe(at));
    REFUSED(socketpair(AF_UNIX, SOCK_STREAM, 0, at));
    REFUSED(getrusage(RUSAGE_SELF, at));
    REFUSED(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, at));
    REFUSED(syscall(SYS_rt_sigpending, at, 8));
    REFUSED(mincore(opaque((void *)((uintptr_t)&file / PAGE * PAGE)), PAGE, at));
}

static void unreadable(void *at)
{
    struct sigaction action;

    REFUSED(write(pipes[1], at, 5));
    REFUSED(pwrite(file, at, 5, 0));
    REFUSED(open(at, O_RDONLY));
    REFUSED(access(at, R_OK));
    REFUSED(chdir(at));
    REFUSED(unlink(at));
    REFUSED(mkdir(at, 0700));
    REFUSED(setrlimit(RLIMIT_AS, at));
    REFUSED(setrlimit(RLIMIT_CORE, at));
    REFUSED(sigaltstack(at, NULL));
    REFUSED(nanosleep(at, NULL));
    REFUSED(poll(at, 1, 0));
    REFUSED(syscall(SYS_rt_sigprocmask, ~0, at, NULL, 8));
    REFUSED(syscall(SYS_rt_sigprocmask, SIG_BLOCK, at, NULL, 8));
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    unwritable(at);
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    void *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *gone = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *fixed = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)count;
    CHECK(pipe(pipes) == 0 && (file = open(argument[1], O_RDWR)) >= 0);
    CHECK(munmap(gone, PAGE) == 0);
    unreadable(none);
    unreadable(gone);
    unreadable(opaque((void *)16));
    unwritable(fixed);
    CHECK(syscall(SYS_rt_sigprocmask, ~0, fixed, NULL, 8) == -1 && errno == EINVAL); /* it can be read, the question makes no sense */
    CHECK(syscall(SYS_rt_sigprocmask, ~0, block, NULL, 8) == -1 && errno == EINVAL);
    CHECK(getrlimit(RLIMIT_NOFILE, (struct rlimit *)(void *)(block + 50 * PAGE)) == 0);
    for (size_t i = 0; i < sizeof(struct rlimit); i++)
        block[50 * PAGE + i] = data_byte(50 * PAGE + i);
    CHECK(data_is_all(block));
    puts("refused: ok");
    return 0;
}
