/* no_listener.c - standard error is a pipe that nobody reads any more when the process ends: what lens has to say kills nobody. */
#include "data.h"

int main(int count, char **argument)
{
    int ends[2];

    if (count > 2) {
        unsigned char *block = data_load(argument[1]);
        CHECK(data_is_all(block));
        close(0); /* the only reading end */
        return 7;
    }
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[0], 0);
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        unsetenv("LENS_MAIN_PROCESS"); /* it speaks for itself */
        execl("/proc/self/exe", argument[0], argument[1], "again", (char *)NULL);
        _exit(98);
    }
    close(ends[0]);
    close(ends[1]);
    CHECK(data_wait(pid) == 7);
    unsigned char *block = data_load(argument[1]);
    CHECK(data_is_all(block));
    puts("no listener: ok");
    return 0;
}
