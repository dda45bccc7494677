/*
 * malloc.c - the malloc family: a site's allocations become blocks, all others go to the next allocator.
 *
 * The next allocator is whatever stands behind us in the search order (glibc, jemalloc, mimalloc, ...), found with
 * dlsym at the first call. Every public function is one comparison and a jump: allocations below `least_bytes` and
 * addresses outside of the reserved range are not ours. Whatever is not ours is passed on unchanged, wrong
 * arguments too, so that results, errors and errno are the next allocator's own.
 *
 * No locks, no state that a fork could tear: `next` and `least_bytes` are written before the program's own code.
 */
#include "preload/malloc.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/engine/engine.h"
#include "liblens/source/reads.h"
#include "preload/altstack.h"
#include "preload/site.h"
#include "preload/stack_bounds.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC __attribute__((visibility("default")))
#define COLD LENSI_ALIGNS_STACK __attribute__((noinline, cold))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CALLER __builtin_return_address(0)
#define BOOT_BYTES 16384u
#define BOOT_HEADER 16u
#define MALLOC_ALIGNMENT 16u

/*
 * Allocations below this many bytes are never ours. Not a number that malloc could serve before the engine has started.
 */
static size_t least_bytes = SIZE_MAX;

/* ---- before the next allocator is known: dlsym itself may allocate */

static alignas(MALLOC_ALIGNMENT) uint8_t boot[BOOT_BYTES];
static _Atomic size_t boot_used;
static struct lensi_family found; /* the next allocator's own functions */

static bool is_boot(const void *at) { return (uintptr_t)at - (uintptr_t)boot < BOOT_BYTES; }

static size_t boot_bytes(const void *at) { return *(const size_t *)((const uint8_t *)at - BOOT_HEADER); }

