/* modules.c - see modules.h. */
#include "analysis/names/modules.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a search needs to know of the program. */
struct search {
    Elf *elf;
    Elf_Scn *section;   /* .dynamic or .dynsym */
    GElf_Shdr header;
    const char *origin; /* the program's folder */
};

static void add_module(struct modules *modules, const char *path)
{
    struct module *module = &modules->list[modules->count];
    const char *slash;

    if (modules->count == MODULES_MAX || !realpath(path, module->path))
        return;
    slash = strrchr(module->path, '/');
    snprintf(module->name, sizeof module->name, "%s", slash + 1);
    modules->count++;
}

/* Adds folder/name if there is such a file. `$ORIGIN` in front of the folder is the program's own. */
static bool add_from(struct modules *modules, const char *origin, const char *folder, int length, const char *name)
{
    static const char *const marks[] = {"$ORIGIN", "${ORIGIN}"};
    char path[PATH_MAX];
    const char *before = "";

    for (size_t i = 0; i < 2; i++) {
        int mark = (int)strlen(marks[i]);

        if (length >= mark && strncmp(folder, marks[i], (size_t)mark) == 0) {
            before = origin;
            folder += mark;
            length -= mark;
            break;
        }
    }
    if (snprintf(path, sizeof path, "%s%.*s/%s", before, length, folder, name) >= (int)sizeof path ||
        access(path, R_OK) < 0)
        return false;
    add_module(modules, path);
    return true;
}

static bool add_from_list(struct modules *modules, const char *origin, const char *folders, const char *name)
{
    while (folders && *folders) {
        int length = (int)strcspn(folders, ":");

        if (length && add_from(modules, origin, folders, length, name))
            return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}

/* The folders of one file of /etc/ld.so.conf.d, a line each. */
static bool add_from_conf(struct modules *modules, const char *conf, const char *name)
{
    char line[PATH_MAX];
    bool found = false;
    FILE *file = fopen(conf, "re");

    while (file && !found && fgets(line, sizeof line, file)) {
        int length = (int)strcspn(line, "# \t\n");

        found = *line == '/' && add_from(modules, "", line, length, name);
    }
    if (file)
        fclose(file);
    return found;
}

static bool add_from_system(struct modules *modules, const char *name)
{
    static const char folders[] = "/lib64:/usr/lib64:/lib:/usr/lib";
    glob_t confs;
    bool found = add_from_conf(modules, "/etc/ld.so.conf", name);

    if (!found && glob("/etc/ld.so.conf.d/*.conf", 0, NULL, &confs) == 0) {
        for (size_t i = 0; i < confs.gl_pathc && !found; i++)
            found = add_from_conf(modules, confs.gl_pathv[i], name);
        globfree(&confs);
    }
    return found || add_from_list(modules, "", folders, name);
}

/* ------------------------------------------------------------------ .dynamic */

/* Moves search->section to the first of this type. */
static bool open_section(struct search *search, unsigned type)
{
    while ((search->section = elf_nextscn(search->elf, search->section)) != NULL)
        if (gelf_getshdr(search->section, &search->header) && search->header.sh_type == type)
            return true;
    return false;
}

/* The text of the `skip`-th entry with this tag, or NULL. */
static const char *dynamic_text(const struct search *search, int64_t tag, size_t skip)
{
    Elf_Data *data = elf_getdata(search->section, NULL);
    GElf_Dyn entry;

    for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++)
        if (entry.d_tag == tag && skip-- == 0)
            return elf_strptr(search->elf, search->header.sh_link, entry.d_un.d_val);
    return NULL;
}

static void add_library(struct modules *modules, const struct search *search, const char *name)
{
    const char *runpath = dynamic_text(search, DT_RUNPATH, 0);
    const char *rpath = runpath ? NULL : dynamic_text(search, DT_RPATH, 0);

    if (strchr(name, '/'))
        add_module(modules, name);
    else if (!add_from_list(modules, search->origin, rpath, name) &&
             !add_from_list(modules, search->origin, getenv("LD_LIBRARY_PATH"), name) &&
             !add_from_list(modules, search->origin, runpath, name))
        add_from_system(modules, name);
}

int modules_of(const char *binary, struct modules *modules)
{
    struct search search = {0};
    char origin[PATH_MAX];
    int fd = open(binary, O_RDONLY | O_CLOEXEC);

    modules->count = 0;
    if (fd < 0)
        return -errno;
    add_module(modules, binary);
    elf_version(EV_CURRENT);
    search.elf = elf_begin(fd, ELF_C_READ, NULL);
    if (modules->count && search.elf && open_section(&search, SHT_DYNAMIC)) {
        const char *name;

        snprintf(origin, sizeof origin, "%s", modules->list[0].path);
        *strrchr(origin, '/') = '\0';
        search.origin = origin;
        for (size_t i = 0; (name = dynamic_text(&search, DT_NEEDED, i)) != NULL; i++)
            add_library(modules, &search, name);
    }
    elf_end(search.elf);
    close(fd);
    return modules->count ? 0 : -ENOENT;
}

static bool has_symbol(const struct search *search, const char *name)
{
    Elf_Data *data = elf_getdata(search->section, NULL);
    GElf_Sym symbol;

    for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
        const char *found = elf_strptr(search->elf, search->header.sh_link, symbol.st_name);

        if (symbol.st_shndx != SHN_UNDEF && found && strcmp(found, name) == 0)
            return true;
    }
    return false;
}

bool module_defines(const char *path, const char *name)
{
    struct search search = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool found = false;

    if (fd < 0)
        return false;
    elf_version(EV_CURRENT);
    search.elf = elf_begin(fd, ELF_C_READ, NULL);
    if (search.elf && open_section(&search, SHT_DYNSYM))
        found = has_symbol(&search, name);
    elf_end(search.elf);
    close(fd);
    return found;
}
