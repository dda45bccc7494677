/*
 * lazy.c - reads that are accounted for instead of copied; see lazy.h. Under the prover lock, as every proof.
 *
 * Why this is a proof. The bytes that the read would have brought are read here, from the same file at the same offset,
 * and their checksums are kept: what comes back is what the program was promised. A lease is held since before, so
 * nobody changes the file until dependent pages are real (or the user has promised that nobody does). Only memory that
 * has no frame is taken: there is nothing in it to lose. What is absent is as good: the read would write over all of
 * it. What was cleared, or proven, goes first. A thread that writes there during the read loses a race that it would
 * have lost to the kernel, too.
 */
#include "liblens/engine/lazy.h"

#include "liblens/base/checksum.h"
#include "liblens/base/stats.h"
#include "liblens/engine/engine.h"
#include "liblens/engine/lease.h"
#include "liblens/engine/prove.h"
#include "liblens/engine/prover.h"
#include "liblens/engine/recognise.h"
#include "liblens/engine/slowdown.h"
#include "liblens/engine/trust.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/source/align.h"
#include "liblens/source/extents.h"
#include "liblens/source/file_mapping.h"
#include "liblens/source/open_files.h"
#include "liblens/source/segment.h"

struct reading {
    struct lensi_region *region;
    struct lensi_backing *backing;
    struct lensi_workspace *workspace;
    uint32_t segment;
    uint64_t offset; /* of the file, at `page` */
    uint64_t page, end;
};

static uint64_t round_up(uint64_t address) { return (address + LENSI_PAGE - 1) & ~(uint64_t)(LENSI_PAGE - 1); }

/* The program's descriptor is of the file that the backing has, and that is as it was. */
static bool is_same_file(int fd, struct lensi_backing *backing)
{
    struct lensi_identity now;
    struct stat status;

    if (lensi_sys(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) < 0)
        return false;
    lensi_identity_of(&status, &now);
    return now.device == backing->identity.device && now.inode == backing->identity.inode && lensi_backing_check(backing) == 0;
}

/*
 * The segment of a lens that gives the file's own bytes, or -1. Where reads say what a block holds, every lens of the
 * site is offered this one, as any read.
 */
static int offer(struct reading *r, const struct lensi_plan_site *site, uint64_t start, uint64_t offset, uint64_t bytes)
{
    struct lensi_segment segment = {.start = start, .bytes = bytes, .view_offset = offset, .observed = true, .backing = r->backing};
    int number = -1;

    for (size_t i = 0; i < site->pipes_count; i++) {
        bool is_identity = lensi_pipe_is_identity(site->pipes[i]);
        int added;
        if (!is_identity && site->extent != LENSI_EXTENT_READ)
            continue;
        segment.pipe = site->pipes[i];
        added = lensi_segment_add(r->region, &segment);
        if (added >= 0 && number < 0 && is_identity)
            number = added;
    }
    return number;
}

/* How many pages from `page` on have no frame: nobody has touched them, or they are absent. */
static uint64_t count_empty(uint64_t page, uint64_t count)
{
    static uint8_t resident[LENSI_OUT_PAGES];
    uint64_t n = 0;

    if (lensi_sys_resident(lensi_page_address(page), count << LENSI_PAGE_SHIFT, resident) < 0)
        return 0;
    for (; n < count; n++) {
        enum lensi_page_state state = lensi_page_state(page + n);
        if (state != LENSI_ABSENT && (state != LENSI_PLAIN || resident[n] & 1))
            break;
    }
    return n;
}

/* How many pages from the reading's next one on are empty, or can be made so. */
static uint64_t empty_pages(const struct reading *r)
{
    uint64_t count = r->end - r->page < LENSI_OUT_PAGES ? r->end - r->page : LENSI_OUT_PAGES, n = count_empty(r->page, count);

    if (n == count)
        return n;
    lensi_prover_prove(r->region, r->page, count, r->workspace);
    lensi_budget_drop(r->page, count);
    return count_empty(r->page, count);
}

/* PLAIN or ABSENT -> BUSY unless pinned; bit i of *absent: it was absent. */
static bool begin(uint64_t page, uint64_t i, uint64_t *absent)
{
    if (lensi_page_begin(page + i))
        return true;
    if (!lensi_page_change(page + i, LENSI_ABSENT, LENSI_BUSY))
        return false;
    if (atomic_load(&lensi_chunk_of(page + i)->pins) == 0) {
        *absent |= 1ull << i;
        return true;
    }
    lensi_page_set(page + i, LENSI_ABSENT);
    return false;
}

/* Maps BUSY pages from the file itself, if that is allowed and all of them lie well. */
static bool map(struct reading *r, uint64_t count)
{
    struct lensi_segment *s = &r->region->segments[r->segment];
    uint64_t skip = 0;

    return lensi_file_mapping_span(r->region, s, r->page, count, &skip) == count && !skip &&
           lensi_file_mapping_map(r->region, s, r->page, count, r->workspace->out);
}

/* Makes `count` pages whose bytes are in the workspace absent. How many, from the first one on. */
static uint64_t take(struct reading *r, uint64_t count)
{
    uint8_t *at = lensi_page_address(r->page);
    uint64_t n = 0, absent = 0;
    bool gone;

    while (n < count && begin(r->page, n, &absent))
        n++;
    if (!n)
        return 0;
    lensi_region_note_armed(r->region, r->page, n);
    r->region->segments[r->segment].proven++; /* a view store may have its pages, too */
    if (map(r, n)) {
        lensi_uncount_site(r->region->site, absent_pages, __builtin_popcountll(absent));
        return n;
    }
    gone = lensi_backend->arm(at, n << LENSI_PAGE_SHIFT) == 0 && lensi_backend->drop(at, n << LENSI_PAGE_SHIFT) == 0;
    if (gone)
        lensi_count_site(r->region->site, absent_pages, n - (uint64_t)__builtin_popcountll(absent));
    for (uint64_t i = 0; i < n; i++) {
        if (gone) {
            lensi_pages.segment[r->page + i] = (uint8_t)r->segment;
            lensi_pages.checksum[r->page + i] = lensi_checksum(r->workspace->out + (i << LENSI_PAGE_SHIFT), LENSI_PAGE);
        }
        lensi_page_set(r->page + i, gone || absent >> i & 1 ? LENSI_ABSENT : LENSI_PLAIN);
    }
    return gone ? n : 0;
}

