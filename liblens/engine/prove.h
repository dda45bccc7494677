/*
 * prove.h - the proof: write-protect, compare with the view, give up. One batch of neighbouring pages at a time.
 */
#ifndef LENSI_PROVE_H
#define LENSI_PROVE_H

#include "liblens/source/segment.h"

/*
 * Tries to prove the PLAIN pages of [page, page + count), count <= LENSI_OUT_PAGES, all of them resident. Returns how
 * many were proven. Under the prover lock. patient: nothing else is to be done, so views may be opened whose lens has
 * to read the whole file first.
 */
uint64_t lensi_prove(struct lensi_region *region, uint64_t page, uint64_t count, struct lensi_workspace *workspace, bool patient);
/*
 * The pages of [page, page + count), count <= LENSI_OUT_PAGES, that are zero go, if frames can be moved. How many.
 * Under the prover lock.
 */
uint64_t lensi_prove_zeros(struct lensi_region *region, uint64_t page, uint64_t count);
void lensi_prove_let_grow(struct lensi_region *region, uint32_t number);

#endif
