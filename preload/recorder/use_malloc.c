/*
 * use_malloc.c - see use_malloc.h.
 *
 * The next allocator keeps freed memory of up to 32 MiB for the next request, a block's memory goes back to the system.
 * A program that allocates such memory again and again would pay for every page each time: once it has freed blocks
 * of more than CHURN_BYTES, and CHURN_BYTES_PER_MS on top, its allocations of that size are left to the next allocator.
 */
#include "preload/recorder/use_malloc.h"

#include "liblens/base/sys.h"
#include "liblens/engine/engine.h"
#include "liblens/watch/sampler.h"
#include "preload/malloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define CHURN_BYTES (64u << 20)
#define CHURN_BYTES_PER_MS (100u << 10)
#define RETURNED_BYTES (32u << 20) /* glibc gives allocations of this size back to the system too */

static struct lensi_family under;
static struct lensi_options options;
static uint64_t started_ns;
static _Atomic uint64_t churned_bytes;

static const struct lensi_plan_site site = {.name = "*", .min_bytes = LENSI_USE_BYTES, .snapshot = true};
static const struct lensi_plan plan = {.path = "lens profile", .sites = &site, .sites_count = 1};

static bool may_churn(void)
{
    uint64_t churned = atomic_load_explicit(&churned_bytes, memory_order_relaxed);

    return churned < CHURN_BYTES || churned - CHURN_BYTES < (lensi_sys_clock_ns() - started_ns) / 1000000u * CHURN_BYTES_PER_MS;
}

/* NULL: the next allocator serves. */
static inline void *block_for(size_t bytes, size_t alignment)
{
    if (bytes < LENSI_USE_BYTES || bytes > lensi_range.bytes || (bytes < RETURNED_BYTES && !may_churn()))
        return NULL;
    return lensi_block_new(0, bytes, alignment);
}

static void end_block(void *block)
{
    size_t bytes = lensi_block_bytes(block);

    if (bytes < RETURNED_BYTES)
        atomic_fetch_add_explicit(&churned_bytes, bytes, memory_order_relaxed);
    lensi_block_free(block);
}

static void *use_malloc(size_t bytes)
{
    void *block = block_for(bytes, 0);

    return block ? block : under.malloc(bytes);
}

static void *use_calloc(size_t count, size_t bytes)
{
    size_t total;
    void *block = __builtin_mul_overflow(count, bytes, &total) ? NULL : block_for(total, 0);

    return block ? block : under.calloc(count, bytes);
}

static void use_free(void *at)
{
    if (lensi_is_ours(at))
        end_block(at);
    else
        under.free(at);
}

static void *move(void *block, size_t bytes)
{
    size_t old_bytes = lensi_block_bytes(block);
    void *at = use_malloc(bytes);

    if (!at)
        return NULL;
    memcpy(at, block, old_bytes < bytes ? old_bytes : bytes);
    end_block(block);
    return at;
}

/* What the next allocator does with realloc(p, 0) differs: it shows us. */
static void *shrink_to_nothing(void *block)
{
    void *stand_in = under.malloc(1), *result;

    if (!stand_in)
        return NULL;
    result = under.realloc(stand_in, 0);
    end_block(block);
    return result;
}

static void *use_realloc(void *at, size_t bytes)
{
    size_t old_bytes;
    void *block;

    if (lensi_is_ours(at)) {
        if (!bytes)
            return shrink_to_nothing(at);
        block = bytes <= lensi_range.bytes ? lensi_block_resize(at, bytes) : NULL;
        return block ? block : move(at, bytes);
    }
    old_bytes = at ? under.usable(at) : 0;
    if (old_bytes >= LENSI_USE_BYTES || !(block = block_for(bytes, 0)))
        return under.realloc(at, bytes); /* what is large already is moved by the kernel, page by page */
    if (at) {
        memcpy(block, at, old_bytes < bytes ? old_bytes : bytes);
        under.free(at);
    }
    return block;
}

/* The alignments that all allocators agree about; others are left to the next one's opinion. */
static void *aligned_block(size_t alignment, size_t bytes)
{
    bool is_plain = alignment && !(alignment & (alignment - 1)) && alignment <= (size_t)1 << 30;

    return is_plain ? block_for(bytes, alignment) : NULL;
}

static int use_posix_memalign(void **to, size_t alignment, size_t bytes)
{
    void *block = alignment % sizeof(void *) == 0 ? aligned_block(alignment, bytes) : NULL;

    if (!block)
        return under.posix_memalign(to, alignment, bytes);
    *to = block;
    return 0;
}

static void *use_aligned_alloc(size_t alignment, size_t bytes)
{
    void *block = aligned_block(alignment, bytes);

    return block ? block : under.aligned_alloc(alignment, bytes);
}

static void *use_memalign(size_t alignment, size_t bytes)
{
    void *block = aligned_block(alignment, bytes);

    return block ? block : under.memalign(alignment, bytes);
}

static void *use_valloc(size_t bytes)
{
    void *block = block_for(bytes, LENSI_PAGE);

    return block ? block : under.valloc(bytes);
}

static void *use_pvalloc(size_t bytes)
{
    void *block = block_for((bytes + LENSI_PAGE - 1) & ~(size_t)(LENSI_PAGE - 1), LENSI_PAGE);

    return block ? block : under.pvalloc(bytes);
}

static size_t use_usable(void *at) { return lensi_is_ours(at) ? lensi_block_bytes(at) : under.usable(at); }

int lensi_use_start(const struct lensi_options *with, struct lens_error *error)
{
    const struct lensi_family mine = {use_malloc,        use_calloc,   use_realloc, use_free,   use_posix_memalign,
                                      use_aligned_alloc, use_memalign, use_valloc,  use_pvalloc, use_usable};
    int result;

    if (!lensi_malloc_is_ours())
        return lens_error_set(error, -1, "this program brings its own allocator"), -ENOTSUP;
    options = *with;
    options.store = LENSI_STORE_NONE;
    options.trust = LENSI_TRUST_STRICT;
    options.budget = (struct lensi_budget_spec){.kind = LENSI_BUDGET_BYTES, .bytes = UINT64_MAX};
    started_ns = lensi_sys_clock_ns();
    lensi_sampler_hook();
    result = lensi_engine_start(&options, &plan, error);
    if (result == 0)
        lensi_malloc_replace(&mine, &under);
    else if (result == -ECANCELED)
        lens_error_set(error, -1, "--fault off");
    return result;
}
