/*
 * tiny_coroutines.c - many coroutines on tiny stacks in blocks, some of them where the file's bytes were: signals arrive on
 * these stacks, and what they look at has to be brought back.
 */
#include "data.h"

#include <sys/time.h>
#include <ucontext.h>

enum { COROUTINES = 40, TURNS = 30, IN_THE_DATA = 8 };

static unsigned char *block;
static size_t stack_bytes;
static ucontext_t home, context[COROUTINES];
static volatile sig_atomic_t ticks, wrong;

static void tick(int number)
{
    (void)number;
    ticks++;
    for (size_t at = 0; at + 16 <= 2u << 20; at += 64 * PAGE) /* the stacks in the data lie behind */
        wrong |= !data_is(block + at, at, 16);
}

static void run(int me)
{
    for (int turn = 0; turn < TURNS; turn++) {
        size_t at = (size_t)(me * TURNS + turn) * 1500;
        CHECK(data_is(block + at, at, 1500) && !wrong);
        if (turn % 8 == 0)
            raise(SIGALRM);
        CHECK(swapcontext(&context[me], &home) == 0);
    }
}

/* From a block of their own, or at the end of the data's. */
static unsigned char *stack_of(int me)
{
    static unsigned char *own;

    if (!own)
        CHECK((own = malloc(stack_bytes * COROUTINES)) != NULL);
    return me < IN_THE_DATA ? data_page(block, 600) + stack_bytes * (size_t)me : own + stack_bytes * (size_t)me;
}

int main(int count, char **argument)
{
    struct itimerval every = {.it_interval = {0, 1000}, .it_value = {0, 1000}}, never = {0};

    (void)count;
    stack_bytes = ((size_t)sysconf(_SC_MINSIGSTKSZ) * 2 + 4096 + 15) & ~15ul; /* two frames, and little else */
    block = data_load(argument[1]);
    signal(SIGALRM, tick);
    for (int i = 0; i < COROUTINES; i++) {
        CHECK(getcontext(&context[i]) == 0);
        context[i].uc_stack.ss_sp = stack_of(i);
        context[i].uc_stack.ss_size = stack_bytes;
        context[i].uc_link = &home;
        makecontext(&context[i], (void (*)(void))run, 1, i);
    }
    setitimer(ITIMER_REAL, &every, NULL);
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < COROUTINES; i++)
            CHECK(swapcontext(&home, &context[i]) == 0);
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(ticks >= COROUTINES && !wrong);
    CHECK(data_is(block, 0, (size_t)(stack_of(0) - block)));
    puts("tiny coroutines: ok");
    return 0;
}
