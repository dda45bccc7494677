/*
 * top.h - what lens top shows of one program: cmd_top.c looks at it again and again, top_*.c write one view each on
 * standard output.
 */
#ifndef LENS_TOP_H
#define LENS_TOP_H

#include "analysis/cmd/running.h"
#include "analysis/term/terminal.h"
#include "analysis/trace/study.h"

#define TOP_HISTORY 48

/* The last looks, for rates and for the small curves. */
struct top_gauges {
    struct lensi_gauges now, before;
    uint64_t now_ns, before_ns; /* CLOCK_MONOTONIC; before_ns 0: this is the first look */
    double resident[TOP_HISTORY], faults[TOP_HISTORY];
    size_t history_count;
};

struct top_row { /* of the look before */
    const char *function;
    unsigned line;
    double live_bytes, allocations;
};
struct top_profile {
    struct study study; /* kept between looks, so that names are looked up once */
    bool is_open;
    struct top_row *rows;
    size_t rows_count;
    uint64_t before_ns;  /* of the trace's time */
    uint64_t reading_ns; /* how long the last look took */
};

/* 0, or as running_read. */
int top_look_at_gauges(struct top_gauges *gauges, const struct running *running);
void top_print_gauges(const struct top_gauges *gauges, const struct running *running, const struct terminal *terminal);
/* 0, or -errno after saying why. */
int top_print_profile(struct top_profile *profile, const struct running *running, const struct terminal *terminal,
                      size_t top);
void top_close_profile(struct top_profile *profile);
/* The programs that can be seen, a line each. */
void top_print_list(const struct running *list, size_t count, const struct terminal *terminal);

#endif
