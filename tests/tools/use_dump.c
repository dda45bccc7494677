/*
 * use_dump.c - what a trace says of the use of memory, as plain lines, for tests.
 *
 *   use_dump TRACE
 *
 *   all KEY VALUE, then for each line (block and what it grew from) of 4 MiB and more:  line NUMBER bytes N KEY VALUE...
 *   point SHARE FAULTED_PAGES SEQUENTIAL_PAGES ABSENT_BYTES
 */
#include "analysis/trace/miss_ratio.h"

#include <stdio.h>
#include <stdlib.h>

static void print(const struct use_figures *f)
{
    printf(" lives %zu watched %zu filled %.0f idle %.3f never_touched %.3f never_read %.3f rewritten %.3f sequential %.3f touches %llu\n", f->lives, f->watched,
           f->filled_bytes, f->idle, f->never_touched, f->never_read, f->rewritten, f->sequential, (unsigned long long)f->touches);
}

static void print_intervals(const struct use_figures *f)
{
    printf("touched");
    for (unsigned i = 0; i < USE_INTERVALS; i++)
        printf(" %.2f", f->touched[i]);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct use_figures figures;
    struct miss_ratio curve;
    struct lens_error error;
    struct profile *profile;
    struct use *use;

    if (argc != 2 || profile_read(argv[1], NULL, NULL, &profile, &error) < 0)
        return fprintf(stderr, "use_dump: %s\n", argc == 2 ? error.text : "one trace, please"), 1;
    if (use_make(profile, &use) < 0)
        return printf("no usage\n"), 0;
    bool *takes = calloc(use->lines_count, sizeof *takes);
    use_figure(use, NULL, &figures);
    printf("all duration_ns %llu observed_ns %llu lost %llu unplaced %llu", (unsigned long long)use->duration_ns, (unsigned long long)use->observed_ns,
           (unsigned long long)profile->usage->lost, (unsigned long long)use->lost);
    print(&figures);
    print_intervals(&figures);
    for (size_t i = 1; takes && i < use->lines_count; i++) {
        if (use->lines[i].bytes < 4u << 20)
            continue;
        takes[i] = true;
        use_figure(use, takes, &figures);
        printf("line %zu bytes %llu", i, (unsigned long long)use->lines[i].bytes);
        print(&figures);
        takes[i] = false;
    }
    if (miss_ratio_make(use, NULL, NULL, &curve) == 0) {
        printf("curve bytes %.0f stuck %.0f uses %.0f least_share %.3f\n", curve.bytes, curve.stuck_bytes, curve.used_pages, curve.least_share);
        for (unsigned i = 0; i < MISS_RATIO_POINTS; i++)
            printf("point %.3f %.0f %.0f %.0f\n", curve.points[i].share, curve.points[i].faulted_pages, curve.points[i].sequential_pages,
                   curve.points[i].absent_bytes);
    }
    free(takes);
    use_free(use);
    profile_close(profile);
    return 0;
}
