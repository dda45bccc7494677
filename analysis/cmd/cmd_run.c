/*
 * cmd_run.c - `lens run`: checks everything, then becomes the program with the preload library before its malloc.
 */
#include "analysis/cmd/cli.h"
#include "analysis/cmd/launch.h"
#include "analysis/names/modules.h"
#include "analysis/names/resolve.h"
#include "analysis/trace/program.h"
#include "liblens/plan/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static const struct option options_list[] = {
    {"plan", required_argument, NULL, 'o'},        {"budget", required_argument, NULL, 'o'},
    {"fault", required_argument, NULL, 'o'},       {"store", required_argument, NULL, 'o'},
    {"store-dir", required_argument, NULL, 'o'},   {"store-limit", required_argument, NULL, 'o'},
    {"stats", required_argument, NULL, 'o'},       {"trust-backing", required_argument, NULL, 'o'},
    {"chaos", required_argument, NULL, 'o'},       {"slowdown-limit", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},             {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* ------------------------------------------------------------------ options */

/* Sets one option here and in the environment that the program gets. */
static int take_option(struct lensi_options *options, const char *name, const char *text)
{
    struct lens_error error;

    if (lensi_options_set(options, name, text, &error) < 0)
        return cli_wrong("run", "--%s: %s", name, error.text);
    launch_option(name, text);
    return 0;
}

static int read_options(int argc, char **argv, struct lensi_options *options, bool *help)
{
    int status = 0, index;

    for (int option; status == 0 && (option = cli_option(argc, argv, "+:qvh", options_list, &index)) != -1;) {
        if (option == 'h') {
            *help = true;
            return 0;
        }
        if (option == CLI_WRONG)
            status = LENSI_EXIT_USAGE;
        else if (option == 'o')
            status = take_option(options, options_list[index].name, optarg);
        else
            status = take_option(options, option == 'q' ? "quiet" : "verbose", "1");
    }
    if (status == 0 && optind >= argc)
        status = cli_wrong("run", "which program? write lens run [OPTION]... -- PROGRAM [ARGUMENT]...");
    return status;
}

/* Whose environment is it, after su or sudo? Root is told what it makes lens read and write. */
static void say_paths_of_environment(void)
{
    static const char *const names[] = {"LENS_PLAN", "LENS_STATS", "LENS_STORE_DIR"};

    for (size_t i = 0; geteuid() == 0 && i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]) && *getenv(names[i]))
            lensi_say("run as root: %s=%s comes from the environment", names[i], getenv(names[i]));
}

/* A plan of somebody else's cannot change a byte, but it says which files are read. */
static void say_whose_plan(const char *path)
{
    struct stat status;

    if (path && stat(path, &status) == 0 && status.st_uid != geteuid() && status.st_uid != 0)
        lensi_say("run: the plan %s belongs to user %u, who decides which files are read", path, (unsigned)status.st_uid);
}

/* A path from the command line or the environment must hold after the program changed its folder. */
static int export_path(const char *name, const char **path)
{
    char *absolute = *path ? cli_absolute(*path) : NULL;

    if (!*path)
        return 0;
    if (!absolute) {
        lensi_warn("run: cannot make the path of --%s absolute: %s", name, strerror(errno));
        return LENSI_EXIT_FAILED;
    }
    launch_option(name, absolute);
    *path = absolute; /* lives until exec */
    return 0;
}

/* The program's run must not end with its figures lost: say now what would be said then. */
static int check_stats_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];
    struct stat status;

    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path) + 1, path);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return cli_wrong("run", "--stats: %s is a folder; name a file", path);
    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode) && strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/proc/", 6) != 0)
        return cli_wrong("run", "--stats: %s is a symbolic link, which is not followed; name the file itself", path);
    if (access(path, W_OK) < 0 && (errno != ENOENT || access(folder, W_OK) < 0))
        return cli_wrong("run", "--stats: cannot write %s: %s", path, strerror(errno));
    return 0;
}

