/*
 * policy.h - which proven pages stay resident: the eviction policy, apart from everything else so that it can be
 * measured on traces alone.
 *
 * A page is a number below 2^32. The policy sees faults only: a touch of a resident page is invisible to it. It must
 * therefore keep much of a loop that is larger than the budget (FIFO and LRU keep nothing of it), keep the hot
 * pages of a skewed distribution, and adapt when the behaviour changes.
 *
 * Per-page memory: at most 4 bytes for every page ever seen (a table the caller reserves), plus 16 bytes for each
 * page of the budget. Guarded by the caller's lock; no malloc, no system calls, bounded work per call; called
 * in the fault path.
 */
#ifndef LENSI_POLICY_H
#define LENSI_POLICY_H

#include <stddef.h>
#include <stdint.h>

struct lensi_policy;

/* Bytes to reserve (zeroed) for a policy of up to `pages` page numbers and a budget of up to `capacity` pages. */
size_t lensi_policy_bytes(uint64_t pages, uint64_t capacity);
/* Makes a policy in `memory` (zeroed, lensi_policy_bytes long). The budget may later be anything up to `capacity`. */
struct lensi_policy *lensi_policy_init(void *memory, uint64_t pages, uint64_t capacity, uint64_t budget);
void lensi_policy_set_budget(struct lensi_policy *policy, uint64_t budget);
/* A touch of `page` that was absent: it is resident now. (prefetched: it came by read-ahead, nobody touched it yet.) */
void lensi_policy_insert(struct lensi_policy *policy, uint32_t page, int prefetched);
/* The page is not resident or not proven any more for another reason (written, freed). Unknown pages are fine. */
void lensi_policy_remove(struct lensi_policy *policy, uint32_t page);
/*
 * Chooses a page to evict, or returns -1 if there is none (no page resident). The page leaves the policy's books.
 * The caller calls it while lensi_policy_resident() > budget; a page that cannot go now is inserted again.
 */
int64_t lensi_policy_victim(struct lensi_policy *policy);
uint64_t lensi_policy_resident(const struct lensi_policy *policy);
uint64_t lensi_policy_budget(const struct lensi_policy *policy);

#endif
