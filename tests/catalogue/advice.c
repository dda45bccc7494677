/* advice.c - every kind of madvise on pages of the block. */
#include "data.h"

#include <sys/mman.h>

int main(int count, char **argument)
{
    static const int harmless[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
                                   MADV_DONTDUMP, MADV_DODUMP, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ,
                                   MADV_POPULATE_WRITE, MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK};
    unsigned char *block = data_load(argument[1]), *zeroed = data_page(block, 50), *end = data_page(block, 60);

    (void)count;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        CHECK(madvise(data_page(block, 40), 40 * PAGE, harmless[i]) == 0 || errno == EINVAL);
        CHECK(data_is_all(block));
    }
    /* Refused on shared memory, which is what blocks are on the protect rung. */
    int wiped = madvise(data_page(block, 300), 50 * PAGE, MADV_WIPEONFORK) == 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit((!wiped || (*data_page(block, 300) == 0 && *data_page(block, 349) == 0)) && data_is(block, 0, 1000000) ? 11 : 1);
    CHECK(data_wait(pid) == 11);
    CHECK(madvise(block + 1, 100, MADV_DONTNEED) == -1 && errno == EINVAL);
    CHECK(madvise(data_page(block, 0), PAGE, 9999) == -1 && errno == EINVAL);
    CHECK(posix_madvise(data_page(block, 0), 10 * PAGE, POSIX_MADV_DONTNEED) == 0 && data_is_all(block));
    CHECK(madvise(zeroed, (size_t)(end - zeroed), MADV_DONTNEED) == 0);
    for (unsigned char *at = zeroed; at < end; at++)
        CHECK(*at == 0);
    CHECK(data_is(block, 0, (size_t)(zeroed - block)));
    CHECK(data_is(end, (size_t)(end - block), DATA_BYTES - (size_t)(end - block)));
    puts("advice: ok");
    return 0;
}
