/*
 * page_in.c - bringing absent pages back; see page_in.h.
 *
 * A window is made as a whole, even where some of its pages are resident: a lens has to pass over them anyhow. Only
 * the pages that were taken (ABSENT -> BUSY by us) are checked and placed.
 */
#include "liblens/engine/page_in.h"

#include "liblens/base/checksum.h"
#include "liblens/base/hooks.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/engine/readahead.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/source/segment.h"
#include "liblens/source/source.h"

#include <errno.h>

#define WINDOW_MOST_PAGES 64u /* as many as `taken` has bits */
#define STREAM_STEP_PAGES 64u
#define AHEAD_WINDOWS 3u /* one for our thread, one for the program's to make while it waits, one in stock */
_Static_assert(WINDOW_MOST_PAGES <= LENSI_OUT_PAGES && LENSI_READAHEAD_PAGES <= LENSI_OUT_PAGES, "a workspace holds a window");
#define PATIENCE_ROUNDS 1000u /* a second */
#define PATIENCE_STEP_NS 1000000u
#define TIMED_ONE_IN 16u /* the clock costs more than some of what it measures */

struct window {
    struct lensi_region *region;
    uint64_t page, count;
    uint32_t segment;
    uint64_t taken; /* bit i: page + i is ours to place */
};

_Noreturn static void cannot_bring_back(const struct lensi_region *region, uint64_t page, int error)
{
    const struct lensi_segment *s = &region->segments[lensi_pages.segment[page]];
    uint64_t at = (page - lensi_region_first_page(region)) << LENSI_PAGE_SHIFT;
    struct lensi_backing *backing = s->backing;
    const char *what = error == -ESTALE   ? "it is shorter now"
                       : error == -EIO    ? "reading it failed"
                       : error == -ENOMEM ? "the system is out of memory"
                                          : "its bytes are not what they were";

    if (s->zeros)
        lensi_stop("a page of zeros cannot be brought back: %s", lensi_error_text(error));
    if (s->snapshot)
        lensi_stop("a page cannot be brought back from its snapshot: %s, block offset %llu", error == -EILSEQ ? "its bytes are not what they were" : lensi_error_text(error),
                   (unsigned long long)at);
    if (error == -EILSEQ && lensi_backing_check(backing) == 0)
        what = "the lens no longer makes the bytes it made before";
    lensi_stop("a page cannot be brought back: %s (%s), block offset %llu, view offset %llu, lens %s; stopped rather than give "
               "other bytes. Do not change the file in place while it is in use (see docs/promises.md)",
               backing->path, what, (unsigned long long)at, (unsigned long long)(s->view_offset + at - s->start), s->view->pipe->text);
}

static bool is_good(uint64_t page, const uint8_t *bytes)
{
    uint64_t sum = lensi_checksum(bytes, LENSI_PAGE);

    if (!lensi_pages.checksum[page]) /* a library view's page, made for the first time */
        lensi_pages.checksum[page] = sum;
    return lensi_pages.checksum[page] == sum;
}

/* A stream steps over what is resident; where absent pages were left out, the program goes its own ways. */
static bool leads_to(uint64_t from, uint64_t page)
{
    if (page < from || page - from > STREAM_STEP_PAGES)
        return false;
    while (from < page && lensi_page_state(from) != LENSI_ABSENT)
        from++;
    return from == page;
}

/*
 * How far to read ahead from page: a stream that goes on doubles its window, which then ends at a checkpoint. `had`
 * pages came from elsewhere already; they only keep the stream going.
 */
static uint64_t window_of(struct lensi_region *region, uint64_t page, uint64_t had)
{
    uint64_t window = 1, most = WINDOW_MOST_PAGES < lensi_budget_room() / 4 ? WINDOW_MOST_PAGES : lensi_budget_room() / 4;
    unsigned i;

    if (lensi_hooks.sampling) /* who comes unasked would not be seen */
        return 1;

    for (i = 0; i < LENSI_STREAMS; i++) {
        uint64_t value = atomic_load_explicit(&region->streams[i].next_and_window, memory_order_relaxed);
        if (value && leads_to((value >> 16) - 1, page)) { /* kept as one more than the page */
            window = (value & 0xffff) * 2;
            break;
        }
    }
    if (i == LENSI_STREAMS)
        i = atomic_fetch_add_explicit(&region->streams_turn, 1, memory_order_relaxed) % LENSI_STREAMS;
    window = window > most ? most : window;
    window = window < had ? had : window < 1 ? 1 : window;
    if (lensi_backend->granule_pages > window)
        window = lensi_backend->granule_pages - page % lensi_backend->granule_pages;
    atomic_store_explicit(&region->streams[i].next_and_window, (page + (had ? had : window) + 1) << 16 | window, memory_order_relaxed);
    if (!had && window > LENSI_CHUNK_PAGES)
        window -= (page + window) % LENSI_CHUNK_PAGES;
    return window;
}

/* ---- windows */

