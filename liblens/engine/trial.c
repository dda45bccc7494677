/* trial.c - see trial.h. */
#include "liblens/engine/trial.h"

#include "liblens/base/stats.h"

#define TRIES 16u           /* of a segment that has proven nothing, each in another chunk */
#define TRIES_ANEW 4u
#define ANEW_MOST 8u
#define TRIES_LATER 1u
#define LATER_LEAST_NS 200000000u
#define VAIN_SHARE 20u      /* of the run, proofs that come to nothing take so small a part, */
#define VAIN_START_NS 100000000u /* and this to begin with */
#define OPEN_SHARE 10u
#define OPEN_BYTES_PER_NS 1u
#define BLOCKS_A_STEP 4u    /* so many refuted blocks of a site halve the tries of the next ones */
#define BLOCKS_MOST 64u     /* after so many only one block in eight is tried */

static uint32_t refuted_blocks[LENSI_PLAN_SITES_MAX]; /* in a row */

static uint64_t run_ns(void) { return lensi_sys_clock_ns() - lensi_gauges.started_ns; }

static uint64_t allowance_ns(uint64_t share) { return run_ns() / share + VAIN_START_NS; }

static bool is_in_debt(void) { return lensi_counted(vain_ns) > allowance_ns(VAIN_SHARE); }

void lensi_trial_vain(uint64_t ns) { lensi_count(vain_ns, ns); }

bool lensi_trial_may_open(uint64_t bytes)
{
    return lensi_counted(vain_ns) + bytes / OPEN_BYTES_PER_NS <= allowance_ns(OPEN_SHARE);
}

static uint32_t first_tries(const struct lensi_region *region)
{
    uint32_t refuted = region->library ? 0 : refuted_blocks[region->site];

    if (refuted >= BLOCKS_MOST)
        return region->start.number % 8 == 0;
    return refuted / BLOCKS_A_STEP < 3 ? TRIES >> refuted / BLOCKS_A_STEP : 1;
}

static bool has_tries(const struct lensi_region *region, struct lensi_segment *s)
{
    uint64_t now;

    if (!s->trial.begun) {
        s->trial.begun = true;
        s->trial.left = first_tries(region);
    }
    if (s->trial.left)
        return true;
    now = run_ns();
    if (now < s->trial.later_ns)
        return false;
    s->trial.later_ns = now * 2 + LATER_LEAST_NS;
    s->trial.left = TRIES_LATER;
    return true;
}

bool lensi_trial_may(const struct lensi_region *region, struct lensi_segment *s)
{
    if (s->proven || s->snapshot || region->library)
        return true;
    return has_tries(region, s) && !is_in_debt();
}

bool lensi_trial_any(const struct lensi_region *region)
{
    uint32_t count = atomic_load_explicit(&region->segments_count, memory_order_acquire);

    for (uint32_t i = 0; i < count; i++)
        if (!region->segments[i].failed && !region->segments[i].zeros && lensi_trial_may(region, &region->segments[i]))
            return true;
    return false;
}

void lensi_trial_refuted(const struct lensi_region *region, struct lensi_segment *s)
{
    s->refuted++;
    if (s->proven || !s->trial.left || --s->trial.left)
        return;
    s->trial.later_ns = run_ns() * 2 + LATER_LEAST_NS;
    if (!region->library && !s->trial.counted)
        refuted_blocks[region->site]++;
    s->trial.counted = true;
}

void lensi_trial_held(const struct lensi_region *region)
{
    if (!region->library)
        refuted_blocks[region->site] = 0;
}

void lensi_trial_anew(struct lensi_region *region)
{
    for (uint32_t i = 0; i < region->segments_count; i++) {
        struct lensi_segment *s = &region->segments[i];
        if (s->trial.begun && s->trial.left < TRIES_ANEW && s->trial.anew++ < ANEW_MOST)
            s->trial.left = first_tries(region) < TRIES_ANEW ? first_tries(region) : TRIES_ANEW;
    }
}
