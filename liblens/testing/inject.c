/*
 * inject.c - failures made on purpose; see inject.h. Counters are atomic; what is asked for is fixed before threads
 * start.
 */
#include "liblens/testing/inject.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#ifndef SYS_copy_file_range
#define SYS_copy_file_range 326
#endif

/* The points. memory and clock are none of the kernel's. */
static const struct point {
    const char *name;
    long number;
} points[] = {
    {"memory", -1}, {"clock", -2}, {"mmap", SYS_mmap}, {"munmap", SYS_munmap}, {"mprotect", SYS_mprotect},
    {"madvise", SYS_madvise}, {"mincore", SYS_mincore}, {"mremap", SYS_mremap}, {"openat", SYS_openat}, {"close", SYS_close},
    {"read", SYS_read}, {"write", SYS_write}, {"pread64", SYS_pread64}, {"pwrite64", SYS_pwrite64}, {"fstat", SYS_fstat},
    {"newfstatat", SYS_newfstatat}, {"fstatfs", SYS_fstatfs}, {"ftruncate", SYS_ftruncate}, {"fallocate", SYS_fallocate},
    {"fdatasync", SYS_fdatasync}, {"sync_file_range", SYS_sync_file_range}, {"fchmod", SYS_fchmod}, {"linkat", SYS_linkat},
    {"renameat", SYS_renameat}, {"unlinkat", SYS_unlinkat}, {"mkdirat", SYS_mkdirat}, {"readlinkat", SYS_readlinkat},
    {"faccessat", SYS_faccessat}, {"getdents64", SYS_getdents64}, {"utimensat", SYS_utimensat}, {"copy_file_range", SYS_copy_file_range},
    {"memfd_create", SYS_memfd_create}, {"fcntl", SYS_fcntl}, {"dup3", SYS_dup3}, {"ioctl", SYS_ioctl}, {"userfaultfd", SYS_userfaultfd},
    {"pipe2", SYS_pipe2}, {"ppoll", SYS_ppoll}, {"prlimit64", SYS_prlimit64}, {"futex", SYS_futex}, {"rt_sigaction", SYS_rt_sigaction},
    {"rt_sigtimedwait", SYS_rt_sigtimedwait}, {"process_vm_readv", SYS_process_vm_readv}, {"prctl", SYS_prctl},
    {"perf_event_open", SYS_perf_event_open}};
#define POINTS (sizeof points / sizeof *points)

static const struct { const char *name; int error; } errors[] = {
    {"EPERM", EPERM}, {"ENOENT", ENOENT}, {"EINTR", EINTR}, {"EIO", EIO}, {"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM}, {"EACCES", EACCES},
    {"EBUSY", EBUSY}, {"EEXIST", EEXIST}, {"EINVAL", EINVAL}, {"EMFILE", EMFILE}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"ENOSYS", ENOSYS},
    {"EDQUOT", EDQUOT}, {"ESTALE", ESTALE}, {"EOPNOTSUPP", EOPNOTSUPP}, {"EXDEV", EXDEV}, {"ETIMEDOUT", ETIMEDOUT}};

static _Atomic uint64_t passed[POINTS];
static enum { NOTHING, LIST, FAIL, SHORT, KILL, JUMP } what;
static size_t where = POINTS; /* POINTS: at every point */
static uint64_t nth, jump_ns;
static bool from_then_on;
static int error_code;
static const char *list_path;
static _Atomic uint64_t passed_all;

/* ---- LENS_INJECT=list:FILE, POINT:N[+]:WHAT; POINT may be "any", WHAT an error, short, kill, or jump=SECONDS */

static bool is_word(const char *text, size_t bytes, const char *word) { return strlen(word) == bytes && !memcmp(text, word, bytes); }

static uint64_t number_at(const char **at)
{
    uint64_t value = 0;

    for (; **at >= '0' && **at <= '9'; ++*at)
        value = value * 10 + (uint64_t)(**at - '0');
    return value;
}

