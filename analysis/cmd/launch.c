/* launch.c - from lens into the program; see launch.h. */
#include "analysis/cmd/launch.h"
#include "analysis/names/modules.h"

#include "liblens/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LENS_PREFIX
#define LENS_PREFIX "/usr/local"
#endif
#define PRELOAD_NAME "liblens-preload.so"

extern char **environ;

/* plan -> LENS_PLAN */
void launch_option(const char *name, const char *text)
{
    char variable[40];
    size_t length = 0;

    length += lensi_format(variable, sizeof variable, "LENS_");
    for (; *name && length + 1 < sizeof variable; name++)
        variable[length++] = *name == '-' ? '_' : (char)(*name & ~32);
    variable[length] = '\0';
    setenv(variable, text, 1);
}

/* Next to lens (the build tree), in ../lib/lens (installed, wherever that was moved), or where it was installed to. */
static int find_preload(const char *command, char path[PATH_MAX])
{
    char folder[PATH_MAX - 64];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);

    if (length > 0) {
        folder[length] = '\0';
        *strrchr(folder, '/') = '\0';
        snprintf(path, PATH_MAX, "%s/" PRELOAD_NAME, folder);
        if (access(path, R_OK) == 0)
            return 0;
        snprintf(path, PATH_MAX, "%s/../lib/lens/" PRELOAD_NAME, folder);
        if (access(path, R_OK) == 0)
            return 0;
    }
    snprintf(path, PATH_MAX, LENS_PREFIX "/lib/lens/" PRELOAD_NAME);
    if (access(path, R_OK) == 0)
        return 0;
    lensi_warn("%s: " PRELOAD_NAME " is neither beside lens nor in ../lib/lens nor in " LENS_PREFIX
               "/lib/lens; install lens again", command);
    return LENSI_EXIT_FAILED;
}

/* Whoever can write the library runs in the program. The owner of lens itself can do that anyhow. */
static bool is_trusted(const char *library)
{
    struct stat own, status;

    if (stat("/proc/self/exe", &own) < 0 || stat(library, &status) < 0)
        return false;
    return (status.st_uid == geteuid() || status.st_uid == 0 || status.st_uid == own.st_uid) && !(status.st_mode & S_IWOTH);
}

/* Puts the library before what is preloaded already. The dynamic linker splits the list at spaces and colons. */
/* Its runtime comes as a library (gcc), or in the program itself (clang). */
static bool is_sanitized(const char *binary)
{
    static const char *const runtimes[] = {"__asan_init", "__tsan_init", "__msan_init", "__hwasan_init"};
    static const char *const libraries[] = {"libasan.", "libtsan.", "libhwasan.", "libclang_rt."};
    static struct modules modules;

    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++)
        if (module_defines(binary, runtimes[i]))
            return true;
    if (modules_of(binary, &modules) < 0)
        return false;
    for (size_t m = 1; m < modules.count; m++)
        for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
            if (strncmp(modules.list[m].name, libraries[i], strlen(libraries[i])) == 0)
                return true;
    return false;
}

int launch_preload(const char *command, const struct program *program)
{
    const char *before = getenv("LD_PRELOAD");
    char path[PATH_MAX], *list;

    if (is_sanitized(program->binary)) { /* such a runtime has to come first, and knows of no memory but its own */
        lensi_warn("%s: passing through: %s is built with a sanitizer", command, program->binary);
        return 0;
    }
    if (find_preload(command, path))
        return LENSI_EXIT_FAILED;
    if (!is_trusted(path)) {
        lensi_warn("%s: %s can be written by others; make it yours alone (chown, chmod o-w), or install lens again", command, path);
        return LENSI_EXIT_FAILED;
    }
    if (strpbrk(path, " :")) {
        lensi_warn("%s: the path %s has a space or a colon, which the dynamic linker cannot read; move lens", command, path);
        return LENSI_EXIT_FAILED;
    }
    if (asprintf(&list, "%s%s%s", path, before && *before ? ":" : "", before ? before : "") < 0)
        return LENSI_EXIT_FAILED;
    setenv("LD_PRELOAD", list, 1);
    free(list);
    /* This process becomes the program: of all that load the library, it is the one to report. */
    snprintf(path, sizeof path, "%d", (int)getpid());
    setenv("LENS_MAIN_PROCESS", path, 1);
    return 0;
}

int launch_execute(const char *command, const struct program *program, int argc, char **argv)
{
    char **shell = NULL;

    if (program->needs_shell && (shell = calloc((size_t)argc + 2, sizeof *shell)) != NULL) {
        static char shell_name[] = "sh";

        shell[0] = shell_name;
        shell[1] = strdup(program->path);
        memcpy(shell + 2, argv + 1, (size_t)argc * sizeof *shell);
        execve("/bin/sh", shell, environ);
    } else {
        execve(program->path, argv, environ);
    }
    lensi_warn("%s: cannot run %s: %s", command, program->path, strerror(errno));
    return errno == ENOENT ? LENSI_EXIT_NOT_FOUND : LENSI_EXIT_REFUSED;
}
