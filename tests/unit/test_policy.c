/* The eviction policy: its books under any calls, and how much of the known patterns it keeps. */
#include "liblens/memory/policy.h"

#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* A policy beside a plain map of what it should believe. */
struct world {
    struct lensi_policy *policy;
    uint8_t *resident;
    uint32_t pages;
    size_t bytes;
    uint64_t count, hits, touches;
};

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    return memory;
}

static struct world world_open(uint32_t pages, uint64_t capacity, uint64_t budget)
{
    struct world world = {.pages = pages, .bytes = lensi_policy_bytes(pages, capacity)};

    world.policy = lensi_policy_init(reserve(world.bytes), pages, capacity, budget);
    world.resident = calloc(pages, 1);
    cr_assert_not_null(world.resident);
    return world;
}

static void world_close(struct world *world)
{
    munmap(world->policy, world->bytes);
    free(world->resident);
}

static void insert(struct world *world, uint32_t page, int prefetched)
{
    world->count += !world->resident[page];
    world->resident[page] = 1;
    lensi_policy_insert(world->policy, page, prefetched);
    cr_assert_eq(lensi_policy_resident(world->policy), world->count);
}

static void remove_page(struct world *world, uint32_t page)
{
    world->count -= world->resident[page];
    world->resident[page] = 0;
    lensi_policy_remove(world->policy, page);
    cr_assert_eq(lensi_policy_resident(world->policy), world->count);
}

static uint32_t evict(struct world *world)
{
    int64_t page = lensi_policy_victim(world->policy);

    cr_assert(page >= 0 && page < world->pages && world->resident[page], "victim %ld is not resident", (long)page);
    world->resident[page] = 0;
    world->count--;
    return (uint32_t)page;
}

static void shrink(struct world *world)
{
    while (lensi_policy_resident(world->policy) > lensi_policy_budget(world->policy))
        evict(world);
}

/* As a program and the fault path do it: the page touched last must still be there. */
static void touch(struct world *world, uint32_t page)
{
    world->touches++;
    if (world->resident[page]) {
        world->hits++;
        return;
    }
    insert(world, page, 0);
    shrink(world);
    cr_assert(world->resident[page] || lensi_policy_budget(world->policy) == 0);
}

static void loop(struct world *world, uint32_t first, uint32_t pages, int passes)
{
    while (passes--)
        for (uint32_t i = 0; i < pages; i++)
            touch(world, first + i);
}

static double hit_rate(struct world *world)
{
    double rate = (double)world->hits / (double)world->touches;

    world->hits = world->touches = 0;
    return rate;
}

Test(policy, empty_has_no_victim)
{
    struct world world = world_open(10, 4, 4);

    cr_assert_eq(lensi_policy_victim(world.policy), -1);
    cr_assert_eq(lensi_policy_resident(world.policy), 0);
    cr_assert_eq(lensi_policy_budget(world.policy), 4);
    world_close(&world);
}

Test(policy, gives_back_every_page_once)
{
    struct world world = world_open(1000, 1000, 1000);

    for (uint32_t page = 0; page < 1000; page++)
        insert(&world, page, page % 3 == 0);
    for (int i = 0; i < 1000; i++)
        evict(&world);
    cr_assert_eq(lensi_policy_victim(world.policy), -1);
    world_close(&world);
}

Test(policy, unknown_and_foreign_pages_are_ignored)
{
    struct world world = world_open(10, 4, 4);

    lensi_policy_remove(world.policy, 3);
    lensi_policy_remove(world.policy, 4000000000u);
    lensi_policy_insert(world.policy, 4000000000u, 0);
    cr_assert_eq(lensi_policy_resident(world.policy), 0);
    insert(&world, 3, 0);
    insert(&world, 3, 1);
    remove_page(&world, 3);
    remove_page(&world, 3);
    cr_assert_eq(lensi_policy_victim(world.policy), -1);
    world_close(&world);
}

Test(policy, budget_is_held_to_the_capacity)
{
    struct world world = world_open(100, 8, 100);

    cr_assert_eq(lensi_policy_budget(world.policy), 8);
    lensi_policy_set_budget(world.policy, 1000);
    cr_assert_eq(lensi_policy_budget(world.policy), 8);
    lensi_policy_set_budget(world.policy, 0);
    cr_assert_eq(lensi_policy_budget(world.policy), 0);
    insert(&world, 1, 0);
    shrink(&world);
    cr_assert_eq(world.count, 0);
    world_close(&world);
}

/* Pages that cannot go now may pile up far above the budget. */
Test(policy, holds_more_than_its_capacity)
{
    struct world world = world_open(5000, 4, 4);

    for (uint32_t page = 0; page < 5000; page++)
        insert(&world, page, 0);
    shrink(&world);
    cr_assert_eq(world.count, 4);
    world_close(&world);
}

Test(policy, books_agree_under_random_calls, .timeout = 60)
{
    static const uint32_t budgets[] = {1, 2, 3, 16, 100, 700};

    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
        struct world world = world_open(1000, 700, budgets[b]);
        for (int i = 0; i < 200000; i++) {
            uint32_t page = random_below(1 + random_below(1000)), what = random_below(100);
            if (what < 3)
                remove_page(&world, page);
            else if (what < 5 && world.count)
                insert(&world, evict(&world), 0); /* it could not go now */
            else if (what < 20)
                insert(&world, page, 1), shrink(&world);
            else if (what == 20 && random_below(100) == 0)
                lensi_policy_set_budget(world.policy, random_below(700)), shrink(&world);
            else
                touch(&world, page);
        }
        world_close(&world);
    }
}

