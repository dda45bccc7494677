/*
 * prove.c - proof before drop; see prove.h.
 *
 * Order of events for a page, and why no write can slip in:
 *   PLAIN -> BUSY         who wants it for the kernel waits: protection must not come after his look at the state
 *   write-protect         after this call every write is a fault
 *   BUSY -> PROVING       from here on a fault on the page takes it back to PLAIN
 *   compare               with the view, byte for byte
 *   PROVING -> PROVEN     fails if a writer took the page back meanwhile: then nothing was claimed
 * A page that is mapped instead goes PROVING -> BUSY (a writer waits), is mapped, and is MAPPED: the writer then
 * writes to a private copy, which is the kernel's work.
 */
#include "liblens/engine/prove.h"

#include "liblens/base/checksum.h"
#include "liblens/base/hooks.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/engine/fault.h"
#include "liblens/engine/lease.h"
#include "liblens/engine/outcome.h"
#include "liblens/engine/recognise.h"
#include "liblens/engine/throttle.h"
#include "liblens/engine/trial.h"
#include "liblens/engine/trust.h"
#include "liblens/engine/zeros.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/memory/lift.h"
#include "liblens/source/extents.h"
#include "liblens/source/file_mapping.h"
#include "liblens/source/images.h"
#include "liblens/source/snapshot.h"
#include "liblens/source/source.h"

#include <errno.h>
#include <string.h>

#define PATIENT_ATTEMPTS 3
#define SAMPLE_PAGES 2u
#define QUICK_BYTES (16u << 20) /* read in a few milliseconds */

static const struct lensi_pipe *elected_pipe[LENSI_PLAN_SITES_MAX];

struct batch {
    struct lensi_region *region;
    struct lensi_workspace *workspace;
    uint64_t page, count;
    uint64_t made_ns; /* what making `out` took */
    bool patient;
    bool leased; /* since before `out` was made: the backing still holds these bytes */
    bool firm;   /* pages may depend on the backing; else only on an image */
    uint8_t equal[LENSI_OUT_PAGES];
};

static const uint8_t *expected(const struct batch *b, uint64_t i) { return b->workspace->out + (i << LENSI_PAGE_SHIFT); }

static bool same(const struct batch *b, uint64_t i)
{
    return memcmp(lensi_page_address(b->page + i), expected(b, i), LENSI_PAGE) == 0;
}

/* ---- making what is expected */

/* A lens that does not make the same bytes twice must not be relied on: looked at once per view, cut differently. */
static bool is_repeatable(struct batch *b, struct lensi_segment *s)
{
    uint64_t sum = lensi_checksum(b->workspace->out, b->count << LENSI_PAGE_SHIFT), again = 0;
    uint64_t half = b->count / 2;
    uint32_t number = (uint32_t)(s - b->region->segments);
    int result;

    lensi_workspace_trim(b->workspace);
    result = lensi_source_expect(b->region, number, b->page + half, b->count - half, b->workspace,
                                 b->workspace->out + (half << LENSI_PAGE_SHIFT), true);
    if (result == 0 && half)
        result = lensi_source_expect(b->region, number, b->page, half, b->workspace, b->workspace->out, true);
    if (result == 0)
        again = lensi_checksum(b->workspace->out, b->count << LENSI_PAGE_SHIFT);
    return result == 0 && sum == again;
}

static bool make_expected(struct batch *b, uint32_t number)
{
    struct lensi_segment *s = &b->region->segments[number];
    uint64_t start = lensi_sys_clock_ns();
    bool opened;
    int result;

    if (s->snapshot) { /* compared again under protection, as everything that was made before it */
        lensi_snapshot_look(b->page, b->count, b->workspace->out);
        b->made_ns = 0;
        return true;
    }
    lensi_throttle_opening(true);
    opened = lensi_segment_open(b->region, s);
    lensi_throttle_opening(false);
    if (!opened || atomic_load(&s->view->broken))
        return false;
    b->leased = atomic_load(&s->backing->leased);
    if (lensi_images_read(b->region, s, b->page, b->count, b->workspace->out)) {
        b->made_ns = 0;
        return true;
    }
    result = lensi_source_expect(b->region, number, b->page, b->count, b->workspace, b->workspace->out, true);
    b->made_ns = lensi_sys_clock_ns() - start;
    if (result == -EPROTO)
        lensi_segment_quarantine(b->region, s, "returned more than it was asked for, or lost its place");
    else if (result < 0)
        s->failed = true;
    return result == 0;
}

