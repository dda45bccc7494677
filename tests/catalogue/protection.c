/* protection.c - mprotect, munmap and mremap on pages of the block, by a program that knows what it does. */
#include "data.h"

#include <setjmp.h>
#include <sys/mman.h>

static sigjmp_buf back;
static void jump(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static void check_refused(volatile unsigned char *at)
{
    if (sigsetjmp(back, 1) == 0) {
        *at = 1;
        CHECK(!"reached");
    }
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]), *page = data_page(block, 20), *moved;
    size_t at = (size_t)(page - block), moved_from = (size_t)(data_page(block, 100) - block);

    (void)count;
    signal(SIGSEGV, jump);
    CHECK(mprotect(page, 8 * PAGE, PROT_READ) == 0);
    CHECK(data_is_all(block));
    check_refused(page + 5000);
    CHECK(mprotect(page, 8 * PAGE, PROT_NONE) == 0);
    check_refused(page);
    CHECK(mprotect(page, 8 * PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(data_is_all(block));
    page[3] ^= 0xff;
    CHECK(data_is(page + 4, at + 4, 8 * PAGE));
    page[3] ^= 0xff;
    moved = mremap(block + moved_from, 10 * PAGE, 20 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && data_is(moved, moved_from, 10 * PAGE) && moved[15 * PAGE] == 0);
    check_refused(block + moved_from);
    CHECK(data_is(block, 0, moved_from));
    CHECK(munmap(data_page(block, 200), 2 * PAGE) == 0);
    check_refused(data_page(block, 200));
    CHECK(data_is(data_page(block, 202), (size_t)(data_page(block, 202) - block), 100 * PAGE));
    puts("protection: ok");
    return 0;
}
