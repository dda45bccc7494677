/*
 * cgroup.h - the memory control group this process lives in: where it is and what it allows.
 */
#ifndef LENSI_CGROUP_H
#define LENSI_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lensi_cgroup {
    int version;       /* 2, 1, or 0: none that governs memory */
    size_t root_bytes; /* directory[0, root_bytes) is the mount point: the walk upwards ends there */
    char directory[512];
};

/* Finds it by /proc/self/cgroup and /proc/self/mountinfo; unified, legacy and hybrid mounts. */
void lensi_cgroup_find(struct lensi_cgroup *cgroup);
/*
 * The least limit from the group up to the root (v2 memory.max and memory.high, v1 memory.limit_in_bytes), or
 * LENS_UNKNOWN.
 */
uint64_t lensi_cgroup_limit(const struct lensi_cgroup *cgroup);
/* What the group whose limit is the least holds, with the groups below it. False if nobody says. */
struct lensi_cgroup_use {
    uint64_t limit_bytes, bytes, file_bytes; /* bytes: all that is charged; of these file pages that can be reclaimed */
    uint64_t swap_bytes;                     /* and what had no room */
};
bool lensi_cgroup_use(const struct lensi_cgroup *cgroup, struct lensi_cgroup_use *use);
/*
 * What the group's processes may still take before the kernel would have to end one, less a share of the limit: limits
 * less what is in use and cannot be reclaimed, at each level. LENS_UNKNOWN without a limit.
 */
uint64_t lensi_cgroup_room(const struct lensi_cgroup *cgroup, unsigned margin_share);
/* The same for the machine, MemAvailable; LENS_UNKNOWN if nobody says. */
uint64_t lensi_memory_available(void);
/* The machine's memory, MemTotal; LENS_UNKNOWN if nobody says. */
uint64_t lensi_memory_total(void);

#endif