/* ---- the proof */

/* Marks the pages that look equal now, without protection: a hint that spares pointless protecting. */
static uint64_t guess(struct batch *b)
{
    uint64_t hits = 0;

    for (uint64_t i = 0; i < b->count; i++) {
        b->equal[i] = lensi_page_state(b->page + i) == LENSI_PLAIN && same(b, i);
        hits += b->equal[i];
    }
    return hits;
}

/* Write-protects pages that have begun: BUSY -> PROVING. */
static int protect(uint64_t first, uint64_t count)
{
    uint8_t *at = lensi_page_address(first);
    int result = lensi_backend->arm(at, count << LENSI_PAGE_SHIFT);

    if (result == 0)
        result = lensi_backend->protect(at, count << LENSI_PAGE_SHIFT);
    for (uint64_t page = first; page < first + count; page++)
        lensi_page_set(page, LENSI_PROVING);
    return result;
}

static void undo(uint64_t page)
{
    if (!lensi_page_change(page, LENSI_PROVING, LENSI_LEAVING))
        return;
    lensi_backend->unprotect(lensi_page_address(page), LENSI_PAGE);
    lensi_page_set(page, LENSI_PLAIN);
}

/* The run was compared equal under protection; each page that nobody has written since is proven. */
static uint64_t claim(struct batch *b, uint64_t first, uint64_t count, uint32_t number)
{
    uint64_t proven = 0;

    for (uint64_t i = first; i < first + count; i++) {
        uint64_t page = b->page + i;
        lensi_pages.segment[page] = (uint8_t)number;
        lensi_pages.checksum[page] = b->region->segments[number].zeros ? lensi_zeros_checksum() : lensi_checksum(expected(b, i), LENSI_PAGE);
        lensi_lift_note(page);
        if (lensi_page_change(page, LENSI_PROVING, LENSI_PROVEN)) {
            lensi_budget_insert(page, 1, -1);
            proven++;
        }
    }
    return proven;
}

/* PROVING -> BUSY for a whole run, or not at all. */
static bool hold(uint64_t page, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (!lensi_page_change(page + i, LENSI_PROVING, LENSI_BUSY)) {
            while (i-- > 0)
                lensi_page_set(page + i, LENSI_PROVING);
            return false;
        }
    return true;
}

static void let_be(uint64_t page, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        lensi_page_set(page + i, LENSI_PROVING);
}

/* A held run is ordinary memory again. */
static void give_back(uint64_t page, uint64_t count)
{
    lensi_pages_forget(page, count);
    lensi_backend->unprotect(lensi_page_address(page), count << LENSI_PAGE_SHIFT);
    for (uint64_t i = 0; i < count; i++)
        lensi_page_set(page + i, LENSI_PLAIN);
}

enum replaced { NOT_REPLACED, REPLACED, NOT_EQUAL };
enum by { BY_SNAPSHOT, BY_FILE, BY_IMAGE };

/*
 * Replaces a run by a mapping, if no write slipped in behind the protection. NOT_REPLACED: the run is PROVING, as it
 * was. NOT_EQUAL: it is ordinary memory.
 */
static enum replaced replace(struct batch *b, struct lensi_segment *s, uint64_t first, uint64_t count, enum by by)
{
    uint64_t page = b->page + first;
    bool mapped;

