/* program.c - see program.h. */
#include "analysis/trace/program.h"

#include "liblens/base/log.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPT_LEVELS_MAX 5 /* as in the kernel */
#define SCRIPT_LINE_MAX 256 /* as in the kernel */

/* The header of the running lens itself, put there by the linker: it names this machine. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

__attribute__((format(printf, 2, 3))) static int refuse(struct program *program, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(program->problem, sizeof program->problem, format, list);
    va_end(list);
    return LENSI_EXIT_REFUSED;
}

/* ------------------------------------------------------------------ finding */

/* 0 if path is a file that may be executed, else the errno an exec would give. */
static int try_path(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    if (!S_ISREG(status.st_mode))
        return EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

static int cannot_execute(struct program *program, const char *name, int reason)
{
    refuse(program, "cannot run %s: %s", name, reason == ENOENT ? "no such file" : strerror(reason));
    return reason == ENOENT || reason == ENOTDIR ? LENSI_EXIT_NOT_FOUND : LENSI_EXIT_REFUSED;
}

/* Looks along PATH. A file that may not be executed is remembered, but does not end the search. */
static int find_in_path(const char *name, char to[PATH_MAX])
{
    const char *folders = getenv("PATH");
    int best = ENOENT;

    if (!folders)
        folders = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        int length = (int)strcspn(folders, ":");

        if (snprintf(to, PATH_MAX, "%.*s%s%s", length, folders, length ? "/" : "./", name) < PATH_MAX) {
            int reason = try_path(to);

            if (reason == 0)
                return 0;
            if (reason == EACCES)
                best = EACCES;
        }
        if (folders[length] == '\0')
            return best;
        folders += length + 1;
    }
}

int program_find(const char *name, struct program *program)
{
    int reason;

    memset(program, 0, sizeof *program);
    if (*name == '\0')
        return cannot_execute(program, "\"\"", ENOENT);
    if (strchr(name, '/')) {
        reason = strlen(name) < PATH_MAX ? try_path(name) : ENAMETOOLONG;
        if (reason == 0)
            strcpy(program->path, name);
    } else {
        reason = find_in_path(name, program->path);
        if (reason == ENOENT) {
            refuse(program, "%s: command not found", name);
            return LENSI_EXIT_NOT_FOUND;
        }
    }
    return reason ? cannot_execute(program, name, reason) : 0;
}

/* ------------------------------------------------------------------ scripts */

/* Splits "#! interpreter argument". Returns the interpreter or NULL; *argument may be NULL. */
static char *script_interpreter(char *line, char **argument)
{
    char *at = line + 2 + strspn(line + 2, " \t"), *end;

    line[strcspn(line, "\n")] = '\0';
    end = at + strcspn(at, " \t");
    *argument = *end ? end + strspn(end, " \t") : NULL;
    *end = '\0';
    return *at ? at : NULL;
}

/* `#!/usr/bin/env NAME`: what runs is NAME, found along PATH. */
static bool is_env(const char *interpreter, const char *argument)
{
    const char *slash = strrchr(interpreter, '/');

    return strcmp(slash ? slash + 1 : interpreter, "env") == 0 && argument && *argument && *argument != '-' &&
           !strchr(argument, '=');
}

/* Moves program->binary on to the interpreter that `line`, a script's first, names. */
static int follow_script(struct program *program, char *line)
{
    char found[PATH_MAX], *argument, *interpreter = script_interpreter(line, &argument);
    int reason;

    if (!interpreter)
        return refuse(program, "%s: its first line names no interpreter", program->binary);
    if (is_env(interpreter, argument)) {
        argument[strcspn(argument, " \t")] = '\0';
        reason = find_in_path(argument, found);
        interpreter = argument;
    } else {
        reason = try_path(interpreter);
        snprintf(found, sizeof found, "%s", interpreter);
    }
    if (reason)
        return refuse(program, "%s: cannot run its interpreter %s: %s", program->binary, interpreter, strerror(reason));
    strcpy(program->binary, found);
    return 0;
}

/* ------------------------------------------------------------------ binaries */

