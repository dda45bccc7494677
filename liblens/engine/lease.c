/*
 * lease.c - leases on backings, and what is done when one breaks; see lease.h. The prover calls this, and who holds its
 * lock.
 */
#include "liblens/engine/lease.h"

#include "liblens/base/checksum.h"
#include "liblens/base/helper.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/base/work.h"
#include "liblens/engine/page_in.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/source/file_mapping.h"
#include "liblens/source/images.h"
#include "liblens/source/segment.h"
#include "liblens/source/source.h"
#include "liblens/view/copy.h"

#include <errno.h>
#include <sys/statfs.h>

/* A real-time signal, blocked in the prover, which alone gets it. */
#define BREAK_SIGNAL 62
#define STRIPE_PAGES 1024u /* of a large region, for one thread at a time: lenses begin at a checkpoint */
#define PATIENCE_NS 40000000000u /* the kernel itself waits for 45 s */

/*
 * Of these it is known that a lease is broken by all who can write a file. Elsewhere the kernel may grant one that only
 * this machine's writers heed: NFS without delegations, SMB, FUSE, 9p, cluster file systems.
 */
static bool is_lease_heeded(int fd)
{
    static const uint32_t good[] = {0xef53 /* ext */,      0x58465342 /* xfs */,  0x9123683e /* btrfs */,    0x01021994 /* tmpfs */,
                                    0xf2f52010 /* f2fs */, 0x2fc12fc1 /* zfs */,  0xca451a4e /* bcachefs */, 0x794c7630 /* overlay */,
                                    0x858458f6 /* ramfs */, 0x3153464a /* jfs */, 0x73717368 /* squashfs */, 0xe0f5e1e2 /* erofs */,
                                    0x4d44 /* fat */,      0x2011bab0 /* exfat */, 0x9660 /* iso */,         0x7366746e /* ntfs3 */};
    struct statfs status;

    if (lensi_sys(SYS_fstatfs, fd, (long)&status, 0, 0, 0, 0) < 0)
        return false;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if ((uint32_t)status.f_type == good[i])
            return true;
    return false;
}

/* Lets writers in. 0, or < 0 if there was no lease any more. */
static int release(struct lensi_backing *backing)
{
    int result = (int)lensi_sys(SYS_fcntl, backing->fd, F_SETLEASE, F_UNLCK, 0, 0, 0);

    if (result < 0) /* whatever the reason: with its open file a lease ends, and nobody waits for nothing */
        lensi_backing_reopen(backing);
    return result;
}

static void end_one(void *nothing, struct lensi_backing *backing)
{
    (void)nothing;
    if (backing->leased)
        release(backing);
    backing->leased = false;
}

static bool children_need_lease;

void lensi_lease_open(bool with) { children_need_lease = with; }

void lensi_lease_end(void) { lensi_backing_each(end_one, NULL); }

bool lensi_lease_take(struct lensi_backing *backing, int *error)
{
    struct { int type; int pid; } owner = {0 /* F_OWNER_TID */, lensi_work_thread()};
    long result = 0;

    if (backing->lease_tried) {
        if (error)
            *error = backing->lease_error;
        return backing->leased;
    }
    backing->lease_tried = true;
    result = is_lease_heeded(backing->fd) ? 0 : -EOPNOTSUPP;
    if (result == 0)
        result = lensi_sys(SYS_fcntl, backing->fd, F_SETSIG, BREAK_SIGNAL, 0, 0, 0);
    if (result == 0)
        result = lensi_sys(SYS_fcntl, backing->fd, F_SETOWN_EX, (long)&owner, 0, 0, 0);
    if (result == 0)
        result = lensi_sys(SYS_fcntl, backing->fd, F_SETLEASE, F_RDLCK, 0, 0, 0);
    if (result == 0) {
        /* F_SETLEASE makes the caller's process the owner: the thread again. */
        result = lensi_sys(SYS_fcntl, backing->fd, F_SETOWN_EX, (long)&owner, 0, 0, 0);
        if (result == 0 && lensi_backing_check(backing) < 0)
            result = -ESTALE;
        if (result < 0)
            release(backing);
    }
    backing->lease_owner = owner.pid;
    backing->lease_fd = backing->fd;
    backing->lease_error = (int)result;
    backing->leased = result == 0;
    if (error)
        *error = (int)result;
    return backing->leased;
}

/* ---- making real */

