/*
 * plan.c - reads plans (docs/plan.md): definitions of lenses, and sites.
 *
 * Called once, before the program runs, by the preload library, and by the lens command. Everything that lasts lies
 * in the arena.
 */
#include "liblens/plan/plan_parts.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <string.h>

#define PLAN_MAX_BYTES ((size_t)1 << 20)
#define MIN_DEFAULT (64 * 1024)

static const struct lensi_plan *in_force;

/* ------------------------------------------------------------------ what stands in a site */

/* A site while it is read. `seen` has a bit for every keyword that may come once. */
struct site_parse {
    struct lensi_plan_site *site;
    unsigned seen;
};

static int parse_min(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    return lensi_parser_whole(parser, "a size such as 64K", &site->min_bytes);
}

static int parse_max(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    return lensi_parser_whole(parser, "a size such as 1G", &site->max_bytes);
}

static int add_file(struct lensi_parser *parser, struct lensi_plan_site *site, bool fixed)
{
    struct lensi_place place = lensi_parser_place(parser);
    const char *text;
    int result = lensi_parser_string(
        parser, fixed ? "a file's path in quotes" : "a pattern in quotes, such as \"*.txt\"", &text);

    if (result < 0)
        return result;
    if (fixed && *text != '/')
        return lensi_parser_fail(parser, place,
                                 "path \"%.40s\" is not absolute; begin with /, or use file for a pattern", text);
    if (site->files_count == LENSI_FILES_MAX)
        return lensi_parser_fail(parser, place, "too many files; %d are the most for one site", LENSI_FILES_MAX);
    site->files[site->files_count] = text;
    site->fixed[site->files_count++] = fixed;
    return 0;
}

static int parse_files(struct lensi_parser *parser, struct lensi_plan_site *site, bool fixed)
{
    int result;

    do
        result = add_file(parser, site, fixed);
    while (result == 0 && parser->lexer.token.kind == LENSI_TOKEN_STRING);
    return result;
}

static int parse_file(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    return parse_files(parser, site, false);
}

static int parse_path(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    return parse_files(parser, site, true);
}

static int parse_lens(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    if (site->pipes_count == LENSI_ALTERNATIVES_MAX)
        return lensi_parser_fail(parser, lensi_parser_place(parser), "too many lenses; %d are the most for one site",
                                 LENSI_ALTERNATIVES_MAX);
    int result = lensi_parser_pipe(parser, &site->pipes[site->pipes_count]);
    site->pipes_count += result == 0;
    return result;
}

static int parse_step(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    int result = lensi_parser_next(parser);

    if (result < 0)
        return result;
    if (!lensi_parser_sees(parser, "block"))
        return lensi_parser_whole(parser, "a number of bytes, or block", &site->step);
    site->step = LENSI_STEP_BLOCK;
    return lensi_parser_next(parser);
}

static int parse_extent(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    static const char *const words[] = {"read", NULL};

    if (lensi_parser_sees(parser, "read")) {
        site->extent = LENSI_EXTENT_READ;
        return lensi_parser_next(parser);
    }
    if (parser->lexer.token.kind != LENSI_TOKEN_NUMBER)
        return lensi_parser_unknown(parser, "an offset in bytes, or read", words);
    int result = lensi_parser_whole(parser, "an offset in bytes, or read", &site->offset);
    return result == 0 && lensi_parser_sees(parser, "step") ? parse_step(parser, site) : result;
}

static int parse_packed(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    (void)parser;
    site->packed = true;
    return 0;
}

static const struct keyword {
    const char *word;
    bool repeats;
    int (*parse)(struct lensi_parser *parser, struct lensi_plan_site *site);
} keywords[] = {
    {"min", false, parse_min},   {"max", false, parse_max},       {"file", true, parse_file},
    {"path", true, parse_path},  {"lens", true, parse_lens},      {"extent", false, parse_extent},
    {"packed", false, parse_packed},
};
#define KEYWORDS (sizeof keywords / sizeof keywords[0])

static int parse_keyword(struct lensi_parser *parser, struct site_parse *parse)
{
    const char *words[KEYWORDS + 1] = {NULL};

    for (size_t i = 0; i < KEYWORDS; i++) {
        words[i] = keywords[i].word;
        if (!lensi_parser_sees(parser, keywords[i].word))
            continue;
        if (!keywords[i].repeats && (parse->seen & 1u << i))
            return lensi_parser_fail(parser, lensi_parser_place(parser), "%s is given twice; keep one",
                                     keywords[i].word);
        parse->seen |= 1u << i;
        int result = lensi_parser_next(parser);
        return result ? result : keywords[i].parse(parser, parse->site);
    }
    if (parser->lexer.token.kind == LENSI_TOKEN_END)
        return lensi_parser_expected(parser, "} at the end of the site");
    return lensi_parser_unknown(parser, "min, max, file, path, lens, extent, packed or }", words);
}

/* ------------------------------------------------------------------ sites */

