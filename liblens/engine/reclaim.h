/*
 * reclaim.h - the end of a block's region.
 */
#ifndef LENSI_RECLAIM_H
#define LENSI_RECLAIM_H

struct lensi_region;

/* Gives a region's memory, tables and addresses back. Under the prover lock. */
void lensi_region_reclaim(struct lensi_region *region);

#endif
