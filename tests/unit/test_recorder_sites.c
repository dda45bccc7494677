/* test_recorder_sites.c - what the recorder says each site held, against sums made the slow way; the tree of call paths. */
#include "preload/recorder/site.c"
#include "preload/recorder/tree.c"

#include <criterion/criterion.h>

static uint64_t seed = 12345; /* the same in every run */

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % below;
}

/* ---- the peak */

enum { SITES = 7 };

Test(recorder_sites, what_each_site_held_at_the_peak)
{
    uint64_t live[SITES] = {0}, at_peak[SITES] = {0}, total = 0, peak = 0, own_peak[SITES] = {0};

    cr_assert_eq(lensi_tree_start(), 0);
    cr_assert_eq(lensi_sites_start(), 0);
    for (uint32_t i = 0; i < SITES; i++)
        cr_assert_eq(lensi_site_at(lensi_tree_child(0, 0x1000 + i, 0), LENSI_SITE_MALLOC), i + 1);
    for (uint64_t round = 0; round < 200000; round++) {
        uint32_t site = draw(SITES), bytes = 1 + draw(1000);
        struct lensi_weight weight = {.bytes = bytes, .count = 1};

        if (draw(100) < (round < 120000 ? 52u : 45u)) {
            lensi_site_count(site + 1, bytes, &weight, round);
            live[site] += bytes;
            total += bytes;
            if (live[site] > own_peak[site])
                own_peak[site] = live[site];
            if (total > peak) {
                peak = total;
                memcpy(at_peak, live, sizeof live);
            }
        } else if (live[site] >= bytes) {
            lensi_site_uncount(site + 1, &weight, 0, round);
            live[site] -= bytes;
            total -= bytes;
        }
    }
    cr_assert_eq(atomic_load(&lensi_record_total.peak), peak);
    for (uint32_t i = 0; i < SITES; i++) {
        const struct lensi_site *site = &lensi_sites.sites[i + 1];
        bool noted = site->peak_serial == atomic_load(&lensi_record_total.peak_serial);

        cr_assert_eq(noted ? site->at_peak_bytes : site->bytes - site->freed_bytes, at_peak[i]);
        cr_assert_eq(site->peak_bytes, own_peak[i]);
        cr_assert_eq(site->bytes - site->freed_bytes, live[i]);
    }
}

Test(recorder_sites, integral_of_live_bytes)
{
    struct lensi_weight weight = {.bytes = 100, .count = 1};
    const struct lensi_site *site;

    cr_assert_eq(lensi_tree_start(), 0);
    cr_assert_eq(lensi_sites_start(), 0);
    site = &lensi_sites.sites[lensi_site_at(lensi_tree_child(0, 0x1000, 0), LENSI_SITE_MALLOC)];
    lensi_site_count(1, 100, &weight, 1000);
    lensi_site_count(1, 100, &weight, 3000);
    lensi_site_uncount(1, &weight, 1000, 6000);
    lensi_site_uncount(1, &weight, 3000, 10000);
    cr_assert_float_eq(site->byte_ns, 100 * 2000 + 200 * 3000 + 100 * 4000, 1);
    cr_assert_eq(site->life_bucket, 12 + 1, "both lived 4096 ns and more");
    cr_assert_null(site->histograms);
}

/* ---- the tree */

Test(recorder_sites, nodes_are_found_again_after_the_table_has_grown)
{
    enum { NODES = 30000 };
    static uint32_t numbers[NODES];

    cr_assert_eq(lensi_tree_start(), 0);
    for (uint32_t i = 0; i < NODES; i++)
        numbers[i] = lensi_tree_child(i ? numbers[draw(i)] : 0, 0x5000 + i / 2, 0);
    for (uint32_t i = 0; i < NODES; i++) {
        const struct lensi_tree_node *node = &lensi_tree.nodes[numbers[i]];

        cr_assert_eq(lensi_tree_child(node->parent, node->address, 0), numbers[i]);
        cr_assert_lt(node->parent, numbers[i]);
    }
}
