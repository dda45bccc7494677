/*
 * refused.c - pointers to what cannot be read or written: the kernel refuses them with EFAULT, and nothing happens. Programs ask it in
 * this way what they may touch: Chromium by getrlimit, Abseil by rt_sigprocmask, unwinders by write, mincore and msync.
 */
#include "data.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
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

/* What is looked into before the kernel has seen it: vectors, headers, lists of strings, sizes, masks. */
static void vectors(void *at)
{
    struct iovec within = {.iov_base = at, .iov_len = 5};
    struct msghdr header = {.msg_iov = at, .msg_iovlen = 1}, message = {.msg_iov = &within, .msg_iovlen = 1};
    int ends[2], queue = epoll_create1(0);

    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0 && send(ends[1], "x", 1, 0) == 1);
    REFUSED(readv(file, at, 1));
    REFUSED(preadv(file, at, 2, 0));
    REFUSED(preadv2(file, at, 1, 0, 0));
    REFUSED(writev(pipes[1], at, 1));
    REFUSED(writev(pipes[1], &within, 1));
    REFUSED(pwritev(file, at, 1, 0));
    REFUSED(vmsplice(pipes[1], at, 1, 0));
    REFUSED(process_vm_readv(getpid(), at, 1, &within, 1, 0));
    REFUSED(process_vm_readv(getpid(), &within, 1, at, 1, 0));
    REFUSED(sendmsg(ends[0], at, 0));
    REFUSED(sendmsg(ends[0], &header, 0));
    REFUSED(sendmsg(ends[0], &message, 0));
    REFUSED(sendmmsg(ends[0], at, 1, 0));
    REFUSED(recvmsg(ends[0], at, MSG_DONTWAIT));
    REFUSED(recvmsg(ends[0], &header, MSG_DONTWAIT));
    REFUSED(recvmmsg(ends[0], at, 1, MSG_DONTWAIT, NULL));
    REFUSED(getsockname(ends[0], (struct sockaddr *)&header, at));
    REFUSED(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &file, at));
    REFUSED(ppoll(NULL, 0, &(struct timespec){0, 1}, at));
    REFUSED(epoll_pwait(queue, (struct epoll_event *)&header, 1, 0, at));
    REFUSED(sigsuspend(at));
    close(ends[0]);
    close(ends[1]);
    close(queue);
}

static void lists(void *at)
{
    char *bad[] = {(char *)"true", at, NULL}, *good[] = {(char *)"true", NULL};
    aio_context_t requests = 0;

    REFUSED(execv("/bin/true", at));
    REFUSED(execv("/bin/true", bad));
    REFUSED(execve("/bin/true", good, at));
    REFUSED(execve(at, good, good));
    REFUSED(syscall(SYS_execve, "/bin/true", at, NULL));
    REFUSED(syscall(SYS_execveat, AT_FDCWD, "/bin/true", good, bad, 0));
    REFUSED(syscall(SYS_readv, file, at, 1));
    REFUSED(syscall(SYS_sendmsg, socket(AF_UNIX, SOCK_DGRAM, 0), at, 0));
    REFUSED(syscall(SYS_clone3, at, 88));
    REFUSED(syscall(SYS_openat, AT_FDCWD, at, 0));
    REFUSED(syscall(SYS_rt_sigsuspend, at, 8));
    if (syscall(SYS_io_setup, 1, &requests) == 0) {
        struct iocb *within[] = {at};

        REFUSED(syscall(SYS_io_submit, requests, 1, at));
        CHECK(syscall(SYS_io_submit, requests, 1, within) == -1); /* with one errno or another */
        syscall(SYS_io_destroy, requests);
    }
}

static void *everything(void *at)
{
    vectors(at);
    lists(at);
    return NULL;
}

/* In a block: the program has taken the access away, or given it back to the kernel. */
static void in_a_block(unsigned char *block)
{
    unsigned char *page = data_page(block, 70);

    CHECK(mprotect(page, PAGE, PROT_NONE) == 0);
    unreadable(page + 64);
    everything(page + 64);
    CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    void *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *gone = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *fixed = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    pthread_t thread;

    (void)count;
    CHECK(pipe(pipes) == 0 && (file = open(argument[1], O_RDWR)) >= 0);
    CHECK(munmap(gone, PAGE) == 0);
    unreadable(none);
    unreadable(gone);
    unreadable(opaque((void *)16));
    unwritable(fixed);
    everything(none);
    everything(gone);
    everything(opaque((void *)16));
    CHECK(pthread_create(&thread, NULL, everything, none) == 0 && pthread_join(thread, NULL) == 0);
    in_a_block(block);
    CHECK(syscall(SYS_rt_sigprocmask, ~0, fixed, NULL, 8) == -1 && errno == EINVAL); /* it can be read, the question makes no sense */
    CHECK(syscall(SYS_rt_sigprocmask, ~0, block, NULL, 8) == -1 && errno == EINVAL);
    CHECK(getrlimit(RLIMIT_NOFILE, (struct rlimit *)(void *)(block + 50 * PAGE)) == 0);
    for (size_t i = 0; i < sizeof(struct rlimit); i++)
        block[50 * PAGE + i] = data_byte(50 * PAGE + i);
    CHECK(data_is_all(block));
    puts("refused: ok");
    return 0;
}
