/*
 * use_malloc.h - lens profile --use: large allocations become blocks whose use is watched (liblens/watch/sampler.h).
 *
 * Stands between the recorder and the next allocator, so that the recorder sees all allocations alike.
 */
#ifndef LENSI_RECORDER_USE_MALLOC_H
#define LENSI_RECORDER_USE_MALLOC_H

#include "liblens/plan/options.h"

#define LENSI_USE_BYTES (1u << 20) /* allocations of this size and more are watched */

/*
 * Starts the engine for it. Before the recorder takes its place before malloc. 0, or -errno with *error: nothing is
 * watched.
 */
int lensi_use_start(const struct lensi_options *options, struct lens_error *error);

#endif
