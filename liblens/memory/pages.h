/*
 * pages.h - the reserved range of addresses and what is known of each page in it.
 *
 * One reservation for everything that is virtualised; flat tables beside it, indexed by page number (the page's
 * distance from the start of the range), so that a fault finds its page by one subtraction and no lock. The
 * tables are address space until they are touched.
 *
 * States of a page (one atomic byte; every change is a compare-and-swap):
 *
 *   PLAIN ──prover──► PROVING ──equal──► PROVEN ──evict──► BUSY ──► ABSENT ──touch──► BUSY ──► PROVEN
 *     ▲                  │ write            │ write                                     (MAPPED: a file's page;
 *     └──────LEAVING─────┴──────────────────┘                                            the kernel does the rest)
 *
 * tests/model/pages.c explores what can meet at a page; tests/model.sh holds its transitions against these sources.
 *
 * Invariants:
 *   PROVEN, ABSENT, BUSY:  segment[page] names the segment it was proven with, checksum[page] its content
 *   PROVING, PROVEN:       the page is write-protected, or being so; a write becomes a fault first
 *   BUSY:                  one thread is protecting, dropping or placing it, waits for nobody, and will end that soon
 *   LEAVING:               one thread is making it ordinary memory (PLAIN), and the same holds
 *   pins[chunk] > 0:       nobody begins to prove or drop a page of the chunk
 */
#ifndef LENSI_PAGES_H
#define LENSI_PAGES_H

#include "liblens/base/lock.h"
#include "liblens/base/range.h"
#include "liblens/base/sys.h"

#include <stdatomic.h>

enum lensi_page_state {
    LENSI_PLAIN,
    LENSI_PROVING,
    LENSI_PROVEN,
    LENSI_ABSENT,
    LENSI_BUSY,
    LENSI_MAPPED,
    LENSI_LEAVING
};

enum { LENSI_CHUNK_SEEN = 1, LENSI_CHUNK_REGISTERED = 2 };
/* A bit of `pins`: the chunk is pinned until its block ends, and its pages are all there. */
#define LENSI_PINS_FOREVER 0x8000u
struct lensi_chunk {
    _Atomic uint16_t pins;
    uint8_t attempts; /* failed proofs since the last success; the prover's */
    uint8_t flags;    /* the prover's */
    uint32_t next_try_ms; /* the prover's */
};

/* The reservation is handed out in slots. */
#define LENSI_SLOT_SHIFT 21
#define LENSI_SLOT (1u << LENSI_SLOT_SHIFT)

struct lensi_pages {
    _Atomic uint8_t *state;
    uint8_t *segment;
    uint64_t *checksum;
    struct lensi_chunk *chunk;
    _Atomic uint32_t *owner; /* per slot: region number + 1, or 0 */
    uint64_t count;          /* pages in the range */
    /*
     * Told of pages whose proven bytes nobody will ask for again (snapshot.h); NULL: nobody keeps any. In the fault
     * path.
     */
    void (*forget)(uint64_t page, uint64_t count);
};
extern struct lensi_pages lensi_pages;

/* Reserves range and tables, as much as the limits of the process allow. 0 or -ENOMEM. */
int lensi_pages_reserve(void);

static inline void lensi_pages_forget(uint64_t page, uint64_t count)
{
    if (lensi_pages.forget)
        lensi_pages.forget(page, count);
}

/* Slots: `bytes` of address space, slot-aligned, PROT_NONE; NULL when there is no room. Not zero-cost: a lock. */
void *lensi_slots_take(uint64_t bytes, uint32_t owner);
void lensi_slots_give(void *at, uint64_t bytes);
void lensi_slots_fork_lock(void);
void lensi_slots_fork_unlock(void);
/* Bytes of address space still unused. */
uint64_t lensi_slots_left(void);

static inline uint64_t lensi_page_of(const void *address)
{
    return ((uintptr_t)address - lensi_range.start) >> LENSI_PAGE_SHIFT;
}
static inline uint8_t *lensi_page_address(uint64_t page)
{
    return (uint8_t *)(lensi_range.start + (page << LENSI_PAGE_SHIFT));
}
static inline struct lensi_chunk *lensi_chunk_of(uint64_t page)
{
    return &lensi_pages.chunk[page >> (LENSI_CHUNK_SHIFT - LENSI_PAGE_SHIFT)];
}
static inline enum lensi_page_state lensi_page_state(uint64_t page)
{
    return (enum lensi_page_state)atomic_load_explicit(&lensi_pages.state[page], memory_order_acquire);
}
static inline void lensi_page_set(uint64_t page, enum lensi_page_state state)
{
    atomic_store_explicit(&lensi_pages.state[page], (uint8_t)state, memory_order_release);
}
static inline bool lensi_page_change(uint64_t page, enum lensi_page_state from, enum lensi_page_state to)
{
    uint8_t expected = (uint8_t)from;
    return atomic_compare_exchange_strong(&lensi_pages.state[page], &expected, (uint8_t)to);
}

/*
 * For who makes pages absent without a comparison (lazy.h): PLAIN -> BUSY unless pinned; and a segment's reads that
 * went on.
 */
bool lensi_page_begin(uint64_t page);
/* Waits while somebody else is at work on the page; the state it was left in. */
enum lensi_page_state lensi_page_wait(uint64_t page);

#endif