    if (!hold(page, count))
        return NOT_REPLACED;
    if (!lensi_lift(page, count, expected(b, first))) {
        give_back(page, count);
        return NOT_EQUAL;
    }
    mapped = by == BY_SNAPSHOT ? lensi_snapshot_map(s, b->region, page, count)
             : by == BY_FILE   ? lensi_file_mapping_map(b->region, s, page, count, expected(b, first))
                               : lensi_images_map(b->region, s, page, count);
    lensi_lift_end(page, count, !mapped);
    if (mapped)
        return REPLACED;
    if (lensi_lifts()) { /* writable for a moment: to be proven anew */
        give_back(page, count);
        return NOT_EQUAL;
    }
    let_be(page, count);
    return NOT_REPLACED;
}

/*
 * The run is proven: it is mapped from the backing or from an image, else it stays as it is, claimed. How many pages.
 */
static uint64_t give_up(struct batch *b, uint64_t first, uint64_t count, uint32_t number)
{
    struct lensi_segment *s = &b->region->segments[number];
    uint64_t skip, n = b->leased ? lensi_file_mapping_span(b->region, s, b->page + first, count, &skip) : 0;
    enum replaced done = NOT_REPLACED;

    if (s->snapshot && lensi_hooks.maps && lensi_hooks.maps())
        done = replace(b, s, first, count, BY_SNAPSHOT);
    if (n && done == NOT_REPLACED && (done = replace(b, s, first + skip, n, BY_FILE)) != NOT_REPLACED) {
        uint64_t behind = first + skip + n;
        return (done == REPLACED ? n : 0) + claim(b, first, skip, number) + claim(b, behind, first + count - behind, number);
    }
    if (done == NOT_REPLACED && lensi_images_take(b->region, s, b->page + first, count, expected(b, first)))
        done = replace(b, s, first, count, BY_IMAGE);
    if (done != NOT_REPLACED)
        return done == REPLACED ? count : 0;
    if (b->firm || lensi_images_hold(b->region, s, b->page + first, count, expected(b, first)))
        return claim(b, first, count, number);
    for (uint64_t i = first; i < first + count; i++)
        undo(b->page + i);
    return 0;
}

/* Protects, compares and claims one run of pages that looked equal. */
static uint64_t prove_run(struct batch *b, uint64_t first, uint64_t count, uint32_t number)
{
    const struct lensi_segment *s = &b->region->segments[number];
    uint64_t begun = 0, equal = 0, proven;

    b->region->touched_by_us = true; /* before anything is watched */
    while (begun < count && lensi_page_begin(b->page + first + begun))
        begun++;
    if (begun && protect(b->page + first, begun) == 0)
        while (equal < begun && same(b, first + equal))
            equal++;
    if (equal && s->snapshot && lensi_snapshot_take(b->page + first, equal, expected(b, first)) < 0)
        equal = 0;
    for (uint64_t i = equal; i < begun; i++) {
        undo(b->page + first + i);
        b->equal[first + i] = 0;
    }
    for (uint64_t i = begun; i < count; i++)
        b->equal[first + i] = 0;
    if (!equal)
        return 0;
    proven = give_up(b, first, equal, number);
    lensi_count(proven_pages, proven);
    lensi_region_plain(b->region, -(int64_t)proven);
    return proven;
}

/* There is something to win: on what may it rest? False: on nothing now. */
static bool may_depend(struct batch *b, struct lensi_segment *s)
{
    enum lensi_footing footing = s->snapshot ? LENSI_FOOTING_FIRM : lensi_trust_footing(s->backing, atomic_load(&b->region->bytes));

    if (footing == LENSI_FOOTING_ANEW) { /* what was made of it before does not count */
        lensi_workspace_trim(b->workspace);
        footing = make_expected(b, (uint32_t)(s - b->region->segments)) && guess(b) ? LENSI_FOOTING_FIRM : LENSI_FOOTING_NONE;
    }
    b->firm = footing == LENSI_FOOTING_FIRM;
    return b->firm || (footing == LENSI_FOOTING_NONE && lensi_images_wanted(b->region, s));
}

