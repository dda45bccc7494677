/*
 * wrappers.h - which frames of a call path only pass an allocation on: malloc's relatives, containers of the language's
 * library, and functions like xmalloc, so that the report shows who wanted the memory.
 *
 * A frame is passed over, from the inside on, if its function
 *   - lies in the language's runtime (libc, libstdc++, an allocator) or in the namespaces of its library (std, alloc);
 *   - has an allocator's name (…malloc, …alloc, …strdup, operator new) and is small; or
 *   - behaves as a wrapper in these traces: small, allocates in few places, for many distinct callers, many sizes.
 */
#ifndef LENS_WRAPPERS_H
#define LENS_WRAPPERS_H

#include "analysis/trace/study.h"

struct wrappers;

/* Learns from all sites of a study. NULL: out of memory. */
struct wrappers *wrappers_learn(const struct study *study);
void wrappers_free(struct wrappers *wrappers);
/* The frame to show. If all of them only pass on: the innermost that is not the runtime's, else the innermost. */
size_t wrappers_pass(const struct wrappers *wrappers, const struct study_path *path);

/*
 * The innermost frame that is not the language's runtime; the innermost of all if there is none. Needs nothing learnt.
 */
size_t wrappers_pass_runtime(const struct study_path *path);

#endif
