/*
 * record.h - the recorder: what lens profile puts between a program and its allocator.
 *
 * Started by the constructor if the environment asks for a trace; otherwise nothing here is ever called. Each event is
 * counted where it happens (record_site.h) and remembered while it is alive (record_live.h, record_block.h); a thread
 * of ours writes what has changed to the trace every now and then (record_writer.h). So no event waits for the disk.
 *
 * Locks, outer to inner: writer, shard of the live table, inputs, blocks, tree, site. A fork holds all but the first. A
 * signal handler that allocates while its thread is inside of the recorder goes unseen (`inside`).
 */
#ifndef LENSI_RECORDER_RECORD_H
#define LENSI_RECORDER_RECORD_H

#include "liblens/base/trace.h"
#include "preload/recorder/path.h"

#include <stdbool.h>
#include <sys/types.h>

/* How to record; from LENS_TRACE. */
struct lensi_record_options {
    const char *path;      /* of the trace, absolute */
    uint64_t sample_bytes; /* mean distance of samples; 0: every allocation */
    int main_process;      /* the one that writes to `path` itself; others append their number */
    int argc;
    char **argv;
};

struct lensi_record_thread {
    struct lensi_path path;
    struct lensi_record_thread *next; /* of all */
    _Atomic int owner;                /* the kernel's number of the thread; 0: nobody's */
    uint64_t random;
};

/* What every thread has of its own without asking. Small: it is part of every thread's stack. */
struct lensi_record_local {
    struct lensi_record_thread *thread;
    int64_t left; /* sampled: bytes to the next sample */
    bool inside, is_wound;
};
extern _Thread_local struct lensi_record_local lensi_record_local __attribute__((tls_model("initial-exec")));

extern bool lensi_recording; /* set before the program's own code; off again when the program locks itself in */

/* 0 or -errno; nothing is recorded then. */
int lensi_record_start(const struct lensi_record_options *options);
/* The process ends, or becomes another program (kind EXEC; if that fails, recording goes on). Keeps errno. */
void lensi_record_finish(enum lensi_end_kind kind, int status);
void lensi_record_before_fork(void);
void lensi_record_after_fork(bool in_child);

/* The calling thread's part, NULL if there is no memory for it. */
struct lensi_record_thread *lensi_record_thread_find(void);
/* Threads that have ended give their part to the next one. From the writer's thread. */
void lensi_record_threads_collect(void);

/* ---- events. `caller` and `slot` as in lensi_path_node; the thread is inside. */

void lensi_record_new(const void *at, size_t bytes, enum lensi_site_kind kind, const void *caller, const uintptr_t *slot,
                      uint32_t previous_block);
/* True if it was known; *block is then its number, if it was a block that something speaks of. */
bool lensi_record_gone(const void *at, uint32_t *block);

#endif
