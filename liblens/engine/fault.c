/*
 * fault.c - what happens when a page is touched; see fault.h.
 *
 * Runs in the faulting thread with every signal blocked, or in the service thread. It takes one lock, the budget's,
 * for a few instructions, calls no malloc, no stdio, no dlopen, and touches no virtualised memory.
 * Every way to PLAIN leads through LEAVING (or BUSY), so that who sees PLAIN may rely on the page being writable, and
 * nobody lifts the protection of a page that the prover has begun with meanwhile.
 */
#include "liblens/engine/fault.h"

#include "liblens/base/hooks.h"
#include "liblens/base/log.h"
#include "liblens/base/own_stack.h"
#include "liblens/base/restorer.h"
#include "liblens/base/signal_stack.h"
#include "liblens/base/stats.h"
#include "liblens/engine/engine.h"
#include "liblens/engine/forward.h"
#include "liblens/engine/page_in.h"
#include "liblens/engine/stack_blocks.h"
#include "liblens/engine/throttle.h"
#include "liblens/engine/zeros.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/source/file_mapping.h"
#include "liblens/source/segment.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

/* ---- the states */

/* A write to a page that is being proven or was: ordinary memory again, before the write takes effect. */
static bool keep(uint64_t page, enum lensi_page_state state)
{
    if (!lensi_page_change(page, state, LENSI_LEAVING))
        return false;
    if (state == LENSI_PROVEN) {
        struct lensi_region *region = lensi_region_of(lensi_page_address(page));

        lensi_budget_remove(page);
        lensi_region_plain(region, 1);
        lensi_count_site(region->site, kept_pages, 1);
    }
    lensi_pages_forget(page, 1);
    lensi_backend->unprotect(lensi_page_address(page), LENSI_PAGE);
    lensi_page_set(page, LENSI_PLAIN);
    return true;
}

/* A touch of an ordinary page in a range that is watched: it has no frame yet, or its protection was just lifted. */
static bool allow(uint64_t page)
{
    if (!lensi_page_change(page, LENSI_PLAIN, LENSI_LEAVING))
        return false;
    lensi_backend->zero(lensi_page_address(page));
    lensi_backend->unprotect(lensi_page_address(page), LENSI_PAGE);
    lensi_page_set(page, LENSI_PLAIN);
    return true;
}

/* A read of a page that is said to be there: it came back meanwhile, or it was lost behind our back. */
static bool is_lost(uint64_t page, enum lensi_page_state state)
{
    uint8_t resident = 1;

    if (lensi_sys_resident(lensi_page_address(page), LENSI_PAGE, &resident) < 0 || resident & 1)
        return false;
    if (state == LENSI_PROVING) {
        keep(page, state);
    } else if (lensi_page_change(page, LENSI_PROVEN, LENSI_ABSENT)) {
        lensi_budget_remove(page);
        lensi_count_site(lensi_region_of(lensi_page_address(page))->site, absent_pages, 1);
    }
    return true;
}

/* A sampled page was touched while it was absent. To let a write through now spares its second fault. */
static void note_touch(uint64_t page, bool write, uint64_t start_ns)
{
    if (!lensi_hooks.sampling)
        return;
    if (write)
        keep(page, LENSI_PROVEN);
    lensi_hooks.touched(page, write, true, start_ns);
}

/* To be written, and it holds zeros: ordinary memory at once. */
static uint64_t refill(uint64_t page)
{
    uint64_t count = lensi_zeros_refill(page);

    if (count)
        lensi_throttle_rewrite(page, count);
    return count;
}

void lensi_fault_resolve(uint64_t page, bool write)
{
    uint64_t start_ns = lensi_hooks.sampling ? lensi_sys_clock_ns() : 0;

    for (unsigned round = 0;; round++) {
        enum lensi_page_state state = lensi_page_state(page);
        switch (state) {
        case LENSI_PLAIN:
            if (lensi_throttle_pass(page) || allow(page))
                return;
            break;
        case LENSI_PROVING:
        case LENSI_PROVEN:
            if (!write && !is_lost(page, state))
                return;
            if (write && state == LENSI_PROVEN && round == 0)
                lensi_throttle_rewrite(page, 1); /* the page may be anything afterwards: looked at again */
            if (write && keep(page, state)) {
                lensi_count(write_faults, 1);
                if (lensi_hooks.sampling)
                    lensi_hooks.touched(page, true, false, start_ns);
                return;
            }
            break;
        case LENSI_ABSENT:
            if (write && refill(page))
                return;
            if (lensi_page_in(page)) {
                note_touch(page, write, start_ns);
                return;
            }
            break;
        case LENSI_MAPPED:
            if (lensi_sys_is_readable(lensi_page_address(page)))
                return; /* it was touched while it was being proven, and has been mapped since */
            lensi_stop("a mapped page of the view store cannot be read (disk error, or the file was cut): address %p",
                       (void *)lensi_page_address(page));
        case LENSI_BUSY:
        case LENSI_LEAVING:
            lensi_wait_a_little(round);
            break;
        }
    }
}

