/* test_use.c - what touches of sampled pages say of a block: shares that are known beforehand. */
#include "tests/unit/use_fixture.h"

#include <errno.h>
#include <math.h>

TestSuite(use, .timeout = 60);

#define PAGES 32768u
#define LEVEL 6u
#define IS_NEAR(value, expected, by) \
    cr_assert(fabs((value) - (expected)) <= (by), "%s is %.3f, not %.3f", #value, (double)(value), (double)(expected))

Test(use, one_page_of_each_group_is_sampled_and_samples_nest)
{
    for (unsigned level = 1; level <= 10; level++)
        for (uint64_t group = 0; group < 2000; group++) {
            uint64_t page = lensi_sample_page(group, level);
            unsigned count = 0;
            cr_assert_eq(page >> level, group);
            for (uint64_t i = group << level; i < (group + 1) << level && level < 8; i++)
                count += lensi_sample_has(i, level);
            cr_assert(level >= 8 || count == 1);
            cr_assert(lensi_sample_has(page, level) && lensi_sample_has(page, level - 1));
        }
}

/* A loop with a stride that is a power of two must not be seen by all sampled pages or by none. */
Test(use, places_in_groups_are_spread)
{
    unsigned counts[8] = {0};

    for (uint64_t group = 0; group < 8000; group++)
        counts[lensi_sample_page(group, 6) % 8]++;
    for (unsigned i = 0; i < 8; i++)
        cr_assert(counts[i] > 850 && counts[i] < 1150, "%u of 8000 at place %u", counts[i], i);
}

static struct use_figures figures_of(struct made *m)
{
    struct use *use = made_use(m);
    struct use_figures figures;

    use_figure(use, NULL, &figures);
    use_free(use);
    made_end(m);
    return figures;
}

Test(use, filled_and_never_touched)
{
    struct use_figures f;
    struct made m;

    made_start(&m, 512, PAGES, LEVEL);
    made_fill(&m);
    m.now_ns += 10000000000;
    f = figures_of(&m);
    cr_assert_eq(f.lives, PAGES >> LEVEL);
    IS_NEAR(f.filled_bytes, PAGES * 4096.0, 1);
    IS_NEAR(f.never_touched, 1, 0);
    IS_NEAR(f.never_read, 1, 0);
    IS_NEAR(f.rewritten, 0, 0);
    cr_assert_gt(f.idle, 0.95);
    cr_assert(isnan(f.sequential));
}

Test(use, half_is_read_in_a_loop)
{
    struct use_figures f;
    struct made m;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (unsigned pass = 0; pass < 120; pass++)
        for (uint32_t i = 0; i < PAGES / 2; i++)
            made_touch(&m, i, false);
    f = figures_of(&m);
    IS_NEAR(f.never_touched, 0.5, 0.02);
    IS_NEAR(f.rewritten, 0, 0);
    cr_assert_gt(f.sequential, 0.95);
    IS_NEAR(f.idle, 0.5, 0.06);
    IS_NEAR(f.touched[USE_INTERVALS - 10], 0.5, 0.05);
}

Test(use, written_while_it_is_read)
{
    struct use_figures f;
    struct made m;

    made_start(&m, 4096, PAGES, LEVEL);
    made_fill(&m);
    for (uint32_t i = 0; i < PAGES; i++)
        made_touch(&m, i, false);
    for (uint32_t i = 0; i < PAGES / 4; i++)
        made_touch(&m, i, true);
    f = figures_of(&m);
    IS_NEAR(f.rewritten, 0.25, 0.02);
    IS_NEAR(f.never_read, 0, 0);
}

/* A vector is zeroed first and filled then: that is its filling. */
Test(use, a_second_filling_is_no_rewriting)
{
    struct use_figures f;
    struct made m;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (uint32_t i = 0; i < PAGES; i++)
        made_touch(&m, i, true);
    for (uint32_t i = 0; i < PAGES; i++)
        made_touch(&m, i, false);
    f = figures_of(&m);
    IS_NEAR(f.rewritten, 0, 0);
}

/* But who writes again and again rewrites, whether he reads or not. */
Test(use, writing_again_and_again_is_rewriting)
{
    struct use_figures f;
    struct made m;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (unsigned pass = 0; pass < 3; pass++)
        for (uint32_t i = 0; i < PAGES; i++)
            made_touch(&m, i, true);
    f = figures_of(&m);
    IS_NEAR(f.rewritten, 1, 0.02);
    IS_NEAR(f.never_read, 1, 0);
}

Test(use, random_touches_are_not_sequential)
{
    uint64_t random = 0x1234567;
    struct use_figures f;
    struct made m;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (uint32_t i = 0; i < 10 * PAGES; i++)
        made_touch(&m, made_random(&random) % PAGES, false);
    f = figures_of(&m);
    cr_assert_lt(f.sequential, 0.1, "%.3f", f.sequential);
    cr_assert_lt(f.never_touched, 0.02);
}

/* Two streams at once are two sequences. */
Test(use, streams_side_by_side)
{
    struct use_figures f;
    struct made m;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (uint32_t i = 0; i < PAGES / 2; i++) {
        made_touch(&m, i, false);
        made_touch(&m, PAGES / 2 + i, false);
    }
    f = figures_of(&m);
    cr_assert_gt(f.sequential, 0.95);
}

/* An array that grows by realloc is one line: what was filled before it grew counts for what it became. */
Test(use, what_grows_is_one_line)
{
    struct use_figures f;
    struct made m;
    struct use *use;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    m.blocks[1].bytes /= 2;
    m.blocks[1].death_ns = TOUCH_NS * PAGES / 2;
    m.blocks[2] = (struct profile_block){.address = START_ADDRESS, .bytes = (uint64_t)PAGES * 4096, .birth_ns = TOUCH_NS * PAGES / 2, .death_ns = PROFILE_ALIVE, .site = 2, .previous = 1};
    m.profile.blocks_count = 3;
    for (uint32_t i = 0; i < PAGES; i++)
        made_touch(&m, i, false);
    use = made_use(&m);
    cr_assert_eq(use->lines_count, 2);
    cr_assert_eq(use->lines[1].site, 2);
    use_figure(use, NULL, &f);
    use_free(use);
    made_end(&m);
    IS_NEAR(f.filled_bytes, PAGES * 4096.0, 1);
    IS_NEAR(f.never_touched, 0, 0);
}

/* The same, when the trace did not tell of all that it was: it was seen first when it had grown already. */
Test(use, what_grew_unseen_is_one_line)
{
    struct use_figures f;
    struct made m;
    struct use *use;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    m.sites[1].kind = m.sites[2].kind = LENSI_SITE_REALLOC;
    m.blocks[1].bytes /= 2;
    m.blocks[1].birth_ns = TOUCH_NS * PAGES / 4;
    m.blocks[1].death_ns = TOUCH_NS * PAGES / 2;
    m.blocks[2] = (struct profile_block){.address = START_ADDRESS, .bytes = (uint64_t)PAGES * 4096, .birth_ns = m.now_ns, .death_ns = PROFILE_ALIVE, .site = 2};
    m.profile.blocks_count = 3;
    use = made_use(&m);
    cr_assert_eq(use->lines_count, 2);
    use_figure(use, NULL, &f);
    cr_assert_eq(use->lost, 0);
    use_free(use);
    made_end(&m);
    IS_NEAR(f.filled_bytes, PAGES * 4096.0, 1);
    IS_NEAR(f.never_touched, 1, 0);
}

/* The sample is thinned out in the middle: what is left stands for more. */
Test(use, a_level_up_keeps_the_sums)
{
    struct use_figures f;
    struct made m;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (uint32_t i = 0; i < PAGES / 2; i++)
        made_touch(&m, i, false);
    m.level++;
    made_note(&m, m.level, LENSI_TOUCH_LEVEL);
    memset(m.is_there, 0, PAGES);
    for (uint32_t i = 0; i < PAGES / 2; i++)
        made_touch(&m, i, false);
    f = figures_of(&m);
    cr_assert_eq(f.lives, PAGES >> (LEVEL + 1));
    IS_NEAR(f.filled_bytes, PAGES * 4096.0, 1);
    IS_NEAR(f.never_touched, 0.5, 0.02);
}

/* A program is slower while it is watched: what it does in as much time unwatched is more. */
Test(use, rests_stand_for_what_was_done_in_them)
{
    const uint64_t quick_ns = 100, fault_ns = 8000;
    double seen = 0, stands_for = 0;
    struct made m;
    struct use *use;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (int pass = 0; pass < 10; pass++) {
        made_note(&m, 0, pass % 2 ? LENSI_TOUCH_PAUSE : LENSI_TOUCH_RESUME);
        for (uint32_t i = 0; i < PAGES; i++) {
            if (pass % 2)
                m.now_ns += quick_ns; /* nobody looks */
            else
                made_quick_touch(&m, i, quick_ns, fault_ns);
        }
    }
    m.profile.meta.waited_ns = 0;
    use = made_use(&m);
    for (size_t i = 0; i < use->touches_count; i++) {
        seen += use->touches[i].kind == LENSI_TOUCH_READ;
        stands_for += use->touches[i].kind == LENSI_TOUCH_READ ? use->touches[i].scale : 0;
    }
    use_free(use);
    made_end(&m);
    cr_assert_gt(seen, 100);
    IS_NEAR(stands_for / seen, 2, 0.2); /* half of the passes were watched */
}

/*
 * A run of 20 passes, of which the first two are watched, after a filling and an idle time that are each as long as all passes:
 * what was seen of two must stand for 20, and faults cost what the trace says (30 us), whatever is usual.
 */
Test(use, a_short_run_is_watched_in_its_beginning)
{
    const uint64_t quick_ns = 200, fault_ns = 30000;
    double stands_for = 0, faults = 0;
    struct made m;
    struct use *use;

    made_start(&m, 0, PAGES, LEVEL);
    m.now_ns += 20 * PAGES * quick_ns;
    made_fill(&m); /* takes longer than all that follows */
    m.now_ns += 20 * PAGES * quick_ns;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < PAGES; i++)
            faults += made_quick_touch(&m, i, quick_ns, fault_ns);
    made_note(&m, (uint32_t)(faults * fault_ns / 1000), LENSI_TOUCH_PAUSE);
    m.now_ns += 18 * PAGES * quick_ns;
    use = made_use(&m);
    IS_NEAR(use->fault_ns, fault_ns, 100);
    for (size_t i = 0; i < use->touches_count; i++)
        stands_for += use->touches[i].kind == LENSI_TOUCH_READ ? (double)use->touches[i].scale * (1u << use->touches[i].level) : 0;
    IS_NEAR(stands_for / PAGES, 20, 2);
    IS_NEAR(use_compute_ns(use), quick_ns, quick_ns * 0.3);
    use_free(use);
    made_end(&m);
}

/* What others had of the processors is no part of a run. */
Test(use, a_busy_machine)
{
    struct made m;
    struct use *use;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    m.profile.meta.waited_ns = m.now_ns / 4;
    use = made_use(&m);
    cr_assert_eq(use->alone_ns, use->duration_ns - m.now_ns / 4);
    use_free(use);
    m.profile.meta.waited_ns = m.now_ns * 2; /* nonsense */
    use = made_use(&m);
    cr_assert(use->alone_ns > 0 && use->alone_ns < use->duration_ns);
    use_free(use);
    made_end(&m);
}

Test(use, a_trace_without_usage)
{
    struct profile profile = {0};
    struct use *use;

    cr_assert_eq(use_make(&profile, &use), -ENODATA);
    cr_assert_null(use);
}
