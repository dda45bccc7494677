/*
 * options.c - reads the LENS_... environment and the options of `lens run`: one table serves both.
 */
#include "liblens/plan/options.h"

#include "liblens/base/arena.h"
#include "liblens/base/cgroup.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/plan/lexer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const fault_words[] = {"auto", "inthread", "thread", "protect", "off", NULL};
static const char *const trust_words[] = {"strict", "lease", "replace-only", NULL};
static const char *const store_words[] = {"auto", "none", "memory", "disk", NULL};
static const char *const flag_words[] = {"no", "yes", "off", "on", "false", "true", "0", "1", NULL};

/* ------------------------------------------------------------------ values */

/* Cuts long values short in messages. */
#define SHOWN "%.40s"

int lensi_parse_size(const char *text, uint64_t *bytes, struct lens_error *error)
{
    struct lensi_literal number;
    const char *problem;

    if (lensi_literal_read(text, strlen(text), &number, &problem) < 0)
        return lens_error_set(error, -1, "\"" SHOWN "\" is not a size; write for instance 64M, 1.5G or 4096", text);
    if (number.negative || !number.whole)
        return lens_error_set(error, -1,
                              "\"" SHOWN "\" is not a size; it must be a whole number of bytes, not negative", text);
    *bytes = (uint64_t)number.integer;
    return 0;
}

static int parse_percent(const char *text, size_t digits, struct lensi_budget_spec *spec, struct lens_error *error)
{
    struct lensi_literal number;
    const char *problem;

    if (lensi_literal_read(text, digits, &number, &problem) < 0 || !(number.value > 0 && number.value <= 100))
        return lens_error_set(error, -1, "\"" SHOWN "\" is not a share; write a number above 0%% and up to 100%%",
                              text);
    spec->kind = LENSI_BUDGET_PERCENT;
    spec->percent = number.value;
    return 0;
}

static int parse_budget(const char *text, struct lensi_budget_spec *spec, struct lens_error *error)
{
    size_t length = strlen(text);

    if (strcmp(text, "auto") == 0) {
        spec->kind = LENSI_BUDGET_AUTO;
        return 0;
    }
    if (length && text[length - 1] == '%')
        return parse_percent(text, length - 1, spec, error);
    if (lensi_parse_size(text, &spec->bytes, NULL) < 0)
        return lens_error_set(error, -1, "\"" SHOWN "\" is not a budget; write a size (64M), a share (25%%) or auto",
                              text);
    spec->kind = LENSI_BUDGET_BYTES;
    return 0;
}

/* "a, b or c" */
static void list_words(const char *const *words, char *to, size_t room)
{
    size_t length = 0;

    for (size_t i = 0; words[i] && length < room; i++)
        length += lensi_format(to + length, room - length, "%s%s",
                               i == 0         ? ""
                               : words[i + 1] ? ", "
                                              : " or ",
                               words[i]);
}

static int parse_word(const char *text, const char *const *words, int *index, struct lens_error *error)
{
    char list[96];

    for (int i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *index = i;
            return 0;
        }
    }
    const char *near = lensi_nearest_word(text, strlen(text), words);
    list_words(words, list, sizeof list);
    if (near)
        return lens_error_set(error, -1, "\"" SHOWN "\" is not one of %s; did you mean %s?", text, list, near);
    return lens_error_set(error, -1, "\"" SHOWN "\" is not one of %s", text, list);
}

static int parse_flag(const char *text, bool *flag, struct lens_error *error)
{
    int index = 1;
    int result = text ? parse_word(text, flag_words, &index, error) : 0;

    if (result == 0)
        *flag = index & 1;
    return result;
}

/* ------------------------------------------------------------------ the table */

static int set_plan(struct lensi_options *options, const char *text, struct lens_error *error)
{
    (void)error;
    options->plan_path = text;
    return 0;
}

static int set_budget(struct lensi_options *options, const char *text, struct lens_error *error)
{
    return parse_budget(text, &options->budget, error);
}

static int set_fault(struct lensi_options *options, const char *text, struct lens_error *error)
{
    int index = 0, result = parse_word(text, fault_words, &index, error);

    if (result == 0)
        options->fault = (enum lensi_fault_choice)index;
    return result;
}

