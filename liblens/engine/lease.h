/*
 * lease.h - copy on destructive write: before a backing changes, what depends on it is made real.
 *
 * A read lease on the backing makes the kernel hold every writer (an open for writing, a truncation, by any process)
 * until we have let go. The prover hears of it, makes the dependent pages ordinary memory, and releases the lease.
 * Where no lease is to be had, a page that cannot be brought back stops the process; it never gets other bytes.
 */
#ifndef LENSI_LEASE_H
#define LENSI_LEASE_H

#include "liblens/view/backing.h"
#include "liblens/view/workspace.h"

/* children_need_lease: a fork's child must not be without the lease that its parent had. At the start. */
void lensi_lease_open(bool children_need_lease);
/*
 * Takes a lease on the backing for the prover's thread, once. Under the prover lock. True if one is held. Not the
 * owner, a file that somebody has open for writing, a file system without leases: false, and why in *error if not NULL.
 */
bool lensi_lease_take(struct lensi_backing *backing, int *error);
/* Hears of writers that wait; deals with them. The prover calls it in every round, under the prover lock. */
void lensi_lease_listen(struct lensi_workspace *workspace);
/* Makes every page real that depends on backing, which is not used any more afterwards. 0, or -ESTALE: too late. */
int lensi_lease_make_real(struct lensi_backing *backing, struct lensi_workspace *workspace);
/* Lets every writer in: nothing depends on any file any more. Under the prover lock. */
void lensi_lease_end(void);
/*
 * Before a fork, under the prover lock: a lease for the child on what is mapped (file_mapping.h), or nothing is mapped
 * any more.
 */
void lensi_lease_before_fork(void);
void lensi_lease_forked(void); /* after it, in the parent, under the prover lock */
/* In a fork's child: the leases are the parent's; true if there were any (a prover must take them anew). */
bool lensi_lease_after_fork(void);

/*
 * An open for writing would have had to wait for a lease of ours: sees to it that the lease is given up. True if it
 * was, and the call is to be made again. Keeps errno.
 */
bool lensi_writers_wait(void);

#endif
