/* contexts.c - contexts and jump buffers inside the block, with masks that hold every signal; each leaves the mask that it should. */
#include "data.h"

#include <setjmp.h>
#include <ucontext.h>

static unsigned char *block;
static ucontext_t *home, *other;
static volatile int steps;

static int blocks(int number)
{
    sigset_t now;

    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
    return sigismember(&now, number);
}

static void open_mask(void)
{
    sigset_t none;

    sigemptyset(&none);
    CHECK(pthread_sigmask(SIG_SETMASK, &none, NULL) == 0);
}

static void run(int a, int b, int c, int d, int e, int f, int g, int h)
{
    CHECK(a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 && g == 7 && h == 8);
    printf("inside: SIGBUS %d SIGSEGV %d\n", blocks(SIGBUS), blocks(SIGSEGV));
    CHECK(data_is(block + WORDS_AT + 100 * PAGE, WORDS_AT + 100 * PAGE, 300 * PAGE));
    CHECK(swapcontext(other, home) == 0);
    printf("inside again: SIGBUS %d SIGSEGV %d\n", blocks(SIGBUS), blocks(SIGSEGV));
    CHECK(data_is(block + WORDS_AT + 400 * PAGE, WORDS_AT + 400 * PAGE, 300 * PAGE));
    steps++;
}

/* A context with a full mask, entered twice, whose end goes to a context with a full mask. */
static void coroutine(const char *path)
{
    static char stack[256 * 1024];

    CHECK(getcontext(other) == 0);
    other->uc_stack.ss_sp = stack;
    other->uc_stack.ss_size = sizeof stack;
    other->uc_link = home;
    sigfillset(&other->uc_sigmask);
    makecontext(other, (void (*)(void))run, 8, 1, 2, 3, 4, 5, 6, 7, 8);
    CHECK(swapcontext(home, other) == 0);
    printf("outside: SIGBUS %d SIGSEGV %d\n", blocks(SIGBUS), blocks(SIGSEGV));
    block = data_load(path);
    sigfillset(&home->uc_sigmask); /* not what swapcontext is about to save there */
    CHECK(swapcontext(home, other) == 0);
    CHECK(steps == 1 && data_is_all(block));
    printf("at the end: SIGBUS %d SIGSEGV %d\n", blocks(SIGBUS), blocks(SIGSEGV));
}

static void set_itself(const char *path)
{
    volatile int again = 0;

    CHECK(getcontext(home) == 0);
    if (!again) {
        again = 1;
        sigfillset(&home->uc_sigmask);
        block = data_load(path);
        setcontext(home);
        CHECK(!"reached");
    }
    printf("set again: SIGBUS %d SIGSEGV %d SIGUSR1 %d\n", blocks(SIGBUS), blocks(SIGSEGV), blocks(SIGUSR1));
    CHECK(data_is_all(block));
    open_mask();
}

/* The mask of a jump buffer lies behind the registers: here in the next page, which has to be there when it is saved. */
static void jump(const char *path)
{
    unsigned char *room = data_load(path);
    sigjmp_buf *buffer = (sigjmp_buf *)(data_page(room, 600) - 72);
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    sigaddset(&set, SIGUSR2);
    CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    if (sigsetjmp(*buffer, 1) == 0) {
        open_mask();
        siglongjmp(*buffer, 1);
    }
    printf("jumped: SIGBUS %d SIGSEGV %d SIGUSR1 %d SIGUSR2 %d\n", blocks(SIGBUS), blocks(SIGSEGV), blocks(SIGUSR1), blocks(SIGUSR2));
    CHECK(data_is(room, 0, (size_t)((unsigned char *)buffer - room)));
    open_mask();
}

static void edit(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    sigfillset(&((ucontext_t *)context)->uc_sigmask);
}

/* What a handler writes into its context is the mask afterwards. */
static void edited_by_handler(const char *path)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = edit;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    block = data_load(path);
    raise(SIGUSR1);
    printf("edited: SIGBUS %d SIGSEGV %d SIGUSR1 %d\n", blocks(SIGBUS), blocks(SIGSEGV), blocks(SIGUSR1));
    CHECK(data_is_all(block));
    open_mask();
}

int main(int count, char **argument)
{
    unsigned char *room = data_load(argument[1]);

    (void)count;
    block = data_load(argument[1]);
    home = (ucontext_t *)data_page(room, 200);
    other = (ucontext_t *)data_page(room, 500);
    coroutine(argument[1]);
    set_itself(argument[1]);
    jump(argument[1]);
#if defined(__x86_64__)
    edited_by_handler(argument[1]);
#else
    (void)edited_by_handler;
#endif
    return 0;
}
