/*
 * trust.h - whether pages may come to depend on a backing, according to --trust-backing.
 *
 * strict, lease:  only while a lease keeps writers off until the pages are real, or from a private copy (copy.h). Else
 *                 pages that no image holds are kept.
 * replace-only:   always. The user promised that nobody changes the file in place; if somebody does, a page that cannot
 *                 be brought back stops the process.
 * All under the prover lock, in the prover.
 */
#ifndef LENSI_TRUST_H
#define LENSI_TRUST_H

#include "liblens/plan/options.h"
#include "liblens/view/backing.h"

void lensi_trust_open(enum lensi_trust trust);
/*
 * ANEW: the backing rests from now on; what was read of it before may have been read while somebody wrote. Made again
 * from here on, the same bytes come out each time.
 */
enum lensi_footing { LENSI_FOOTING_NONE, LENSI_FOOTING_ANEW, LENSI_FOOTING_FIRM };
/* Whether pages may depend on the backing, for whose `worth_bytes` of memory that would be. Says it once if not. */
enum lensi_footing lensi_trust_footing(struct lensi_backing *backing, uint64_t worth_bytes);
/* Whether that is known to be NONE for now: nothing but an image could bring pages back. */
bool lensi_trust_refused(const struct lensi_backing *backing);
/* Whether a fork's child must not be without the lease that its parent had. */
bool lensi_trust_needs_lease(void);

#endif