/* Zeros are what untouched memory holds: to be equal to them says nothing for a lens. */
static bool shows_something(const struct batch *b)
{
    for (uint64_t i = 0; i < b->count; i++)
        if (b->equal[i] && !lensi_is_zero_page(expected(b, i)))
            return true;
    return false;
}

static uint64_t first_difference(const struct batch *b)
{
    const uint8_t *is = lensi_page_address(b->page), *wanted = expected(b, 0);
    uint64_t i = 0;

    while (i < LENSI_PAGE - 1 && is[i] == wanted[i])
        i++;
    return i;
}

/* The first ordinary page that lies in the segment as a whole; b->count: none. */
static uint64_t first_within(const struct batch *b, const struct lensi_segment *s)
{
    uint64_t low = (b->page - lensi_region_first_page(b->region)) << LENSI_PAGE_SHIFT, i = 0;

    while (i < b->count && (low + (i << LENSI_PAGE_SHIFT) < s->start || lensi_page_state(b->page + i) != LENSI_PLAIN))
        i++;
    return i;
}

/* A segment that has proven nothing yet is asked for a page or two first: if these differ, no more is made. */
static bool sample_differs(struct batch *b, uint32_t number)
{
    const struct lensi_segment *s = &b->region->segments[number];
    uint64_t page = b->page, count = b->count, skip;
    bool differs;

    if (s->proven || s->snapshot || count <= SAMPLE_PAGES || (skip = first_within(b, s)) == count)
        return false;
    b->page += skip;
    b->count = count - skip < SAMPLE_PAGES ? count - skip : SAMPLE_PAGES;
    differs = !make_expected(b, number) || !guess(b);
    if (differs && !s->failed)
        lensi_outcome_refuted(b->region, s, ((b->page - lensi_region_first_page(b->region)) << LENSI_PAGE_SHIFT) + first_difference(b) - b->region->start.lead);
    b->page = page;
    b->count = count;
    return differs;
}

/* Proves all runs that looked equal. */
static uint64_t prove_equal(struct batch *b, uint32_t number)
{
    uint64_t proven = 0;

    lensi_region_note_armed(b->region, b->page, b->count);
    for (uint64_t i = 0, run; i < b->count; i += run ? run : 1) {
        for (run = 0; i + run < b->count && b->equal[i + run]; run++)
            ;
        if (run)
            proven += prove_run(b, i, run, number);
    }
    if (proven) {
        lensi_throttle_proven(b->region, proven);
        lensi_throttle_put_up(b->region);
    }
    return proven;
}

/* All of such a region is in its snapshot. */
static bool takes_snapshots(const struct lensi_region *region)
{
    const struct lensi_plan *plan = lensi_plan_in_force();

    return region->library || (plan && plan->sites[region->site].snapshot);
}

/* Where frames cannot be moved, protection keeps writers off as in any proof. */
static uint64_t drop_zeros(struct batch *b, uint64_t first, uint64_t count, uint32_t number)
{
    uint64_t proven = prove_run(b, first, count, number);

    for (uint64_t i = first, run; i < first + count; i += run ? run : 1) {
        for (run = 0; i + run < first + count && b->equal[i + run]; run++)
            ;
        lensi_budget_drop(b->page + i, run);
    }
    return proven;
}

/*
 * What is zero needs nothing to come back from. It is looked for first, so that no page of zeros comes to depend on a
 * file, and goes at once: it is read by nobody before something else is written there.
 */
