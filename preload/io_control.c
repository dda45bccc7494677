/*
 * io_control.c - calls whose memory depends on a request number or on a list of arguments: ioctl and its kind,
 * the exec family with arguments in a list, and syscall(2) (io_syscalls.h).
 */
#undef _FORTIFY_SOURCE
#include "preload/descriptors.h"
#include "preload/io.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <netdb.h>
#include <scsi/sg.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <threads.h>
#include <unistd.h>
#include <utmp.h>
#include <utmpx.h>

/* ---- ioctl: what an argument points to in turn, for the requests that are known to */

static void add_scsi(struct lensi_pins *pins, const struct sg_io_hdr *it)
{
    lensi_pins_add(pins, it->dxferp, it->iovec_count ? 0 : it->dxfer_len, LENSI_PIN_OUT);
    if (it->iovec_count)
        lensi_pins_add_vector(pins, it->dxferp, it->iovec_count, LENSI_PIN_OUT);
    lensi_pins_add(pins, it->cmdp, it->cmd_len, LENSI_PIN_IN);
    lensi_pins_add(pins, it->sbp, it->mx_sb_len, LENSI_PIN_OUT);
}

/*
 * Those of terminals (FIONREAD, too) hold no addresses. Old ones do not say their size: struct ifreq and its kind have
 * 40 bytes.
 */
static void add_nested(struct lensi_pins *pins, unsigned long request, const void *argument)
{
    enum { OLD_BYTES = 64 };
    const struct fiemap *map = argument;

    if (!lensi_is_pinning() || _IOC_TYPE(request) == 'T')
        return;
    if (request == SG_IO && lensi_is_program_readable(argument, sizeof(struct sg_io_hdr)))
        add_scsi(pins, argument);
    else if (request == FS_IOC_FIEMAP && lensi_is_program_readable(map, sizeof *map))
        lensi_pins_add(pins, map, sizeof *map + map->fm_extent_count * sizeof *map->fm_extents, LENSI_PIN_OUT);
    else
        lensi_pins_add_nested(pins, argument, _IOC_SIZE(request) ? _IOC_SIZE(request) : OLD_BYTES);
}

/* The size is not always in the request: pinned are its own page and the next, for both directions. */
LENSI_EXPORT int ioctl(int fd, unsigned long request, ...)
{
    struct lensi_pins pins;
    va_list list;
    int result;

    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    pins.count = 0;
    AROUND(argument)
    OUT(argument, lensi_is_ours(argument) ? _IOC_SIZE(request) : 0)
    add_nested(&pins, request, argument);
    if (LENSI_LIKELY(pins.count == 0))
        return LENSI_NEXT(ioctl)(fd, request, argument);
    LENSI_PINNED(result, &pins, LENSI_NEXT(ioctl)(fd, request, argument));
    return result;
}

/* Registers and their kind; a set of registers and a filter say themselves how long they are. */
LENSI_EXPORT long ptrace(enum __ptrace_request request, ...)
{
    struct lensi_pins pins;
    va_list list;
    long result;

    va_start(list, request);
    pid_t pid = va_arg(list, pid_t);
    void *at = va_arg(list, void *), *data = va_arg(list, void *);
    va_end(list);
    pins.count = 0;
    AROUND(at)
    AROUND(data)
    if (request == PTRACE_GETREGSET || request == PTRACE_SETREGSET)
        VECTOR_OUT((const struct iovec *)data, 1)
    if (request == PTRACE_SECCOMP_GET_FILTER)
        OUT(data, (size_t)at * 8)
    result = LENSI_NEXT(ptrace)(request, pid, at, data);
    lensi_pins_end(&pins);
    return result;
}

LENSI_EXPORT int __fcntl(int fd, int command, ...);
LENSI_EXPORT void arc4random_buf(void *to, size_t n); /* not in the headers of older libcs */

/* It ends the program if the kernel cannot write there. */
LENSI_EXPORT void arc4random_buf(void *to, size_t n)
{
    struct lensi_pins pins;

    pins.count = 0;
    lensi_pins_add_block(&pins, to, n, LENSI_PIN_OUT);
    LENSI_NEXT(arc4random_buf)(to, n);
    lensi_pins_end(&pins);
}

/* ---- those without a result. Entries of wtmp and these messages are written inside libc from where they lie. */
#define WITHOUT_RESULT(name, parameters, arguments, words) \
    LENSI_EXPORT void name parameters \
    { \
        struct lensi_pins pins; \
 \
        pins.count = 0; \
        words \
        LENSI_NEXT(name) arguments; \
        lensi_pins_end(&pins); \
    }
