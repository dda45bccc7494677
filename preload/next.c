/* next.c - finds the functions behind ours. No locks of our own: two threads that find the same store the same. */
#include "preload/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

extern struct lensi_next __start_lensi_next[], __stop_lensi_next[];

static long missing(void)
{
    errno = ENOSYS;
    return -1;
}

/*
 * Names that newer libcs have for old programs only, and that older ones have by that version, too: dlsym would ask the
 * program's own malloc for room to say that there is none.
 */
static bool is_old(const char *name) { return !strncmp(name, "__pthread_", 10) || !strncmp(name, "__res_", 6); }

void *lensi_next_find(struct lensi_next *next)
{
    int saved = errno;
    void *function = is_old(next->name) ? NULL : dlsym(RTLD_NEXT, next->name);

    /* Names that old programs still ask for, but that new ones cannot link to (__xstat and its kind). */
    if (!function)
        function = dlvsym(RTLD_NEXT, next->name, "GLIBC_2.2.5");
    if (!function)
        function = dlvsym(RTLD_NEXT, next->name, "GLIBC_2.4");
    if (!function) {
        dlerror(); /* the program must not find our failure when it asks for its own */
        function = (void *)missing;
    }
    __atomic_store_n(&next->function, function, __ATOMIC_RELAXED);
    errno = saved;
    return function;
}

void lensi_next_find_all(void)
{
    /* The linker lays them out as one array. */
    // cppcheck-suppress comparePointers
    for (struct lensi_next *next = __start_lensi_next; next < __stop_lensi_next; next++)
        if (!next->function)
            lensi_next_find(next);
}
