/*
 * launch.h - how lens becomes a program that has the preload library before its malloc: what run and profile share.
 *
 * `command` is the name that messages begin with. Functions return an exit status, 0 for success.
 */
#ifndef LENS_LAUNCH_H
#define LENS_LAUNCH_H

#include "analysis/trace/program.h"

/* Puts an option into the environment that the program gets: plan becomes LENS_PLAN. */
void launch_option(const char *name, const char *text);
/* Puts the library into LD_PRELOAD, and this process's number into the environment: it is the one to report. */
int launch_preload(const char *command, const struct program *program);
/* Becomes the program. Returns only if that failed, which it has told. */
int launch_execute(const char *command, const struct program *program, int argc, char **argv);

#endif
