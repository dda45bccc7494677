/*
 * doctor_memory.c - the machine itself, its memory, and what limits it.
 */
#include "analysis/cmd/doctor.h"

#include "liblens/base/cgroup.h"
#include "liblens/base/log.h"
#include "liblens/lens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MAP_COUNT_USUAL 65530

void doctor_look_at_system(struct doctor_report *report)
{
    long page = sysconf(_SC_PAGESIZE);
    struct utsname name;

    doctor_add(report, "System", "lens", DOCTOR_FACT, NULL, "%s", lens_version());
    if (uname(&name) == 0)
        doctor_add(report, "System", "kernel", DOCTOR_FACT, NULL, "%s %s, %s", name.sysname, name.release,
                   name.machine);
    doctor_add(report, "System", "page size", page == 4096 ? DOCTOR_GOOD : DOCTOR_BAD,
               page == 4096 ? NULL : "lens works with 4 KiB pages only", "%ld bytes", page);
}

static void add_cgroup(struct doctor_report *report)
{
    struct lensi_cgroup cgroup;
    char text[24], path[600];

    lensi_cgroup_find(&cgroup);
    if (cgroup.version == 0) {
        doctor_add(report, "Memory", "control group", DOCTOR_FACT, NULL, "none that governs memory");
        return;
    }
    uint64_t limit = lensi_cgroup_limit(&cgroup);
    doctor_add(report, "Memory", "control group", DOCTOR_FACT, NULL, "v%d, %.150s", cgroup.version, cgroup.directory);
    doctor_add(report, "Memory", "its limit", DOCTOR_FACT, NULL, "%s",
               limit == LENS_UNKNOWN ? "none" : lensi_format_bytes(text, limit));
    if (cgroup.version != 2)
        return;
    snprintf(path, sizeof path, "%s/memory.pressure", cgroup.directory);
    doctor_add(report, "Memory", "its pressure file", access(path, R_OK) == 0 ? DOCTOR_GOOD : DOCTOR_FACT, NULL, "%s",
               access(path, R_OK) == 0 ? "readable" : "not readable");
}

static void add_overcommit(struct doctor_report *report)
{
    static const char *const modes[] = {"heuristic", "always", "never"};
    char line[32];
    int mode = atoi(doctor_read_line("/proc/sys/vm/overcommit_memory", line, sizeof line));

    doctor_add(report, "Memory", "vm.overcommit_memory", mode == 2 ? DOCTOR_FAIR : DOCTOR_GOOD,
               mode == 2 ? "large reservations may be refused; as root: sysctl vm.overcommit_memory=0" : NULL,
               "%d (%s)", mode, mode >= 0 && mode <= 2 ? modes[mode] : "unknown");
}

static void add_limits(struct doctor_report *report)
{
    char line[32], text[24];
    long maps = atol(doctor_read_line("/proc/sys/vm/max_map_count", line, sizeof line));
    struct rlimit limit;

    doctor_add(report, "Memory", "vm.max_map_count", maps >= MAP_COUNT_USUAL ? DOCTOR_GOOD : DOCTOR_FAIR,
               maps >= MAP_COUNT_USUAL ? NULL : "as root: sysctl vm.max_map_count=65530", "%ld", maps);
    if (getrlimit(RLIMIT_AS, &limit) < 0)
        return;
    if (limit.rlim_cur == RLIM_INFINITY)
        doctor_add(report, "Memory", "address space (ulimit -v)", DOCTOR_GOOD, NULL, "unlimited");
    else
        doctor_add(report, "Memory", "address space (ulimit -v)", DOCTOR_FAIR,
                   "lens reserves a large range of addresses; run ulimit -v unlimited", "%s",
                   lensi_format_bytes(text, limit.rlim_cur));
}

/* The word in brackets is the one chosen. */
static void add_huge_pages(struct doctor_report *report)
{
    char line[64], *start, *end;

    doctor_read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof line);
    start = strchr(line, '[');
    end = start ? strchr(start, ']') : NULL;
    if (end)
        doctor_add(report, "Memory", "transparent huge pages", DOCTOR_FACT, NULL, "%.*s", (int)(end - start - 1),
                   start + 1);
}

void doctor_look_at_memory(struct doctor_report *report)
{
    uint64_t total = lensi_memory_total();
    char text[24];
    int pressure = access("/proc/pressure/memory", R_OK);

    doctor_add(report, "Memory", "of the machine", DOCTOR_FACT, NULL, "%s",
               total == LENS_UNKNOWN ? "unknown" : lensi_format_bytes(text, total));
    add_cgroup(report);
    doctor_add(report, "Memory", "/proc/pressure/memory", pressure == 0 ? DOCTOR_GOOD : DOCTOR_FAIR,
               pressure == 0 ? NULL : "an automatic budget then follows use only; boot with psi=1", "%s",
               pressure == 0 ? "readable" : "not there");
    add_overcommit(report);
    add_limits(report);
    add_huge_pages(report);
}
