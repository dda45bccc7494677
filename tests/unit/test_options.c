/*
 * test_options.c - sizes, budgets, words and flags; from names as the command line has them and from the environment.
 */
#include "liblens/base/cgroup.h"
#include "liblens/plan/options.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

Test(options, reads_sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {
        {"0", 0}, {"4096", 4096}, {"64M", 64ull << 20}, {"640k", 640 << 10}, {"1.5G", 3ull << 29}, {"2T", 2ull << 40},
        {"1KiB", 1024}, {"1KB", 1024}, {"12B", 12}, {"0x1000", 4096}, {"1e3", 1000}, {"0.5K", 512}, {"+7", 7},
    };
    uint64_t bytes;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(lensi_parse_size(rows[i].text, &bytes, NULL), 0, "%s", rows[i].text);
        cr_assert_eq(bytes, rows[i].bytes, "%s gave %lu", rows[i].text, bytes);
    }
}

Test(options, refuses_what_is_no_size)
{
    static const char *const rows[] = {"", "M", "64Q", "64 M", "-1", "0.3", "1Ki", "1e", "0x", "1.2.3", "nonsense",
                                       "99999999999999999999", "8388608T", "1e30", "64MM", "."};
    struct lens_error error;
    uint64_t bytes;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        error.text[0] = '\0';
        cr_assert_eq(lensi_parse_size(rows[i], &bytes, &error), -EINVAL, "%s", rows[i]);
        cr_assert(strstr(error.text, "is not a size"), "%s: %s", rows[i], error.text);
    }
}

static struct lensi_options defaults(void)
{
    static char *const nothing[] = {NULL};
    struct lensi_options options;

    cr_assert_eq(lensi_options_read(&options, nothing, NULL), 0);
    return options;
}

Test(options, has_the_documented_defaults)
{
    struct lensi_options options = defaults();

    cr_assert_null(options.plan_path);
    cr_assert_null(options.stats_path);
    cr_assert_null(options.store_dir); /* no HOME */
    cr_assert_eq(options.budget.kind, LENSI_BUDGET_AUTO);
    cr_assert_eq(options.fault, LENSI_FAULT_AUTO);
    cr_assert_eq(options.store, LENSI_STORE_AUTO);
    cr_assert_eq(options.store_limit_bytes, LENS_UNKNOWN);
    cr_assert_eq(options.slowdown_limit, 2);
    cr_assert_not(options.quiet);
    cr_assert_not(options.verbose);
}

Test(options, sets_each_by_name)
{
    struct lensi_options options = defaults();

    cr_assert_eq(lensi_options_set(&options, "plan", "a.plan", NULL), 0);
    cr_assert_eq(lensi_options_set(&options, "budget", "25%", NULL), 0);
    cr_assert_eq(lensi_options_set(&options, "fault", "protect", NULL), 0);
    cr_assert_eq(lensi_options_set(&options, "store", "disk", NULL), 0);
    cr_assert_eq(lensi_options_set(&options, "store-dir", "/s", NULL), 0);
    cr_assert_eq(lensi_options_set(&options, "store-limit", "1G", NULL), 0);
    cr_assert_eq(lensi_options_set(&options, "stats", "s.json", NULL), 0);
    cr_assert_eq(lensi_options_set(&options, "quiet", NULL, NULL), 0);
    cr_assert_eq(lensi_options_set(&options, "verbose", "yes", NULL), 0);
    cr_assert_str_eq(options.plan_path, "a.plan");
    cr_assert(options.budget.kind == LENSI_BUDGET_PERCENT && options.budget.percent == 25);
    cr_assert_eq(options.fault, LENSI_FAULT_PROTECT);
    cr_assert_eq(options.store, LENSI_STORE_DISK);
    cr_assert_str_eq(options.store_dir, "/s");
    cr_assert_eq(options.store_limit_bytes, 1ull << 30);
    cr_assert_str_eq(options.stats_path, "s.json");
    cr_assert(options.quiet && options.verbose);
    cr_assert_not(options.chaos.on);
    cr_assert_eq(lensi_options_set(&options, "chaos", "7,max=64K,nomap", NULL), 0);
    cr_assert(options.chaos.on && options.chaos.seed == 7 && options.chaos.max_bytes == 64 * 1024 && options.chaos.min_bytes == 0);
    cr_assert(options.chaos.no_map && !options.chaos.no_step);
}