static uint64_t prove_zeros(struct batch *b)
{
    uint8_t resident[LENSI_OUT_PAGES];
    uint64_t hits = 0, proven = 0;
    int number;

    if (lensi_sys_resident(lensi_page_address(b->page), b->count << LENSI_PAGE_SHIFT, resident) < 0)
        return 0;
    for (uint64_t i = 0; i < b->count; i++) {
        b->equal[i] = resident[i] & 1 && lensi_page_state(b->page + i) == LENSI_PLAIN &&
                      !(atomic_load(&lensi_chunk_of(b->page + i)->pins) & LENSI_PINS_FOREVER) && lensi_is_zero_page(lensi_page_address(b->page + i));
        hits += b->equal[i];
    }
    if (!hits || (number = lensi_zeros_segment(b->region)) < 0) {
        b->region->zeros_left -= b->region->zeros_left > 0;
        return 0;
    }
    b->region->zeros_left = LENSI_ZEROS_TRIES;
    b->firm = true;
    b->leased = false;
    if (!lensi_lifts())
        memset(b->workspace->out, 0, b->count << LENSI_PAGE_SHIFT);
    lensi_region_note_armed(b->region, b->page, b->count);
    for (uint64_t i = 0, run; i < b->count; i += run ? run : 1) {
        for (run = 0; i + run < b->count && b->equal[i + run]; run++)
            ;
        if (run && lensi_lifts()) {
            uint64_t gone = lensi_zeros_lift(b->region, b->page + i, run, (uint32_t)number);
            lensi_count(proven_pages, gone);
            proven += gone;
        } else if (run) {
            proven += drop_zeros(b, i, run, (uint32_t)number);
        }
    }
    lensi_count(zero_pages, proven);
    if (proven) {
        lensi_throttle_proven(b->region, proven);
        lensi_throttle_put_up(b->region);
    }
    return proven;
}

uint64_t lensi_prove_zeros(struct lensi_region *region, uint64_t page, uint64_t count)
{
    struct batch b = {.region = region, .page = page, .count = count};

    return lensi_lifts() && region->zeros_left && !takes_snapshots(region) ? prove_zeros(&b) : 0;
}

static uint64_t prove_with(struct batch *b, uint32_t number)
{
    struct lensi_segment *s = &b->region->segments[number];
    uint64_t proven = 0;

    if (sample_differs(b, number) || !make_expected(b, number) || !guess(b) || (!s->proven && !s->snapshot && !shows_something(b))) {
        lensi_trial_refuted(b->region, s);
        return 0;
    }
    if (s->view && !s->view->repeats && b->made_ns && !(s->view->repeats = is_repeatable(b, s))) {
        lensi_segment_quarantine(b->region, s, "did not make the same bytes twice");
        return 0;
    }
    if (!may_depend(b, s))
        return 0;
    proven = prove_equal(b, number);
    if (proven) {
        s->proven++;
        lensi_trial_held(b->region);
        b->region->elected = number;
        if (!b->region->library)
            elected_pipe[b->region->site] = s->pipe;
    }
    return proven;
}

/* A segment over a snapshot of the block itself has no pipe and reads no file. */
static bool reads_all_first(const struct lensi_segment *s)
{
    for (size_t i = 0; s->pipe && i < s->pipe->count; i++)
        if (s->pipe->stages[i].ops->reads_all && s->pipe->stages[i].ops->reads_all(s->pipe->stages[i].params))
            return true;
    return false;
}

/* Some lens of the block need not read the whole file first. */
static bool has_quicker(const struct lensi_region *region)
{
    uint32_t count = atomic_load_explicit(&region->segments_count, memory_order_acquire);

    for (uint32_t i = 0; i < count; i++) {
        const struct lensi_segment *s = &region->segments[i];
        if (!s->failed && s->pipe && !reads_all_first(s))
            return true;
    }
    return false;
}

/* Whether the segment has anything to say about the batch, and a chance left. */
static bool is_candidate(const struct batch *b, uint32_t number)
{
    struct lensi_segment *s = &b->region->segments[number];
    uint64_t low = (b->page - lensi_region_first_page(b->region)) << LENSI_PAGE_SHIFT;

    if (s->failed || s->zeros || low + (b->count << LENSI_PAGE_SHIFT) <= s->start || (s->bytes != LENS_UNKNOWN && low >= s->start + s->bytes))
        return false;
    if (!lensi_trial_may(b->region, s))
        return false;
    if (!s->view && reads_all_first(s) && s->backing->identity.size_bytes > QUICK_BYTES &&
        ((!b->patient && has_quicker(b->region)) || !lensi_trial_may_open(s->backing->identity.size_bytes)))
        return false;
    if (s->view && lensi_trust_refused(s->view->backing) && !lensi_images_wanted(b->region, s))
        return false;
    /* When another proved, one that failed often and never proved is out of the race. */
    return s->proven || b->region->elected == UINT32_MAX || s->refuted < 16;
}