static int set_store(struct lensi_options *options, const char *text, struct lens_error *error)
{
    int index = 0, result = parse_word(text, store_words, &index, error);

    if (result == 0)
        options->store = (enum lensi_store_choice)index;
    return result;
}

static int set_store_dir(struct lensi_options *options, const char *text, struct lens_error *error)
{
    (void)error;
    options->store_dir = text;
    return 0;
}

static int set_store_limit(struct lensi_options *options, const char *text, struct lens_error *error)
{
    return lensi_parse_size(text, &options->store_limit_bytes, error);
}

/* How many times as long a run may take; "off" and 0: no limit. */
static int set_slowdown_limit(struct lensi_options *options, const char *text, struct lens_error *error)
{
    struct lensi_literal number = {0};
    const char *problem;
    bool is_off = strcmp(text, "off") == 0;

    if (!is_off && (lensi_literal_read(text, strlen(text), &number, &problem) < 0 || number.negative ||
                    (number.value != 0 && !(number.value > 1 && number.value <= 1e6))))
        return lens_error_set(error, -1, "\"" SHOWN "\" is not a limit; write how many times as long a run may take, such as 2 or 1.5, or off", text);
    options->slowdown_limit = is_off ? 0 : number.value;
    return 0;
}

static int set_trust(struct lensi_options *options, const char *text, struct lens_error *error)
{
    int index = 0, result = parse_word(text, trust_words, &index, error);

    if (result == 0)
        options->trust = (enum lensi_trust)index;
    return result;
}

static int set_stats(struct lensi_options *options, const char *text, struct lens_error *error)
{
    (void)error;
    options->stats_path = text;
    return 0;
}

static int set_chaos(struct lensi_options *options, const char *text, struct lens_error *error)
{
    return lensi_chaos_parse(text, &options->chaos, error);
}

static int set_quiet(struct lensi_options *options, const char *text, struct lens_error *error)
{
    return parse_flag(text, &options->quiet, error);
}

static int set_verbose(struct lensi_options *options, const char *text, struct lens_error *error)
{
    return parse_flag(text, &options->verbose, error);
}

static const struct option_row {
    const char *name, *variable;
    bool flag; /* works without a value */
    int (*set)(struct lensi_options *options, const char *text, struct lens_error *error);
} option_rows[] = {
    {"plan", "LENS_PLAN", false, set_plan},
    {"budget", "LENS_BUDGET", false, set_budget},
    {"fault", "LENS_FAULT", false, set_fault},
    {"store", "LENS_STORE", false, set_store},
    {"store-dir", "LENS_STORE_DIR", false, set_store_dir},
    {"store-limit", "LENS_STORE_LIMIT", false, set_store_limit},
    {"slowdown-limit", "LENS_SLOWDOWN_LIMIT", false, set_slowdown_limit},
    {"trust-backing", "LENS_TRUST_BACKING", false, set_trust},
    {"stats", "LENS_STATS", false, set_stats},
    {"chaos", "LENS_CHAOS", false, set_chaos},
    {"quiet", "LENS_QUIET", true, set_quiet},
    {"verbose", "LENS_VERBOSE", true, set_verbose},
};
#define OPTION_ROWS (sizeof option_rows / sizeof option_rows[0])

static int unknown_option(const char *name, struct lens_error *error)
{
    const char *names[OPTION_ROWS + 1] = {NULL};

    for (size_t i = 0; i < OPTION_ROWS; i++)
        names[i] = option_rows[i].name;
    const char *near = lensi_nearest_word(name, strlen(name), names);
    return lens_error_set(error, -1, near ? "unknown option " SHOWN "; did you mean %s?" : "unknown option " SHOWN,
                          name, near);
}

int lensi_options_set(struct lensi_options *options, const char *name, const char *text, struct lens_error *error)
{
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        if (strcmp(option_rows[i].name, name) != 0)
            continue;
        if (!option_rows[i].flag && (!text || !*text))
            return lens_error_set(error, -1, "%s needs a value", name);
        return option_rows[i].set(options, text, error);
    }
    return unknown_option(name, error);
}

/* ------------------------------------------------------------------ the environment */

static const char *variable_of(char *const *environment, const char *name)
{
    size_t bytes = strlen(name);

    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, bytes) == 0 && (*environment)[bytes] == '=')
            return *environment + bytes + 1;
    return NULL;
}

