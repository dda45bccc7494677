/*
 * use.c - from touches of pages to lives in lines; see use.h.
 *
 * What is a write after the filling? Memory is often written twice before it is used (zeroed first, then filled), and a
 * page that is filled slowly is seen being written several times. So a write counts when the page has been read a while
 * before, or when it comes a while after an earlier one (SETTLE_NS) that was not the first.
 */
#include "analysis/trace/use.h"

#include "analysis/report/use_lines.h"
#include "liblens/base/sample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_NS 60000000u
#define SCALE_MOST 1000.0
#define BUSY_MOST 50u   /* times longer than alone: what is said beyond that is not believed */
#define FAULT_NS 8000.0 /* of a touch that was seen, if the trace does not tell */
#define PROGRESS_LEAST 0.05
#define RECENT 8u /* touches of a line among which a sequential one has its predecessor */

/* What the second pass over the touches knows of a life beside what it keeps. */
struct state {
    uint64_t written_ns; /* last write that was seen */
    uint32_t bursts;
};
struct making {
    struct use *use;
    const struct profile *profile;
    struct use_lines lines;
    struct state *states;       /* of lives */
    uint32_t *life_of;          /* open addressing: (line, page) -> life */
    size_t slots;               /* a power of two */
    uint64_t (*recent)[RECENT]; /* of lines: page + 1 */
    uint32_t *turn;
    uint32_t level;
};

/* ---- lives by line and page */

static size_t slot_of(const struct making *m, uint32_t line, uint32_t page)
{
    uint64_t hash = ((uint64_t)line << 32 | page) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash >> 20) & (m->slots - 1);

    for (uint32_t life; (life = m->life_of[at]); at = (at + 1) & (m->slots - 1))
        if (m->use->lives[life].line == line && m->use->lives[life].page == page)
            break;
    return at;
}

static uint32_t life_for(struct making *m, uint32_t line, const struct profile_touch *touch)
{
    size_t at = slot_of(m, line, touch->page);
    struct use_life *life;

    if (m->life_of[at])
        return m->life_of[at];
    life = &m->use->lives[m->use->lives_count];
    *life = (struct use_life){line,      touch->page, 0,         touch->time_ns, m->use->lines[line].death_ns, USE_NEVER, USE_NEVER,
                              USE_NEVER, USE_NEVER,   USE_NEVER, USE_NEVER,      0,                            0};
    return m->life_of[at] = (uint32_t)m->use->lives_count++;
}

/* ---- touches */

static bool is_sequential(struct making *m, uint32_t line, uint32_t page)
{
    uint64_t group = page >> m->level, before = group ? lensi_sample_page(group - 1, m->level) + 1 : 0;
    bool found = false;

    for (unsigned i = 0; i < RECENT; i++)
        found |= before && m->recent[line][i] == before;
    m->recent[line][m->turn[line]++ % RECENT] = (uint64_t)page + 1;
    return found;
}

/* It was read before; not only just now, by who goes through it for the first time and changes it as he goes. */
static bool is_old_news(const struct use_life *life, uint64_t now_ns)
{
    return life->reads && now_ns - life->first_read_ns > SETTLE_NS;
}

static void note_write(struct use_life *life, struct state *state, uint64_t now_ns)
{
    bool is_burst = !life->writes || now_ns - state->written_ns > SETTLE_NS;

    state->bursts += is_burst;
    if (life->rewritten_ns == USE_NEVER && (is_old_news(life, now_ns) || state->bursts > 1))
        life->rewritten_ns = now_ns;
    state->written_ns = life->last_write_ns = now_ns;
    if (!life->writes++)
        life->first_write_ns = now_ns;
}

static void note_read(struct use_life *life, uint64_t now_ns)
{
    life->last_read_ns = now_ns;
    if (!life->reads++)
        life->first_read_ns = now_ns;
}

static void take_touch(struct making *m, const struct profile_touch *touch)
{
    struct use *use = m->use;
    struct use_touch *to = &use->touches[use->touches_count];
    struct use_life *life;
    uint32_t line;

    if (touch->kind == LENSI_TOUCH_LEVEL)
        m->level = touch->page < LENSI_SAMPLE_LEVEL_MOST ? touch->page : LENSI_SAMPLE_LEVEL_MOST;
    *to = (struct use_touch){touch->time_ns, 0, m->level, touch->kind, 1, false};
    if (touch->kind == LENSI_TOUCH_LEVEL || touch->kind == LENSI_TOUCH_PAUSE || touch->kind == LENSI_TOUCH_RESUME) {
        use->touches_count++;
        return;
    }
    line = use_lines_find(&m->lines, m->profile->usage->start_address + touch->page * use->page_bytes, touch->time_ns);
    if (!line || !lensi_sample_has(touch->page, m->level)) {
        use->lost += !line;
        return;
    }
    to->life = life_for(m, line, touch);
    life = &use->lives[to->life];
    if (touch->kind == LENSI_TOUCH_AWAY && life->watched_ns == USE_NEVER)
        life->watched_ns = touch->time_ns;
    if (use_is_fault(touch->kind))
        to->is_sequential = is_sequential(m, line, touch->page);
    if (touch->kind == LENSI_TOUCH_READ)
        note_read(life, touch->time_ns);
    else if (touch->kind == LENSI_TOUCH_WRITE)
        note_write(life, &m->states[to->life], touch->time_ns);
    use->touches_count++;
}

