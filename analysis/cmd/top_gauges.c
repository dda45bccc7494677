/* top_gauges.c - the view of a virtualised program. See top.h. */
#include "analysis/cmd/top.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BAR_COLUMNS 20
#define PAGE_BYTES 4096.0
#define SITE_COLUMN 8
#define SITE_LEAST 12u /* columns for its name */
#define SITE_MOST 47u

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Of a counter, a second; since the program's start if this is the first look. */
static double rate(const struct top_gauges *gauges, uint64_t now, uint64_t before)
{
    uint64_t since = gauges->before_ns ? gauges->before_ns : gauges->now.started_ns;
    double seconds = gauges->now_ns > since ? (double)(gauges->now_ns - since) / 1e9 : 0;

    return seconds > 0 && now >= before ? (double)(now - before) / seconds : 0;
}

#define RATE(gauges, name) rate(gauges, (gauges)->now.stats.name, (gauges)->before.stats.name)

static void push(double history[TOP_HISTORY], size_t count, double value)
{
    if (count == TOP_HISTORY)
        memmove(history, history + 1, (TOP_HISTORY - 1) * sizeof *history);
    history[count < TOP_HISTORY ? count : TOP_HISTORY - 1] = value;
}

int top_look_at_gauges(struct top_gauges *gauges, const struct running *running)
{
    struct lensi_gauges seen;
    int result = running_read(running, &seen);

    if (result < 0)
        return result;
    if (gauges->now_ns)
        memcpy(&gauges->before, &gauges->now, sizeof seen);
    gauges->before_ns = gauges->now_ns;
    memcpy(&gauges->now, &seen, sizeof seen);
    gauges->now_ns = now_ns();
    push(gauges->resident, gauges->history_count, (double)seen.stats.resident_pages * PAGE_BYTES);
    push(gauges->faults, gauges->history_count, RATE(gauges, faults));
    gauges->history_count += gauges->history_count < TOP_HISTORY;
    return 0;
}

static double highest(const double *values, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    return most;
}

static void print_label(const struct terminal *terminal, const char *label)
{
    printf("  %s%-12s%s ", terminal_dim(terminal), label, terminal_plain(terminal));
}

static void print_curve(const struct top_gauges *gauges, const double *values, const struct terminal *terminal)
{
    if (gauges->history_count < 2)
        return;
    printf("  %s", terminal_accent(terminal));
    terminal_sparkline(terminal, values, gauges->history_count, highest(values, gauges->history_count));
    fputs(terminal_plain(terminal), stdout);
}

/* One state of pages: a bar of what is alive, and words. */
static void print_state(const struct top_gauges *gauges, const struct terminal *terminal, const char *label,
                        uint64_t pages, const char *words)
{
    double bytes = (double)pages * PAGE_BYTES, all = (double)gauges->now.stats.live_bytes;
    char size[24];

    print_label(terminal, label);
    fputs(terminal_accent(terminal), stdout);
    terminal_bar(terminal, all > 0 ? bytes / all : 0, BAR_COLUMNS);
    printf("%s %8s  %s%s%s\n", terminal_plain(terminal), terminal_bytes(size, bytes), terminal_dim(terminal), words,
           terminal_plain(terminal));
}

static void print_head(const struct top_gauges *gauges, const struct running *running, const struct terminal *terminal)
{
    const struct lensi_gauges *now = &gauges->now;
    char fitted[1024], budget[24], age[24];
    uint64_t ns = gauges->now_ns > now->started_ns ? gauges->now_ns - now->started_ns : 0;

    terminal_fit(terminal, fitted, sizeof fitted, running->command, terminal->columns, TERMINAL_CUT_END);
    printf("%s%s%s\n", terminal_bold(terminal), fitted, terminal_plain(terminal));
    printf("  %sprocess %d, running for %s; rung ", terminal_dim(terminal), (int)running->pid, terminal_time(age, (double)ns));
    terminal_print(terminal, *now->rung ? now->rung : "off");
    fputs(", store ", stdout);
    terminal_print(terminal, *now->store ? now->store : "none");
    if (now->budget_bytes && now->budget_bytes != LENS_UNKNOWN)
        printf(", budget %s", terminal_bytes(budget, (double)now->budget_bytes));
    printf("%s\n\n", terminal_plain(terminal));
}

static void print_pages(const struct top_gauges *gauges, const struct terminal *terminal)
{
    const struct lensi_stats *stats = &gauges->now.stats;
    char live[24], all[24], count[32];

    print_label(terminal, "virtualised");
    printf("%s alive; %s in %s blocks so far\n", terminal_bytes(live, (double)stats->live_bytes),
           terminal_bytes(all, (double)stats->blocks_bytes), terminal_count(count, stats->blocks));
    print_state(gauges, terminal, "resident", stats->resident_pages, "proven, may be dropped");
    print_state(gauges, terminal, "absent", stats->absent_pages, "come back when they are touched");
    print_state(gauges, terminal, "mapped", stats->mapped_now_pages, "from a file: the kernel may drop them");
    print_state(gauges, terminal, "kept", stats->kept_pages, "written after their proof, so far");
    if (gauges->history_count > 1) {
        print_label(terminal, "");
        fputs("resident", stdout);
        print_curve(gauges, gauges->resident, terminal);
        putchar('\n');
    }
    putchar('\n');
}

