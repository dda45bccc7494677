/*
 * test_miss_ratio.c - predictions from a sample beside the truth: the same touches, all of them, through the same policy with
 * the whole budget.
 */
#include "analysis/trace/miss_ratio.h"
#include "liblens/memory/policy.h"
#include "tests/unit/use_fixture.h"

#include <math.h>

TestSuite(miss_ratio, .timeout = 120);

#define PAGES 16384u
#define LEVEL 7u /* 128 sampled pages */

struct touches {
    uint32_t *pages;
    size_t count;
};

static void add(struct touches *t, uint32_t page)
{
    if (!(t->count & (t->count - 1)))
        t->pages = reallocarray(t->pages, t->count ? 2 * t->count : 1, sizeof *t->pages);
    t->pages[t->count++] = page;
}

/* Faults of the whole stream after a filling, with a budget of `share`. */
static double truth(const struct touches *t, double share)
{
    uint64_t budget = (uint64_t)(share * PAGES + 0.5), faults = 0;
    void *memory = calloc(1, lensi_policy_bytes(PAGES, PAGES));
    struct lensi_policy *policy = lensi_policy_init(memory, PAGES, PAGES, budget);
    bool *is_there = calloc(PAGES, sizeof *is_there);

    for (size_t i = 0; i < PAGES + t->count; i++) {
        uint32_t page = i < PAGES ? (uint32_t)i : t->pages[i - PAGES];
        if (is_there[page])
            continue;
        faults += i >= PAGES;
        is_there[page] = true;
        lensi_policy_insert(policy, page, 0);
        while (lensi_policy_resident(policy) > budget)
            is_there[lensi_policy_victim(policy)] = false;
    }
    free(is_there);
    free(memory);
    return (double)faults;
}

/* Faults as a share of the touches, within `by` of the truth, at each budget. */
static void compare(struct touches *t, double by)
{
    static const double budgets[] = {0.9, 0.5, 0.25, 0.1};
    struct miss_ratio curve;
    struct made m;
    struct use *use;

    made_start(&m, 1024, PAGES, LEVEL);
    made_fill(&m);
    for (size_t i = 0; i < t->count; i++)
        made_touch(&m, t->pages[i], false);
    use = made_use(&m);
    cr_assert_eq(miss_ratio_make(use, NULL, NULL, &curve), 0);
    cr_assert(fabs(curve.bytes - PAGES * 4096.0) < 1);
    for (unsigned i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        double expected = truth(t, budgets[i]) / (double)t->count, got = miss_ratio_at(&curve, budgets[i]).faulted_pages / (double)t->count;
        cr_log_info("budget %.2f: %.3f, truly %.3f", budgets[i], got, expected);
        cr_expect(fabs(got - expected) <= by, "budget %.2f: %.3f of the touches are faults, not %.3f", budgets[i], got, expected);
    }
    use_free(use);
    made_end(&m);
    free(t->pages);
}

Test(miss_ratio, a_loop)
{
    struct touches t = {0};

    for (unsigned pass = 0; pass < 25; pass++)
        for (uint32_t page = 0; page < PAGES; page++)
            add(&t, page);
    compare(&t, 0.04);
}

Test(miss_ratio, random)
{
    uint64_t state = 99;
    struct touches t = {0};

    for (uint32_t i = 0; i < 25 * PAGES; i++)
        add(&t, made_random(&state) % PAGES);
    compare(&t, 0.04);
}

/* Few pages take most of the touches. The hottest sampled page may be hot or not, so the sample is off by more. */
Test(miss_ratio, skewed)
{
    uint64_t state = 7;
    struct touches t = {0};

    for (uint32_t i = 0; i < 40 * PAGES; i++) {
        double u = (made_random(&state) + 1.0) / 4294967297.0;
        uint32_t rank = (uint32_t)(PAGES * u * u * u); /* density falls as rank^(-2/3) */
        add(&t, (uint32_t)((uint64_t)rank * 2654435761u % PAGES));
    }
    compare(&t, 0.04);
}

/* A hot eighth, and a loop over the rest. */
Test(miss_ratio, mixed)
{
    uint64_t state = 3;
    struct touches t = {0};

    for (uint32_t i = 0; i < 30 * PAGES; i++)
        add(&t, i % 2 ? PAGES / 8 + i / 2 % (PAGES - PAGES / 8) : made_random(&state) % (PAGES / 8));
    compare(&t, 0.04);
}

Test(miss_ratio, once)
{
    struct touches t = {0};

    for (uint32_t page = 0; page < PAGES; page++)
        add(&t, page);
    compare(&t, 0.04);
}

/* What is written after it was filled cannot go: it takes its share of the budget, and saves nothing. */
Test(miss_ratio, what_is_rewritten_stays)
{
    struct miss_ratio curve;
    struct made m;
    struct use *use;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (unsigned pass = 0; pass < 10; pass++)
        for (uint32_t page = 0; page < PAGES; page++)
            made_touch(&m, page, page < PAGES / 4 && pass > 0);
    use = made_use(&m);
    cr_assert_eq(miss_ratio_make(use, NULL, NULL, &curve), 0);
    cr_assert(fabs(curve.stuck_bytes / curve.bytes - 0.25) < 0.02, "%.3f", curve.stuck_bytes / curve.bytes);
    /* At half the memory the other three quarters have a quarter: two thirds of them fault in each pass. */
    double faults = miss_ratio_at(&curve, 0.5).faulted_pages / (10.0 * PAGES);
    cr_assert(fabs(faults - 0.5) < 0.08, "%.3f", faults);
    use_free(use);
    made_end(&m);
}

/* Watching rested for half of the time: what was not seen is taken to have gone on. */
Test(miss_ratio, rests)
{
    struct miss_ratio curve;
    struct made m;
    struct use *use;

    made_start(&m, 0, PAGES, LEVEL);
    made_fill(&m);
    for (unsigned pass = 0; pass < 20; pass++) {
        made_note(&m, 0, pass % 2 ? LENSI_TOUCH_PAUSE : LENSI_TOUCH_RESUME);
        for (uint32_t page = 0; page < PAGES; page++)
            if (pass % 2 == 0)
                made_touch(&m, page, false);
            else
                m.now_ns += TOUCH_NS;
    }
    use = made_use(&m);
    cr_assert_eq(miss_ratio_make(use, NULL, NULL, &curve), 0);
    double faults = miss_ratio_at(&curve, 0.5).faulted_pages / (20.0 * PAGES);
    cr_assert(fabs(faults - 0.5) < 0.08, "%.3f", faults);
    use_free(use);
    made_end(&m);
}
