/* close_all.c - closes every descriptor it can name, in four ways, as daemons do. */
#include "data.h"

#include <sys/resource.h>

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    struct rlimit limit;
    int fd;

    (void)count;
    closefrom(3);
    CHECK(data_is_all(block));
    fd = open("/dev/null", O_RDONLY);
    CHECK(fd == 3 && close_range(3, ~0u, 0) == 0);
    CHECK(close(3) == -1 && errno == EBADF);
    CHECK(data_is_all(block));
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (fd = 3; fd < (int)limit.rlim_cur && fd < 1 << 17; fd++)
        close(fd);
    CHECK(data_is_all(block));
    fclose(stdin);
    data_read(argument[1], block);
    CHECK(data_is_all(block));
    puts("closed all: ok");
    return 0;
}
