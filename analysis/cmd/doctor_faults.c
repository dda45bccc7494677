/*
 * doctor_faults.c - how touches of absent pages can be caught here: every rung is tried, in a process of its own.
 */
#include "analysis/cmd/doctor.h"

#include "liblens/base/sys.h"
#include "liblens/memory/backend.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char group[] = "Faults";

/* What the library itself says when it opens the rung: 0 or the errno. */
static int try_rung(const struct lensi_backend *rung)
{
    int status;
    pid_t child = fork();

    if (child < 0)
        return errno;
    if (child == 0)
        _exit(-rung->open() & 0xff);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return EIO;
    return WEXITSTATUS(status);
}

static const char *describe(int error)
{
    switch (error) {
    case 0:
        return "works";
    case ENOSYS:
        return "not there: the kernel was built without it, or seccomp hides it";
    case EPERM:
        return "not permitted";
    case EOPNOTSUPP:
    case EINVAL:
        return "this kernel is too old: a feature is missing";
    default:
        return strerror(error);
    }
}

static void add_rung(struct doctor_report *report, const struct lensi_backend *rung, const char *name, const char *advice)
{
    int error = try_rung(rung);

    if (error == 0 && strcmp(report->rung, "off") == 0)
        report->rung = rung->name;
    doctor_add(report, group, name, error == 0 ? DOCTOR_GOOD : DOCTOR_BAD, error ? advice : NULL, "%s",
               describe(error));
}

static void add_features(struct doctor_report *report)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } names[] = {
        {UFFD_FEATURE_SIGBUS, "sigbus"},
        {UFFD_FEATURE_PAGEFAULT_FLAG_WP, "write-protect"},
        {UFFD_FEATURE_THREAD_ID, "thread-id"},
        {UFFD_FEATURE_EVENT_FORK, "fork-events"},
        {UFFD_FEATURE_MISSING_SHMEM, "shared-memory"},
        {UFFD_FEATURE_MINOR_SHMEM, "minor-faults"},
    };
    uint64_t features = 0;
    char text[160] = "";
    int fd = lensi_sys_uffd_open(true, 0, &features);

    if (fd < 0)
        return;
    lensi_sys_close(fd);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t used = strlen(text);

        if (features & names[i].bit)
            snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", names[i].name);
    }
    doctor_add(report, group, "userfaultfd features", DOCTOR_FACT, NULL, "%s (0x%llx)", text,
               (unsigned long long)features);
}

static void add_settings(struct doctor_report *report)
{
    char line[64];

    doctor_read_line("/proc/sys/vm/unprivileged_userfaultfd", line, sizeof line);
    doctor_add(report, group, "vm.unprivileged_userfaultfd", DOCTOR_FACT, NULL, "%s", *line ? line : "no such setting");
    doctor_add(report, group, "/dev/userfaultfd", DOCTOR_FACT, NULL, "%s",
               access("/dev/userfaultfd", F_OK) < 0            ? "not there"
               : access("/dev/userfaultfd", R_OK | W_OK) < 0 ? "there, but not for you"
                                                               : "you may use it");
}

static void add_seccomp(struct doctor_report *report)
{
    char line[128];
    int mode = -1;
    FILE *status = fopen("/proc/self/status", "re");

    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "Seccomp: %d", &mode) == 1)
            break;
    if (status)
        fclose(status);
    doctor_add(report, group, "seccomp filter", DOCTOR_FACT, NULL, "%s",
               mode > 0    ? "on"
               : mode == 0 ? "none"
                           : "unknown");
}

void doctor_look_at_faults(struct doctor_report *report)
{
    report->rung = "off";
    add_rung(report, &lensi_backend_inthread, "in the faulting thread",
             "needs Linux 5.11 with userfaultfd; in a container, allow userfaultfd in its seccomp profile");
    add_rung(report, &lensi_backend_thread, "by a service thread",
             "wanted only for programs that enter the kernel behind libc's back; as root: sysctl "
             "vm.unprivileged_userfaultfd=1; in a container, allow userfaultfd in its seccomp profile");
    add_rung(report, &lensi_backend_protect, "by mprotect over a memfd",
             "needs memfd_create; a seccomp filter may deny it");
    add_features(report);
    add_settings(report);
    add_seccomp(report);
}
