/*
 * report_value.h - a report as one JSON value; docs/report.md is its schema. --json prints it, --html carries it.
 */
#ifndef LENS_REPORT_VALUE_H
#define LENS_REPORT_VALUE_H

#include "analysis/report/report.h"

#include <json-c/json.h>

/* How much of it to build. */
struct report_value_limits {
    size_t rows;          /* of the ranking */
    size_t timeline_rows; /* series of memory over time; one more gathers the rest */
    size_t timeline_steps;
    size_t tree_nodes;    /* of the tree of call paths; 0: no tree */
};

/* The value, for json_object_put; NULL: out of memory. */
json_object *report_value(const struct study *study, const struct ranking *ranking,
                          const struct report_value_limits *limits);
/* How a row's memory is used, and what budgets cost (report_use.c); NULL, JSON's null, where it is not told. */
json_object *report_use_value(const struct ranking_row *row);
json_object *report_curve_value(const struct ranking_curve *curve);
/* What is known of one trace, and a call path from the frame shown outwards. */
json_object *report_trace_value(const struct profile *profile);
json_object *report_path_value(const struct symbol *const *path, size_t count);
/* The call paths of all rows as a tree from the outermost frame, by bytes at the peak (report_tree.c). */
json_object *report_tree(const struct study *study, const struct ranking *ranking, size_t nodes);

#endif
