/* spliced.c - pages of the block go through pipes by vmsplice, tee and splice, while others come and go. */
#include "data.h"

#include <sys/uio.h>

enum { PAGES = 8 };

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]), back[PAGES * PAGE];
    int one[2], other[2], fd = fileno(tmpfile());

    (void)count;
    CHECK(pipe(one) == 0 && pipe(other) == 0);
    for (size_t page = 0; page + PAGES < 700; page += 23) {
        unsigned char *at = data_page(block, page);
        size_t from = (size_t)(at - block);
        struct iovec part = {at, PAGES * PAGE};
        CHECK(vmsplice(one[1], &part, 1, 0) == PAGES * PAGE);
        CHECK(tee(one[0], other[1], PAGES * PAGE, 0) == PAGES * PAGE);
        CHECK(splice(one[0], NULL, fd, NULL, PAGES * PAGE, 0) == PAGES * PAGE);
        CHECK(data_is(block, 0, 500000)); /* makes others go */
        CHECK(read(other[0], back, sizeof back) == (ssize_t)sizeof back && data_is(back, from, sizeof back));
        CHECK(pread(fd, back, sizeof back, lseek(fd, 0, SEEK_CUR) - (off_t)sizeof back) == (ssize_t)sizeof back);
        CHECK(data_is(back, from, sizeof back) && data_is(at, from, PAGES * PAGE));
    }
    CHECK(data_is_all(block));
    puts("spliced: ok");
    return 0;
}
