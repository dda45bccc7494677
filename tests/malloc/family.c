/*
 * family.c - what every function of the malloc family promises, for sizes below and above what a plan takes.
 *
 * Prints nothing that depends on the allocator, so the output is the same with and without lens.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIG ((size_t)3 << 20)

static int failures;

#define EXPECT(what)                                                         \
    do {                                                                     \
        if (!(what)) {                                                       \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #what);        \
            failures++;                                                      \
        }                                                                    \
    } while (0)

/* The compiler may not know that these come from malloc, or it removes the calls. */
static void *volatile hidden;
static void *opaque(void *at)
{
    hidden = at;
    return hidden;
}
static size_t opaque_size(size_t bytes)
{
    volatile size_t hidden_bytes = bytes;
    return hidden_bytes;
}

static int is_filled(const unsigned char *at, size_t from, size_t to, unsigned char with)
{
    for (size_t i = from; i < to; i++)
        if (at[i] != with)
            return 0;
    return 1;
}

/* mimalloc aligns the smallest by their size only. */
static int is_aligned(const void *at, size_t bytes) { return (uintptr_t)at % (bytes < 16 ? 8 : 16) == 0; }

static void check_plain(size_t bytes)
{
    unsigned char *at = opaque(malloc(bytes)), *zeros = opaque(calloc(bytes / 8 + 1, 8));

    EXPECT(at && zeros && is_aligned(at, bytes) && is_aligned(zeros, bytes));
    EXPECT(malloc_usable_size(at) >= bytes && malloc_usable_size(zeros) >= bytes);
    EXPECT(is_filled(zeros, 0, bytes, 0));
    memset(at, 7, malloc_usable_size(at));
    errno = 77;
    free(at);
    free(zeros);
    free(NULL);
    EXPECT(errno == 77);
    EXPECT(malloc_usable_size(NULL) == 0);
}

static void check_growth(size_t from, size_t to)
{
    unsigned char *at = opaque(realloc(NULL, from));
    size_t both = from < to ? from : to;

    EXPECT(at);
    memset(at, 9, from);
    at = opaque(realloc(at, to));
    EXPECT(at && is_aligned(at, to) && malloc_usable_size(at) >= to);
    EXPECT(is_filled(at, 0, both, 9));
    memset(at, 3, to);
    at = opaque(reallocarray(at, to / 16 + 1, 32));
    EXPECT(at && is_filled(at, 0, to, 3));
    at = opaque(realloc(at, both));
    EXPECT(at && is_filled(at, 0, both, 3));
    free(at);
}

/* What realloc(p, 0) and malloc(0) give differs between allocators, but not between two pointers of one. */
static void check_nothing(void)
{
    void *small = opaque(realloc(opaque(malloc(10)), opaque_size(0))), *large = opaque(realloc(opaque(malloc(BIG)), opaque_size(0)));
    void *none = opaque(malloc(opaque_size(0)));

    EXPECT(!small == !large);
    EXPECT(none);
    free(small);
    free(large);
    free(none);
}

static void check_too_much(void)
{
    void *at = opaque(malloc(BIG)), *volatile kept = at;

    memset(at, 5, BIG);
    errno = 0;
    EXPECT(!opaque(malloc(opaque_size(SIZE_MAX))) && errno == ENOMEM);
    errno = 0;
    EXPECT(!opaque(malloc(opaque_size(SIZE_MAX / 2 + 1))) && errno == ENOMEM);
    errno = 0;
    EXPECT(!opaque(calloc(opaque_size(SIZE_MAX / 2), 3)) && errno == ENOMEM);
    errno = 0;
    EXPECT(!opaque(reallocarray(opaque(at), opaque_size(SIZE_MAX / 2), 3)) && errno == ENOMEM);
    at = kept;
    EXPECT(!opaque(realloc(opaque(at), opaque_size(SIZE_MAX - 4096)))); /* jemalloc leaves errno alone here */
    EXPECT(is_filled(kept, 0, BIG, 5));
    free(kept);
}

static void check_aligned(size_t bytes)
{
    for (size_t alignment = 8; alignment <= (size_t)1 << 21; alignment *= 2) {
        void *one = NULL, *two = opaque(aligned_alloc(alignment, bytes)), *three = opaque(memalign(alignment, bytes));
        EXPECT(posix_memalign(&one, alignment, bytes) == 0);
        EXPECT((uintptr_t)one % alignment == 0 && (uintptr_t)two % alignment == 0 && (uintptr_t)three % alignment == 0);
        EXPECT(one && two && three && malloc_usable_size(one) >= bytes);
        memset(two, 8, bytes);
        two = opaque(realloc(two, 2 * bytes));
        EXPECT(is_filled(two, 0, bytes, 8));
        free(one);
        free(two);
        free(three);
    }
}

static void check_bad_alignment(size_t bytes)
{
    void *untouched = &failures;

    errno = 55;
    EXPECT(posix_memalign(&untouched, opaque_size(3), bytes) == EINVAL);
    EXPECT(posix_memalign(&untouched, opaque_size(24), bytes) == EINVAL);
    EXPECT(posix_memalign(&untouched, opaque_size(4), bytes) == EINVAL);
    EXPECT(posix_memalign(&untouched, opaque_size(0), bytes) == EINVAL);
    EXPECT(untouched == &failures);
}

/* jemalloc brings no pvalloc: libc's would hand out memory that jemalloc cannot free. */
static void check_pages(size_t bytes)
{
    void *one = opaque(valloc(bytes)), *two = dlsym(RTLD_DEFAULT, "mallctl") ? NULL : opaque(pvalloc(bytes));

    EXPECT(one && (uintptr_t)one % 4096 == 0 && (uintptr_t)two % 4096 == 0);
    EXPECT(!two || malloc_usable_size(two) >= ((bytes + 4095) & ~(size_t)4095));
    free(one);
    free(two);
}

int main(void)
{
    const size_t sizes[] = {1, 24, 4000, 100000, BIG, 3 * BIG + 12345};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_plain(sizes[i]);
        check_aligned(sizes[i]);
        check_bad_alignment(sizes[i]);
        check_pages(sizes[i]);
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++)
            check_growth(sizes[i], sizes[j]);
    }
    check_nothing();
    check_too_much();
    printf("%d failures\n", failures);
    return failures != 0;
}
