/*
 * miss_ratio.c - replays touches through the eviction policy; see miss_ratio.h.
 *
 * A life takes part while it is in the sample in force: it stands for 2^level pages, and the budget is divided by as
 * much. The policy keeps a few pages for newcomers, however small the budget; so that these are not most of a scaled
 * budget, a life is replayed as several pages in a row (`parts`). A page that was written after it was filled is
 * ordinary memory from then on: it counts against the budget and cannot go.
 */
#include "analysis/trace/miss_ratio.h"

#include "liblens/base/sample.h"
#include "liblens/memory/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const double shares[MISS_RATIO_POINTS] = {1,   0.95, 0.9,  0.8,  0.7, 0.6,  0.5,   0.4,
                                                 0.3, 0.25, 0.2, 0.15, 0.1, 0.075, 0.05, 0.025};

#define PARTS_MOST 8u
#define REPLAYED_PAGES 4096u      /* as many pages are enough */
#define REPLAYED_TOUCHES 3000000u /* more would take long */
#define LEAST_ROOM 8u /* of a budget, this part is left for pages that come and go, whatever is stuck (budget.c) */

enum place { UNKNOWN, RESIDENT, ABSENT, STUCK, GONE };

/* A change of memory: at `time_ns` a life ends. */
struct ending {
    uint64_t time_ns;
    uint32_t life;
};
struct replay {
    const struct use *use;
    const bool *takes;
    const struct cost_page *costs;
    struct ending *endings; /* of the lives that take part, in order of time */
    size_t endings_count;
    uint8_t *place; /* of pages of the replay: life * parts + part */
    void *memory;
    size_t memory_bytes;
    struct lensi_policy *policy;
    double budget_pages;    /* unscaled */
    uint32_t parts;         /* pages of the replay for each life */
    uint32_t level, stuck, absent; /* of those pages */
    bool is_paused;
    size_t next_ending;
    struct miss_ratio_point *point;
};

static bool takes_life(const struct replay *r, uint32_t life)
{
    return life && (!r->takes || r->takes[r->use->lives[life].line]);
}

static double weight(const struct replay *r) { return (double)(1u << r->level) / r->parts; }

/* ---- pages come and go */

static uint64_t room(const struct replay *r)
{
    double all = r->budget_pages / weight(r), least = all / LEAST_ROOM, left = all - r->stuck;

    left = left > least ? left : least;
    return left < 1 ? 1 : (uint64_t)(left + 0.5);
}

static void enforce(struct replay *r)
{
    lensi_policy_set_budget(r->policy, room(r));
    while (lensi_policy_resident(r->policy) > lensi_policy_budget(r->policy)) {
        int64_t victim = lensi_policy_victim(r->policy);
        if (victim < 0)
            break;
        r->place[victim] = ABSENT;
        r->absent++;
    }
    if (r->absent * weight(r) * (double)r->use->page_bytes > r->point->absent_bytes)
        r->point->absent_bytes = r->absent * weight(r) * (double)r->use->page_bytes;
}

static void come(struct replay *r, uint32_t page)
{
    r->absent -= r->place[page] == ABSENT;
    r->place[page] = RESIDENT;
    lensi_policy_insert(r->policy, page, 0);
    enforce(r);
}

/* It leaves the game, or stays for good. */
static void leave(struct replay *r, uint32_t page, enum place to)
{
    r->absent -= r->place[page] == ABSENT;
    r->stuck -= r->place[page] == STUCK;
    r->stuck += to == STUCK;
    lensi_policy_remove(r->policy, page);
    r->place[page] = (uint8_t)to;
}

static void end_life(struct replay *r, uint32_t life)
{
    for (uint32_t i = 0; i < r->parts; i++)
        leave(r, life * r->parts + i, GONE);
}

/* ---- what happens */

