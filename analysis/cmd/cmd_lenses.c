/*
 * cmd_lenses.c - `lens lenses`: the built-in lenses and how to write them.
 */
#include "analysis/cmd/cli.h"
#include "liblens/lens.h"
#include "liblens/plan/options.h"

#include <stdio.h>
#include <string.h>

#define NAMES_MAX 64

static const struct option options_list[] = {
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_lens(const struct lens_ops *ops)
{
    printf("%-10s %s\n", ops->name, ops->usage);
}

static int unknown_lens(const char *name)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    const struct lens_ops *ops;

    for (size_t i = 0; i < NAMES_MAX && (ops = lens_at(i)) != NULL; i++)
        names[i] = ops->name;
    const char *near = lensi_nearest_word(name, strlen(name), names);
    if (near)
        return cli_wrong("lenses", "there is no lens %.40s; did you mean %s?", name, near);
    return cli_wrong("lenses", "there is no lens %.40s", name);
}

int cmd_lenses(int argc, char **argv)
{
    const struct lens_ops *ops;

    for (int option; (option = cli_option(argc, argv, ":h", options_list, NULL)) != -1;)
        return option == 'h' ? cli_help("lenses") : LENSI_EXIT_USAGE;
    for (int i = optind; i < argc; i++)
        if (!lens_find(argv[i]))
            return unknown_lens(argv[i]);
    for (int i = optind; i < argc; i++)
        print_lens(lens_find(argv[i]));
    for (size_t i = 0; optind >= argc && (ops = lens_at(i)) != NULL; i++)
        print_lens(ops);
    return cli_finish();
}
