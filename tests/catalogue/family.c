/* family.c - the whole malloc family: alignment, zeros, usable sizes, errors. */
#include "data.h"

#include <malloc.h>

static void check_aligned(const char *path, void *at, size_t alignment)
{
    CHECK(at && (uintptr_t)at % alignment == 0 && malloc_usable_size(at) >= DATA_BYTES);
    data_read(path, at);
    CHECK(data_is_all(at));
    free(at);
}

static volatile size_t huge = SIZE_MAX / 2; /* unknown to the compiler, which would warn */

static void check_calloc(const char *path)
{
    for (int i = 0; i < 4; i++) {
        unsigned char *block = calloc(DATA_BYTES, 1);
        for (size_t at = 0; at < DATA_BYTES; at++)
            CHECK(block[at] == 0);
        data_read(path, block);
        CHECK(data_is_all(block));
        memset(block, 'x', 100000);
        free(block);
    }
    CHECK(!calloc(huge, 4) && errno == ENOMEM);
}

int main(int count, char **argument)
{
    const char *path = argument[1];
    void *at;

    (void)count;
    for (size_t alignment = 16; alignment <= 1 << 20; alignment *= 4) {
        check_aligned(path, aligned_alloc(alignment, (DATA_BYTES + alignment - 1) / alignment * alignment), alignment);
        check_aligned(path, memalign(alignment, DATA_BYTES), alignment);
        CHECK(posix_memalign(&at, alignment, DATA_BYTES) == 0);
        check_aligned(path, at, alignment);
    }
    check_aligned(path, valloc(DATA_BYTES), PAGE);
    check_aligned(path, pvalloc(DATA_BYTES), PAGE);
    check_aligned(path, malloc(DATA_BYTES), 16);
    CHECK(posix_memalign(&at, 3, 100) == EINVAL);
    check_calloc(path);
    errno = 77;
    at = malloc(DATA_BYTES);
    free(at);
    CHECK(errno == 77 && malloc_usable_size(NULL) == 0);
    at = malloc(DATA_BYTES);
    memset(at, 'u', malloc_usable_size(at));
    free(at);
    puts("malloc family: ok");
    return 0;
}
