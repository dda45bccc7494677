/* fork_write_parent.c - the parent overwrites while the child still reads what it inherited. */
#include "data.h"

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    int go[2];
    char byte;
    pid_t pid;

    (void)count;
    CHECK(pipe(go) == 0);
    pid = fork();
    if (pid == 0) {
        CHECK(read(go[0], &byte, 1) == 1);
        _exit(data_is_all(block) ? 11 : 1);
    }
    memset(block, 'p', DATA_BYTES);
    CHECK(write(go[1], "g", 1) == 1);
    CHECK(data_wait(pid) == 11);
    for (size_t i = 0; i < DATA_BYTES; i++)
        CHECK(block[i] == 'p');
    puts("parent writes: ok");
    return 0;
}
