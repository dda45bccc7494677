/*
 * engine.h - what the preload library sees of liblens: blocks, pins, files, forks.
 *
 * The engine is started once, before the program's own code. Until then, and if it could not start, no address is
 * ours and every call is a cheap no. Blocks are virtualised allocations: they live in one reserved range of
 * addresses, start as zeros, and are ordinary memory until the prover has proven them.
 *
 * Thread-safe throughout. The block calls run below malloc: they call no malloc, no stdio, no dlopen.
 */
#ifndef LENSI_ENGINE_H
#define LENSI_ENGINE_H

#include "liblens/base/range.h"
#include "liblens/base/restorer.h"
#include "liblens/engine/lease.h"
#include "liblens/engine/reading.h"
#include "liblens/lens.h"
#include "liblens/plan/options.h"
#include "liblens/plan/plan.h"
#include "liblens/source/align.h"
#include "liblens/source/extents.h"
#include "liblens/source/open_files.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Starts the engine: reserves addresses, probes the fault ladder, opens the view store. The options and the plan
 * must stay. 0; -ENOSYS with error->text when this machine offers no rung (the run then passes through).
 */
int lensi_engine_start(const struct lensi_options *options, const struct lensi_plan *plan, struct lens_error *error);
/* Says the closing line, writes the statistics, publishes to the view store. At every kind of exit; idempotent. */
void lensi_engine_finish(void);

/*
 * The program is about to give up system calls for good (seccomp): those that we need are made now. All of its memory
 * becomes ordinary and stays so, nothing is watched or virtualised any more, and what is said at the end is said now.
 * Afterwards the engine makes no call that malloc would not make. Idempotent.
 */
void lensi_engine_retire(void);
/*
 * The program cannot live with memory that is absent: all of it becomes ordinary and stays so, nothing more is watched,
 * given up or virtualised, and one line says why. Everything else goes on. Not under a lock of ours. Keeps errno.
 * Idempotent.
 */
void lensi_engine_leave_alone(const char *reason);

/* ---- blocks */

/*
 * A block of `bytes` zeroed bytes for plan site number `site`, aligned to `alignment` (a power of two; 0 = 16).
 * NULL when there is no room: the caller then uses the next allocator.
 */
void *lensi_block_new(size_t site, size_t bytes, size_t alignment);
/* Ends a block. `at` must be what lensi_block_new or lensi_block_resize gave. Keeps errno. */
void lensi_block_free(void *at);
/* Makes the block `bytes` long, in place if there is room (returns `at`), else NULL: nothing has changed then. */
void *lensi_block_resize(void *at, size_t bytes);
/* The bytes that may be used at `at` (malloc_usable_size); 0 if `at` is not a block's start. */
size_t lensi_block_bytes(const void *at);
/* Whether `site` packs its small allocations (lensi_block_new then packs blocks below one page or so). */
bool lensi_site_packs(size_t site);

/* ---- pins: memory handed to the kernel */

/*
 * Makes [at, at + bytes) present, for writing also writable and kept, and keeps the prover away until the matching
 * unpin. Costs one comparison when the range is not ours. Both have the same meaning as lens_pin and lens_unpin.
 */
int lensi_pin_slow(const void *at, size_t bytes, bool writing);
void lensi_unpin_slow(const void *at, size_t bytes);
/*
 * Makes it ordinary memory until its block ends: the kernel goes on using it (a lock's word, a stack), or the program
 * changes its access (mprotect). Touches that fail there are then the program's own errors.
 */
void lensi_pin_forever_slow(const void *at, size_t bytes);
static inline bool lensi_touches_ours(const void *at, size_t bytes)
{
    uintptr_t start = (uintptr_t)at;
    return start < lensi_range.start + lensi_range.bytes && start + bytes > lensi_range.start && lensi_range.bytes;
}
static inline bool lensi_pin_for_read(const void *at, size_t bytes) /* the kernel will read it; true: unpin later */
{
    return lensi_touches_ours(at, bytes) && lensi_pin_slow(at, bytes, false) == 0;
}
static inline bool lensi_pin_for_write(const void *at, size_t bytes) /* the kernel will write it; true: unpin later */
{
    return lensi_touches_ours(at, bytes) && lensi_pin_slow(at, bytes, true) == 0;
}
/*
 * Whether the program could read the page of `at`, in the reserved range: it is a block's, and its access was not taken
 * away.
 */
bool lensi_block_is_readable(const void *at);
/* A NUL-terminated string for the kernel (paths): returns true if pinned; *bytes for the unpin. */
bool lensi_pin_text(const char *text, size_t *bytes);

/* ---- files the program opens: open_files.h, extents.h, align.h, lease.h */

/* True if fd is one of the engine's own descriptors: the program must not close it or replace it. */
bool lensi_fd_is_ours(int fd);

/* ---- processes and signals */

void lensi_blocks_before_fork(void); /* the engine's own, in block.c */
void lensi_blocks_after_fork(void);
void lensi_fork_prepare(void); /* in the parent, before */
void lensi_fork_parent(void);  /* in the parent, after (also when it failed) */
void lensi_fork_child(void);   /* in the child, before any program code */
/*
 * The signals through which faults reach us, SIGBUS or SIGSEGV or both or none, as the kernel's mask. They must stay
 * out of every thread's mask, and the program's action for them must come to us.
 */
uint64_t lensi_fault_signals(void);
/* sigaction(2) for one of them as the program sees it: we keep its wish and act on it for faults not ours. */
struct sigaction;
void lensi_fault_action(int number, const struct sigaction *set, struct sigaction *old);
/*
 * Before an exec: what the program ignores of them is ignored, for the next one to inherit; and when the exec has
 * failed.
 */
void lensi_fault_hand_on(void);
void lensi_fault_take_back(void);

#endif
