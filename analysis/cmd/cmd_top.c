/*
 * cmd_top.c - `lens top [PROCESS]`: what a running program under lens does now, on a terminal again and again; without
 * a number, the programs there are.
 */
#include "analysis/cmd/cli.h"
#include "analysis/cmd/top.h"
#include "analysis/term/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INTERVAL_MS 1000
#define ROWS_DEFAULT 15
#define READING_SHARE 5 /* a trace is not read more than a fifth of the time */

enum { NOT_THERE = 1 };

struct request {
    pid_t pid; /* 0: list them */
    unsigned interval_ms;
    size_t rows;
    unsigned long count; /* looks; 0: until somebody quits */
    bool help;
};
/* A program being watched. */
struct watch {
    const struct request *request;
    struct running running;
    struct terminal terminal;
    struct top_gauges gauges;
    struct top_profile profile;
};

static const struct option options_list[] = {
    {"interval", required_argument, NULL, 'i'}, {"count", required_argument, NULL, 'n'},
    {"top", required_argument, NULL, 't'},      {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* ------------------------------------------------------------------ options */

static int read_interval(const char *text, unsigned *ms)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0.1 && seconds <= 3600))
        return cli_wrong("top", "--interval: %.40s is not a number of seconds from 0.1 to 3600", text);
    *ms = (unsigned)(seconds * 1000);
    return 0;
}

static int take_option(struct request *request, int option)
{
    unsigned long number = 0;
    int status;

    switch (option) {
    case 'i':
        return read_interval(optarg, &request->interval_ms);
    case 'n':
        return cli_number("top", "count", optarg, 1, 1000000000, &request->count);
    case 't':
        status = cli_number("top", "top", optarg, 1, 1000, &number);
        request->rows = number;
        return status;
    default:
        return LENSI_EXIT_USAGE; /* told already */
    }
}

static int read_request(int argc, char **argv, struct request *request)
{
    unsigned long pid = 0;
    int status = 0;

    optind = 1;
    for (int option; status == 0 && (option = cli_option(argc, argv, ":h", options_list, NULL)) != -1;) {
        if (option == 'h') {
            request->help = true;
            return 0;
        }
        status = take_option(request, option);
    }
    if (status == 0 && argc - optind > 1)
        status = cli_wrong("top", "one process at a time");
    if (status == 0 && argc - optind == 1)
        status = cli_number("top", "process", argv[optind], 1, 1ul << 22, &pid);
    request->pid = (pid_t)pid;
    return status;
}

/* ------------------------------------------------------------------ one look */

/* Writes the view into malloc memory. 0 or -errno; what stdio wrote meanwhile is the view. */
static int print_view(struct watch *watch, char **text)
{
    FILE *before = stdout;
    size_t bytes;
    int result;

    stdout = open_memstream(text, &bytes);
    if (!stdout) {
        stdout = before;
        return -ENOMEM;
    }
    if (watch->running.kind == RUNNING_PROFILED) {
        result = top_print_profile(&watch->profile, &watch->running, &watch->terminal, watch->request->rows);
    } else {
        result = top_look_at_gauges(&watch->gauges, &watch->running);
        if (result == 0)
            top_print_gauges(&watch->gauges, &watch->running, &watch->terminal);
    }
    fclose(stdout);
    stdout = before;
    if (result < 0) {
        free(*text);
        *text = NULL;
    }
    return result;
}

static bool has_ended(const struct watch *watch)
{
    struct running now;

    return running_find(watch->running.pid, &now) < 0;
}

static unsigned pause_ms(const struct watch *watch)
{
    uint64_t least = READING_SHARE * watch->profile.reading_ns / 1000000;

    return least > watch->request->interval_ms ? (unsigned)(least < 60000 ? least : 60000) : watch->request->interval_ms;
}

/* ------------------------------------------------------------------ again and again */

static int watch_on_screen(struct watch *watch)
{
    int result = screen_open();

    if (result < 0) {
        lensi_warn("top: the terminal cannot be used: %s", strerror(-result));
        return LENSI_EXIT_FAILED;
    }
    for (unsigned long looks = 0;; looks++) {
        char *text = NULL;

        terminal_look(&watch->terminal, STDOUT_FILENO);
        result = print_view(watch, &text);
        if (result < 0)
            break;
        screen_show(text, watch->terminal.rows);
        free(text);
        if (watch->request->count && looks + 1 >= watch->request->count)
            break;
        if (screen_wait(pause_ms(watch)) == SCREEN_QUIT || has_ended(watch))
            break;
    }
    screen_close();
    if (has_ended(watch))
        lensi_say("top: process %d has ended", (int)watch->running.pid);
    return cli_finish();
}

static int watch_plain(struct watch *watch)
{
    unsigned long count = watch->request->count ? watch->request->count : 1;

    terminal_look(&watch->terminal, STDOUT_FILENO);
    for (unsigned long looks = 0; looks < count; looks++) {
        char *text = NULL;

        if (looks) {
            usleep(pause_ms(watch) * 1000);
            putchar('\n');
        }
        bool is_over = looks && has_ended(watch); /* a trace stays when its program is gone */
        int result = is_over ? -ESRCH : print_view(watch, &text);
        if (result == -ESRCH || (result < 0 && has_ended(watch))) {
            lensi_say("top: process %d has ended", (int)watch->running.pid);
            break;
        }
        if (result < 0)
            return LENSI_EXIT_FAILED;
        fputs(text, stdout);
        free(text);
        int status = cli_finish();
        if (status)
            return status;
    }
    return 0;
}

static int watch_process(const struct request *request)
{
    struct watch watch = {.request = request};
    int result = running_find(request->pid, &watch.running), status;

    if (result == -ESRCH)
        lensi_warn("top: there is no process %d", (int)request->pid);
    else if (result == -EACCES)
        lensi_warn("top: process %d is not yours to look at", (int)request->pid);
    else if (result < 0)
        lensi_warn("top: process %d does not run under lens; lens top lists those that do", (int)request->pid);
    if (result < 0)
        return NOT_THERE;
    if (isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))
        status = watch_on_screen(&watch);
    else
        status = watch_plain(&watch);
    top_close_profile(&watch.profile);
    return status;
}

static int list_all(void)
{
    struct running *list;
    struct terminal terminal;
    size_t count;
    int result = running_list(&list, &count);

    if (result < 0) {
        lensi_warn("top: the processes cannot be listed: %s", strerror(-result));
        return LENSI_EXIT_FAILED;
    }
    terminal_look(&terminal, STDOUT_FILENO);
    top_print_list(list, count, &terminal);
    free(list);
    int status = cli_finish();
    return status ? status : count ? 0 : NOT_THERE;
}

int cmd_top(int argc, char **argv)
{
    struct request request = {.interval_ms = INTERVAL_MS, .rows = ROWS_DEFAULT};
    int status = read_request(argc, argv, &request);

    if (request.help)
        return cli_help("top");
    if (status)
        return status;
    return request.pid ? watch_process(&request) : list_all();
}
