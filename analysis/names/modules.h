/*
 * modules.h - the files whose code a program runs: itself and the libraries it names (DT_NEEDED, one level).
 */
#ifndef LENS_MODULES_H
#define LENS_MODULES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define MODULES_MAX 64

struct module {
    char path[PATH_MAX]; /* real path */
    char name[NAME_MAX + 1]; /* base name, by which the plan calls it */
};
struct modules {
    size_t count;
    struct module list[MODULES_MAX]; /* the program first */
};

/*
 * Fills *modules for the ELF file `binary`. Libraries are looked for where the dynamic linker would: RUNPATH or RPATH,
 * LD_LIBRARY_PATH, the folders of /etc/ld.so.conf, the system's. One that is not found is left out. 0 or -errno.
 */
int modules_of(const char *binary, struct modules *modules);
/* Whether the ELF file defines `name` for the dynamic linker: its own definition then goes before a preloaded one. */
bool module_defines(const char *path, const char *name);

#endif