/* Programs write over their environment (setproctitle, perl's $0): what is kept of it is a copy. */
static const char *kept(const char *text)
{
    const char *copy = text && *text ? lensi_arena_text(text, strlen(text)) : NULL;

    return copy ? copy : text;
}

/* $XDG_CACHE_HOME/lens, else $HOME/.cache/lens, else NULL: then there is no disk store. */
static const char *default_store_dir(char *const *environment)
{
    const char *base = variable_of(environment, "XDG_CACHE_HOME"), *tail = "/lens";
    char path[4096];

    if (!base || *base != '/') {
        base = variable_of(environment, "HOME");
        tail = "/.cache/lens";
    }
    if (!base || *base != '/')
        return NULL;
    size_t length = lensi_format(path, sizeof path, "%s%s", base, tail);
    return length < sizeof path ? lensi_arena_text(path, length) : NULL;
}

static int number_of(const char *digits)
{
    int value = 0;

    for (; digits && *digits >= '0' && *digits <= '9' && value < 100000000; digits++)
        value = value * 10 + (*digits - '0');
    return value;
}

/* What lens profile hands over. */
static int read_trace(struct lensi_options *options, const char *text, struct lens_error *error)
{
    size_t digits = strspn(text, "0123456789");
    const char *path = text + (digits ? digits : strncmp(text, "full", 4) == 0 ? 4 : 0);

    options->trace_use = strncmp(path, " use", 4) == 0;
    path += options->trace_use ? 4 : 0;
    if (strncmp(path, " /", 2) != 0 || digits > 12)
        return lens_error_set(error, -1, "LENS_TRACE: \"" SHOWN "\" is not what lens profile writes", text);
    options->trace_path = path + 1;
    for (size_t i = 0; i < digits; i++)
        options->trace_sample_bytes = options->trace_sample_bytes * 10 + (uint64_t)(text[i] - '0');
    return 0;
}

int lensi_main_process_of(char *const *environment) { return number_of(variable_of(environment, "LENS_MAIN_PROCESS")); }

int lensi_options_read(struct lensi_options *options, char *const *environment, struct lens_error *error)
{
    memset(options, 0, sizeof *options);
    options->store_limit_bytes = LENS_UNKNOWN;
    options->slowdown_limit = 2;
    options->store_dir = default_store_dir(environment);
    options->main_process = lensi_main_process_of(environment);
    for (size_t i = 0; i < OPTION_ROWS; i++) {
        const char *text = kept(variable_of(environment, option_rows[i].variable));
        struct lens_error why;

        /* Set but empty is as good as not set: that is how people switch a variable off. */
        if (!text || !*text)
            continue;
        if (option_rows[i].set(options, text, &why) < 0)
            return lens_error_set(error, -1, "%s: %s", option_rows[i].variable, why.text);
    }
    const char *trace = kept(variable_of(environment, "LENS_TRACE"));
    return trace && *trace ? read_trace(options, trace, error) : 0;
}

uint64_t lensi_budget_bytes(const struct lensi_budget_spec *spec)
{
    struct lensi_cgroup cgroup;

    if (spec->kind == LENSI_BUDGET_AUTO)
        return LENS_UNKNOWN;
    if (spec->kind == LENSI_BUDGET_BYTES)
        return spec->bytes;
    lensi_cgroup_find(&cgroup);
    uint64_t limit = lensi_cgroup_limit(&cgroup), total = lensi_memory_total();
    if (total < limit)
        limit = total;
    return limit == LENS_UNKNOWN ? LENS_UNKNOWN : (uint64_t)((double)limit * spec->percent / 100);
}

int lensi_store_default_dir(enum lensi_store_choice kind, char *to, size_t room)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    size_t bytes;

    if (kind == LENSI_STORE_MEMORY)
        bytes = lensi_format(to, room, "/dev/shm/lens-%u", (unsigned)lensi_sys(SYS_geteuid, 0, 0, 0, 0, 0, 0));
    else if (cache && cache[0] == '/')
        bytes = lensi_format(to, room, "%s/lens", cache);
    else if (home && home[0] == '/')
        bytes = lensi_format(to, room, "%s/.cache/lens", home);
    else
        return -ENOENT;
    return bytes < room ? 0 : -ENAMETOOLONG;
}
