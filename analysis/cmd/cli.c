/* cli.c - see cli.h. */
#include "analysis/cmd/cli.h"

#include "liblens/plan/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX 32

const struct cli_command *cli_find(const char *name)
{
    for (const struct cli_command *command = cli_commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

int cli_help(const char *name)
{
    fputs(cli_find(name)->help, stdout);
    return cli_finish();
}

int cli_unknown_command(const char *name)
{
    const char *names[NAMES_MAX + 1] = {NULL};

    for (size_t i = 0; i < NAMES_MAX && cli_commands[i].name; i++)
        names[i] = cli_commands[i].name;
    const char *near = lensi_nearest_word(name, strlen(name), names);
    if (near)
        lensi_warn("%.60s is not a command; did you mean lens %s?", name, near);
    else
        lensi_warn("%.60s is not a command; see lens help", name);
    return LENSI_EXIT_USAGE;
}

int cli_wrong(const char *command, const char *format, ...)
{
    char text[512];
    va_list list;

    va_start(list, format);
    lensi_format_list(text, sizeof text, format, list);
    va_end(list);
    lensi_warn("%s: %s (see lens help %s)", command, text, command);
    return LENSI_EXIT_USAGE;
}

/* Tells that `word`, which begins with --, is no option, or is one that takes no value. */
static void wrong_long_option(const char *command, const char *word, const struct option *options)
{
    const char *names[NAMES_MAX + 1] = {NULL}, *name = word + 2;
    size_t bytes = strcspn(name, "=");

    for (size_t i = 0; i < NAMES_MAX && options[i].name; i++)
        names[i] = options[i].name;
    const char *near = lensi_nearest_word(name, bytes, names);
    if (optopt && name[bytes] == '=')
        cli_wrong(command, "%.*s takes no value", (int)(bytes + 2), word);
    else if (near)
        cli_wrong(command, "unknown option %.*s; did you mean --%s?", (int)(bytes + 2), word, near);
    else
        cli_wrong(command, "unknown option %.40s", word);
}

int cli_option(int argc, char **argv, const char *brief, const struct option *options, int *index)
{
    opterr = 0;
    int result = getopt_long(argc, argv, brief, options, index);
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

    if (result == ':')
        cli_wrong(argv[0], "%.40s needs a value", word);
    else if (result == '?' && strncmp(word, "--", 2) == 0 && (optopt == 0 || strchr(word, '=')))
        wrong_long_option(argv[0], word, options);
    else if (result == '?')
        cli_wrong(argv[0], "unknown option -%c", optopt);
    return result == ':' ? CLI_WRONG : result;
}

int cli_number(const char *command, const char *option, const char *text, unsigned long least, unsigned long most,
               unsigned long *number)
{
    char *end;

    errno = 0;
    *number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || *number < least || *number > most)
        return cli_wrong(command, "--%s: %.40s is not a number from %lu to %lu", option, text, least, most);
    return 0;
}

int cli_finish(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    lensi_warn("cannot write the output: %s", strerror(errno));
    return LENSI_EXIT_FAILED;
}

char *cli_absolute(const char *path)
{
    char *folder = NULL, *joined = NULL;

    if (*path == '/')
        return strdup(path);
    folder = getcwd(NULL, 0);
    if (folder && asprintf(&joined, "%s/%s", folder, path) < 0)
        joined = NULL;
    free(folder);
    return joined;
}
