/*
 * tiny_stack.c - threads with the smallest stack there may be, and signal handlers on the smallest alternate stack, touch and
 * write memory that has to be brought back.
 */
#include "data.h"

#include <limits.h>
#include <sys/auxv.h>

static unsigned char *block;
static volatile sig_atomic_t wrong;

static void *look(void *from)
{
    size_t part = DATA_BYTES / 8, at = (uintptr_t)from * part;

    return data_is(block + at, at, part) ? block : NULL;
}

static void handler(int number)
{
    (void)number;
    for (size_t at = 0; at + 64 <= DATA_BYTES; at += 16 * PAGE)
        wrong |= !data_is(block + at, at, 64);
    ((volatile unsigned char *)block)[5 * PAGE] = block[5 * PAGE];
}

int main(int count, char **argument)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_size = (size_t)sysconf(_SC_MINSIGSTKSZ) * 2 + 2048}; /* two frames, and little else */
    pthread_attr_t attributes;

    (void)count;
    block = data_load(argument[1]);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t)sysconf(_SC_THREAD_STACK_MIN)) == 0);
    for (uintptr_t i = 0; i < 8; i++) {
        pthread_t thread;
        void *good;
        CHECK(pthread_create(&thread, &attributes, look, (void *)i) == 0);
        CHECK(pthread_join(thread, &good) == 0 && good);
    }
    stack.ss_sp = malloc(stack.ss_size);
    CHECK(stack.ss_sp && sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    for (unsigned i = 0; i < 20; i++) {
        CHECK(data_is_all(block)); /* makes others go */
        raise(SIGUSR1);
        CHECK(!wrong);
    }
    puts("tiny stack: ok");
    return 0;
}
