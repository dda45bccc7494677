/*
 * doctor_files.c - leases on files, and the folders of the view store.
 */
#include "analysis/cmd/doctor.h"

#include "liblens/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char group[] = "Files";

/* Tries a read lease on a file of our own. 0 or the errno. */
static int try_lease(void)
{
    char path[] = "/tmp/lens-doctor-XXXXXX";
    int made = mkostemp(path, O_CLOEXEC), fd, error = 0;

    if (made < 0)
        return errno;
    close(made);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    unlink(path);
    return error;
}

static void add_leases(struct doctor_report *report)
{
    char line[32];
    bool enabled = atoi(doctor_read_line("/proc/sys/fs/leases-enable", line, sizeof line)) != 0;
    int error = enabled ? try_lease() : 0;
    bool works = enabled && error == 0;

    doctor_add(report, group, "leases on files", works ? DOCTOR_GOOD : DOCTOR_FAIR,
               works ? NULL
                     : "without them lens copies files, or keeps what came from them in memory; as root: sysctl fs.leases-enable=1",
               "%s",
               !enabled ? "switched off"
               : error  ? strerror(error)
                        : "work");
}

/* The nearest folder on the way up that is there. */
static void existing_parent(const char *path, char *to, size_t room)
{
    struct stat status;

    snprintf(to, room, "%s", path);
    while (strlen(to) > 1 && stat(to, &status) < 0) {
        char *slash = strrchr(to, '/');

        if (!slash) {
            snprintf(to, room, ".");
            return;
        }
        slash[slash == to] = '\0';
    }
}

static void add_folder(struct doctor_report *report, const char *name, const char *path, const char *advice)
{
    char there[4096], text[24];
    struct statvfs system;
    struct stat status;
    bool exists = stat(path, &status) == 0;

    existing_parent(path, there, sizeof there);
    if (exists && !S_ISDIR(status.st_mode)) {
        doctor_add(report, group, name, DOCTOR_BAD, advice, "%.120s: not a folder", path);
    } else if (access(there, W_OK | X_OK) < 0) {
        doctor_add(report, group, name, DOCTOR_BAD, advice, "%.120s: %s", path, strerror(errno));
    } else {
        unsigned long long room =
            statvfs(there, &system) == 0 ? (unsigned long long)system.f_bavail * system.f_frsize : 0;

        doctor_add(report, group, name, DOCTOR_GOOD, NULL, "%.120s: %s, %s free", path,
                   exists ? "writable" : "will be made when needed", lensi_format_bytes(text, room));
    }
}

void doctor_look_at_files(struct doctor_report *report, const char *store_dir)
{
    add_leases(report);
    if (store_dir)
        add_folder(report, "store on disk", store_dir, "name another folder with --store-dir");
    else
        doctor_add(report, group, "store on disk", DOCTOR_BAD, "set HOME, or name a folder with --store-dir",
                   "no home folder");
    add_folder(report, "store in memory", "/dev/shm", "mount a tmpfs on /dev/shm");
}
