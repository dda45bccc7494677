/*
 * peak.c - runs a command and says the most memory it and its children held at once, by kind.
 *
 *   peak [--out FILE] [--interval MS] [--copies N] [--pss] [--cold FILE]... [--cgroup LIMIT] [--swap-limit LIMIT]
 *        [--timeout S] [--stdout FILE] -- COMMAND [ARGUMENT]...
 *
 * One line of key=value pairs goes to FILE (default: standard error). Memory is in KiB, from /proc/PID/status, summed over
 * the command and its descendants at each sample; "unreclaimable" is anonymous + shared + swap at the same moment.
 *   --copies N     runs N copies at once and measures them all (the last one's output is kept, if --stdout is given)
 *   --pss          samples smaps_rollup instead: pages shared between processes (after a fork, or of a file) are divided
 *                  among them. The only true sum for a program that forks; slower, so give it a longer interval
 *   --cold FILE    drops FILE from the page cache first, so that its pages are charged to the command
 *   --cgroup LIMIT runs it in a memory control group of its own (v1 or v2); LIMIT in bytes, K, M, G, or "none"
 *   --swap-limit 0 lets that group have no swap, whatever swap the machine has
 *
 * Exit status: the command's (128 + signal if it was killed); 125 when peak itself fails, 77 when no group can be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_COPIES = 64 };

struct kinds {
    long anon, file, shmem, swap, hwm, pss;
};

static struct {
    struct kinds kinds;
    long unreclaimable, total;
    long samples;
} peak;

static const char *out_path, *stdout_path;
static long interval_us = 5000, timeout_s, copies = 1;
static bool want_pss;
static sigset_t children; /* SIGCHLD: blocked in peak itself, waited for */

