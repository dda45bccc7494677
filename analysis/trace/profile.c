/* profile.c - reads a trace into memory; see profile.h. */
#include "analysis/trace/profile.h"

#include "analysis/trace/profile_build.h"
#include "analysis/trace/profile_usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_BYTES (4u << 20)

static const char *const kind_names[] = {"malloc", "calloc", "realloc", "memalign", "mmap", "mmap file"};

const char *profile_kind_name(enum lensi_site_kind kind)
{
    return (unsigned)kind < sizeof kind_names / sizeof *kind_names ? kind_names[kind] : "?";
}

static int read_records(struct trace *trace, struct build *build, profile_progress progress, void *data)
{
    struct record record;
    uint64_t told = 0;
    int result;

    while ((result = trace_next(trace, &record)) > 0) {
        result = build_record(build, &record);
        if (result < 0)
            break;
        if (progress && trace_at(trace) - told >= PROGRESS_BYTES)
            progress(data, told = trace_at(trace), trace_bytes(trace));
    }
    build->profile->meta.cut = trace_is_cut(trace) || result == -EBADMSG;
    return result == -EBADMSG ? 0 : result;
}

/* The blank elements that stand for "none". */
static bool make_blanks(struct build *build)
{
    struct profile *p = build->profile;

    p->modules = build_element(NULL, &p->modules_count, &build->modules_room, 0, sizeof *p->modules);
    p->nodes = build_element(NULL, &p->nodes_count, &build->nodes_room, 0, sizeof *p->nodes);
    p->sites = build_element(NULL, &p->sites_count, &build->sites_room, 0, sizeof *p->sites);
    p->blocks = build_element(NULL, &p->blocks_count, &build->blocks_room, 0, sizeof *p->blocks);
    p->files = build_element(NULL, &p->files_count, &build->files_room, 0, sizeof *p->files);
    build->sites = calloc(p->sites_count, sizeof *build->sites);
    build->build_sites_room = p->sites_count;
    return p->modules && p->nodes && p->sites && p->blocks && p->files && build->sites;
}

static bool fill(char **text)
{
    if (!*text)
        *text = strdup("");
    return *text != NULL;
}

/* Texts are never NULL. */
static bool fill_texts(struct profile *p)
{
    bool all = fill(&p->meta.program) && fill(&p->meta.machine) && fill(&p->meta.kernel);

    if (!p->meta.argv)
        p->meta.argv = calloc(1, sizeof *p->meta.argv);
    for (size_t i = 0; all && i < p->modules_count; i++)
        all = fill(&p->modules[i].path);
    for (size_t i = 0; all && i < p->files_count; i++)
        all = fill(&p->files[i].path);
    return all && p->meta.argv;
}

static int read_all(struct trace *trace, const char *path, profile_progress progress, void *data, struct profile *profile)
{
    struct build build = {.profile = profile, .scale = 1};
    int result = -ENOMEM;

    profile->meta.path = strdup(path);
    if (profile->meta.path && make_blanks(&build))
        result = read_records(trace, &build, progress, data);
    if (result == 0) {
        profile->meta.trace_bytes = trace_bytes(trace);
        profile->meta.cut_at = trace_at(trace);
        build_finish(&build);
        result = fill_texts(profile) ? 0 : -ENOMEM;
        if (result == 0 && profile->usage)
            result = profile_usage_sort(profile->usage);
    }
    free(build.sites);
    free(build.recent_writers);
    return result == 0 && !build.started ? -ENODATA : result;
}

int profile_read(const char *path, profile_progress progress, void *data, struct profile **to, struct lens_error *error)
{
    struct profile *profile;
    struct trace *trace;
    int result = trace_open(path, &trace, error);

    *to = NULL;
    if (result < 0)
        return result;
    profile = calloc(1, sizeof *profile);
    result = profile ? read_all(trace, path, progress, data, profile) : -ENOMEM;
    trace_close(trace);
    if (result == 0) {
        *to = profile;
        return 0;
    }
    profile_close(profile);
    if (result == -ENODATA)
        lens_error_set(error, -1, "%s holds no whole frame: the program was killed at once, or the file was cut", path);
    else
        lens_error_set(error, -1, "%s: out of memory", path);
    return result;
}

void profile_close(struct profile *p)
{
    if (!p)
        return;
    free(p->meta.path);
    free(p->meta.program);
    free(p->meta.machine);
    free(p->meta.kernel);
    for (size_t i = 0; p->meta.argv && i < p->meta.argc; i++)
        free(p->meta.argv[i]);
    free(p->meta.argv);
    for (size_t i = 0; i < p->modules_count; i++)
        free(p->modules[i].path);
    for (size_t i = 0; i < p->files_count; i++)
        free(p->files[i].path);
    free(p->modules);
    free(p->nodes);
    free(p->sites);
    free(p->moments);
    free(p->changes);
    free(p->blocks);
    free(p->files);
    free(p->inputs);
    free(p->writers);
    profile_usage_free(p->usage);
    free(p);
}