static void print_work(const struct top_gauges *gauges, const struct terminal *terminal)
{
    const struct lensi_stats *stats = &gauges->now.stats;
    char a[32], b[32], c[32], size[24], each[24];

    print_label(terminal, "faults");
    printf("%s/s, %s so far", terminal_count(a, (uint64_t)(RATE(gauges, faults) + 0.5)), terminal_count(b, stats->faults));
    if (stats->faults)
        printf(", %s each", terminal_time(each, (double)stats->fault_ns / (double)stats->faults));
    print_curve(gauges, gauges->faults, terminal);
    putchar('\n');
    print_label(terminal, "read back");
    printf("%s pages/s, %s/s of them before they were touched\n",
           terminal_count(a, (uint64_t)(RATE(gauges, faulted_pages) + 0.5)),
           terminal_count(b, (uint64_t)(RATE(gauges, readahead_pages) + 0.5)));
    print_label(terminal, "proofs");
    printf("%s pages/s, %s so far; %s pages given up\n", terminal_count(a, (uint64_t)(RATE(gauges, proven_pages) + 0.5)),
           terminal_count(b, stats->proven_pages), terminal_count(c, stats->dropped_pages));
    print_label(terminal, "store");
    printf("%s hits, %s views published, %s written\n", terminal_count(a, stats->store_hits),
           terminal_count(b, stats->store_published), terminal_bytes(size, (double)stats->store_written_bytes));
}

/* Of one site's pages, in a column; nothing where there are none, so that the eye finds what is. */
static void print_pages_cell(uint64_t pages)
{
    char size[24];

    printf(" %*s", SITE_COLUMN, pages ? terminal_bytes(size, (double)pages * PAGE_BYTES) : "-");
}

static bool shows_blocks(const struct terminal *terminal) { return terminal->columns >= SITE_LEAST + 80; }

static void print_site(const struct top_gauges *gauges, uint32_t i, unsigned columns, const struct terminal *terminal)
{
    const struct lensi_gauges_site *site = &gauges->now.sites[i], *before = &gauges->before.sites[i];
    double faults = rate(gauges, site->faults, before->faults);
    char text[32], live[24];

    fputs("  ", stdout);
    terminal_cell(terminal, site->name, columns, TERMINAL_CUT_END, TERMINAL_LEFT);
    if (shows_blocks(terminal))
        printf(" %*s", SITE_COLUMN, terminal_count(text, site->blocks));
    printf(" %*s", SITE_COLUMN, terminal_bytes(live, (double)site->live_bytes));
    print_pages_cell(site->resident_pages);
    print_pages_cell(site->absent_pages);
    print_pages_cell(site->mapped_now_pages);
    print_pages_cell(site->kept_pages);
    printf(" %*s", SITE_COLUMN, faults >= 0.5 ? terminal_count(text, (uint64_t)(faults + 0.5)) : "-");
    printf(" %5s\n", site->store_hits ? terminal_count(text, site->store_hits) : "-");
}

/* Rates are since the look before, or since the start: as above. */
static void print_sites(const struct top_gauges *gauges, const struct terminal *terminal)
{
    static const char *const titles[] = {"blocks", "alive", "resident", "absent", "mapped", "kept", "faults/s"};
    const size_t count = sizeof titles / sizeof *titles, first = shows_blocks(terminal) ? 0 : 1;
    unsigned taken = 2 + (unsigned)(count - first) * (SITE_COLUMN + 1) + 6, columns;

    columns = terminal->columns > taken + SITE_LEAST ? terminal->columns - taken : SITE_LEAST;
    columns = columns > SITE_MOST ? SITE_MOST : columns;
    printf("\n  %s%-*s", terminal_dim(terminal), (int)columns, "site");
    for (size_t i = first; i < count; i++)
        printf(" %*s", SITE_COLUMN, titles[i]);
    printf(" %5s%s\n", "hits", terminal_plain(terminal));
    for (uint32_t i = 0; i < gauges->now.sites_count; i++)
        print_site(gauges, i, columns, terminal);
}

void top_print_gauges(const struct top_gauges *gauges, const struct running *running, const struct terminal *terminal)
{
    print_head(gauges, running, terminal);
    print_pages(gauges, terminal);
    print_work(gauges, terminal);
    print_sites(gauges, terminal);
}
