/* timeline.c - see timeline.h. */
#include "analysis/trace/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One trace being drawn. */
struct drawing {
    struct timeline *timeline;
    const struct profile *profile;
    const uint32_t *row_of_site;
    uint64_t shift_ns;   /* of this trace's start from the first one's */
    double *now, *shown; /* series: as they are, and as the step under way will show them */
    double now_total, shown_total;
    size_t step;
};

static size_t step_of(const struct timeline *timeline, uint64_t ns)
{
    double share = timeline->duration_ns ? (double)ns / (double)timeline->duration_ns : 0;
    size_t step = (size_t)(share * (double)timeline->steps);

    return step < timeline->steps ? step : timeline->steps - 1;
}

static void show(struct drawing *drawing)
{
    memcpy(drawing->shown, drawing->now, (drawing->timeline->rows + 1) * sizeof *drawing->now);
    drawing->shown_total = drawing->now_total;
}

/* Puts the step under way down, and what holds on into all steps up to `step`. */
static void go_to(struct drawing *drawing, size_t step)
{
    size_t series = drawing->timeline->rows + 1;

    for (; drawing->step < step; drawing->step++) {
        for (size_t i = 0; i < series; i++)
            drawing->timeline->values[drawing->step * series + i] += drawing->shown[i];
        show(drawing);
    }
}

static void take_moment(struct drawing *drawing, const struct profile_moment *moment)
{
    go_to(drawing, step_of(drawing->timeline, drawing->shift_ns + moment->time_ns));
    for (size_t i = 0; i < moment->changes; i++) {
        const struct profile_change *change = &drawing->profile->changes[moment->first_change + i];
        uint32_t row = drawing->row_of_site[change->site];

        if (row == RANKING_NO_ROW)
            continue;
        drawing->now[row < drawing->timeline->rows ? row : drawing->timeline->rows] += (double)change->live_bytes;
        drawing->now_total += (double)change->live_bytes;
    }
    if (drawing->now_total >= drawing->shown_total)
        show(drawing);
}

static int draw(struct timeline *timeline, const struct profile *profile, const uint32_t *row_of_site,
                uint64_t shift_ns)
{
    struct drawing drawing = {
        .timeline = timeline, .profile = profile, .row_of_site = row_of_site, .shift_ns = shift_ns};

    drawing.now = calloc(2 * (timeline->rows + 1), sizeof *drawing.now);
    if (!drawing.now)
        return -ENOMEM;
    drawing.shown = drawing.now + timeline->rows + 1;
    drawing.step = step_of(timeline, shift_ns);
    for (size_t i = 0; i < profile->moments_count; i++)
        take_moment(&drawing, &profile->moments[i]);
    go_to(&drawing, step_of(timeline, shift_ns + profile->meta.duration_ns) + 1);
    free(drawing.now);
    return 0;
}

int timeline_make(struct timeline *timeline, const struct study *study, const struct ranking *ranking, size_t rows,
                  size_t steps)
{
    uint64_t first_ns = UINT64_MAX, last_ns = 0;
    int result = 0;

    memset(timeline, 0, sizeof *timeline);
    for (size_t i = 0; i < study->traces_count; i++) {
        const struct profile_meta *meta = &study->traces[i].profile->meta;

        first_ns = meta->start_wall_ns < first_ns ? meta->start_wall_ns : first_ns;
        last_ns = meta->start_wall_ns + meta->duration_ns > last_ns ? meta->start_wall_ns + meta->duration_ns : last_ns;
    }
    timeline->rows = rows < ranking->rows_count ? rows : ranking->rows_count;
    timeline->steps = steps;
    timeline->duration_ns = last_ns > first_ns ? last_ns - first_ns : 0;
    timeline->values = calloc(steps * (timeline->rows + 1), sizeof *timeline->values);
    if (!timeline->values)
        return -ENOMEM;
    for (size_t i = 0; i < study->traces_count && result == 0; i++) {
        const struct profile *profile = study->traces[i].profile;

        result = draw(timeline, profile, ranking->row_of_site[i], profile->meta.start_wall_ns - first_ns);
    }
    if (result < 0)
        timeline_free(timeline);
    return result;
}

void timeline_free(struct timeline *timeline)
{
    free(timeline->values);
    memset(timeline, 0, sizeof *timeline);
}

double timeline_total(const struct timeline *timeline, size_t step)
{
    double total = 0;

    for (size_t i = 0; i <= timeline->rows; i++)
        total += timeline->values[step * (timeline->rows + 1) + i];
    return total;
}
