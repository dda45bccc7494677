/*
 * file_mapping.h - verbatim pages mapped from the backing itself: nothing is copied, and the kernel does the rest.
 *
 * Only where the segment's lenses are identities, address and file offset agree modulo the page, and a lease on the
 * backing holds every writer off until the pages have been copied to ordinary memory. All under the prover lock but
 * where said.
 */
#ifndef LENSI_FILE_MAPPING_H
#define LENSI_FILE_MAPPING_H

#include "liblens/plan/options.h"
#include "liblens/source/segment.h"

/* Decides whether this run may map backings: the rung is chosen, no thread runs yet. */
void lensi_file_mapping_open(const struct lensi_plan *plan, enum lensi_store_choice choice, enum lensi_trust trust);
/* True: SIGSEGV has to come to us, because a page that is being copied lets nobody write. */
bool lensi_file_mapping_takes_faults(void);
/*
 * A touch of a block's page failed with SIGSEGV. Waits while the page is being copied. True: to be tried again; false:
 * it is the program's own. In the fault path.
 */
bool lensi_file_mapping_waits(const void *address);

/* Whether the segment's pages are to be mapped from its backing, as far as is known (its lease may yet be refused). */
bool lensi_file_mapping_fits(const struct lensi_region *region, const struct lensi_segment *segment);
/* Of pages [page, page + count) those that the backing holds as they are: how many, the first after *skip. */
uint64_t lensi_file_mapping_span(const struct lensi_region *region, const struct lensi_segment *segment, uint64_t page, uint64_t count,
                           uint64_t *skip);
/*
 * Maps BUSY pages, such a span, whose bytes are `expected`: they are MAPPED then. False, and nothing changed, if it
 * cannot be.
 */
bool lensi_file_mapping_map(struct lensi_region *region, struct lensi_segment *segment, uint64_t page, uint64_t count, const uint8_t *expected);

/* Whether the page is mapped from a backing. Without the lock: true only if it is, or was a moment ago. */
bool lensi_file_mapping_holds(uint64_t page);
/*
 * Makes such pages of [page, end) ordinary memory; of one backing, or of any if NULL. Stops the process if it cannot.
 */
void lensi_file_mapping_make_real(struct lensi_region *region, uint64_t page, uint64_t end, const struct lensi_backing *backing);
/* The same for the whole process. */
void lensi_file_mapping_make_all_real(const struct lensi_backing *backing);
/* The same for a caller without the lock, whose signals are held: the kernel is going to write there. */
void lensi_file_mapping_keep(uint64_t page, uint64_t end);

#endif
