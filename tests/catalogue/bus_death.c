/* bus_death.c - a bus error nobody handles, raised and ended by it. */
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
    raise(SIGBUS);
    return 0;
}
