/*
 * test_gauges.c - the counters where others can see them: what is counted shows, nobody else can write or cut it, and a
 * fork's child counts for itself.
 */
#include "liblens/base/gauges.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The descriptor of a process that shows its gauges, found as lens top finds it; *count: how many there are. */
static int find(int *count)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    char path[300], target[300];
    int found = -1;

    *count = 0;
    while (folder && (entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);

        target[length > 0 ? length : 0] = '\0';
        if (strncmp(target, "/memfd:lens-gauges", 18) != 0)
            continue;
        found = atoi(entry->d_name);
        ++*count;
    }
    closedir(folder);
    return found;
}

static void look(struct lensi_gauges *gauges)
{
    int count, fd = find(&count);
    char path[64];

    cr_assert_eq(count, 1, "%d descriptors", count);
    cr_assert(lensi_gauges_owns_fd(fd));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pread(fd, gauges, sizeof *gauges, 0), (ssize_t)sizeof *gauges);
    close(fd);
}

static void publish(void)
{
    lensi_format(lensi_gauges.sites[0].name, sizeof lensi_gauges.sites[0].name, "first");
    lensi_format(lensi_gauges.sites[1].name, sizeof lensi_gauges.sites[1].name, "a name that is much longer than there is room for in the page");
    lensi_count(faults, 3);
    lensi_stats_say_rung("inthread");
    cr_assert_eq(lensi_gauges_publish(2), 0);
}
TestSuite(gauges, .init = publish, .timeout = 20);

Test(gauges, what_is_counted_shows)
{
    struct lensi_gauges seen;

    lensi_count(faults, 4);
    lensi_stats_say_store("disk");
    lensi_stats_say_budget(12345);
    atomic_fetch_add(&lensi_gauges.sites[1].live_bytes, 77);
    look(&seen);
    cr_assert_arr_eq(seen.magic, "lens-gauges 1\n\0\0", 16);
    cr_assert_eq(seen.bytes, sizeof seen);
    cr_assert_eq(seen.process_id, (uint32_t)getpid());
    cr_assert_eq(seen.stats.faults, 7);
    cr_assert_eq(seen.budget_bytes, 12345);
    cr_assert_str_eq(seen.rung, "inthread");
    cr_assert_str_eq(seen.store, "disk");
    cr_assert_eq(seen.sites_count, 2);
    cr_assert_str_eq(seen.sites[0].name, "first");
    cr_assert_eq(strnlen(seen.sites[1].name, sizeof seen.sites[1].name), sizeof seen.sites[1].name - 1);
    cr_assert_eq(seen.sites[1].live_bytes, 77);
}

Test(gauges, nobody_else_can_write_or_cut_them)
{
    char path[64];
    int count, own = find(&count);

    snprintf(path, sizeof path, "/proc/self/fd/%d", own);
    int fd = open(path, O_RDWR);
    cr_assert_geq(fd, 0);
    cr_assert(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
    cr_assert(ftruncate(fd, 0) < 0 && errno == EPERM);
    cr_assert(ftruncate(fd, 1 << 20) < 0 && errno == EPERM);
    cr_assert_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    cr_assert(fcntl(own, F_GETFD) & FD_CLOEXEC);
    lensi_count(faults, 1); /* the program itself still counts */
    cr_assert_eq(lensi_counted(faults), 4);
}

static int in_child(void)
{
    struct lensi_gauges seen;

    lensi_gauges_after_fork();
    lensi_count(faults, 100);
    look(&seen);
    return seen.stats.faults == 103 && seen.process_id == (uint32_t)getpid() ? 0 : 1;
}

Test(gauges, a_child_counts_for_itself)
{
    struct lensi_gauges seen;
    int status;
    lensi_gauges_before_fork();
    pid_t child = fork();

    if (child == 0)
        _exit(in_child());
    lensi_count(faults, 10);
    cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
    look(&seen);
    cr_assert_eq(seen.stats.faults, 13);
    cr_assert_eq(seen.process_id, (uint32_t)getpid());
}
