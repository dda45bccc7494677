/*
 * site.h - which site of the plan an allocation belongs to.
 *
 * A site is a call path: the frames of the plan must match frames of the stack, in order. No locks, no malloc; safe
 * in every thread and in a fork's child.
 */
#ifndef LENSI_SITE_H
#define LENSI_SITE_H

#include "liblens/plan/plan.h"

#include <stddef.h>
#include <stdint.h>

#define LENSI_NO_SITE SIZE_MAX

/* Takes the plan, which must stay. Returns the least size any of its sites wants (SIZE_MAX if none can match). */
size_t lensi_site_init(const struct lensi_plan *plan);
/*
 * The number of the first site that takes `bytes` bytes asked for by this call path, or LENSI_NO_SITE. `caller` is the
 * address the malloc function returns to; `slot` where that address lies on the stack, or anything readable.
 */
size_t lensi_site_find(size_t bytes, const void *caller, const uintptr_t *slot);
/* Modules have been unloaded: what call paths meant is worked out anew. */
void lensi_site_forget(void);

#endif
