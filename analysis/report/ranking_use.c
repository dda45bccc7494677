/*
 * ranking_use.c - how the memory of the rows is used, and what a smaller budget would cost. docs/usage.md has the
 * model.
 *
 * Of several processes the one with the most memory that was watched speaks for all.
 */
#include "analysis/report/ranking.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define LIVES_MIN 8u                      /* fewer sampled pages say nothing */
#define AUTO_LEAST_BYTES (16.0 * (1 << 20)) /* as in liblens/memory/budget.c */
#define AUTO_SHARE (1.0 / 8)
/* As liblens/source/images.c: when faults have cost more than an image would, but not before this, it is written. */
#define IMAGE_NS 1500.0        /* of a page, beside making it */
#define FAULTS_LEAST_NS 250e6
#define MAPPED_NS 2200.0       /* of a page that the store has: compared with it once, mapped, and touched */

struct finder {
    struct ranking *ranking;
    const struct study *study;
    size_t trace;
    struct use *use;
    uint32_t *row_of_line;
    struct cost_machine machine;
    struct cost_page *costs; /* of lines */
    bool *takes;
};

/* ------------------------------------------------------------------ which trace */

static double watched_bytes(const struct use *use)
{
    struct use_figures figures;

    use_figure(use, NULL, &figures);
    return figures.filled_bytes;
}

static int find_trace(struct finder *finder)
{
    double most = 0;

    for (size_t i = 0; i < finder->study->traces_count; i++) {
        struct use *use;
        int result = use_make(finder->study->traces[i].profile, &use);

        if (result == -ENOMEM)
            return result;
        if (result == 0 && watched_bytes(use) > most) {
            most = watched_bytes(use);
            use_free(finder->use);
            finder->use = use;
            finder->trace = i;
        } else if (result == 0) {
            use_free(use);
        }
    }
    return finder->use ? 0 : -ENODATA;
}

/* ------------------------------------------------------------------ what pages cost */

static bool has_file(const struct ranking_row *row)
{
    return row->backing.relation == RANKING_READ_INTO || row->backing.relation == RANKING_READ_NEAR;
}

/*
 * Text behind a page: as much of the file as was read for the row, spread over the row's memory. A hint is taken for
 * one here.
 */
static double text_of_page(const struct ranking_row *row, double page_bytes)
{
    bool is_made = row->backing.relation == RANKING_READ_NEAR || row->backing.relation == RANKING_READ_THEN;

    if (!is_made || !row->figures.at_peak_bytes)
        return 0;
    uint64_t text = row->backing.bytes < row->backing.file_bytes || !row->backing.file_bytes ? row->backing.bytes : row->backing.file_bytes;
    return page_bytes * (double)text / (double)row->figures.at_peak_bytes;
}

static void find_costs(struct finder *f)
{
    const struct profile_meta *meta = &f->study->traces[f->trace].profile->meta;
    double compute = use_compute_ns(f->use);
    bool any = false;

    cost_measure(&f->machine);
    for (size_t line = 1; line < f->use->lines_count; line++) {
        uint32_t row = f->row_of_line[line];
        bool has = row != RANKING_NO_ROW && has_file(&f->ranking->rows[row]);
        double text = row != RANKING_NO_ROW ? text_of_page(&f->ranking->rows[row], (double)f->use->page_bytes) : 0;
        cost_page(&f->machine, text, compute, meta->cpus, &f->costs[line]);
        f->takes[line] = has;
        any |= has;
    }
    f->ranking->curve->covers_all = !any;
    f->ranking->curve->machine = f->machine;
    f->ranking->curve->is_measured = f->machine.is_measured;
    for (size_t line = 1; line < f->use->lines_count && !any; line++)
        f->takes[line] = true;
}

/* Proving all pages once, of the lines in `takes`. */
static double once_ns(const struct finder *f, const bool *takes)
{
    double sum = 0;

    for (size_t i = 1; i < f->use->lives_count; i++)
        if (takes[f->use->lives[i].line])
            sum += f->use->lives[i].weight * f->costs[f->use->lives[i].line].once_ns;
    return sum;
}

/* ------------------------------------------------------------------ curves */

static double slowdown_of(const struct finder *f, double ns)
{
    double run = (double)f->use->alone_ns;

    return run > 0 ? (run + ns) / run : NAN;
}

/*
 * Nothing is proven while the budget holds all. The first run has no store until its faults have cost what writing the
 * image will; a run whose faults cost less never gets one, and later runs are as the first.
 */
static struct ranking_slowdown price(const struct finder *f, const struct miss_ratio *curve, double once, const struct miss_ratio_point *from)
{
    double pages = curve->bytes / (double)f->use->page_bytes, none = from->cost_ns + once;
    double image = pages * (IMAGE_NS + (from->faulted_pages > 0 ? from->cost_ns / from->faulted_pages : 0));
    double before = fmax(image, FAULTS_LEAST_NS);

    if (from->share >= 1)
        return (struct ranking_slowdown){1, 1, 1};
    if (from->cost_ns < before)
        return (struct ranking_slowdown){slowdown_of(f, none), slowdown_of(f, none), slowdown_of(f, none)};
    return (struct ranking_slowdown){slowdown_of(f, once + before + image + pages * MAPPED_NS), slowdown_of(f, pages * MAPPED_NS), slowdown_of(f, none)};
}

