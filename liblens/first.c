/* first.c - watches fresh pages, and keeps the moments of their first touches; see first.h. A slot's stamp says which put has filled it. */
#include "liblens/first.h"

#include "liblens/arena.h"
#include "liblens/rung.h"
#include "liblens/sample.h"
#include "liblens/sampler.h"

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
    _Atomic uint64_t stamp; /* number of the put, from 1 */
    struct lensi_first first;
} *slots;
static _Atomic uint64_t put_count, taken_count, lost_count, spent_ns;
static _Atomic uint64_t *fresh; /* a bit for each page: watched, and not touched yet */

/* Pages one of which is watched, for a region of so many. */
static unsigned level_of(const struct lensi_region *region)
{
    unsigned level = LEVEL_LEAST;

    while (lensi_region_pages(region) >> level > MOST)
        level++;
    return level;
}

#if defined(__x86_64__)
int lensi_first_open(void)
{
    if (!lensi_sampling || lensi_rung->signal != SIGBUS)
        return -EOPNOTSUPP;
    slots = lensi_arena_map(SLOTS * sizeof *slots);
    fresh = slots ? lensi_arena_map(lensi_pages.count / 8) : NULL;
    return fresh ? 0 : -ENOMEM;
}
#else
int lensi_first_open(void) { return -EOPNOTSUPP; }
#endif

static bool can_pay(void)
{
    return atomic_load_explicit(&spent_ns, memory_order_relaxed) < CREDIT_NS + lensi_sampler_run_ns() / PAID_ONE_IN;
}

void lensi_first_arm(struct lensi_region *region, uint64_t page, uint64_t count)
{
    unsigned level = level_of(region);
    uint64_t last = (page + count - 1) >> level;

    if (!fresh || !count)
        return;
    for (uint64_t group = page >> level; group <= last && can_pay(); group++) {
        uint64_t chosen = lensi_sample_page(group, level);
        if (chosen < page || chosen >= page + count)
            continue;
        lensi_region_note_armed(region, chosen, 1);
        lensi_sampler_arm(chosen); /* before it is: who pins it for the kernel looks */
        atomic_fetch_or(&fresh[chosen / 64], 1ull << (chosen % 64));
        if (lensi_rung->arm(lensi_page_address(chosen), LENSI_PAGE) < 0)
            return;
        atomic_fetch_add(&spent_ns, TOUCH_NS);
    }
}

static bool is_fresh(uint64_t page) { return atomic_load_explicit(&fresh[page / 64], memory_order_relaxed) >> (page % 64) & 1; }

void lensi_first_forget(uint64_t page, uint64_t count)
{
    for (uint64_t at = page; fresh && at < page + count;) {
        if (at % 64 == 0 && !atomic_load_explicit(&fresh[at / 64], memory_order_relaxed)) {
            at += 64;
            continue;
        }
        if (is_fresh(at))
            atomic_fetch_and(&fresh[at / 64], ~(1ull << (at % 64)));
        at++;
    }
}

/* ---- the fault path */

#if defined(__x86_64__)
/* What we touch for a read(2) is the reader's, and told by the read. */
static bool is_ours(uint64_t instruction)
{
    extern const char __ehdr_start[] __attribute__((visibility("hidden"))), etext[] __attribute__((visibility("hidden")));

    return instruction >= (uint64_t)(uintptr_t)__ehdr_start && instruction < (uint64_t)(uintptr_t)etext;
}

/* Stacks may end within: the kernel copies what there is. */
static uint64_t copy_stack(uint64_t from, uint8_t *to)
{
    struct iovec local = {to, LENSI_FIRST_STACK}, remote = {(void *)(uintptr_t)from, LENSI_FIRST_STACK};
    long got = lensi_sys(SYS_process_vm_readv, lensi_sys_process_id(), (long)&local, 1, (long)&remote, 1, 0);

    return got > 0 ? (uint64_t)got : 0;
}

static struct slot *new_slot(uint64_t *number)
{
    *number = atomic_load(&put_count);
    do
        if (*number - atomic_load(&taken_count) >= SLOTS) {
            atomic_fetch_add(&lost_count, 1);
            return NULL;
        }
    while (!atomic_compare_exchange_weak(&put_count, number, *number + 1));
    return &slots[*number % SLOTS];
}

void lensi_first_touched(uint64_t page, const void *context)
{
    /* In the order of DWARF's numbers. */
    static const uint8_t registers[LENSI_FIRST_REGISTERS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                                                             REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    const greg_t *now = ((const ucontext_t *)context)->uc_mcontext.gregs;
    uint64_t number, bit = 1ull << (page % 64);
    struct slot *slot;

    if (!fresh || !is_fresh(page) || !(atomic_fetch_and(&fresh[page / 64], ~bit) & bit) || is_ours((uint64_t)now[REG_RIP]))
        return;
    slot = new_slot(&number);
    if (!slot)
        return;
    slot->first.time_ns = lensi_sys_clock_ns();
    slot->first.address = (uint64_t)(uintptr_t)lensi_page_address(page);
    slot->first.pages = 1ull << level_of(lensi_region_of(lensi_page_address(page)));
    for (unsigned i = 0; i < LENSI_FIRST_REGISTERS; i++)
        slot->first.registers[i] = (uint64_t)now[registers[i]];
    slot->first.stack_bytes = copy_stack((uint64_t)now[REG_RSP], slot->first.stack);
    atomic_store_explicit(&slot->stamp, number + 1, memory_order_release);
}
#else
void lensi_first_touched(uint64_t page, const void *context) { (void)page, (void)context; }
#endif

/* ---- who reads */

const struct lensi_first *lensi_first_take(void)
{
    uint64_t number = atomic_load(&taken_count);
    struct slot *slot = slots ? &slots[number % SLOTS] : NULL;

    return slot && atomic_load_explicit(&slot->stamp, memory_order_acquire) == number + 1 ? &slot->first : NULL;
}

void lensi_first_done(void) { atomic_fetch_add(&taken_count, 1); }

uint64_t lensi_first_lost(void) { return atomic_exchange(&lost_count, 0); }

void lensi_first_after_fork(void)
{
    atomic_store(&taken_count, atomic_load(&put_count));
    atomic_store(&lost_count, 0);
    atomic_store(&spent_ns, 0);
}
