/* Fibers on mapped stacks above which nothing is: what their entry would return to lies behind the mapping, and they are not aligned. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void fiber_switch(void **save, void *to);
__asm__(".globl fiber_switch\nfiber_switch:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\nmov %rsp, (%rdi)\n"
        "mov %rsi, %rsp\npop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");

enum { BYTES = 32 << 10, ROUNDS = 200, DEPTH = 9 };
static void *home, *fiber;

__attribute__((noinline, optimize("no-omit-frame-pointer"))) static void deep(int left)
{
    volatile char room[600];

    room[0] = (char)left;
    free(malloc(1000 + (size_t)left));
    if (left)
        deep(left - 1);
    room[1] = room[0];
}

__attribute__((optimize("no-omit-frame-pointer"))) static void run(void)
{
    for (;;) {
        deep(DEPTH);
        free(malloc(5000));
        fiber_switch(&fiber, home);
    }
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        char *stack = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        void **top = (void **)(stack + BYTES);

        *--top = (void *)run;
        for (int i = 0; i < 6; i++)
            *--top = stack + BYTES + 8 * i;
        fiber = top;
        fiber_switch(&home, fiber);
        fiber_switch(&home, fiber);
        munmap(stack, BYTES);
    }
    puts("done");
    return 0;
}
