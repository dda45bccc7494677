/*
 * cmd_check.c - `lens check`: reads plans and tells what is wrong with them, without running anything.
 */
#include "analysis/cmd/cli.h"
#include "liblens/plan/plan.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option options_list[] = {
    {"print", no_argument, NULL, 'p'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_plan(const struct lensi_plan *plan)
{
    size_t bytes = lensi_plan_print(plan, NULL, 0);
    char *text = malloc(bytes + 1);

    if (!text) {
        lensi_warn("check: out of memory");
        return LENSI_EXIT_FAILED;
    }
    lensi_plan_print(plan, text, bytes + 1);
    fwrite(text, 1, bytes, stdout);
    free(text);
    return 0;
}

/* A name may hold anything; a line stays one line. */
static void print_name(const char *name)
{
    for (; *name; name++)
        putchar((unsigned char)*name < ' ' ? '?' : *name);
}

static void print_summary(const struct lensi_plan *plan)
{
    size_t lenses = 0;

    for (size_t i = 0; i < plan->sites_count; i++)
        lenses += plan->sites[i].pipes_count;
    printf("%s: ok, %zu %s, %zu %s\n", plan->path, plan->sites_count, plan->sites_count == 1 ? "site" : "sites", lenses,
           lenses == 1 ? "lens" : "lenses");
    for (size_t i = 0; i < plan->sites_count; i++) {
        const struct lensi_plan_site *site = &plan->sites[i];

        printf("  line %-4u ", site->line);
        print_name(site->name);
        printf(": %s%s%s\n", site->pipes[0]->text, site->pipes_count > 1 ? " and others" : "",
               site->packed ? ", packed" : "");
    }
}

static int check(const char *path, bool print)
{
    struct lensi_plan plan;
    struct lens_error error = {.text = "out of memory", .at = -1};

    if (lensi_plan_read(path, &plan, &error) < 0) {
        lensi_warn("check: %s", error.text);
        return LENSI_EXIT_USAGE;
    }
    if (print)
        return print_plan(&plan);
    print_summary(&plan);
    return 0;
}

int cmd_check(int argc, char **argv)
{
    bool print = false;
    int status = 0;

    for (int option; (option = cli_option(argc, argv, ":ph", options_list, NULL)) != -1;) {
        if (option == 'h')
            return cli_help("check");
        if (option == CLI_WRONG)
            return LENSI_EXIT_USAGE;
        print = true;
    }
    if (optind >= argc)
        return cli_wrong("check", "which plan? name at least one file");
    for (int i = optind; i < argc; i++) {
        int result = check(argv[i], print);

        if (result > status)
            status = result;
    }
    int finished = cli_finish();
    return status ? status : finished;
}
