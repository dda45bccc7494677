/* progress.c - see progress.h. */
#include "analysis/term/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS 30u
#define FIRST_NS 500000000u /* what is over by then needs no bar */
#define STEP_NS 100000000u

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *progress, const char *what, bool wanted)
{
    *progress = (struct progress){.what = what, .start_ns = now_ns(), .is_on = wanted && isatty(STDERR_FILENO)};
    progress->shown_ns = progress->start_ns;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t all)
{
    uint64_t now = progress->is_on ? now_ns() : 0;
    char bar[BAR_CELLS + 1];

    if (!progress->is_on || now - progress->start_ns < FIRST_NS || now - progress->shown_ns < STEP_NS)
        return;
    double share = all ? (double)(done < all ? done : all) / (double)all : 0;
    for (unsigned i = 0; i < BAR_CELLS; i++)
        bar[i] = (double)i < share * BAR_CELLS ? '#' : '.';
    bar[BAR_CELLS] = '\0';
    fprintf(stderr, "\r%.60s [%s] %3.0f %%\033[K", progress->what, bar, 100 * share);
    fflush(stderr);
    progress->shown_ns = now;
    progress->is_shown = true;
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        fputs("\r\033[K", stderr);
    progress->is_shown = false;
    progress->is_on = false;
}
