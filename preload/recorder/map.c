/*
 * record_map.c - mappings as blocks; see record_map.h. Counted under the live table's lock of their address, as all is.
 */
#include "preload/recorder/map.h"

#include "liblens/base/sys.h"
#include "preload/recorder/block.h"
#include "preload/recorder/clock.h"
#include "preload/recorder/fill.h"
#include "preload/recorder/input.h"
#include "preload/recorder/live.h"
#include "preload/recorder/record.h"
#include "preload/recorder/sample.h"
#include "preload/recorder/site.h"

#include <dlfcn.h>
#include <sys/mman.h>

static uintptr_t allocator_start, allocator_bytes;

void lensi_record_map_init(const void *allocator)
{
    struct dl_find_object found;

    if (_dl_find_object((void *)(uintptr_t)allocator, &found) < 0)
        return;
    allocator_start = (uintptr_t)found.dlfo_map_start;
    allocator_bytes = (uintptr_t)found.dlfo_map_end - allocator_start;
}

static size_t whole_pages(size_t bytes) { return (bytes + LENSI_PAGE - 1) & ~(size_t)(LENSI_PAGE - 1); }

/* Bytes of a site that came or went without being an allocation of their own: mappings that were cut or have grown. */
static struct lensi_weight bytes_only(uint64_t bytes) { return (struct lensi_weight){.bytes = bytes}; }

/* ---- mmap */

void lensi_record_mapped(const void *at, size_t bytes, int protection, int flags, int fd, uint64_t offset, const void *caller,
                         const uintptr_t *slot)
{
    struct lensi_weight weight = {.bytes = whole_pages(bytes), .count = lensi_sample.scale};
    enum lensi_site_kind kind = flags & MAP_ANONYMOUS || fd < 0 ? LENSI_SITE_MAP : LENSI_SITE_MAP_FILE;
    struct lensi_record_thread *thread;
    uint32_t site, node;
    uint64_t now;
    unsigned shard;

    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        lensi_record_unmapped(at, bytes);
    if (lensi_record_local.inside || protection == PROT_NONE || (uintptr_t)caller - allocator_start < allocator_bytes)
        return;
    thread = lensi_record_thread_find();
    if (!thread)
        return;
    lensi_record_local.inside = true;
    node = lensi_path_node(&thread->path, (uintptr_t)caller, slot);
    site = lensi_site_at(node, kind);
    now = lensi_record_ns();
    shard = lensi_live_lock(at);
    lensi_blocks_add(&(struct lensi_block_record){
        .address = (uintptr_t)at, .bytes = weight.bytes, .birth_ns = now, .site = site, .is_map = true});
    lensi_site_count(site, weight.bytes, &weight, now);
    lensi_live_unlock(shard);
    if (kind == LENSI_SITE_MAP_FILE)
        lensi_input_mapped(fd, offset, at, weight.bytes, node);
    lensi_fill_grown();
    lensi_record_local.inside = false;
}

/* ---- munmap */

/* Takes the part [from, to) out of a block; what is left on either side stays with its site. */
static void cut(const struct lensi_block_record *block, uintptr_t from, uintptr_t to, uint64_t now)
{
    uintptr_t end = block->address + block->bytes;
    struct lensi_block_record taken, rest;
    struct lensi_weight weight;
    unsigned shard = lensi_live_lock((const void *)block->address);

    from = from > block->address ? from : block->address;
    to = to < end ? to : end;
    if (!lensi_blocks_take(block->address, now, from > block->address || to < end, &taken)) {
        lensi_live_unlock(shard);
        return; /* another thread unmaps the same: its own affair */
    }
    rest = taken;
    rest.bytes = from - taken.address;
    if (rest.bytes) /* the same block, shorter: told again under its number */
        lensi_blocks_add(&rest);
    rest.address = to;
    rest.bytes = end - to;
    if (rest.address > from && from > taken.address)
        rest.number = 0; /* cut in two: the outer piece is a block of its own */
    if (rest.bytes)
        lensi_blocks_add(&rest);
    weight = bytes_only(to - from);
    if (to - from == taken.bytes)
        weight.count = lensi_sample.scale;
    lensi_site_uncount(taken.site, &weight, taken.birth_ns, now);
    lensi_live_unlock(shard);
}

void lensi_record_unmapped(const void *at, size_t bytes)
{
    uintptr_t from = (uintptr_t)at, to = from + whole_pages(bytes), next = from;
    struct lensi_block_record block;
    bool inside = lensi_record_local.inside;

    if (to < from)
        return;
    lensi_record_local.inside = true;
    while (next < to && lensi_blocks_first(next, to - next, &block)) {
        next = block.address + block.bytes;
        if (block.is_map)
            cut(&block, from, to, lensi_record_ns());
    }
    lensi_record_local.inside = inside;
}

/* ---- mremap */

void lensi_record_remapped(const void *old, size_t old_bytes, const void *at, size_t bytes)
{
    struct lensi_block_record block, taken;
    struct lensi_weight weight;
    bool inside = lensi_record_local.inside;
    uint64_t now = lensi_record_ns();
    unsigned shard;

    old_bytes = whole_pages(old_bytes);
    bytes = whole_pages(bytes);
    if (!lensi_blocks_first((uintptr_t)old, 1, &block) || !block.is_map || block.address != (uintptr_t)old ||
        block.bytes != old_bytes)
        return; /* not known, or a piece of something: its bytes stay where they were counted */
    lensi_record_local.inside = true;
    shard = lensi_live_lock(old);
    if (lensi_blocks_take((uintptr_t)old, now, false, &taken)) {
        lensi_blocks_add(&(struct lensi_block_record){.address = (uintptr_t)at, .bytes = bytes, .birth_ns = now,
                                                      .site = taken.site, .previous = taken.number, .is_map = true});
        weight = bytes_only(bytes > old_bytes ? bytes - old_bytes : old_bytes - bytes);
        if (bytes > old_bytes)
            lensi_site_count(taken.site, bytes, &weight, now);
        else if (bytes < old_bytes)
            lensi_site_uncount(taken.site, &weight, taken.birth_ns, now);
    }
    lensi_live_unlock(shard);
    lensi_record_local.inside = inside;
}
