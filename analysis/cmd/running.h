/*
 * running.h - programs that run under lens now, and what they show: the gauges of virtualised ones
 * (liblens/base/gauges.h), the trace of profiled ones, which grows while they run.
 *
 * What is read belongs to other processes and is not trusted: owner, kind, size and format are checked first.
 */
#ifndef LENS_RUNNING_H
#define LENS_RUNNING_H

#include "liblens/base/stats.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum running_kind { RUNNING_VIRTUALISED, RUNNING_PROFILED };

struct running {
    pid_t pid;
    uid_t owner;
    enum running_kind kind;
    char shown[64];         /* /proc/PID/fd/N: the gauges or the trace */
    char trace[PATH_MAX];   /* of a profiled program */
    char command[256];      /* its command line, words separated by spaces, as it is: not safe for a terminal */
};

/*
 * Looks at one process. 0; -ESRCH there is none, or it has ended; -EACCES it is somebody else's; -ENOENT it does not
 * run under lens (or has nothing to show).
 */
int running_find(pid_t pid, struct running *running);
/* All that may be looked at, in the order of their numbers, in malloc memory. 0 or -errno. */
int running_list(struct running **list, size_t *count);
/* A copy of the gauges. 0; -ESRCH the process has ended; -EPROTO another version's, or no gauges. */
int running_read(const struct running *running, struct lensi_gauges *gauges);

#endif
