/*
 * cmd_doctor.c - `lens doctor`: prints what the doctor_*.c files found, for people or as JSON.
 */
#include "analysis/cmd/cli.h"
#include "analysis/cmd/doctor.h"
#include "liblens/plan/options.h"

#include <json-c/json.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static const struct option options_list[] = {
    {"json", no_argument, NULL, 'j'},
    {"store-dir", required_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void doctor_add(struct doctor_report *report, const char *group, const char *name, enum doctor_state state,
                const char *advice, const char *format, ...)
{
    struct doctor_finding *finding = &report->list[report->count];
    va_list list;

    if (report->count == DOCTOR_FINDINGS_MAX)
        return;
    *finding = (struct doctor_finding){.group = group, .name = name, .state = state, .advice = advice};
    va_start(list, format);
    vsnprintf(finding->value, sizeof finding->value, format, list);
    va_end(list);
    report->count++;
}

char *doctor_read_line(const char *path, char *to, size_t room)
{
    FILE *file = fopen(path, "re");

    if (!file || !fgets(to, (int)room, file))
        *to = '\0';
    if (file)
        fclose(file);
    to[strcspn(to, "\n")] = '\0';
    return to;
}

/* ------------------------------------------------------------------ for people */

/* Signs on a terminal that can show them, words elsewhere. */
static const char *mark(enum doctor_state state)
{
    static const char *const words[] = {"  ", "ok", "so-so", "no"};
    static const char *const signs[] = {" ", "\033[32m✓\033[0m", "\033[33m!\033[0m", "\033[31m✗\033[0m"};
    bool terminal = isatty(STDOUT_FILENO) && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

    return terminal ? signs[state] : words[state];
}

static void print_finding(const struct doctor_finding *finding)
{
    const char *sign = mark(finding->state);
    /* Colours and UTF-8 take bytes, not columns. */
    int pad = strchr(sign, '\033') || sign[1] == '\0' ? 1 : 5 - (int)strlen(sign);

    printf("  %s%*s %-28s %s\n", sign, pad, "", finding->name, finding->value);
}

static void print_verdict(const struct doctor_report *report)
{
    static const struct {
        const char *rung, *text;
    } texts[] = {
        {"inthread", "absent pages come back in the faulting thread (inthread), the fastest way."},
        {"thread", "a service thread brings absent pages back (thread); in the faulting thread would be faster."},
        {"protect", "absent pages come back by mprotect (protect), the slowest way; see the lines above."},
        {"off", "absent pages cannot be brought back here: lens run passes programs through unchanged."},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(texts[i].rung, report->rung) == 0)
            printf("\nUsed here: %s\n", texts[i].text);
}

static void print_advice(const struct doctor_report *report)
{
    bool any = false;

    for (size_t i = 0; i < report->count; i++) {
        const struct doctor_finding *finding = &report->list[i];

        if (!finding->advice)
            continue;
        if (!any)
            printf("\nTo get more:\n");
        any = true;
        printf("  %s: %s.\n", finding->name, finding->advice);
    }
    if (!any)
        printf("Nothing needs to be done.\n");
}

static void print_report(const struct doctor_report *report)
{
    const char *group = "";

    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(group, report->list[i].group) != 0)
            printf("%s%s\n", i ? "\n" : "", report->list[i].group);
        group = report->list[i].group;
        print_finding(&report->list[i]);
    }
    print_verdict(report);
    print_advice(report);
}

/* ------------------------------------------------------------------ as JSON */

static struct json_object *json_of(const struct doctor_finding *finding)
{
    static const char *const states[] = {"fact", "good", "fair", "bad"};
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "group", json_object_new_string(finding->group));
    json_object_object_add(object, "name", json_object_new_string(finding->name));
    json_object_object_add(object, "state", json_object_new_string(states[finding->state]));
    json_object_object_add(object, "value", json_object_new_string(finding->value));
    json_object_object_add(object, "advice", finding->advice ? json_object_new_string(finding->advice) : NULL);
    return object;
}

static void print_json(const struct doctor_report *report)
{
    struct json_object *object = json_object_new_object(), *findings = json_object_new_array();

    json_object_object_add(object, "lens_doctor", json_object_new_int(1));
    json_object_object_add(object, "rung", json_object_new_string(report->rung));
    for (size_t i = 0; i < report->count; i++)
        json_object_array_add(findings, json_of(&report->list[i]));
    json_object_object_add(object, "findings", findings);
    puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
}

/* ------------------------------------------------------------------ the command */

static void examine(struct doctor_report *report, const char *store_dir)
{
    report->count = 0;
    doctor_look_at_system(report);
    doctor_look_at_faults(report);
    doctor_look_at_memory(report);
    doctor_look_at_files(report, store_dir);
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor_report report;
    struct lensi_options options;
    struct lens_error error;
    bool json = false;

    if (lensi_options_read(&options, environ, &error) < 0)
        return cli_wrong("doctor", "%s", error.text);
    for (int option; (option = cli_option(argc, argv, ":jh", options_list, NULL)) != -1;) {
        if (option == 'h')
            return cli_help("doctor");
        if (option == CLI_WRONG)
            return LENSI_EXIT_USAGE;
        if (option == 's' && lensi_options_set(&options, "store-dir", optarg, &error) < 0)
            return cli_wrong("doctor", "--store-dir: %s", error.text);
        json |= option == 'j';
    }
    if (optind < argc)
        return cli_wrong("doctor", "%.40s is not wanted here", argv[optind]);
    setlocale(LC_CTYPE, "");
    examine(&report, options.store_dir);
    if (json)
        print_json(&report);
    else
        print_report(&report);
    int finished = cli_finish();
    return finished ? finished : strcmp(report.rung, "off") == 0;
}
