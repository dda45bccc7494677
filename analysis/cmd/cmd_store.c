/*
 * cmd_store.c - `lens store ls|verify|gc`: looks after the folders that proven views are kept in.
 */
#include "analysis/cmd/cli.h"
#include "liblens/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { VERIFY_FAILED = 1 };

static const struct option options_list[] = {
    {"store-dir", required_argument, NULL, 'd'}, {"store", required_argument, NULL, 's'},
    {"limit", required_argument, NULL, 'l'},     {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};
static const char *const verbs[] = {"ls", "verify", "gc", NULL};
static const char *const kinds[] = {"memory", "disk", NULL};

struct request {
    const char *verb, *dir, *kind; /* kind: one of kinds, or NULL for both */
    uint64_t limit_bytes;
};

/* What is learnt while going through one folder. */
struct tally {
    const char *dir;
    bool verify;
    uint64_t count, bytes, stale, damaged;
};

/* ---- one folder */

static const char *state_word(int state)
{
    switch (state) {
    case 0: return "good";
    case -ESTALE: return "stale";
    case -EINPROGRESS: return "building";
    default: return "damaged";
    }
}

/* Text of a file is not to be trusted with a terminal. */
static void print_text(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' || *text == 127 ? '?' : *text);
}

static void print_entry(const struct lensi_store_entry *entry)
{
    char size[24], used[32] = "-";
    time_t seconds = (time_t)(entry->used_ns / 1000000000);
    struct tm local;

    if (localtime_r(&seconds, &local))
        strftime(used, sizeof used, "%Y-%m-%d %H:%M", &local);
    printf("  %10s  %10" PRIu64 "  %-8s  %-16s  ", lensi_format_bytes(size, entry->file_bytes), entry->pages,
           state_word(entry->state), used);
    print_text(entry->path[0] ? entry->path : entry->name);
    fputs("  ", stdout);
    print_text(entry->pipe_text);
    putchar('\n');
}

static void remove_damaged(const struct tally *tally, const struct lensi_store_entry *entry)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", tally->dir, entry->name) >= sizeof path || unlink(path) < 0)
        lensi_warn("store: %s cannot be removed: %s", entry->name, strerror(errno));
}

static int take_entry(void *context, const struct lensi_store_entry *entry)
{
    struct tally *tally = context;

    if (tally->count++ == 0)
        printf("  %10s  %10s  %-8s  %-16s  %s\n", "SIZE", "PAGES", "STATE", "LAST USE", "FILE, LENS");
    tally->bytes += entry->file_bytes;
    tally->stale += entry->state == -ESTALE;
    print_entry(entry);
    if (entry->state == -EBADMSG) {
        tally->damaged++;
        if (tally->verify)
            remove_damaged(tally, entry);
    }
    return 0;
}

static void print_next_step(const struct tally *tally)
{
    if (tally->verify && tally->damaged)
        printf("%" PRIu64 " damaged, removed; the next run makes %s again.\n", tally->damaged,
               tally->damaged == 1 ? "it" : "them");
    else if (tally->damaged || tally->stale)
        printf("%" PRIu64 " stale, %" PRIu64 " damaged: lens store gc removes them.\n", tally->stale, tally->damaged);
    else if (tally->verify && tally->count)
        printf("every page is as it was written.\n");
}

/* ls and verify. 0, VERIFY_FAILED, or -errno. */
static int show(const struct request *request, const char *dir)
{
    struct tally tally = {.dir = dir, .verify = strcmp(request->verb, "verify") == 0};
    char size[24];

    printf("%s\n", dir);
    int result = lensi_store_each(dir, tally.verify, take_entry, &tally);

    if (result < 0)
        return result;
    printf("%" PRIu64 " view%s, %s.%s\n", tally.count, tally.count == 1 ? "" : "s",
           lensi_format_bytes(size, tally.bytes), tally.count ? "" : " lens run --store disk|memory adds some.");
    print_next_step(&tally);
    return tally.verify && tally.damaged ? VERIFY_FAILED : 0;
}

