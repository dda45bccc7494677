/* first_touch.c - watches fresh pages, and keeps the moments of their first touches; see first_touch.h. */
#include "liblens/watch/first_touch.h"

#include "liblens/base/arena.h"
#include "liblens/base/hooks.h"
#include "liblens/base/ring.h"
#include "liblens/base/sample.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/page_bits.h"
#include "liblens/watch/sampler.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

#define SLOTS 512u
#define MOST 64u       /* pages of a block that are watched, about */
#define LEVEL_LEAST 5u /* one page in 32 */
#define CREDIT_NS 4000000u
#define PAID_ONE_IN 100u /* of the run's time */
#define TOUCH_NS 8000u   /* to arm a page, and its fault */

static struct slot {
    _Atomic uint64_t stamp;
    struct lensi_first_touch first;
} *slots;
static struct lensi_ring ring;
static lensi_page_bits *fresh; /* watched, and not touched yet */
static _Atomic uint64_t spent_ns;
static void (*sampler_forgets)(uint64_t page, uint64_t count);

/* Pages one of which is watched, for a region of so many. */
static unsigned level_of(const struct lensi_region *region)
{
    unsigned level = LEVEL_LEAST;

    while (lensi_region_pages(region) >> level > MOST)
        level++;
    return level;
}

static bool can_pay(void)
{
    return atomic_load_explicit(&spent_ns, memory_order_relaxed) < CREDIT_NS + lensi_sampler_run_ns() / PAID_ONE_IN;
}

static void arm(struct lensi_region *region, uint64_t page, uint64_t count)
{
    unsigned level = level_of(region);
    uint64_t last = (page + count - 1) >> level;

    if (!fresh || !count || lensi_retired)
        return;
    for (uint64_t group = page >> level; group <= last && can_pay(); group++) {
        uint64_t chosen = lensi_sample_page(group, level);
        if (chosen < page || chosen >= page + count)
            continue;
        lensi_region_note_armed(region, chosen, 1);
        lensi_sampler_arm(chosen); /* before it is: who pins it for the kernel looks */
        lensi_page_bits_add(fresh, chosen);
        if (lensi_backend->arm(lensi_page_address(chosen), LENSI_PAGE) < 0)
            return;
        atomic_fetch_add(&spent_ns, TOUCH_NS);
    }
}

/* The pages are gone with their block. */
static void forget(uint64_t page, uint64_t count)
{
    lensi_page_bits_remove(fresh, page, count);
    sampler_forgets(page, count);
}

/* ---- the fault path */

#if defined(__x86_64__)
/* What we touch for a read(2) is the reader's, and told by the read. */
static bool is_ours(uint64_t instruction)
{
    extern const char __ehdr_start[] __attribute__((visibility("hidden"))), etext[] __attribute__((visibility("hidden")));

    return instruction >= (uint64_t)(uintptr_t)__ehdr_start && instruction < (uint64_t)(uintptr_t)etext;
}

/*
 * Stacks may end within: the kernel copies what there is. Where it may not be asked, nothing: copying it ourselves
 * would fault.
 */
static uint64_t copy_stack(uint64_t from, uint8_t *to)
{
    struct iovec local = {to, LENSI_FIRST_TOUCH_STACK}, remote = {(void *)(uintptr_t)from, LENSI_FIRST_TOUCH_STACK};
    long got = lensi_sys(SYS_process_vm_readv, lensi_sys_process_id(), (long)&local, 1, (long)&remote, 1, 0);

    return got > 0 ? (uint64_t)got : 0;
}

static void note_touch(uint64_t page, const void *context)
{
    /* In the order of DWARF's numbers. */
    static const uint8_t registers[LENSI_FIRST_TOUCH_REGISTERS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                                                             REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    const greg_t *now = ((const ucontext_t *)context)->uc_mcontext.gregs;
    struct slot *slot;
    uint64_t number;

    if (!fresh || !lensi_page_bits_take(fresh, page) || is_ours((uint64_t)now[REG_RIP]) || !lensi_ring_claim(&ring, SLOTS, &number))
        return;
    slot = &slots[number % SLOTS];
    slot->first.time_ns = lensi_sys_clock_ns();
    slot->first.address = (uint64_t)(uintptr_t)lensi_page_address(page);
    slot->first.pages = 1ull << level_of(lensi_region_of(lensi_page_address(page)));
    for (unsigned i = 0; i < LENSI_FIRST_TOUCH_REGISTERS; i++)
        slot->first.registers[i] = (uint64_t)now[registers[i]];
    slot->first.stack_bytes = copy_stack((uint64_t)now[REG_RSP], slot->first.stack);
    lensi_ring_fill(&slot->stamp, number);
}

int lensi_first_touch_open(void)
{
    if (!lensi_hooks.sampling || lensi_backend->signal != SIGBUS)
        return -EOPNOTSUPP;
    slots = lensi_arena_map(SLOTS * sizeof *slots);
    fresh = slots ? lensi_page_bits_new() : NULL;
    if (!fresh)
        return -ENOMEM;
    lensi_hooks.pages_begin = arm;
    lensi_hooks.faulted = note_touch;
    sampler_forgets = lensi_hooks.pages_end;
    lensi_hooks.pages_end = forget;
    return 0;
}
#else
int lensi_first_touch_open(void) { return -EOPNOTSUPP; }
#endif

/* ---- who reads */

const struct lensi_first_touch *lensi_first_touch_take(void)
{
    uint64_t number = lensi_ring_oldest(&ring);
    struct slot *slot = slots ? &slots[number % SLOTS] : NULL;

    return slot && lensi_ring_is_filled(&slot->stamp, number) ? &slot->first : NULL;
}

void lensi_first_touch_done(void) { lensi_ring_next(&ring); }

uint64_t lensi_first_touch_lost(void) { return atomic_exchange(&ring.lost, 0); }

void lensi_first_touch_after_fork(void)
{
    lensi_ring_after_fork(&ring);
    atomic_store(&spent_ns, 0);
}
