/* dup_games.c - descriptors put on every number in turn. */
#include "data.h"

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    int null = open("/dev/null", O_RDWR), again;
    char byte;

    (void)count;
    for (int fd = null + 1; fd < 1000; fd++)
        CHECK(dup2(null, fd) == fd || errno == EBADF);
    CHECK(data_is_all(block));
    for (int fd = null + 1; fd < 1000; fd++)
        close(fd);
    for (int fd = 1000; fd < 66000; fd += 1)
        if (dup3(null, fd, O_CLOEXEC) == fd)
            close(fd);
    CHECK(dup2(null, null) == null);
    again = dup(null);
    CHECK(again == null + 1 && read(again, &byte, 1) == 0);
    CHECK(data_is_all(block));
    puts("dup games: ok");
    return 0;
}
