/*
 * record_malloc.c - the malloc family of a recorded program: stands between the public functions and the next
 * allocator.
 *
 * The public functions jump here, so that the return address is the program's. An allocation is recorded after it was
 * made, and an end before it happens: in between, nobody else can have the address. What the next allocator asks for
 * below us (mappings, its own bookkeeping) is inside, and is not recorded a second time.
 *
 * A full recording looks at every call. A sampled one counts bytes down, and looks at what crosses zero.
 */
#include "preload/recorder/malloc.h"

#include "liblens/base/sys.h"
#include "preload/malloc.h"
#include "preload/recorder/map.h"
#include "preload/recorder/record.h"
#include "preload/recorder/sample.h"
#include "preload/stack_bounds.h"

#include <errno.h>

#define CALLER __builtin_return_address(0)
#define SLOT ((const uintptr_t *)__builtin_frame_address(0) + 1)
#define COLD LENSI_ALIGNS_STACK __attribute__((noinline, cold))
#define NOINLINE LENSI_ALIGNS_STACK __attribute__((noinline)) /* jumped to from the sampled functions: the caller stays the program */

static struct lensi_family under; /* the next allocator's */

/* ---- entering and leaving */

static inline bool enter(void)
{
    bool inside = lensi_record_local.inside;

    lensi_record_local.inside = true;
    return !inside;
}

static inline void leave(bool entered)
{
    if (entered)
        lensi_record_local.inside = false;
}

/* Sampled: this allocation is passed over. Neither a frame nor a call is needed to find that out. */
static inline bool is_passed_over(size_t bytes)
{
    return __builtin_expect(bytes < LENSI_TRACE_BLOCK_BYTES && (lensi_record_local.left -= (int64_t)bytes + 1) >= 0, 1);
}

/* The countdown has crossed zero: false if that was only because it had never been wound up. */
static COLD bool wind_up(void)
{
    struct lensi_record_thread *thread = lensi_record_thread_find();
    struct lensi_record_local *local = &lensi_record_local;

    if (!thread) {
        local->left = INT64_MAX;
        return false;
    }
    if (!local->is_wound) {
        local->is_wound = true;
        local->left += lensi_sample_draw(&thread->random);
        if (local->left >= 0)
            return false;
    }
    while (local->left < 0)
        local->left += lensi_sample_draw(&thread->random);
    return true;
}

/* Of what was not passed over, this is what is recorded. */
static inline bool is_seen(size_t bytes)
{
    return bytes >= LENSI_TRACE_BLOCK_BYTES || !lensi_sample.distance || wind_up();
}

static inline bool may_hold(const void *at) { return at && (!lensi_sample.distance || lensi_sample_may_hold(at)); }

/* What a function that makes an allocation does around the call of the next allocator's. */
#define MAKE(bytes, kind, call) \
    bool entered = enter(); \
    void *at = call; \
 \
    if (entered && at && is_seen(bytes)) \
        lensi_record_new(at, bytes, kind, CALLER, SLOT, 0); \
    leave(entered); \
    return at;

/* ---- the family as a full recording has it */

static NOINLINE void *full_malloc(size_t bytes) { MAKE(bytes, LENSI_SITE_MALLOC, under.malloc(bytes)) }

static NOINLINE void *full_calloc(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total))
        return under.calloc(count, bytes);
    MAKE(total, LENSI_SITE_CALLOC, under.calloc(count, bytes))
}

static NOINLINE void *full_aligned_alloc(size_t alignment, size_t bytes)
{
    MAKE(bytes, LENSI_SITE_ALIGNED, under.aligned_alloc(alignment, bytes))
}

static NOINLINE void *full_memalign(size_t alignment, size_t bytes)
{
    MAKE(bytes, LENSI_SITE_ALIGNED, under.memalign(alignment, bytes))
}

static NOINLINE void *full_valloc(size_t bytes) { MAKE(bytes, LENSI_SITE_ALIGNED, under.valloc(bytes)) }

static NOINLINE void *full_pvalloc(size_t bytes) { MAKE(bytes, LENSI_SITE_ALIGNED, under.pvalloc(bytes)) }

