/* locks.c - mlock on a part of the block, then mlockall. Where the limit forbids it, that is the answer as ever. */
#include "data.h"

#include <sys/mman.h>

static long locked_bytes(void)
{
    char line[200];
    long kilobytes = -1;
    FILE *status = fopen("/proc/self/status", "r");

    while (fgets(line, sizeof line, status) && sscanf(line, "VmLck: %ld", &kilobytes) != 1)
        ;
    fclose(status);
    return kilobytes * 1024;
}

/* What is locked is there, all of it, and stays. */
static void all_resident(unsigned char *block)
{
    unsigned char *first = (unsigned char *)((uintptr_t)block / PAGE * PAGE), there[DATA_BYTES / PAGE];

    CHECK(mincore(first, DATA_BYTES, there) == 0);
    for (size_t i = 0; i < sizeof there; i++)
        CHECK(there[i] & 1);
    CHECK(locked_bytes() >= (long)DATA_BYTES);
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);

    (void)count;
    CHECK(mlock(data_page(block, 10), 4 * PAGE) == 0 || errno == ENOMEM || errno == EPERM);
    CHECK(data_is_all(block));
    CHECK(munlock(data_page(block, 10), 4 * PAGE) == 0 || errno == ENOMEM);
    CHECK(mlockall(16) == -1 && errno == EINVAL);
    CHECK(mlockall(MCL_ONFAULT) == -1 && errno == EINVAL);
    if (mlockall(MCL_CURRENT) == 0)
        all_resident(block);
    else
        CHECK(errno == ENOMEM || errno == EPERM);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0) {
        all_resident(block);
        unsigned char *more = malloc(DATA_BYTES);
        CHECK(more);
        all_resident(more);
        free(more);
    }
    CHECK(data_is_all(block));
    munlockall();
    CHECK(locked_bytes() == 0);
    data_read(argument[1], block);
    CHECK(data_is_all(block));
    free(block);
    block = data_load(argument[1]);
    CHECK(data_is_all(block));
    puts("locks: ok");
    return 0;
}
