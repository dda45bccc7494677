/*
 * slurped.c - reads a file into a block that functions of their own allocate and resize, as interpreters do.
 *   slurped known|grown FILE      known: the size is asked first, and a little room is added and taken away again;
 *                                 grown: it is doubled whenever it is full, and cut to size at the end
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXTRA 8192
#define FIRST (128 * 1024)

__attribute__((noinline)) static char *allocates(size_t bytes)
{
    char *fresh = malloc(bytes);

    __asm__ volatile("" ::: "memory");
    return fresh;
}

__attribute__((noinline)) static char *resizes(char *text, size_t bytes)
{
    char *fresh = realloc(text, bytes);

    __asm__ volatile("" ::: "memory");
    return fresh;
}

static char *known(int fd, size_t *bytes)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = allocates((size_t)size);

    lseek(fd, 0, SEEK_SET);
    *bytes = (size_t)read(fd, text, (size_t)size);
    text = resizes(text, *bytes + EXTRA);
    if (read(fd, text + *bytes, EXTRA) != 0)
        exit(99);
    return resizes(text, *bytes);
}

static char *grown(int fd, size_t *bytes)
{
    size_t room = FIRST;
    char *text = allocates(room);
    ssize_t got;

    *bytes = 0;
    while ((got = read(fd, text + *bytes, room - *bytes)) > 0) {
        *bytes += (size_t)got;
        if (*bytes == room)
            text = resizes(text, room *= 2);
    }
    return resizes(text, *bytes);
}

int main(int argc, char **argv)
{
    int fd = argc > 2 ? open(argv[2], O_RDONLY) : -1;
    unsigned long sum = 0;
    size_t bytes;

    if (fd < 0)
        return 99;
    char *text = strcmp(argv[1], "known") ? grown(fd, &bytes) : known(fd, &bytes);
    for (int round = 0; round < 3; round++) {
        usleep(60000); /* so that there is something to be given up; what is asserted can be tried again */
        for (size_t i = 0; i < bytes; i += 64)
            sum += (unsigned char)text[i];
    }
    printf("%zu %lu\n", bytes, sum);
    return 0;
}
