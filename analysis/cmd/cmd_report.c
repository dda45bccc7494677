/*
 * cmd_report.c - `lens report`: ranks the allocation sites of one or more traces, and writes the ranking in other
 * forms.
 */
#include "analysis/cmd/cli.h"
#include "analysis/report/report.h"
#include "analysis/term/output.h"
#include "analysis/trace/study.h"
#include "liblens/plan/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOP_DEFAULT 10

/* The forms in which a report is written to a file; a file named "-" is standard output. */
static const struct form {
    const char *name;
    int (*write)(FILE *out, const struct study *study, const struct ranking *ranking);
} forms[] = {
    {"json", report_json},
    {"folded", report_folded},
    {"pprof", report_pprof},
    {"html", report_html},
    {"plan", report_plan},
};
#define FORMS_COUNT (sizeof forms / sizeof *forms)

struct request {
    struct report_options options;
    const char *debug_dir;
    const char *paths[FORMS_COUNT]; /* of each form, or NULL */
    bool quiet, help;
    char **traces;
    size_t traces_count;
};

static const struct option options_list[] = {
    {"json", required_argument, NULL, 'f'},      {"folded", required_argument, NULL, 'f'},
    {"pprof", required_argument, NULL, 'f'},     {"html", required_argument, NULL, 'f'},
    {"plan", required_argument, NULL, 'f'},
    {"top", required_argument, NULL, 't'},       {"sort", required_argument, NULL, 's'},
    {"frames", required_argument, NULL, 'n'},    {"debug-dir", required_argument, NULL, 'd'},
    {"quiet", no_argument, NULL, 'q'},           {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};
static const char *const orders[] = {"peak", "bytetime", "idle", "saving", NULL}; /* as enum ranking_order */

/* ------------------------------------------------------------------ options */

static int read_order(const char *text, enum ranking_order *order)
{
    for (size_t i = 0; orders[i]; i++) {
        if (strcmp(orders[i], text) == 0) {
            *order = (enum ranking_order)i;
            return 0;
        }
    }
    const char *near = lensi_nearest_word(text, strlen(text), orders);
    return cli_wrong("report", "--sort: %.40s is not one of peak, bytetime, idle, saving%s%s%s", text,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static int read_path(struct request *request, const char *name, const char *path)
{
    for (size_t i = 0; i < FORMS_COUNT; i++)
        if (strcmp(forms[i].name, name) == 0)
            request->paths[i] = path;
    return *path ? 0 : cli_wrong("report", "--%s needs the name of a file, or - for standard output", name);
}

static int take_option(struct request *request, int option, int index)
{
    unsigned long number = 0;
    int status;

    switch (option) {
    case 'f':
        return read_path(request, options_list[index].name, optarg);
    case 't':
        status = cli_number("report", "top", optarg, 1, 1000000, &number);
        request->options.top = number;
        return status;
    case 'n':
        status = cli_number("report", "frames", optarg, 1, RANKING_FRAMES_MAX, &number);
        request->options.frames = (unsigned)number;
        return status;
    case 's':
        return read_order(optarg, &request->options.order);
    case 'd':
        request->debug_dir = optarg;
        return 0;
    case 'q':
        request->quiet = true;
        return 0;
    default:
        return LENSI_EXIT_USAGE; /* told already */
    }
}

static int check_request(const struct request *request)
{
    size_t to_stdout = 0;

    if (request->traces_count == 0)
        return cli_wrong("report", "which trace? lens profile writes one");
    for (size_t i = 0; i < FORMS_COUNT; i++) {
        to_stdout += request->paths[i] && strcmp(request->paths[i], "-") == 0;
        for (size_t j = 0; j < request->traces_count; j++)
            if (request->paths[i] && strcmp(request->paths[i], request->traces[j]) == 0)
                return cli_wrong("report", "--%s would overwrite the trace %.80s", forms[i].name, request->paths[i]);
    }
    if (to_stdout > 1)
        return cli_wrong("report", "only one form can go to standard output");
    return 0;
}

static int read_request(int argc, char **argv, struct request *request)
{
    int status = 0, index = 0;

    optind = 1;
    for (int option; status == 0 && (option = cli_option(argc, argv, ":qh", options_list, &index)) != -1;) {
        if (option == 'h') {
            request->help = true;
            return 0;
        }
        status = take_option(request, option, index);
    }
    request->traces = argv + optind;
    request->traces_count = (size_t)(argc - optind);
    return status ? status : check_request(request);
}

/* ------------------------------------------------------------------ files */

struct told {
    const struct form *form;
    const struct study *study;
    const struct ranking *ranking;
};

static int write_form(FILE *out, const void *data)
{
    const struct told *told = data;

    return told->form->write(out, told->study, told->ranking);
}

/* The table, unless standard output is taken by a form or nobody wants it. */
static int write_all(const struct request *request, const struct study *study, const struct ranking *ranking)
{
    bool shows_table = !request->quiet;
    struct terminal terminal;
    int status = 0;

    for (size_t i = 0; i < FORMS_COUNT && status == 0; i++) {
        if (!request->paths[i])
            continue;
        shows_table = shows_table && strcmp(request->paths[i], "-") != 0;
        status = output_write("report", request->paths[i], write_form, &(struct told){&forms[i], study, ranking});
    }
    if (status || !shows_table)
        return status;
    terminal_look(&terminal, STDOUT_FILENO);
    if (report_text(study, ranking, &request->options, &terminal) < 0) {
        lensi_warn("report: out of memory");
        return LENSI_EXIT_FAILED;
    }
    return cli_finish();
}

int cmd_report(int argc, char **argv)
{
    struct request request = {.options = {.top = TOP_DEFAULT, .frames = 1, .order = RANKING_PEAK}};
    struct study study;
    struct ranking ranking;
    int status = read_request(argc, argv, &request);

    if (request.help)
        return cli_help("report");
    if (status)
        return status;
    const struct study_options options = {.debug_dir = request.debug_dir, .shows_progress = !request.quiet};
    if (study_open(&study, "report", request.traces, request.traces_count, &options) < 0)
        return LENSI_EXIT_FAILED;
    if (ranking_make(&ranking, &study, request.options.order, request.options.frames) < 0) {
        lensi_warn("report: out of memory");
        status = LENSI_EXIT_FAILED;
    } else {
        status = write_all(&request, &study, &ranking);
        study_warn_of_modules(&study, "report");
        ranking_free(&ranking);
    }
    study_close(&study);
    return status;
}
