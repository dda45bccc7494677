/*
 * sampler.c - makes sampled pages absent and notes their touches; see sampler.h.
 *
 * `watched` are the sampled pages in use; the prover lock guards it. `queue` are those that came back, the oldest
 * first; its lock is held for a few instructions, in the fault path too. A page may stand in the queue twice, or no
 * more be what it was when it was put there: who takes it out looks.
 */
#include "liblens/watch/sampler.h"

#include "liblens/base/arena.h"
#include "liblens/base/hooks.h"
#include "liblens/base/sample.h"
#include "liblens/engine/prove.h"
#include "liblens/memory/budget.h"
#include "liblens/memory/page_bits.h"
#include "liblens/source/extents.h"
#include "liblens/watch/touches.h"

#include <errno.h>
#include <string.h>

#define PAID_ONE_IN 40u            /* of the run's time: 2.5 % */
#define IDLE_ONE_IN 8u
#define CREDIT_NS 12000000u         /* short runs are watched too */
#define TRAP_NS 2500u              /* of a fault, before and after what we can time */
#define FAULT_MOST_NS 30000u       /* what takes longer was not spent on the fault: others had the processor */
#define ROUND_NS 4000000u
#define ROUND_MOST_NS 32000000u
#define AGE_NS 30000000u           /* a page that stayed for so long goes, even if no other came */
#define KEEP_LEAST 6u              /* as many pages as one instruction may need */
#define KEEP_ONE_IN 32u
#define FILLING_NS 100000000u
#define QUEUE 2048u                /* a power of two */
#define LOOKS 96u                  /* for pages in use, in one region and round */
#define OVERDRAFT_NS 3000000
#define BURST_NS 6000000           /* credit with which watching goes on */
#define PERIOD_NS 100000000u       /* over which is reckoned what watching costs */

static struct watched {
    uint32_t page;
    uint64_t since_ns; /* in use */
} *watched; /* room for WATCHED_ROOM */
#define WATCHED_ROOM (4u * LENSI_SAMPLER_MOST)
static uint32_t watched_count;
static lensi_page_bits *in_use; /* watched */
static lensi_page_bits *armed; /* faults may come. Never cleared while its block lives */
static _Atomic bool all_armed; /* in a fork's child */
static _Atomic uint32_t level = LENSI_SAMPLE_LEVEL_LEAST, keep = KEEP_LEAST;
static _Atomic bool paused;
static bool is_busy;
static uint64_t period_ns, period_run_ns, period_spent_ns;
static uint32_t period_level;

static struct lensi_lock lock;
static struct queued {
    uint32_t page;
    uint64_t since_ns;
} queue[QUEUE];
static uint32_t queue_head, queue_tail; /* tail - head are in it */

static uint64_t opened_ns, opened_cpu_ns;
static _Atomic uint64_t run_ns;
static _Atomic uint64_t spent_ns, faults_ns;

static int open_sampler(void)
{
    in_use = lensi_page_bits_new();
    armed = lensi_page_bits_new();
    watched = lensi_arena_map(WATCHED_ROOM * sizeof *watched);
    if (!in_use || !armed || !watched || lensi_touches_open() < 0)
        return -ENOMEM;
    opened_ns = lensi_sys_clock_ns();
    opened_cpu_ns = lensi_sys_cpu_ns(true);
    lensi_hooks.sampling = true;
    lensi_touch_put(opened_ns, level, LENSI_TOUCH_LEVEL);
    return 0;
}

/* What may be spent now; below 0 it is overdrawn. */
static int64_t credit_ns(void)
{
    return (int64_t)(CREDIT_NS + atomic_load_explicit(&run_ns, memory_order_relaxed) / PAID_ONE_IN) -
           (int64_t)atomic_load_explicit(&spent_ns, memory_order_relaxed);
}

/* The run's time: of processors; time without (it waits, or others have them) counts little. */
static void look_at_clocks(uint64_t now_ns)
{
    uint64_t wall = now_ns - opened_ns, cpu = lensi_sys_cpu_ns(true) - opened_cpu_ns;

    atomic_store(&run_ns, wall < cpu ? wall : cpu + (wall - cpu) / IDLE_ONE_IN);
}

