/* touches.c - the ring of touches; see touches.h. A slot's stamp says which put has filled it. */
#include "liblens/watch/touches.h"

#include "liblens/base/arena.h"
#include "liblens/base/ring.h"

#include <errno.h>

#define SLOTS (1u << 15)

static struct slot {
    _Atomic uint64_t stamp;
    struct lensi_touch touch;
} *slots;
static struct lensi_ring ring;

int lensi_touches_open(void)
{
    if (!slots)
        slots = lensi_arena_map(SLOTS * sizeof *slots);
    return slots ? 0 : -ENOMEM;
}

void lensi_touch_put(uint64_t time_ns, uint64_t page, enum lensi_touch_kind kind)
{
    uint64_t number;

    if (!lensi_ring_claim(&ring, slots ? SLOTS : 0, &number))
        return;
    slots[number % SLOTS].touch = (struct lensi_touch){time_ns, (uint32_t)page, kind};
    lensi_ring_fill(&slots[number % SLOTS].stamp, number);
}

bool lensi_touch_take(struct lensi_touch *touch)
{
    uint64_t number = lensi_ring_oldest(&ring);

    if (!slots || !lensi_ring_is_filled(&slots[number % SLOTS].stamp, number))
        return false;
    *touch = slots[number % SLOTS].touch;
    lensi_ring_next(&ring);
    return true;
}

uint64_t lensi_touches_lost(void) { return atomic_load(&ring.lost); }

void lensi_touches_after_fork(void) { lensi_ring_after_fork(&ring); }