static bool depends(const struct lensi_region *r, uint64_t page, const struct lensi_backing *backing)
{
    enum lensi_page_state state = lensi_page_state(page);

    if (state != LENSI_ABSENT && state != LENSI_PROVEN && state != LENSI_BUSY)
        return false;
    return r->segments[lensi_pages.segment[page]].backing == backing &&
           !(state == LENSI_ABSENT && lensi_images_hold(r, &r->segments[lensi_pages.segment[page]], page, 1, NULL));
}

/* Brings an absent run back as ordinary memory. How many pages went by; -errno if their bytes cannot be had. */
static int64_t real_run(struct lensi_region *r, uint64_t page, uint64_t most, struct lensi_workspace *w)
{
    uint32_t segment = lensi_pages.segment[page];
    uint64_t n = 0;
    int result;

    while (n < most && (n == 0 || lensi_pages.segment[page + n] == segment) && lensi_page_change(page + n, LENSI_ABSENT, LENSI_BUSY))
        n++;
    if (!n)
        return 0;
    result = lensi_source_expect(r, segment, page, n, w, w->out, false);
    for (uint64_t i = 0; result == 0 && i < n; i++)
        if (lensi_pages.checksum[page + i] && lensi_checksum(w->out + i * LENSI_PAGE, LENSI_PAGE) != lensi_pages.checksum[page + i])
            result = -ESTALE;
    if (result == 0)
        result = lensi_place(lensi_page_address(page), w->out, n << LENSI_PAGE_SHIFT, false);
    for (uint64_t i = 0; i < n; i++)
        lensi_page_set(page + i, result == 0 ? LENSI_PLAIN : LENSI_ABSENT);
    if (result < 0)
        return result;
    lensi_uncount_site(r->site, absent_pages, n);
    lensi_region_plain(r, (int64_t)n);
    return (int64_t)n;
}

static void real_page(struct lensi_region *r, uint64_t page)
{
    if (!lensi_page_change(page, LENSI_PROVEN, LENSI_LEAVING))
        return;
    lensi_budget_remove(page);
    lensi_backend->unprotect(lensi_page_address(page), LENSI_PAGE);
    lensi_page_set(page, LENSI_PLAIN);
    lensi_region_plain(r, 1);
}

static int real_pages(struct lensi_region *r, uint64_t page, uint64_t end, const struct lensi_backing *backing, struct lensi_workspace *w)
{
    int64_t done;

    while (page < end) {
        if (!depends(r, page, backing)) {
            page++;
            continue;
        }
        real_page(r, page);
        done = real_run(r, page, end - page < LENSI_OUT_PAGES ? end - page : LENSI_OUT_PAGES, w);
        if (done < 0)
            return (int)done;
        if (done == 0 && lensi_page_state(page) == LENSI_BUSY)
            lensi_sys_yield(); /* somebody brings it back right now: look again */
        page += (uint64_t)done;
    }
    return 0;
}

/* A region that several threads make real, stripe by stripe: its writer waits. */
struct stripes {
    struct lensi_region *region;
    const struct lensi_backing *backing;
    _Atomic uint64_t next; /* page that nobody has begun with */
    uint64_t end;
    _Atomic int result;
};

static void real_stripes(void *of)
{
    struct stripes *s = of;
    struct lensi_workspace *w = lensi_workspace_claim();
    uint64_t page;

    while ((page = atomic_fetch_add(&s->next, STRIPE_PAGES)) < s->end) {
        uint64_t end = s->end - page < STRIPE_PAGES ? s->end : page + STRIPE_PAGES;
        if (real_pages(s->region, page, end, s->backing, w) < 0)
            atomic_store(&s->result, -ESTALE);
    }
    lensi_workspace_release(w);
}

static int real_region(struct lensi_region *r, const struct lensi_backing *backing, struct lensi_workspace *w)
{
    uint64_t page = lensi_region_first_page(r), end = page + lensi_region_pages(r);
    struct stripes stripes = {.region = r, .backing = backing, .next = page, .end = end};

    lensi_file_mapping_make_real(r, page, end, backing);
    if (end - page < 2 * STRIPE_PAGES)
        return real_pages(r, page, end, backing, w);
    lensi_helper_together(real_stripes, &stripes);
    return atomic_load(&stripes.result);
}

