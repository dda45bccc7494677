/* trust.c - whether pages may come to depend on a backing; see trust.h. */
#include "liblens/engine/trust.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/engine/lease.h"
#include "liblens/view/copy.h"

#include <errno.h>

#define AGAIN_NS 1000000000u

static enum lensi_trust trust;

bool lensi_trust_needs_lease(void) { return trust != LENSI_TRUST_REPLACE; }

void lensi_trust_open(enum lensi_trust with)
{
    trust = with;
    lensi_lease_open(lensi_trust_needs_lease());
}

bool lensi_trust_refused(const struct lensi_backing *b)
{
    return b->kept_until_ns && lensi_sys_clock_ns() < b->kept_until_ns && !atomic_load(&b->leased) && !atomic_load(&b->copy_fd);
}

static const char *lease_problem(int error)
{
    switch (error) {
    case -EACCES: return "it belongs to another user";
    case -EAGAIN: return "somebody has it open for writing";
    case -EOPNOTSUPP: return "its file system gives no lease that all its writers heed";
    case -ESTALE: return "it has changed since it was opened";
    default: return "no lease is to be had";
    }
}

static const char *copy_problem(int error)
{
    switch (error) {
    case -EALREADY: return "only what the view store holds is given up";
    case -EFBIG: return "no private copy is allowed (--store, --store-limit), so what came from it stays in memory";
    case -ENOSPC: return "there is no space for a private copy, so what came from it stays in memory";
    case -ESTALE: return "what came from it stays in memory";
    default: return "a private copy failed, so what came from it stays in memory";
    }
}

/* What was refused may be granted later: its writer closes it, or space is made. */
static void keep(struct lensi_backing *b, int lease, int copy)
{
    if (!b->kept_until_ns)
        lensi_say("%s: %s: %s", b->path, lease_problem(lease), copy_problem(copy));
    b->kept_until_ns = lensi_sys_clock_ns() + AGAIN_NS;
    b->lease_tried = lease != -EAGAIN;
    if (lease == -ESTALE || copy == -ESTALE)
        b->kept_until_ns = UINT64_MAX;
}

enum lensi_footing lensi_trust_footing(struct lensi_backing *b, uint64_t worth_bytes)
{
    int lease = 0, copy;

    if (trust == LENSI_TRUST_REPLACE) {
        lensi_lease_take(b, NULL);
        return LENSI_FOOTING_FIRM;
    }
    if (atomic_load(&b->copy_fd) || atomic_load(&b->leased))
        return LENSI_FOOTING_FIRM;
    if (lensi_lease_take(b, &lease))
        return LENSI_FOOTING_ANEW;
    if (lensi_trust_refused(b))
        return LENSI_FOOTING_NONE;
    copy = lease == -ESTALE ? -ESTALE : lensi_copy_make(b, worth_bytes);
    if (copy < 0) {
        keep(b, lease, copy);
        return LENSI_FOOTING_NONE;
    }
    lensi_say("%s: %s: pages are made from a private copy of it", b->path, lease_problem(lease));
    return LENSI_FOOTING_ANEW;
}
