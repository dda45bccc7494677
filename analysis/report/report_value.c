/* report_value.c - see report_value.h. */
#include "analysis/report/report_value.h"

#include "analysis/report/suggest.h"
#include "analysis/report/verdict.h"
#include "analysis/trace/timeline.h"
#include "analysis/trace/value.h"

#include <math.h>
#include <stdlib.h>

/* ------------------------------------------------------------------ traces */

static const char *end_word(enum lensi_end_kind end)
{
    static const char *const words[] = {"unknown", "exit", "_exit", "exec", "disk-full", "signal", "locked-in"};

    return (size_t)end < sizeof words / sizeof *words ? words[end] : words[0];
}

json_object *report_trace_value(const struct profile *profile)
{
    const struct profile_meta *meta = &profile->meta;
    json_object *trace = json_object_new_object(), *words = json_object_new_array();
    char *command = report_command_line(meta), end[160];

    report_end_words(meta, end, sizeof end);
    value_add_text(trace, "path", meta->path);
    value_add_text(trace, "program", meta->program);
    value_add_text(trace, "command", command);
    for (size_t i = 0; i < meta->argc; i++)
        json_object_array_add(words, value_text(meta->argv[i]));
    json_object_object_add(trace, "argv", words);
    value_add_count(trace, "pid", meta->pid);
    value_add_count(trace, "ppid", meta->ppid);
    value_add_bool(trace, "is_forked", meta->forked);
    value_add_bool(trace, "is_full", meta->full);
    value_add_count(trace, "sample_bytes", meta->sample_bytes);
    value_add_count(trace, "start_wall_ns", meta->start_wall_ns);
    value_add_count(trace, "duration_ns", meta->duration_ns);
    value_add_text(trace, "end", end_word(meta->end));
    json_object_object_add(trace, "end_status", json_object_new_int(meta->end_status));
    value_add_text(trace, "end_words", end);
    value_add_bool(trace, "is_cut", meta->cut);
    value_add_text(trace, "machine", meta->machine);
    value_add_text(trace, "kernel", meta->kernel);
    value_add_count(trace, "memory_bytes", meta->memory_bytes);
    value_add_count(trace, "peak_bytes", profile->peak_bytes);
    value_add_count(trace, "peak_ns", profile->peak_ns);
    free(command);
    return trace;
}

/* ------------------------------------------------------------------ rows */

static json_object *frame_value(const struct symbol *symbol)
{
    json_object *frame = json_object_new_object();

    value_add_text(frame, "function", symbol->function);
    value_add_text(frame, "module", symbol->module);
    value_add_text(frame, "file", symbol->file);
    json_object_object_add(frame, "line", symbol->line ? json_object_new_int64(symbol->line) : NULL);
    value_add_bool(frame, "is_inlined", symbol->is_inlined);
    return frame;
}

json_object *report_path_value(const struct symbol *const *path, size_t count)
{
    json_object *frames = json_object_new_array();

    for (size_t i = 0; i < count; i++)
        json_object_array_add(frames, frame_value(path[i]));
    return frames;
}

/* Pairs [log2, count] of the buckets that are not empty. */
static json_object *histogram_value(const uint64_t buckets[LENSI_TRACE_BUCKETS])
{
    json_object *pairs = json_object_new_array();

    for (unsigned i = 0; i < LENSI_TRACE_BUCKETS; i++) {
        if (buckets[i] == 0)
            continue;
        json_object *pair = json_object_new_array();
        json_object_array_add(pair, json_object_new_int((int)i));
        json_object_array_add(pair, json_object_new_uint64(buckets[i]));
        json_object_array_add(pairs, pair);
    }
    return pairs;
}

static json_object *backing_value(const struct ranking_backing *backing)
{
    static const char *const words[] = {NULL, NULL, "read-into", "read-near", "read-then"};

    if (backing->relation <= RANKING_NO_FILE)
        return NULL;
    json_object *value = json_object_new_object();
    value_add_text(value, "path", backing->path);
    value_add_text(value, "relation", words[backing->relation]);
    value_add_count(value, "bytes", backing->bytes);
    value_add_count(value, "file_bytes", backing->file_bytes);
    value_add_count(value, "other_files", backing->others);
    return value;
}

static json_object *kinds_value(unsigned kinds)
{
    json_object *names = json_object_new_array();

    for (unsigned i = 0; i <= LENSI_SITE_MAP_FILE; i++)
        if (kinds & (1u << i))
            json_object_array_add(names, json_object_new_string(profile_kind_name((enum lensi_site_kind)i)));
    return names;
}

static void add_figures(json_object *to, const struct ranking_figures *figures)
{
    value_add_count(to, "at_peak_bytes", figures->at_peak_bytes);
    value_add_number(to, "at_peak_error_bytes", ranking_error_bytes(figures));
    value_add_count(to, "at_peak_count", figures->at_peak_count);
    value_add_number(to, "byte_seconds", figures->byte_seconds);
    value_add_count(to, "bytes", figures->bytes);
    value_add_count(to, "allocations", figures->allocations);
    value_add_count(to, "frees", figures->frees);
    value_add_count(to, "live_bytes", figures->live_bytes);
    value_add_count(to, "live_count", figures->live_count);
    value_add_count(to, "first_ns", figures->first_ns);
    value_add_count(to, "last_ns", figures->last_ns);
    json_object_object_add(to, "sizes", histogram_value(figures->sizes));
    json_object_object_add(to, "lifetimes", histogram_value(figures->lifetimes));
}