static int parse_frame(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    struct lensi_place place = lensi_parser_place(parser);
    const char *text;
    int result = lensi_parser_string(parser, "a function's name, \"module+0x1234\", \"file.c:12\" or \"*\"", &text);

    if (result < 0)
        return result;
    if (site->frames_count == LENSI_FRAMES_MAX)
        return lensi_parser_fail(parser, place, "too many frames; %d are the most for one site", LENSI_FRAMES_MAX);
    return lensi_parser_frame(parser, place, text, &site->frames[site->frames_count++]);
}

static int name_by_frame(struct lensi_plan_site *site)
{
    struct lensi_writer writer = {NULL, 0, 0};

    lensi_write_frame(&writer, &site->frames[0]);
    writer = (struct lensi_writer){lensi_arena_new(writer.length + 1), writer.length + 1, 0};
    if (!writer.to)
        return -ENOMEM;
    lensi_write_frame(&writer, &site->frames[0]);
    site->name = writer.to;
    return 0;
}

/* "..." { from "..." } [ as "..." ] */
static int parse_head(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    int result = parse_frame(parser, site);

    while (result == 0 && lensi_parser_sees(parser, "from")) {
        result = lensi_parser_next(parser);
        if (result == 0)
            result = parse_frame(parser, site);
    }
    if (result == 0)
        result = name_by_frame(site);
    if (result == 0 && lensi_parser_sees(parser, "as")) {
        result = lensi_parser_next(parser);
        if (result == 0)
            result = lensi_parser_string(parser, "a name in quotes", &site->name);
    }
    if (result == 0 && !lensi_parser_sees(parser, "{"))
        return lensi_parser_expected(parser, "{ (or from before an outer frame)");
    return result ? result : lensi_parser_next(parser);
}

static int check_site(const struct lensi_parser *parser, struct lensi_place place, const struct lensi_plan_site *site)
{
    if (site->pipes_count == 0)
        return lensi_parser_fail(parser, place, "this site has no lens; add a line such as: lens verbatim");
    if (site->files_count == 0)
        return lensi_parser_fail(parser, place, "this site has no file; add a line such as: file \"*.txt\"");
    if (site->min_bytes > site->max_bytes)
        return lensi_parser_fail(parser, place, "min is larger than max; no block can match");
    return 0;
}

static int parse_site(struct lensi_parser *parser, struct lensi_plan_site *site)
{
    struct lensi_place place = lensi_parser_place(parser);
    struct site_parse parse = {site, 0};
    int result = lensi_parser_next(parser);

    memset(site, 0, sizeof *site);
    site->line = place.line;
    site->min_bytes = LENS_UNKNOWN;
    site->max_bytes = LENS_UNKNOWN;
    if (result == 0)
        result = parse_head(parser, site);
    while (result == 0 && !lensi_parser_sees(parser, "}"))
        result = parse_keyword(parser, &parse);
    if (result < 0)
        return result;
    if (site->min_bytes == LENS_UNKNOWN)
        site->min_bytes = site->packed || site->max_bytes < MIN_DEFAULT ? 0 : MIN_DEFAULT;
    result = check_site(parser, place, site);
    return result ? result : lensi_parser_next(parser);
}

static int add_site(struct lensi_parser *parser, struct lensi_plan_site **sites, size_t *count)
{
    if (*count == LENSI_PLAN_SITES_MAX)
        return lensi_parser_fail(parser, lensi_parser_place(parser), "too many sites; %d are the most",
                                 LENSI_PLAN_SITES_MAX);
    *sites = lensi_parser_grow(*sites, *count, sizeof **sites);
    int result = *sites ? parse_site(parser, &(*sites)[*count]) : -ENOMEM;
    *count += result == 0;
    return result;
}

/* ------------------------------------------------------------------ plans */

/* The name being defined must be new: what a word means does not depend on where it stands. */
static int check_name(const struct lensi_parser *parser, struct lensi_place place, const char *name)
{
    if (lens_find(name))
        return lensi_parser_fail(parser, place, "%.40s is a built-in lens; choose another name", name);
    for (size_t i = 0; i < parser->named_count; i++)
        if (strcmp(parser->named[i].name, name) == 0)
            return lensi_parser_fail(parser, place, "%.40s is defined twice; choose another name", name);
    return 0;
}

/* lens NAME = pipe */
static int parse_definition(struct lensi_parser *parser)
{
    struct lensi_named_lens lens;
    int result = lensi_parser_next(parser);
    struct lensi_place place = lensi_parser_place(parser);

    if (result < 0)
        return result;
    if (parser->lexer.token.kind != LENSI_TOKEN_WORD)
        return lensi_parser_expected(parser, "a name for the lens");
    lens.name = lensi_arena_text(parser->lexer.token.text, parser->lexer.token.bytes);
    if (!lens.name)
        return -ENOMEM;
    result = check_name(parser, place, lens.name);
    if (result == 0)
        result = lensi_parser_next(parser);
    if (result == 0)
        result = lensi_parser_take(parser, "=");
    if (result == 0)
        result = lensi_parser_pipe(parser, &lens.pipe);
    if (result < 0)
        return result;
    parser->named = lensi_parser_grow(parser->named, parser->named_count, sizeof *parser->named);
    if (!parser->named)
        return -ENOMEM;
    parser->named[parser->named_count++] = lens;
    return 0;
}

