/* touches.c - the ring of touches; see touches.h. A slot's stamp says which put has filled it. */
#include "liblens/touches.h"

#include "liblens/arena.h"

#include <errno.h>
#include <stdatomic.h>

#define SLOTS (1u << 15)

static struct slot {
    _Atomic uint64_t stamp; /* number of the put, from 1 */
    struct lensi_touch touch;
} *slots;
static _Atomic uint64_t put_count, taken_count, lost_count;

int lensi_touches_open(void)
{
    if (!slots)
        slots = lensi_arena_map(SLOTS * sizeof *slots);
    return slots ? 0 : -ENOMEM;
}

void lensi_touch_put(uint64_t time_ns, uint64_t page, enum lensi_touch_kind kind)
{
    uint64_t number = atomic_load(&put_count);
    struct slot *slot;

    do
        if (!slots || number - atomic_load(&taken_count) >= SLOTS) {
            atomic_fetch_add(&lost_count, 1);
            return;
        }
    while (!atomic_compare_exchange_weak(&put_count, &number, number + 1));
    slot = &slots[number % SLOTS];
    slot->touch = (struct lensi_touch){time_ns, (uint32_t)page, kind};
    atomic_store_explicit(&slot->stamp, number + 1, memory_order_release);
}

bool lensi_touch_take(struct lensi_touch *touch)
{
    uint64_t number = atomic_load(&taken_count);

    if (!slots || atomic_load_explicit(&slots[number % SLOTS].stamp, memory_order_acquire) != number + 1)
        return false;
    *touch = slots[number % SLOTS].touch;
    atomic_store(&taken_count, number + 1);
    return true;
}

uint64_t lensi_touches_lost(void) { return atomic_load(&lost_count); }

void lensi_touches_after_fork(void)
{
    atomic_store(&taken_count, atomic_load(&put_count));
    atomic_store(&lost_count, 0);
}