/* All or nothing: a page that stays because sending it away could not be paid would look as if nobody used it. */
static void rest(uint64_t now_ns)
{
    if (!atomic_exchange(&paused, true))
        lensi_touch_put(now_ns, atomic_load(&faults_ns) / 1000, LENSI_TOUCH_PAUSE);
}

static bool arms(uint64_t page)
{
    return lensi_page_bits_has(armed, page) || atomic_load_explicit(&all_armed, memory_order_relaxed);
}

void lensi_sampler_arm(uint64_t page)
{
    lensi_page_bits_add(armed, page);
    atomic_thread_fence(memory_order_seq_cst);
}

uint64_t lensi_sampler_run_ns(void) { return atomic_load_explicit(&run_ns, memory_order_relaxed); }

/* ---- the queue */

static void enqueue(uint64_t page, uint64_t now_ns)
{
    lensi_lock(&lock);
    if (queue_tail - queue_head == QUEUE)
        queue_head++; /* it stays: one that is seldom seen */
    queue[queue_tail++ % QUEUE] = (struct queued){(uint32_t)page, now_ns};
    lensi_unlock(&lock);
}

/* The oldest page, if there are more than `most` or it came before `before_ns`. */
static bool dequeue(uint32_t most, uint64_t before_ns, uint64_t *page)
{
    const struct queued *oldest;
    bool is_due;

    lensi_lock(&lock);
    oldest = &queue[queue_head % QUEUE];
    is_due = queue_tail != queue_head && (queue_tail - queue_head > most || oldest->since_ns < before_ns);
    *page = oldest->page;
    queue_head += is_due;
    lensi_unlock(&lock);
    return is_due;
}

static uint32_t queued(void)
{
    lensi_lock(&lock);
    uint32_t count = queue_tail - queue_head;
    lensi_unlock(&lock);
    return count;
}

/* One that was written is left: the thread takes a new snapshot of it. */
static void send_away(uint64_t page)
{
    if (lensi_page_state(page) == LENSI_PROVEN && lensi_sample_has(page, atomic_load(&level)))
        lensi_budget_drop(page, 1);
}

/* ---- the fault path */

static void note_touched(uint64_t page, bool write, bool was_absent, uint64_t start_ns)
{
    uint64_t now = lensi_sys_clock_ns(), other;

    if (lensi_sample_has(page, atomic_load_explicit(&level, memory_order_relaxed))) {
        lensi_touch_put(start_ns, page, write ? LENSI_TOUCH_WRITE : LENSI_TOUCH_READ);
        if (was_absent)
            enqueue(page, now);
        for (unsigned i = 0; i < 2 && !atomic_load(&paused) && dequeue(atomic_load(&keep), 0, &other); i++)
            if (other != page)
                send_away(other);
        now = lensi_sys_clock_ns();
        if (credit_ns() < -OVERDRAFT_NS)
            rest(now);
    }
    now = TRAP_NS + (now - start_ns < FAULT_MOST_NS ? now - start_ns : FAULT_MOST_NS);
    atomic_fetch_add(&spent_ns, now);
    atomic_fetch_add(&faults_ns, now);
}

/* ---- finding pages in use */

/* In no order: when only some of them can be sent away, these must not be the first of a block. */
static void watch(uint64_t page, uint64_t now_ns)
{
    static uint32_t shuffle;
    uint32_t at;

    shuffle = shuffle * 1664525u + 1013904223u;
    if (watched_count == WATCHED_ROOM)
        return;
    at = (shuffle >> 8) % (watched_count + 1);
    watched[watched_count++] = watched[at];
    watched[at] = (struct watched){(uint32_t)page, now_ns};
    lensi_page_bits_add(in_use, page);
    lensi_touch_put(now_ns, page, LENSI_TOUCH_FILLED);
    is_busy = true;
}

/* The region's page of a group, or UINT64_MAX if that lies outside or is known already. */
static uint64_t unknown_page(const struct lensi_region *r, uint64_t group)
{
    uint64_t page = lensi_sample_page(group, atomic_load(&level)), first = lensi_region_first_page(r);

    return page >= first && page < first + lensi_region_pages(r) && !lensi_page_bits_has(in_use, page) ? page : UINT64_MAX;
}

static bool look_at(struct lensi_region *r, uint64_t group, uint64_t now_ns)
{
    uint64_t page = unknown_page(r, group);
    uint8_t is_there = 0;

    if (page == UINT64_MAX || lensi_sys_resident(lensi_page_address(page), LENSI_PAGE, &is_there) < 0 || !(is_there & 1))
        return false;
    watch(page, now_ns);
    r->grown_ns = now_ns;
    return true;
}

