/*
 * program.h - the program a person named: where it is, what runs it, and whether lens can live in it.
 */
#ifndef LENS_PROGRAM_H
#define LENS_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

struct program {
    char path[PATH_MAX];     /* what to execute */
    char binary[PATH_MAX];   /* the ELF file that runs in the end: the path itself, or a script's interpreter */
    bool needs_shell;        /* a text without #!: /bin/sh runs it, as a shell would do */
    char problem[PATH_MAX + 200]; /* after a failure: one clear line */
};

/*
 * Finds `name` as a shell does (a name with / as it is, else along PATH). 0, LENSI_EXIT_NOT_FOUND or
 * LENSI_EXIT_REFUSED with program->problem.
 */
int program_find(const char *name, struct program *program);
/*
 * Follows #! lines to the binary and checks that the dynamic linker will load a preloaded library into it: linked
 * dynamically, of this machine, without setuid, setgid or file capabilities. 0 or LENSI_EXIT_REFUSED with
 * program->problem.
 */
int program_check(struct program *program);

#endif
