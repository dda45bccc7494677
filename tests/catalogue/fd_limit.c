/* fd_limit.c - not one descriptor more may be opened (RLIMIT_NOFILE), and the process forks; the child uses its memory. */
#include "data.h"

#include <sys/resource.h>

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    struct rlimit few = {3, 3};

    (void)count;
    CHECK(data_is_all(block));
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
    for (unsigned round = 0; round < 3; round++) {
        pid_t pid;
        data_pause();
        pid = fork();
        if (pid == 0) {
            int right = data_is_all(block);
            memset(block, 1, DATA_BYTES);
            _exit(right && block[DATA_BYTES - 1] == 1 ? 0 : 1);
        }
        CHECK(data_wait(pid) == 0);
        CHECK(data_is_all(block));
    }
    puts("fd limit: ok");
    return 0;
}