static json_object *fill_value(const struct ranking_fill *fill)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < fill->count; i++) {
        json_object *value = frame_value(fill->fillers[i].symbol);

        value_add_text(value, "name", fill->fillers[i].symbol->name);
        value_add_bool(value, "by_reads", fill->fillers[i].is_read);
        value_add_number(value, "share", fill->fillers[i].share);
        value_add_count(value, "samples", fill->fillers[i].samples);
        json_object_array_add(list, value);
    }
    return list;
}

static void add_verdict(json_object *to, const struct ranking_row *row)
{
    char site[700], phrase[300];
    bool is_bound;
    double saving = verdict_saving(row, &is_bound);

    verdict_site(row, site, sizeof site);
    verdict_phrase(row, phrase, sizeof phrase);
    json_object_object_add(to, "backing", backing_value(&row->backing));
    value_add_text(to, "verdict", verdict_word(verdict_of(row)));
    value_add_text(to, "verdict_words", phrase);
    value_add_text(to, "plan_site", site);
    value_add_number(to, "idle", row->use.idle);
    value_add_number(to, "rewritten", row->use.rewritten);
    value_add_number(to, "saving_bytes", saving);
    value_add_bool(to, "saving_is_bound", !isnan(saving) && is_bound);
    value_add_number(to, "slowdown", row->use.slowdown.first);
    json_object_object_add(to, "use", report_use_value(row));
}

static json_object *row_value(const struct ranking *ranking, const struct ranking_row *row, size_t rank)
{
    json_object *value = json_object_new_object();

    value_add_count(value, "rank", rank);
    value_add_text(value, "name", row->path[0]->name);
    value_add_text(value, "via", row->via);
    json_object_object_add(value, "path", report_path_value(row->path, row->path_count));
    json_object_object_add(value, "kinds", kinds_value(row->kinds));
    value_add_count(value, "call_paths", row->members_count);
    value_add_number(value, "share",
               ranking->peak_bytes ? (double)row->figures.at_peak_bytes / (double)ranking->peak_bytes : 0);
    add_figures(value, &row->figures);
    add_verdict(value, row);
    json_object_object_add(value, "filled_by", ranking->is_fill_watched ? fill_value(&row->fill) : NULL);
    return value;
}

static json_object *timeline_value(const struct study *study, const struct ranking *ranking, size_t rows, size_t steps)
{
    struct timeline timeline;

    if (timeline_make(&timeline, study, ranking, rows, steps) < 0)
        return NULL;
    json_object *value = json_object_new_object(), *series = json_object_new_array();
    value_add_count(value, "duration_ns", timeline.duration_ns);
    for (size_t row = 0; row <= timeline.rows; row++) {
        json_object *one = json_object_new_array();

        for (size_t step = 0; step < steps; step++) {
            double bytes = timeline.values[step * (timeline.rows + 1) + row];

            json_object_array_add(one, json_object_new_int64(bytes < 0 ? 0 : (int64_t)bytes));
        }
        json_object_array_add(series, one);
    }
    json_object_object_add(value, "series", series);
    timeline_free(&timeline);
    return value;
}

json_object *report_value(const struct study *study, const struct ranking *ranking,
                          const struct report_value_limits *limits)
{
    json_object *value = json_object_new_object(), *traces = json_object_new_array(), *sites = json_object_new_array();
    char *plan = suggest_plan(ranking, ranking->rows_count);

    json_object_object_add(value, "lens_report", json_object_new_int(1));
    value_add_text(value, "version", lens_version());
    for (size_t i = 0; i < study->traces_count; i++)
        json_object_array_add(traces, report_trace_value(study->traces[i].profile));
    json_object_object_add(value, "traces", traces);
    value_add_count(value, "peak_bytes", ranking->peak_bytes);
    value_add_count(value, "inherited_bytes", ranking->inherited_bytes);
    value_add_count(value, "mapped_file_bytes", ranking->mapped_bytes);
    value_add_bool(value, "is_sampled", ranking->is_sampled);
    value_add_count(value, "allocations", ranking->total.allocations);
    value_add_count(value, "bytes", ranking->total.bytes);
    value_add_count(value, "sites_count", ranking->rows_count);
    for (size_t i = 0; i < ranking->rows_count && i < limits->rows; i++)
        json_object_array_add(sites, row_value(ranking, &ranking->rows[i], i + 1));
    json_object_object_add(value, "sites", sites);
    json_object_object_add(value, "timeline",
                           timeline_value(study, ranking, limits->timeline_rows, limits->timeline_steps));
    json_object_object_add(value, "miss_ratio", report_curve_value(ranking->curve));
    value_add_text(value, "plan", plan);
    if (limits->tree_nodes)
        json_object_object_add(value, "tree", report_tree(study, ranking, limits->tree_nodes));
    free(plan);
    return value;
}
