/* raw_clone.c - processes made without libc's fork: clone, _Fork, and by system call number. */
#include "data.h"

#include <sched.h>
#include <sys/syscall.h>

static unsigned char *block;

static int run(void *unused)
{
    (void)unused;
    if (!data_is_all(block))
        _exit(1);
    block[DATA_BYTES / 2] ^= 1;
    _exit(11);
}

int main(int count, char **argument)
{
    static char stack[256 * 1024] __attribute__((aligned(16)));
    pid_t pid;

    (void)count;
    block = data_load(argument[1]);
    pid = clone(run, stack + sizeof stack, SIGCHLD, NULL);
    CHECK(pid > 0 && data_wait(pid) == 11);
    pid = _Fork();
    if (pid == 0)
        run(NULL);
    CHECK(data_wait(pid) == 11);
    pid = (pid_t)syscall(SYS_fork);
    if (pid == 0)
        run(NULL);
    CHECK(data_wait(pid) == 11);
    pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        run(NULL);
    CHECK(data_wait(pid) == 11);
    pid = (pid_t)syscall(SYS_fork);
    if (pid == 0)
        syscall(SYS_exit_group, 6);
    CHECK(data_wait(pid) == 6);
    CHECK(data_is_all(block));
    pid = clone(run, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL); /* shares our memory */
    CHECK(pid > 0 && data_wait(pid) == 11);
    block[DATA_BYTES / 2] ^= 1;
    CHECK(data_is_all(block));
    puts("clone: ok");
    return 0;
}
