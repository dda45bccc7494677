/* record_block.c - the list of large allocations; see record_block.h. */
#include "preload/recorder/block.h"

#include "liblens/base/arena.h"
#include "liblens/base/trace_writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define BLOCKS_MAX 65536u
#define BATCH 64u

/*
 * `order` holds the numbers (in `records`) of the living in order of address. The dead that were told wait in a list
 * for their end to be told; what was never told is only counted.
 */
static struct lensi_lock lock;
static struct lensi_block_record *records;
static uint32_t *order;
static uint32_t alive, used, spare, dead; /* records[0] is no block: 0 ends a list */
static uint32_t numbers;
static uint64_t lost;
static _Atomic uint64_t alive_bytes;

int lensi_blocks_start(void)
{
    records = lensi_arena_map(BLOCKS_MAX * sizeof *records);
    order = lensi_arena_map(BLOCKS_MAX * sizeof *order);
    used = 1;
    return records && order ? 0 : -ENOMEM;
}

/* How many of the living begin at or below `address`. */
static uint32_t rank(uintptr_t address)
{
    uint32_t low = 0, high = alive;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (records[order[middle]].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t record_new(void)
{
    uint32_t record = spare;

    if (record) {
        spare = records[record].next;
        return record;
    }
    return used < BLOCKS_MAX ? used++ : 0;
}

static void record_free(uint32_t record)
{
    records[record].next = spare;
    spare = record;
}

void lensi_blocks_add(const struct lensi_block_record *block)
{
    uint32_t at, record;

    lensi_lock(&lock);
    record = record_new();
    if (record) {
        at = rank(block->address);
        memmove(order + at + 1, order + at, (alive - at) * sizeof *order);
        order[at] = record;
        alive++;
        atomic_fetch_add_explicit(&alive_bytes, block->bytes, memory_order_relaxed);
        records[record] = *block;
        records[record].told = false;
    } else {
        lost++;
    }
    lensi_unlock(&lock);
}

bool lensi_blocks_take(uintptr_t address, uint64_t now_ns, bool continues, struct lensi_block_record *taken)
{
    uint32_t at, record;
    bool found;

    lensi_lock(&lock);
    at = rank(address);
    found = at > 0 && records[order[at - 1]].address == address;
    if (found) {
        record = order[at - 1];
        memmove(order + at - 1, order + at, (alive - at) * sizeof *order);
        alive--;
        atomic_fetch_sub_explicit(&alive_bytes, records[record].bytes, memory_order_relaxed);
        *taken = records[record];
        records[record].death_ns = now_ns;
        if (continues) {
            record_free(record);
        } else if (taken->number) { /* somebody speaks of it */
            records[record].next = dead;
            dead = record;
        } else {
            record_free(record);
            lost++;
        }
    }
    lensi_unlock(&lock);
    return found;
}

/* The place in order of the first living block that reaches beyond `address`. */
static uint32_t first_beyond(uintptr_t address)
{
    uint32_t at = rank(address);

    return at > 0 && address - records[order[at - 1]].address < records[order[at - 1]].bytes ? at - 1 : at;
}

static bool find(uintptr_t address, uint64_t bytes, bool named, struct lensi_block_record *found)
{
    uint32_t at;
    bool is_in;

    lensi_lock(&lock);
    at = first_beyond(address);
    is_in = at < alive && records[order[at]].address < address + bytes;
    if (is_in) {
        if (named && !records[order[at]].number)
            records[order[at]].number = ++numbers;
        *found = records[order[at]];
    }
    lensi_unlock(&lock);
    return is_in;
}

bool lensi_blocks_find(uintptr_t address, struct lensi_block_record *found) { return find(address, 1, true, found); }

bool lensi_blocks_first(uintptr_t address, uint64_t bytes, struct lensi_block_record *found)
{
    return find(address, bytes, false, found);
}

uint64_t lensi_blocks_lost(void) { return lost; }

uint64_t lensi_blocks_bytes(void) { return atomic_load_explicit(&alive_bytes, memory_order_relaxed); }

/* ---- telling: copied out under the lock in batches, and written without it */

static uint64_t since(uint64_t ns, uint64_t origin_ns) { return ns > origin_ns ? ns - origin_ns : 0; }

static void tell_birth(struct lensi_trace_writer *writer, const struct lensi_block_record *block, uint64_t origin_ns)
{
    lensi_trace_begin(writer, LENSI_RECORD_BLOCK);
    lensi_trace_put(writer, block->number);
    lensi_trace_put(writer, block->address);
    lensi_trace_put(writer, block->bytes);
    lensi_trace_put(writer, since(block->birth_ns, origin_ns));
    lensi_trace_put(writer, block->site);
    lensi_trace_put(writer, block->previous);
    lensi_trace_end(writer);
}

static void tell_death(struct lensi_trace_writer *writer, const struct lensi_block_record *block, uint64_t origin_ns)
{
    lensi_trace_begin(writer, LENSI_RECORD_BLOCK_END);
    lensi_trace_put(writer, block->number);
    lensi_trace_put(writer, since(block->death_ns, origin_ns));
    lensi_trace_end(writer);
}

/* Copies up to BATCH blocks that have something to tell. `from` is where among the living to go on. */
static uint32_t collect(struct lensi_block_record *batch, uint32_t sites, uint32_t *from)
{
    uint32_t *next_dead = &dead, count = 0;

    lensi_lock(&lock);
    for (; *from < alive && count < BATCH; ++*from) {
        struct lensi_block_record *block = &records[order[*from]];

        if (block->told || block->site >= sites)
            continue;
        if (!block->number)
            block->number = ++numbers;
        batch[count++] = *block;
        block->told = true;
    }
    while (*next_dead && count < BATCH) {
        uint32_t record = *next_dead;

        if (records[record].site >= sites) {
            next_dead = &records[record].next;
            continue;
        }
        *next_dead = records[record].next;
        batch[count++] = records[record];
        record_free(record);
    }
    lensi_unlock(&lock);
    return count;
}

void lensi_blocks_tell(struct lensi_trace_writer *writer, uint32_t sites, uint64_t origin_ns)
{
    static struct lensi_block_record batch[BATCH]; /* the writer's lock guards it */
    uint32_t from = 0, count;

    do {
        count = collect(batch, sites, &from);
        for (uint32_t i = 0; i < count; i++) {
            if (!batch[i].told)
                tell_birth(writer, &batch[i], origin_ns);
            if (batch[i].death_ns)
                tell_death(writer, &batch[i], origin_ns);
        }
    } while (count == BATCH);
}

/* ---- fork */

void lensi_blocks_record_before_fork(void) { lensi_lock(&lock); }

void lensi_blocks_record_after_fork(bool in_child)
{
    while (in_child && dead) {
        uint32_t next = records[dead].next;

        record_free(dead);
        dead = next;
    }
    for (uint32_t i = 0; in_child && i < alive; i++) {
        records[order[i]].number = records[order[i]].previous = 0;
        records[order[i]].told = false;
    }
    if (in_child)
        numbers = 0;
    lensi_unlock(&lock);
}
