/* test_recorder_blocks.c - the recorder's list of large allocations, in order of address. */
#include "preload/recorder/block.c"

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

/* A block may be of a site that came while the tree was told: spoken of too early, it would end the trace for its reader. */
Test(recorder_blocks, blocks_of_sites_that_were_not_told_wait)
{
    struct lensi_block_record block, batch[BATCH];
    uint32_t from = 0;

    cr_assert_eq(lensi_blocks_start(), 0);
    for (uint32_t site = 1; site <= 6; site++) {
        lensi_blocks_add(&(struct lensi_block_record){.address = (uintptr_t)site << 20, .bytes = 4096, .site = site});
        cr_assert(lensi_blocks_find((uintptr_t)site << 20, &block)); /* somebody speaks of it */
    }
    cr_assert(lensi_blocks_take(2u << 20, 5, false, &block));
    cr_assert(lensi_blocks_take(5u << 20, 6, false, &block));
    cr_assert_eq(collect(batch, 4, &from), 3);
    cr_assert(batch[0].site == 1 && batch[1].site == 3 && batch[2].site == 2 && batch[2].death_ns == 5);
    from = 0;
    cr_assert_eq(collect(batch, 4, &from), 0);
    from = 0;
    cr_assert_eq(collect(batch, 7, &from), 3);
    cr_assert(batch[0].site == 4 && batch[1].site == 6 && batch[2].site == 5 && batch[2].death_ns == 6);
}