/* ---- after all touches */

static void weigh(struct use *use, const struct profile_usage *usage)
{
    for (size_t i = 1; i < use->lives_count; i++) {
        struct use_life *life = &use->lives[i];
        uint32_t level = LENSI_SAMPLE_LEVEL_LEAST;

        for (size_t k = 0; k < usage->touches_count && usage->touches[k].time_ns <= life->death_ns; k++)
            if (usage->touches[k].kind == LENSI_TOUCH_LEVEL)
                level = usage->touches[k].page;
        life->weight = level <= LENSI_SAMPLE_LEVEL_MOST && lensi_sample_has(life->page, level) ? 1u << level : 0;
    }
}

/* When watching began, and what a fault took while it lasted. */
static void look_at_watching(struct use *use, const struct profile_usage *usage)
{
    double faults = 0;

    use->fault_ns = FAULT_NS;
    use->begun_ns = use->duration_ns;
    for (size_t i = 0; i < use->touches_count; i++)
        if (use->touches[i].kind == LENSI_TOUCH_AWAY && use->touches[i].time_ns < use->begun_ns)
            use->begun_ns = use->touches[i].time_ns;
    for (size_t i = 0; i < usage->touches_count; i++) {
        const struct profile_touch *touch = &usage->touches[i];

        faults += use_is_fault(touch->kind);
        if (touch->kind == LENSI_TOUCH_PAUSE && touch->page && faults > 0)
            use->fault_ns = touch->page * 1000.0 / faults;
    }
}

double use_progress_ns(const struct use *use, double watched_ns, double faults)
{
    return fmax(watched_ns - faults * use->fault_ns * use->busy, watched_ns * PROGRESS_LEAST);
}

/*
 * Watching rested: what happened meanwhile is taken to be like what was seen right after, or, at the end, right before.
 * Touches [first, end) were seen from `from_ns` to `to_ns`. The program got less far in that time than it does while
 * nobody watches.
 */
static double progress_ns(const struct use *use, size_t first, size_t end, uint64_t from_ns, uint64_t to_ns)
{
    double faults = 0;

    if (from_ns < use->begun_ns && use->begun_ns < to_ns)
        from_ns = use->begun_ns;
    for (size_t i = first; i < end; i++)
        faults += use_is_fault(use->touches[i].kind);
    return use_progress_ns(use, to_ns > from_ns ? (double)(to_ns - from_ns) : 1, faults);
}

static void scale_burst(struct use *use, size_t first, size_t end, uint64_t from_ns, uint64_t to_ns, uint64_t rest_ns)
{
    double length = progress_ns(use, first, end, from_ns, to_ns), scale = (length + (double)rest_ns) / length;

    for (size_t i = first; i < end; i++)
        use->touches[i].scale = (float)(scale < SCALE_MOST ? scale : SCALE_MOST);
}

static void note_observed(struct use *use, uint64_t from_ns, uint64_t to_ns)
{
    double step = (double)use->duration_ns / USE_INTERVALS;

    use->observed_ns += to_ns > from_ns ? to_ns - from_ns : 0;
    for (unsigned i = 0; i < USE_INTERVALS && step > 0; i++) {
        double low = i * step > (double)from_ns ? i * step : (double)from_ns, high = (i + 1) * step < (double)to_ns ? (i + 1) * step : (double)to_ns;
        use->observed[i] += high > low ? (high - low) / step : 0;
    }
}

static void scale_all(struct use *use)
{
    uint64_t from_ns = 0, rest_ns = 0, paused_ns = 0;
    size_t first = 0, count = use->touches_count;
    bool is_paused = false;

    for (size_t i = 0; i <= count; i++) {
        enum lensi_touch_kind kind = i < count ? use->touches[i].kind : LENSI_TOUCH_PAUSE;
        uint64_t now = i < count ? use->touches[i].time_ns : use->duration_ns;
        if (kind == LENSI_TOUCH_PAUSE && !is_paused) {
            scale_burst(use, first, i, from_ns, now, rest_ns);
            note_observed(use, from_ns, now);
            is_paused = true;
            paused_ns = now;
        } else if (kind == LENSI_TOUCH_RESUME && is_paused) {
            is_paused = false;
            from_ns = now;
            rest_ns = now - paused_ns;
            first = i;
        }
    }
}