static void count_fault(struct replay *r, const struct use_touch *touch)
{
    double pages = weight(r) * touch->scale;

    if (r->is_paused)
        return;
    r->point->faulted_pages += pages;
    r->point->sequential_pages += touch->is_sequential ? pages : 0;
    if (r->costs) {
        const struct cost_page *cost = &r->costs[r->use->lives[touch->life].line];
        r->point->cost_ns += pages * (touch->is_sequential ? cost->stream_ns : cost->touch_ns);
    }
}

static void be_touched(struct replay *r, const struct use_touch *touch, uint32_t page)
{
    bool sticks = touch->kind == LENSI_TOUCH_WRITE && touch->time_ns >= r->use->lives[touch->life].rewritten_ns;

    if (r->place[page] == ABSENT)
        count_fault(r, touch);
    if (r->place[page] == ABSENT || r->place[page] == UNKNOWN) /* it was never seen to be proven: no fault */
        come(r, page);
    if (sticks && r->place[page] == RESIDENT) {
        leave(r, page, STUCK);
        enforce(r);
    }
}

static void thin_out(struct replay *r, uint32_t level)
{
    r->level = level;
    for (uint32_t i = 1; i < r->use->lives_count; i++)
        if (takes_life(r, i) && r->place[i * r->parts] != GONE && !lensi_sample_has(r->use->lives[i].page, level))
            end_life(r, i);
    enforce(r);
}

static void take_page(struct replay *r, const struct use_touch *touch, uint32_t page)
{
    if (r->place[page] == GONE)
        return;
    if (touch->kind == LENSI_TOUCH_AWAY && r->place[page] == UNKNOWN)
        come(r, page); /* now it would have been proven */
    else if (use_is_fault(touch->kind))
        be_touched(r, touch, page);
}

static void take(struct replay *r, const struct use_touch *touch)
{
    while (r->next_ending < r->endings_count && r->endings[r->next_ending].time_ns < touch->time_ns)
        end_life(r, r->endings[r->next_ending++].life);
    if (touch->kind == LENSI_TOUCH_PAUSE || touch->kind == LENSI_TOUCH_RESUME)
        r->is_paused = touch->kind == LENSI_TOUCH_PAUSE;
    else if (touch->kind == LENSI_TOUCH_LEVEL)
        thin_out(r, touch->level);
    else if (takes_life(r, touch->life))
        for (uint32_t i = 0; i < r->parts; i++)
            take_page(r, touch, touch->life * r->parts + i);
}

static void run(struct replay *r, struct miss_ratio_point *point, double budget_pages)
{
    memset(r->memory, 0, r->memory_bytes);
    memset(r->place, UNKNOWN, r->use->lives_count * r->parts);
    r->point = point;
    r->budget_pages = budget_pages;
    r->level = LENSI_SAMPLE_LEVEL_LEAST;
    r->stuck = r->absent = 0;
    r->is_paused = false;
    r->next_ending = 0;
    r->policy = lensi_policy_init(r->memory, r->use->lives_count * r->parts, r->use->lives_count * r->parts, 1);
    for (size_t i = 0; i < r->use->touches_count; i++)
        take(r, &r->use->touches[i]);
}

/* ---- how much memory there is */

