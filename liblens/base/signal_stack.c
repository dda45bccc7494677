/*
 * signal_stack.c - see signal_stack.h. Stacks lie on shelves of 64, which are never given back; a stack is claimed by a
 * swap of one bit.
 */
#include "liblens/base/signal_stack.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#define ON_A_SHELF 64u
#define STACK_BYTES (64u * 1024) /* touched as far as it is used: a frame of the kernel's, or two */

struct shelf {
    struct shelf *next;
    uint8_t *stacks;
    _Atomic uint64_t taken;
};
static struct shelf *_Atomic shelves;

static _Thread_local struct {
    stack_t stack;
    struct shelf *shelf;
    unsigned place;
} mine __attribute__((tls_model("initial-exec")));

/*
 * Handlers of the program's that did not ask for an alternate stack must not run on one: forward.c can see to that on
 * this machine.
 */
#if defined(__x86_64__)
enum { IS_OFFERED = 1 };
#else
enum { IS_OFFERED = 0 };
#endif

static bool take_from(struct shelf *shelf)
{
    uint64_t taken = atomic_load(&shelf->taken);

    while (~taken) {
        unsigned place = (unsigned)__builtin_ctzll(~taken);
        if (!atomic_compare_exchange_weak(&shelf->taken, &taken, taken | 1ull << place))
            continue;
        mine.shelf = shelf;
        mine.place = place;
        mine.stack = (stack_t){.ss_sp = shelf->stacks + (size_t)place * STACK_BYTES, .ss_size = STACK_BYTES};
        return true;
    }
    return false;
}

static struct shelf *new_shelf(void)
{
    struct shelf *shelf = lensi_arena_new(sizeof *shelf);

    if (!shelf || !(shelf->stacks = lensi_arena_map((size_t)ON_A_SHELF * STACK_BYTES)))
        return NULL;
    shelf->next = atomic_load(&shelves);
    while (!atomic_compare_exchange_weak(&shelves, &shelf->next, shelf))
        ;
    return shelf;
}

static bool take(void)
{
    struct shelf *shelf;

    for (;;) {
        for (shelf = atomic_load(&shelves); shelf; shelf = shelf->next)
            if (take_from(shelf))
                return true;
        if (!new_shelf())
            return false;
    }
}

static void give_back(void)
{
    atomic_fetch_and(&mine.shelf->taken, ~(1ull << mine.place));
    mine.stack = (stack_t){.ss_flags = SS_DISABLE};
    mine.shelf = NULL;
}

static long set(const stack_t *stack) { return lensi_sys(SYS_sigaltstack, (long)stack, 0, 0, 0, 0, 0); }

void lensi_signal_stack_begin(void)
{
    if (!IS_OFFERED || mine.shelf || !take())
        return;
    if (set(&mine.stack) < 0)
        give_back();
}

void lensi_signal_stack_end(void)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    stack_t now;

    if (!mine.shelf)
        return;
    if (lensi_sys(SYS_sigaltstack, 0, (long)&now, 0, 0, 0, 0) < 0 || (lensi_signal_stack_is_ours(&now) && set(&none) < 0))
        return; /* kept for good: it may yet be written */
    give_back();
}

bool lensi_signal_stack_is_ours(const stack_t *stack) { return mine.shelf && stack->ss_sp == mine.stack.ss_sp; }

stack_t lensi_signal_stack_idle(void)
{
    return mine.shelf ? mine.stack : (stack_t){.ss_flags = SS_DISABLE};
}

void lensi_signal_stack_after_fork(void)
{
    for (struct shelf *shelf = atomic_load(&shelves); shelf; shelf = shelf->next)
        atomic_store(&shelf->taken, shelf == mine.shelf ? 1ull << mine.place : 0);
}
