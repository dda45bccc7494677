/*
 * report.h - the forms in which a ranking is told: for a terminal, for a browser, for machines and other tools.
 */
#ifndef LENS_REPORT_H
#define LENS_REPORT_H

#include "analysis/report/difference.h"
#include "analysis/report/ranking.h"
#include "analysis/term/terminal.h"

#include <stdio.h>

struct report_options {
    size_t top;      /* rows to show */
    unsigned frames; /* of each row's call path */
    enum ranking_order order;
};

/* The table on standard output. 0 or -ENOMEM. */
int report_text(const struct study *study, const struct ranking *ranking, const struct report_options *options,
                const struct terminal *terminal);
/* What budgets cost, below the table; nothing where the traces do not tell. */
void report_use_text(const struct ranking *ranking, const struct terminal *terminal);
/*
 * Files of other forms. Each writes all of it to `out` and returns 0 or -ENOMEM; whether the writing went well is the
 * stream's to tell.
 */
int report_json(FILE *out, const struct study *study, const struct ranking *ranking);   /* docs/report.md */
int report_folded(FILE *out, const struct study *study, const struct ranking *ranking); /* FlameGraph, speedscope */
int report_pprof(FILE *out, const struct study *study, const struct ranking *ranking);  /* gzipped profile.proto */
int report_html(FILE *out, const struct study *study, const struct ranking *ranking);   /* one page, no network */
int report_plan(FILE *out, const struct study *study, const struct ranking *ranking);   /* for lens run (suggest.c) */

/* What grew and what shrank, for lens diff --json; the measure by its name. */
int report_difference(FILE *out, const struct study *study, const struct difference *difference, const char *measure);

/* How the traces end and were taken, in words: shared by several forms. */
void report_end_words(const struct profile_meta *meta, char *to, size_t room);
/* The command line, its words in quotes where a shell would need them. In malloc memory; NULL: out of memory. */
char *report_command_line(const struct profile_meta *meta);

#endif