/* The touch from which on half of the faults of [first, end) come. */
static size_t second_half(const struct use *use, size_t first, size_t end)
{
    size_t faults = 0, at = end;

    for (size_t i = first; i < end; i++)
        faults += use_is_fault(use->touches[i].kind);
    for (size_t late = 0; at > first && 2 * late < faults;)
        late += use_is_fault(use->touches[--at].kind);
    return at;
}

/*
 * The end came while watching rested: it is taken to be like the later half of what was seen. What a program does after
 * it has filled its memory is not what it does in the end, and a short run is watched in its beginning only.
 */
static void scale_last(struct use *use)
{
    size_t pause = use->touches_count, resume, half;

    while (pause > 0 && use->touches[pause - 1].kind != LENSI_TOUCH_PAUSE && use->touches[pause - 1].kind != LENSI_TOUCH_RESUME)
        pause--;
    if (!pause || use->touches[pause - 1].kind != LENSI_TOUCH_PAUSE)
        return;
    for (resume = --pause; resume > 0 && use->touches[resume - 1].kind != LENSI_TOUCH_RESUME; resume--)
        ;
    half = second_half(use, resume, pause);
    if (half == pause)
        return;
    uint64_t to_ns = use->touches[pause].time_ns, rest_ns = use->duration_ns > to_ns ? use->duration_ns - to_ns : 0;
    double length = progress_ns(use, half, pause, use->touches[half].time_ns, to_ns);
    for (size_t i = half; i < pause; i++) {
        double scale = use->touches[i].scale + (double)rest_ns / length;
        use->touches[i].scale = (float)(scale < SCALE_MOST ? scale : SCALE_MOST);
    }
}

static bool make_room(struct making *m)
{
    size_t touches = m->profile->usage->touches_count, lines = m->use->lines_count;

    for (m->slots = 1024; m->slots < 2 * (touches + 1); m->slots *= 2)
        ;
    m->use->lives = calloc(touches + 1, sizeof *m->use->lives);
    m->use->touches = calloc(touches + 1, sizeof *m->use->touches);
    m->states = calloc(touches + 1, sizeof *m->states);
    m->life_of = calloc(m->slots, sizeof *m->life_of);
    m->recent = calloc(lines, sizeof *m->recent);
    m->turn = calloc(lines, sizeof *m->turn);
    m->use->lives_count = 1;
    return m->use->lives && m->use->touches && m->states && m->life_of && m->recent && m->turn;
}

/* Whatever else is said, some of the run was its own. */
static uint64_t alone_ns(const struct profile_meta *meta)
{
    uint64_t least = meta->duration_ns / BUSY_MOST;

    return meta->waited_ns < meta->duration_ns - least ? meta->duration_ns - meta->waited_ns : least;
}

int use_make(const struct profile *profile, struct use **to)
{
    struct making m = {.profile = profile, .level = LENSI_SAMPLE_LEVEL_LEAST};
    int result;

    *to = NULL;
    if (!profile->usage)
        return -ENODATA;
    m.use = calloc(1, sizeof *m.use);
    if (!m.use)
        return -ENOMEM;
    m.use->duration_ns = profile->meta.duration_ns;
    m.use->alone_ns = alone_ns(&profile->meta);
    m.use->busy = m.use->alone_ns ? (double)m.use->duration_ns / (double)m.use->alone_ns : 1;
    m.use->page_bytes = profile->usage->page_bytes;
    result = use_lines_make(profile, m.use, &m.lines);
    if (result == 0 && !make_room(&m))
        result = -ENOMEM;
    for (size_t i = 0; result == 0 && i < profile->usage->touches_count; i++)
        take_touch(&m, &profile->usage->touches[i]);
    if (result == 0) {
        weigh(m.use, profile->usage);
        look_at_watching(m.use, profile->usage);
        scale_all(m.use);
        scale_last(m.use);
        *to = m.use;
    } else {
        use_free(m.use);
    }
    use_lines_free(&m.lines);
    free(m.states);
    free(m.life_of);
    free(m.recent);
    free(m.turn);
    return result;
}

void use_free(struct use *use)
{
    if (!use)
        return;
    free(use->lines);
    free(use->lives);
    free(use->touches);
    free(use);
}