static NOINLINE int full_posix_memalign(void **to, size_t alignment, size_t bytes)
{
    bool entered = enter();
    int result = under.posix_memalign(to, alignment, bytes);

    if (entered && result == 0 && *to && is_seen(bytes))
        lensi_record_new(*to, bytes, LENSI_SITE_ALIGNED, CALLER, SLOT, 0);
    leave(entered);
    return result;
}

static NOINLINE void full_free(void *at)
{
    bool entered = enter();
    uint32_t block;

    if (entered && at)
        lensi_record_gone(at, &block);
    under.free(at);
    leave(entered);
}

/*
 * Another thread may be given the old address as soon as realloc has let go of it, so the end comes first; if there was
 * no room, the allocation is still there, and begins anew at this call. passed_over: the new size is not recorded.
 */
static inline __attribute__((always_inline)) void *resize(void *at, size_t bytes, bool passed_over, const void *caller,
                                                          const uintptr_t *slot)
{
    bool entered = enter(), was_held = false;
    size_t old_bytes = at && entered ? under.usable(at) : 0;
    uint32_t previous = 0;
    void *fresh;

    if (entered && may_hold(at))
        was_held = lensi_record_gone(at, &previous);
    fresh = under.realloc(at, bytes);
    if (entered && fresh && !passed_over && is_seen(bytes))
        lensi_record_new(fresh, bytes, LENSI_SITE_REALLOC, caller, slot, previous);
    else if (was_held && !fresh && bytes)
        lensi_record_new(at, old_bytes, LENSI_SITE_REALLOC, caller, slot, 0);
    leave(entered);
    return fresh;
}

static NOINLINE void *full_realloc(void *at, size_t bytes) { return resize(at, bytes, false, CALLER, SLOT); }

/* ---- and a sampled one: most calls go on to the next allocator at once, by a jump */

static void *sampled_malloc(size_t bytes) { return is_passed_over(bytes) ? under.malloc(bytes) : full_malloc(bytes); }

static void *sampled_calloc(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total) || is_passed_over(total))
        return under.calloc(count, bytes);
    return full_calloc(count, bytes);
}

static void *sampled_aligned_alloc(size_t alignment, size_t bytes)
{
    return is_passed_over(bytes) ? under.aligned_alloc(alignment, bytes) : full_aligned_alloc(alignment, bytes);
}

static void *sampled_memalign(size_t alignment, size_t bytes)
{
    return is_passed_over(bytes) ? under.memalign(alignment, bytes) : full_memalign(alignment, bytes);
}

static void *sampled_valloc(size_t bytes) { return is_passed_over(bytes) ? under.valloc(bytes) : full_valloc(bytes); }

static void *sampled_pvalloc(size_t bytes) { return is_passed_over(bytes) ? under.pvalloc(bytes) : full_pvalloc(bytes); }

static int sampled_posix_memalign(void **to, size_t alignment, size_t bytes)
{
    return is_passed_over(bytes) ? under.posix_memalign(to, alignment, bytes) : full_posix_memalign(to, alignment, bytes);
}

static void sampled_free(void *at)
{
    if (__builtin_expect(!lensi_sample_may_hold(at), 1))
        under.free(at);
    else
        full_free(at);
}

static COLD void *resize_held(void *at, size_t bytes) { return resize(at, bytes, true, CALLER, SLOT); }

static void *sampled_realloc(void *at, size_t bytes)
{
    if (!is_passed_over(bytes))
        return full_realloc(at, bytes);
    return __builtin_expect(!may_hold(at), 1) ? under.realloc(at, bytes) : resize_held(at, bytes);
}

void lensi_record_malloc_init(void)
{
    static const struct lensi_family full = {full_malloc,        full_calloc,   full_realloc, full_free,    full_posix_memalign,
                                             full_aligned_alloc, full_memalign, full_valloc,  full_pvalloc, NULL};
    static const struct lensi_family sampled = {sampled_malloc,         sampled_calloc,        sampled_realloc, sampled_free,
                                                sampled_posix_memalign, sampled_aligned_alloc, sampled_memalign, sampled_valloc,
                                                sampled_pvalloc,        NULL};

    lensi_malloc_replace(lensi_sample.distance ? &sampled : &full, &under);
    lensi_record_map_init((const void *)(uintptr_t)under.malloc);
}

void lensi_record_malloc_end(void)
{
    struct lensi_family ours;

    lensi_malloc_replace(&under, &ours);
}