Test(policy, is_deterministic)
{
    struct world a = world_open(500, 50, 50), b = world_open(500, 50, 50);

    for (int i = 0; i < 50000; i++) {
        uint32_t page = random_below(1 + random_below(500));
        touch(&a, page);
        touch(&b, page);
    }
    cr_assert_eq(a.hits, b.hits);
    cr_assert_arr_eq(a.resident, b.resident, 500);
    world_close(&a);
    world_close(&b);
}

/* Four thousand million page numbers, few of them used: the tables must not be walked. */
Test(policy, sparse_pages_touch_little_memory, .timeout = 20)
{
    size_t bytes = lensi_policy_bytes(UINT64_C(1) << 32, 1000);
    struct lensi_policy *policy = lensi_policy_init(reserve(bytes), UINT64_C(1) << 32, 1000, 1000);

    for (uint32_t i = 0; i < 20000; i++) {
        lensi_policy_insert(policy, (i % 2000) * 2147483u, 0);
        while (lensi_policy_resident(policy) > 1000)
            cr_assert_eq(lensi_policy_victim(policy) % 2147483, 0);
    }
    lensi_policy_insert(policy, UINT32_MAX, 0);
    lensi_policy_remove(policy, UINT32_MAX);
    cr_assert_eq(lensi_policy_resident(policy), 1000);
    munmap(policy, bytes);
}

Test(policy, memory_is_as_promised)
{
    size_t bytes = lensi_policy_bytes(1 << 20, 1 << 10);

    cr_assert_leq(bytes, (1 << 20) * (4 + 16) + 8192, "%zu", bytes);
}

Test(policy, keeps_most_of_a_loop)
{
    struct world world = world_open(2000, 500, 500);

    loop(&world, 0, 2000, 5);
    hit_rate(&world);
    loop(&world, 0, 2000, 20);
    cr_assert_gt(hit_rate(&world), 0.9 * 499 / 2000);
    world_close(&world);
}

Test(policy, keeps_some_of_a_loop_with_a_tiny_budget)
{
    struct world world = world_open(32, 16, 16);

    loop(&world, 0, 32, 200);
    cr_assert_gt(hit_rate(&world), 0.3);
    world_close(&world);
}

Test(policy, a_loop_that_fits_stays)
{
    struct world world = world_open(500, 500, 500);

    loop(&world, 0, 500, 2);
    cr_assert_eq(world.hits, 500);
    world_close(&world);
}

Test(policy, keeps_hot_pages)
{
    struct world world = world_open(5000, 1200, 1200);

    for (int i = 0; i < 400000; i++) {
        if (i == 200000)
            hit_rate(&world);
        touch(&world, random_below(10) ? random_below(1000) : random_below(5000));
    }
    cr_assert_gt(hit_rate(&world), 0.85);
    world_close(&world);
}

/* One look at many pages must not cost the hot ones their places. */
Test(policy, survives_a_scan)
{
    struct world world = world_open(30000, 1000, 1000);

    for (int i = 0; i < 200000; i++)
        touch(&world, random_below(10) ? random_below(900) : random_below(2000));
    loop(&world, 2000, 28000, 1);
    hit_rate(&world);
    for (int i = 0; i < 2000; i++)
        touch(&world, random_below(900));
    cr_assert_gt(hit_rate(&world), 0.7);
    world_close(&world);
}

Test(policy, follows_a_moving_working_set)
{
    struct world world = world_open(20000, 1000, 1000);

    loop(&world, 0, 1500, 30);
    loop(&world, 10000, 1500, 15);
    hit_rate(&world);
    loop(&world, 10000, 1500, 15);
    cr_assert_gt(hit_rate(&world), 0.8 * 999 / 1500);
    world_close(&world);
}

Test(policy, follows_a_working_set_that_fits_after_a_loop)
{
    struct world world = world_open(20000, 1000, 1000);

    loop(&world, 0, 10000, 20);
    loop(&world, 15000, 700, 30);
    hit_rate(&world);
    loop(&world, 15000, 700, 30);
    cr_assert_gt(hit_rate(&world), 0.9);
    world_close(&world);
}

/* Read-ahead is no use if what it brings is gone before the program gets there. */
Test(policy, prefetched_pages_live_until_used)
{
    static const uint32_t budgets[] = {64, 200, 4000};
    uint32_t ahead = 16;

    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++) {
        struct world world = world_open(20000, 4000, budgets[b]);
        loop(&world, 0, 5000, 1);
        for (uint32_t page = 5000; page < 20000; page++) {
            if (world.resident[page])
                continue;
            cr_assert_eq((page - 5000) % (ahead + 1), 0, "page %u was evicted before its use", page);
            touch(&world, page);
            for (uint32_t next = page + 1; next <= page + ahead && next < 20000; next++)
                insert(&world, next, 1), shrink(&world);
        }
        world_close(&world);
    }
}

Test(policy, a_smaller_budget_keeps_working)
{
    struct world world = world_open(4000, 2000, 2000);

    loop(&world, 0, 4000, 10);
    lensi_policy_set_budget(world.policy, 400);
    shrink(&world);
    cr_assert_eq(world.count, 400);
    loop(&world, 0, 4000, 5);
    hit_rate(&world);
    loop(&world, 0, 4000, 10);
    cr_assert_gt(hit_rate(&world), 0.08);
    lensi_policy_set_budget(world.policy, 2000);
    loop(&world, 0, 4000, 2);
    hit_rate(&world);
    loop(&world, 0, 4000, 10);
    cr_assert_gt(hit_rate(&world), 0.42);
    world_close(&world);
}
