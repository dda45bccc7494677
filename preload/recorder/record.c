/* record.c - starts and ends the recorder, and counts its events; see record.h. */
#include "preload/recorder/record.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"
#include "preload/recorder/block.h"
#include "preload/recorder/clock.h"
#include "preload/recorder/fill.h"
#include "preload/recorder/input.h"
#include "preload/recorder/live.h"
#include "preload/recorder/sample.h"
#include "preload/recorder/site.h"
#include "preload/recorder/tree.h"
#include "preload/recorder/writer.h"
#include "preload/stack.h"
#include "preload/stack_bounds.h"

#include <errno.h>

#define STEP_TABLE_BITS 18 /* addresses; of its 2 MiB only what is used is ever touched */

_Thread_local struct lensi_record_local lensi_record_local __attribute__((tls_model("initial-exec")));
bool lensi_recording;

static _Atomic(struct lensi_record_thread *) threads;
static _Atomic uint64_t threads_count;

int lensi_record_start(const struct lensi_record_options *options)
{
    int result = lensi_stack_init(STEP_TABLE_BITS);

    if (result == 0)
        result = lensi_tree_start();
    if (result == 0)
        result = lensi_sites_start();
    if (result == 0)
        result = lensi_live_start();
    if (result == 0)
        result = lensi_blocks_start();
    if (result == 0)
        result = lensi_inputs_start();
    if (result == 0)
        result = lensi_fill_start(!options->sample_bytes, options->main_process != lensi_sys_process_id());
    if (result < 0)
        return result;
    lensi_record_clock_start();
    lensi_sample_start(options->sample_bytes);
    result = lensi_writer_start(options);
    lensi_recording = result == 0;
    return result;
}

/* ---- threads */

/* A part that belonged to a thread that has ended, or a new one. */
static struct lensi_record_thread *thread_take(void)
{
    int me = lensi_sys_thread_id();
    struct lensi_record_thread *thread;

    for (thread = atomic_load(&threads); thread; thread = thread->next) {
        int nobody = 0;

        if (atomic_load_explicit(&thread->owner, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(&thread->owner, &nobody, me))
            return thread;
    }
    thread = lensi_arena_new(sizeof *thread);
    if (!thread)
        return NULL;
    atomic_store(&thread->owner, me);
    thread->next = atomic_load(&threads);
    while (!atomic_compare_exchange_weak(&threads, &thread->next, thread))
        ;
    return thread;
}

struct lensi_record_thread *lensi_record_thread_find(void)
{
    struct lensi_record_thread *thread = lensi_record_local.thread;

