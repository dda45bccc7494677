/*
 * traced.c - another process looks at the block while its pages come and go: with ptrace, with process_vm_readv, through
 * /proc/PID/mem, and lets the program run on under ptrace. It may be refused a page that is absent (docs/promises.md); what it
 * reads of others is right, and the program's data stays what it was.
 */
#include "data.h"

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static unsigned char *block;

/* What one call read of a page: right, or refused, or (ptrace and /proc/PID/mem look through protection) a hole of zeros. */
static int is_fair(ssize_t got, const unsigned char *seen, size_t from, size_t bytes)
{
    if (got != (ssize_t)bytes)
        return 1;
    for (size_t i = 0; i < bytes; i++)
        if (seen[i])
            return data_is(seen, from, bytes);
    return 1;
}

static void look(pid_t pid, int memory, int by_ptrace)
{
    unsigned char seen[PAGE];

    for (size_t at = WORDS_AT; at + PAGE < DATA_BYTES; at += 3 * PAGE) {
        struct iovec to = {seen, PAGE}, from = {block + at, PAGE};
        ssize_t got = process_vm_readv(pid, &to, 1, &from, 1, 0);
        CHECK(got < 0 || data_is(seen, at, (size_t)got));
        got = pread(memory, seen, PAGE, (off_t)(uintptr_t)(block + at));
        CHECK(is_fair(got, seen, at, PAGE));
        if (!by_ptrace)
            continue;
        errno = 0;
        long word = ptrace(PTRACE_PEEKDATA, pid, block + at + 64, NULL);
        CHECK(errno || is_fair(8, (unsigned char *)&word, at + 64, 8));
    }
}

/* Lets it run with every signal it gets, until it stops itself. */
static void let_run(pid_t pid)
{
    int status, number = 0;

    for (;;) {
        CHECK(ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)number) == 0);
        CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
        number = WSTOPSIG(status);
        if (number == SIGSTOP)
            return;
    }
}

static int traces(pid_t pid)
{
    char path[64];
    int memory, status;

    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    memory = open(path, O_RDONLY);
    if (memory < 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0) {
        fprintf(stderr, "skip: this system lets no child trace its parent: %s\n", strerror(errno));
        kill(pid, SIGUSR1);
        return 0;
    }
    look(pid, memory, 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
    look(pid, memory, 1);
    let_run(pid);
    look(pid, memory, 1);
    CHECK(ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0);
    kill(pid, SIGUSR1);
    return 0;
}

static volatile sig_atomic_t done;
static void note(int number) { done = number; }

int main(int count, char **argument)
{
    pid_t pid;

    (void)count;
    block = data_load(argument[1]);
    signal(SIGUSR1, note);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(traces(getppid()));
    for (unsigned round = 0; !done; round++) {
        CHECK(data_is_all(block));
        if (round == 3)
            raise(SIGSTOP); /* where the tracer waits for it; without one somebody has to continue us */
    }
    CHECK(data_wait(pid) == 0 && data_is_all(block));
    puts("traced: ok");
    return 0;
}