static void fail(const char *what)
{
    fprintf(stderr, "peak: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* ---- control groups, both versions */

static struct {
    char dir[256];
    int version; /* 0: none */
} group;

static bool write_text(const char *name, const char *text)
{
    char path[512];
    int fd;
    bool ok;

    snprintf(path, sizeof path, "%s/%s", group.dir, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

static long long read_number(const char *name)
{
    char path[512];
    long long value = -1;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", group.dir, name);
    file = fopen(path, "re");
    if (!file)
        return -1;
    if (fscanf(file, "%lld", &value) != 1)
        value = -1;
    fclose(file);
    return value;
}

static long long read_stat(const char *key)
{
    char path[512], name[64];
    long long value, found = -1;
    FILE *file;

    snprintf(path, sizeof path, "%s/memory.stat", group.dir);
    file = fopen(path, "re");
    if (!file)
        return -1;
    while (found < 0 && fscanf(file, "%63s %lld", name, &value) == 2)
        if (!strcmp(name, key))
            found = value;
    fclose(file);
    return found;
}

static void leave_no_group(void)
{
    for (int i = 0; group.version && i < 100; i++) {
        if (rmdir(group.dir) == 0 || errno == ENOENT)
            return;
        usleep(20000);
    }
}

static bool make_group(const char *limit, const char *swap_limit)
{
    const char *v1 = "/sys/fs/cgroup/memory", *v2 = "/sys/fs/cgroup";

    snprintf(group.dir, sizeof group.dir, "%s/lens-peak-%d", v1, (int)getpid());
    if (access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0 || access("/sys/fs/cgroup/memory/memory.stat", F_OK) == 0) {
        if (mkdir(group.dir, 0755) < 0)
            return false;
        group.version = 1;
    } else {
        snprintf(group.dir, sizeof group.dir, "%s", v2);
        write_text("cgroup.subtree_control", "+memory");
        snprintf(group.dir, sizeof group.dir, "%s/lens-peak-%d", v2, (int)getpid());
        if (mkdir(group.dir, 0755) < 0)
            return false;
        group.version = 2;
        if (read_number("memory.current") < 0)
            errno = ENOTSUP;
    }
    atexit(leave_no_group);
    if (read_number(group.version == 1 ? "memory.usage_in_bytes" : "memory.current") < 0)
        return false;
    if (strcmp(limit, "none") && !write_text(group.version == 1 ? "memory.limit_in_bytes" : "memory.max", limit))
        return false;
    if (swap_limit && group.version == 2 && !write_text("memory.swap.max", swap_limit))
        return false;
    /* Version 1 limits memory and swap together, where it counts swap at all. */
    if (swap_limit && group.version == 1 && !strcmp(swap_limit, "0") && strcmp(limit, "none"))
        write_text("memory.memsw.limit_in_bytes", limit);
    return true;
}

static bool enter_group(void)
{
    char number[16];

    snprintf(number, sizeof number, "%d", (int)getpid());
    return write_text("cgroup.procs", number);
}

/* ---- sampling */

static long field(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? strtol(at + strlen(key), NULL, 10) : 0;
}

static bool read_proc(int pid, const char *name, char *text, size_t room)
{
    char path[64];
    ssize_t got;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, text, room - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    return got > 0;
}

static void add_process(int pid, struct kinds *sum, int depth)
{
    char text[4096], name[48], *at = text, *end;

    if (want_pss && read_proc(pid, "smaps_rollup", text, sizeof text)) {
        sum->pss += field(text, "\nPss:");
        sum->anon += field(text, "\nPss_Anon:");
        sum->file += field(text, "\nPss_File:");
        sum->shmem += field(text, "\nPss_Shmem:");
        sum->swap += field(text, "\nSwapPss:");
    } else if (!want_pss && read_proc(pid, "status", text, sizeof text)) {
        sum->anon += field(text, "\nRssAnon:");
        sum->file += field(text, "\nRssFile:");
        sum->shmem += field(text, "\nRssShmem:");
        sum->swap += field(text, "\nVmSwap:");
        if (depth == 0)
            sum->hwm += field(text, "\nVmHWM:");
    }
    snprintf(name, sizeof name, "task/%d/children", pid);
    if (depth > 8 || !read_proc(pid, name, text, sizeof text))
        return;
    for (long child; (child = strtol(at, &end, 10)) > 0 && end > at; at = end)
        add_process((int)child, sum, depth + 1);
}

static void raise_to(long *most, long now)
{
    if (*most < now)
        *most = now;
}

static void sample(const int *pids, long count)
{
    struct kinds now = {0};

    for (long i = 0; i < count; i++)
        if (pids[i])
            add_process(pids[i], &now, 0);
    raise_to(&peak.kinds.anon, now.anon);
    raise_to(&peak.kinds.file, now.file);
    raise_to(&peak.kinds.shmem, now.shmem);
    raise_to(&peak.kinds.swap, now.swap);
    raise_to(&peak.kinds.hwm, now.hwm);
    raise_to(&peak.kinds.pss, now.pss);
    raise_to(&peak.unreclaimable, now.anon + now.shmem + now.swap);
    raise_to(&peak.total, now.anon + now.shmem + now.file);
    peak.samples++;
}

/* ---- running */

static void make_cold(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        fail(path);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

static int start(char **command, bool last)
{
    int pid = fork();

    if (pid < 0)
        fail("fork");
    if (pid)
        return pid;
    if (group.version && !enter_group())
        _exit(125);
    if (stdout_path) {
        int fd = open(last ? stdout_path : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (fd < 0 || dup2(fd, 1) < 0)
            _exit(125);
        close(fd);
    }
    sigprocmask(SIG_UNBLOCK, &children, NULL);
    execvp(command[0], command);
    fprintf(stderr, "peak: %s: %s\n", command[0], strerror(errno));
    _exit(127);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

/* Waits for all, sampling meanwhile. The status of the last started that was not 0, else 0. */
static int watch(int *pids, long count, double deadline)
{
    long left = count;
    int status, worst = 0;

    while (left) {
        int pid;
        sample(pids, count);
        while (left && (pid = waitpid(-1, &status, WNOHANG)) > 0)
            for (long i = 0; i < count; i++)
                if (pids[i] == pid) {
                    pids[i] = 0;
                    left--;
                    worst = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status) ? WEXITSTATUS(status) : worst;
                }
        if (deadline > 0 && now_s() > deadline)
            for (long i = 0; i < count; i++)
                if (pids[i])
                    kill(pids[i], SIGKILL);
        if (left) {
            /* A child's end ends the wait, so that the clock stops with it. */
            struct timespec rest = {interval_us / 1000000, interval_us % 1000000 * 1000};
            sigtimedwait(&children, NULL, &rest);
        }
    }
    return worst;
}

static void report(double wall, int status)
{
    FILE *out = out_path ? fopen(out_path, "we") : stderr;
    struct rusage usage;

    if (!out)
        fail(out_path);
    getrusage(RUSAGE_CHILDREN, &usage);
    fprintf(out, "status=%d wall=%.4f user=%.3f sys=%.3f anon=%ld file=%ld shmem=%ld swap=%ld unreclaimable=%ld total=%ld hwm=%ld "
                 "maxrss=%ld pss=%ld majflt=%ld minflt=%ld inblock=%ld samples=%ld", status, wall, seconds(usage.ru_utime),
            seconds(usage.ru_stime), peak.kinds.anon, peak.kinds.file, peak.kinds.shmem, peak.kinds.swap, peak.unreclaimable,
            peak.total, peak.kinds.hwm, usage.ru_maxrss, peak.kinds.pss, usage.ru_majflt, usage.ru_minflt, usage.ru_inblock,
            peak.samples);
    if (group.version) {
        long long most = read_number(group.version == 1 ? "memory.max_usage_in_bytes" : "memory.peak");
        long long fails = group.version == 1 ? read_number("memory.failcnt") : -1;
        long long pgin = read_stat(group.version == 1 ? "pgpgin" : "workingset_refault_file");
        fprintf(out, " cgroup_version=%d cgroup_peak=%lld cgroup_fails=%lld cgroup_pgin=%lld", group.version, most < 0 ? -1 : most / 1024,
                fails, pgin);
    }
    fputc('\n', out);
    if (out != stderr)
        fclose(out);
}

int main(int argc, char **argv)
{
    const char *limit = NULL, *swap_limit = NULL;
    int pids[MOST_COPIES], status, i;
    double began;

    for (i = 1; i < argc && !strncmp(argv[i], "--", 2) && argv[i][2]; i++) {
        const char *name = argv[i] + 2;
        if (!strcmp(name, "pss")) {
            want_pss = true;
            continue;
        }
        const char *value = ++i < argc ? argv[i] : "";
        if (!strcmp(name, "out"))
            out_path = value;
        else if (!strcmp(name, "stdout"))
            stdout_path = value;
        else if (!strcmp(name, "interval"))
            interval_us = (long)(strtod(value, NULL) * 1000);
        else if (!strcmp(name, "copies"))
            copies = strtol(value, NULL, 10);
        else if (!strcmp(name, "timeout"))
            timeout_s = strtol(value, NULL, 10);
        else if (!strcmp(name, "cold"))
            make_cold(value);
        else if (!strcmp(name, "cgroup"))
            limit = value;
        else if (!strcmp(name, "swap-limit"))
            swap_limit = value;
        else
            break;
    }
    if (i < argc && !strcmp(argv[i], "--"))
        i++;
    if (i >= argc || copies < 1 || copies > MOST_COPIES || interval_us < 1) {
        fprintf(stderr, "usage: peak [OPTION]... -- COMMAND [ARGUMENT]...   (see the head of peak.c)\n");
        return 125;
    }
    if (limit && !make_group(limit, swap_limit)) {
        fprintf(stderr, "peak: no memory control group: %s\n", strerror(errno));
        return 77;
    }
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    began = now_s();
    for (long k = 0; k < copies; k++)
        pids[k] = start(argv + i, k + 1 == copies);
    status = watch(pids, copies, timeout_s ? began + (double)timeout_s : 0);
    report(now_s() - began, status);
    return status;
}
