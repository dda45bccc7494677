/* record_use.h - what was seen of the use of memory, as records of the trace. Under the writer's lock. */
#ifndef LENSI_RECORDER_USE_H
#define LENSI_RECORDER_USE_H

#include "liblens/base/trace_writer.h"

/* What is new; nothing if nothing is watched. */
void lensi_tell_use(struct lensi_trace_writer *writer, uint64_t origin_ns);
/* In a fork's child: a new trace, in which nothing is told. */
void lensi_tell_use_forget(void);

#endif
