/*
 * cmd_profile.c - `lens profile`: becomes the program with the recorder before its malloc.
 */
#include "analysis/cmd/cli.h"
#include "analysis/cmd/launch.h"
#include "analysis/names/modules.h"
#include "liblens/base/trace.h"
#include "liblens/plan/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_TRACE "lens.trace"
#define DEFAULT_SAMPLE_BYTES (128u * 1024u)
#define SAMPLE_BYTES_MAX (1ull << 40)
#define MAGIC_BYTES 11 /* "lens-trace ", of any version */

struct wish {
    const char *output;
    uint64_t sample_bytes; /* 0: full */
    bool full, sampled, use, quiet, help;
};

static const struct option options_list[] = {
    {"output", required_argument, NULL, 'o'}, {"sample", required_argument, NULL, 's'},
    {"full", no_argument, NULL, 'f'},         {"use", no_argument, NULL, 'u'},
    {"quiet", no_argument, NULL, 'q'},        {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take_sample(struct wish *wish, const char *text)
{
    struct lens_error error;

    if (lensi_parse_size(text, &wish->sample_bytes, &error) < 0)
        return cli_wrong("profile", "--sample: %s", error.text);
    if (wish->sample_bytes == 0 || wish->sample_bytes > SAMPLE_BYTES_MAX)
        return cli_wrong("profile", "--sample: %s is out of range; write a size from 1 to 1T, or --full for every allocation",
                         text);
    wish->sampled = true;
    return 0;
}

static int read_options(int argc, char **argv, struct wish *wish)
{
    int status = 0;

    for (int option; status == 0 && (option = cli_option(argc, argv, "+:o:fuqh", options_list, NULL)) != -1;) {
        if (option == 'o')
            wish->output = optarg;
        else if (option == 's')
            status = take_sample(wish, optarg);
        else if (option == 'f')
            wish->full = true;
        else if (option == 'u')
            wish->use = true;
        else if (option == 'q')
            wish->quiet = true;
        else if (option == 'h')
            return wish->help = true, 0;
        else
            status = LENSI_EXIT_USAGE;
    }
    if (status == 0 && wish->full && wish->sampled)
        status = cli_wrong("profile", "--full and --sample exclude one another");
    if (status == 0 && optind >= argc)
        status = cli_wrong("profile", "which program? write lens profile [OPTION]... -- PROGRAM [ARGUMENT]...");
    if (wish->full)
        wish->sample_bytes = 0;
    return status;
}

/* ------------------------------------------------------------------ the trace's file */

/* An older trace may go; anything else may be what a person did not mean to lose. */
static int remove_old(const char *path)
{
    char magic[MAGIC_BYTES] = "";
    struct stat status;
    int fd;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : cli_wrong("profile", "cannot write %s: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return cli_wrong("profile", "-o: %s is a folder; name a file", path);
    fd = S_ISREG(status.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0 && read(fd, magic, sizeof magic) < 0)
        magic[0] = '\0';
    if (fd >= 0)
        close(fd);
    if (fd < 0 || (status.st_size && memcmp(magic, LENSI_TRACE_MAGIC, sizeof magic) != 0))
        return cli_wrong("profile", "-o: %s is there and is no trace; remove it, or name another file", path);
    if (unlink(path) < 0)
        return cli_wrong("profile", "cannot replace %s: %s", path, strerror(errno));
    return 0;
}

/* The program's run must not end with its trace lost: say now what would be said then. */
static int check_folder(const char *path)
{
    char folder[4096];

    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path) + 1, path);
    if (access(folder, W_OK | X_OK) < 0)
        return cli_wrong("profile", "-o: cannot write %s: %s", path, strerror(errno));
    return 0;
}

static int hand_over(const struct wish *wish, const struct program *program, const char *path)
{
    char *text;
    const char *use = wish->use ? " use" : "";
    int length = wish->sample_bytes ? asprintf(&text, "%llu%s %s", (unsigned long long)wish->sample_bytes, use, path)
                                    : asprintf(&text, "full%s %s", use, path);

    if (length < 0)
        return LENSI_EXIT_FAILED;
    launch_option("trace", text);
    free(text);
    unsetenv("LENS_PLAN"); /* what is virtualised is not what the program allocates */
    if (wish->quiet)
        launch_option("quiet", "1");
    return launch_preload("profile", program);
}

int cmd_profile(int argc, char **argv)
{
    struct wish wish = {.output = DEFAULT_TRACE, .sample_bytes = DEFAULT_SAMPLE_BYTES};
    struct program program;
    int status = read_options(argc, argv, &wish);
    char *path = NULL;

    if (wish.help)
        return cli_help("profile");
    if (status == 0 && !(path = cli_absolute(wish.output)))
        status = LENSI_EXIT_FAILED;
    if (status == 0)
        status = check_folder(path);
    if (status)
        return status;
    status = program_find(argv[optind], &program);
    if (status == 0)
        status = program_check(&program);
    if (status) {
        lensi_warn("profile: %s", program.problem);
        return status;
    }
    status = remove_old(path);
    if (status == 0)
        status = hand_over(&wish, &program, path);
    return status ? status : launch_execute("profile", &program, argc - optind, argv + optind);
}
