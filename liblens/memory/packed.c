/* packed.c - small allocations of one site, laid out densely; see packed.h. */
#include "liblens/memory/packed.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"

#include <errno.h>

#define UNIT LENSI_PACKED_UNIT
#define UNITS_PER_PAGE (LENSI_PAGE / UNIT)

static size_t bitmap_bytes(const struct lensi_packed *packed) { return packed->span_bytes / UNIT / 8 + 8; }

static size_t counts_bytes(const struct lensi_packed *packed)
{
    return packed->span_bytes / LENSI_PAGE * sizeof *packed->freed_units;
}

int lensi_packed_init(struct lensi_packed *packed, void *base, uint64_t span_bytes,
                      void (*release)(void *context, void *page, size_t bytes), void *context)
{
    *packed = (struct lensi_packed){.base = base, .span_bytes = span_bytes, .release = release, .context = context};
    packed->starts = lensi_arena_map(bitmap_bytes(packed));
    packed->ends = lensi_arena_map(bitmap_bytes(packed));
    packed->freed_units = lensi_arena_map(counts_bytes(packed));
    if (packed->starts && packed->ends && packed->freed_units)
        return 0;
    lensi_packed_end(packed);
    return -ENOMEM;
}

void lensi_packed_end(struct lensi_packed *packed)
{
    lensi_arena_unmap(packed->starts, bitmap_bytes(packed));
    lensi_arena_unmap(packed->ends, bitmap_bytes(packed));
    lensi_arena_unmap(packed->freed_units, counts_bytes(packed));
    *packed = (struct lensi_packed){0};
}

/* ---- bits */

static void bit_set(_Atomic uint64_t *bits, uint64_t unit) { atomic_fetch_or(&bits[unit / 64], 1ull << unit % 64); }

/* Returns whether it was set. */
static bool bit_clear(_Atomic uint64_t *bits, uint64_t unit)
{
    return atomic_fetch_and(&bits[unit / 64], ~(1ull << unit % 64)) >> unit % 64 & 1;
}

static bool bit_is_set(const _Atomic uint64_t *bits, uint64_t unit)
{
    return atomic_load(&bits[unit / 64]) >> unit % 64 & 1;
}

/* The unit behind the object that starts at `unit`: its end bit was set before anybody knew its address. */
static uint64_t object_end(const struct lensi_packed *packed, uint64_t unit)
{
    uint64_t word = unit / 64, bits = atomic_load(&packed->ends[word]) >> unit % 64 << unit % 64;

    while (bits == 0)
        bits = atomic_load(&packed->ends[++word]);
    return word * 64 + (uint64_t)__builtin_ctzll(bits) + 1;
}

/* ---- pages */

/* Units [from, to) are nobody's from now on. Whoever brings a page's count to the full gives the page back. */
static void forget_units(struct lensi_packed *packed, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t page = from / UNITS_PER_PAGE, stop = (page + 1) * UNITS_PER_PAGE;
        uint16_t units = (uint16_t)((stop < to ? stop : to) - from);
        if (atomic_fetch_add(&packed->freed_units[page], units) + units == UNITS_PER_PAGE)
            packed->release(packed->context, packed->base + page * LENSI_PAGE, LENSI_PAGE);
        from += units;
    }
}

/* ---- objects */

/* The unit of a living object's start, or UINT64_MAX. */
static uint64_t living_unit(const struct lensi_packed *packed, const void *at)
{
    uint64_t offset = (uintptr_t)at - (uintptr_t)packed->base;

    if (offset >= packed->span_bytes || offset % UNIT || !bit_is_set(packed->starts, offset / UNIT))
        return UINT64_MAX;
    return offset / UNIT;
}

static uint64_t round_up(uint64_t bytes, uint64_t to) { return (bytes + to - 1) & ~(to - 1); }

void *lensi_packed_new(struct lensi_packed *packed, size_t bytes, size_t alignment)
{
    uint64_t used = atomic_load(&packed->used_bytes), start, room, base = (uintptr_t)packed->base;

    if (bytes > packed->span_bytes)
        return NULL;
    if (alignment < UNIT)
        alignment = UNIT;
    room = round_up(bytes ? bytes : 1, UNIT);
    do {
        start = round_up(base + used, alignment) - base;
        if (start > packed->span_bytes || room > packed->span_bytes - start)
            return NULL;
    } while (!atomic_compare_exchange_weak(&packed->used_bytes, &used, start + room));
    bit_set(packed->ends, (start + room) / UNIT - 1);
    bit_set(packed->starts, start / UNIT);
    forget_units(packed, used / UNIT, start / UNIT); /* the gap that the alignment left */
    return packed->base + start;
}

int lensi_packed_free(struct lensi_packed *packed, const void *at)
{
    uint64_t unit = living_unit(packed, at);

    if (unit == UINT64_MAX || !bit_clear(packed->starts, unit))
        return -EINVAL;
    forget_units(packed, unit, object_end(packed, unit));
    return 0;
}

size_t lensi_packed_bytes(const struct lensi_packed *packed, const void *at)
{
    uint64_t unit = living_unit(packed, at);

    return unit == UINT64_MAX ? 0 : (object_end(packed, unit) - unit) * UNIT;
}

bool lensi_packed_resize(struct lensi_packed *packed, const void *at, size_t bytes)
{
    uint64_t unit = living_unit(packed, at), end, end_bytes, fresh_bytes;

    if (unit == UINT64_MAX || bytes > packed->span_bytes)
        return false;
    end = object_end(packed, unit);
    if (bytes <= (end - unit) * UNIT)
        return true;
    end_bytes = end * UNIT;
    fresh_bytes = round_up(unit * UNIT + bytes, UNIT);
    if (fresh_bytes > round_up(end_bytes, LENSI_PAGE) ||
        !atomic_compare_exchange_strong(&packed->used_bytes, &end_bytes, fresh_bytes))
        return false;
    bit_set(packed->ends, fresh_bytes / UNIT - 1); /* before the old end goes: the object always has one */
    bit_clear(packed->ends, end - 1);
    return true;
}