static void *boot_new(size_t bytes)
{
    size_t room = ((bytes + MALLOC_ALIGNMENT - 1) & ~(size_t)(MALLOC_ALIGNMENT - 1)) + BOOT_HEADER, at;

    if (bytes > BOOT_BYTES || (at = atomic_fetch_add(&boot_used, room)) + room > BOOT_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    *(size_t *)(boot + at) = bytes;
    return boot + at + BOOT_HEADER;
}

static void boot_free(void *at)
{
    if (!is_boot(at))
        found.free(at);
}

static void *boot_realloc(void *at, size_t bytes)
{
    void *fresh;

    if (!is_boot(at))
        return found.realloc(at, bytes);
    fresh = found.malloc(bytes);
    if (fresh)
        memcpy(fresh, at, boot_bytes(at) < bytes ? boot_bytes(at) : bytes);
    return fresh;
}

static size_t boot_usable(void *at) { return is_boot(at) ? boot_bytes(at) : found.usable(at); }

/* ---- finding the next allocator: `next` begins with functions that look it up and then step aside */

static void *first_malloc(size_t);
static void *first_calloc(size_t, size_t);
static void *first_realloc(void *, size_t);
static void first_free(void *);
static int first_posix_memalign(void **, size_t, size_t);
static void *first_aligned_alloc(size_t, size_t);
static void *first_memalign(size_t, size_t);
static void *first_valloc(size_t);
static void *first_pvalloc(size_t);
static size_t first_usable(void *);

static struct lensi_family next = {first_malloc,        first_calloc,   first_realloc, first_free,   first_posix_memalign,
                             first_aligned_alloc, first_memalign, first_valloc,  first_pvalloc, first_usable};

/* True once `next` is final. False inside of the look-up: the caller then makes do with the boot pool. */
static bool find_next(void)
{
    static _Atomic bool looking;

    if (atomic_exchange(&looking, true))
        return next.malloc != first_malloc;
    *(void **)&found.malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&found.free = dlsym(RTLD_NEXT, "free");
    *(void **)&found.calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&found.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&found.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    *(void **)&found.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    *(void **)&found.memalign = dlsym(RTLD_NEXT, "memalign");
    *(void **)&found.valloc = dlsym(RTLD_NEXT, "valloc");
    *(void **)&found.pvalloc = dlsym(RTLD_NEXT, "pvalloc");
    *(void **)&found.usable = dlsym(RTLD_NEXT, "malloc_usable_size");
    if (!found.malloc || !found.free || !found.calloc || !found.realloc || !found.usable)
        lensi_stop("no allocator behind liblens-preload.so; is the program linked statically?");
    next = found;
    if (atomic_load(&boot_used)) { /* the price of telling boot memory apart is paid only where there is any */
        next.free = boot_free;
        next.realloc = boot_realloc;
        next.usable = boot_usable;
    }
    return true;
}

static void *first_malloc(size_t bytes) { return find_next() ? next.malloc(bytes) : boot_new(bytes); }

static void *first_calloc(size_t count, size_t bytes)
{
    size_t total; /* boot memory is zero and used once */

    if (find_next())
        return next.calloc(count, bytes);
    return boot_new(__builtin_mul_overflow(count, bytes, &total) ? SIZE_MAX : total);
}

static void *first_realloc(void *at, size_t bytes)
{
    void *fresh;

    if (find_next())
        return next.realloc(at, bytes);
    fresh = boot_new(bytes);
    if (fresh && at)
        memcpy(fresh, at, boot_bytes(at) < bytes ? boot_bytes(at) : bytes);
    return fresh;
}

static void first_free(void *at)
{
    if (find_next())
        next.free(at);
}

static int first_posix_memalign(void **to, size_t alignment, size_t bytes)
{
    return find_next() ? next.posix_memalign(to, alignment, bytes) : ENOMEM;
}

static void *first_aligned_alloc(size_t alignment, size_t bytes)
{
    return find_next() ? next.aligned_alloc(alignment, bytes) : NULL;
}

static void *first_memalign(size_t alignment, size_t bytes)
{
    return find_next() ? next.memalign(alignment, bytes) : NULL;
}

static void *first_valloc(size_t bytes) { return find_next() ? next.valloc(bytes) : NULL; }

static void *first_pvalloc(size_t bytes) { return find_next() ? next.pvalloc(bytes) : NULL; }

static size_t first_usable(void *at) { return find_next() ? next.usable(at) : boot_usable(at); }

/* ---- blocks. These are jumped to, so that their own return address is the program's. */

/* A block for the site that this call path belongs to, or NULL: then the next allocator serves. */
static inline __attribute__((always_inline)) void *block_for(size_t bytes, size_t alignment, const void *caller)
{
    size_t site;

    if (bytes > lensi_range.bytes)
        return NULL;
    site = lensi_site_find(bytes, caller, (const uintptr_t *)__builtin_frame_address(0) + 1);
    return site == LENSI_NO_SITE ? NULL : lensi_block_new(site, bytes, alignment);
}

static COLD void *large_malloc(size_t bytes, const void *caller)
{
    void *block = block_for(bytes, 0, caller);

    return block ? block : next.malloc(bytes);
}

static COLD void *large_calloc(size_t count, size_t bytes, const void *caller)
{
    size_t total;
    void *block = __builtin_mul_overflow(count, bytes, &total) ? NULL : block_for(total, 0, caller);

    return block ? block : next.calloc(count, bytes);
}

/* What the next allocator does with realloc(p, 0) differs (free; a small block): let it show us. */
static void *shrink_to_nothing(void *block)
{
    void *stand_in = next.malloc(1), *result;

    if (!stand_in)
        return NULL;
    result = next.realloc(stand_in, 0);
    lensi_block_free(block);
    return result;
}

static COLD void *block_realloc(void *block, size_t bytes, const void *caller)
{
    size_t old_bytes = lensi_block_bytes(block);
    void *at;

    if (bytes == 0)
        return shrink_to_nothing(block);
    if (bytes <= lensi_range.bytes && (at = lensi_block_resize(block, bytes)))
        return at;
    at = bytes >= least_bytes ? block_for(bytes, 0, caller) : NULL;
    if (!at)
        at = next.malloc(bytes);
    if (!at)
        return NULL;
    memcpy(at, block, old_bytes < bytes ? old_bytes : bytes);
    lensi_reads_moved(block, old_bytes < bytes ? old_bytes : bytes, at);
    lensi_block_free(block);
    return at;
}

/* Some function may yet make a block of it, and then it matters what was read there. */
static COLD void *move_ordinary(void *at, size_t bytes)
{
    size_t old_bytes = next.usable(at);
    void *fresh = next.realloc(at, bytes);

    if (fresh && fresh != at)
        lensi_reads_moved(at, old_bytes < bytes ? old_bytes : bytes, fresh);
    return fresh;
}

/* An ordinary allocation that grows into a site's sizes becomes a block. */
static COLD void *large_realloc(void *at, size_t bytes, const void *caller)
{
    void *block = block_for(bytes, 0, caller);
    size_t old_bytes;

    if (!block)
        return lensi_reads_wanted && at ? move_ordinary(at, bytes) : next.realloc(at, bytes);
    if (!at)
        return block;
    old_bytes = next.usable(at);
    memcpy(block, at, old_bytes < bytes ? old_bytes : bytes);
    lensi_reads_moved(at, old_bytes < bytes ? old_bytes : bytes, block);
    next.free(at);
    return block;
}

/* Recorded programs have blocks behind `next`, and none of ours: is_shut. */
static inline bool is_shut(void) { return least_bytes == SIZE_MAX; }

static COLD void block_free(void *block)
{
    if (is_shut())
        next.free(block);
    else
        lensi_block_free(block);
}

/* The alignments that all allocators agree about; others are left to the next one's opinion. */
static bool is_plain_alignment(size_t alignment)
{
    return alignment && !(alignment & (alignment - 1)) && alignment <= (size_t)1 << 30;
}

static COLD void *large_aligned(size_t alignment, size_t bytes, const void *caller)
{
    return is_plain_alignment(alignment) ? block_for(bytes, alignment, caller) : NULL;
}

/* ---- the public functions */

PUBLIC void *malloc(size_t bytes)
{
    if (UNLIKELY(bytes >= least_bytes))
        return large_malloc(bytes, CALLER);
    return next.malloc(bytes);
}

PUBLIC void free(void *at)
{
    if (UNLIKELY(lensi_altstacks))
        lensi_altstack_freed(at);
    if (UNLIKELY(lensi_is_ours(at)))
        block_free(at);
    else
        next.free(at);
}

PUBLIC void *calloc(size_t count, size_t bytes)
{
    size_t total;

    if (UNLIKELY(__builtin_mul_overflow(count, bytes, &total) || total >= least_bytes))
        return large_calloc(count, bytes, CALLER);
    return next.calloc(count, bytes);
}

PUBLIC void *realloc(void *at, size_t bytes)
{
    if (UNLIKELY(lensi_is_ours(at)) && !is_shut())
        return block_realloc(at, bytes, CALLER);
    if (UNLIKELY(bytes >= least_bytes))
        return large_realloc(at, bytes, CALLER);
    return next.realloc(at, bytes);
}

PUBLIC void *reallocarray(void *at, size_t count, size_t bytes)
{
    size_t total;

    if (UNLIKELY(__builtin_mul_overflow(count, bytes, &total))) {
        errno = ENOMEM;
        return NULL;
    }
    if (UNLIKELY(lensi_is_ours(at)) && !is_shut())
        return block_realloc(at, total, CALLER);
    if (UNLIKELY(total >= least_bytes))
        return large_realloc(at, total, CALLER);
    return next.realloc(at, total);
}

PUBLIC void cfree(void *at);
PUBLIC void cfree(void *at) { free(at); }

PUBLIC int posix_memalign(void **to, size_t alignment, size_t bytes)
{
    if (UNLIKELY(bytes >= least_bytes) && alignment % sizeof(void *) == 0) {
        void *block = large_aligned(alignment, bytes, CALLER);
        if (block) {
            *to = block;
            return 0;
        }
    }
    return next.posix_memalign(to, alignment, bytes);
}

PUBLIC void *aligned_alloc(size_t alignment, size_t bytes)
{
    void *block = UNLIKELY(bytes >= least_bytes) ? large_aligned(alignment, bytes, CALLER) : NULL;

    return block ? block : next.aligned_alloc(alignment, bytes);
}

PUBLIC void *memalign(size_t alignment, size_t bytes)
{
    void *block = UNLIKELY(bytes >= least_bytes) ? large_aligned(alignment, bytes, CALLER) : NULL;

    return block ? block : next.memalign(alignment, bytes);
}

PUBLIC void *valloc(size_t bytes)
{
    void *block = UNLIKELY(bytes >= least_bytes) ? large_aligned(LENSI_PAGE, bytes, CALLER) : NULL;

    return block ? block : next.valloc(bytes);
}

PUBLIC void *pvalloc(size_t bytes)
{
    size_t whole = (bytes + LENSI_PAGE - 1) & ~(size_t)(LENSI_PAGE - 1);
    void *block = UNLIKELY(bytes >= least_bytes) ? large_aligned(LENSI_PAGE, whole, CALLER) : NULL;

    return block ? block : next.pvalloc(bytes);
}

PUBLIC size_t malloc_usable_size(void *at)
{
    return UNLIKELY(lensi_is_ours(at)) ? lensi_block_bytes(at) : next.usable(at);
}

/* ---- the start */

/* Whether the program's calls of `name` come here. An undefined symbol with an address is a jump to what is found. */
static bool is_ours_to_serve(const char *name, const void *our_base)
{
    void *symbol = NULL;
    void *at = dlsym(RTLD_DEFAULT, name);
    Dl_info info;

    if (!at || !dladdr1(at, &info, &symbol, RTLD_DL_SYMENT))
        return false;
    return info.dli_fbase == our_base || (symbol && ((const ElfW(Sym) *)symbol)->st_shndx == SHN_UNDEF);
}

/*
 * A program that brings its own free (an allocator linked into it) would be handed blocks it does not know by
 * the functions it did not bring: then nothing is virtualised.
 */
bool lensi_malloc_is_ours(void)
{
    static const char *const names[] = {"free", "realloc", "malloc_usable_size"};
    Dl_info self;

    if (!dladdr((void *)(uintptr_t)lensi_malloc_init, &self))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_ours_to_serve(names[i], self.dli_fbase))
            return false;
    return true;
}

void lensi_malloc_replace(const struct lensi_family *with, struct lensi_family *under)
{
    if (next.malloc == first_malloc)
        find_next();
    *under = next;
    next = *with;
    if (!next.usable)
        next.usable = under->usable;
}

void lensi_malloc_init(void)
{
    const struct lensi_plan *plan = lensi_plan_in_force();
    size_t least;

    if (next.malloc == first_malloc)
        find_next();
    if (!plan || plan->sites_count == 0)
        return;
    if (!lensi_malloc_is_ours()) {
        lensi_warn("this program brings its own allocator: nothing can be virtualised");
        return;
    }
    least = lensi_site_init(plan);
    least_bytes = least ? least : 1; /* malloc(0) stays with the next allocator */
}