static int collect(const struct request *request, const char *dir)
{
    char size[24];
    int64_t freed = lensi_store_collect(dir, request->limit_bytes);

    if (freed >= 0)
        printf("%s: %s freed.\n", dir, lensi_format_bytes(size, (unsigned long long)freed));
    return freed < 0 ? (int)freed : 0;
}

/* A folder that is not there is worth an error only if it was asked for by name. */
static int visit(const struct request *request, const char *dir, bool is_named)
{
    if (!is_named && access(dir, F_OK) < 0 && errno == ENOENT) {
        printf("%s: no views yet.\n", dir);
        return 0;
    }
    int result = strcmp(request->verb, "gc") == 0 ? collect(request, dir) : show(request, dir);

    if (result >= 0)
        return result;
    if (result == -EPERM)
        lensi_warn("store: %s belongs to another user or is open to others; chmod 700 it if it is yours", dir);
    else
        lensi_warn("store: %s: %s", dir, strerror(-result));
    return LENSI_EXIT_FAILED;
}

static int visit_standard(const struct request *request, enum lensi_store_choice kind)
{
    char dir[PATH_MAX];

    if (lensi_store_default_dir(kind, dir, sizeof dir) == 0)
        return visit(request, dir, false);
    lensi_warn("store: neither XDG_CACHE_HOME nor HOME is set; name the folder with --store-dir");
    return LENSI_EXIT_FAILED;
}

/* ---- the command line */

static int wrong_word(const char *what, const char *word, const char *const *words, const char *list)
{
    const char *near = lensi_nearest_word(word, strlen(word), words);

    if (near)
        return cli_wrong("store", "%s %.40s is not one of %s; did you mean %s?", what, word, list, near);
    return cli_wrong("store", "%s %.40s is not one of %s", what, word, list);
}

static const char *find_word(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(*words, word) == 0)
            return *words;
    return NULL;
}

static int read_option(struct request *request, int option)
{
    struct lens_error error;

    switch (option) {
    case 'd':
        request->dir = optarg;
        return *optarg ? 0 : cli_wrong("store", "--store-dir needs a folder");
    case 's':
        request->kind = find_word(optarg, kinds);
        return request->kind ? 0 : wrong_word("--store", optarg, kinds, "memory, disk");
    case 'l':
        return lensi_parse_size(optarg, &request->limit_bytes, &error) < 0
                   ? cli_wrong("store", "--limit: %s", error.text)
                   : 0;
    default:
        return LENSI_EXIT_USAGE; /* told already */
    }
}

/* 0 or LENSI_EXIT_USAGE. */
static int read_request(int argc, char **argv, struct request *request, bool *help)
{
    int status = 0, option;

    optind = 1;
    while (status == 0 && (option = cli_option(argc, argv, ":h", options_list, NULL)) != -1) {
        if (option == 'h') {
            *help = true;
            return 0;
        }
        status = read_option(request, option);
    }
    if (status)
        return status;
    if (optind == argc)
        return cli_wrong("store", "say what to do: ls, verify or gc");
    if (optind + 1 < argc)
        return cli_wrong("store", "%.40s is one word too many", argv[optind + 1]);
    request->verb = find_word(argv[optind], verbs);
    if (!request->verb)
        return wrong_word("the word", argv[optind], verbs, "ls, verify, gc");
    if (request->limit_bytes != UINT64_MAX && strcmp(request->verb, "gc") != 0)
        return cli_wrong("store", "--limit belongs to gc");
    if (request->dir && request->kind)
        return cli_wrong("store", "--store and --store-dir both name a folder; give one of them");
    return 0;
}

int cmd_store(int argc, char **argv)
{
    struct request request = {.limit_bytes = UINT64_MAX};
    bool help = false;
    int status = read_request(argc, argv, &request, &help), other = 0;

    if (status)
        return status;
    if (help)
        return cli_help("store");
    if (!request.dir && !request.kind)
        request.dir = getenv("LENS_STORE_DIR");
    if (request.dir && *request.dir) {
        status = visit(&request, request.dir, true);
    } else {
        if (request.kind != kinds[0])
            status = visit_standard(&request, LENSI_STORE_DISK);
        if (request.kind != kinds[1])
            other = visit_standard(&request, LENSI_STORE_MEMORY);
    }
    int written = cli_finish();

    return status ? status : other ? other : written;
}
