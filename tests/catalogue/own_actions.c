/*
 * own_actions.c - handlers of the program's own for the fault signals run where, and with what, they asked for: the stack, the mask, the
 * flags, the signal's origin; also when the action is set and asked for by number.
 */
#include "data.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

static const int faults[] = {SIGBUS, SIGSEGV};
static unsigned char *block;
static stack_t stack = {.ss_size = 128 * 1024};
static sigjmp_buf back;
static volatile char *wrong; /* an access there is the fault asked for */
static volatile int calls, is_to_jump;

static int on_stack(const void *at) { return (uintptr_t)at - (uintptr_t)stack.ss_sp < stack.ss_size; }

static int blocks(int number)
{
    sigset_t now;

    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
    return sigismember(&now, number);
}

static void tell(int number, const siginfo_t *info)
{
    char here;

    printf("  %s: stack %d code %d address %d mask %d%d%d%d\n", strsignal(number), on_stack(&here), info ? info->si_code : 0,
           info ? info->si_addr == (void *)(uintptr_t)wrong : 0, blocks(SIGBUS), blocks(SIGSEGV), blocks(SIGUSR1), blocks(SIGUSR2));
    CHECK(data_is(block + WORDS_AT, WORDS_AT, 200 * PAGE)); /* our own faults are served meanwhile */
    calls++;
    if (is_to_jump)
        siglongjmp(back, 1);
    CHECK(!wrong || mprotect((void *)((uintptr_t)wrong & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ) == 0);
}

static void simple(int number) { tell(number, NULL); }

static void full(int number, siginfo_t *info, void *context)
{
    CHECK(((ucontext_t *)context)->uc_mcontext.fpregs || !sizeof(ucontext_t));
    tell(number, info);
}

static void show(int number)
{
    struct sigaction now;

    CHECK(sigaction(number, NULL, &now) == 0);
    printf("  action: %s flags %x mask %d%d%d\n", now.sa_handler == SIG_DFL ? "default" : "set", (unsigned)now.sa_flags,
           sigismember(&now.sa_mask, SIGBUS), sigismember(&now.sa_mask, SIGSEGV), sigismember(&now.sa_mask, SIGUSR1));
}

/* Sent, then a true fault: of SIGSEGV by an access that is not allowed, of SIGBUS behind a file's end. The floating point state survives. */
static void one(int number, int flags, int masked, const char *path)
{
    static int file = -1;
    struct sigaction action = {.sa_flags = flags};
    volatile double sum = 1;

    printf("%s, flags %x\n", strsignal(number), (unsigned)flags);
    if (flags & SA_SIGINFO)
        action.sa_sigaction = full;
    else
        action.sa_handler = simple;
    sigemptyset(&action.sa_mask);
    if (masked)
        sigaddset(&action.sa_mask, masked);
    CHECK(sigaction(number, &action, NULL) == 0);
    block = data_load(path);
    wrong = NULL;
    raise(number);
    show(number);
    if (flags & (int)SA_RESETHAND)
        CHECK(sigaction(number, &action, NULL) == 0);
    if (number == SIGSEGV) {
        wrong = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(wrong != MAP_FAILED);
        sum = sum / 3 + wrong[100 * 0];
        munmap((void *)(uintptr_t)wrong, PAGE);
    }
    if (file < 0)
        file = fileno(tmpfile());
    wrong = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
    CHECK(wrong != MAP_FAILED);
    is_to_jump = 1;
    if (sigsetjmp(back, 1) == 0 && number == SIGBUS)
        printf("%d not reached\n", *wrong);
    is_to_jump = 0;
    munmap((void *)(uintptr_t)wrong, PAGE);
    wrong = NULL;
    printf("  afterwards: mask %d%d%d, %d calls, %.3f\n", blocks(SIGBUS), blocks(SIGSEGV), blocks(SIGUSR1), calls, sum);
    CHECK(data_is_all(block));
    free(block);
    signal(number, SIG_DFL);
}

struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

static void by_number(int number)
{
    struct kernel_action now, set = {.handler = SIG_IGN, .mask = 1u << (SIGUSR1 - 1)};

    memset(&now, 0xee, sizeof now);
    CHECK(syscall(SYS_rt_sigaction, number, NULL, &now, 8) == 0);
    printf("by number: %s flags %lx mask %llx\n", now.handler == SIG_DFL ? "default" : "set", now.flags, (unsigned long long)now.mask);
    CHECK(syscall(SYS_rt_sigaction, number, &set, NULL, 8) == 0);
    show(number);
    raise(number);
    memset(&now, 0xee, sizeof now);
    set = (struct kernel_action){.mask = ~0ull};
    CHECK(syscall(SYS_rt_sigaction, number, &set, &now, 8) == 0 && now.handler == SIG_IGN);
    show(number);
    CHECK(syscall(SYS_rt_sigaction, number, &set, NULL, 16) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_rt_sigaction, number, (void *)8, NULL, 8) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_rt_sigaction, number, NULL, (void *)8, 8) == -1 && errno == EFAULT);
}

/* A fault of a signal that is blocked ends the process, whatever its handler. */
static int dies_blocked(int number)
{
    pid_t pid = fork();
    sigset_t set;

    CHECK(pid >= 0);
    if (pid == 0) {
        signal(number, simple);
        sigemptyset(&set);
        sigaddset(&set, number);
        sigprocmask(SIG_BLOCK, &set, NULL);
        wrong = number == SIGSEGV ? mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                  : mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fileno(tmpfile()), 0);
        _exit(*wrong + 1);
    }
    return data_wait(pid);
}

int main(int count, char **argument)
{
    (void)count;
    block = data_load(argument[1]);
    for (int i = 0; i < 2; i++)
        by_number(faults[i]);
    by_number(SIGUSR1);
    for (int with_stack = 0; with_stack < 2; with_stack++) {
        stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        stack.ss_flags = with_stack ? 0 : SS_DISABLE;
        CHECK(sigaltstack(&stack, NULL) == 0);
        for (int i = 0; i < 2; i++) {
            one(faults[i], 0, 0, argument[1]);
            one(faults[i], SA_SIGINFO, SIGUSR1, argument[1]);
            one(faults[i], SA_SIGINFO | SA_NODEFER, SIGUSR2, argument[1]);
            one(faults[i], SA_SIGINFO | SA_ONSTACK, SIGUSR2, argument[1]);
            one(faults[i], (int)SA_RESETHAND, SIGUSR2, argument[1]);
        }
    }
    for (int i = 0; i < 2; i++) {
        fflush(stdout);
        printf("blocked: %d\n", dies_blocked(faults[i]));
    }
    return 0;
}
