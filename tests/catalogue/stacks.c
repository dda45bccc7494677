/*
 * stacks.c - stacks made of a block that held the file: coroutines switched by the program's own instructions, which libc knows nothing of.
 * Their pages are absent when they are first run on. Calls, signals, forks and threads find there what they would find elsewhere.
 */
#include "data.h"

#include <sys/time.h>
#include <threads.h>
#include <ucontext.h>

enum { COROUTINES = 12, STACK_BYTES = 96 * 1024, DEEP_BYTES = 40000, TURNS = 6, FIRST_PAGE = 60 };

static unsigned char *block;
static void *home, *place[COROUTINES];
static int now;
static volatile long sum;
static volatile sig_atomic_t ticks, calls, elsewhere;

static unsigned char *stack_of(int me) { return data_page(block, FIRST_PAGE) + (size_t)me * STACK_BYTES; }

static int is_on_its_stack(const void *at) { return (uintptr_t)at - (uintptr_t)stack_of(now) < STACK_BYTES; }

#if defined(__x86_64__)
void switch_to(void **save, void *to);
__asm__(".globl switch_to\nswitch_to:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp, (%rdi)\nmov %rsi, %rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");

static void *new_place(int me, void (*run)(void))
{
    void **top = (void **)(void *)(stack_of(me) + STACK_BYTES);

    *--top = NULL; /* run's caller */
    *--top = (void *)run;
    for (int i = 0; i < 6; i++)
        *--top = NULL;
    return top;
}
#else
/* Where nobody has written the instructions down: libc's. */
static ucontext_t contexts[COROUTINES + 1];

static void switch_to(void **save, void *to)
{
    ucontext_t *from = save == &home ? &contexts[COROUTINES] : &contexts[now];

    *save = from;
    CHECK(swapcontext(from, to) == 0);
}

static void *new_place(int me, void (*run)(void))
{
    CHECK(getcontext(&contexts[me]) == 0);
    contexts[me].uc_stack = (stack_t){.ss_sp = stack_of(me), .ss_size = STACK_BYTES};
    makecontext(&contexts[me], run, 0);
    return &contexts[me];
}
#endif

/* ---- what is done there */

static void caught(int number, siginfo_t *info, void *context)
{
    const ucontext_t *at = context;

    (void)number;
    calls++;
    elsewhere += !is_on_its_stack(&at) || !is_on_its_stack(info) || !is_on_its_stack(context) || at->uc_stack.ss_size;
}

static void tick(int number)
{
    (void)number;
    ticks++;
}

__attribute__((noinline)) static void go_deep(int turn)
{
    volatile char deep[DEEP_BYTES];

    for (int i = 0; i < DEEP_BYTES; i += 997)
        deep[i] = (char)(turn + now + i);
    for (int i = 0; i < DEEP_BYTES; i += 997)
        sum += deep[i];
}

/* The kernel writes into this frame, and into libc's below. */
__attribute__((noinline)) static void call_kernel(void)
{
    char folder[PAGE], byte[3 * PAGE];
    struct stat status;
    int pipes[2];

    CHECK(stat("/", &status) == 0 && S_ISDIR(status.st_mode));
    CHECK(getcwd(folder, sizeof folder) == folder);
    CHECK(pipe(pipes) == 0 && write(pipes[1], "x", 1) == 1 && read(pipes[0], byte + 2 * PAGE, PAGE) == 1 && byte[2 * PAGE] == 'x');
    close(pipes[0]);
    close(pipes[1]);
    usleep(100);
}

/* Signals while nothing else is done: no call, no touch of the stack. */
static void spin(void)
{
    struct itimerval every = {.it_interval = {0, 2000}, .it_value = {0, 2000}}, never = {.it_value = {0, 0}};
    int until = ticks + 4;

    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    while (ticks < until)
        ;
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

static void fork_there(void)
{
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        go_deep(3);
        CHECK(data_is(block, 0, WORDS_AT));
        _exit(7);
    }
    CHECK(data_wait(pid) == 7);
}

static void run(void)
{
    for (int turn = 0;; turn++) {
        void *more;

        if (turn == now % 3)
            raise(now & 1 ? SIGUSR1 : SIGUSR2);
        go_deep(turn);
        if (turn == 1)
            call_kernel();
        if (turn == 2 && now == 0)
            spin();
        if (turn == 2 && now == 1)
            fork_there();
        more = malloc(100000);
        CHECK(more);
        memset(more, turn, 100000);
        free(more);
        switch_to(&place[now], home);
    }
}

static void coroutines(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK}, alarm = {.sa_flags = SA_RESTART};
    stack_t is;

    CHECK(sigaltstack(NULL, &is) == 0 && is.ss_flags == SS_DISABLE && !is.ss_size); /* so SA_ONSTACK has no effect */
    action.sa_sigaction = caught;
    alarm.sa_handler = tick;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0 && sigaction(SIGALRM, &alarm, NULL) == 0);
    for (int i = 0; i < COROUTINES; i++)
        place[i] = new_place(i, run);
    data_pause();
    for (int turn = 0; turn < TURNS; turn++)
        for (now = 0; now < COROUTINES; now++)
            switch_to(&home, place[now]);
    CHECK(sigaltstack(NULL, &is) == 0 && is.ss_flags == SS_DISABLE && !is.ss_size);
    printf("coroutines: sum %ld, %d calls, %d elsewhere\n", sum, (int)calls, (int)elsewhere);
}

/* ---- threads on such stacks */

static void *thread(void *argument)
{
    stack_t is, set = {.ss_sp = argument, .ss_size = 64 * 1024};

    go_deep((int)(uintptr_t)argument & 1);
    call_kernel();
    CHECK(sigaltstack(NULL, &is) == 0 && is.ss_flags == SS_DISABLE && !is.ss_size);
    CHECK(sigaltstack(&set, &is) == 0 && is.ss_flags == SS_DISABLE);
    CHECK(sigaltstack(NULL, &is) == 0 && is.ss_flags == 0 && is.ss_sp == argument);
    set.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&set, &is) == 0 && is.ss_sp == argument);
    CHECK(sigaltstack(NULL, &is) == 0 && is.ss_flags == SS_DISABLE && !is.ss_size);
    return argument;
}

static int c_thread(void *argument)
{
    CHECK(thread(argument) == argument);
    return 5;
}

static void threads(void)
{
    enum { THREADS = 3 };
    unsigned char *stacks = data_page(block, 700), *other = malloc(64 * 1024);
    pthread_attr_t attributes;
    pthread_t ids[THREADS];
    thrd_t c;
    void *result;
    int status;

    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_attr_init(&attributes) == 0);
        CHECK(pthread_attr_setstack(&attributes, stacks + i * 128 * 1024, 128 * 1024) == 0);
        CHECK(pthread_create(&ids[i], &attributes, thread, other) == 0 && pthread_attr_destroy(&attributes) == 0);
        CHECK(pthread_join(ids[i], &result) == 0 && result == other);
    }
    CHECK(thrd_create(&c, c_thread, other) == thrd_success && thrd_join(c, &status) == thrd_success && status == 5);
    free(other);
    puts("threads: ok");
}

int main(int count, char **argument)
{
    (void)count;
    block = data_load(argument[1]);
    coroutines();
    threads();
    CHECK(data_is(block, 0, (size_t)(stack_of(0) - block)) && data_is(stack_of(COROUTINES), (size_t)(stack_of(COROUTINES) - block), 100 * PAGE));
    return 0;
}
