/*
 * report_folded.c - one line for each call path, outermost frame first, and its bytes at the peak: what FlameGraph's
 * flamegraph.pl, inferno and speedscope read. See report.h.
 */
#include "analysis/report/report.h"

#include <ctype.h>

/* ; separates frames, and a line is a line. */
static void print_name(FILE *out, const char *name)
{
    for (; *name; name++)
        putc(*name == ';' ? ',' : iscntrl((unsigned char)*name) ? '?' : *name, out);
}

static void print_path(FILE *out, const struct study_path *path, uint64_t bytes)
{
    for (size_t i = path->count; i > 0; i--) {
        print_name(out, path->frames[i - 1]->name);
        putc(i > 1 ? ';' : ' ', out);
    }
    fprintf(out, "%llu\n", (unsigned long long)bytes);
}

int report_folded(FILE *out, const struct study *study, const struct ranking *ranking)
{
    for (size_t i = 0; i < ranking->rows_count; i++) {
        for (size_t j = 0; j < ranking->rows[i].members_count; j++) {
            const struct ranking_member *member = &ranking->rows[i].members[j];
            const struct study_trace *trace = &study->traces[member->trace];
            uint64_t bytes = trace->profile->sites[member->site].at_peak_bytes;

            if (bytes)
                print_path(out, &trace->paths[member->site], bytes);
        }
    }
    return 0;
}
