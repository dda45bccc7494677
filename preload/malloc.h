/* malloc.h - the interposed allocation functions: what the constructor calls. */
#ifndef LENSI_MALLOC_H
#define LENSI_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* An allocator's functions. */
struct lensi_family {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*usable)(void *);
};

/*
 * From now on allocations that match a site of the engine's plan become blocks. Called once, by
 * the constructor, after the engine has started. Without a plan, or if it is never called, every call goes to the
 * next allocator.
 */
void lensi_malloc_init(void);

/*
 * Puts `with` between the public functions and the next allocator, whose functions go to *under (malloc_usable_size
 * stays with it if it is NULL in `with`). The public functions jump to `with`: what these return to is the program. By
 * the constructor; who comes later stands before who came first.
 */
void lensi_malloc_replace(const struct lensi_family *with, struct lensi_family *under);
/* False: the program brings parts of the family itself, and its calls of them do not come here. */
bool lensi_malloc_is_ours(void);

#endif
