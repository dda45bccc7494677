/*
 * record_block.h - large allocations and mappings, one by one.
 *
 * They are few, so they are kept in order of their addresses under one lock: a read can be asked where it landed. The
 * writer tells them to the trace; those that came and went between two ticks are only counted.
 */
#ifndef LENSI_RECORDER_BLOCK_H
#define LENSI_RECORDER_BLOCK_H

#include "liblens/memory/pages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lensi_block_record {
    uintptr_t address;
    uint64_t bytes, birth_ns, death_ns; /* 0: alive */
    uint32_t site;
    uint32_t number;   /* in the trace; 0: nothing speaks of it yet */
    bool told;         /* its birth, as it is now */
    bool is_map;       /* of the program's own mmap */
    uint32_t previous; /* number of the block that it was grown from */
    uint32_t next;     /* in the list of the dead, or of what is free */
};

struct lensi_trace_writer;

int lensi_blocks_start(void);
/* Takes address, bytes, birth, site, previous, is_map and, if it is the rest of another block, number from `block`. */
void lensi_blocks_add(const struct lensi_block_record *block);
/* Removes the block that begins at `address`; continues: it goes on as what is left of it. False if there is none. */
bool lensi_blocks_take(uintptr_t address, uint64_t now_ns, bool continues, struct lensi_block_record *taken);
/* The block that `address` lies in, which gets a number if it has none yet. False: none. */
bool lensi_blocks_find(uintptr_t address, struct lensi_block_record *found);
/* The first block that reaches into [address, address + bytes), by copy. */
bool lensi_blocks_first(uintptr_t address, uint64_t bytes, struct lensi_block_record *found);
/*
 * Writes births and deaths since the last call, of blocks whose sites are below `sites`: others have not been told yet,
 * and wait.
 */
void lensi_blocks_tell(struct lensi_trace_writer *writer, uint32_t sites, uint64_t origin_ns);
uint64_t lensi_blocks_lost(void);
uint64_t lensi_blocks_bytes(void); /* in all that are alive */
void lensi_blocks_record_before_fork(void);
void lensi_blocks_record_after_fork(bool in_child);

#endif
