/*
 * deep.c - a module that the catalogue's deepbind.c loads with RTLD_DEEPBIND. Built twice: deep.so binds its calls when they are first
 * made, deep_now.so when it is loaded, and lies in read-only memory then. It knows nothing of lens.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void *deep_open(const char *name);
long deep_write(int fd, const void *from, size_t bytes);
long deep_read(const char *path, void *to, size_t bytes);
void *deep_malloc(size_t bytes);
void deep_free(void *at);

/* Without a slash: found by this module's own run path, or not at all. */
void *deep_open(const char *name) { return dlopen(name, RTLD_LAZY | RTLD_DEEPBIND); }

long deep_write(int fd, const void *from, size_t bytes) { return write(fd, from, bytes); }

long deep_read(const char *path, void *to, size_t bytes)
{
    int fd = open(path, O_RDONLY);
    size_t got = 0;
    ssize_t n;

    if (fd < 0)
        return -1;
    while ((n = read(fd, (char *)to + got, bytes - got)) > 0)
        got += (size_t)n;
    close(fd);
    return n < 0 ? -1 : (long)got;
}

void *deep_malloc(size_t bytes) { return malloc(bytes); }

/* Through a pointer, as tables of functions have them. */
void deep_free(void *at)
{
    static void (*volatile const give_back)(void *) = free;

    give_back(at);
}
