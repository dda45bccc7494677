/* record_tell.h - what has changed since it was last told, as records of the trace. Under the writer's lock. */
#ifndef LENSI_RECORDER_TELL_H
#define LENSI_RECORDER_TELL_H

#include "liblens/base/trace_writer.h"

/* How many have been told, with the blank 0. What came since must not be spoken of: a reader knows nothing of it. */
struct lensi_told {
    uint32_t nodes, sites;
};
/* Before the program's own code: what is read again and again is opened once. */
void lensi_tell_start(void);
/* New modules, nodes and sites. */
struct lensi_told lensi_tell_tree(struct lensi_trace_writer *writer);
void lensi_tell_snapshot(struct lensi_trace_writer *writer, uint64_t origin_ns);
void lensi_tell_totals(struct lensi_trace_writer *writer, uint64_t origin_ns);
void lensi_tell_end(struct lensi_trace_writer *writer, enum lensi_end_kind kind, int status, uint64_t origin_ns);
/* In a fork's child: a new trace, in which nothing is told. */
void lensi_tell_forget(void);

/*
 * New files, and inputs that are new or have grown, of those nodes (record_input.c). Last: also what may just be under
 * way.
 */
void lensi_tell_inputs(struct lensi_trace_writer *writer, uint32_t nodes, bool last, uint64_t origin_ns);

#endif
