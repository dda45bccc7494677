/* longjmp.c - leaves signal handlers by siglongjmp, some of which interrupt a fault. */
#include "data.h"

#include <setjmp.h>
#include <sys/time.h>

static sigjmp_buf back;
static volatile sig_atomic_t jumps;

static void jump(int number)
{
    (void)number;
    jumps++;
    siglongjmp(back, 1);
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    struct itimerval every = {.it_interval = {0, 2000}, .it_value = {0, 2000}}, never = {0};

    (void)count;
    signal(SIGALRM, jump);
    setitimer(ITIMER_REAL, &every, NULL);
    sigsetjmp(back, 1);
    while (jumps < 100)
        CHECK(data_is_all(block));
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(data_is_all(block));
    puts("siglongjmp: ok");
    return 0;
}
