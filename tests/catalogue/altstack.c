/* altstack.c - handlers on an alternate stack read the block; another alternate stack lies in the block. */
#include "data.h"

static unsigned char *block;
static volatile sig_atomic_t right;

static void look(int number)
{
    (void)number;
    right += data_is(block + 1024 * 1024, 1024 * 1024, 512 * 1024);
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
    puts("alternate stacks: ok");
    return 0;
}
