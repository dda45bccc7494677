/*
 * own_signals.c - handlers of signals that are no fault's run where, and with what, they asked for, and are shown as they were set: by
 * every call that sets one, with every flag, in threads and children, from wherever they jump to.
 */
#include "data.h"

#include <execinfo.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static unsigned char *block;
static stack_t stack = {.ss_size = 128 * 1024};
static volatile int depth, deepest, value, is_to_raise, is_to_jump, is_to_edit;
static sigjmp_buf back;

static int blocks(int number)
{
    sigset_t now;

    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
    return sigismember(&now, number);
}

static void tell(const char *what)
{
    printf("  %s: stack %d mask %d%d%d%d%d\n", what, (uintptr_t)&what - (uintptr_t)stack.ss_sp < stack.ss_size, blocks(SIGUSR1),
           blocks(SIGUSR2), blocks(SIGBUS), blocks(SIGSEGV), blocks(SIGTERM));
}

static void simple(int number)
{
    (void)number;
    if (++depth > deepest)
        deepest = depth;
    if (is_to_raise && !(is_to_raise = 0))
        raise(SIGUSR1); /* at once with SA_NODEFER, else when this one has returned */
    tell("simple");
    CHECK(data_is(block + WORDS_AT, WORDS_AT, 100 * PAGE));
    depth--;
    if (is_to_jump)
        siglongjmp(back, 1);
}

static void full(int number, siginfo_t *info, void *at)
{
    ucontext_t *context = at;
    void *frames[64];
    stack_t is;

    CHECK(number == SIGUSR1);
    value = info->si_value.sival_int;
    tell("full");
    CHECK(sigaltstack(NULL, &is) == 0);
    printf("  alternate: %zu bytes, flags %x; context %zu bytes, mask %d%d; from %d\n", is.ss_size, (unsigned)is.ss_flags, context->uc_stack.ss_size,
           sigismember(&context->uc_sigmask, SIGUSR1), sigismember(&context->uc_sigmask, SIGSEGV), info->si_code);
    CHECK(backtrace(frames, 64) > 4); /* through the frame of the signal, to main and beyond */
    if (is_to_edit)
        sigaddset(&context->uc_sigmask, SIGTERM), sigaddset(&context->uc_sigmask, SIGSEGV);
}

static void show(const char *by)
{
    struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } raw;
    struct sigaction now;

    CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && syscall(SYS_rt_sigaction, SIGUSR1, NULL, &raw, 8) == 0);
    CHECK(raw.handler == (void *)now.sa_handler);
    printf("  %s: %s flags %lx mask %llx\n", by,
           now.sa_handler == simple ? "simple" : now.sa_sigaction == full ? "full" : now.sa_handler == SIG_DFL ? "default" : now.sa_handler == SIG_IGN ? "ignored" : "?",
           raw.flags, (unsigned long long)raw.mask);
}

static void one(int flags, int masked)
{
    struct sigaction action = {.sa_flags = flags};
    union sigval with = {.sival_int = 4711};
    sigset_t set;

    printf("flags %x\n", (unsigned)flags);
    if (flags & SA_SIGINFO)
        action.sa_sigaction = full;
    else
        action.sa_handler = simple;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, masked);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    show("set");
    deepest = 0;
    is_to_raise = !(flags & (int)SA_RESETHAND); /* a second one would be the end */
    CHECK(flags & SA_SIGINFO ? sigqueue(getpid(), SIGUSR1, with) == 0 : raise(SIGUSR1) == 0);
    is_to_raise = 0;
    printf("  depth %d, value %d\n", deepest, value);
    show("afterwards");
    tell("returned");
    sigemptyset(&set);
    CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
}

static void jumps(void)
{
    struct sigaction action = {.sa_flags = SA_ONSTACK};
    volatile int times = 0;

    action.sa_handler = simple;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    is_to_jump = 1;
    if (sigsetjmp(back, 1) == 0 || ++times < 3)
        raise(SIGUSR1);
    is_to_jump = depth = 0;
    tell("jumped");
}

