/* own_handlers.c - the program's own SIGBUS and SIGSEGV handlers get what is theirs: true errors and raised signals. */
#include "data.h"

#include <setjmp.h>
#include <sys/mman.h>

static sigjmp_buf back;
static volatile sig_atomic_t caught[64];
static void *volatile address;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    caught[number]++;
    address = info->si_addr;
    if (info->si_code > 0)
        siglongjmp(back, 1);
}

static void true_bus_error(void)
{
    FILE *file = tmpfile();
    volatile char *map;

    CHECK(file && ftruncate(fileno(file), 2 * PAGE) == 0);
    map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fileno(file), 0);
    CHECK(map != MAP_FAILED && ftruncate(fileno(file), PAGE) == 0);
    if (sigsetjmp(back, 1) == 0) {
        (void)map[PAGE + 5];
        CHECK(!"reached");
    }
    CHECK(address == (void *)&map[PAGE + 5]);
}

static void true_segment_error(void)
{
    volatile char *map = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (sigsetjmp(back, 1) == 0) {
        map[7] = 1;
        CHECK(!"reached");
    }
    CHECK(address == (void *)&map[7]);
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    struct sigaction action = {.sa_flags = SA_SIGINFO}, old;

    (void)count;
    action.sa_sigaction = handler;
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGBUS, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGBUS, &action, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGSEGV, &action, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGBUS, NULL, &old) == 0 && old.sa_sigaction == handler && old.sa_flags & SA_SIGINFO);
    CHECK(data_is_all(block));
    true_bus_error();
    true_segment_error();
    CHECK(caught[SIGBUS] == 1 && caught[SIGSEGV] == 1);
    CHECK(data_is_all(block));
    raise(SIGBUS);
    kill(getpid(), SIGSEGV);
    CHECK(caught[SIGBUS] == 2 && caught[SIGSEGV] == 2);
    CHECK(signal(SIGBUS, SIG_IGN) == (sighandler_t)(void *)handler);
    raise(SIGBUS);
    CHECK(signal(SIGBUS, SIG_DFL) == SIG_IGN);
    CHECK(caught[SIGBUS] == 2 && data_is_all(block));
    puts("own handlers: ok");
    return 0;
}