static bool read_what(const char *text)
{
    size_t bytes = strlen(text);

    what = is_word(text, bytes, "short") ? SHORT : is_word(text, bytes, "kill") ? KILL : NOTHING;
    if (!strncmp(text, "jump=", 5)) {
        text += 5;
        jump_ns = number_at(&text) * 1000000000u;
        what = JUMP;
    }
    for (size_t i = 0; what == NOTHING && i < sizeof errors / sizeof *errors; i++)
        if (is_word(text, bytes, errors[i].name)) {
            error_code = errors[i].error;
            what = FAIL;
        }
    return what != NOTHING;
}

static bool read_order(const char *text)
{
    size_t bytes = strcspn(text, ":");

    if (!strncmp(text, "list:", 5)) {
        what = LIST;
        list_path = text + 5;
        return *list_path == '/';
    }
    while (where > 0 && !is_word(text, bytes, points[where - 1].name))
        where--;
    if (where == 0 && !is_word(text, bytes, "any"))
        return false;
    where = where ? where - 1 : POINTS;
    text += bytes;
    if (*text++ != ':')
        return false;
    nth = number_at(&text);
    from_then_on = *text == '+';
    text += from_then_on;
    return nth && *text == ':' && read_what(text + 1);
}

/* ---- at the points */

/* Whether it is this one's turn. */
static bool is_hit(size_t point)
{
    uint64_t n = atomic_fetch_add(&passed[point], 1) + 1;

    if (where == POINTS)
        n = atomic_fetch_add(&passed_all, 1) + 1;
    else if (where != point)
        return false;
    return n == nth || (from_then_on && n > nth);
}

static void end_here(void) { lensi_sys_raw(SYS_kill, lensi_sys_raw(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGKILL, 0, 0, 0, 0); }

static size_t point_of(long number)
{
    for (size_t i = 0; i < POINTS; i++)
        if (points[i].number == number)
            return i;
    return POINTS;
}

/* What transfers bytes transfers half of them; what does not is left alone. */
static long do_half(long number, long a, long b, long c, long d, long e, long f)
{
    bool has_count = number == SYS_read || number == SYS_write || number == SYS_pread64 || number == SYS_pwrite64;

    if (number == SYS_copy_file_range)
        e = e > 1 ? e / 2 : e;
    else if (has_count)
        c = c > 1 ? c / 2 : c;
    return lensi_sys_raw(number, a, b, c, d, e, f);
}

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    size_t point = point_of(number);

    if (point == POINTS || !is_hit(point))
        return lensi_sys_raw(number, a, b, c, d, e, f);
    if (what == KILL)
        end_here();
    if (what == SHORT)
        return do_half(number, a, b, c, d, e, f);
    return what == FAIL ? -error_code : lensi_sys_raw(number, a, b, c, d, e, f);
}

static bool refuses_memory(void)
{
    if (!is_hit(0))
        return false;
    if (what == KILL)
        end_here();
    return what == FAIL;
}

static uint64_t clock_of(uint64_t now_ns)
{
    static _Atomic uint64_t ahead_ns;

    if (is_hit(1) && what == JUMP)
        atomic_fetch_add(&ahead_ns, jump_ns);
    return now_ns + atomic_load(&ahead_ns);
}

/* ---- begin and end */

static void report(void)
{
    char line[64];
    int fd;

    if (what != LIST)
        return;
    lensi_injection = NULL;
    fd = lensi_sys_open(list_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    for (size_t i = 0; fd >= 0 && i < POINTS; i++)
        lensi_sys_write_all(fd, line, lensi_format(line, sizeof line, "%s %llu\n", points[i].name, (unsigned long long)atomic_load(&passed[i])));
    if (fd >= 0)
        lensi_sys_close(fd);
}

static const struct lensi_injection injection = {call, refuses_memory, clock_of, report};

bool lensi_inject_read(char *const *environment, int main_process)
{
    static const char name[] = "LENS_INJECT=";

    for (; environment && *environment; environment++) {
        if (strncmp(*environment, name, sizeof name - 1) != 0)
            continue;
        if (main_process && main_process != lensi_sys_process_id())
            return true; /* a program that the one under test executes */
        if (!read_order(*environment + sizeof name - 1))
            return false;
        lensi_injection = &injection;
    }
    return true;
}
