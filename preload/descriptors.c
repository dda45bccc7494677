/*
 * descriptors.c - descriptors that no open of the program's gave it; see descriptors.h.
 *
 * A file has a path by which a plan knows it: that of /proc/self/fd. One lock guards the room for it, which is too
 * large for a thread's stack; signals are held meanwhile, because read(2) may be called in handlers.
 */
#undef _FORTIFY_SOURCE
#include "preload/descriptors.h"

#include "preload/files.h"
#include "preload/io.h"
#include "preload/recorder/input.h"
#include "preload/recorder/record.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/memory/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define PATH_BYTES 4096u
#define INHERITED_MAX 256 /* shells and runtimes hand on low numbers */

#define CALLER __builtin_return_address(0)
#define SLOT ((const uintptr_t *)__builtin_frame_address(0) + 1)

static struct lensi_lock lock;

/* A file that was removed, or never had a name (memfd), goes by what it was called. */
static bool read_path(int fd, bool is_removed, char *path, size_t room)
{
    static const char mark[] = " (deleted)";
    char link[40];
    long length;

    lensi_format(link, sizeof link, "/proc/self/fd/%d", fd);
    length = lensi_sys(SYS_readlinkat, AT_FDCWD, (long)link, (long)path, (long)room - 1, 0, 0);
    if (length <= 0)
        return false;
    if (is_removed && (size_t)length >= sizeof mark && !memcmp(path + length - (sizeof mark - 1), mark, sizeof mark - 1))
        length -= (long)sizeof mark - 1;
    path[length] = '\0';
    return true;
}

static bool can_be_read(int fd, struct stat *status)
{
    long flags;

    if (lensi_sys_stat(fd, status) < 0 || !S_ISREG(status->st_mode))
        return false;
    flags = lensi_sys(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
    return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && !(flags & O_PATH);
}

void lensi_descriptor_meet(int fd)
{
    static char path[PATH_BYTES]; /* the lock guards it */
    struct stat status;
    uint64_t before;

    if (!lensi_range.bytes || !lensi_file_is_new(fd) || lensi_fd_is_ours(fd) || !can_be_read(fd, &status))
        return;
    before = lensi_sys_signals_hold();
    lensi_lock(&lock);
    if (read_path(fd, status.st_nlink == 0, path, sizeof path) && lensi_file_wanted(path))
        lensi_file_tell(fd, path);
    lensi_unlock(&lock);
    lensi_sys_signals_release(before);
}

void lensi_descriptor_copied(int from, int to)
{
    if (LENSI_UNLIKELY(lensi_recording) && to >= 0 && to != from)
        lensi_input_copied(from, to);
}

void lensi_descriptor_came(int fd, const void *caller, const uintptr_t *slot)
{
    int saved = errno;

    if (fd < 0)
        return;
    if (LENSI_UNLIKELY(lensi_recording))
        lensi_input_met(fd, caller, slot);
    lensi_descriptor_meet(fd);
    errno = saved;
}

void lensi_descriptors_inherited(void)
{
    struct stat status;

    for (int fd = 0; fd < INHERITED_MAX; fd++) {
        if (!can_be_read(fd, &status) || lensi_fd_is_ours(fd))
            continue;
        if (lensi_recording)
            lensi_input_inherited(fd);
        lensi_descriptor_meet(fd);
    }
}

/* The lock guards nothing but room to work in. */
void lensi_descriptors_child(void) { lensi_unlock(&lock); }

/* ---- copies */

LENSI_EXPORT int dup(int from)
{
    int fd = LENSI_NEXT(dup)(from);

    lensi_descriptor_copied(from, fd);
    return fd;
}

/* What a stream reads for itself passes nowhere: its file must be known before. */
LENSI_EXPORT FILE *fdopen(int fd, const char *mode)
{
    FILE *stream = LENSI_NEXT(fdopen)(fd, mode);

    if (stream)
        lensi_descriptor_came(fd, CALLER, SLOT);
    return stream;
}

/* ---- from other processes */

LENSI_EXPORT int pidfd_getfd(int pidfd, int theirs, unsigned flags)
{
    int fd = LENSI_NEXT(pidfd_getfd)(pidfd, theirs, flags);

    lensi_descriptor_came(fd, CALLER, SLOT);
    return fd;
}

static void take_message(struct msghdr *message, const void *caller, const uintptr_t *slot)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        size_t bytes = part->cmsg_len > CMSG_LEN(0) ? part->cmsg_len - CMSG_LEN(0) : 0;

        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i + sizeof(int) <= bytes; i += sizeof(int)) {
            int fd;

            memcpy(&fd, CMSG_DATA(part) + i, sizeof fd);
            lensi_descriptor_came(fd, caller, slot);
        }
    }
}

static bool takes_descriptors(const struct msghdr *message) { return message->msg_control && message->msg_controllen >= CMSG_LEN(sizeof(int)); }

LENSI_EXPORT ssize_t recvmsg(int socket, struct msghdr *message, int flags)
{
    struct lensi_pins pins;
    ssize_t got;

    pins.count = 0;
    lensi_pins_add_message(&pins, message, LENSI_PIN_OUT);
    LENSI_PINNED(got, &pins, LENSI_NEXT(recvmsg)(socket, message, flags));
    if (got >= 0 && takes_descriptors(message))
        take_message(message, CALLER, SLOT);
    return got;
}

LENSI_EXPORT int recvmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    struct lensi_pins pins;
    int got;

    pins.count = 0;
    lensi_pins_add_messages(&pins, messages, count, LENSI_PIN_OUT);
    OUT_ONE(timeout)
    LENSI_PINNED(got, &pins, LENSI_NEXT(recvmmsg)(socket, messages, count, flags, timeout));
    for (int i = 0; i < got; i++)
        if (takes_descriptors(&messages[i].msg_hdr))
            take_message(&messages[i].msg_hdr, CALLER, SLOT);
    return got;
}