static int by_time(const void *a, const void *b)
{
    const struct ending *x = a, *y = b;

    return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

/* The most that is in use at once, and what of it is stuck in the end. */
static void measure(struct replay *r, struct miss_ratio *to)
{
    struct ending *starts = calloc(r->use->lives_count, sizeof *starts);
    double now = 0, stuck = 0;
    size_t count = 0, ended = 0;

    for (uint32_t i = 1; starts && i < r->use->lives_count; i++) {
        if (!takes_life(r, i) || !r->use->lives[i].weight)
            continue;
        starts[count++] = (struct ending){r->use->lives[i].filled_ns, i};
        stuck += r->use->lives[i].rewritten_ns != USE_NEVER ? r->use->lives[i].weight : 0;
    }
    if (starts)
        qsort(starts, count, sizeof *starts, by_time);
    for (size_t i = 0; i < count; i++) {
        for (; ended < r->endings_count && r->endings[ended].time_ns <= starts[i].time_ns; ended++)
            now -= r->use->lives[r->endings[ended].life].weight;
        now += r->use->lives[starts[i].life].weight;
        if (now * (double)r->use->page_bytes > to->bytes)
            to->bytes = now * (double)r->use->page_bytes;
    }
    to->lives = count;
    to->stuck_bytes = stuck * (double)r->use->page_bytes;
    to->stuck_bytes = to->stuck_bytes < to->bytes ? to->stuck_bytes : to->bytes;
    free(starts);
}

static void count_uses(const struct replay *r, struct miss_ratio *to)
{
    for (size_t i = 0; i < r->use->touches_count; i++) {
        const struct use_touch *touch = &r->use->touches[i];
        if (takes_life(r, touch->life) && use_is_fault(touch->kind))
            to->used_pages += (double)(1u << touch->level) * touch->scale;
    }
    /* The sampler keeps this share resident itself (sampler.c). */
    to->least_share = to->lives ? 2.0 * 6 / (double)to->lives : 1;
    to->least_share = to->least_share < 2.0 / 32 ? 2.0 / 32 : to->least_share > 1 ? 1 : to->least_share;
}

static bool make_room(struct replay *r)
{
    size_t lives = r->use->lives_count, touches = r->use->touches_count + 1;

    r->parts = PARTS_MOST;
    while (r->parts > 1 && (r->parts * lives > REPLAYED_PAGES || r->parts * touches > REPLAYED_TOUCHES))
        r->parts--;
    r->endings = calloc(lives, sizeof *r->endings);
    r->place = calloc(lives, r->parts);
    r->memory_bytes = lensi_policy_bytes(lives * r->parts, lives * r->parts);
    r->memory = calloc(1, r->memory_bytes);
    for (uint32_t i = 1; r->endings && i < r->use->lives_count; i++)
        if (takes_life(r, i))
            r->endings[r->endings_count++] = (struct ending){r->use->lives[i].death_ns, i};
    if (r->endings)
        qsort(r->endings, r->endings_count, sizeof *r->endings, by_time);
    return r->endings && r->place && r->memory;
}

static int make(const struct use *use, const bool *takes, const struct cost_page *costs, const double *of, unsigned count,
                struct miss_ratio *to)
{
    struct replay r = {.use = use, .takes = takes, .costs = costs};
    int result = make_room(&r) ? 0 : -ENOMEM;

    *to = (struct miss_ratio){0};
    if (result == 0) {
        measure(&r, to);
        count_uses(&r, to);
    }
    for (unsigned i = 0; i < count && result == 0; i++) {
        to->points[i].share = of[i];
        if (to->lives)
            run(&r, &to->points[i], of[i] * to->bytes / (double)use->page_bytes);
    }
    free(r.endings);
    free(r.place);
    free(r.memory);
    return result;
}

int miss_ratio_make(const struct use *use, const bool *takes, const struct cost_page *costs, struct miss_ratio *to)
{
    return make(use, takes, costs, shares, MISS_RATIO_POINTS, to);
}

int miss_ratio_make_one(const struct use *use, const bool *takes, const struct cost_page *costs, double share, struct miss_ratio *to)
{
    return make(use, takes, costs, &share, 1, to);
}

struct miss_ratio_point miss_ratio_at(const struct miss_ratio *of, double share)
{
    const struct miss_ratio_point *above = of->points, *below;
    double part;

    if (share >= above->share)
        return *above;
    for (unsigned i = 1; i < MISS_RATIO_POINTS && of->points[i].share >= share; i++)
        above = &of->points[i];
    if (above == &of->points[MISS_RATIO_POINTS - 1])
        return *above;
    below = above + 1;
    part = (above->share - share) / (above->share - below->share);
#define MIX(field) above->field + part * (below->field - above->field)
    return (struct miss_ratio_point){share, MIX(faulted_pages), MIX(sequential_pages), MIX(cost_ns), MIX(absent_bytes)};
#undef MIX
}
