/*
 * engine_fixture.h - an engine in the test's own process, with a plan, blocks and the files they come from; no preloading.
 */
#ifndef TESTS_UNIT_ENGINE_FIXTURE_H
#define TESTS_UNIT_ENGINE_FIXTURE_H

#include "tests/unit/rungs.h"
#include "tests/unit/toy_lens.h"

#include "lenses/builtin.h"
#include "liblens/base/stats.h"
#include "liblens/engine/engine.h"

#include <pthread.h>
#include <time.h>

static struct lensi_options engine_options;
static struct lensi_plan engine_plan;

static inline void nap(unsigned ms) { nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL); }

/* Starts the engine with one site, whose lines are given. Skips where the rung is missing. */
static inline void start_engine(const char *site_lines, uint64_t budget_bytes)
{
    static char text[1000];
    struct lens_error error = {.at = -1};
    int n = snprintf(text, sizeof text, "lens-plan 1\nsite \"here\" {\n%s\n}\n", site_lines), result;

    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]);
    toy_register();
    cr_assert_eq(lensi_options_read(&engine_options, environ, &error), 0, "%s", error.text);
    engine_options.slowdown_limit = 0; /* what is given up must not depend on how fast this machine is */
    engine_options.budget = (struct lensi_budget_spec){.kind = LENSI_BUDGET_BYTES, .bytes = budget_bytes};
    engine_options.store = LENSI_STORE_NONE;
    engine_options.quiet = true;
    cr_assert_eq(lensi_plan_parse("test.plan", text, (size_t)n, &engine_plan, &error), 0, "%s", error.text);
    result = lensi_engine_start(&engine_options, &engine_plan, &error);
    if (result == -ENOSYS)
        cr_skip_test("skip: %s: %s", getenv("LENS_FAULT"), error.text);
    cr_assert_eq(result, 0, "%s", error.text);
    pthread_atfork(lensi_fork_prepare, lensi_fork_parent, lensi_fork_child);
}

/* Tells the engine of the file, as the preload library does when the program opens it. */
static inline int open_for_engine(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    cr_assert(fd >= 0);
    lensi_file_opened(fd, path);
    return fd;
}

static inline void close_for_engine(int fd)
{
    lensi_file_closed(fd);
    close(fd);
}

/* A read as the preload library does it. */
static inline void read_for_engine(int fd, void *to, size_t n, uint64_t from)
{
    bool pinned = lensi_pin_for_write(to, n);

    cr_assert_eq(pread(fd, to, n, (off_t)from), (ssize_t)n, "%s", strerror(errno));
    if (pinned)
        lensi_unpin_slow(to, n);
    lensi_file_read_into(fd, from, to, n);
}

/* Until `count` pages have been proven in all, or some seconds have passed. */
static inline bool wait_for_proofs(uint64_t count)
{
    for (unsigned i = 0; i < 400 && lensi_counted(proven_pages) < count; i++)
        nap(10);
    return lensi_counted(proven_pages) >= count;
}

#endif
