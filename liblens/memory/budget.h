/*
 * budget.h - how many proven pages may be resident, and who goes when there are too many.
 *
 * Wraps the eviction policy (policy.h) with its lock, and drops its victims. Called in the fault path and by
 * the prover. What counts against the budget is what costs frames: proven pages that are resident, and plain pages
 * of virtualised blocks as far as the prover has seen them.
 */
#ifndef LENSI_BUDGET_H
#define LENSI_BUDGET_H

#include "liblens/plan/options.h"

#include <stdint.h>

int lensi_budget_open(const struct lensi_budget_spec *spec); /* 0 or -ENOMEM */
/* Pages [first, first + count) were placed or proven and stay resident; `touched` of them was asked for (or -1). */
void lensi_budget_insert(uint64_t first, uint64_t count, int64_t touched);
void lensi_budget_remove(uint64_t page);
/* Drops those of the pages that are proven and not pinned, whatever the budget. Under the prover lock. */
uint64_t lensi_budget_drop(uint64_t page, uint64_t count);
/* Drops victims until the budget holds. */
void lensi_budget_enforce(void);
/* Drops some proven pages although the budget holds: memory is short. */
void lensi_budget_relieve(void);
/* Pages that may be resident; and whether resident + plain is above it now. */
uint64_t lensi_budget_pages(void);
/* What is left of it for proven pages when plain ones have taken their share; enough for streams to flow. */
uint64_t lensi_budget_room(void);
/* A handle brings its own budget along, and takes it away. */
void lensi_budget_grow(int64_t pages);
/* It is not to be less than that from here on; LENS_UNKNOWN: everything stays. */
void lensi_budget_raise(uint64_t pages);
bool lensi_budget_over(void);
void lensi_budget_plain(int64_t pages); /* the prover has seen so many more plain pages */
/* Resident proven and seen plain pages now. */
uint64_t lensi_budget_in_use(void);
/*
 * Adapts an automatic budget: to what is in use, and to memory pressure; under a hard limit that the program would not
 * fit into, to what the limit leaves. The prover calls it now and then, outside of its lock; more often while it is
 * watched.
 */
void lensi_budget_adapt(uint64_t now_ns);
bool lensi_budget_is_watched(void);
void lensi_budget_before_fork(void);
void lensi_budget_after_fork(void);

#endif
