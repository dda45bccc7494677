/*
 * plan.h - the plan: which allocation sites are virtualised, through which lenses, over which files.
 *
 * The language is documented in docs/plan.md. A plan is parsed once, before the program runs, into arena
 * memory, and never changes afterwards. The same grammar of expressions serves lens_open.
 */
#ifndef LENSI_PLAN_H
#define LENSI_PLAN_H

#include "liblens/base/stats.h"
#include "liblens/base/text.h"
#include "liblens/lens.h"

#include <stdbool.h>

#define LENSI_STAGES_MAX 8
#define LENSI_ALTERNATIVES_MAX 16
#define LENSI_FRAMES_MAX 4
#define LENSI_FILES_MAX 8

/* One lens with its arguments read. params is arena memory of ops->params_bytes (NULL if 0). */
struct lensi_stage {
    const struct lens_ops *ops;
    const void *params;
};

/* An expression: stages[0] reads the file, stages[count - 1] makes the view. */
struct lensi_pipe {
    size_t count;
    struct lensi_stage stages[LENSI_STAGES_MAX];
    const char *text; /* canonical: names and defaults resolved, one spelling per meaning; keys the view store */
};

/* One frame of a call path. */
enum lensi_frame_kind {
    LENSI_FRAME_NAME,   /* glob over the function's name or the module's base name */
    LENSI_FRAME_OFFSET, /* module glob, [low, high) offsets of the return address in the module's file */
    LENSI_FRAME_LINE    /* file:line, not resolved to offsets yet (the preload library warns and never matches) */
};
struct lensi_frame {
    enum lensi_frame_kind kind;
    const char *text;   /* the name glob, the module glob, or the source file */
    uint64_t low, high; /* OFFSET */
    unsigned line;      /* LINE */
    const struct lensi_frame *also; /* OFFSET: a further range of the same frame (one line's code may lie apart) */
};

enum lensi_extent_kind {
    LENSI_EXTENT_FIXED, /* the n-th block of the site (per file) begins at view offset `offset` + n * step */
    LENSI_EXTENT_READ   /* a block's bytes lie in the view where the program's reads into it took them from the file */
};
#define LENSI_STEP_BLOCK UINT64_MAX /* step = the sizes of the blocks before */

struct lensi_plan_site {
    const char *name; /* `as "..."`, else the first frame as written; for messages */
    unsigned line;    /* in the plan file */
    struct lensi_frame frames[LENSI_FRAMES_MAX]; /* inner to outer; each must match some frame, in this order */
    size_t frames_count;
    uint64_t min_bytes, max_bytes;
    const char *files[LENSI_FILES_MAX]; /* globs over the path as opened or its base name; '/' first: the whole path */
    size_t files_count;
    bool fixed[LENSI_FILES_MAX];        /* `path "…"`: this file, whether the program opens it or not */
    const struct lensi_pipe *pipes[LENSI_ALTERNATIVES_MAX]; /* tried in this order */
    size_t pipes_count;
    enum lensi_extent_kind extent;
    uint64_t offset, step;
    bool snapshot; /* its blocks are their own backing (snapshot.h): not in the language; for tools that make a plan */
    bool packed; /* small allocations: packed in a region of the site's own */
};

struct lensi_plan {
    const char *path;
    const struct lensi_plan_site *sites;
    size_t sites_count;
};

/* The plan that this process runs with, or NULL: set once, before the program's own code. It must stay. */
void lensi_plan_enforce(const struct lensi_plan *plan);
const struct lensi_plan *lensi_plan_in_force(void);

/*
 * Parses text[0, bytes). 0 and *plan, or -EINVAL with error->text = "FILE:LINE:COLUMN: what; what to do" (the nearest
 * valid word where a word was not known), or -ENOMEM.
 */
int lensi_plan_parse(const char *path, const char *text, size_t bytes, struct lensi_plan *plan,
                     struct lens_error *error);
/* Whether a return address at `offset` of the module's file lies in one of an OFFSET frame's ranges (see `also`). */
bool lensi_frame_holds(const struct lensi_frame *frame, uint64_t offset);
/* Reads and parses a file; -errno of opening it with error filled in. */
int lensi_plan_read(const char *path, struct lensi_plan *plan, struct lens_error *error);
/* Parses one expression, "gunzip | bytes(swap=2)". */
int lensi_pipe_parse(const char *text, const struct lensi_pipe **pipe, struct lens_error *error);
/* Whether the pipe's view is the file's own bytes, so that nothing has to be made. */
bool lensi_pipe_is_identity(const struct lensi_pipe *pipe);
/* Whether some pipe of the site is. */
bool lensi_site_has_identity(const struct lensi_plan_site *site);
/* Writes the plan back in canonical form into to[0, room); returns the length it has. */
size_t lensi_plan_print(const struct lensi_plan *plan, char *to, size_t room);

#endif
