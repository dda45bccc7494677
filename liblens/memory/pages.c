/* pages.c - the reserved range and its tables; see pages.h. The slot lock guards the free list and the cursor. */
#include "liblens/memory/pages.h"

#include "liblens/base/arena.h"

#include <errno.h>

#define SPANS_KEPT 1024

struct lensi_pages lensi_pages;

static struct lensi_lock slots;
static uint64_t slots_used; /* by the cursor */
static struct span {
    uint8_t *at;
    uint64_t bytes;
} given_back[SPANS_KEPT];
static size_t given_back_count;

enum lensi_page_state lensi_page_wait(uint64_t page)
{
    enum lensi_page_state state;

    for (unsigned round = 0; (state = lensi_page_state(page)) == LENSI_BUSY || state == LENSI_LEAVING; round++)
        lensi_wait_a_little(round);
    return state;
}

bool lensi_page_begin(uint64_t page)
{
    if (!lensi_page_change(page, LENSI_PLAIN, LENSI_BUSY))
        return false;
    if (atomic_load(&lensi_chunk_of(page)->pins) == 0)
        return true;
    lensi_page_set(page, LENSI_PLAIN); /* not protected yet: nothing to undo */
    return false;
}

static bool reserve_tables(uint64_t bytes)
{
    uint64_t count = bytes >> LENSI_PAGE_SHIFT;
    struct lensi_pages *p = &lensi_pages;

    p->state = lensi_arena_map(count);
    p->segment = lensi_arena_map(count);
    p->checksum = lensi_arena_map(count * sizeof *p->checksum);
    p->chunk = lensi_arena_map((bytes >> LENSI_CHUNK_SHIFT) * sizeof *p->chunk);
    p->owner = lensi_arena_map((bytes >> LENSI_SLOT_SHIFT) * sizeof *p->owner);
    p->count = count;
    if (p->state && p->segment && p->checksum && p->chunk && p->owner)
        return true;
    lensi_arena_unmap((void *)(uintptr_t)p->state, count);
    lensi_arena_unmap(p->segment, count);
    lensi_arena_unmap(p->checksum, count * sizeof *p->checksum);
    lensi_arena_unmap(p->chunk, (bytes >> LENSI_CHUNK_SHIFT) * sizeof *p->chunk);
    lensi_arena_unmap((void *)(uintptr_t)p->owner, (bytes >> LENSI_SLOT_SHIFT) * sizeof *p->owner);
    p->count = 0;
    return false;
}

int lensi_pages_reserve(void)
{
    if (lensi_range.bytes)
        return 0;
    if (lensi_pages.count) { /* reserved by a start that failed later */
        lensi_range.bytes = lensi_pages.count << LENSI_PAGE_SHIFT;
        return 0;
    }
    for (uint64_t bytes = 1ull << 43; bytes >= 1ull << 26; bytes >>= 2) {
        if (bytes > lensi_sys_address_limit() / 4) /* the program has a use for it too */
            continue;
        uint8_t *raw = lensi_sys_map(NULL, bytes + LENSI_SLOT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, NULL);
        uint8_t *start = (uint8_t *)(((uintptr_t)raw + LENSI_SLOT - 1) & ~(uintptr_t)(LENSI_SLOT - 1));
        if (!raw)
            continue;
        lensi_sys_advise(raw, bytes + LENSI_SLOT, MADV_DONTDUMP); /* blocks are in core dumps, the rest is not */
        if (reserve_tables(bytes)) {
            lensi_range.start = (uintptr_t)start;
            lensi_range.bytes = bytes;
            return 0;
        }
        lensi_sys_unmap(raw, bytes + LENSI_SLOT);
    }
    return -ENOMEM;
}

/* The smallest span given back that is large enough, or NULL. */
static uint8_t *reuse(uint64_t bytes, uint64_t *got)
{
    size_t best = given_back_count;
    uint8_t *at;

    for (size_t i = 0; i < given_back_count; i++)
        if (given_back[i].bytes >= bytes && (best == given_back_count || given_back[i].bytes < given_back[best].bytes))
            best = i;
    if (best == given_back_count)
        return NULL;
    at = given_back[best].at;
    *got = bytes;
    given_back[best].at += bytes;
    given_back[best].bytes -= bytes;
    if (!given_back[best].bytes)
        given_back[best] = given_back[--given_back_count];
    return at;
}

void *lensi_slots_take(uint64_t bytes, uint32_t owner)
{
    uint8_t *at;
    uint64_t got = bytes;

    bytes = (bytes + LENSI_SLOT - 1) & ~(uint64_t)(LENSI_SLOT - 1);
    lensi_lock(&slots);
    at = reuse(bytes, &got);
    if (!at && bytes <= lensi_range.bytes - slots_used) {
        at = (uint8_t *)lensi_range.start + slots_used;
        slots_used += bytes;
    }
    lensi_unlock(&slots);
    for (uint64_t i = 0; at && i < bytes >> LENSI_SLOT_SHIFT; i++)
        atomic_store(&lensi_pages.owner[(((uintptr_t)at - lensi_range.start) >> LENSI_SLOT_SHIFT) + i], owner + 1);
    return at;
}

/* Joins a span with its neighbours in the list; a list that is full forgets it (address space only). */
static void give_span(uint8_t *at, uint64_t bytes)
{
    for (size_t i = 0; i < given_back_count; i++)
        if (given_back[i].at + given_back[i].bytes == at || at + bytes == given_back[i].at) {
            if (given_back[i].at < at)
                at = given_back[i].at;
            bytes += given_back[i].bytes;
            given_back[i] = given_back[--given_back_count];
            i = (size_t)-1;
        }
    if ((uintptr_t)at + bytes == lensi_range.start + slots_used)
        slots_used -= bytes;
    else if (given_back_count < SPANS_KEPT)
        given_back[given_back_count++] = (struct span){at, bytes};
}

void lensi_slots_give(void *at, uint64_t bytes)
{
    bytes = (bytes + LENSI_SLOT - 1) & ~(uint64_t)(LENSI_SLOT - 1);
    for (uint64_t i = 0; i < bytes >> LENSI_SLOT_SHIFT; i++)
        atomic_store(&lensi_pages.owner[(((uintptr_t)at - lensi_range.start) >> LENSI_SLOT_SHIFT) + i], 0);
    lensi_lock(&slots);
    give_span(at, bytes);
    lensi_unlock(&slots);
}

uint64_t lensi_slots_left(void) { return lensi_range.bytes - slots_used; }

void lensi_slots_fork_lock(void) { lensi_lock(&slots); }

void lensi_slots_fork_unlock(void) { lensi_unlock(&slots); }
