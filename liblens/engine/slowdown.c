/* slowdown.c - see slowdown.h. The prover judges; the program's threads only add to counters. */
#include "liblens/engine/slowdown.h"

#include "liblens/base/cgroup.h"
#include "liblens/base/helper.h"
#include "liblens/base/hooks.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/lens.h"
#include "liblens/memory/budget.h"
#include "liblens/memory/pages.h"
#include "liblens/source/segment.h"

#define GRACE_NS 50000000u  /* harm that is not worth a step */
#define ACTS_AT 0.6         /* of what the limit allows: a step takes a while to be felt, and costs something itself */
#define STEP_LEAST_NS 20000000u
#define TRAP_NS 2000u       /* what a fault costs before and after it is timed */
#define MARGIN_SHARE 16     /* of a memory limit that stays free */

static double limit;
static uint64_t opened_ns;
static uint64_t stepped_ns, stepped_run_ns, stepped_harm_ns; /* the last step: when, and the account then */
static unsigned steps;
static uint64_t first_run_ns, first_harm_ns, first_budget_pages; /* at the first step */
static bool all_back, limited;
static uint64_t gave_back_ns;

void lensi_slowdown_open(double with)
{
    limit = with;
    opened_ns = lensi_sys_clock_ns();
}

void lensi_slowdown_waited(uint64_t start_ns) { lensi_count(waited_ns, lensi_sys_clock_ns() - start_ns); }

void lensi_slowdown_lock(struct lensi_lock *lock)
{
    uint64_t start;

    if (lensi_try_lock(lock))
        return;
    start = lensi_sys_clock_ns();
    lensi_lock(lock);
    lensi_slowdown_waited(start);
}

/* ---- the account */

/*
 * In wall time. What several threads of the program spend at once delays it once. Our own processor time delays a
 * program that would have used that processor: by the part of one that its threads leave free.
 */
static uint64_t harm_of(uint64_t run_ns, uint64_t own_cpu_ns)
{
    uint64_t cpu_ns = lensi_sys_cpu_ns(true), program_ns = cpu_ns > own_cpu_ns ? cpu_ns - own_cpu_ns : 0;
    uint64_t faults_ns = lensi_counted(fault_ns) + (lensi_counted(faults) + lensi_counted(write_faults)) * TRAP_NS;
    uint64_t threads_ns = (faults_ns > gave_back_ns ? faults_ns - gave_back_ns : 0) + lensi_counted(waited_ns);
    double threads = run_ns ? (double)program_ns / (double)run_ns : 1, left = (double)lensi_helper_cpus() - threads, share;
    double harm;

    threads = threads < 1 ? 1 : threads;
    share = left >= 1 ? 0 : left <= 0 ? 1 : 1 - left;
    harm = ((double)threads_ns + (double)own_cpu_ns * share) / threads;
    return harm < (double)run_ns ? (uint64_t)harm : run_ns;
}

bool lensi_slowdown_is_too_much(double with, uint64_t run_ns, uint64_t harm_ns)
{
    return harm_ns > GRACE_NS && (double)harm_ns > ACTS_AT * (with - 1) * (double)(run_ns - harm_ns);
}

/* ---- giving back */

/* The most that the budget may be: beyond it the kernel would end the program for lack of memory. */
static uint64_t most_pages(void)
{
    struct lensi_cgroup group;
    uint64_t room = lensi_memory_available(), group_room, now = lensi_budget_in_use();

    lensi_cgroup_find(&group);
    group_room = lensi_cgroup_room(&group, MARGIN_SHARE);
    room = group_room < room ? group_room : room;
    return room == LENS_UNKNOWN ? LENS_UNKNOWN : now + (room >> LENSI_PAGE_SHIFT);
}

/* Twice the budget, then four times, …: a loop over the data gains nothing before all of it fits. */
static void step(void)
{
    uint64_t pages = lensi_budget_pages(), all = lensi_budget_in_use() + lensi_counted(absent_pages), most = most_pages();
    uint64_t want = pages << (steps < 8 ? steps + 1 : 8);

    if (!steps)
        first_budget_pages = pages;
    steps++;
    if (lensi_budget_is_watched()) { /* it takes all that the memory limit leaves by itself, and no sooner than that is known */
        limited = true;
        return;
    }
    if (want < all + all / 8 && want < most && want > pages) {
        lensi_budget_raise(want);
    } else if (most > all + all / 8) {
        all_back = true;
        lensi_budget_raise(LENS_UNKNOWN);
    } else {
        limited = true;
        if (most > pages)
            lensi_budget_raise(most);
    }
}

void lensi_slowdown_round(uint64_t own_cpu_ns)
{
    uint64_t now = lensi_sys_clock_ns(), run = now - opened_ns, harm;

    if (lensi_hooks.chaos || lensi_hooks.sampling || !opened_ns)
        return;
    harm = harm_of(run, own_cpu_ns);
    atomic_store(&lensi_gauges.stats.harm_ns, harm);
    if (limit <= 1 || all_back || now - stepped_ns < STEP_LEAST_NS || !lensi_slowdown_is_too_much(limit, run, harm))
        return;
    /* What was is past: only while it goes on costing too much is there more to give. */
    if (steps && !((double)(harm - stepped_harm_ns) > ACTS_AT * (limit - 1) * (double)((run - stepped_run_ns) - (harm - stepped_harm_ns))))
        return;
    if (!steps) {
        first_run_ns = run;
        first_harm_ns = harm;
    }
    step();
    stepped_ns = now;
    stepped_run_ns = run;
    stepped_harm_ns = harm;
}

bool lensi_slowdown_gives_all_back(void) { return all_back; }

void lensi_slowdown_gave_back(uint64_t ns) { gave_back_ns += ns; }

void lensi_slowdown_after_fork(void)
{
    opened_ns = lensi_sys_clock_ns();
    stepped_ns = stepped_run_ns = stepped_harm_ns = 0;
    gave_back_ns = lensi_counted(fault_ns) + (lensi_counted(faults) + lensi_counted(write_faults)) * TRAP_NS;
}

/* ---- the end */

/* "12.3": tenths. */
static const char *tenths(char to[24], double value)
{
    uint64_t tenth = (uint64_t)(value * 10 + 0.5);

    lensi_format(to, 24, "%llu.%llu", (unsigned long long)(tenth / 10), (unsigned long long)(tenth % 10));
    return to;
}

void lensi_slowdown_say(void)
{
    char harm[24], run[24], from[24], to[24], most[24];
    uint64_t held = lensi_stats_facts.budget_bytes;

    if (!steps)
        return;
    lensi_format_bytes(from, first_budget_pages << LENSI_PAGE_SHIFT);
    lensi_format_bytes(to, held);
    lensi_say("slowdown limit %s: faults and proofs had cost %s of the first %s s; %s%s%s%s%s", tenths(most, limit), tenths(harm, (double)first_harm_ns / 1e9),
              tenths(run, (double)first_run_ns / 1e9), all_back ? "a budget of " : "the budget grew from ", from,
              all_back ? " could not be held, so everything stays in memory" : " to ", all_back ? "" : to,
              limited ? ", as far as the memory limit allows" : "");
}