/* lens-plan 1, at the very front: it tells a plan from other files. */
static int parse_magic(struct lensi_parser *parser)
{
    const struct lensi_token *token = &parser->lexer.token;
    struct lensi_place place = lensi_parser_place(parser);

    if (!lensi_parser_sees(parser, "lens-plan") || place.line != 1)
        return lensi_parser_fail(parser, (struct lensi_place){1, 1},
                                 "this is not a plan; the first line must be: lens-plan 1");
    int result = lensi_parser_next(parser);
    if (result < 0)
        return result;
    if (token->kind != LENSI_TOKEN_NUMBER || !token->number.whole || token->number.integer != 1)
        return lensi_parser_expected(parser, "1, the only version of plans that this lens reads");
    return lensi_parser_next(parser);
}

static int parse_statements(struct lensi_parser *parser, struct lensi_plan *plan)
{
    static const char *const words[] = {"lens", "site", NULL};
    struct lensi_plan_site *sites = NULL;
    int result = parse_magic(parser);

    while (result == 0 && parser->lexer.token.kind != LENSI_TOKEN_END) {
        if (lensi_parser_sees(parser, "lens")) {
            result = parse_definition(parser);
        } else if (lensi_parser_sees(parser, "site")) {
            result = add_site(parser, &sites, &plan->sites_count);
        } else {
            result = lensi_parser_unknown(parser, "lens or site", words);
        }
    }
    plan->sites = sites;
    return result;
}

int lensi_plan_parse(const char *path, const char *text, size_t bytes, struct lensi_plan *plan,
                     struct lens_error *error)
{
    struct lensi_parser parser = {.path = path, .error = error};
    int result = lensi_lexer_start(&parser.lexer, text, bytes);

    memset(plan, 0, sizeof *plan);
    if (result < 0)
        return result;
    plan->path = lensi_arena_text(path, strlen(path));
    return plan->path ? parse_statements(&parser, plan) : -ENOMEM;
}

/* ------------------------------------------------------------------ files */

static int cannot_read(const char *path, int reason, struct lens_error *error)
{
    const char *why = reason == -ENOENT    ? "no such file"
                      : reason == -EACCES  ? "permission denied"
                      : reason == -EISDIR  ? "it is a directory"
                      : reason == -ESPIPE  ? "it is not a regular file"
                      : reason == -EFBIG   ? "it is larger than 1 MiB"
                      : reason == -EPERM   ? "others can write it; make it yours alone (chmod go-w)"
                      : reason == -ENOTDIR ? "part of its path is not a directory"
                                           : NULL;

    if (why)
        lens_error_set(error, -1, "cannot read the plan %.120s: %s", path, why);
    else
        lens_error_set(error, -1, "cannot read the plan %.120s: error %d", path, -reason);
    return reason;
}

/* Checks what was opened; its size, or -errno. */
static int64_t plan_size(int fd)
{
    struct stat status;
    int result = lensi_sys_stat(fd, &status);

    if (result < 0)
        return result;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (!S_ISREG(status.st_mode))
        return -ESPIPE;
    /* A group of our own is as good as ourselves: many systems give each user one, and a umask to match. */
    if (status.st_mode & S_IWOTH || (status.st_mode & S_IWGRP && status.st_gid != (gid_t)lensi_sys(SYS_getegid, 0, 0, 0, 0, 0, 0)))
        return -EPERM;
    return (uint64_t)status.st_size > PLAN_MAX_BYTES ? -EFBIG : status.st_size;
}

/* Parses size bytes of fd. */
static int read_and_parse(int fd, size_t size, const char *path, struct lensi_plan *plan, struct lens_error *error)
{
    char *text = lensi_arena_map(size + 1);
    int result;

    if (!text)
        return cannot_read(path, -ENOMEM, error);
    int64_t got = lensi_sys_pread(fd, text, size, 0);
    if (got < 0)
        result = cannot_read(path, (int)got, error);
    else
        result = lensi_plan_parse(path, text, (size_t)got, plan, error);
    lensi_arena_unmap(text, size + 1);
    return result;
}

int lensi_plan_read(const char *path, struct lensi_plan *plan, struct lens_error *error)
{
    /* Non-blocking, so that a FIFO is an error and not a wait. */
    int fd = lensi_sys_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    int64_t size = fd < 0 ? fd : plan_size(fd);
    int result = size < 0 ? cannot_read(path, (int)size, error) : read_and_parse(fd, (size_t)size, path, plan, error);

    if (fd >= 0)
        lensi_sys_close(fd);
    return result;
}

void lensi_plan_enforce(const struct lensi_plan *plan) { in_force = plan; }

const struct lensi_plan *lensi_plan_in_force(void) { return in_force; }
