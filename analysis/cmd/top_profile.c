/* top_profile.c - the view of a profiled program, by its trace so far. See top.h. */
#include "analysis/cmd/top.h"

#include "analysis/report/ranking.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BAR_COLUMNS 10
#define FIGURES_COLUMNS 58u

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int look(struct top_profile *profile, const struct running *running)
{
    char trace[sizeof running->trace], *paths[] = {trace};
    const struct study_options options = {.shows_progress = false};

    if (profile->is_open)
        return study_read_again(&profile->study, "top", &options);
    snprintf(trace, sizeof trace, "%s", running->trace);
    int result = study_open(&profile->study, "top", paths, 1, &options);
    profile->is_open = result == 0;
    return result;
}

static const struct top_row *row_before(const struct top_profile *profile, const struct symbol *symbol)
{
    for (size_t i = 0; i < profile->rows_count; i++)
        if (profile->rows[i].function == symbol->function && profile->rows[i].line == symbol->line)
            return &profile->rows[i];
    return NULL;
}

static void print_head(const struct profile *profile, const struct ranking *ranking, const struct running *running,
                       const struct terminal *terminal)
{
    char fitted[1024], size[24], peak[24], age[24], count[32];

    terminal_fit(terminal, fitted, sizeof fitted, running->command, terminal->columns, TERMINAL_CUT_END);
    printf("%s%s%s\n", terminal_bold(terminal), fitted, terminal_plain(terminal));
    printf("  %sprocess %d, profiled for %s, %s%s\n\n", terminal_dim(terminal), (int)running->pid,
           terminal_time(age, (double)profile->meta.duration_ns), profile->meta.full ? "every allocation is seen" : "sampled",
           terminal_plain(terminal));
    printf("  %s%-12s%s %s of heap, %s at its peak; %s allocations so far\n\n", terminal_dim(terminal), "alive", terminal_plain(terminal),
           terminal_bytes(size, (double)ranking->total.live_bytes), terminal_bytes(peak, (double)profile->peak_bytes),
           terminal_count(count, ranking->total.allocations));
    printf("%s%3s %-*s %6s %8s %10s %10s %6s  allocated by%s\n", terminal_dim(terminal), "#", BAR_COLUMNS, "share", "", "alive",
           "change/s", "allocs/s", "", terminal_plain(terminal));
}

static void print_row(const struct top_profile *before, const struct ranking *ranking, const struct ranking_row *row,
                      const struct terminal *terminal, size_t rank, double seconds)
{
    const struct top_row *was = seconds > 0 ? row_before(before, row->path[0]) : NULL;
    double live = (double)row->figures.live_bytes, share = ranking->total.live_bytes ? live / (double)ranking->total.live_bytes : 0;
    double change = was ? (live - was->live_bytes) / seconds : 0;
    double allocations = was ? ((double)row->figures.allocations - was->allocations) / seconds : 0;
    unsigned columns = terminal->columns > FIGURES_COLUMNS + 12 ? terminal->columns - FIGURES_COLUMNS : 12;
    char size[24], percent[16], rate[24], signed_rate[32] = "", count[32], name[1024];

    if (was && fabs(change) >= 1)
        snprintf(signed_rate, sizeof signed_rate, "%s%s", change > 0 ? "+" : "", terminal_bytes(rate, change));
    printf("%3zu %s", rank, terminal_accent(terminal));
    terminal_bar(terminal, share, BAR_COLUMNS);
    printf("%s %6s %8s %10s %10s        ", terminal_plain(terminal), terminal_share(percent, share), terminal_bytes(size, live),
           signed_rate, was && allocations > 0.5 ? terminal_count(count, (uint64_t)allocations) : "");
    terminal_fit_name(terminal, name, sizeof name, row->path[0], columns);
    printf("%s%s%s\n", terminal_bold(terminal), name, terminal_plain(terminal));
}

static void remember(struct top_profile *profile, const struct ranking *ranking)
{
    free(profile->rows);
    profile->rows_count = 0;
    profile->rows = calloc(ranking->rows_count + 1, sizeof *profile->rows);
    for (size_t i = 0; profile->rows && i < ranking->rows_count; i++) {
        const struct ranking_row *row = &ranking->rows[i];

        profile->rows[profile->rows_count++] =
            (struct top_row){row->path[0]->function, row->path[0]->line, (double)row->figures.live_bytes,
                             (double)row->figures.allocations};
    }
    profile->before_ns = profile->study.traces[0].profile->meta.duration_ns;
}

int top_print_profile(struct top_profile *profile, const struct running *running, const struct terminal *terminal,
                      size_t top)
{
    uint64_t start_ns = now_ns();
    struct ranking ranking;
    int result = look(profile, running);

    if (result < 0)
        return result;
    result = ranking_make(&ranking, &profile->study, RANKING_LIVE, 1);
    if (result < 0)
        return result;
    const struct profile *trace = profile->study.traces[0].profile;
    double seconds = profile->rows && trace->meta.duration_ns > profile->before_ns
                         ? (double)(trace->meta.duration_ns - profile->before_ns) / 1e9
                         : 0;
    print_head(trace, &ranking, running, terminal);
    for (size_t i = 0; i < ranking.rows_count && i < top && ranking.rows[i].figures.live_bytes; i++)
        print_row(profile, &ranking, &ranking.rows[i], terminal, i + 1, seconds);
    remember(profile, &ranking);
    ranking_free(&ranking);
    profile->reading_ns = now_ns() - start_ns;
    return 0;
}

void top_close_profile(struct top_profile *profile)
{
    free(profile->rows);
    if (profile->is_open)
        study_close(&profile->study);
    memset(profile, 0, sizeof *profile);
}
