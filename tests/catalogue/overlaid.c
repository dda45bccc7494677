/* overlaid.c - the program maps other memory over a part of its block (MAP_FIXED), uses it, puts ordinary memory back, frees. */
#include "data.h"

#include <sys/mman.h>

int main(int count, char **argument)
{
    for (unsigned round = 0; round < 8; round++) {
        unsigned char *block = data_load(argument[1]), *at = data_page(block, 32), *end = at + 64 * PAGE;
        int fd = open(argument[1], O_RDONLY);

        CHECK(fd >= 0);
        CHECK(mmap(at, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0) == at);
        CHECK(data_is(at, 0, 64 * PAGE));
        memset(at + PAGE, 7, PAGE);
        data_pause();
        CHECK(data_is(at, 0, PAGE) && at[PAGE] == 7 && data_is(at + 2 * PAGE, 2 * PAGE, 62 * PAGE));
        CHECK(mmap(at, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
        CHECK(at[0] == 0 && end[-1] == 0);
        CHECK(data_is(block, 0, (size_t)(at - block)) && data_is(end, (size_t)(end - block), DATA_BYTES - (size_t)(end - block)));
        close(fd);
        data_read(argument[1], block);
        CHECK(data_is_all(block));
        free(block);
    }
    (void)count;
    puts("overlaid: ok");
    return 0;
}
