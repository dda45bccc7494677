/*
 * policy.c - which proven pages stay resident. docs/eviction.md tells the idea and the figures.
 *
 * Owns the books: which pages are resident, and a few bits of history for every page that ever was. Called in the
 * fault path under the caller's lock; nothing here blocks, allocates or walks a table of pages.
 *
 * Words: the *window* is a short queue through which every page goes; the *core* are the pages kept for longer. A
 * page at the window's head is evicted, or swapped with a core page. *Trials* tell how freely to swap: what a core
 * page is worth cannot be seen while it is resident, so now and then one is evicted to see how soon it comes back.
 */
#include "liblens/memory/policy.h"

#include <stdbool.h>

#define NONE UINT32_MAX
#define SAMPLES 8       /* core pages looked at for one choice */
#define TRIALS 64       /* under way at a time */
#define PROMOTIONS 16   /* free moves from window to core in one call */
#define WINDOW_PAGES 16 /* pages in the window, in a small budget fewer */
#define WINDOW_SHARE 50 /* the window is one in so many pages, if that is more */
#define EPOCH 4096      /* pages that come until a run of read-ahead is forgotten */

#define RATE_ONE 65536u
#define BETTER_START (RATE_ONE / 8)
#define BETTER_FLOOR (RATE_ONE / 64)
#define STALE_FLOOR (RATE_ONE / 1024)
#define TRIAL_CEILING (RATE_ONE / 16)
#define TRIAL_SHARE 100 /* one in so many core pages is risked in trials while a usual page stays away */
#define PATIENCE 3      /* a core page on trial is stale when it stays away so many times as long as a usual page */
#define MARGIN 20       /* a newcomer must be better by this much (64: half the interval) */

#define BUDGET_UNITS 256 /* steps of the coarse time in which as many pages come as the budget has */
#define GAP_MAX (64u * BUDGET_UNITS)
#define FINE 4u          /* intervals are kept in quarters of a step */

/*
 * What is known of a page, in 31 bits: in its table entry while absent, in its slot while resident.
 *   0..15 coarse time: when it left (absent), when it came (resident)
 *  16..25 interval: how long it uses to stay away, a small float
 *  26..28 returns the interval was learned from, counted up to 7
 */
#define TIME_MASK 0xffffu
#define INTERVAL_SHIFT 16
#define INTERVAL_MAX 1023u
#define RETURNS_SHIFT 26
#define RETURNS_MAX 7u
#define WATCHED 0x20000000u  /* absent: takes part in a trial */
#define CORE 0x20000000u     /* resident: in the core */
#define SEEN 0x40000000u     /* absent: always set, a known page's entry is never zero; resident: it is not new */
#define RESIDENT 0x80000000u /* table entry only: the other bits are a slot number */

struct slot {
    uint32_t page;
    uint32_t next, prev; /* in the window; unused in the core */
    uint32_t note;
};

/* The two reasons to give a core page's place away. */
enum reason { BETTER, STALE, REASONS };

/*
 * BETTER: newcomer and core page are evicted together; the one that comes back first should have stayed.
 * STALE: a core page is evicted; it was rightly kept if it comes back before long.
 */
struct trial {
    uint32_t newcomer, core; /* NONE: no such page */
    uint32_t start;          /* clock, its lower half */
    enum reason reason;      /* REASONS: free entry */
};

struct lensi_policy {
    uint64_t pages, capacity, budget;
    uint64_t clock;             /* pages that came */
    uint32_t resident, window;  /* resident == window + pages in the core */
    uint32_t window_base;       /* pages of the window when there is no read-ahead */
    uint32_t run;               /* prefetched pages since the last touched one */
    uint32_t ahead, epoch_run;  /* the longest run of late, and of this epoch */
    uint32_t head, tail;        /* slots of the window's queue; NONE when it is empty */
    uint32_t unit;              /* of the clock, in one step of coarse time: budget / BUDGET_UNITS, rounded up */
    uint64_t usual;             /* mean time away of returning pages, in 1/65536 of a quarter step */
    uint32_t usual_count;       /* returns in that mean: the last budget's worth at the most */
    uint32_t rate[REASONS];     /* how often a possible swap is made, of RATE_ONE */
    uint64_t random;
    struct trial *half;         /* its newcomer has gone, its core page is to follow */
    struct trial trials[TRIALS];
    uint32_t hand;              /* next trial to look at for being overdue */
    uint32_t *table;
    struct slot *slots;
};

