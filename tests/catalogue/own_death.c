/* own_death.c - a true segmentation fault ends the process as it always does. */
#include "data.h"

#include <sys/resource.h>

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    struct rlimit none = {0, 0};

    (void)count;
    setrlimit(RLIMIT_CORE, &none);
    CHECK(data_is_all(block));
    puts("about to fall");
    fflush(stdout);
    *(volatile int *)16 = 1;
    return 0;
}
