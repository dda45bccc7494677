/*
 * log.h - lines for a person, on standard error, without stdio.
 *
 * Every line begins with "lens: ". Async-signal-safe: formats into a small buffer and writes it at once.
 */
#ifndef LENSI_LOG_H
#define LENSI_LOG_H

#include "liblens/base/text.h"

#include <stdbool.h>

/* Where lines go: a private copy of standard error made at start, so that programs that close 2 do not matter. */
void lensi_log_open(int fd);
bool lensi_log_owns_fd(int fd);
void lensi_log_quiet(bool quiet);     /* drops lensi_say, keeps lensi_warn */
void lensi_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void lensi_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says why and ends the process with LENSI_EXIT_STOPPED: a page cannot be brought back. */
_Noreturn void lensi_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Exit statuses of `lens run` beside the program's own; docs/exit-status.md. */
enum { LENSI_EXIT_USAGE = 2, LENSI_EXIT_STOPPED = 121, LENSI_EXIT_FAILED = 125, LENSI_EXIT_REFUSED = 126, LENSI_EXIT_NOT_FOUND = 127 };

#endif
