/* use_figures.c - shares of memory out of lives; see use.h. */
#include "analysis/trace/use.h"

#include <math.h>
#include <stdlib.h>

#define OBSERVED_MIN 0.3 /* of an interval; of others nothing is said */

/* Sums, in pages that lives stand for. */
struct sums {
    double filled, known, never_touched, never_read, rewritten;
    double time, idle_time;
    uint64_t sequential;
    double there[USE_INTERVALS], touched[USE_INTERVALS], written[USE_INTERVALS];
};

static bool takes_life(const struct use *use, const bool *takes, uint32_t life)
{
    return life && use->lives[life].weight && (!takes || takes[use->lives[life].line]);
}

static void earliest(uint64_t *to, uint64_t ns)
{
    if (*to == USE_NEVER || ns < *to)
        *to = ns;
}

static void latest(uint64_t *to, uint64_t ns)
{
    if (ns != USE_NEVER && (*to == USE_NEVER || ns > *to))
        *to = ns;
}

static uint64_t last_touch(const struct use_life *life)
{
    uint64_t last = life->filled_ns;

    if (life->reads && life->last_read_ns > last)
        last = life->last_read_ns;
    if (life->writes && life->last_write_ns > last)
        last = life->last_write_ns;
    return last;
}

static unsigned interval_of(const struct use *use, uint64_t ns)
{
    uint64_t n = use->duration_ns ? (uint64_t)((double)ns / (double)use->duration_ns * USE_INTERVALS) : 0;

    return n < USE_INTERVALS ? (unsigned)n : USE_INTERVALS - 1;
}

static void add_life(const struct use *use, const struct use_life *life, struct sums *sums, struct use_figures *to)
{
    double weight = life->weight;
    uint64_t end = life->death_ns > life->filled_ns ? life->death_ns : life->filled_ns, last = last_touch(life);

    to->lives++;
    sums->filled += weight;
    sums->time += weight * (double)(end - life->filled_ns);
    if (last < end)
        sums->idle_time += weight * (double)(end - last);
    for (unsigned i = interval_of(use, life->filled_ns); i <= interval_of(use, end); i++)
        sums->there[i] += weight;
    if (life->filled_ns > to->filled_ns)
        to->filled_ns = life->filled_ns;
    earliest(&to->first_write_ns, life->filled_ns);
    latest(&to->last_write_ns, life->writes ? life->last_write_ns : life->filled_ns);
    if (life->reads)
        earliest(&to->first_read_ns, life->first_read_ns);
    if (life->reads)
        latest(&to->last_read_ns, life->last_read_ns);
    if (life->watched_ns == USE_NEVER)
        return; /* nobody could have seen a touch */
    to->watched++;
    sums->known += weight;
    sums->never_touched += life->reads || life->writes ? 0 : weight;
    sums->never_read += life->reads ? 0 : weight;
    sums->rewritten += life->rewritten_ns != USE_NEVER ? weight : 0;
}

/* seen, written: of each life, the interval in which it was last counted, plus one. */
static void add_touch(const struct use *use, const struct use_touch *touch, struct sums *sums, uint8_t *seen, uint8_t *written)
{
    unsigned interval = interval_of(use, touch->time_ns);
    const struct use_life *life = &use->lives[touch->life];

    if (touch->kind == LENSI_TOUCH_AWAY)
        return; /* ours */
    if (seen[touch->life] != interval + 1) {
        seen[touch->life] = (uint8_t)(interval + 1);
        sums->touched[interval] += life->weight;
    }
    if (touch->kind != LENSI_TOUCH_READ && written[touch->life] != interval + 1) {
        written[touch->life] = (uint8_t)(interval + 1);
        sums->written[interval] += life->weight;
    }
    sums->sequential += touch->kind != LENSI_TOUCH_FILLED && touch->is_sequential;
}

static double share(double part, double of) { return of > 0 ? (part < of ? part / of : 1) : NAN; }

static void divide(const struct use *use, const struct sums *sums, struct use_figures *to)
{
    to->filled_bytes = sums->filled * (double)use->page_bytes;
    to->idle = share(sums->idle_time, sums->time);
    to->never_touched = share(sums->never_touched, sums->known);
    to->never_read = share(sums->never_read, sums->known);
    to->rewritten = share(sums->rewritten, sums->known);
    to->sequential = share((double)sums->sequential, (double)to->touches);
    for (unsigned i = 0; i < USE_INTERVALS; i++) {
        bool seen = use->observed[i] >= OBSERVED_MIN;
        to->touched[i] = seen ? share(sums->touched[i], sums->there[i]) : NAN;
        to->written[i] = seen ? share(sums->written[i], sums->there[i]) : NAN;
    }
}

void use_figure(const struct use *use, const bool *takes, struct use_figures *to)
{
    uint8_t *seen = calloc(use->lives_count, 2);
    struct sums sums = {0};

    *to = (struct use_figures){.first_write_ns = USE_NEVER, .last_write_ns = USE_NEVER, .first_read_ns = USE_NEVER, .last_read_ns = USE_NEVER};
    for (uint32_t i = 1; i < use->lives_count; i++)
        if (takes_life(use, takes, i))
            add_life(use, &use->lives[i], &sums, to);
    for (size_t i = 0; seen && i < use->touches_count; i++) {
        const struct use_touch *touch = &use->touches[i];
        if (!takes_life(use, takes, touch->life))
            continue;
        to->touches += use_is_fault(touch->kind);
        add_touch(use, touch, &sums, seen, seen + use->lives_count);
    }
    divide(use, &sums, to);
    free(seen);
}

/* ---- what the program does between touches */

struct pace {
    double compute_ns, touches;
};

static int by_pace(const void *a, const void *b)
{
    const struct pace *left = a, *right = b;

    return (left->compute_ns > right->compute_ns) - (left->compute_ns < right->compute_ns);
}

/*
 * By intervals, as far as they were watched: while memory is filled little is touched again, and most of a run may be
 * filling.
 */
double use_compute_ns(const struct use *use)
{
    double step = (double)use->duration_ns / USE_INTERVALS, all = 0, below = 0;
    double seen[USE_INTERVALS] = {0}, faults[USE_INTERVALS] = {0};
    struct pace pace[USE_INTERVALS] = {{0, 0}};

    for (size_t i = 0; i < use->touches_count; i++) {
        const struct use_touch *touch = &use->touches[i];
        unsigned at = interval_of(use, touch->time_ns);

        if (!use_is_fault(touch->kind))
            continue;
        seen[at] += (double)(1u << touch->level);
        pace[at].touches += (double)(1u << touch->level) * touch->scale;
        faults[at]++;
    }
    for (unsigned i = 0; i < USE_INTERVALS; i++) {
        if (seen[i] > 0)
            pace[i].compute_ns = use_progress_ns(use, use->observed[i] * step, faults[i]) / use->busy / seen[i];
        all += pace[i].touches;
    }
    qsort(pace, USE_INTERVALS, sizeof *pace, by_pace);
    for (unsigned i = 0; i < USE_INTERVALS && all > 0; i++)
        if ((below += pace[i].touches) >= all / 2)
            return pace[i].compute_ns;
    return 0;
}
