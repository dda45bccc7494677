/* resolve.c - see resolve.h. */
#include "analysis/names/resolve.h"

#include "analysis/names/modules.h"
#include "analysis/term/lines.h"
#include "liblens/base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One FILE:LINE being looked for. `why` is the most telling failure so far. */
struct place {
    const struct lensi_plan *plan;
    const struct lensi_plan_site *site;
    const char *module_glob; /* or NULL: the program, then its libraries */
    const char *file;
    unsigned line;
    int why;
    unsigned nearest;
};

bool resolve_is_needed(const struct lensi_plan *plan)
{
    for (size_t i = 0; i < plan->sites_count; i++)
        for (size_t j = 0; j < plan->sites[i].frames_count; j++)
            if (plan->sites[i].frames[j].kind == LENSI_FRAME_LINE)
                return true;
    return false;
}

/* Base names may hold what a glob reads otherwise. */
static char *as_glob(const char *name)
{
    char *glob = lensi_arena_new(2 * strlen(name) + 1), *to = glob;

    for (; glob && *name; name++) {
        if (strchr("*?[\\", *name))
            *to++ = '\\';
        *to++ = *name;
    }
    return glob;
}

/*
 * Return addresses lie behind calls: a call that begins in [low, high) returns to somewhere in [low + 1, high + 1).
 */
static int set_frame(struct lensi_frame *frame, const char *module, const struct line_ranges *ranges)
{
    const char *glob = as_glob(module);

    for (size_t i = 0; glob; i++) {
        memset(frame, 0, sizeof *frame);
        frame->kind = LENSI_FRAME_OFFSET;
        frame->text = glob;
        frame->low = ranges->list[i].low + 1;
        frame->high = ranges->list[i].high + 1;
        if (i + 1 == ranges->count)
            return 0;
        struct lensi_frame *more = lensi_arena_new(sizeof *more);
        frame->also = more;
        if (!more)
            break;
        frame = more;
    }
    return -ENOMEM;
}

/* Looks in one module: 1 found, 0 not here (place->why), or -ENOMEM. What libraries lack is of no interest. */
static int try_module(struct place *place, const struct module *module, bool is_program, struct lensi_frame *frame)
{
    struct line_ranges ranges;
    int result = lines_find(module->path, place->file, place->line, &ranges);

    if (result == -ENOMEM)
        return result;
    if (result == 0 && ranges.count == 0) {
        place->why = 0;
        place->nearest = ranges.nearest;
    } else if (result == -ENOENT && place->why == -ENODATA && is_program) {
        place->why = -ENOENT;
    }
    if (ranges.count)
        result = set_frame(frame, module->name, &ranges);
    else
        result = 1;
    free(ranges.list);
    return result < 0 ? result : !result;
}

static int not_found(const struct place *place, const char *binary, struct lens_error *error)
{
    const char *path = place->plan->path, *where = place->module_glob ? place->module_glob : binary;
    unsigned line = place->site->line;

    if (place->why == -ENODATA)
        return lens_error_set(error, -1,
                              "%.80s:%u: %.40s:%u cannot be looked up, %.80s has no debug information; use a "
                              "function's name or module+0xOFFSET",
                              path, line, place->file, place->line, where);
    if (place->why == -ENOENT)
        return lens_error_set(error, -1, "%.80s:%u: no code of %.80s comes from %.40s", path, line, where, place->file);
    if (place->nearest)
        return lens_error_set(error, -1, "%.80s:%u: line %u of %.40s has no code; the next that has is %u", path, line,
                              place->line, place->file, place->nearest);
    return lens_error_set(error, -1, "%.80s:%u: line %u of %.40s has no code, nor has any behind it", path, line,
                          place->line, place->file);
}

/* "module:file.c" or "file.c". */
static int split(struct place *place, const char *text)
{
    const char *colon = strrchr(text, ':');

    place->file = colon ? colon + 1 : text;
    place->module_glob = colon ? lensi_arena_text(text, (size_t)(colon - text)) : NULL;
    return colon && !place->module_glob ? -ENOMEM : 0;
}

static int resolve_frame(struct place *place, const struct modules *modules, struct lensi_frame *frame,
                         struct lens_error *error)
{
    int result = split(place, frame->text);

    place->line = frame->line;
    place->why = -ENODATA;
    place->nearest = 0;
    for (size_t i = 0; i < modules->count && result == 0; i++)
        if (!place->module_glob || lensi_glob(place->module_glob, modules->list[i].name))
            result = try_module(place, &modules->list[i], i == 0 || place->module_glob, frame);
    if (result == 0)
        return not_found(place, modules->list[0].name, error);
    return result < 0 ? lens_error_set(error, -1, "out of memory") : 0;
}

static int resolve_site(const struct lensi_plan *plan, const struct modules *modules, struct lensi_plan_site *site,
                        struct lens_error *error)
{
    struct place place = {.plan = plan, .site = site};
    int result = 0;

    for (size_t i = 0; i < site->frames_count && result == 0; i++)
        if (site->frames[i].kind == LENSI_FRAME_LINE)
            result = resolve_frame(&place, modules, &site->frames[i], error);
    return result;
}

int resolve_lines(struct lensi_plan *plan, const char *binary, struct lens_error *error)
{
    struct lensi_plan_site *sites = lensi_arena_new(plan->sites_count * sizeof *sites);
    struct modules *modules = malloc(sizeof *modules);
    int result = sites && modules ? 0 : lens_error_set(error, -1, "out of memory");

    if (result == 0 && modules_of(binary, modules) < 0)
        result = lens_error_set(error, -1, "cannot read %.120s", binary);
    if (result == 0)
        memcpy(sites, plan->sites, plan->sites_count * sizeof *sites);
    for (size_t i = 0; i < plan->sites_count && result == 0; i++)
        result = resolve_site(plan, modules, &sites[i], error);
    if (result == 0)
        plan->sites = sites;
    free(modules);
    return result;
}
