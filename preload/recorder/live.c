/* record_live.c - the table of live allocations; see record_live.h. */
#include "preload/recorder/live.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define FIRST_PLACES 256u
#define LARGE_PAGE (2u << 20)
#define LARGE_BYTES (2u << 20)
#define SITE_BITS 19
#define BIRTH_BITS 37
#define BIRTH_SHIFT 10 /* units of 1024 ns: 39 hours, then around */

/* key: address / 8 and the site. 0: free; GONE: was used, a search goes on beyond it. */
struct entry {
    uint64_t key;
    uint64_t value; /* size and birth */
};
#define GONE 1ull

struct shard {
    struct lensi_lock lock;
    uint32_t places, used, gone; /* used: with an entry; gone: GONE */
    struct entry *entries;
    uint64_t lost;
    uint8_t pad[32]; /* shards do not share a cache line */
};
static struct shard *shards;

static inline uint64_t address_of(uint64_t key) { return key >> SITE_BITS; }

static inline uint64_t hash_of(const void *at) { return ((uintptr_t)at >> 10) * 0x9e3779b97f4a7c15ull; }

/* Where `at` belongs: a KiB has a stretch of places, which it shares with others; one of them for each 32 bytes. */
static inline uint32_t home(const struct shard *s, const void *at)
{
    uint64_t stretch = (hash_of(at) & 0xffffffffu) * s->places >> 32;
    uint32_t place = (uint32_t)stretch + ((uint32_t)((uintptr_t)at >> 5) & 31);

    return place < s->places ? place : place - s->places;
}

int lensi_live_start(void)
{
    shards = lensi_arena_map(LENSI_LIVE_SHARDS * sizeof *shards);
    return shards ? 0 : -ENOMEM;
}

/* What is read here may be changing; a prefetch of a wrong address does nothing. */
void lensi_live_prefetch(const void *at)
{
    const struct shard *s = &shards[hash_of(at) >> (64 - LENSI_LIVE_SHARD_BITS)];

    __builtin_prefetch(s->entries + home(s, at), 1);
}

unsigned lensi_live_lock(const void *at)
{
    unsigned shard = (unsigned)(hash_of(at) >> (64 - LENSI_LIVE_SHARD_BITS));

    if (__builtin_expect(atomic_exchange_explicit(&shards[shard].lock.held, 1, memory_order_acquire), 0))
        lensi_lock(&shards[shard].lock);
    return shard;
}

void lensi_live_unlock(unsigned shard)
{
    atomic_store_explicit(&shards[shard].lock.held, 0, memory_order_release);
}

/* ---- growing */

/*
 * Nearly every look-up in a large table misses the cache, and with small pages the address translation too. So large
 * ones ask for large pages.
 */
static struct entry *table_new(uint32_t places)
{
    size_t bytes = places * sizeof(struct entry), spare = bytes >= LARGE_BYTES ? LARGE_PAGE : 0;
    uint8_t *at = lensi_arena_map(bytes + spare);
    size_t before;

    if (!at || !spare)
        return (struct entry *)at;
    before = -(uintptr_t)at & (LARGE_PAGE - 1);
    lensi_arena_unmap(at, before);
    if (before < spare)
        lensi_arena_unmap(at + before + ((bytes + LENSI_PAGE - 1) & ~(size_t)(LENSI_PAGE - 1)), spare - before);
    lensi_sys_advise(at + before, bytes, MADV_HUGEPAGE);
    return (struct entry *)(at + before);
}

static bool resize(struct shard *s, uint32_t places)
{
    struct entry *old = s->entries;
    uint32_t old_places = s->places;
    struct entry *fresh = table_new(places);

    if (!fresh)
        return false;
    s->entries = fresh;
    s->places = places;
    s->gone = 0;
    for (uint32_t i = 0; i < old_places; i++) {
        uint32_t place;

        if (old[i].key <= GONE)
            continue;
        for (place = home(s, (const void *)(address_of(old[i].key) << 3)); fresh[place].key; place = place + 1 < places ? place + 1 : 0)
            ;
        fresh[place] = old[i];
    }
    lensi_arena_unmap(old, old_places * sizeof *old);
    return true;
}

/* Room for one more entry, with three eighths of the places free: a search then looks at 1.2 to 1.4 places. */
static bool make_room(struct shard *s)
{
    if (s->used + s->gone < s->places - s->places / 8 * 3)
        return true;
    if (s->used < s->places / 16 * 7 && s->places) /* many are gone: the same size will do */
        return resize(s, s->places);
    return resize(s, s->places < FIRST_PLACES ? FIRST_PLACES : s->places / 2 * 3) || s->used + s->gone + 1 < s->places;
}

/* ---- entries */

static inline uint64_t key_of(const void *at, uint32_t site) { return (uint64_t)(uintptr_t)at >> 3 << SITE_BITS | site; }

static struct entry *find(const struct shard *s, const void *at, struct entry **room)
{
    uint64_t address = (uintptr_t)at >> 3;
    struct entry *entry;

    *room = NULL;
    if (!s->places)
        return NULL;
    for (uint32_t place = home(s, at);; place = place + 1 < s->places ? place + 1 : 0) {
        entry = &s->entries[place];
        if (address_of(entry->key) == address)
            return entry;
        if (entry->key <= GONE && !*room)
            *room = entry;
        if (!entry->key)
            return NULL;
    }
}

static void unpack(const struct entry *from, struct lensi_live *to)
{
    to->site = (uint32_t)(from->key & ((1u << SITE_BITS) - 1));
    to->size = (uint32_t)(from->value >> BIRTH_BITS);
    to->birth_ns = (from->value & ((1ull << BIRTH_BITS) - 1)) << BIRTH_SHIFT;
}

bool lensi_live_put(unsigned shard, const void *at, const struct lensi_live *fresh, struct lensi_live *old)
{
    struct shard *s = &shards[shard];
    struct entry *room, *entry;
    bool was_there, is_full = !make_room(s);

    entry = find(s, at, &room);
    was_there = entry != NULL;
    if (was_there)
        unpack(entry, old);
    if (!was_there && (is_full || !room)) {
        s->lost++;
        return false;
    }
    if (!was_there) {
        entry = room;
        s->gone -= entry->key == GONE;
        s->used++;
    }
    entry->key = key_of(at, fresh->site);
    entry->value = (uint64_t)fresh->size << BIRTH_BITS | (fresh->birth_ns >> BIRTH_SHIFT & ((1ull << BIRTH_BITS) - 1));
    return was_there;
}

bool lensi_live_take(unsigned shard, const void *at, struct lensi_live *taken)
{
    struct shard *s = &shards[shard];
    struct entry *room, *entry = find(s, at, &room), *behind;

    if (!entry)
        return false;
    unpack(entry, taken);
    s->used--;
    behind = entry + 1 < s->entries + s->places ? entry + 1 : s->entries;
    entry->key = behind->key ? GONE : 0;
    s->gone += behind->key != 0;
    return true;
}

uint64_t lensi_live_lost(void)
{
    uint64_t lost = 0;

    for (unsigned i = 0; i < LENSI_LIVE_SHARDS; i++)
        lost += shards[i].lost;
    return lost;
}

/* ---- fork */

void lensi_live_before_fork(void)
{
    for (unsigned i = 0; i < LENSI_LIVE_SHARDS; i++)
        lensi_lock(&shards[i].lock);
}

void lensi_live_after_fork(void)
{
    for (unsigned i = 0; i < LENSI_LIVE_SHARDS; i++)
        lensi_unlock(&shards[i].lock);
}