int lensi_lease_make_real(struct lensi_backing *backing, struct lensi_workspace *w)
{
    int result = 0;

    for (uint32_t i = 0; i < lensi_regions_high(); i++) {
        struct lensi_region *r = lensi_region_at(i);
        bool any = false;
        if (atomic_load(&r->life) != LENSI_REGION_LIVE)
            continue;
        for (uint32_t k = 0; k < r->segments_count; k++)
            if (r->segments[k].backing == backing)
                any = r->segments[k].failed = true; /* nothing is proven with it from here on */
        if (any && real_region(r, backing, w) < 0)
            result = -ESTALE;
    }
    atomic_store(&backing->changed, true);
    return result;
}

/* ---- hearing of it */

struct find {
    int fd;
    struct lensi_backing *found;
};

static void match(void *context, struct lensi_backing *backing)
{
    struct find *find = context;

    if (backing->fd == find->fd || (backing->leased && backing->lease_fd == find->fd))
        find->found = backing;
}

/* How much memory hangs on the backing. */
static uint64_t dependent_bytes(const struct lensi_backing *backing)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < lensi_regions_high(); i++) {
        const struct lensi_region *r = lensi_region_at(i);
        for (uint32_t k = 0; atomic_load(&r->life) == LENSI_REGION_LIVE && k < r->segments_count; k++)
            if (r->segments[k].backing == backing) {
                bytes += atomic_load(&r->bytes);
                break;
            }
    }
    return bytes;
}

/* The writer waits meanwhile, so a copy has the very bytes. It spares the memory that making all real would take. */
static bool copy_instead(struct lensi_backing *backing)
{
    if (lensi_copy_make(backing, dependent_bytes(backing)) < 0)
        return false;
    lensi_file_mapping_make_all_real(backing);
    return true;
}

static void let_go(struct lensi_backing *backing, struct lensi_workspace *w)
{
    bool copied = copy_instead(backing);

    if (!copied && lensi_lease_make_real(backing, w) < 0)
        lensi_warn("%s is about to change, and some memory that came from it could not be made real in time", backing->path);
    backing->leased = false;
    /* After fs.lease-break-time the kernel lets writers in without us: this process was stopped meanwhile, say. */
    if (release(backing) < 0 && backing->direct && !lensi_backing_is_as_opened(backing))
        lensi_stop("%s was written before the memory that is mapped from it could be copied (this process was stopped for longer than "
                   "fs.lease-break-time); run with --store none", backing->path);
    backing->direct = false;
    lensi_say("%s is about to be written by somebody: %s", backing->path,
              copied ? "pages are made from a private copy of it" : "the memory that came from it is ordinary memory again");
}

/* A signal may tell of a descriptor that has become another backing's. */
static bool is_breaking(const struct lensi_backing *backing)
{
    return lensi_sys(SYS_fcntl, backing->fd, F_GETLEASE, 0, 0, 0, 0) != F_RDLCK;
}

/* ---- a writer that does not wait */

static void find_breaking(void *context, struct lensi_backing *backing)
{
    if (atomic_load(&backing->leased) && is_breaking(backing))
        *(struct lensi_backing **)context = backing;
}

bool lensi_writers_wait(void)
{
    uint64_t before = lensi_sys_signals_hold(), until = lensi_sys_clock_ns() + PATIENCE_NS;
    struct lensi_backing *found = NULL;
    bool any = false;

    lensi_backing_each(find_breaking, &found);
    for (unsigned i = 0; found && lensi_sys_clock_ns() < until; i++) {
        any = true;
        lensi_work_ring(false);
        lensi_wait_a_little(i);
        found = NULL;
        lensi_backing_each(find_breaking, &found);
    }
    lensi_sys_signals_release(before);
    return any && !found;
}

struct adopt {
    int owner;
    struct lensi_backing *pending; /* a writer came before there was anybody to hear of him */
};

/* What the fork left to its child: leases that tell nobody yet, and such as have to be taken anew. */
static void adopt(void *context, struct lensi_backing *backing)
{
    struct adopt *to = context;
    struct { int type; int pid; } owner = {0 /* F_OWNER_TID */, to->owner};

    if (backing->lease_again) {
        backing->lease_again = false;
        lensi_lease_take(backing, NULL);
    }
    if (!backing->leased || backing->lease_owner == to->owner)
        return;
    backing->lease_owner = to->owner;
    lensi_sys(SYS_fcntl, backing->fd, F_SETOWN_EX, (long)&owner, 0, 0, 0);
    if (!is_breaking(backing))
        return;
    to->pending = backing;
    backing->lease_owner = 0; /* looked at again, should there be another */
}

