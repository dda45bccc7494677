/* fork_read.c - the child reads all; another child writes all; the parent sees neither. */
#include "data.h"

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    pid_t pid;

    (void)count;
    pid = fork();
    if (pid == 0)
        _exit(data_is_all(block) ? 11 : 1);
    CHECK(data_wait(pid) == 11);
    pid = fork();
    if (pid == 0) {
        memset(block, 'x', DATA_BYTES / 2);
        _exit(data_is(block + DATA_BYTES / 2, DATA_BYTES / 2, DATA_BYTES - DATA_BYTES / 2) && block[100] == 'x' ? 12 : 1);
    }
    CHECK(data_wait(pid) == 12);
    pid = fork();
    if (pid == 0) {
        free(block);
        block = data_load(argument[1]);
        exit(data_is_all(block) ? 13 : 1);
    }
    CHECK(data_wait(pid) == 13);
    CHECK(data_is_all(block));
    puts("fork: ok");
    return 0;
}
