/* report_json.c - the report for programs. See report.h and docs/report.md. */
#include "analysis/report/report.h"
#include "analysis/report/report_value.h"
#include "analysis/trace/value.h"

#include <math.h>
#include <stdint.h>

#define TIMELINE_ROWS 20
#define TIMELINE_STEPS 200

int report_json(FILE *out, const struct study *study, const struct ranking *ranking)
{
    const struct report_value_limits limits = {
        .rows = SIZE_MAX, .timeline_rows = TIMELINE_ROWS, .timeline_steps = TIMELINE_STEPS};

    return value_print(out, report_value(study, ranking, &limits));
}

/* Bytes and counts to the last digit. */
static void add_figure(json_object *to, const char *key, double figure)
{
    if (figure == floor(figure) && fabs(figure) < 0x1p53)
        json_object_object_add(to, key, json_object_new_int64((int64_t)figure));
    else
        value_add_number(to, key, figure);
}

static json_object *difference_row_value(const struct difference_row *row)
{
    json_object *value = json_object_new_object();

    json_object_object_add(value, "path", report_path_value(row->path, row->path_count));
    value_add_text(value, "via", row->via);
    add_figure(value, "before", row->before);
    add_figure(value, "after", row->after);
    add_figure(value, "change", row->after - row->before);
    value_add_number(value, "error", row->error);
    add_figure(value, "before_count", row->before_count);
    add_figure(value, "after_count", row->after_count);
    return value;
}

int report_difference(FILE *out, const struct study *study, const struct difference *difference, const char *measure)
{
    json_object *value = json_object_new_object(), *traces = json_object_new_array(), *rows = json_object_new_array();

    value_add_count(value, "lens_diff", 1);
    value_add_text(value, "version", LENS_VERSION);
    value_add_text(value, "measure", measure);
    add_figure(value, "before", difference->before);
    add_figure(value, "after", difference->after);
    for (size_t i = 0; i < 2; i++)
        json_object_array_add(traces, report_trace_value(study->traces[i].profile));
    for (size_t i = 0; i < difference->rows_count; i++)
        json_object_array_add(rows, difference_row_value(&difference->rows[i]));
    json_object_object_add(value, "traces", traces);
    json_object_object_add(value, "rows", rows);
    return value_print(out, value);
}