WITHOUT_RESULT(updwtmp, (const char *path, const struct utmp *from), (path, from), TEXT(path) IN_ONE(from))
WITHOUT_RESULT(updwtmpx, (const char *path, const struct utmpx *from), (path, from), TEXT(path) IN_ONE(from))
WITHOUT_RESULT(perror, (const char *text), (text), TEXT(text))
WITHOUT_RESULT(herror, (const char *text), (text), TEXT(text))
WITHOUT_RESULT(psignal, (int number, const char *text), (number, text), TEXT(text))
WITHOUT_RESULT(call_once, (once_flag *it, void (*run)(void)), (it, run), OUT_ONE(it))

/* Locks and owners are smaller than that; a command that takes a number does not look like an address of ours. */
enum { FCNTL_BYTES = 64 };

static int controlled(int fd, int command, int result)
{
    if (LENSI_UNLIKELY(command == F_DUPFD || command == F_DUPFD_CLOEXEC))
        lensi_descriptor_copied(fd, result);
    return result;
}

#define FCNTL(name) \
    LENSI_EXPORT int name(int fd, int command, ...) \
    { \
        struct lensi_pins pins; \
        va_list list; \
        int result; \
 \
        va_start(list, command); \
        void *argument = va_arg(list, void *); \
        va_end(list); \
        pins.count = 0; \
        OUT(argument, lensi_is_ours(argument) ? FCNTL_BYTES : 0) \
        if (LENSI_LIKELY(pins.count == 0)) \
            return controlled(fd, command, LENSI_NEXT(name)(fd, command, argument)); \
        LENSI_PINNED(result, &pins, LENSI_NEXT(name)(fd, command, argument)); \
        return controlled(fd, command, result); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)
FCNTL(__fcntl)

LENSI_EXPORT int prctl(int option, ...)
{
    struct lensi_pins pins;
    unsigned long argument[4];
    va_list list;
    int result;

    va_start(list, option);
    for (int i = 0; i < 4; i++)
        argument[i] = va_arg(list, unsigned long);
    va_end(list);
    pins.count = 0;
    for (int i = 0; i < 4; i++) {
        AROUND((const void *)argument[i])
        NESTED((const void *)argument[i], 2 * sizeof(void *)) /* a filter: struct sock_fprog */
    }
    if (option == PR_SET_SECCOMP && (argument[0] == SECCOMP_MODE_STRICT || argument[1]))
        lensi_process_locks_in();
    result = LENSI_NEXT(prctl)(option, argument[0], argument[1], argument[2], argument[3]);
    lensi_pins_end(&pins);
    return result;
}

LENSI_EXPORT int semctl(int id, int number, int command, ...)
{
    struct lensi_pins pins;
    va_list list;
    int result;

    va_start(list, command);
    void *argument = va_arg(list, void *); /* union semun: as wide as a pointer */
    va_end(list);
    pins.count = 0;
    AROUND(argument)
    result = LENSI_NEXT(semctl)(id, number, command, argument);
    lensi_pins_end(&pins);
    return result;
}

LENSI_EXPORT mqd_t mq_open(const char *name, int flags, ...)
{
    struct lensi_pins pins;
    struct mq_attr *attributes = NULL;
    mode_t mode = 0;
    va_list list;
    mqd_t result;

    va_start(list, flags);
    if (flags & O_CREAT) {
        mode = va_arg(list, mode_t);
        attributes = va_arg(list, struct mq_attr *);
    }
    va_end(list);
    pins.count = 0;
    TEXT(name)
    IN_ONE(attributes)
    result = LENSI_NEXT(mq_open)(name, flags, mode, attributes);
    lensi_pins_end(&pins);
    return result;
}

/* ---- exec with a list: made a vector on the stack, as libc does it, then the same as the others */

static int count_texts(const char *first, va_list list)
{
    int count = first != NULL;
    va_list copy;

    va_copy(copy, list);
    while (first && va_arg(copy, const char *))
        count++;
    va_end(copy);
    return count;
}

#define EXEC_LIST(name, environment, call) \
    LENSI_EXPORT int name(const char *path, const char *first, ...) \
    { \
        va_list list; \
 \
        va_start(list, first); \
        int count = count_texts(first, list); \
        char **argv = __builtin_alloca(((size_t)count + 1) * sizeof *argv); \
        argv[0] = (char *)(uintptr_t)first; \
        for (int i = 1; i <= count; i++) \
            argv[i] = va_arg(list, char *); \
        environment \
        va_end(list); \
        return call; \
    }
EXEC_LIST(execl, , execv(path, argv))
EXEC_LIST(execlp, , execvp(path, argv))
EXEC_LIST(execle, char *const *envp = va_arg(list, char *const *);, execve(path, argv, envp))
