/*
 * hooks.h - where what watches a run hooks in (sampler.h, first_touch.h, chaos.h). In an ordinary run all of it is
 * zero.
 *
 * Filled in before the program's own code; `step` alone may be taken out later. Pages are numbers in the range
 * (pages.h).
 */
#ifndef LENSI_HOOKS_H
#define LENSI_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lensi_region;
struct lensi_workspace;

struct lensi_hooks {
    bool sampling; /* memory is only watched: nothing is saved, the budget never acts */
    bool chaos;    /* what happens is drawn by lot */
    size_t packs_most; /* chaos: allocations up to this size are packed */

    /* the engine's start, and forks; the locks are taken and let go in the engine's order */
    int (*open)(void); /* 0 or -errno */
    void (*fork_before)(void);
    void (*fork_after)(bool in_child);

    /* pages of a block that begins or grows, and of one that ends or shrinks */
    void (*pages_begin)(struct lensi_region *region, uint64_t page, uint64_t count);
    void (*pages_end)(uint64_t page, uint64_t count);

    /* the fault path */
    bool (*arms)(uint64_t page); /* whether faults of the page may come to us */
    void (*faulted)(uint64_t page, const void *context); /* a fault reached us in the faulting thread: its ucontext_t */
    /* The page was touched, at start_ns, and is there again (was_absent), or was written for the first time since. */
    void (*touched)(uint64_t page, bool write, bool was_absent, uint64_t start_ns);

    /* the prover's thread, under its lock */
    void (*visit)(struct lensi_region *region); /* in the place of the prover's own work for a region */
    void (*round)(struct lensi_workspace *workspace);
    uint64_t (*wait_ns)(void); /* how long to sleep until the next round */
    bool (*maps)(void); /* whether pages that are being given up are mapped from the snapshot this time */

    void (*step)(void); /* chaos: a moment at which something may happen */
};
extern struct lensi_hooks lensi_hooks;

/* The caller holds no lock of ours. */
static inline void lensi_hooks_step(void)
{
    if (__builtin_expect(lensi_hooks.step != NULL, 0))
        lensi_hooks.step();
}

#endif
