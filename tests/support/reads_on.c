/*
 * reads_on.c - reads a whole file at once, keeps it open, and goes through its memory at random until pages of it are mapped
 * from a file in a folder (as /proc/self/maps tells), or for 30 s: then it exits with 1. Wrong bytes: 2.
 *
 *   reads_on FILE FOLDER
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int is_mapped_from(const char *folder)
{
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    int found = 0;

    while (maps && !found && fgets(line, sizeof line, maps))
        found = strstr(line, folder) != NULL;
    if (maps)
        fclose(maps);
    return found;
}

int main(int count, char **argument)
{
    struct stat status;
    time_t start = time(NULL);
    uint64_t seed = 1;
    int fd = count == 3 ? open(argument[1], O_RDONLY) : -1;

    if (fd < 0 || fstat(fd, &status) < 0)
        return 3;
    size_t bytes = (size_t)status.st_size;
    unsigned char *block = malloc(bytes), there[64];
    if (!block || read(fd, block, bytes) != (ssize_t)bytes)
        return 3;
    while (!is_mapped_from(argument[2])) {
        for (unsigned i = 0; i < 20000; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t at = (seed >> 20) % (bytes - sizeof there);
            if (i % 100 == 0 && (pread(fd, there, sizeof there, (off_t)at) != sizeof there || memcmp(there, block + at, sizeof there)))
                return 2;
            seed += block[at];
        }
        if (time(NULL) - start > 30)
            return 1;
    }
    return 0;
}
