/* arena.c - memory for our own books; see arena.h. One reserved range, one atomic cursor, no locks. */
#include "liblens/base/arena.h"

#include "liblens/base/sys.h"

#include <stdatomic.h>
#include <string.h>

#define RESERVED_BYTES (1ull << 34)
#define DUMPED_MOST_BYTES (1u << 20)
#define TABLES 64u
#define TABLE_LEAST_BYTES (1u << 19)

static _Atomic(uint8_t *) base;
static _Atomic uint64_t used, reserved;

/*
 * The large ones: reserved for the most part. The list is searched seldom, and never long; of the others only the sum
 * is known.
 */
static struct table {
    _Atomic uintptr_t start, end;
} tables[TABLES];
static _Atomic uint64_t small_bytes;

static void note_table(uintptr_t at, uint64_t bytes)
{
    for (size_t i = 0; bytes >= TABLE_LEAST_BYTES && i < TABLES; i++) {
        uintptr_t none = 0;
        if (atomic_compare_exchange_strong(&tables[i].start, &none, at)) {
            atomic_store(&tables[i].end, at + bytes);
            return;
        }
    }
    atomic_fetch_add(&small_bytes, bytes);
}

/* A whole table, or what was cut off at one of its ends. */
static void forget_table(uintptr_t at, uint64_t bytes)
{
    for (size_t i = 0; i < TABLES; i++) {
        uintptr_t start = atomic_load(&tables[i].start), end = atomic_load(&tables[i].end);
        if (!start || at < start || at >= end)
            continue;
        if (at > start)
            atomic_store(&tables[i].end, at);
        else if (at + bytes < end)
            atomic_store(&tables[i].start, at + bytes);
        else {
            atomic_store(&tables[i].end, 0);
            atomic_store(&tables[i].start, 0);
        }
        return;
    }
    atomic_fetch_sub(&small_bytes, bytes);
}

bool lensi_arena_next(uintptr_t from, uintptr_t to, uintptr_t *start, uintptr_t *end)
{
    bool found = false;

    for (size_t i = 0; i < TABLES; i++) {
        uintptr_t first = atomic_load(&tables[i].start), last = atomic_load(&tables[i].end);
        if (!first || first >= to || last <= from || (found && first >= *start))
            continue;
        *start = first > from ? first : from;
        *end = last < to ? last : to;
        found = true;
    }
    return found;
}

uint64_t lensi_arena_small_bytes(void) { return atomic_load(&small_bytes); }

void lensi_arena_count(int64_t bytes) { atomic_fetch_add(&small_bytes, (uint64_t)bytes); }

/* Tables are address space for far more than is ever used: a core dump would be as long as all of it. */
static void *mapped(size_t bytes)
{
    void *at = lensi_sys_map(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, NULL);

    if (at && bytes > DUMPED_MOST_BYTES)
        lensi_sys_advise(at, bytes, MADV_DONTDUMP);
    if (at)
        note_table((uintptr_t)at, bytes);
    return at;
}

static uint8_t *reserve(void)
{
    uint8_t *have = atomic_load(&base), *fresh;

    if (have)
        return have;
    for (uint64_t bytes = RESERVED_BYTES; bytes >= 1 << 16; bytes >>= 2) {
        if (bytes > lensi_sys_address_limit() / 32)
            continue;
        fresh = mapped(bytes);
        if (!fresh)
            continue;
        if (atomic_compare_exchange_strong(&base, &have, fresh)) {
            atomic_store(&reserved, bytes);
            return fresh;
        }
        lensi_arena_unmap(fresh, bytes);
        return have;
    }
    return NULL;
}

void *lensi_arena_new(size_t bytes)
{
    uint8_t *start = reserve();
    uint64_t at;

    bytes = (bytes + 15) & ~(size_t)15;
    if (__builtin_expect(lensi_injection != NULL, 0) && lensi_injection->refuses_memory())
        return NULL;
    if (!start || bytes > RESERVED_BYTES)
        return NULL;
    at = atomic_fetch_add(&used, bytes);
    if (at + bytes > atomic_load(&reserved)) {
        atomic_fetch_sub(&used, bytes);
        return NULL;
    }
    return start + at;
}

char *lensi_arena_text(const char *text, size_t bytes)
{
    char *copy = lensi_arena_new(bytes + 1);

    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

void *lensi_arena_map(size_t bytes)
{
    return mapped((bytes + LENSI_PAGE - 1) & ~(size_t)(LENSI_PAGE - 1));
}

void lensi_arena_unmap(void *at, size_t bytes)
{
    bytes = (bytes + LENSI_PAGE - 1) & ~(size_t)(LENSI_PAGE - 1);
    if (!at || !bytes)
        return;
    forget_table((uintptr_t)at, bytes);
    lensi_sys_unmap(at, bytes);
}

uint64_t lensi_arena_bytes(void) { return atomic_load(&used); }
