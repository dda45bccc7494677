/* ring.h - a ring of slots that many threads fill, signal handlers among them, and one thread empties. Whoever has the slots embeds a stamp in each: the
 * number of the put that filled it, from 1. A full ring loses what comes, and counts it. No lock, and nobody waits. */
#ifndef LENSI_RING_H
#define LENSI_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lensi_ring {
    _Atomic uint64_t put, taken, lost; /* put - taken <= slots */
};

/* A slot to fill, of so many: number % slots. False where none is free. */
static inline bool lensi_ring_claim(struct lensi_ring *ring, uint64_t slots, uint64_t *number)
{
    *number = atomic_load(&ring->put);
    do
        if (*number - atomic_load(&ring->taken) >= slots) {
            atomic_fetch_add(&ring->lost, 1);
            return false;
        }
    while (!atomic_compare_exchange_weak(&ring->put, number, *number + 1));
    return true;
}

static inline void lensi_ring_fill(_Atomic uint64_t *stamp, uint64_t number) { atomic_store_explicit(stamp, number + 1, memory_order_release); }

/* For the one that empties it: the oldest number, whether its slot is filled by now, and on to the next. */
static inline uint64_t lensi_ring_oldest(const struct lensi_ring *ring) { return atomic_load(&ring->taken); }
static inline bool lensi_ring_is_filled(const _Atomic uint64_t *stamp, uint64_t number)
{
    return atomic_load_explicit(stamp, memory_order_acquire) == number + 1;
}
static inline void lensi_ring_next(struct lensi_ring *ring) { atomic_fetch_add(&ring->taken, 1); }

/* A child begins with an empty one: what is in it, the parent takes. */
static inline void lensi_ring_after_fork(struct lensi_ring *ring)
{
    atomic_store(&ring->taken, atomic_load(&ring->put));
    atomic_store(&ring->lost, 0);
}

#endif
