/*
 * resolve.h - makes the FILE:LINE frames of a plan into ranges of code, and hands the result to the program.
 */
#ifndef LENS_RESOLVE_H
#define LENS_RESOLVE_H

#include "liblens/plan/plan.h"

/* Whether any frame of the plan is a FILE:LINE. */
bool resolve_is_needed(const struct lensi_plan *plan);
/*
 * Replaces the sites of *plan by ones without FILE:LINE, for the program whose ELF file is `binary`. 0, or -EINVAL
 * with error->text: "FILE:LINE: ...", what was not found.
 */
int resolve_lines(struct lensi_plan *plan, const char *binary, struct lens_error *error);
/*
 * Writes the plan to a file of our own under $XDG_RUNTIME_DIR/lens or /tmp/lens-UID, named after its content, and
 * removes ones not used for a week. `path` gets its name. 0 or -errno with error->text.
 */
int resolve_write(const struct lensi_plan *plan, char *path, size_t room, struct lens_error *error);

#endif
