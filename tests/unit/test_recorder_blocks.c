/* test_recorder_blocks.c - the recorder's list of large allocations, in order of address. */
#include "preload/record_block.c"

#include <criterion/criterion.h>

static void add_block(uintptr_t address, uint64_t bytes)
{
    lensi_blocks_add(&(struct lensi_block_record){.address = address, .bytes = bytes, .site = 1});
}

Test(recorder_blocks, blocks_are_found_by_any_address_in_them)
{
    struct lensi_block_record block;

    cr_assert_eq(lensi_blocks_start(), 0);
    for (uintptr_t i = 0; i < 1000; i++)
        add_block((i * 7919 % 1000 + 1) << 20, 1 << 19);
    for (uintptr_t i = 1; i <= 1000; i++) {
        cr_assert(lensi_blocks_find((i << 20) + (1 << 19) - 1, &block) && block.address == i << 20);
        cr_assert_not(lensi_blocks_find((i << 20) + (1 << 19), &block));
        cr_assert(lensi_blocks_first((i << 20) - 10, 20, &block) && block.address == i << 20);
    }
    for (uintptr_t i = 1; i <= 1000; i += 2)
        cr_assert(lensi_blocks_take(i << 20, 5, false, &block));
    cr_assert_not(lensi_blocks_take(1 << 20, 5, false, &block));
    cr_assert_not(lensi_blocks_find(3 << 20, &block));
    cr_assert(lensi_blocks_find(4 << 20, &block));
}

Test(recorder_blocks, too_many_blocks_are_counted_as_lost)
{
    struct lensi_block_record block;

    cr_assert_eq(lensi_blocks_start(), 0);
    for (uintptr_t i = 1; i <= BLOCKS_MAX + 10; i++)
        add_block(i << 12, 4096);
    cr_assert_eq(lensi_blocks_lost(), 11); /* number 0 is no block */
    for (uintptr_t i = 1; i < BLOCKS_MAX; i++)
        cr_assert(lensi_blocks_take(i << 12, 1, true, &block));
    add_block(1 << 12, 4096);
    cr_assert(lensi_blocks_find(1 << 12, &block));
}