/* What was absent before it was rewritten did not stay so. */
static double given_back(const struct miss_ratio *curve, const struct miss_ratio_point *point)
{
    return fmin(point->absent_bytes, curve->bytes - curve->stuck_bytes);
}

static double automatic_share(double bytes)
{
    double share = bytes > 0 ? AUTO_LEAST_BYTES / bytes : 1;

    return share < AUTO_SHARE ? AUTO_SHARE : share > 1 ? 1 : share;
}

static int make_curve(struct finder *f)
{
    struct ranking_curve *to = f->ranking->curve;
    struct miss_ratio curve;
    double once = once_ns(f, f->takes);
    int result = miss_ratio_make(f->use, f->takes, f->costs, &curve);

    if (result < 0)
        return result;
    to->bytes = curve.bytes;
    to->stuck_bytes = curve.stuck_bytes;
    to->least_share = curve.least_share;
    to->pages = curve.lives;
    to->share = automatic_share(curve.bytes);
    for (unsigned i = 0; i < MISS_RATIO_POINTS; i++) {
        const struct miss_ratio_point *from = &curve.points[i];
        struct ranking_curve_point *point = &to->points[i];

        *point = (struct ranking_curve_point){.share = from->share, .budget_bytes = from->share * curve.bytes, .faulted_pages = from->faulted_pages,
                                              .absent_bytes = given_back(&curve, from)};
        point->miss_ratio = curve.used_pages > 0 ? from->faulted_pages / curve.used_pages : 0;
        if (point->miss_ratio > 1)
            point->miss_ratio = 1;
        point->slowdown = price(f, &curve, once, from);
    }
    return 0;
}

/* The row alone, at the same share. */
static int price_row(struct finder *f, struct ranking_row *row, const bool *takes)
{
    struct miss_ratio curve;
    struct miss_ratio_point point;
    int result = miss_ratio_make_one(f->use, takes, f->costs, f->ranking->curve->share, &curve);

    if (result < 0 || !curve.lives)
        return result;
    point = curve.points[0];
    row->use.saving_bytes = fmin(given_back(&curve, &point), (double)row->figures.at_peak_bytes);
    row->use.slowdown = price(f, &curve, once_ns(f, takes), &point);
    return 0;
}

static int find_row(struct finder *f, uint32_t number, bool *takes)
{
    struct ranking_row *row = &f->ranking->rows[number];
    struct use_figures *figures;
    bool any = false;

    for (size_t line = 1; line < f->use->lines_count; line++)
        any |= takes[line] = f->row_of_line[line] == number;
    if (!any || !(figures = malloc(sizeof *figures)))
        return any ? -ENOMEM : 0;
    use_figure(f->use, takes, figures);
    row->use.figures = figures;
    row->use.pages = figures->watched;
    if (figures->watched < LIVES_MIN)
        return 0;
    row->use.idle = figures->idle;
    row->use.never_read = figures->never_read;
    row->use.rewritten = figures->rewritten;
    row->use.sequential = figures->sequential;
    return has_file(row) ? price_row(f, row, takes) : 0;
}

/* ------------------------------------------------------------------ all of it */

static bool make_room(struct finder *f)
{
    size_t lines = f->use->lines_count;

    f->row_of_line = calloc(lines, sizeof *f->row_of_line);
    f->costs = calloc(lines, sizeof *f->costs);
    f->takes = calloc(lines, sizeof *f->takes);
    f->ranking->curve = calloc(1, sizeof *f->ranking->curve);
    if (!f->row_of_line || !f->costs || !f->takes || !f->ranking->curve)
        return false;
    for (size_t line = 1; line < lines; line++) {
        uint32_t site = f->use->lines[line].site;
        bool known = site && site < f->study->traces[f->trace].profile->sites_count;
        f->row_of_line[line] = known ? f->ranking->row_of_site[f->trace][site] : RANKING_NO_ROW;
    }
    return true;
}

static int find_rows(struct finder *f)
{
    bool *takes = calloc(f->use->lines_count, sizeof *takes), *done = calloc(f->ranking->rows_count + 1, sizeof *done);
    int result = takes && done ? 0 : -ENOMEM;

    for (size_t line = 1; line < f->use->lines_count && result == 0; line++) {
        uint32_t row = f->row_of_line[line];
        if (row == RANKING_NO_ROW || done[row])
            continue;
        done[row] = true;
        result = find_row(f, row, takes);
    }
    free(takes);
    free(done);
    return result;
}

int ranking_find_use(struct ranking *ranking, const struct study *study)
{
    struct finder f = {.ranking = ranking, .study = study};
    int result = find_trace(&f);

    if (result == 0 && !make_room(&f))
        result = -ENOMEM;
    if (result == 0) {
        find_costs(&f);
        result = make_curve(&f);
    }
    if (result == 0)
        result = find_rows(&f);
    use_free(f.use);
    free(f.row_of_line);
    free(f.costs);
    free(f.takes);
    return result == -ENODATA ? 0 : result;
}
