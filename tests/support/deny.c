/*
 * deny.c - runs a command for which one system call fails with EPERM, as in a sandbox, or ends it.
 *
 *   deny [-k] NUMBER|NAME COMMAND [ARGUMENT]...      -k: the call ends who makes it, by SIGSYS
 *
 * Exit status: the command's; 77 if filters are not allowed here; 125 for a call that is not known.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned number;
} calls[] = {
#define CALL(name) {#name, SYS_##name}
    CALL(userfaultfd), CALL(ioctl), CALL(madvise), CALL(mincore), CALL(pread64), CALL(pwrite64), CALL(fallocate), CALL(ftruncate), CALL(fcntl),
    CALL(memfd_create), CALL(perf_event_open), CALL(clone3), CALL(tgkill), CALL(fstatfs), CALL(flock), CALL(getdents64), CALL(renameat),
    CALL(sched_getaffinity), CALL(sched_yield), CALL(rt_tgsigqueueinfo), CALL(dup3), CALL(unlinkat), CALL(linkat), CALL(process_madvise),
    CALL(prctl), CALL(mprotect), CALL(clock_gettime), CALL(rt_sigaction), CALL(fchmod), CALL(mkdirat), CALL(statfs), CALL(lseek), CALL(uname),
    CALL(getpid), CALL(gettid), CALL(fstat), CALL(newfstatat), CALL(statx), CALL(readlinkat), CALL(pipe2), CALL(ppoll), CALL(clock_nanosleep),
    CALL(faccessat), CALL(fgetxattr), CALL(fdatasync), CALL(sync_file_range), CALL(getcwd), CALL(process_vm_readv), CALL(rt_sigpending),
    CALL(rt_sigtimedwait), CALL(getppid), CALL(geteuid), CALL(readlink), CALL(openat), CALL(futex),
};

static unsigned number_of(const char *word)
{
    char *end;
    unsigned long number = strtoul(word, &end, 10);

    if (*word && !*end)
        return (unsigned)number;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, word) == 0)
            return calls[i].number;
    fprintf(stderr, "deny: %s is not known\n", word);
    exit(125);
}

int main(int argc, char **argv)
{
    unsigned action = SECCOMP_RET_ERRNO | EPERM;

    if (argc > 1 && strcmp(argv[1], "-k") == 0) {
        action = SECCOMP_RET_KILL_PROCESS;
        argv++, argc--;
    }
    if (argc < 3)
        return 125;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number_of(argv[1]), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return 77;
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