/* Gives the taken pages in mask back as they were. */
static void give_back(struct window *w, uint64_t mask)
{
    for (uint64_t left = w->taken & mask; left; left &= left - 1)
        lensi_page_set(w->page + (uint64_t)__builtin_ctzll(left), LENSI_ABSENT);
    w->taken &= ~mask;
}

/* Takes the absent pages of the window. False, and nothing taken, if the first page was not to be had. */
static bool take(struct window *w)
{
    uint64_t end, last = 0;

    w->taken = 0;
    if (!lensi_page_change(w->page, LENSI_ABSENT, LENSI_BUSY))
        return false;
    w->taken = 1;
    if (lensi_region_of(lensi_page_address(w->page)) != w->region) { /* a late message, its block freed: this is another's */
        give_back(w, 1);
        return false;
    }
    end = lensi_region_first_page(w->region) + lensi_region_pages(w->region);
    w->segment = lensi_pages.segment[w->page];
    for (uint64_t i = 1; i < w->count && w->page + i < end; i++) {
        uint64_t page = w->page + i;
        if (lensi_page_state(page) != LENSI_ABSENT || lensi_pages.segment[page] != w->segment ||
            !lensi_page_change(page, LENSI_ABSENT, LENSI_BUSY))
            continue;
        w->taken |= 1ull << i;
        last = i;
    }
    w->count = last + 1;
    return true;
}

/* Pages made for the first time have no checksum to say that the file is still what it was at lens_open. */
static bool is_as_opened(const struct window *w)
{
    struct lensi_backing *backing = w->region->segments[w->segment].backing;

    if (!w->region->library || atomic_load(&backing->leased))
        return true;
    for (uint64_t left = w->taken; left; left &= left - 1)
        if (!lensi_pages.checksum[w->page + (uint64_t)__builtin_ctzll(left)])
            return lensi_backing_check(backing) == 0;
    return true;
}

static bool all_good(const struct window *w, const uint8_t *bytes)
{
    if (!is_as_opened(w))
        return false;
    for (uint64_t left = w->taken; left; left &= left - 1) {
        uint64_t i = (uint64_t)__builtin_ctzll(left);
        if (!is_good(w->page + i, bytes + (i << LENSI_PAGE_SHIFT)))
            return false;
    }
    return true;
}

/* The last of it is that the pages are no longer BUSY: from then on their block may be freed, and be another's. */
static void account(uint64_t page, uint64_t count, uint64_t touched)
{
    lensi_budget_insert(page, count, (int64_t)touched);
    for (uint64_t i = 0; i < count; i++)
        lensi_page_set(page + i, LENSI_PROVEN);
}

/* Out of memory for a moment is no reason to stop: what is proven elsewhere makes room, and others end. */
int lensi_place(void *at, const void *from, size_t bytes, bool protected)
{
    static const _Atomic uint32_t never;
    int result = lensi_backend->place(at, from, bytes, protected);

    for (unsigned round = 0; result == -ENOMEM && round < PATIENCE_ROUNDS; round++) {
        lensi_budget_relieve();
        lensi_sys_futex_wait(&never, 0, PATIENCE_STEP_NS);
        result = lensi_backend->place(at, from, bytes, protected);
    }
    return result;
}

/*
 * Places the taken pages, run by run. 0, or why the first page could not be placed; others that could not are absent.
 */
static int place(struct window *w, const uint8_t *bytes)
{
    const uint32_t site = w->region->site; /* while the touched page is BUSY: its toucher may free the block at once */
    uint64_t placed = 0;

    for (uint64_t i = 0; i < w->count;) {
        uint64_t run = 0;
        int result;
        while (i + run < w->count && w->taken >> (i + run) & 1)
            run++;
        if (!run) {
            i++;
            continue;
        }
        result = lensi_place(lensi_page_address(w->page + i), bytes + (i << LENSI_PAGE_SHIFT), run << LENSI_PAGE_SHIFT, true);
        if (result < 0) {
            give_back(w, ~0ull << i);
            if (i == 0)
                return result;
            break;
        }
        account(w->page + i, run, w->page);
        placed += run;
        i += run;
    }
    lensi_uncount_site(site, absent_pages, placed);
    lensi_count(faulted_pages, placed);
    if (placed > 1)
        lensi_count(readahead_pages, placed - 1);
    lensi_count_site(site, faults, 1);
    return 0;
}

/*
 * Makes the first `count` pages of the window in out; those beyond are given back. 0 only if all that was taken is
 * good.
 */
static int make_some(struct window *w, uint64_t count, struct lensi_workspace *workspace)
{
    int result;

    if (count < w->count) {
        give_back(w, ~0ull << count);
        w->count = count;
        lensi_workspace_trim(workspace); /* what it read before may have come from elsewhere: the file, not yet its copy */
    }
    result = lensi_make(w->region, w->segment, w->page, w->count, workspace, workspace->out);
    return result == 0 && !all_good(w, workspace->out) ? -EILSEQ : result;
}

