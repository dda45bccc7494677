/* masks.h - signal masks without the fault signals, and what the program believes of them. */
#ifndef LENSI_MASKS_H
#define LENSI_MASKS_H

#include "liblens/engine/engine.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>

enum { LENSI_KERNEL_SET_BYTES = 8, LENSI_SIGNALS = 65 };

/* libc's sigset_t is larger than the kernel's; only the kernel's part is read and written. */
static inline void lensi_mask_copy(sigset_t *to, const sigset_t *from) { memcpy(to, from, LENSI_KERNEL_SET_BYTES); }

static inline uint64_t lensi_mask_bits(const sigset_t *set)
{
    uint64_t bits;

    memcpy(&bits, set, sizeof bits);
    return bits;
}

/* The fault signals in set. */
static inline uint64_t lensi_mask_faults(const sigset_t *set) { return lensi_mask_bits(set) & lensi_fault_signals(); }

static inline void lensi_mask_remove(sigset_t *set, uint64_t signals)
{
    uint64_t bits = lensi_mask_bits(set) & ~signals;

    memcpy(set, &bits, sizeof bits);
}

static inline void lensi_mask_add(sigset_t *set, uint64_t signals)
{
    uint64_t bits = lensi_mask_bits(set) | signals;

    memcpy(set, &bits, sizeof bits);
}

static inline uint64_t lensi_signal_bit(int number) { return number > 0 && number < LENSI_SIGNALS ? 1ull << (number - 1) : 0; }

static inline bool lensi_is_fault(int number) { return lensi_signal_bit(number) & lensi_fault_signals(); }

/* `mask`, or *copy: the same without the fault signals, if they were in it. NULL stays NULL. */
const sigset_t *lensi_mask_without(const sigset_t *mask, sigset_t *copy);
/*
 * At the start, and in a thread that libc started with every signal blocked: what is blocked becomes what is believed.
 */
void lensi_mask_begin(void);
/* Around a call that makes another program of this one: it inherits what this thread believes to block. */
void lensi_mask_hand_on(void);
void lensi_mask_take_back(void);
/* The same for a program in a process of its own: `attributes`, or *copy, with that mask. */
const posix_spawnattr_t *lensi_mask_spawn(const posix_spawnattr_t *attributes, posix_spawnattr_t *copy);

#endif
