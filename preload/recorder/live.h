/*
 * record_live.h - what is alive: address -> site, size, birth. 16 bytes an entry.
 *
 * Open addressing in shards, each with a lock. A KiB of the program's heap maps to consecutive places of one shard, so
 * that allocations near one another are near one another here too. Shards grow by half, one by one.
 *
 * Counting happens while the shard's lock is held: who holds all shards (a fork) finds every counter settled.
 */
#ifndef LENSI_RECORDER_LIVE_H
#define LENSI_RECORDER_LIVE_H

#include "liblens/memory/pages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LENSI_LIVE_SHARD_BITS 5
#define LENSI_LIVE_SHARDS (1u << LENSI_LIVE_SHARD_BITS)
#define LENSI_LIVE_SIZE_MAX ((1u << 27) - 1) /* larger sizes are known by the list of blocks */

struct lensi_live {
    uint32_t site;
    uint32_t size;     /* LENSI_LIVE_SIZE_MAX: at least that */
    uint64_t birth_ns; /* to 1024 ns */
};

int lensi_live_start(void);
/* Soon something will be asked about `at`: the memory is on its way meanwhile. Needs no lock. */
void lensi_live_prefetch(const void *at);
/* Locks the shard that `at` belongs to; the calls below act under it. */
unsigned lensi_live_lock(const void *at);
void lensi_live_unlock(unsigned shard);
/* True if `at` was there already; *old is what it was then. Without room the entry is lost. */
bool lensi_live_put(unsigned shard, const void *at, const struct lensi_live *entry, struct lensi_live *old);
bool lensi_live_take(unsigned shard, const void *at, struct lensi_live *entry);
void lensi_live_before_fork(void);
void lensi_live_after_fork(void);
/* Entries that there was no memory for. */
uint64_t lensi_live_lost(void);

#endif