static void adopt_all(struct lensi_workspace *w)
{
    struct adopt to = {.owner = lensi_sys_thread_id()};

    do {
        to.pending = NULL;
        lensi_backing_each(adopt, &to);
        if (to.pending)
            let_go(to.pending, w);
    } while (to.pending);
}

void lensi_lease_listen(struct lensi_workspace *w)
{
    uint64_t set = 1ull << (BREAK_SIGNAL - 1);
    struct timespec none = {0, 0};
    siginfo_t info;

    adopt_all(w);
    while (lensi_sys(SYS_rt_sigtimedwait, (long)&set, (long)&info, (long)&none, sizeof set, 0, 0) == BREAK_SIGNAL) {
        struct find find = {.fd = info.si_fd};
        lensi_backing_each(match, &find);
        if (find.found && find.found->leased && is_breaking(find.found))
            let_go(find.found, w);
    }
}

/* ---- fork: a lease belongs to the open file, so the child gets one that is leased already */

/* What must not be without one for a moment: mapped pages, and all others unless files are only replaced. */
static bool needs_lease(const struct lensi_backing *backing)
{
    return backing->direct || (backing->leased && children_need_lease);
}

static void prepare(void *nothing, struct lensi_backing *backing)
{
    struct { int type; int pid; } owner = {0 /* F_OWNER_TID */, backing->lease_owner};
    char link[40];
    int low, high;

    (void)nothing;
    if (!needs_lease(backing) || !backing->leased || !backing->lease_owner)
        return;
    lensi_format(link, sizeof link, "/proc/self/fd/%d", backing->fd);
    low = lensi_sys_open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    high = low < 0 ? low : lensi_sys_dup_high(low);
    if (low >= 0)
        lensi_sys_close(low);
    if (high < 0)
        return;
    /* The owner first: without one the lease would tell the process, by a signal that ends it. */
    if (lensi_sys(SYS_fcntl, high, F_SETSIG, BREAK_SIGNAL, 0, 0, 0) < 0 || lensi_sys(SYS_fcntl, high, F_SETOWN_EX, (long)&owner, 0, 0, 0) < 0 ||
        lensi_sys(SYS_fcntl, high, F_SETLEASE, F_RDLCK, 0, 0, 0) < 0)
        lensi_sys_close(high);
    else
        backing->fork_fd = high;
}

static void find_unprepared(void *context, struct lensi_backing *backing)
{
    if (needs_lease(backing) && !backing->fork_fd && !atomic_load(&backing->changed))
        *(struct lensi_backing **)context = backing;
}

/* The child must not depend on it; the parent hears of its writer as ever. */
static void let_go_of_fork(struct lensi_backing *backing)
{
    struct lensi_workspace *w;

    lensi_file_mapping_make_all_real(backing);
    backing->direct = false;
    if (!needs_lease(backing))
        return;
    w = lensi_workspace_claim();
    let_go(backing, w);
    lensi_workspace_release(w);
}

void lensi_lease_before_fork(void)
{
    struct lensi_backing *left;

    lensi_backing_each(prepare, NULL);
    do { /* a writer waits already, or we are out of descriptors: the child must not depend on it */
        left = NULL;
        lensi_backing_each(find_unprepared, &left);
        if (left)
            let_go_of_fork(left);
    } while (left);
}

static void forked(void *nothing, struct lensi_backing *backing)
{
    (void)nothing;
    if (backing->fork_fd)
        lensi_sys_close(backing->fork_fd);
    backing->fork_fd = 0;
}

void lensi_lease_forked(void) { lensi_backing_each(forked, NULL); }

static void forget(void *context, struct lensi_backing *backing)
{
    bool leased = backing->leased;

    *(bool *)context |= leased;
    backing->lease_again = leased && !backing->fork_fd;
    backing->leased = leased && backing->fork_fd;
    backing->lease_tried = backing->leased;
    backing->lease_owner = 0;
    if (backing->fork_fd) {
        lensi_sys(SYS_dup3, backing->fork_fd, backing->fd, O_CLOEXEC, 0, 0, 0);
        lensi_sys_close(backing->fork_fd);
        backing->lease_fd = backing->fork_fd;
        backing->fork_fd = 0;
    } else if (leased) {
        lensi_backing_reopen(backing);
    }
}

bool lensi_lease_after_fork(void)
{
    bool any = false;

    lensi_backing_each(forget, &any);
    return any;
}
