/* study.c - see study.h. */
#include "analysis/trace/study.h"

#include "analysis/term/progress.h"
#include "liblens/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct symbol study_no_symbol = {
    .function = "(code in no file)", .name = "(code in no file)", .identity = "(code in no file)", .module = "-", .is_known = false};

/* ------------------------------------------------------------------ reading */

static void show(void *data, uint64_t done, uint64_t bytes)
{
    progress_show(data, done, bytes);
}

static int read_trace(struct study_trace *trace, const char *command, const char *path, bool shows_progress)
{
    struct progress progress;
    struct lens_error error;
    char what[80];

    snprintf(what, sizeof what, "reading %.60s", path);
    progress_begin(&progress, what, shows_progress);
    int result = profile_read(path, show, &progress, &trace->profile, &error);
    progress_end(&progress);
    if (result < 0)
        lensi_warn("%s: %s", command, error.text);
    return result;
}

static int name_modules(struct study *study, struct study_trace *trace)
{
    const struct profile *profile = trace->profile;

    trace->modules = calloc(profile->modules_count + 1, sizeof *trace->modules);
    if (!trace->modules)
        return -ENOMEM;
    for (size_t i = 1; i < profile->modules_count; i++) {
        const struct profile_module *module = &profile->modules[i];

        trace->modules[i] =
            symboliser_module(study->symboliser, module->path, module->build_id, module->build_id_bytes);
        if (trace->modules[i] == SIZE_MAX)
            return -ENOMEM;
    }
    return 0;
}

static int name_sites(struct study *study, size_t number, bool shows_progress)
{
    const struct symbol *frames[STUDY_FRAMES_MAX];
    struct study_trace *trace = &study->traces[number];
    size_t count = trace->profile->sites_count;
    struct progress progress;
    int result = 0;

    trace->paths = calloc(count + 1, sizeof *trace->paths);
    if (!trace->paths)
        return -ENOMEM;
    progress_begin(&progress, "naming functions", shows_progress);
    for (size_t i = 1; i < count && result >= 0; i++) {
        struct study_path *path = &trace->paths[i];

        result = study_path(study, number, trace->profile->sites[i].node, frames, STUDY_FRAMES_MAX);
        path->frames = result < 0 ? NULL : malloc((size_t)result * sizeof *frames);
        if (!path->frames)
            result = -ENOMEM;
        else
            memcpy(path->frames, frames, (path->count = (size_t)result) * sizeof *frames);
        progress_show(&progress, i, count);
    }
    progress_end(&progress);
    return result < 0 ? result : 0;
}

static void close_trace(struct study_trace *trace)
{
    for (size_t i = 0; trace->paths && i < trace->profile->sites_count; i++)
        free(trace->paths[i].frames);
    free(trace->paths);
    free(trace->modules);
    profile_close(trace->profile);
}

int study_open(struct study *study, const char *command, char *const *paths, size_t count,
               const struct study_options *options)
{
    int result = -ENOMEM;

    memset(study, 0, sizeof *study);
    study->strings = strings_new();
    study->symboliser = study->strings ? symboliser_new(study->strings, options->debug_dir) : NULL;
    study->traces = calloc(count ? count : 1, sizeof *study->traces);
    if (study->symboliser && study->traces)
        result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        struct study_trace *trace = &study->traces[i];

        study->traces_count = i + 1;
        result = read_trace(trace, command, paths[i], options->shows_progress);
        if (result < 0)
            break;
        result = name_modules(study, trace);
        if (result == 0)
            result = name_sites(study, i, options->shows_progress);
    }
    if (result == -ENOMEM)
        lensi_warn("%s: out of memory", command);
    if (result < 0)
        study_close(study);
    return result;
}

int study_read_again(struct study *study, const char *command, const struct study_options *options)
{
    struct study_trace before = study->traces[0], now = {0};
    int result = read_trace(&now, command, before.profile->meta.path, options->shows_progress);

    if (result < 0)
        return result;
    result = name_modules(study, &now);
    if (result == 0) {
        study->traces[0] = now;
        result = name_sites(study, 0, options->shows_progress);
    }
    if (result < 0) {
        lensi_warn("%s: out of memory", command);
        now = study->traces[0].profile == now.profile ? study->traces[0] : now;
        study->traces[0] = before;
        before = now;
    }
    close_trace(&before);
    return result;
}

void study_close(struct study *study)
{
    for (size_t i = 0; i < study->traces_count; i++)
        close_trace(&study->traces[i]);
    free(study->traces);
    symboliser_free(study->symboliser);
    strings_free(study->strings);
    memset(study, 0, sizeof *study);
}

/* ------------------------------------------------------------------ paths */

const struct symbols *study_symbols(const struct study *study, size_t trace, uint32_t node)
{
    const struct profile *profile = study->traces[trace].profile;
    const struct profile_node *here = &profile->nodes[node];

    if (here->module == 0 || here->module >= profile->modules_count)
        return NULL;
    return symboliser_find(study->symboliser, study->traces[trace].modules[here->module], here->address, true);
}

int study_path(const struct study *study, size_t trace, uint32_t node, const struct symbol **frames, size_t room)
{
    const struct profile *profile = study->traces[trace].profile;
    size_t count = 0, steps = 0;

    while (node > 0 && node < profile->nodes_count && count < room && steps++ < STUDY_FRAMES_MAX) {
        const struct profile_node *here = &profile->nodes[node];

        if (here->module == 0 || here->module >= profile->modules_count) {
            frames[count++] = &study_no_symbol;
        } else {
            const struct symbols *symbols =
                symboliser_find(study->symboliser, study->traces[trace].modules[here->module], here->address, true);

            if (!symbols)
                return -ENOMEM;
            for (size_t i = 0; i < symbols->count && count < room; i++)
                frames[count++] = &symbols->list[i];
        }
        node = here->parent;
    }
    if (count == 0)
        frames[count++] = &study_no_symbol;
    return (int)count;
}

/* ------------------------------------------------------------------ what could not be named */

/* One line for all modules in this state: the first's path and how many more. */
static void warn_of(const struct study *study, const char *command, enum symboliser_state state, const char *why)
{
    const char *first = NULL;
    size_t others = 0;

    for (size_t i = 0; i < symboliser_modules_count(study->symboliser); i++) {
        if (symboliser_module_state(study->symboliser, i) != state)
            continue;
        if (!first)
            first = symboliser_module_path(study->symboliser, i);
        else
            others++;
    }
    if (first && others)
        lensi_warn("%s: %.200s and %zu more %s", command, first, others, why);
    else if (first)
        lensi_warn("%s: %.200s %s", command, first, why);
}

void study_warn_of_modules(const struct study *study, const char *command)
{
    warn_of(study, command, SYMBOLISER_MISSING,
            "not found on this machine: its functions are shown as module+offset");
    warn_of(study, command, SYMBOLISER_CHANGED,
            "changed since the trace (another build id): its functions are shown as module+offset");
    warn_of(study, command, SYMBOLISER_BROKEN, "cannot be read as a program: its functions are shown as module+offset");
}
