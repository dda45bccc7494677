/*
 * study.h - the traces of one report, read, and what names their addresses.
 *
 * Several traces are the processes of one run (a fork leaves a trace for each), or two runs to be compared.
 */
#ifndef LENS_STUDY_H
#define LENS_STUDY_H

#include "analysis/names/symboliser.h"
#include "analysis/trace/profile.h"
#include "analysis/trace/strings.h"

#define STUDY_FRAMES_MAX 256 /* of one call path, inlined calls included; what lies further out is left away */

/* The frames of a site's call path, innermost first, inlined calls as frames of their own. At least one. */
struct study_path {
    const struct symbol **frames;
    size_t count;
};
/* One trace. */
struct study_trace {
    struct profile *profile;
    size_t *modules;          /* the symboliser's number of each module of the profile */
    struct study_path *paths; /* of each site; element 0 is blank */
};
struct study {
    struct strings *strings;
    struct symboliser *symboliser;
    struct study_trace *traces;
    size_t traces_count;
};

struct study_options {
    const char *debug_dir; /* searched for debug files first, or NULL */
    bool shows_progress;   /* a bar on standard error */
};

/*
 * Reads the traces and names their sites' call paths. 0, or -errno after saying on standard error which of them cannot
 * be read, and why; *study is then empty. `command` begins the message.
 */
int study_open(struct study *study, const char *command, char *const *paths, size_t count,
               const struct study_options *options);
/* Reads the first trace again, which has grown; names that are known stay so. As study_open; the study stays whole. */
int study_read_again(struct study *study, const char *command, const struct study_options *options);
void study_close(struct study *study);
/*
 * The frames of any call path of a trace. Returns how many were written to `frames`, at least 1 (a path of node 0 is
 * one unknown frame), or -ENOMEM.
 */
int study_path(const struct study *study, size_t trace, uint32_t node, const struct symbol **frames, size_t room);
/* What lies at one node of a trace alone; NULL: code in no file, or out of memory. */
const struct symbols *study_symbols(const struct study *study, size_t trace, uint32_t node);
/* The frame by which a file without any, or code in no file, is shown. */
extern const struct symbol study_no_symbol;
/*
 * Says on standard error which modules could not be named, and why: at most one line each for those that are gone, were
 * changed since, or cannot be read. To be called when everything was looked up.
 */
void study_warn_of_modules(const struct study *study, const char *command);

#endif
