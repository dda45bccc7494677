/*
 * io_control.c - calls whose memory depends on a request number or on a list of arguments: ioctl and its kind,
 * the exec family with arguments in a list, and syscall(2) (io_syscalls.h).
 */
#undef _FORTIFY_SOURCE
#include "preload/descriptors.h"
#include "preload/io.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <unistd.h>

/*
 * The size is not always in the request: pinned are its own page and the next, for both directions. Memory that an
 * argument points to in turn (SG_IO and a few more) is not seen.
 */
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
    if (LENSI_LIKELY(pins.count == 0))
        return LENSI_NEXT(ioctl)(fd, request, argument);
    LENSI_PINNED(result, &pins, LENSI_NEXT(ioctl)(fd, request, argument));
    return result;
}

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
    for (int i = 0; i < 4; i++)
        AROUND((const void *)argument[i])
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
