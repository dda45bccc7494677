/* vfork_exec.c - vfork's child reads the block, takes exec's strings from it, or just ends. */
#include "data.h"

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    volatile int right = 0;
    pid_t pid;

    (void)count;
    setvbuf(stdout, NULL, _IONBF, 0);
    pid = vfork();
    if (pid == 0) {
        right = data_is(block + 2 * 1024 * 1024, 2 * 1024 * 1024, 1024 * 1024);
        _exit(3);
    }
    CHECK(data_wait(pid) == 3 && right);
    char *vector[] = {data_slot(block, SLOT_SH), data_slot(block, SLOT_C), data_slot(block, SLOT_COMMAND), NULL};
    pid = vfork();
    if (pid == 0) {
        execv(data_slot(block, SLOT_SHELL), vector);
        _exit(127);
    }
    CHECK(data_wait(pid) == 7);
    pid = vfork();
    if (pid == 0) {
        execl(data_slot(block, SLOT_MISSING), data_slot(block, SLOT_SH), NULL);
        _exit(errno == ENOENT ? 5 : 1);
    }
    CHECK(data_wait(pid) == 5);
    CHECK(data_is_all(block));
    puts("vfork: ok");
    return 0;
}