/*
 * Whether the kernel may touch the page as it is. An ordinary page outside of what was ever watched may even have no
 * frame: pinned chunks are not watched anew.
 */
static bool is_ready(const struct lensi_region *region, uint64_t page, bool writable)
{
    switch (lensi_page_state(page)) {
    case LENSI_PLAIN:
        return page < region->armed_low || page >= region->armed_high || (lensi_hooks.sampling && !lensi_hooks.arms(page));
    case LENSI_PROVING:
    case LENSI_PROVEN:
        return !writable;
    case LENSI_MAPPED:
        return !writable || !lensi_file_mapping_holds(page);
    default:
        return false;
    }
}

static void make_ready(uint64_t page, bool writable)
{
    for (unsigned round = 0;; round++) {
        enum lensi_page_state state = lensi_page_state(page);
        if (state == LENSI_ABSENT) {
            uint64_t start_ns = lensi_hooks.sampling ? lensi_sys_clock_ns() : 0;
            if (lensi_page_in(page)) {
                lensi_count(pinned_pages, 1);
                note_touch(page, writable, start_ns);
            }
        } else if (state == LENSI_BUSY || state == LENSI_LEAVING) {
            lensi_wait_a_little(round);
        } else if (state == LENSI_PLAIN) {
            /*
             * Watched, and perhaps never touched: the kernel could not make it a page, a touch of ours can. Where there
             * is one it must not be touched: the program may have taken its access away (mprotect).
             */
            uint8_t resident = 0;
            if (lensi_sys_resident(lensi_page_address(page), LENSI_PAGE, &resident) < 0 || !(resident & 1))
                (void)*(volatile uint8_t *)lensi_page_address(page);
            return;
        } else if (state == LENSI_MAPPED && writable && lensi_file_mapping_holds(page)) {
            lensi_file_mapping_keep(page, page + 1); /* the kernel cannot wait while it is copied */
        } else if (!writable || state == LENSI_MAPPED || keep(page, state)) {
            if (lensi_hooks.sampling && writable)
                lensi_hooks.touched(page, true, false, lensi_sys_clock_ns());
            return;
        }
    }
}

void lensi_fault_make_plain(uint64_t first, uint64_t end)
{
    for (uint64_t page = first; page < end; page++)
        if (lensi_page_state(page) != LENSI_PLAIN && lensi_page_state(page) != LENSI_MAPPED)
            make_ready(page, true);
}

/* No touch of ours, here: in a handler the fault signals are blocked. */
static void make_stack_page(uint64_t page)
{
    for (unsigned round = 0;; round++) {
        enum lensi_page_state state = lensi_page_state(page);
        if (state == LENSI_PLAIN)
            lensi_backend->zero(lensi_page_address(page)); /* watched, and perhaps never touched */
        if (state == LENSI_PLAIN || state == LENSI_MAPPED)
            return;
        if (state == LENSI_ABSENT)
            lensi_page_in(page);
        else if (state == LENSI_BUSY || state == LENSI_LEAVING)
            lensi_wait_a_little(round);
        else if (keep(page, state))
            return;
    }
}

void lensi_fault_keep_stack(uint64_t first, uint64_t end)
{
    struct lensi_chunk *chunk = lensi_chunk_of(first);

    atomic_fetch_add(&chunk->pins, 1);
    for (uint64_t page = first; page < end; page++)
        make_stack_page(page);
    atomic_fetch_or(&chunk->pins, LENSI_PINS_FOREVER);
    atomic_fetch_sub(&chunk->pins, 1);
    lensi_count(pins, 1);
}

