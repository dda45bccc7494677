/*
 * cli.h - what the commands of `lens` share: their table, options, and how wrong use is told.
 *
 * Commands return an exit status (liblens/base/log.h, docs/exit-status.md). Ordinary libc here: this is not the
 * library.
 */
#ifndef LENS_CLI_H
#define LENS_CLI_H

#include "liblens/base/log.h"

#include <getopt.h>

struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
    const char *summary;
    const char *help; /* what `lens help NAME` prints */
};
/* The table, ended by a row without name (help.c). */
extern const struct cli_command cli_commands[];

int cmd_run(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_lenses(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_help(int argc, char **argv);

/* The command of that name, or NULL. */
const struct cli_command *cli_find(const char *name);
/* Prints a command's help on standard output; returns 0. */
int cli_help(const char *name);
/* Says that `name` is no command, with the nearest one; returns LENSI_EXIT_USAGE. */
int cli_unknown_command(const char *name);

/* What cli_option returns after wrong use, which it has told. */
#define CLI_WRONG '?'
/*
 * The next option, as getopt_long has it (-1: no more). `brief` is getopt's short options; it begins with ":", so that
 * a missing value can be told, or with "+:" where the first word that is no option ends the options. index may be NULL;
 * it gets the place in `options` of an option written long.
 */
int cli_option(int argc, char **argv, const char *brief, const struct option *options, int *index);
/* "lens: COMMAND: ... (see lens help COMMAND)"; returns LENSI_EXIT_USAGE. */
int cli_wrong(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * A whole number given to an option, from `least` to `most`. 0, or LENSI_EXIT_USAGE after telling what was expected.
 */
int cli_number(const char *command, const char *option, const char *text, unsigned long least, unsigned long most,
               unsigned long *number);
/* Flushes standard output: 0, or LENSI_EXIT_FAILED after saying why (a full disk, a closed pipe). */
int cli_finish(void);

/* An absolute path of `path` in malloc memory, without asking whether it exists. NULL: out of memory or no folder. */
char *cli_absolute(const char *path);

#endif