/* Whether a call goes on after the handler. */
static int is_interrupted(int flags, int by_signal)
{
    struct sigaction action = {.sa_flags = flags};
    int ends[2], status;
    char byte;
    pid_t pid;

    action.sa_handler = simple;
    CHECK(pipe(ends) == 0);
    if (by_signal)
        signal(SIGUSR1, simple), siginterrupt(SIGUSR1, by_signal == 2);
    else
        CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    if ((pid = fork()) == 0) {
        fclose(stdout);
        for (int i = 0; i < 20; i++) {
            usleep(10000);
            kill(getppid(), SIGUSR1);
        }
        _exit(write(ends[1], "x", 1) != 1);
    }
    fflush(stdout);
    status = dup(1);
    CHECK(freopen("/dev/null", "w", stdout) != NULL); /* how often it is called is a matter of time */
    long got = read(ends[0], &byte, 1);
    int is = got < 0 && errno == EINTR;
    while (got < 0 && errno == EINTR)
        got = read(ends[0], &byte, 1);
    CHECK(got == 1 && data_wait(pid) == 0);
    fflush(stdout);
    CHECK(dup2(status, 1) == 1);
    close(status), close(ends[0]), close(ends[1]);
    stdout = fdopen(1, "w");
    depth = 0;
    return is;
}

static void older_calls(void)
{
    puts("older calls");
    printf("  %d", signal(SIGUSR1, simple) == SIG_DFL);
    printf("%d", signal(SIGUSR1, SIG_IGN) == simple);
    printf("%d", sysv_signal(SIGUSR1, simple) == SIG_IGN);
    printf("%d", sigset(SIGUSR1, simple) == simple);
    printf("%d", sigset(SIGUSR1, SIG_HOLD) == simple);
    printf("%d", sigset(SIGUSR1, SIG_DFL) == SIG_HOLD);
    printf("%d\n", signal(SIGUSR1, simple) == SIG_DFL);
    show("signal");
    CHECK(siginterrupt(SIGUSR1, 1) == 0);
    show("interrupts");
    CHECK(siginterrupt(SIGUSR1, 0) == 0);
    if (vfork() == 0) {
        signal(SIGUSR1, SIG_IGN); /* the child's own */
        _exit(0);
    }
    wait(NULL);
    show("after vfork");
    signal(SIGUSR1, SIG_DFL);
    show("default");
}

static void alternate(int flags)
{
    stack.ss_flags = flags;
    CHECK(sigaltstack(&stack, NULL) == 0);
}

int main(int count, char **argument)
{
    void *warm[2];

    (void)count;
    setvbuf(stdout, NULL, _IONBF, 0);
    CHECK(backtrace(warm, 2) > 0);
    block = data_load(argument[1]);
    stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int with_stack = 0; with_stack < 3; with_stack++) {
        alternate(with_stack == 0 ? SS_DISABLE : with_stack == 1 ? 0 : (int)(1u << 31)); /* SS_AUTODISARM */
        printf("alternate stack %d\n", with_stack);
        one(0, SIGUSR2);
        one(SA_NODEFER, SIGSEGV);
        one(SA_SIGINFO | SA_ONSTACK, SIGUSR2);
        one(SA_ONSTACK | SA_NODEFER | SA_RESTART, SIGBUS);
        is_to_edit = 1;
        one(SA_SIGINFO, SIGBUS);
        one(SA_SIGINFO | SA_ONSTACK, SIGBUS);
        is_to_edit = 0;
        one((int)SA_RESETHAND, SIGUSR2);
        jumps();
    }
    older_calls();
    printf("interrupted %d%d%d%d\n", is_interrupted(0, 0), is_interrupted(SA_RESTART, 0), is_interrupted(0, 1), is_interrupted(0, 2));
    CHECK(data_is_all(block));
    return 0;
}
