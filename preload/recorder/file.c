/*
 * record_file.c - names and opens the trace; see record_file.h.
 *
 * The first image of the process that lens profile became writes to the path itself, every other one appends its
 * process number: programs that were started, children of forks, what exec put in the place. Nothing is ever
 * overwritten.
 */
#include "preload/recorder/file.h"

#include "liblens/base/arena.h"
#include "liblens/base/cgroup.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#define TRIES 1000u
#define ARGUMENTS_MAX 1024
#define ARGUMENT_BYTES_MAX 4096u

static const struct lensi_record_options *options;
static char **arguments;
static int arguments_count;
static char path[4096];
static struct stat identity; /* of our file */

int lensi_record_file_init(const struct lensi_record_options *with)
{
    options = with;
    arguments_count = with->argc < ARGUMENTS_MAX ? with->argc : ARGUMENTS_MAX;
    arguments = lensi_arena_new(((size_t)arguments_count + 1) * sizeof *arguments);
    for (int i = 0; arguments && i < arguments_count; i++) {
        size_t bytes = strnlen(with->argv[i], ARGUMENT_BYTES_MAX);

        arguments[i] = lensi_arena_text(with->argv[i], bytes);
        if (!arguments[i])
            return -ENOMEM;
    }
    return arguments ? 0 : -ENOMEM;
}

const char *lensi_record_file_path(void) { return path; }

/* ---- START */

static unsigned count_cpus(void)
{
    uint64_t mask[128] = {0};
    long bytes = lensi_sys(SYS_sched_getaffinity, 0, sizeof mask, (long)mask, 0, 0, 0);
    unsigned count = 0;

    for (long i = 0; i < bytes / (long)sizeof *mask; i++)
        count += (unsigned)__builtin_popcountll(mask[i]);
    return count;
}

static uint64_t wall_ns(uint64_t origin_ns)
{
    struct timespec now = {0, 0};

    lensi_sys(SYS_clock_gettime, CLOCK_REALTIME, (long)&now, 0, 0, 0, 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - origin_ns;
}

static void put_program(struct lensi_trace_writer *writer)
{
    static char program[4096]; /* not on a thread's stack, which may be small */
    long length = lensi_sys(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)program, sizeof program, 0, 0);

    lensi_trace_put_bytes(writer, program, length > 0 ? (size_t)length : 0);
}

static void put_start(struct lensi_trace_writer *writer, bool forked, uint64_t age_ns)
{
    struct utsname names;

    memset(&names, 0, sizeof names);
    lensi_sys(SYS_uname, (long)&names, 0, 0, 0, 0, 0);
    lensi_trace_begin(writer, LENSI_RECORD_START);
    lensi_trace_put(writer, (options->sample_bytes ? 0 : 1) | (forked ? 2 : 0));
    lensi_trace_put(writer, options->sample_bytes);
    lensi_trace_put(writer, options->sample_bytes ? 256 : 1);
    lensi_trace_put(writer, (uint64_t)lensi_sys_process_id());
    lensi_trace_put(writer, (uint64_t)lensi_sys(SYS_getppid, 0, 0, 0, 0, 0, 0));
    lensi_trace_put(writer, wall_ns(age_ns));
    lensi_trace_put(writer, LENSI_PAGE);
    lensi_trace_put(writer, count_cpus());
    lensi_trace_put(writer, lensi_memory_total());
    lensi_trace_put_text(writer, names.machine);
    lensi_trace_put_text(writer, names.release);
    put_program(writer);
    lensi_trace_put(writer, (uint64_t)arguments_count);
    for (int i = 0; i < arguments_count; i++)
        lensi_trace_put_text(writer, arguments[i]);
    lensi_trace_end(writer);
}

/* ---- the file */

static int try_open(int flags)
{
    int fd = lensi_sys_open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600), high;

    if (fd < 0)
        return fd;
    high = lensi_sys_dup_high(fd);
    if (high < 0)
        return fd;
    lensi_sys_close(fd);
    return high;
}

static int create(void)
{
    int me = lensi_sys_process_id(), fd = -EEXIST;

    if (me == options->main_process) {
        lensi_format(path, sizeof path, "%s", options->path);
        fd = try_open(O_CREAT | O_EXCL);
    }
    for (unsigned i = 1; fd == -EEXIST && i <= TRIES; i++) {
        lensi_format(path, sizeof path, i == 1 ? "%s.%d" : "%s.%d.%u", options->path, me, i);
        fd = try_open(O_CREAT | O_EXCL);
    }
    return fd;
}

int lensi_record_file_open(struct lensi_trace_writer *writer, bool forked, uint64_t age_ns)
{
    int fd = create(), result = fd < 0 ? fd : lensi_trace_open(writer, fd);

    if (result == 0)
        lensi_sys_stat(fd, &identity);
    if (result == 0) { /* a frame of its own: it is there even if a disk that is almost full takes no more */
        put_start(writer, forked, age_ns);
        result = lensi_trace_flush(writer);
    }
    if (result == 0)
        return 0;
    lensi_warn("cannot write the trace %s: %s; the program goes on", path, lensi_error_text(result));
    if (fd >= 0)
        lensi_sys(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0, 0);
    return result;
}

bool lensi_record_file_check(struct lensi_trace_writer *writer)
{
    if (lensi_sys_is_file(writer->fd, &identity))
        return true;
    writer->fd = try_open(0);
    if (lensi_sys_is_file(writer->fd, &identity))
        return true;
    writer->error = writer->fd < 0 ? writer->fd : -ESTALE;
    return false;
}
