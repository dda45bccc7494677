/*
 * align.c - reads what lies behind a header of HEADER bytes into fresh blocks, three times; for tests/direct.sh.
 *   place FILE HEADER read|fread|pread|aligned WAIT_MS
 * Says for each block whether pages of it are mapped from the file, for which it waits so long, and whether its bytes are
 * right, before and after it was resized and written.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int is_mapped(const char *path, const uint8_t *block, size_t bytes)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];
    int found = 0;

    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long low, high;
        if (sscanf(line, "%lx-%lx", &low, &high) == 2 && strstr(line, path) && low < (uintptr_t)block + bytes && high > (uintptr_t)block)
            found = 1;
    }
    if (maps)
        fclose(maps);
    return found;
}

static int waits_for_mapping(const char *path, const uint8_t *block, size_t bytes, long ms)
{
    for (; ms >= 0; ms -= 5) {
        if (is_mapped(path, block, bytes))
            return 1;
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    return 0;
}

static size_t load(const char *path, size_t header, const char *how, uint8_t **block, size_t bytes)
{
    uint8_t head[8192];
    size_t got = 0;

    if (!strcmp(how, "fread")) {
        FILE *file = fopen(path, "r");
        if (!file || fread(head, 1, header, file) != header || !(*block = malloc(bytes)))
            return 0;
        got = fread(*block, 1, bytes, file);
        fclose(file);
        return got;
    }
    int fd = open(path, O_RDONLY);
    int by_position = strcmp(how, "pread") != 0;
    if (fd < 0 || (by_position && read(fd, head, header) != (ssize_t)header))
        return 0;
    *block = strcmp(how, "aligned") ? malloc(bytes) : aligned_alloc(4096, bytes);
    if (*block)
        got = (size_t)(by_position ? read(fd, *block, bytes) : pread(fd, *block, bytes, (off_t)header));
    close(fd);
    return got;
}

static int is_right(const char *path, size_t header, const uint8_t *block, size_t bytes)
{
    FILE *file = fopen(path, "r");
    static uint8_t piece[1 << 16];
    int right = file && fseek(file, (long)header, SEEK_SET) == 0;

    for (size_t at = 0, n; right && at < bytes; at += n) {
        n = fread(piece, 1, bytes - at < sizeof piece ? bytes - at : sizeof piece, file);
        right = n && memcmp(piece, block + at, n) == 0;
    }
    if (file)
        fclose(file);
    return right;
}

int main(int argc, char **argv)
{
    struct stat status;
    size_t header, bytes;

    if (argc != 5 || stat(argv[1], &status) < 0)
        return 2;
    header = strtoul(argv[2], NULL, 10);
    bytes = (size_t)status.st_size - header;
    for (int i = 0; i < 3; i++) {
        uint8_t *block = NULL;
        size_t got = load(argv[1], header, argv[3], &block, bytes);
        int mapped = got == bytes && waits_for_mapping(argv[1], block, bytes, atol(argv[4]));
        int right = got == bytes && is_right(argv[1], header, block, bytes) && malloc_usable_size(block) >= bytes &&
                    (uintptr_t)block % (strcmp(argv[3], "aligned") ? 16 : 4096) == 0;
        uint8_t *larger = right ? realloc(block, bytes + 70000) : NULL;
        right = larger && is_right(argv[1], header, larger, bytes) && malloc_usable_size(larger) >= bytes + 70000;
        if (right) {
            memset(larger + bytes - 10, 7, 70010);
            right = is_right(argv[1], header, larger, bytes - 10) && larger[bytes + 69999] == 7;
        }
        printf("%s %s\n", mapped ? "mapped" : "ordinary", right ? "right" : "WRONG");
        free(larger);
    }
    return 0;
}