static int export_paths(struct lensi_options *options)
{
    int status = export_path("plan", &options->plan_path);

    if (status == 0)
        status = export_path("stats", &options->stats_path);
    if (status == 0 && getenv("LENS_STORE_DIR")) /* the default is the library's own business */
        status = export_path("store-dir", &options->store_dir);
    if (status == 0 && options->stats_path)
        status = check_stats_path(options->stats_path);
    return status;
}

/* ------------------------------------------------------------------ the run */

static int told(int status, const char *text)
{
    lensi_warn("run: %s", text);
    return status;
}

/* Without a plan there is nothing to check: whatever the system can run is run. */
static int run_plain(const struct lensi_options *options, struct program *program, int argc, char **argv)
{
    lensi_say("no plan was given (--plan FILE): nothing is virtualised yet, %s runs as it is%s", argv[0],
              options->stats_path ? " and no statistics are written" : "");
    program_check(program); /* for needs_shell only */
    return launch_execute("run", program, argc, argv);
}

/* Gives the program a plan without FILE:LINE. */
static int hand_over_resolved(struct lensi_plan *plan, const struct program *program)
{
    struct lens_error error;
    char path[PATH_MAX];

    if (resolve_lines(plan, program->binary, &error) < 0)
        return told(LENSI_EXIT_USAGE, error.text);
    if (resolve_write(plan, path, sizeof path, &error) < 0)
        return told(LENSI_EXIT_FAILED, error.text);
    launch_option("plan", path);
    return 0;
}

/* What a plan names does not matter then. */
static int run_in_chaos(const struct lensi_options *options, struct program *program, int argc, char **argv)
{
    int status = options->plan_path ? cli_wrong("run", "--chaos takes every allocation; give it no --plan") : program_check(program);

    if (status)
        return options->plan_path ? status : told(status, program->problem);
    if (module_defines(program->binary, "malloc"))
        lensi_warn("run: %s brings its own malloc, which goes before that of lens: its allocations are not seen", program->binary);
    status = launch_preload("run", program);
    return status ? status : launch_execute("run", program, argc, argv);
}

static int run_planned(const struct lensi_options *options, struct lensi_plan *plan, struct program *program, int argc,
                       char **argv)
{
    int status = program_check(program);

    if (status)
        return told(status, program->problem);
    if (plan->sites_count == 0)
        lensi_say("the plan %s has no sites: nothing is virtualised", options->plan_path);
    if (module_defines(program->binary, "malloc"))
        lensi_warn("run: %s brings its own malloc, which goes before that of lens: its allocations are not seen",
                   program->binary);
    if (resolve_is_needed(plan))
        status = hand_over_resolved(plan, program);
    if (status == 0)
        status = launch_preload("run", program);
    if (status == 0 && options->verbose)
        lensi_say("plan %s, %zu sites, for %s", getenv("LENS_PLAN"), plan->sites_count, program->binary);
    return status ? status : launch_execute("run", program, argc, argv);
}

int cmd_run(int argc, char **argv)
{
    struct lensi_options options;
    struct lensi_plan plan;
    struct program program;
    struct lens_error error;
    bool help = false;
    int status;

    if (lensi_options_read(&options, environ, &error) < 0)
        return cli_wrong("run", "%s", error.text);
    say_paths_of_environment();
    status = read_options(argc, argv, &options, &help);
    if (help)
        return cli_help("run");
    if (status == 0)
        status = export_paths(&options);
    if (status)
        return status;
    lensi_log_quiet(options.quiet);
    if (options.plan_path && lensi_plan_read(options.plan_path, &plan, &error) < 0)
        return told(LENSI_EXIT_USAGE, error.text);
    say_whose_plan(options.plan_path);
    status = program_find(argv[optind], &program);
    if (status)
        return told(status, program.problem);
    if (options.chaos.on)
        return run_in_chaos(&options, &program, argc - optind, argv + optind);
    if (!options.plan_path)
        return run_plain(&options, &program, argc - optind, argv + optind);
    return run_planned(&options, &plan, &program, argc - optind, argv + optind);
}