/*
 * Makes the window's bytes in out and checks what was taken. 0, or why the first page cannot come back. What was read
 * ahead may be at fault, or pages between those taken: where the file has changed, the view store has the absent ones
 * and no other. Then only the touched page matters; in the end not from the view store, whose disk may be at fault.
 */
static int make(struct window *w, struct lensi_workspace *workspace)
{
    uint64_t run = ~w->taken ? (uint64_t)__builtin_ctzll(~w->taken) : w->count;
    int result = make_some(w, w->count, workspace);

    if (result < 0 && run < w->count)
        result = make_some(w, run, workspace);
    if (result < 0 && w->count > 1)
        result = make_some(w, 1, workspace);
    if (result == 0)
        return 0;
    lensi_workspace_trim(workspace);
    result = lensi_source_expect(w->region, w->segment, w->page, 1, workspace, workspace->out, false);
    return result == 0 && !all_good(w, workspace->out) ? -EILSEQ : result;
}

/* ---- ahead */

/* Asks for the next absent pages from `page` on. The page after them, or 0 if the stream ends here. */
static uint64_t ask_window(struct lensi_region *region, uint64_t page, uint32_t segment, bool is_next)
{
    uint64_t end = lensi_region_first_page(region) + lensi_region_pages(region), limit = page + STREAM_STEP_PAGES;
    uint64_t most = LENSI_READAHEAD_PAGES < lensi_budget_room() / 4 ? LENSI_READAHEAD_PAGES : lensi_budget_room() / 4, over, count = 0, to;

    while (page < end && page < limit && lensi_page_state(page) != LENSI_ABSENT)
        page++;
    if (page >= end || page >= limit || lensi_pages.segment[page] != segment)
        return 0;
    if ((to = lensi_readahead_wanted_to(page)))
        return to;
    over = (page + most) % LENSI_CHUNK_PAGES;
    most = most > over ? most - over : most; /* ends at a checkpoint */
    for (uint64_t i = 0; i < most && page + i < end; i++) /* up to the last page that is to be had */
        if (lensi_page_state(page + i) == LENSI_ABSENT && lensi_pages.segment[page + i] == segment)
            count = i + 1;
    lensi_readahead_want(region, page, count, segment, is_next);
    return page + count;
}

/* What a stream comes to next, `windows` of it. */
static void ask_ahead(struct lensi_region *region, uint64_t page, uint32_t segment, unsigned windows)
{
    for (unsigned i = 0; page && i < windows; i++)
        page = ask_window(region, page, segment, i == 0);
}

/* From a window that was made ahead. */
static bool fetch_made_ahead(struct lensi_region *region, uint64_t page)
{
    struct lensi_slot *slot = lensi_readahead_take(page);
    struct window w = {.region = region, .page = page};
    bool done = false;

    if (!slot)
        return false;
    w.count = slot->page + slot->count - page;
    if (slot->region == region && lensi_pages.segment[page] == slot->segment && take(&w)) {
        const uint8_t *bytes = slot->bytes + ((page - slot->page) << LENSI_PAGE_SHIFT);
        /* while page is BUSY, so that nobody has ended the region */
        ask_ahead(region, page + w.count, w.segment, AHEAD_WINDOWS);
        done = all_good(&w, bytes);
        if (done) {
            window_of(region, page, w.count);
            done = place(&w, bytes) == 0;
        }
        if (!done)
            give_back(&w, ~0ull);
    }
    lensi_readahead_release(slot);
    return done;
}

static bool fetch_now(struct lensi_region *region, uint64_t page)
{
    struct window w = {.region = region, .page = page, .count = window_of(region, page, 0)};
    bool is_stream = w.count >= LENSI_CHUNK_PAGES;
    struct lensi_workspace *workspace;
    int result;

    if (!take(&w))
        return false;
    if (is_stream) /* asked before this one is made: both CPUs are at work; more when it has gone on to what was asked */
        ask_ahead(region, page + w.count, w.segment, 1);
    workspace = lensi_workspace_claim();
    result = make(&w, workspace);
    if (result == 0)
        result = place(&w, workspace->out);
    lensi_workspace_release(workspace);
    if (result < 0)
        cannot_bring_back(region, page, result);
    return true;
}

bool lensi_page_in(uint64_t page)
{
    static _Atomic uint32_t turns;
    struct lensi_region *region = lensi_region_of(lensi_page_address(page));
    bool timed = atomic_fetch_add_explicit(&turns, 1, memory_order_relaxed) % TIMED_ONE_IN == 0;
    uint64_t start = timed ? lensi_sys_clock_ns() : 0;

    if (!region || (!fetch_made_ahead(region, page) && !fetch_now(region, page)))
        return false;
    lensi_budget_enforce();
    if (timed)
        lensi_count(fault_ns, (lensi_sys_clock_ns() - start) * TIMED_ONE_IN);
    return true;
}
