/* limits.c - resource limits set during the run; the program sees what it set. */
#include "data.h"

#include <sys/mman.h>
#include <sys/resource.h>

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]), *more;
    struct rlimit limit = {1ul << 30, 1ul << 30}, seen;

    (void)count;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    CHECK(getrlimit(RLIMIT_AS, &seen) == 0 && seen.rlim_cur == limit.rlim_cur && seen.rlim_max == limit.rlim_max);
    more = malloc(100 << 20);
    CHECK(more);
    memset(more, 1, 1 << 20);
    free(more);
    CHECK(mmap(NULL, 2ul << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    limit = (struct rlimit){1ul << 29, 1ul << 29};
    CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    CHECK(getrlimit(RLIMIT_DATA, &seen) == 0 && seen.rlim_cur == limit.rlim_cur && seen.rlim_max == limit.rlim_max);
    more = malloc(100 << 20);
    CHECK(more);
    free(more);
    CHECK(mmap(NULL, 1ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    limit = (struct rlimit){8, 8};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(data_is_all(block));
    free(block);
    block = data_load(argument[1]);
    CHECK(data_is_all(block));
    puts("limits: ok");
    return 0;
}
