/*
 * test_store_crash.c - builders of the view store that are killed at every system call leave nothing wrong behind.
 */
#include "tests/unit/store_fixture.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

TestSuite(store_crash, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- killed at every system call, with and without the means a file system may lack */

/* Makes `number` fail with `code` when argument `which` has all bits of `mask`. */
static void forbid(long number, unsigned which, unsigned mask, unsigned code)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offsetof(struct seccomp_data, args) + 8 * which)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mask, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit(77);
}

static bool is_poor; /* the file system has neither O_TMPFILE nor fallocate */

static void build_and_publish(void)
{
    struct lensi_store *store;
    struct lensi_image *image;
    bool is_hit;

    if (is_poor) {
        forbid(SYS_openat, 2, __O_TMPFILE, EOPNOTSUPP);
        forbid(SYS_fallocate, 1, 0, EOPNOTSUPP);
    }
    if (lensi_store_open(LENSI_STORE_DISK, dir, LENS_UNKNOWN, &store, NULL) < 0 ||
        lensi_image_open(store, &identity, PIPE, 16, PAGES, &image, &is_hit) < 0 || is_hit ||
        lensi_image_write(image, 0, 30, expected) < 0 || lensi_image_write(image, 30, PAGES - 30, expected[30]) < 0 ||
        lensi_image_publish(image) < 0)
        _exit(1);
}

/* Runs work in a child that is killed when it is about to enter its n-th system call. True if it ended before. */
static bool killed_at(int n, void (*work)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        work();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    for (int stops = 0; stops < 2 * n; stops++) {
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status)) {
            cr_assert_eq(WEXITSTATUS(status), 0, "it could not even be done undisturbed");
            return true;
        }
    }
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return false;
}

static void check_after_kill(int n)
{
    struct states states = each(true);

    cr_assert(states.count == 0 || states.state == 0 || is_poor, "after call %d: %d", n, states.state);
    struct lensi_store *store = open_store();
    struct lensi_image *image;
    bool is_hit;

    cr_assert_eq(lensi_image_open(store, &identity, PIPE, 16, PAGES, &image, &is_hit), 0, "after call %d", n);
    if (is_hit)
        check_pages(image, 1);
    else
        cr_assert_eq(lensi_image_pages(image), 0);
    close_both(store, image);
    lensi_store_collect(dir, UINT64_MAX);
    cr_assert_eq(count_files("new"), 0);
    cr_assert_eq(count_files("view"), is_hit);
    lensi_store_collect(dir, 0);
}

static void kill_everywhere(void)
{
    int n = 1, probe = fork();
    int status;

    if (probe == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? 77 : 0);
    waitpid(probe, &status, 0);
    if (WEXITSTATUS(status) == 77)
        skip_store_test("ptrace is not allowed here");
    while (!killed_at(n, build_and_publish))
        check_after_kill(n++);
    check_after_kill(n);
    cr_assert_gt(n, 20);
    printf("store: killed at %d system calls\n", n - 1);
}

Test(store_crash, killed_at_every_step)
{
    kill_everywhere();
}

Test(store_crash, killed_at_every_step_without_tmpfile_and_fallocate)
{
    is_poor = true;
    if (WEXITSTATUS(in_child(build_and_publish)) == 77)
        skip_store_test("seccomp filters are not allowed here");
    lensi_store_collect(dir, 0);
    kill_everywhere();
}

Test(store_crash, killed_while_replacing)
{
    for (int n = 1;; n++) {
        publish_one();
        flip(20); /* damaged, so that it is built anew and must be replaced */
        if (killed_at(n, build_and_publish))
            break;
        struct lensi_store *store = open_store();
        struct lensi_image *image;
        bool is_hit;

        cr_assert_eq(lensi_image_open(store, &identity, PIPE, 16, PAGES, &image, &is_hit), 0);
        if (is_hit)
            check_pages(image, 1);
        close_both(store, image);
        lensi_store_collect(dir, 0);
        cr_assert_eq(count_files("new\\|view"), 0);
    }
    check_after_kill(0);
}
