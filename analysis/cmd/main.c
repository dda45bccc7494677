/*
 * main.c - the lens command: finds the subcommand and runs it.
 */
#include "analysis/cmd/cli.h"

#include "lenses/builtin.h"

#include <stdio.h>
#include <string.h>

static int register_lenses(void)
{
    for (size_t i = 0; i < lens_builtin_count; i++) {
        if (lens_register(lens_builtin[i]) < 0) {
            lensi_warn("the lens %s cannot be registered; this is a bug in lens", lens_builtin[i]->name);
            return LENSI_EXIT_FAILED;
        }
    }
    return 0;
}

static int print_version(void)
{
    printf("lens %s\n", lens_version());
    return cli_finish();
}

int main(int argc, char **argv)
{
    static char help_name[] = "help";
    char *help[] = {help_name, NULL};
    const char *word = argc > 1 ? argv[1] : NULL;

    if (register_lenses())
        return LENSI_EXIT_FAILED;
    if (!word) {
        lensi_warn("which command? see lens help");
        return LENSI_EXIT_USAGE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return print_version();
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return cmd_help(1, help);
    const struct cli_command *command = cli_find(word);
    return command ? command->run(argc - 1, argv + 1) : cli_unknown_command(word);
}
