/* coroutine.c - coroutines whose stacks lie in blocks, reading the data between signals. */
#include "data.h"

#include <sys/time.h>
#include <ucontext.h>

static ucontext_t home, away;
static unsigned char *block;
static volatile sig_atomic_t ticks;
static int rounds;

static void tick(int number) { ticks += number != 0; }

static void run(int from, int step)
{
    for (size_t at = (size_t)from; at + 4096 < DATA_BYTES; at += (size_t)step) {
        CHECK(data_is(block + at, at, 4096));
        rounds++;
        swapcontext(&away, &home);
    }
    rounds = -1;
}

int main(int count, char **argument)
{
    struct itimerval every = {.it_interval = {0, 1000}, .it_value = {0, 1000}}, never = {0};
    size_t stack_bytes = 256 * 1024;

    (void)count;
    block = data_load(argument[1]);
    signal(SIGALRM, tick);
    setitimer(ITIMER_REAL, &every, NULL);
    getcontext(&away);
    away.uc_stack.ss_sp = malloc(stack_bytes);
    away.uc_stack.ss_size = stack_bytes;
    away.uc_link = &home;
    makecontext(&away, (void (*)(void))run, 2, 100, 8192);
    while (rounds >= 0)
        swapcontext(&home, &away);
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(data_is_all(block));
    puts("coroutine: ok");
    return 0;
}