static size_t align_up(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/*
 * A slot is reserved for every page, because pages that cannot go may pile up above any budget; but slots are used from
 * the front without gaps, so memory is spent on as many as were ever resident at a time.
 */
size_t lensi_policy_bytes(uint64_t pages, uint64_t capacity)
{
    (void)capacity;
    return align_up(sizeof(struct lensi_policy)) + align_up(pages * sizeof(uint32_t)) + pages * sizeof(struct slot);
}

struct lensi_policy *lensi_policy_init(void *memory, uint64_t pages, uint64_t capacity, uint64_t budget)
{
    struct lensi_policy *policy = memory;

    policy->pages = pages;
    policy->capacity = capacity;
    policy->table = (uint32_t *)((char *)memory + align_up(sizeof *policy));
    policy->slots = (struct slot *)((char *)policy->table + align_up(pages * sizeof(uint32_t)));
    policy->head = policy->tail = NONE;
    policy->random = 0x9e3779b97f4a7c15u;
    policy->rate[BETTER] = BETTER_START;
    policy->rate[STALE] = STALE_FLOOR;
    for (int i = 0; i < TRIALS; i++)
        policy->trials[i].reason = REASONS;
    lensi_policy_set_budget(policy, budget);
    return policy;
}

/* Absent pages keep times in steps of the old budget: read with the new one they are wrong once and soon forgotten. */
void lensi_policy_set_budget(struct lensi_policy *policy, uint64_t budget)
{
    if (budget > policy->capacity)
        budget = policy->capacity;
    uint64_t window = budget / 8 < WINDOW_PAGES ? budget / 8 : WINDOW_PAGES;
    if (budget / WINDOW_SHARE > window)
        window = budget / WINDOW_SHARE;

    policy->budget = budget;
    policy->window_base = (uint32_t)(window ? window : 1);
    policy->unit = (uint32_t)(budget / BUDGET_UNITS + 1);
}

uint64_t lensi_policy_resident(const struct lensi_policy *policy)
{
    return policy->resident;
}

uint64_t lensi_policy_budget(const struct lensi_policy *policy)
{
    return policy->budget;
}

static uint32_t next_random(struct lensi_policy *policy)
{
    policy->random ^= policy->random << 13;
    policy->random ^= policy->random >> 7;
    policy->random ^= policy->random << 17;
    return (uint32_t)(policy->random >> 32);
}

static uint32_t coarse_now(const struct lensi_policy *policy)
{
    return (uint32_t)(policy->clock / policy->unit) & TIME_MASK;
}

static uint32_t interval_of(uint32_t note)
{
    return note >> INTERVAL_SHIFT & INTERVAL_MAX;
}

static uint32_t returns_of(uint32_t note)
{
    return note >> RETURNS_SHIFT & RETURNS_MAX;
}

/* Quarter steps as a float of 4 bits of exponent and 6 of fraction: its order is that of the numbers. */
static uint32_t pack(uint32_t quarters)
{
    uint32_t shifted = quarters + 64;
    uint32_t exponent = 25 - (uint32_t)__builtin_clz(shifted);

    if (exponent > 15)
        return INTERVAL_MAX;
    return exponent << 6 | (shifted >> exponent & 63);
}

static uint32_t unpack(uint32_t packed)
{
    return ((64 + (packed & 63)) << (packed >> 6)) - 64;
}

/* The window's queue. */

static void window_push(struct lensi_policy *policy, uint32_t at)
{
    struct slot *slot = &policy->slots[at];

    slot->prev = policy->tail;
    slot->next = NONE;
    if (policy->tail == NONE)
        policy->head = at;
    else
        policy->slots[policy->tail].next = at;
    policy->tail = at;
    policy->window++;
}

static void window_relink(struct lensi_policy *policy, const struct slot *slot, uint32_t before, uint32_t after)
{
    if (slot->prev == NONE)
        policy->head = after;
    else
        policy->slots[slot->prev].next = after;
    if (slot->next == NONE)
        policy->tail = before;
    else
        policy->slots[slot->next].prev = before;
}

static void window_unlink(struct lensi_policy *policy, uint32_t at)
{
    const struct slot *slot = &policy->slots[at];

    window_relink(policy, slot, slot->prev, slot->next);
    policy->window--;
}

static void window_to_core(struct lensi_policy *policy, uint32_t at)
{
    window_unlink(policy, at);
    policy->slots[at].note |= CORE;
}

/* What read-ahead brings must be there long enough to be used, also when two scans take turns. */
static uint64_t window_limit(const struct lensi_policy *policy)
{
    uint64_t ahead = policy->ahead ? 2 * ((uint64_t)policy->ahead + 1) : 0;

    if (ahead > policy->budget / 2)
        ahead = policy->budget / 2;
    return ahead > policy->window_base ? ahead : policy->window_base;
}

static uint64_t core_limit(const struct lensi_policy *policy)
{
    uint64_t window = window_limit(policy);

    return policy->budget > window ? policy->budget - window : 0;
}

static uint32_t core_pages(const struct lensi_policy *policy)
{
    return policy->resident - policy->window;
}

/* While the core has room the first pages stay: of a loop they are as good as any. */
static bool is_promotion_free(const struct lensi_policy *policy)
{
    return policy->window > window_limit(policy) && core_pages(policy) < core_limit(policy);
}

/* Slots stay dense, so that a random number finds a page: the last one moves into the gap. */
static uint32_t release_slot(struct lensi_policy *policy, uint32_t at, uint32_t flags)
{
    struct slot *slot = &policy->slots[at];
    uint32_t page = slot->page;
    uint32_t last = --policy->resident;

    policy->table[page] = SEEN | flags | (slot->note & ~(TIME_MASK | CORE)) | coarse_now(policy);
    if (at != last) {
        *slot = policy->slots[last];
        policy->table[slot->page] = RESIDENT | at;
        if (!(slot->note & CORE))
            window_relink(policy, slot, at, at);
    }
    return page;
}

/* Trials. */

static bool is_chance(struct lensi_policy *policy, uint32_t rate)
{
    return (next_random(policy) & (RATE_ONE - 1)) < rate;
}

static uint32_t usual_gap(const struct lensi_policy *policy)
{
    return (uint32_t)(policy->usual >> 16);
}

static uint64_t usual_time_away(const struct lensi_policy *policy)
{
    return ((uint64_t)usual_gap(policy) / FINE + 1) * policy->unit;
}

/* Trials cost hits: few while nothing is to be gained, more when places change hands anyway. */
static bool is_time_for_trial(struct lensi_policy *policy, enum reason reason)
{
    if (policy->usual_count == 0)
        return false;
    uint64_t rate = (uint64_t)core_pages(policy) * RATE_ONE / TRIAL_SHARE / usual_time_away(policy);
    if (rate > TRIAL_CEILING)
        rate = TRIAL_CEILING;
    return is_chance(policy, (uint32_t)rate + policy->rate[reason] / 16);
}

static struct trial *free_trial(struct lensi_policy *policy)
{
    struct trial *trial = &policy->trials[next_random(policy) % TRIALS];

    return trial->reason == REASONS ? trial : NULL;
}

/*
 * Right: the core page had to go. Being wrong about a better page costs as much as being right gains. A stale page is
 * lost room until it is found, so one that was found outweighs a few that were not stale.
 */
static void conclude(struct lensi_policy *policy, struct trial *trial, bool right)
{
    uint32_t *rate = &policy->rate[trial->reason];
    uint32_t floor = trial->reason == BETTER ? BETTER_FLOOR : STALE_FLOOR;

    if (trial->reason == BETTER)
        *rate = right ? *rate + *rate / 2 : *rate - *rate / 3;
    else
        *rate = right ? *rate * 2 : *rate / 2;
    if (*rate < floor)
        *rate = floor;
    if (*rate > RATE_ONE)
        *rate = RATE_ONE;
    trial->reason = REASONS;
}

/* A page of a trial came back. One whose trial is over already is not found. */
static void conclude_return(struct lensi_policy *policy, uint32_t page)
{
    for (uint32_t i = 0; i < TRIALS; i++) {
        struct trial *trial = &policy->trials[i];
        if (trial->reason == REASONS || (trial->newcomer != page && trial->core != page))
            continue;
        if (trial != policy->half) {
            conclude(policy, trial, trial->newcomer == page);
        } else {
            policy->half = NULL;
            trial->reason = REASONS;
        }
        return;
    }
}

/* One trial is looked at for each page that comes: all of them often enough, at little cost. */
static void conclude_overdue(struct lensi_policy *policy)
{
    struct trial *trial = &policy->trials[policy->hand++ % TRIALS];
    uint32_t age = (uint32_t)policy->clock - trial->start;

    if (trial->reason == STALE && age > PATIENCE * usual_time_away(policy))
        conclude(policy, trial, true);
    else if (trial->reason == BETTER && trial != policy->half && age > (uint64_t)GAP_MAX * policy->unit)
        trial->reason = REASONS;
}

/* The mean of the last budget's worth of returns. A shorter memory would take every turn of a scan for a new phase. */
static void learn_usual(struct lensi_policy *policy, uint32_t gap)
{
    int64_t change = ((int64_t)gap << 16) - (int64_t)policy->usual;

    if (policy->usual_count < policy->budget || policy->usual_count < 64)
        policy->usual_count++;
    policy->usual = (uint64_t)((int64_t)policy->usual + change / policy->usual_count);
}

/*
 * A page came back: its interval is the mean of its last absences, begun with the usual one so that a single lucky
 * return is not enough. Counted from its eviction, not from its last touch, which nobody saw.
 */
static uint32_t learn(struct lensi_policy *policy, uint32_t note)
{
    uint32_t gap = (coarse_now(policy) - note) & TIME_MASK;
    uint32_t returns = returns_of(note);

    gap = FINE * (gap < GAP_MAX ? gap : GAP_MAX);
    learn_usual(policy, gap);
    uint32_t old = returns ? unpack(interval_of(note)) : usual_gap(policy);
    uint32_t mean = (old * (returns + 1) + gap) / (returns + 2);
    if (returns < RETURNS_MAX)
        returns++;
    return returns << RETURNS_SHIFT | pack(mean) << INTERVAL_SHIFT;
}

/* What a page that comes takes over from its history. Read-ahead is a guess and teaches nothing. */
static uint32_t new_note(struct lensi_policy *policy, uint32_t note, bool prefetched)
{
    uint32_t learned = note & (RETURNS_MAX << RETURNS_SHIFT | INTERVAL_MAX << INTERVAL_SHIFT);

    if ((note & SEEN) && !prefetched)
        learned = learn(policy, note);
    return (note & SEEN) | learned | coarse_now(policy);
}

/* The window's size must not waver, for every change costs core pages: the longest run counts for an epoch or two. */
static void note_run(struct lensi_policy *policy, bool prefetched)
{
    policy->run = prefetched ? policy->run + 1 : 0;
    if (policy->run > policy->epoch_run)
        policy->epoch_run = policy->run;
    if (policy->run > policy->ahead)
        policy->ahead = policy->run;
    if (policy->clock % EPOCH == 0) {
        policy->ahead = policy->epoch_run;
        policy->epoch_run = 0;
    }
}

void lensi_policy_insert(struct lensi_policy *policy, uint32_t page, int prefetched)
{
    if (page >= policy->pages || (policy->table[page] & RESIDENT))
        return;
    uint32_t note = policy->table[page];
    policy->clock++;
    note_run(policy, prefetched);
    conclude_overdue(policy);
    if (note & WATCHED)
        conclude_return(policy, page);

    uint32_t at = policy->resident++;
    policy->slots[at].page = page;
    policy->slots[at].note = new_note(policy, note, prefetched);
    policy->table[page] = RESIDENT | at;
    window_push(policy, at);
    if (is_promotion_free(policy))
        window_to_core(policy, policy->head);
}

void lensi_policy_remove(struct lensi_policy *policy, uint32_t page)
{
    if (page >= policy->pages || !(policy->table[page] & RESIDENT))
        return;
    uint32_t at = policy->table[page] & ~RESIDENT;
    if (!(policy->slots[at].note & CORE))
        window_unlink(policy, at);
    release_slot(policy, at, 0);
}

/* Choosing. */

/* Slots of core pages: of the longest interval, longest resident, just any. All NONE if no core page was met. */
struct choice {
    uint32_t worst, stalest, any;
};

/* A page that never came back is taken for a usual one. */
static uint32_t badness(const struct lensi_policy *policy, uint32_t note)
{
    return returns_of(note) ? interval_of(note) : pack(usual_gap(policy));
}

static struct choice sample_core(struct lensi_policy *policy)
{
    struct choice choice = {NONE, NONE, NONE};
    uint32_t now = coarse_now(policy), worst = 0, age = 0;

    for (int i = 0; i < SAMPLES; i++) {
        uint32_t at = (uint32_t)((uint64_t)next_random(policy) * policy->resident >> 32);
        uint32_t note = policy->slots[at].note;
        if (!(note & CORE))
            continue;
        if (choice.any == NONE || badness(policy, note) > worst) {
            choice.worst = at;
            worst = badness(policy, note);
        }
        if (choice.any == NONE || ((now - note) & TIME_MASK) > age) {
            choice.stalest = at;
            age = (now - note) & TIME_MASK;
        }
        choice.any = at;
    }
    return choice;
}

static int64_t evict_window(struct lensi_policy *policy, uint32_t flags)
{
    uint32_t at = policy->head;

    window_unlink(policy, at);
    return release_slot(policy, at, flags);
}

/* The budget shrank, or the window grew: a core page goes. */
static int64_t evict_core(struct lensi_policy *policy)
{
    struct choice choice = sample_core(policy);

    if (choice.worst == NONE) {
        if (policy->window)
            return evict_window(policy, 0);
        choice.worst = 0; /* no window, so slot 0 is in the core as all are */
    }
    return release_slot(policy, choice.worst, 0);
}

/* The window's head takes the loser's place. */
static int64_t swap(struct lensi_policy *policy, uint32_t loser, uint32_t flags)
{
    window_to_core(policy, policy->head);
    return release_slot(policy, loser, flags);
}

/* The newcomer of a trial goes first; finish_trial() sends the core page after it. */
static int64_t begin_trial(struct lensi_policy *policy, struct trial *trial)
{
    *trial = (struct trial){policy->slots[policy->head].page, NONE, (uint32_t)policy->clock, BETTER};
    policy->half = trial;
    return evict_window(policy, WATCHED);
}

static int64_t finish_trial(struct lensi_policy *policy, uint32_t loser)
{
    policy->half->core = policy->slots[loser].page;
    policy->half = NULL;
    return swap(policy, loser, WATCHED);
}

static int64_t try_stale(struct lensi_policy *policy, struct trial *trial, uint32_t loser)
{
    *trial = (struct trial){NONE, policy->slots[loser].page, (uint32_t)policy->clock, STALE};
    return swap(policy, loser, WATCHED);
}

/* Places in the core are not put in question for new pages: nobody knows that they will ever be used again. */
static int64_t evict_head_or_swap(struct lensi_policy *policy)
{
    struct choice choice = sample_core(policy);
    struct trial *trial;

    if (choice.any == NONE)
        return evict_window(policy, 0);
    if (policy->half)
        return finish_trial(policy, choice.worst);

    uint32_t head = policy->slots[policy->head].note;
    if (badness(policy, head) + MARGIN <= badness(policy, policy->slots[choice.worst].note)) {
        if (is_time_for_trial(policy, BETTER) && (trial = free_trial(policy)))
            return begin_trial(policy, trial);
        if (is_chance(policy, policy->rate[BETTER]))
            return swap(policy, choice.worst, 0);
    }
    if (!(head & SEEN))
        return evict_window(policy, 0);
    if (is_time_for_trial(policy, STALE) && (trial = free_trial(policy)))
        return try_stale(policy, trial, next_random(policy) & 1 ? choice.any : choice.stalest);
    if (is_chance(policy, policy->rate[STALE]))
        return swap(policy, choice.stalest, 0);
    return evict_window(policy, 0);
}

int64_t lensi_policy_victim(struct lensi_policy *policy)
{
    if (policy->resident == 0)
        return -1;
    for (int i = 0; i < PROMOTIONS; i++) {
        if (!is_promotion_free(policy))
            break;
        window_to_core(policy, policy->head);
    }
    if (policy->window == 0 || core_pages(policy) > core_limit(policy))
        return evict_core(policy);
    if (core_pages(policy) < core_limit(policy))
        return evict_window(policy, 0);
    return evict_head_or_swap(policy);
}