/*
 * Whether to go on to the next candidate. Pages at the front of the filling differ because they are not finished; only
 * when they still differ after some attempts is it worth asking lenses that may have to read the whole file first.
 */
static bool goes_on(const struct batch *b, uint64_t proven)
{
    return proven < b->count && (!proven || b->patient || lensi_chunk_of(b->page + b->count - 1)->attempts >= PATIENT_ATTEMPTS);
}

/*
 * Reads that went on are part of the segment now, not during a proof. A page that was proven with zeros where view
 * bytes are expected from now on (the program cleared it meanwhile) is made ordinary memory while it can be brought
 * back.
 */
void lensi_prove_let_grow(struct lensi_region *region, uint32_t number)
{
    struct lensi_segment *s = &region->segments[number];
    uint64_t bytes = atomic_load(&s->read_bytes), base = lensi_region_first_page(region), page, end;

    if (!s->observed || s->bytes == bytes)
        return;
    page = base + ((s->start + s->bytes) >> LENSI_PAGE_SHIFT);
    end = base + ((s->start + bytes + LENSI_PAGE - 1) >> LENSI_PAGE_SHIFT);
    if (end > base + lensi_region_pages(region))
        end = base + lensi_region_pages(region);
    for (; page < end; page++) {
        enum lensi_page_state state = lensi_page_state(page);
        if (state != LENSI_PLAIN && state != LENSI_MAPPED && lensi_pages.segment[page] == number)
            lensi_fault_present(page, 1, true);
    }
    s->bytes = bytes;
}

uint64_t lensi_prove(struct lensi_region *region, uint64_t page, uint64_t count, struct lensi_workspace *workspace, bool patient)
{
    struct batch b = {.region = region, .workspace = workspace, .page = page, .count = count, .patient = patient};
    uint32_t segments = atomic_load_explicit(&region->segments_count, memory_order_acquire), elected = region->elected;
    bool is_observed = false;
    uint64_t proven = 0, zeros, start = lensi_sys_clock_ns(), start_cpu = elected == UINT32_MAX ? lensi_sys_cpu_ns(false) : 0;

    if (lensi_retired || !lensi_recognised())
        return 0;
    for (uint32_t i = 0; i < segments; i++) {
        lensi_prove_let_grow(region, i);
        is_observed |= region->segments[i].observed;
    }
    zeros = takes_snapshots(region) ? 0 : prove_zeros(&b);
    if (zeros == count)
        segments = 0;
    if (elected < segments && is_candidate(&b, elected))
        proven = prove_with(&b, elected);
    if (elected < segments && !proven && !patient && lensi_chunk_of(page)->attempts < PATIENT_ATTEMPTS)
        segments = 0;
    for (uint32_t i = 0; i < segments && goes_on(&b, proven); i++) /* what held for the site's last block is likely to hold again */
        if (i != elected && region->segments[i].pipe == elected_pipe[region->site] && is_candidate(&b, i))
            proven += prove_with(&b, i);
    for (uint32_t k = 0; k < segments && goes_on(&b, proven); k++) {
        /* Alternatives in the plan's order; but of observed reads the latest is the likeliest. */
        uint32_t i = is_observed ? segments - 1 - k : k;
        if (i != elected && region->segments[i].pipe != elected_pipe[region->site] && is_candidate(&b, i))
            proven += prove_with(&b, i);
    }
    if (!proven && !zeros && elected == UINT32_MAX)
        lensi_trial_vain(lensi_sys_cpu_ns(false) - start_cpu);
    lensi_count(prove_ns, lensi_sys_clock_ns() - start);
    return proven + zeros;
}