/* Page by page until something is in the way. */
static void read_pages(struct reading *r)
{
    for (uint64_t empty, taken; r->page < r->end && (empty = empty_pages(r)) > 0;) {
        uint64_t bytes = empty << LENSI_PAGE_SHIFT;
        if (lensi_backing_read(r->backing, r->offset, r->workspace->out, bytes) != (int64_t)bytes)
            return;
        taken = take(r, empty);
        lensi_count(lazy_pages, taken);
        r->page += taken;
        r->offset += taken << LENSI_PAGE_SHIFT;
        if (taken < empty)
            return;
    }
    lensi_stats_peak(&lensi_gauges.stats.absent_pages_peak, lensi_counted(absent_pages) + lensi_counted(mapped_now_pages));
}

/*
 * Only while what the program would read now is what comes back later: not on a copy of what the file was a while ago.
 */
static bool may_depend(const struct reading *r, uint64_t bytes)
{
    return lensi_lease_take(r->backing, NULL) || (!lensi_trust_needs_lease() && lensi_trust_footing(r->backing, bytes) != LENSI_FOOTING_NONE);
}

/* Under the prover lock. The whole pages of [low, high) within the block that the read goes to. */
static void read_range(struct reading *r, const struct lensi_plan_site *site, uint64_t low, uint64_t offset, uint64_t bytes)
{
    uint64_t first = lensi_region_first_page(r->region), high = low + bytes, block_end = (uint64_t)(uintptr_t)r->region->base + r->region->bytes;
    int number;

    high = high < block_end ? high : block_end;
    r->page = r->end = first + ((round_up(low) - (uint64_t)(uintptr_t)r->region->base) >> LENSI_PAGE_SHIFT);
    r->end += (high - round_up(low)) >> LENSI_PAGE_SHIFT;
    if (lensi_retired || high <= round_up(low) || high - round_up(low) < LENSI_LAZY_LEAST)
        return;
    r->workspace = lensi_workspace_claim();
    if (!empty_pages(r) || !may_depend(r, bytes))
        return;
    lensi_align_learn(r->region, low - (uint64_t)(uintptr_t)r->region->base, offset);
    number = offer(r, site, low - (uint64_t)(uintptr_t)r->region->base, offset, bytes);
    if (number < 0 || !lensi_segment_open(r->region, &r->region->segments[number]))
        return;
    r->segment = (uint32_t)number;
    lensi_prove_let_grow(r->region, r->segment);
    r->offset = offset + (round_up(low) - low);
    read_pages(r);
}

/*
 * The site that `at` belongs to, if the budget has no room for the read and a lens of the site gives the file's own
 * bytes.
 */
static const struct lensi_plan_site *site_of(const struct lensi_region *region, uint64_t bytes)
{
    const struct lensi_plan *plan = lensi_plan_in_force();
    const struct lensi_plan_site *site = region && plan && !region->library ? &plan->sites[region->site] : NULL;

    if (!site || site->snapshot || region->packed || bytes < LENSI_LAZY_LEAST ||
        lensi_budget_in_use() + (bytes >> LENSI_PAGE_SHIFT) <= lensi_budget_pages())
        return NULL;
    return lensi_site_has_identity(site) ? site : NULL;
}

bool lensi_read_wants_pieces(const void *at, uint64_t bytes)
{
    const struct lensi_region *region = lensi_region_of(at);
    const struct lensi_plan *plan = lensi_plan_in_force();

    return region && plan && !lensi_retired && !region->library && !plan->sites[region->site].snapshot &&
           lensi_budget_in_use() + (bytes >> LENSI_PAGE_SHIFT) > lensi_budget_pages();
}

struct lensi_lazy lensi_file_read_lazily(int fd, uint64_t offset, void *at, uint64_t bytes)
{
    struct reading r = {.region = lensi_region_of(at)};
    const struct lensi_plan_site *site = site_of(r.region, bytes);
    uint64_t low = (uint64_t)(uintptr_t)at, from = round_up(low) - low, before;

    if (!site || !lensi_recognise_clear())
        return (struct lensi_lazy){0, 0};
    before = lensi_sys_signals_hold(); /* read(2) may be called in signal handlers */
    lensi_prover_start();
    r.backing = lensi_open_file_of_fd(fd);
    if (r.backing && lensi_site_takes(site, r.backing->path) && lensi_work_thread() && is_same_file(fd, r.backing)) {
        lensi_slowdown_lock(&lensi_prover_lock);
        read_range(&r, site, low, offset, bytes);
        if (r.workspace)
            lensi_workspace_release(r.workspace);
        lensi_unlock(&lensi_prover_lock);
    }
    lensi_backing_close(r.backing);
    lensi_sys_signals_release(before);
    if (!r.workspace || (uint64_t)(uintptr_t)lensi_page_address(r.page) <= low + from)
        return (struct lensi_lazy){0, 0};
    return (struct lensi_lazy){from, (uint64_t)(uintptr_t)lensi_page_address(r.page) - low};
}
