/* file_limit.c - the process may write no file (RLIMIT_FSIZE), forks, and goes on touching, writing and forking; in its child for good. */
#include "data.h"

#include <sys/resource.h>

static int child(const unsigned char *block)
{
    return data_is_all(block) ? 0 : 1;
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    struct rlimit none, before;

    (void)count;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    none = (struct rlimit){0, count > 2 ? 0 : before.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
    for (unsigned round = 0; round < 4; round++) {
        pid_t pid;
        CHECK(data_is_all(block));
        for (size_t i = 0; i < DATA_BYTES; i += PAGE) /* the same bytes: nothing changes for who reads */
            ((volatile unsigned char *)block)[i] = block[i];
        data_pause();
        pid = fork();
        if (pid == 0)
            _exit(child(block));
        CHECK(data_wait(pid) == 0);
        CHECK(data_is_all(block));
    }
    if (count > 2) /* from the child below: its parent speaks for it */
        return 0;
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    pid_t pid = fork();
    if (pid == 0) { /* the same with a limit that cannot be raised again */
        CHECK(data_is_all(block));
        execl("/proc/self/exe", argument[0], argument[1], "hard", (char *)NULL);
        _exit(98);
    }
    CHECK(data_wait(pid) == 0);
    puts("file limit: ok");
    return 0;
}
