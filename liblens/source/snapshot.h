/*
 * snapshot.h - regions that are their own backing: what a page held when it was proven lies in a private file of ours.
 *
 * A segment with `snapshot` set stands for the region's own bytes. It has no lens, no view and no backing; everything
 * else is as with other segments: proof under write protection, claim, drop, touch, fetch, checksum. So any memory can
 * be made absent, whatever is in it: for finding out what a program touches, and for chaos (chaos.h). It saves nothing
 * by itself: a snapshot in memory takes as much as the page did (counted in snapshot_bytes_peak).
 *
 * The file has no name and is nobody else's: a memfd of sealed size, or an unlinked file on disk. A page lies at its
 * page number. fork: files are written by one process only. Before a fork the file in use is frozen, both sides go on
 * reading it, and each writes what it proves from then on to a file of its own (a generation). When there are too many,
 * what is still needed of all of them is copied into a fresh one.
 */
#ifndef LENSI_SNAPSHOT_H
#define LENSI_SNAPSHOT_H

#include "liblens/plan/options.h"
#include "liblens/source/segment.h"

/*
 * Where files go: to `dir` with LENSI_STORE_DISK, else to memory. Makes the table; files when they are needed. 0 or
 * -ENOMEM.
 */
int lensi_snapshot_open(enum lensi_store_choice where, const char *dir);
/* Makes the region its own backing. The segment's number, the old one if it has one; -ENOSPC. Under the prover lock. */
int lensi_snapshot_add(struct lensi_region *region);

/* ---- for the proof; under the prover lock */

/* What the PLAIN ones of these pages hold now; the others' place in out is left as it is. */
void lensi_snapshot_look(uint64_t page, uint64_t count, uint8_t *out);
/* Keeps the bytes of PROVING pages, before they are claimed. 0 or -errno: then they must not be claimed. */
int lensi_snapshot_take(uint64_t page, uint64_t count, const uint8_t *bytes);
/*
 * Maps BUSY pages that have been taken from the file: they are MAPPED then. False, and nothing changed, if it cannot
 * be.
 */
bool lensi_snapshot_map(struct lensi_segment *segment, const struct lensi_region *region, uint64_t page, uint64_t count);

/* ---- for everybody */

/*
 * Bytes of pages, as far as they were taken; zeros for others. 0, or -EIO if one could not be read. In the fault path.
 */
int lensi_snapshot_read(uint64_t page, uint64_t count, uint8_t *out);
/* What all files of this process take, with what a fork's child shares. */
uint64_t lensi_snapshot_bytes(void);
void lensi_snapshot_before_fork(void); /* under the prover lock */
void lensi_snapshot_after_fork(void); /* the same, in the parent; in the child before program code runs */
bool lensi_snapshot_owns_fd(int fd);

#endif
