/* copy.c - private copies of backings; see copy.h. */
#include "liblens/view/copy.h"

#include "liblens/base/arena.h"
#include "liblens/base/folder.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/base/sys.h"
#include "liblens/plan/options.h"

#include <errno.h>
#include <linux/limits.h>
#include <sys/resource.h>

#define STEP_BYTES (32u << 20) /* between two looks at how it goes */
#define BUFFER_BYTES (1u << 20)

static enum lensi_store_choice choice = LENSI_STORE_NONE;
static const char *store_dir;
static uint64_t store_limit = LENS_UNKNOWN;

void lensi_copy_open(enum lensi_store_choice with, const char *dir, uint64_t limit_bytes)
{
    choice = with;
    store_dir = dir;
    store_limit = limit_bytes;
}

/* ---- where to */

/* A file size limit would not fail the write but end the program by SIGXFSZ. */
static bool is_within_file_limit(uint64_t bytes)
{
    struct rlimit limit;

    return lensi_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0) < 0 || bytes <= limit.rlim_cur;
}

static void add_copy(void *bytes, struct lensi_backing *backing)
{
    *(uint64_t *)bytes += atomic_load(&backing->copy_fd) ? backing->identity.size_bytes : 0;
}

static int make_disk_file(uint64_t bytes)
{
    uint64_t taken_bytes = 0;
    char standard[PATH_MAX];
    struct lensi_folder folder;
    uint64_t room;
    int result = store_dir ? 0 : lensi_store_default_dir(LENSI_STORE_DISK, standard, sizeof standard);

    if (result == 0)
        result = lensi_folder_open(store_dir ? store_dir : standard, true, &folder, NULL);
    if (result < 0)
        return result;
    lensi_backing_each(add_copy, &taken_bytes);
    room = store_limit == LENS_UNKNOWN ? lensi_folder_free_bytes(&folder) / 2 : store_limit;
    if (bytes + taken_bytes > room || !is_within_file_limit(bytes))
        result = -EFBIG;
    else
        result = (int)lensi_sys(SYS_openat, folder.fd, (long)".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600, 0, 0);
    lensi_folder_close(&folder);
    return result;
}

static int make_memory_file(uint64_t bytes, uint64_t worth_bytes)
{
    if (bytes > worth_bytes / 4 || !is_within_file_limit(bytes))
        return -EFBIG;
    return lensi_sys_memfd("lens-copy", 3 /* MFD_CLOEXEC | MFD_ALLOW_SEALING */);
}

/* ---- copying */

/* By way of our memory, where the kernel cannot do it by itself. How far it came, or -errno. */
static int64_t copy_through(int from, int to, uint64_t at, uint64_t end)
{
    uint8_t *buffer = lensi_arena_map(BUFFER_BYTES);
    int64_t got = buffer ? 1 : -ENOMEM, put;

    while (got > 0 && at < end) {
        uint64_t step = end - at < BUFFER_BYTES ? end - at : BUFFER_BYTES;
        got = lensi_sys_pread(from, buffer, step, at);
        if (got <= 0)
            break;
        put = lensi_sys_pwrite(to, buffer, (size_t)got, at);
        if (put < 0)
            got = put;
        else
            at += (uint64_t)got;
    }
    lensi_arena_unmap(buffer, BUFFER_BYTES);
    return got < 0 ? got : (int64_t)at;
}

/* All of it, or -errno. The kernel's own copying shares blocks where the file system can. */
static int copy_all(int from, int to, uint64_t bytes)
{
    uint64_t at = 0;
    int64_t got = 0;

    while (at < bytes) {
        int64_t in = (int64_t)at, out = (int64_t)at;
        got = lensi_sys(SYS_copy_file_range, from, (long)&in, to, (long)&out, bytes - at < STEP_BYTES ? bytes - at : STEP_BYTES, 0);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            break;
        at += (uint64_t)got;
    }
    if (at < bytes && got != -ENOSPC && got != -EDQUOT && got != -EIO) {
        got = copy_through(from, to, at, bytes);
        at = got < 0 ? at : (uint64_t)got;
    }
    if (at == bytes)
        return 0;
    return got == -EDQUOT ? -ENOSPC : got < 0 ? (int)got : -ESTALE; /* it is shorter now */
}

/*
 * Nobody writes it any more: a memfd is sealed, a file is only open for reading. Takes fd over; the new one or -errno.
 */
static int close_for_writing(int fd)
{
    char link[40];
    int low, high;

    if (choice == LENSI_STORE_NONE)
        lensi_sys(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, 0, 0, 0);
    lensi_format(link, sizeof link, "/proc/self/fd/%d", fd);
    low = lensi_sys_open(link, O_RDONLY | O_CLOEXEC, 0);
    lensi_sys_close(fd);
    if (low < 0)
        return low;
    high = lensi_sys_dup_high(low);
    lensi_sys_close(low);
    return high;
}

int lensi_copy_make(struct lensi_backing *backing, uint64_t worth_bytes)
{
    uint64_t bytes = backing->identity.size_bytes;
    int fd, result;

    if (atomic_load(&backing->copy_fd))
        return 0;
    if (choice != LENSI_STORE_AUTO && choice != LENSI_STORE_NONE)
        return -EALREADY;
    fd = choice == LENSI_STORE_NONE ? make_memory_file(bytes, worth_bytes) : make_disk_file(bytes);
    if (fd < 0)
        return fd;
    result = copy_all(backing->fd, fd, bytes);
    if (result == 0)
        result = lensi_backing_check(backing);
    if (result < 0) {
        lensi_sys_close(fd);
        return result;
    }
    fd = close_for_writing(fd);
    if (fd < 0)
        return fd;
    atomic_store(&backing->copy_fd, fd);
    lensi_count(copied_bytes, bytes);
    return 0;
}
