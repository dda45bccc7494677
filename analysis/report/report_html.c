/*
 * report_html.c - the report as one page that needs no network. The page's parts are in analysis/report/page/; here the
 * data is put into it, so that no text of a trace can end the script that it stands in. See report.h.
 */
#include "analysis/report/report_value.h"

#include <errno.h>
#include <string.h>

/* page.S */
extern const char lens_page_html[], lens_page_style[], lens_page_script[];

/* What can be looked at; more only makes the page large. --json has all. */
#define ROWS_MAX 200
#define TREE_NODES_MAX 5000
#define TIMELINE_ROWS 8 /* as many as there are colours */
#define TIMELINE_STEPS 240

/* JSON in which no "<" is left: it stands in strings only, and \u003c is the same there. */
static void print_json(FILE *out, const char *json)
{
    for (const char *next; (next = strchr(json, '<')) != NULL; json = next + 1) {
        fwrite(json, 1, (size_t)(next - json), out);
        fputs("\\u003c", out);
    }
    fputs(json, out);
}

/* Copies the page from `at` to the mark; returns what lies behind it. The page has every mark once, in order. */
static const char *print_to_mark(FILE *out, const char *at, const char *mark)
{
    const char *here = strstr(at, mark);

    fwrite(at, 1, (size_t)(here - at), out);
    return here + strlen(mark);
}

int report_html(FILE *out, const struct study *study, const struct ranking *ranking)
{
    const struct report_value_limits limits = {.rows = ROWS_MAX,
                                               .timeline_rows = TIMELINE_ROWS,
                                               .timeline_steps = TIMELINE_STEPS,
                                               .tree_nodes = TREE_NODES_MAX};
    json_object *value = report_value(study, ranking, &limits);
    const char *json = value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : NULL;

    if (json) {
        const char *at = print_to_mark(out, lens_page_html, "@STYLE@");

        fputs(lens_page_style, out);
        at = print_to_mark(out, at, "@DATA@");
        print_json(out, json);
        at = print_to_mark(out, at, "@SCRIPT@");
        fputs(lens_page_script, out);
        fputs(at, out);
    }
    json_object_put(value);
    return json ? 0 : -ENOMEM;
}
