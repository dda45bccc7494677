/* report_use.c - the use of memory and the cost of budgets, in the report's forms; see report.h and report_value.h. */
#include "analysis/report/report_value.h"
#include "analysis/trace/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ JSON */

static void add_time(json_object *to, const char *key, uint64_t ns)
{
    json_object_object_add(to, key, ns == USE_NEVER ? NULL : json_object_new_uint64(ns));
}

static json_object *shares_value(const double *shares)
{
    json_object *value = json_object_new_array();

    for (unsigned i = 0; i < USE_INTERVALS; i++) {
        char text[40];
        snprintf(text, sizeof text, "%.3g", shares[i]);
        json_object_array_add(value, isfinite(shares[i]) ? json_object_new_double_s(strtod(text, NULL), text) : NULL);
    }
    return value;
}

json_object *report_use_value(const struct ranking_row *row)
{
    const struct use_figures *figures = row->use.figures;
    json_object *value;

    if (!figures)
        return NULL;
    value = json_object_new_object();
    json_object_object_add(value, "sampled_pages", json_object_new_uint64(figures->watched));
    json_object_object_add(value, "touches", json_object_new_uint64(figures->touches));
    value_add_number(value, "filled_bytes", figures->filled_bytes);
    value_add_number(value, "never_touched", figures->never_touched);
    value_add_number(value, "never_read", figures->never_read);
    value_add_number(value, "sequential", figures->sequential);
    value_add_number(value, "slowdown_later", row->use.slowdown.later);
    value_add_number(value, "slowdown_no_store", row->use.slowdown.no_store);
    add_time(value, "first_write_ns", figures->first_write_ns);
    add_time(value, "filled_ns", figures->filled_ns);
    add_time(value, "last_write_ns", figures->last_write_ns);
    add_time(value, "first_read_ns", figures->first_read_ns);
    add_time(value, "last_read_ns", figures->last_read_ns);
    json_object_object_add(value, "touched", shares_value(figures->touched));
    json_object_object_add(value, "written", shares_value(figures->written));
    return value;
}

static json_object *point_value(const struct ranking_curve_point *point)
{
    json_object *value = json_object_new_object();

    value_add_number(value, "share", point->share);
    json_object_object_add(value, "budget_bytes", json_object_new_uint64((uint64_t)point->budget_bytes));
    value_add_number(value, "miss_ratio", point->miss_ratio);
    value_add_number(value, "faulted_pages", point->faulted_pages);
    value_add_number(value, "absent_bytes", point->absent_bytes);
    value_add_number(value, "slowdown", point->slowdown.first);
    value_add_number(value, "slowdown_later", point->slowdown.later);
    value_add_number(value, "slowdown_no_store", point->slowdown.no_store);
    return value;
}

/* Points from the smallest budget up. */
json_object *report_curve_value(const struct ranking_curve *curve)
{
    json_object *value, *points;

    if (!curve || !(curve->bytes > 0))
        return NULL;
    value = json_object_new_object();
    points = json_object_new_array();
    json_object_object_add(value, "sampled_pages", json_object_new_uint64(curve->pages));
    json_object_object_add(value, "bytes", json_object_new_uint64((uint64_t)curve->bytes));
    json_object_object_add(value, "stuck_bytes", json_object_new_uint64((uint64_t)curve->stuck_bytes));
    value_add_number(value, "least_share", curve->least_share);
    value_add_number(value, "automatic_share", curve->share);
    json_object_object_add(value, "covers", json_object_new_string(curve->covers_all ? "all" : "files"));
    json_object_object_add(value, "costs_are_measured", json_object_new_boolean(curve->is_measured));
    value_add_number(value, "touch_ns", curve->machine.touch_ns);
    value_add_number(value, "stream_ns", curve->machine.stream_ns);
    value_add_number(value, "text_ns_per_byte", curve->machine.text_ns_per_byte);
    for (unsigned i = MISS_RATIO_POINTS; i-- > 0;)
        json_object_array_add(points, point_value(&curve->points[i]));
    json_object_object_add(value, "points", points);
    return value;
}

/* ------------------------------------------------------------------ terminal */

static void print_point(const struct ranking_curve *curve, const struct ranking_curve_point *point, const struct terminal *terminal)
{
    const char *times = terminal->has_unicode ? "×" : "x";
    char budget[24], given[24];
    bool is_good = point->share >= curve->least_share;

    printf("  %9s %4.0f%%  %10s  %5.0f%%  %8.2f%s  %8.2f%s  %8.2f%s%s\n", terminal_bytes(budget, point->budget_bytes), 100 * point->share,
           terminal_bytes(given, point->absent_bytes), 100 * point->miss_ratio, point->slowdown.first, times, point->slowdown.later, times,
           point->slowdown.no_store, times, is_good ? "" : "   (few samples: a guess)");
}

void report_use_text(const struct ranking *ranking, const struct terminal *terminal)
{
    static const double shown[] = {0.75, 0.5, 0.25, 0.1};
    const struct ranking_curve *curve = ranking->curve;
    char size[24], stuck[24];

    if (!curve || curve->pages < 8)
        return;
    printf("\n%sHow much has to be there%s  %s", terminal_bold(terminal), terminal_plain(terminal), terminal_dim(terminal));
    printf("of %s %s, by %zu sampled pages%s\n", terminal_bytes(size, curve->bytes), curve->covers_all ? "(no file was read near it)" : "that may come from files",
           curve->pages, terminal_plain(terminal));
    if (curve->stuck_bytes > curve->bytes / 50)
        printf("  %s of it is written after it was filled, and has to stay.\n", terminal_bytes(stuck, curve->stuck_bytes));
    printf("  %s%9s %5s  %10s  %6s  %9s  %9s  %9s%s\n", terminal_dim(terminal), "budget", "", "given back", "misses", "first run",
           "later", "no store", terminal_plain(terminal));
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++) {
        const struct ranking_curve_point *best = &curve->points[0];
        for (unsigned k = 1; k < MISS_RATIO_POINTS; k++)
            if (fabs(curve->points[k].share - shown[i]) < fabs(best->share - shown[i]))
                best = &curve->points[k];
        print_point(curve, best, terminal);
    }
}
