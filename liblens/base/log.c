/*
 * log.c - lines for a person. Lock-free: one line is one write(2) from a buffer on the stack.
 */
#include "liblens/base/log.h"

#include "liblens/base/sys.h"

#include <stdatomic.h>

#define LINE_MAX_BYTES 1024

static _Atomic int log_fd = 2;
static _Atomic bool log_quiet;

void lensi_log_open(int fd)
{
    atomic_store_explicit(&log_fd, fd, memory_order_relaxed);
}

bool lensi_log_owns_fd(int fd)
{
    return fd > 2 && fd == atomic_load_explicit(&log_fd, memory_order_relaxed);
}

void lensi_log_quiet(bool quiet)
{
    atomic_store_explicit(&log_quiet, quiet, memory_order_relaxed);
}

static void write_line(const char *format, va_list list)
{
    char line[LINE_MAX_BYTES];
    size_t start = lensi_format(line, sizeof line, "lens: ");
    size_t bytes = start + lensi_format_list(line + start, sizeof line - start, format, list);

    if (bytes > sizeof line - 1)
        bytes = sizeof line - 1;
    /* File names may hold anything; a line stays one line. */
    for (size_t i = start; i < bytes; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = '?';
    line[bytes++] = '\n';
    lensi_sys_write_all(atomic_load_explicit(&log_fd, memory_order_relaxed), line, bytes);
}

void lensi_say(const char *format, ...)
{
    va_list list;

    if (atomic_load_explicit(&log_quiet, memory_order_relaxed))
        return;
    va_start(list, format);
    write_line(format, list);
    va_end(list);
}

void lensi_warn(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    write_line(format, list);
    va_end(list);
}

void lensi_stop(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    write_line(format, list);
    va_end(list);
    lensi_sys_exit(LENSI_EXIT_STOPPED);
}
