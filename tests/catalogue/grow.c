/* grow.c - a block grown by realloc while the file is read into it, then shrunk. */
#include "data.h"

static volatile size_t huge = SIZE_MAX / 2; /* unknown to the compiler, which would warn */

int main(int count, char **argument)
{
    int fd = open(argument[1], O_RDONLY);
    unsigned char *block = NULL;
    size_t have = 0, room = 0;
    ssize_t got;

    (void)count;
    do {
        if (have + 50000 > room) {
            room = room * 3 / 2 + 100000;
            block = realloc(block, room);
            CHECK(block && data_is(block, 0, have));
        }
        got = read(fd, block + have, 50000);
        CHECK(got >= 0);
        have += (size_t)got;
    } while (got > 0);
    close(fd);
    data_pause();
    CHECK(have == DATA_BYTES && data_is_all(block));
    for (size_t size = DATA_BYTES; size > 1000; size = size * 2 / 3) {
        block = realloc(block, size);
        CHECK(block && data_is(block, 0, size));
    }
    block = realloc(block, 2 * DATA_BYTES);
    CHECK(block && data_is(block, 0, 1000));
    block = reallocarray(block, DATA_BYTES, 2);
    CHECK(block && data_is(block, 0, 1000));
    CHECK(!reallocarray(block, huge, 3) && errno == ENOMEM);
    free(block);
    puts("realloc: ok");
    return 0;
}
