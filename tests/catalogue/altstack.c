/* altstack.c - handlers on an alternate stack read the block; another alternate stack lies in the block. */
#include "data.h"

#include <sys/mman.h>

static unsigned char *block;
static volatile sig_atomic_t right;

static void look(int number)
{
    (void)number;
    right += data_is(block + 1024 * 1024, 1024 * 1024, 512 * 1024);
}

/*
 * Memory that goes while it is the alternate stack, as ruby's does at its end: nobody's signal may be written there any more. What
 * comes to lie there is looked after.
 */
static void free_while_set(const char *path)
{
    stack_t stack = {.ss_size = 256 * 1024}; /* large enough for a block, or a mapping, of its own */
    unsigned char *next, *fresh = data_load(path);

    stack.ss_sp = malloc(stack.ss_size);
    CHECK(stack.ss_sp && sigaltstack(&stack, NULL) == 0);
    free(stack.ss_sp);
    next = malloc(stack.ss_size);
    CHECK(next);
    memset(next, 0x5a, stack.ss_size);
    CHECK(data_is_all(fresh));
    for (size_t i = 0; i < stack.ss_size; i++)
        CHECK(next[i] == 0x5a);
    free(next);

    stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack.ss_sp != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
    CHECK(munmap(stack.ss_sp, stack.ss_size) == 0);
    CHECK(data_is_all(fresh));
}

int main(int count, char **argument)
{
    stack_t stack = {.ss_size = 64 * 1024}, old;
    struct sigaction action = {.sa_flags = SA_ONSTACK};

    (void)count;
    block = data_load(argument[1]);
    action.sa_handler = look;
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    stack.ss_sp = malloc(stack.ss_size);
    CHECK(sigaltstack(&stack, NULL) == 0);
    raise(SIGUSR1);
    CHECK(right == 1);
    stack.ss_sp = data_page(block, 800);
    CHECK(sigaltstack(&stack, &old) == 0 && old.ss_size == stack.ss_size);
    raise(SIGUSR1);
    CHECK(right == 2);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
    CHECK(data_is(block, 0, (size_t)((unsigned char *)stack.ss_sp - block)));
    free_while_set(argument[1]);
    puts("alternate stacks: ok");
    return 0;
}
