/*
 * resolve_write.c - puts a resolved plan where the program, and what it executes later, can read it.
 *
 * The name is a hash of the content: the same plan is written once, and nobody can see it half written.
 */
#include "analysis/names/resolve.h"

#include "liblens/base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_SECONDS (7 * 24 * 3600)

/* Makes the folder ours alone, or says why it cannot be. */
static int open_folder(const char *path)
{
    struct stat status;
    int fd;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) == 0 && status.st_uid == geteuid() && (status.st_mode & 077) == 0)
        return fd;
    close(fd);
    return -EPERM;
}

static int choose_folder(char *path, size_t room)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int fd = -ENOENT;

    if (runtime && *runtime == '/' && (size_t)snprintf(path, room, "%s/lens", runtime) < room)
        fd = open_folder(path);
    if (fd < 0) {
        snprintf(path, room, "/tmp/lens-%u", (unsigned)geteuid());
        fd = open_folder(path);
    }
    return fd;
}

/* Removes plans that nobody asked for in a week. */
static void clean(int folder)
{
    int copy = dup(folder);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;
    struct stat status;
    time_t now = time(NULL);

    while (list && (entry = readdir(list)) != NULL)
        if (strncmp(entry->d_name, "plan-", 5) == 0 &&
            fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mtime < now - KEEP_SECONDS)
            unlinkat(folder, entry->d_name, 0);
    if (list)
        closedir(list);
}

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *text, size_t bytes)
{
    uint64_t value = 0xcbf29ce484222325;

    for (size_t i = 0; i < bytes; i++)
        value = (value ^ (unsigned char)text[i]) * 0x100000001b3;
    return value;
}

/* Writes under a passing name and renames: readers see all of it or nothing. */
static int publish(int folder, const char *name, const char *text, size_t bytes)
{
    char passing[64];
    int64_t written;
    int fd;

    snprintf(passing, sizeof passing, "plan-%ld.new", (long)getpid());
    unlinkat(folder, passing, 0);
    fd = openat(folder, passing, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    written = lensi_sys_write_all(fd, text, bytes);
    close(fd);
    if (written < 0 || renameat(folder, passing, folder, name) < 0) {
        int error = written < 0 ? (int)written : -errno;

        unlinkat(folder, passing, 0);
        return error;
    }
    return 0;
}

static int write_text(const char *text, size_t bytes, char *path, size_t room)
{
    int folder = choose_folder(path, room);
    size_t length = strlen(path);
    char name[40];

    if (folder < 0)
        return folder;
    snprintf(name, sizeof name, "plan-%016llx.plan", (unsigned long long)hash(text, bytes));
    clean(folder);
    int result = publish(folder, name, text, bytes);
    close(folder);
    if (result == 0 && (size_t)snprintf(path + length, room - length, "/%s", name) >= room - length)
        result = -ENAMETOOLONG;
    return result;
}

int resolve_write(const struct lensi_plan *plan, char *path, size_t room, struct lens_error *error)
{
    size_t bytes = lensi_plan_print(plan, NULL, 0);
    char *text = malloc(bytes + 1);
    int result = text ? 0 : -ENOMEM;

    *path = '\0';
    if (text) {
        lensi_plan_print(plan, text, bytes + 1);
        result = write_text(text, bytes, path, room);
    }
    free(text);
    if (result < 0)
        lens_error_set(error, -1, "cannot write the resolved plan in %.100s: %s", path, strerror(-result));
    return result;
}