static int check_privileges(struct program *program, int fd)
{
    struct stat status;
    const char *why = NULL;

    if (fstat(fd, &status) < 0)
        return refuse(program, "cannot look at %s: %s", program->binary, strerror(errno));
    if (status.st_mode & S_ISUID)
        why = "is setuid";
    else if ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP))
        why = "is setgid";
    else if (fgetxattr(fd, "security.capability", NULL, 0) > 0)
        why = "has file capabilities";
    return why ? refuse(program, "%s %s: the system lets no library into such programs", program->binary, why) : 0;
}

static bool read_at(int fd, void *to, size_t bytes, uint64_t offset)
{
    return pread(fd, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* The dynamic linker decides whether and how libraries get in. */
static int check_interpreter(struct program *program, int fd, const Elf64_Phdr *header)
{
    char linker[PATH_MAX] = "";

    if (header->p_filesz >= sizeof linker || !read_at(fd, linker, header->p_filesz, header->p_offset))
        return refuse(program, "%s is damaged: the name of its dynamic linker cannot be read", program->binary);
    if (strstr(linker, "ld-musl"))
        return refuse(program, "%s uses musl; lens works in programs that use glibc", program->binary);
    return 0;
}

static int check_linking(struct program *program, int fd, const Elf64_Ehdr *elf)
{
    Elf64_Phdr header;

    for (unsigned i = 0; i < elf->e_phnum; i++) {
        if (elf->e_phentsize != sizeof header ||
            !read_at(fd, &header, sizeof header, elf->e_phoff + i * sizeof header))
            return refuse(program, "%s is damaged: its program headers cannot be read", program->binary);
        if (header.p_type == PT_INTERP)
            return check_interpreter(program, fd, &header);
    }
    return refuse(program, "%s is statically linked: no library can be put before its malloc", program->binary);
}

static int check_elf(struct program *program, int fd)
{
    Elf64_Ehdr elf;

    if (!read_at(fd, &elf, sizeof elf, 0))
        return refuse(program, "%s is not a program: its header is cut off", program->binary);
    if (elf.e_ident[EI_CLASS] != ELFCLASS64)
        return refuse(program, "%s is a 32-bit program; lens works in 64-bit programs only", program->binary);
    if (elf.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] || elf.e_machine != __ehdr_start.e_machine)
        return refuse(program, "%s is made for another kind of machine (ELF machine %u)", program->binary,
                      elf.e_machine);
    if (elf.e_type != ET_EXEC && elf.e_type != ET_DYN)
        return refuse(program, "%s is an ELF file, but not a program", program->binary);
    int status = check_privileges(program, fd);
    return status ? status : check_linking(program, fd, &elf);
}

/* Neither ELF nor #!: a shell would run a text by /bin/sh. */
static int follow_text(struct program *program, const char *start, size_t bytes)
{
    if (memchr(start, '\0', bytes))
        return refuse(program, "%s is not a program this system can run", program->binary);
    program->needs_shell = strcmp(program->binary, program->path) == 0;
    strcpy(program->binary, "/bin/sh");
    return 0;
}

/* Looks at program->binary: done (*done), or one step on to what runs it. */
static int check_step(struct program *program, bool *done)
{
    char start[SCRIPT_LINE_MAX + 1] = "";
    int fd = open(program->binary, O_RDONLY | O_CLOEXEC), status;

    if (fd < 0)
        return refuse(program, "cannot look at %s, so as to know whether lens can work in it: %s", program->binary,
                      strerror(errno));
    ssize_t got = pread(fd, start, SCRIPT_LINE_MAX, 0);
    if (got >= 4 && memcmp(start, ELFMAG, SELFMAG) == 0) {
        *done = true;
        status = check_elf(program, fd);
    } else if (got >= 2 && start[0] == '#' && start[1] == '!') {
        status = follow_script(program, start);
    } else {
        status = follow_text(program, start, got > 0 ? (size_t)got : 0);
    }
    close(fd);
    return status;
}

int program_check(struct program *program)
{
    bool done = false;
    int status = 0;

    strcpy(program->binary, program->path);
    for (int level = 0; status == 0 && !done; level++) {
        if (level > SCRIPT_LEVELS_MAX)
            return refuse(program, "%s: its interpreters are scripts without end", program->path);
        status = check_step(program, &done);
    }
    return status;
}
