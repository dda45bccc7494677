/*
 * progress.h - a bar on standard error for work that a person waits for; nothing where that is not a terminal.
 */
#ifndef LENS_PROGRESS_H
#define LENS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* "reading prog.trace" */
    uint64_t start_ns, shown_ns;
    bool is_on, is_shown;
};

/* `wanted` is ANDed with "standard error is a terminal". `what` must stay. */
void progress_begin(struct progress *progress, const char *what, bool wanted);
/* Called often; draws rarely, and not at all in the first half second. */
void progress_show(struct progress *progress, uint64_t done, uint64_t all);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