    if (__builtin_expect(thread != NULL, 1))
        return thread;
    thread = thread_take();
    if (!thread)
        return NULL;
    thread->path.count = 0;
    thread->random = lensi_sample_seed(atomic_fetch_add(&threads_count, 1));
    lensi_record_local.thread = thread;
    lensi_writer_wake(); /* a fork's child begins to record here */
    return thread;
}

void lensi_record_threads_collect(void)
{
    int process = lensi_sys_process_id();

    for (struct lensi_record_thread *thread = atomic_load(&threads); thread; thread = thread->next) {
        int owner = atomic_load(&thread->owner);

        if (owner && lensi_sys(SYS_tgkill, process, owner, 0, 0, 0, 0) == -ESRCH)
            atomic_compare_exchange_strong(&thread->owner, &owner, 0);
    }
}

/* ---- events */

static void end_entry(const void *at, const struct lensi_live *entry, uint64_t now, struct lensi_block_record *block)
{
    uint64_t bytes = entry->size, birth = entry->birth_ns;
    struct lensi_weight weight;

    block->number = 0;
    if (bytes >= LENSI_TRACE_BLOCK_BYTES)
        lensi_stack_unmapped(); /* perhaps: the next allocator may give it back */
    if (bytes >= LENSI_TRACE_BLOCK_BYTES && lensi_blocks_take((uintptr_t)at, now, false, block)) {
        bytes = block->bytes;
        birth = block->birth_ns;
    }
    lensi_sample_weight(bytes, &weight);
    lensi_site_uncount(entry->site, &weight, birth, now);
}

void lensi_record_new(const void *at, size_t bytes, enum lensi_site_kind kind, const void *caller, const uintptr_t *slot,
                      uint32_t previous_block)
{
    struct lensi_record_thread *thread = lensi_record_thread_find();
    struct lensi_block_record block;
    struct lensi_live entry, old;
    struct lensi_weight weight;
    uint64_t now;
    unsigned shard;

    if (!thread || !at)
        return;
    lensi_live_prefetch(at);
    entry.site = lensi_site_at(lensi_path_node(&thread->path, (uintptr_t)caller, slot), kind);
    entry.size = bytes < LENSI_LIVE_SIZE_MAX ? (uint32_t)bytes : LENSI_LIVE_SIZE_MAX;
    lensi_sample_weight(bytes, &weight);
    now = entry.birth_ns = lensi_record_ns();
    shard = lensi_live_lock(at);
    if (lensi_live_put(shard, at, &entry, &old)) /* its end was not seen */
        end_entry(at, &old, now, &block);
    else if (lensi_sample.distance)
        lensi_filter_add(at);
    if (bytes >= LENSI_TRACE_BLOCK_BYTES)
        lensi_blocks_add(&(struct lensi_block_record){
            .address = (uintptr_t)at, .bytes = bytes, .birth_ns = now, .site = entry.site, .previous = previous_block});
    lensi_site_count(entry.site, bytes, &weight, now);
    lensi_live_unlock(shard);
    if (bytes >= LENSI_TRACE_BLOCK_BYTES)
        lensi_fill_grown();
}

bool lensi_record_gone(const void *at, uint32_t *number)
{
    struct lensi_block_record block = {.number = 0};
    struct lensi_live entry;
    uint64_t now;
    unsigned shard;
    bool was_there;

    lensi_live_prefetch(at);
    now = lensi_record_ns();
    shard = lensi_live_lock(at);
    was_there = lensi_live_take(shard, at, &entry);

    if (was_there) {
        if (lensi_sample.distance)
            lensi_filter_drop(at);
        end_entry(at, &entry, now, &block);
    }
    lensi_live_unlock(shard);
    /* What nobody has spoken of yet goes on as what it was grown from. */
    *number = block.number ? block.number : block.previous;
    return was_there;
}

/* ---- ends and forks */

void lensi_record_finish(enum lensi_end_kind kind, int status)
{
    bool inside = lensi_record_local.inside;

    if (!lensi_recording)
        return;
    lensi_record_local.inside = true;
    lensi_writer_finish(kind, status, inside);
    if (lensi_injection)
        lensi_injection->report();
    lensi_record_local.inside = inside;
}

void lensi_record_before_fork(void)
{
    if (!lensi_recording)
        return;
    lensi_record_local.inside = true; /* a signal that ends us must not wait for what we hold */
    lensi_live_before_fork();
    lensi_inputs_before_fork();
    lensi_blocks_record_before_fork();
    lensi_lock(&lensi_tree_lock);
}

void lensi_record_after_fork(bool in_child)
{
    if (!lensi_recording)
        return;
    lensi_unlock(&lensi_tree_lock);
    lensi_blocks_record_after_fork(in_child);
    lensi_inputs_after_fork(in_child);
    lensi_fill_after_fork(in_child);
    if (in_child) {
        for (struct lensi_record_thread *thread = atomic_load(&threads); thread; thread = thread->next)
            atomic_store(&thread->owner, 0);
        lensi_record_local.thread = NULL;
        lensi_sites_after_fork(lensi_record_ns());
        lensi_writer_after_fork();
    }
    lensi_live_after_fork();
    lensi_record_local.inside = false;
}