int lensi_fault_present(uint64_t first, uint64_t count, bool writable)
{
    const struct lensi_region *region = lensi_region_of(lensi_page_address(first));
    uint64_t end = first + count, before;

    while (first < end && is_ready(region, first, writable))
        first++;
    if (first == end)
        return 0;
    before = lensi_sys_signals_hold();
    if (writable)
        lensi_file_mapping_keep(first, end);
    for (uint64_t filled; first < end; first += filled ? filled : 1) {
        filled = writable && lensi_page_state(first) == LENSI_ABSENT ? refill(first) : 0;
        if (!filled && !is_ready(region, first, writable))
            make_ready(first, writable);
    }
    lensi_sys_signals_release(before);
    return 0;
}

/* ---- how touches reach us */

static bool is_write(const void *context)
{
#if defined(__x86_64__)
    return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2;
#else
    (void)context;
    return true;
#endif
}

static uintptr_t stack_of(const void *context)
{
#if defined(__x86_64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
#else
    return ((const ucontext_t *)context)->uc_mcontext.sp;
#endif
}

static bool is_block_page(const void *address)
{
    struct lensi_region *region = lensi_region_of(address);

    return region && atomic_load(&region->life) != LENSI_REGION_FREE &&
           lensi_page_of(address) < lensi_region_first_page(region) + lensi_region_pages(region);
}

/* An ordinary page that is there, and pinned for good: the program has changed its access. */
static bool is_foreign(uint64_t page)
{
    uint8_t resident = 0;

    return lensi_page_state(page) == LENSI_PLAIN && atomic_load(&lensi_chunk_of(page)->pins) & LENSI_PINS_FOREVER &&
           lensi_sys_resident(lensi_page_address(page), LENSI_PAGE, &resident) == 0 && resident & 1;
}

/* Such a page may have been on its way when it was touched: only the second failure in a row is the program's. */
static bool fails_again(const void *address)
{
    static _Thread_local const void *last __attribute__((tls_model("initial-exec")));
    bool again = last == address;

    last = again ? NULL : address;
    return again;
}

/* The program has protected the page itself; mprotect pinned it for good (lensi_pin_forever). */
static bool is_own_protection(const void *address, bool write)
{
    uint64_t page = lensi_page_of(address);
    enum lensi_page_state state = lensi_page_state(page);

    return lensi_backend->is_refused && atomic_load(&lensi_chunk_of(page)->pins) && (state == LENSI_PLAIN || state == LENSI_MAPPED) &&
           lensi_backend->is_refused(address, write);
}

struct touch {
    uint64_t page;
    bool write;
};

static void resolve(void *of)
{
    const struct touch *touch = of;

    lensi_fault_resolve(touch->page, touch->write);
}

void lensi_fault_handler(int number, siginfo_t *info, void *context)
{
    struct touch touch;

    lensi_stack_seen(stack_of(context));
    if (info->si_code <= 0 || !is_block_page(info->si_addr) || is_own_protection(info->si_addr, is_write(context))) {
        lensi_forward(number, info, context);
        return;
    }
    if (number != lensi_backend->signal) {
        if (!lensi_file_mapping_waits(info->si_addr))
            lensi_forward(number, info, context);
        return;
    }
    if (is_foreign(lensi_page_of(info->si_addr))) {
        if (fails_again(info->si_addr))
            lensi_forward(number, info, context);
        return;
    }
    touch = (struct touch){lensi_page_of(info->si_addr), is_write(context)};
    if (lensi_hooks.faulted)
        lensi_hooks.faulted(touch.page, context);
    lensi_own_stack_run(resolve, &touch);
}

void lensi_fault_other_signal(int number, siginfo_t *info, void *context)
{
    lensi_stack_seen(stack_of(context));
    lensi_forward(number, info, context);
}

int lensi_fault_listen(void)
{
    int result = lensi_own_stack_open();

    lensi_open_signals = lensi_fault_signals();
    lensi_restorer_open();
    lensi_backend_resolve = lensi_fault_resolve;
    for (int number = 1; number < 64 && result == 0; number++)
        if (lensi_fault_signals() >> (number - 1) & 1)
            result = lensi_forward_listen(number, lensi_fault_handler);
    lensi_forward_others(lensi_fault_other_signal);
    return result;
}

void lensi_fault_after_fork(void)
{
    lensi_forward_after_fork();
    lensi_own_stack_after_fork();
    lensi_signal_stack_after_fork();
}

uint64_t lensi_fault_signals(void)
{
    uint64_t set = lensi_backend && lensi_backend->signal ? 1ull << (lensi_backend->signal - 1) : 0;

    return set && lensi_file_mapping_takes_faults() ? set | 1ull << (SIGSEGV - 1) : set;
}
