/*
 * cmd_diff.c - `lens diff A B`: which call paths hold more memory in the second trace than in the first, and which
 * less.
 */
#include "analysis/cmd/cli.h"
#include "analysis/report/difference.h"
#include "analysis/report/report.h"
#include "analysis/term/output.h"
#include "liblens/plan/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOP_DEFAULT 15
#define FRAMES_DEFAULT 3
#define BAR_COLUMNS 8u /* on either side */
#define FIGURES_COLUMNS 51u

struct request {
    size_t top;
    unsigned frames;
    enum difference_measure measure;
    const char *debug_dir;
    const char *json; /* a file, or - */
    char **traces;
    bool help;
};

static const struct option options_list[] = {
    {"top", required_argument, NULL, 't'},       {"frames", required_argument, NULL, 'n'},
    {"sort", required_argument, NULL, 's'},      {"debug-dir", required_argument, NULL, 'd'},
    {"json", required_argument, NULL, 'j'},      {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};
static const char *const measures[] = {"peak", "bytes", "bytetime", NULL}; /* as enum difference_measure */
static const char *const measure_words[] = {"bytes at the peak", "bytes allocated in all", "byte-seconds"};

/* ------------------------------------------------------------------ options */

static int read_measure(const char *text, enum difference_measure *measure)
{
    for (size_t i = 0; measures[i]; i++) {
        if (strcmp(measures[i], text) == 0) {
            *measure = (enum difference_measure)i;
            return 0;
        }
    }
    return cli_wrong("diff", "--sort: %.40s is not one of peak, bytes, bytetime", text);
}

static int take_option(struct request *request, int option)
{
    unsigned long number = 0;
    int status = 0;

    switch (option) {
    case 't':
        status = cli_number("diff", "top", optarg, 1, 1000000, &number);
        request->top = number;
        return status;
    case 'n':
        status = cli_number("diff", "frames", optarg, 1, STUDY_FRAMES_MAX, &number);
        request->frames = (unsigned)number;
        return status;
    case 's':
        return read_measure(optarg, &request->measure);
    case 'd':
        request->debug_dir = optarg;
        return 0;
    case 'j':
        request->json = optarg;
        return 0;
    default:
        return LENSI_EXIT_USAGE; /* told already */
    }
}

static int read_request(int argc, char **argv, struct request *request)
{
    int status = 0;

    optind = 1;
    for (int option; status == 0 && (option = cli_option(argc, argv, ":h", options_list, NULL)) != -1;) {
        if (option == 'h') {
            request->help = true;
            return 0;
        }
        status = take_option(request, option);
    }
    if (status == 0 && argc - optind != 2)
        status = cli_wrong("diff", "two traces are compared; lens diff BEFORE AFTER");
    request->traces = argv + optind;
    for (size_t i = 0; i < 2 && status == 0 && request->json; i++)
        if (strcmp(request->json, request->traces[i]) == 0)
            status = cli_wrong("diff", "--json would overwrite the trace %.80s", request->json);
    return status;
}

/* ------------------------------------------------------------------ the table */

static double change_of(const struct difference_row *row)
{
    return row->after - row->before;
}

static const char *signed_bytes(char to[32], double bytes)
{
    char size[24];

    snprintf(to, 32, "%s%s", bytes > 0 ? "+" : "", terminal_bytes(size, bytes));
    return to;
}

/* Less grows to the left of the middle, more to the right. */
static void print_bar(const struct terminal *terminal, double change, double most)
{
    double share = most > 0 ? fabs(change) / most : 0;
    unsigned cells = (unsigned)(share * BAR_COLUMNS + 0.5);
    const char *cell = terminal->has_unicode ? "█" : "#";

    for (unsigned i = BAR_COLUMNS; i > 0; i--) {
        bool is_on = change < 0 && i <= cells;
        printf("%s%s%s", is_on ? terminal_good(terminal) : "", is_on ? cell : " ", is_on ? terminal_plain(terminal) : "");
    }
    fputs(terminal->has_unicode ? "│" : "|", stdout);
    if (change > 0)
        fputs(terminal_bad(terminal), stdout);
    for (unsigned i = 0; i < BAR_COLUMNS; i++)
        fputs(change > 0 && i < cells ? cell : " ", stdout);
    fputs(terminal_plain(terminal), stdout);
}

static void print_below(const struct terminal *terminal, unsigned columns, const char *text)
{
    char fitted[1024];

    terminal_fit(terminal, fitted, sizeof fitted, text, columns, TERMINAL_CUT_END);
    printf("%*s%s%s%s\n", (int)FIGURES_COLUMNS, "", terminal_dim(terminal), fitted, terminal_plain(terminal));
}

static void print_path(const struct terminal *terminal, const struct request *request, const struct difference_row *row,
                       unsigned columns)
{
    const char *arrow = terminal->has_unicode ? "↑" : "^";
    char text[700];

    for (size_t i = 1; i < request->frames && i < row->path_count; i++) {
        snprintf(text, sizeof text, "%s %.600s", arrow, row->path[i]->name);
        print_below(terminal, columns, text);
    }
}

static void print_row(const struct terminal *terminal, const struct request *request, const struct difference_row *row,
                      double most)
{
    unsigned columns = terminal->columns > FIGURES_COLUMNS + 12 ? terminal->columns - FIGURES_COLUMNS : 12;
    bool is_sure = fabs(change_of(row)) > row->error;
    char change[32], before[24], after[24], name[1024];

    print_bar(terminal, change_of(row), most);
    printf(" %s%9s%s%c", is_sure ? terminal_bold(terminal) : terminal_dim(terminal), signed_bytes(change, change_of(row)),
           terminal_plain(terminal), is_sure ? ' ' : '?');
    printf(" %9s %9s  ", row->before > 0 ? terminal_bytes(before, row->before) : "-",
           row->after > 0 ? terminal_bytes(after, row->after) : "-");
    terminal_fit_name(terminal, name, sizeof name, row->path[0], columns);
    printf("%s%s%s\n", terminal_bold(terminal), name, terminal_plain(terminal));
    print_path(terminal, request, row, columns);
}

static int print_trace(const struct terminal *terminal, const char *label, const struct study_trace *trace, double sum)
{
    char *command = report_command_line(&trace->profile->meta), peak[24], size[24], fitted[1024];

    if (!command)
        return -ENOMEM;
    terminal_fit(terminal, fitted, sizeof fitted, command, terminal->columns - 40, TERMINAL_CUT_END);
    printf("  %s%-7s%s %9s  peak %s  %s\n", terminal_dim(terminal), label, terminal_plain(terminal),
           terminal_bytes(size, sum), terminal_bytes(peak, (double)trace->profile->peak_bytes), fitted);
    free(command);
    return 0;
}

static void print_rest(const struct terminal *terminal, const struct difference *difference, size_t top)
{
    double change = 0;
    char size[32];

    for (size_t i = top; i < difference->rows_count; i++)
        change += change_of(&difference->rows[i]);
    if (difference->rows_count > top)
        printf("%s%zu more: %s together (--top %zu shows them)%s\n", terminal_dim(terminal), difference->rows_count - top,
               signed_bytes(size, change), difference->rows_count, terminal_plain(terminal));
}

static int print_difference(const struct request *request, const struct study *study,
                            const struct difference *difference)
{
    struct terminal terminal;
    double most = difference->rows_count ? fabs(change_of(&difference->rows[0])) : 0;
    bool any_unsure = false;
    char total[32];

    terminal_look(&terminal, STDOUT_FILENO);
    printf("%s%s, %s%s\n", terminal_bold(&terminal), signed_bytes(total, difference->after - difference->before),
           measure_words[request->measure], terminal_plain(&terminal));
    if (print_trace(&terminal, "before", &study->traces[0], difference->before) < 0 ||
        print_trace(&terminal, "after", &study->traces[1], difference->after) < 0)
        return -ENOMEM;
    if (most <= 0) {
        printf("\nNo call path holds more or less than before.\n");
        return 0;
    }
    printf("\n%s%-18s %9s  %9s %9s  allocated by%s\n", terminal_dim(&terminal), "   less  |  more", "change", "before", "after",
           terminal_plain(&terminal));
    for (size_t i = 0; i < difference->rows_count && i < request->top; i++) {
        if (change_of(&difference->rows[i]) == 0)
            break; /* so are all that follow */
        print_row(&terminal, request, &difference->rows[i], most);
        any_unsure = any_unsure || fabs(change_of(&difference->rows[i])) <= difference->rows[i].error;
    }
    print_rest(&terminal, difference, request->top);
    if (any_unsure)
        printf("%s? within the error of the sampling%s\n", terminal_dim(&terminal), terminal_plain(&terminal));
    return 0;
}

struct told {
    const struct request *request;
    const struct study *study;
    const struct difference *difference;
};

static int write_json(FILE *out, const void *data)
{
    const struct told *told = data;

    return report_difference(out, told->study, told->difference, measures[told->request->measure]);
}

/* The table, unless standard output is taken by the JSON. */
static int tell(const struct request *request, const struct study *study, const struct difference *difference)
{
    const struct told told = {request, study, difference};
    int status = request->json ? output_write("diff", request->json, write_json, &told) : 0;

    if (status || (request->json && strcmp(request->json, "-") == 0))
        return status;
    if (print_difference(request, study, difference) < 0) {
        lensi_warn("diff: out of memory");
        return LENSI_EXIT_FAILED;
    }
    return cli_finish();
}

int cmd_diff(int argc, char **argv)
{
    struct request request = {.top = TOP_DEFAULT, .frames = FRAMES_DEFAULT};
    struct study study;
    struct difference difference = {0};
    int status = read_request(argc, argv, &request);

    if (request.help)
        return cli_help("diff");
    if (status)
        return status;
    const struct study_options options = {.debug_dir = request.debug_dir, .shows_progress = true};
    if (study_open(&study, "diff", request.traces, 2, &options) < 0)
        return LENSI_EXIT_FAILED;
    if (difference_make(&difference, &study, request.measure) < 0) {
        lensi_warn("diff: out of memory");
        status = LENSI_EXIT_FAILED;
    } else {
        status = tell(&request, &study, &difference);
        study_warn_of_modules(&study, "diff");
    }
    difference_free(&difference);
    study_close(&study);
    return status;
}
