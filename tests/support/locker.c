/* locker.c - what real-time programs and key agents do: locks a block, then everything, now and in future, and says how that went. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void said(const char *what, int result) { printf("%s: %s\n", what, result ? strerror(errno) : "done"); }

int main(void)
{
    char *small = malloc(1 << 20), *large = malloc(30 << 20), *more;

    memset(small, 1, 1 << 20);
    said("a block", mlock(small, 1 << 20));
    said("a large one", mlock(large, 30 << 20));
    munlock(small, 1 << 20);
    said("all, with the large one", mlockall(MCL_CURRENT));
    free(large);
    said("all", mlockall(MCL_CURRENT));
    said("all as it is touched", mlockall(MCL_CURRENT | MCL_ONFAULT));
    said("all there will be", mlockall(MCL_CURRENT | MCL_FUTURE));
    more = malloc(20 << 20);
    printf("20 MB more: %s\n", more ? "there" : "none");
    munlockall();
    more = malloc(20 << 20);
    printf("20 MB more: %s\n", more ? "there" : "none");
    said("what will be", mlockall(MCL_FUTURE));
    return small[5] - 1;
}
