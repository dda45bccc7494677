/*
 * cgroup.h - the memory control group this process lives in: where it is and what it allows.
 */
#ifndef LENSI_CGROUP_H
#define LENSI_CGROUP_H

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
/* The machine's memory, MemTotal; LENS_UNKNOWN if nobody says. */
uint64_t lensi_memory_total(void);

#endif
