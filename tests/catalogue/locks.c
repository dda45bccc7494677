/* locks.c - mlock on a part of the block, then mlockall. Where the limit forbids it, that is the answer as ever. */
#include "data.h"

#include <sys/mman.h>

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);

    (void)count;
    CHECK(mlock(data_page(block, 10), 4 * PAGE) == 0 || errno == ENOMEM || errno == EPERM);
    CHECK(data_is_all(block));
    CHECK(munlock(data_page(block, 10), 4 * PAGE) == 0 || errno == ENOMEM);
    CHECK(mlockall(MCL_CURRENT) == 0 || errno == ENOMEM || errno == EPERM);
    CHECK(data_is_all(block));
    munlockall();
    data_read(argument[1], block);
    CHECK(data_is_all(block));
    free(block);
    block = data_load(argument[1]);
    CHECK(data_is_all(block));
    puts("locks: ok");
    return 0;
}