/* From the front on, as far as it goes. Returns how many looks are left. */
static unsigned follow_front(struct lensi_region *r, uint64_t low, uint64_t groups, unsigned looks, uint64_t now_ns)
{
    for (; r->sample_front < groups && looks; r->sample_front++) {
        if (unknown_page(r, low + r->sample_front) == UINT64_MAX)
            continue;
        looks--;
        if (!look_at(r, low + r->sample_front, now_ns))
            break;
    }
    return looks;
}

/* What is found has neighbours: memory that is filled from its end downwards. */
static unsigned follow_back(struct lensi_region *r, uint64_t low, uint64_t group, unsigned looks, uint64_t now_ns)
{
    while (looks && group-- > r->sample_front) {
        looks--;
        if (!look_at(r, low + group, now_ns))
            break;
    }
    return looks;
}

/* Memory comes into use from its front, mostly: what lies behind the front is looked for first, the rest in turns. */
static void visit(struct lensi_region *r)
{
    uint32_t shift = atomic_load(&level);
    uint64_t first = lensi_region_first_page(r), now = lensi_sys_clock_ns(), groups, low = first >> shift;
    unsigned looks;

    if (!lensi_region_pages(r))
        return;
    groups = ((first + lensi_region_pages(r) - 1) >> shift) - low + 1;
    if (r->sample_level != shift) {
        r->sample_level = shift;
        r->sample_front = r->sample_sweep = 0;
    }
    looks = follow_front(r, low, groups, LOOKS, now);
    for (unsigned steps = 8 * LOOKS; looks && steps; steps--) {
        if (r->sample_sweep >= groups || r->sample_sweep < r->sample_front)
            r->sample_sweep = r->sample_front;
        if (r->sample_sweep >= groups)
            break;
        if (unknown_page(r, low + r->sample_sweep) != UINT64_MAX) {
            looks--;
            if (look_at(r, low + r->sample_sweep, now))
                looks = follow_back(r, low, r->sample_sweep, looks, now);
        }
        if (++r->sample_sweep >= groups)
            break; /* not twice in one round */
    }
}

static void forget(uint64_t first, uint64_t count)
{
    for (uint32_t i = 0; i < watched_count;) {
        uint64_t page = watched[i].page;
        if (page - first >= count) {
            i++;
            continue;
        }
        watched[i] = watched[--watched_count];
        lensi_page_bits_take(in_use, page);
    }
    lensi_page_bits_remove(armed, first, count);
}

/* ---- a round */

static void make_absent(struct lensi_region *r, uint64_t page, struct lensi_workspace *w)
{
    if (atomic_load(&r->life) != LENSI_REGION_LIVE || atomic_load(&lensi_chunk_of(page)->pins))
        return;
    lensi_extents_offer(r);
    lensi_sampler_arm(page); /* before it is: who pins it for the kernel looks */
    if (lensi_prove(r, page, 1, w, true) && lensi_budget_drop(page, 1))
        lensi_touch_put(lensi_sys_clock_ns(), page, LENSI_TOUCH_AWAY);
}

/* What the sample loses is not taken back on purpose: its pages come back when they are touched, unseen. */
static void thin_out(uint64_t now_ns)
{
    unsigned now = atomic_load(&level) + 1;

    if (now > LENSI_SAMPLE_LEVEL_MOST)
        return;
    atomic_store(&level, now);
    lensi_touch_put(now_ns, now, LENSI_TOUCH_LEVEL);
    for (uint32_t i = 0; i < watched_count;) {
        uint64_t page = watched[i].page;
        if (lensi_sample_has(page, now)) {
            i++;
            continue;
        }
        watched[i] = watched[--watched_count];
        lensi_page_bits_take(in_use, page);
    }
}

/*
 * Overdrawn. If watching for all of the time would cost much more than it may, with less detail it costs less; else it
 * rests for a while.
 */
static void economise(uint64_t now_ns)
{
    uint64_t spent = atomic_load(&spent_ns);

    if (watched_count >= 2 * LENSI_SAMPLER_LEAST && spent - period_spent_ns > (atomic_load(&run_ns) - period_run_ns) / PAID_ONE_IN * 2)
        thin_out(now_ns);
    else
        rest(now_ns);
}

