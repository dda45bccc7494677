/*
 * sandbox.c - a program that locks itself in (seccomp), as man, ssh and browsers do: from then on only the calls that it needs itself are
 * allowed, any other one kills it. What its memory held is there all the same.
 */
#include "data.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    /* what write, malloc, realloc, fork, wait and exit of libc need */
    ALLOW(read), ALLOW(write), ALLOW(lseek), ALLOW(brk), ALLOW(mmap), ALLOW(munmap), ALLOW(mremap), ALLOW(clone), ALLOW(wait4), ALLOW(futex),
    ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(set_robust_list), ALLOW(fstat), ALLOW(newfstatat), ALLOW(exit), ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};
static struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

static void lock_in_by_name(void) { CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0); }

static void lock_in_by_number(void)
{
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) < 0 && errno == EFAULT); /* libseccomp asks first */
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

/* Reads, writes, frees and forks in there. */
static void live(unsigned char *block, unsigned char *other)
{
    unsigned char *fresh;
    pid_t pid;

    CHECK(data_is(block, 0, DATA_BYTES / 2));
    CHECK(write(1, block + LONG_AT, 16) == 16);
    block[WORDS_AT] ^= 1;
    pid = fork();
    if (pid == 0)
        _exit(data_is(other, 0, DATA_BYTES) && block[WORDS_AT] == (data_byte(WORDS_AT) ^ 1) ? 7 : 1);
    CHECK(pid > 0 && data_wait(pid) == 7);
    block[WORDS_AT] ^= 1;
    CHECK(data_is_all(block));
    free(block);
    fresh = malloc(DATA_BYTES);
    CHECK(fresh);
    memset(fresh, 3, DATA_BYTES);
    other = realloc(other, DATA_BYTES + 100000);
    CHECK(other && data_is_all(other));
    free(fresh);
    free(other);
}

int main(int count, char **argument)
{
    void (*const ways[])(void) = {lock_in_by_name, lock_in_by_number};

    (void)count;
    for (int i = 0; i < 3; i++) {
        pid_t pid;
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            unsigned char *block = data_load(argument[1]), *other = data_load(argument[1]);
            CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
            if (i == 2) { /* read, write, and the end of the thread */
                CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
                syscall(SYS_exit, data_is_all(block) && data_is_all(other) ? 5 : 1);
            }
            ways[i]();
            live(block, other);
            puts("locked in: ok");
            exit(5);
        }
        CHECK(pid > 0 && data_wait(pid) == 5);
    }
    {
        unsigned char *block = data_load(argument[1]), *other = data_load(argument[1]);
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        lock_in_by_name();
        live(block, other);
    }
    puts("sandbox: ok");
    return 0;
}
