/* running.c - see running.h. */
#include "analysis/cmd/running.h"

#include "liblens/base/gauges.h"
#include "liblens/base/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY "liblens-preload.so"

/* ------------------------------------------------------------------ one process */

/* Only in such processes is it worth looking at every descriptor. */
static int has_library(pid_t pid)
{
    char path[64], *line = NULL;
    size_t room = 0;
    int result = -ENOENT;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    if (!maps)
        return -errno;
    while (result == -ENOENT && getline(&line, &room, maps) > 0)
        if (strstr(line, LIBRARY))
            result = 0;
    free(line);
    fclose(maps);
    return result;
}

static void read_command(struct running *running)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)running->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, running->command, sizeof running->command - 1);

    if (fd >= 0)
        close(fd);
    running->command[length > 0 ? length : 0] = '\0';
    for (ssize_t i = 0; i + 1 < length; i++)
        if (running->command[i] == '\0')
            running->command[i] = ' ';
}

/* Whether the descriptor is open on a trace: a file of the process's owner that begins as one. */
static bool is_trace(const struct running *running, const char *target)
{
    char magic[LENSI_TRACE_MAGIC_BYTES];
    struct stat status, named;

    if (*target != '/' || stat(running->shown, &status) < 0 || !S_ISREG(status.st_mode) ||
        status.st_uid != running->owner)
        return false;
    if (stat(target, &named) < 0 || named.st_dev != status.st_dev || named.st_ino != status.st_ino)
        return false;
    int fd = open(target, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    bool begins = fd >= 0 && pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
                  memcmp(magic, LENSI_TRACE_MAGIC, sizeof magic) == 0;
    if (fd >= 0)
        close(fd);
    return begins;
}

static bool is_shown(struct running *running, const char *number)
{
    char target[PATH_MAX];

    snprintf(running->shown, sizeof running->shown, "/proc/%d/fd/%.12s", (int)running->pid, number);
    ssize_t length = readlink(running->shown, target, sizeof target - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    if (strncmp(target, "/memfd:" LENSI_GAUGES_NAME " ", sizeof "/memfd:" LENSI_GAUGES_NAME) == 0) {
        struct lensi_gauges gauges;

        running->kind = RUNNING_VIRTUALISED;
        return running_read(running, &gauges) == 0;
    }
    if (!is_trace(running, target))
        return false;
    running->kind = RUNNING_PROFILED;
    snprintf(running->trace, sizeof running->trace, "%s", target);
    return true;
}

int running_find(pid_t pid, struct running *running)
{
    char path[64];
    struct stat status;
    struct dirent *entry;

    memset(running, 0, sizeof *running);
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &status) < 0)
        return -ESRCH;
    running->pid = pid;
    running->owner = status.st_uid;
    int result = has_library(pid);
    if (result < 0)
        return result == -EPERM || result == -EACCES ? -EACCES : result == -ESRCH ? -ESRCH : -ENOENT;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return errno == EACCES || errno == EPERM ? -EACCES : -ESRCH;
    bool found = false;
    while (!found && (entry = readdir(folder)) != NULL)
        found = *entry->d_name != '.' && is_shown(running, entry->d_name);
    closedir(folder);
    read_command(running);
    return found ? 0 : -ENOENT;
}

int running_read(const struct running *running, struct lensi_gauges *gauges)
{
    struct stat status;
    int fd = open(running->shown, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_whole = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                    status.st_size >= (off_t)sizeof *gauges &&
                    pread(fd, gauges, sizeof *gauges, 0) == (ssize_t)sizeof *gauges;

    if (fd >= 0)
        close(fd);
    if (fd < 0)
        return -ESRCH;
    if (!is_whole || memcmp(gauges->magic, LENSI_GAUGES_MAGIC, sizeof LENSI_GAUGES_MAGIC) != 0 ||
        gauges->bytes != sizeof *gauges || gauges->process_id != (uint32_t)running->pid ||
        gauges->stats_count != sizeof gauges->stats / sizeof(uint64_t) || gauges->sites_count > LENSI_PLAN_SITES_MAX)
        return -EPROTO;
    gauges->version[sizeof gauges->version - 1] = gauges->rung[sizeof gauges->rung - 1] = '\0';
    gauges->store[sizeof gauges->store - 1] = '\0';
    for (size_t i = 0; i < LENSI_PLAN_SITES_MAX; i++)
        gauges->sites[i].name[sizeof gauges->sites[i].name - 1] = '\0';
    return 0;
}

/* ------------------------------------------------------------------ all of them */

static int by_pid(const void *a, const void *b)
{
    const struct running *left = a, *right = b;

    return (left->pid > right->pid) - (left->pid < right->pid);
}

int running_list(struct running **list, size_t *count)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;

    *list = NULL;
    *count = 0;
    if (!folder)
        return -errno;
    while ((entry = readdir(folder)) != NULL) {
        struct running running;
        pid_t pid = (pid_t)atoi(entry->d_name);

        if (pid <= 0 || running_find(pid, &running) < 0)
            continue;
        struct running *more = reallocarray(*list, *count + 1, sizeof *more);
        if (!more) {
            closedir(folder);
            free(*list);
            *list = NULL;
            return -ENOMEM;
        }
        *list = more;
        more[(*count)++] = running;
    }
    closedir(folder);
    if (*count)
        qsort(*list, *count, sizeof **list, by_pid);
    return 0;
}
