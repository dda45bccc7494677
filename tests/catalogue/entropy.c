/* entropy.c - the kernel writes random bytes into the middle of the block; the rest stays. */
#include "data.h"

#include <sys/random.h>
#include <sys/syscall.h>

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    size_t middle = 2000123, behind = middle + 100000;

    (void)count;
    CHECK(getrandom(block + middle, 100000, 0) == 100000);
    CHECK(!data_is(block + middle, middle, 100000));
    CHECK(getentropy(block + behind, 256) == 0);
    CHECK(syscall(SYS_getrandom, block + behind + 256, 1000, 0) == 1000);
    CHECK(data_is(block, 0, middle) && data_is(block + behind + 1256, behind + 1256, DATA_BYTES - behind - 1256));
    data_read(argument[1], block);
    CHECK(data_is_all(block));
    puts("entropy: ok");
    return 0;
}
