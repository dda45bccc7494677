/* io.c - the wrappers that only pin: made from the table. */
#undef _FORTIFY_SOURCE /* we define what its headers would redefine */
#include "preload/io.h"
#include "preload/io_table.h"
#include "preload/masks.h"

#include <aio.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <threads.h>
#include <unistd.h>
#include <nl_types.h>
#include <pty.h>
#include <termios.h>
#include <utime.h>
#include <utmp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/profil.h>
#include <utmpx.h>

#define MESSAGE_IN(message) lensi_pins_add_message(&pins, (message), LENSI_PIN_IN);
#define MESSAGES_IN(list, n) lensi_pins_add_messages(&pins, (list), (n), LENSI_PIN_IN);
#define FDS(set, n) OUT(set, ((size_t)((n) > 0 ? (n) : 0) + 63) / 64 * 8)
#define SPAWN(actions, attributes) \
    posix_spawnattr_t attributes##_copy_; \
    add_spawn(&pins, (actions), (attributes)); \
    attributes = lensi_mask_spawn(attributes, &attributes##_copy_);
#define FOREVER_AIO(io) keep_aio((io), sizeof *(io), (io)->aio_buf, (io)->aio_nbytes);
#define FOREVER_AIO_LIST(list, n) \
    for (int i_ = 0; i_ < (n); i_++) \
        if ((list)[i_]) \
            FOREVER_AIO((list)[i_])
#define VECTOR_FOREVER(vector, n) \
    VECTOR_IN(vector, n) \
    keep_vector((vector), (n));

#define FOREVER_PROFILES(list, n) keep_profiles((list), (n));

static void keep_vector(const struct iovec *vector, size_t n)
{
    if (!lensi_is_pinning() || n > 1024 || !lensi_is_program_readable(vector, n * sizeof *vector))
        return;
    for (size_t i = 0; i < n; i++)
        lensi_pin_forever(vector[i].iov_base, vector[i].iov_len);
}

/* A timer's handler of libc's own counts there, with every signal blocked. */
static void keep_profiles(const struct prof *list, int n)
{
    if (!lensi_is_pinning() || n <= 0 || !lensi_is_program_readable(list, (size_t)n * sizeof *list))
        return;
    for (int i = 0; i < n; i++)
        lensi_pin_forever(list[i].pr_base, list[i].pr_size);
}

/* The helper threads of aio read and write the buffer whenever they come to it. */
static void keep_aio(const void *io, size_t io_bytes, const volatile void *buffer, size_t bytes)
{
    lensi_pin_forever(io, io_bytes);
    lensi_pin_forever((const void *)(uintptr_t)buffer, bytes);
}

/*
 * The child that posix_spawn makes runs in our memory with every signal blocked: it could not take a fault. What
 * the actions hold is copied by libc; the list of them may be in a block of ours.
 */
static void add_spawn(struct lensi_pins *pins, const posix_spawn_file_actions_t *actions,
                      const posix_spawnattr_t *attributes)
{
    enum { ACTION_BYTES = 64 }; /* not public; at least as large as libc's */

    lensi_pins_add(pins, attributes, sizeof *attributes, LENSI_PIN_IN);
    lensi_pins_add(pins, actions, sizeof *actions, LENSI_PIN_IN);
    if (lensi_range.bytes && actions && actions->__used > 0)
        lensi_pins_add(pins, actions->__actions, (size_t)actions->__used * ACTION_BYTES, LENSI_PIN_IN);
}

/* Some have no declaration in a header (the checked and the old ones); the others must agree with theirs. */
#define DECLARE(type, name, parameters, arguments, words) LENSI_EXPORT type name parameters;
#define NOTHING(name)
LENSI_IO_TABLE(DECLARE, NOTHING)

#define DEFINE(type, name, parameters, arguments, words) \
    type name parameters \
    { \
        struct lensi_pins pins; \
        type result; \
 \
        pins.count = 0; \
        words \
        if (LENSI_LIKELY(pins.count == 0)) \
            return LENSI_NEXT(name) arguments; \
        LENSI_PINNED(result, &pins, LENSI_NEXT(name) arguments); \
        return result; \
    }
LENSI_IO_TABLE(DEFINE, NOTHING)

/* ---- what starts processes: tried again when there was no room beside our own threads */

#define TRIED_AGAIN(type, name, parameters, arguments, words, error) \
    static type once_##name parameters \
    { \
        struct lensi_pins pins; \
        type result; \
 \
        pins.count = 0; \
        words \
        if (LENSI_LIKELY(pins.count == 0)) \
            return LENSI_NEXT(name) arguments; \
        LENSI_PINNED(result, &pins, LENSI_NEXT(name) arguments); \
        return result; \
    } \
    LENSI_EXPORT type name parameters \
    { \
        type result = once_##name arguments; \
 \
        while (LENSI_UNLIKELY(lensi_process_makes_room(error))) \
            result = once_##name arguments; \
        return result; \
    }
#define SPAWN_PARAMETERS \
    (pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const *argv, char *const *envp)
#define SPAWN_WORDS SPAWN(actions, attributes) OUT_ONE(pid) TEXT(path) TEXTS(argv) TEXTS(envp)
TRIED_AGAIN(int, posix_spawn, SPAWN_PARAMETERS, (pid, path, actions, attributes, argv, envp), SPAWN_WORDS, result)
TRIED_AGAIN(int, posix_spawnp, SPAWN_PARAMETERS, (pid, path, actions, attributes, argv, envp), SPAWN_WORDS, result)
TRIED_AGAIN(int, system, (const char *command), (command), TEXT(command) TEXTS(environ), result == -1 ? errno : 0)
TRIED_AGAIN(FILE *, popen, (const char *command, const char *mode), (command, mode), TEXT(command) TEXTS(environ), result ? 0 : errno)