Test(options, tells_what_is_wrong_and_what_is_near)
{
    static const struct {
        const char *name, *text, *says;
    } rows[] = {
        {"budget", "nonsense", "is not a budget; write a size (64M), a share (25%) or auto"},
        {"budget", "0%", "above 0%"},
        {"budget", "101%", "up to 100%"},
        {"budget", "x%", "is not a share"},
        {"budget", "", "budget needs a value"},
        {"fault", "thraed", "did you mean thread?"},
        {"fault", "signal", "is not one of auto, inthread, thread, protect or off"},
        {"store", "dsik", "did you mean disk?"},
        {"store-limit", "-5", "not negative"},
        {"quiet", "perhaps", "is not one of"},
        {"chaos", "x", "is not a seed"},
        {"chaos", "-1", "is not a seed"},
        {"chaos", "1,sometimes", "\"sometimes\" is not known"},
        {"chaos", "1,min=much", "is not a size"},
        {"bugdet", "1", "did you mean budget?"},
        {"zzzz", "1", "unknown option zzzz"},
    };
    struct lensi_options options = defaults();
    struct lens_error error;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(lensi_options_set(&options, rows[i].name, rows[i].text, &error), -EINVAL, "row %zu", i);
        cr_assert(strstr(error.text, rows[i].says), "row %zu: %s", i, error.text);
    }
}

Test(options, reads_the_environment)
{
    static char plan[] = "LENS_PLAN=/p", budget[] = "LENS_BUDGET=64M", quiet[] = "LENS_QUIET=1", home[] = "HOME=/h",
                other[] = "LENS_BUDGETS=7", empty[] = "LENS_FAULT=";
    char *const environment[] = {other, plan, budget, quiet, home, empty, NULL};
    struct lensi_options options;
    struct lens_error error;

    cr_assert_eq(lensi_options_read(&options, environment, &error), 0);
    cr_assert_str_eq(options.plan_path, "/p");
    cr_assert(options.budget.kind == LENSI_BUDGET_BYTES && options.budget.bytes == 64 << 20);
    cr_assert(options.quiet);
    cr_assert_eq(options.fault, LENSI_FAULT_AUTO);
    cr_assert_str_eq(options.store_dir, "/h/.cache/lens");
}

Test(options, names_the_variable_that_is_wrong)
{
    static char fault[] = "LENS_FAULT=inthred", cache[] = "XDG_CACHE_HOME=/c";
    char *const environment[] = {cache, fault, NULL};
    struct lensi_options options;
    struct lens_error error;

    cr_assert_eq(lensi_options_read(&options, environment, &error), -EINVAL);
    cr_assert(strstr(error.text, "LENS_FAULT: ") == error.text, "%s", error.text);
    cr_assert(strstr(error.text, "did you mean inthread?"));
    cr_assert_str_eq(options.store_dir, "/c/lens");
}

Test(options, makes_bytes_of_budgets)
{
    struct lensi_budget_spec spec = {.kind = LENSI_BUDGET_BYTES, .bytes = 12345};

    cr_assert_eq(lensi_budget_bytes(&spec), 12345);
    spec.kind = LENSI_BUDGET_AUTO;
    cr_assert_eq(lensi_budget_bytes(&spec), LENS_UNKNOWN);
    spec = (struct lensi_budget_spec){.kind = LENSI_BUDGET_PERCENT, .percent = 50};
    uint64_t half = lensi_budget_bytes(&spec);
    cr_assert_leq(half, lensi_memory_total() / 2);
    spec.percent = 100;
    cr_assert(lensi_budget_bytes(&spec) / 2 - half < 2 || half - lensi_budget_bytes(&spec) / 2 < 2);
}

static void put(const char *directory, const char *name, const char *text)
{
    char path[300];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(options, tells_what_a_group_holds)
{
    char directory[] = "/tmp/lens-group-XXXXXX", inner[64];
    struct lensi_cgroup group = {.version = 1};
    struct lensi_cgroup_use use;

    cr_assert_not_null(mkdtemp(directory));
    snprintf(inner, sizeof inner, "%s/inner", directory);
    cr_assert_eq(mkdir(inner, 0700), 0);
    group.root_bytes = strlen(directory);
    snprintf(group.directory, sizeof group.directory, "%s", inner);
    cr_assert_not(lensi_cgroup_use(&group, &use), "no limit");
    put(directory, "memory.limit_in_bytes", "10000000\n");
    put(inner, "memory.limit_in_bytes", "20000000\n");
    cr_assert_not(lensi_cgroup_use(&group, &use), "nobody says what is used");
    put(directory, "memory.usage_in_bytes", "7000000\n");
    put(directory, "memory.stat", "active_file 1\ninactive_file 2\ntotal_swap 5000\ntotal_inactive_file 300\ntotal_active_file 4000\n");
    cr_assert(lensi_cgroup_use(&group, &use));
    cr_assert(use.limit_bytes == 10000000 && use.bytes == 7000000 && use.file_bytes == 4300 && use.swap_bytes == 5000);
    group.version = 2;
    put(directory, "memory.max", "max\n");
    put(directory, "memory.high", "9000000\n");
    put(directory, "memory.current", "6000000\n");
    put(directory, "memory.swap.current", "42\n");
    cr_assert(lensi_cgroup_use(&group, &use));
    cr_assert(use.limit_bytes == 9000000 && use.bytes == 6000000 && use.file_bytes == 3 && use.swap_bytes == 42);
}