/* A new period begins now and then, and with each change: what was spent before says nothing about now. */
static void begin_period(uint64_t now_ns)
{
    if (now_ns - period_ns < PERIOD_NS && period_level == atomic_load(&level))
        return;
    period_ns = now_ns;
    period_run_ns = atomic_load(&run_ns);
    period_spent_ns = atomic_load(&spent_ns);
    period_level = atomic_load(&level);
}

static void send_old_away(uint64_t now_ns)
{
    uint64_t page;

    while (dequeue(atomic_load(&keep), now_ns > AGE_NS ? now_ns - AGE_NS : 0, &page))
        send_away(page);
}

/* While its block still fills, a page is left alone for a while: as the block grows, the sample may be thinned out. */
static bool is_settled(const struct watched *page, const struct lensi_region *r, uint64_t now_ns)
{
    return now_ns - page->since_ns >= 2 * ROUND_NS && (now_ns - r->grown_ns >= 3 * ROUND_NS || now_ns - page->since_ns >= FILLING_NS);
}

/* What has come into use or was written is made absent. */
static void send_plain_away(uint64_t now_ns, struct lensi_workspace *workspace)
{
    for (uint32_t i = 0; i < watched_count && credit_ns() > -OVERDRAFT_NS; i++) {
        struct lensi_region *r = lensi_region_of(lensi_page_address(watched[i].page));
        if (!r || lensi_page_state(watched[i].page) != LENSI_PLAIN)
            continue;
        is_busy = true;
        if (is_settled(&watched[i], r, now_ns))
            make_absent(r, watched[i].page, workspace);
    }
}

static void act(struct lensi_workspace *workspace)
{
    uint64_t start = lensi_sys_clock_ns(), cpu_start = lensi_sys_cpu_ns(false);
    int64_t credit;

    is_busy = false;
    look_at_clocks(start);
    credit = credit_ns();
    while (watched_count > LENSI_SAMPLER_MOST && atomic_load(&level) < LENSI_SAMPLE_LEVEL_MOST)
        thin_out(start);
    atomic_store(&keep, watched_count / KEEP_ONE_IN > KEEP_LEAST ? watched_count / KEEP_ONE_IN : KEEP_LEAST);
    if (credit < 0)
        economise(start);
    else if (credit > BURST_NS && atomic_exchange(&paused, false))
        lensi_touch_put(start, 0, LENSI_TOUCH_RESUME);
    begin_period(start);
    if (atomic_load(&paused))
        return;
    send_old_away(start);
    send_plain_away(start, workspace);
    atomic_fetch_add(&spent_ns, lensi_sys_cpu_ns(false) - cpu_start);
}

static uint64_t wait_for_next(void)
{
    static uint64_t wait;

    wait = is_busy || queued() ? ROUND_NS : wait * 2 < ROUND_MOST_NS ? wait * 2 : ROUND_MOST_NS;
    return wait < ROUND_NS ? wait = ROUND_NS : wait;
}

/* ---- forks */

static void before_fork(void) { lensi_lock(&lock); }

static void after_fork(bool in_child)
{
    lensi_unlock(&lock);
    if (!in_child || !lensi_hooks.sampling)
        return;
    atomic_store(&all_armed, true);
    lensi_touches_after_fork();
    opened_ns = lensi_sys_clock_ns();
    opened_cpu_ns = lensi_sys_cpu_ns(true);
    atomic_store(&spent_ns, 0);
    atomic_store(&faults_ns, 0);
    atomic_store(&run_ns, 0);
    atomic_store(&paused, false);
    lensi_touch_put(opened_ns, level, LENSI_TOUCH_LEVEL);
    for (uint32_t i = 0; i < watched_count; i++)
        lensi_touch_put(opened_ns, watched[i].page, LENSI_TOUCH_FILLED);
}

void lensi_sampler_hook(void)
{
    lensi_hooks.open = open_sampler;
    lensi_hooks.fork_before = before_fork;
    lensi_hooks.fork_after = after_fork;
    lensi_hooks.pages_end = forget;
    lensi_hooks.arms = arms;
    lensi_hooks.touched = note_touched;
    lensi_hooks.visit = visit;
    lensi_hooks.round = act;
    lensi_hooks.wait_ns = wait_for_next;
}
