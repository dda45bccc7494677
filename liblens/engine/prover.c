/*
 * prover.c - the thread that follows behind the program; see prover.h.
 *
 * Each round it looks at every region: what has become resident since (mincore), and, while the budget does not hold,
 * which chunks are worth an attempt. A refuted chunk waits twice as long before each further attempt.
 */
#include "liblens/engine/prover.h"

#include "liblens/base/arena.h"
#include "liblens/base/helper.h"
#include "liblens/base/hooks.h"
#include "liblens/base/stats.h"
#include "liblens/engine/engine.h"
#include "liblens/engine/fault.h"
#include "liblens/engine/lease.h"
#include "liblens/engine/prove.h"
#include "liblens/engine/readahead.h"
#include "liblens/engine/reclaim.h"
#include "liblens/engine/recognise.h"
#include "liblens/engine/slowdown.h"
#include "liblens/engine/throttle.h"
#include "liblens/engine/trial.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/source/extents.h"
#include "liblens/source/images.h"
#include "liblens/source/open_files.h"
#include "liblens/source/snapshot.h"

#include <string.h>
#include <sys/prctl.h>

#define LOOK_CHUNKS 1024u /* residency is asked for 64 MiB at a time */
#define ATTEMPTS_MOST 12u
#define SLEEP_LEAST_NS 1000000u
#define SLEEP_MOST_NS 64000000u
#define SLEEP_WATCHED_NS 32000000u /* under a hard limit, whose rest the program may fill */
#define GIVE_BACK_PAGES 512u
#define SCAN_CHUNKS 32768u
#define PATIENT_NS 150000000u
#define SETTLE_RUNS 128u /* of a page or two each where a program touches at random: about a millisecond */

_Atomic uint32_t lensi_prover_dying;

static _Atomic bool stopped;
static uint8_t resident[LOOK_CHUNKS * LENSI_CHUNK_PAGES];
static uint64_t proven_pages; /* in this round */
static uint64_t proven_ns;    /* when something was last proven, or nothing had been tried yet */
static bool tried;
static bool patient;          /* and that is a while ago */
static uint64_t next_try_ns; /* earliest attempt that is due later */

static uint32_t now_ms(void) { return (uint32_t)(lensi_sys_clock_ns() / 1000000u); }

static uint64_t region_chunks(const struct lensi_region *r)
{
    return (lensi_region_pages(r) + LENSI_CHUNK_PAGES - 1) / LENSI_CHUNK_PAGES;
}

/* Pages of chunk c, and of these how many are resident according to vector (which begins at the chunk). */
static unsigned chunk_pages(const struct lensi_region *r, uint64_t c)
{
    uint64_t pages = lensi_region_pages(r), first = c * LENSI_CHUNK_PAGES;

    return pages - first < LENSI_CHUNK_PAGES ? (unsigned)(pages - first) : LENSI_CHUNK_PAGES;
}

static unsigned count_resident(const uint8_t *vector, unsigned pages)
{
    unsigned n = 0;

    for (unsigned i = 0; i < pages; i++)
        n += vector[i] & 1;
    return n;
}

/* How many of the chunk's pages are resident and not proven. */
static unsigned count_plain(const struct lensi_region *r, uint64_t c, const uint8_t *vector)
{
    uint64_t page = lensi_region_first_page(r) + c * LENSI_CHUNK_PAGES;
    unsigned n = 0;

    for (unsigned i = 0; i < chunk_pages(r, c); i++)
        n += vector[i] & 1 && lensi_page_state(page + i) == LENSI_PLAIN;
    return n;
}

/* A chunk is seen when it is whole, or when it has rested half filled: `attempts` keeps what it had the last time. */
static bool see_chunk(struct lensi_region *r, uint64_t c, const uint8_t *vector, bool rest)
{
    unsigned have = count_resident(vector, chunk_pages(r, c));
    struct lensi_chunk *chunk = lensi_chunk_of(lensi_region_first_page(r) + c * LENSI_CHUNK_PAGES);
    unsigned plain;

    if (chunk->flags & LENSI_CHUNK_SEEN || !have)
        return false;
    if (have < chunk_pages(r, c) && !(rest && chunk->attempts == have)) {
        if (rest)
            chunk->attempts = (uint8_t)have;
        return false;
    }
    chunk->flags |= LENSI_CHUNK_SEEN;
    chunk->attempts = 0;
    chunk->next_try_ms = now_ms() + 1;
    plain = count_plain(r, c, vector);
    if (plain) /* else it was absent from the start, and touches brought it back */
        r->grown_ns = lensi_sys_clock_ns();
    lensi_region_plain(r, plain);
    return true;
}

/* Looks at up to LOOK_CHUNKS chunks from `from`; how many are newly seen. *whole: all of them up to the last. */
static uint64_t look(struct lensi_region *r, uint64_t from, uint64_t count, bool rest, bool *whole)
{
    uint64_t pages = lensi_region_pages(r), first = from * LENSI_CHUNK_PAGES, ask = count * LENSI_CHUNK_PAGES, seen = 0;

    *whole = false;
    if (first >= pages)
        return 0;
    if (ask > pages - first)
        ask = pages - first;
    if (lensi_sys_resident(r->base + (first << LENSI_PAGE_SHIFT), ask << LENSI_PAGE_SHIFT, resident) < 0)
        return 0;
    *whole = true;
    for (uint64_t i = 0; i < (ask + LENSI_CHUNK_PAGES - 1) / LENSI_CHUNK_PAGES; i++) {
        unsigned have = count_resident(resident + i * LENSI_CHUNK_PAGES, chunk_pages(r, from + i));
        seen += see_chunk(r, from + i, resident + i * LENSI_CHUNK_PAGES, rest);
        if (have < chunk_pages(r, from + i))
            *whole = false;
        else if (*whole && r->seen_chunks == from + i)
            r->seen_chunks++;
    }
    return seen;
}

/*
 * What is plain in the chunks that have been seen, counted anew: chunks fill up after they were seen, and blocks are
 * resized. Now and then, while nothing else is to be done.
 */
static void recount(struct lensi_region *r)
{
    uint64_t chunks = region_chunks(r), pages = lensi_region_pages(r);
    int64_t before = atomic_load(&r->plain_pages), now = 0;

    for (uint64_t from = 0; from < chunks; from += LOOK_CHUNKS) {
        uint64_t first = from * LENSI_CHUNK_PAGES, ask = LOOK_CHUNKS * LENSI_CHUNK_PAGES;
        ask = ask > pages - first ? pages - first : ask;
        if (lensi_sys_resident(r->base + (first << LENSI_PAGE_SHIFT), ask << LENSI_PAGE_SHIFT, resident) < 0)
            return;
        for (uint64_t i = 0; i < LOOK_CHUNKS && from + i < chunks; i++)
            if (lensi_chunk_of(lensi_region_first_page(r) + (from + i) * LENSI_CHUNK_PAGES)->flags & LENSI_CHUNK_SEEN)
                now += count_plain(r, from + i, resident + i * LENSI_CHUNK_PAGES);
    }
    lensi_region_plain(r, now - before);
}

/* Follows the front of the filling, then sweeps what lies beyond it. How many chunks are newly seen. */
static uint64_t look_around(struct lensi_region *r)
{
    uint64_t chunks = region_chunks(r), seen = 0, n;
    bool whole = true;

    while (whole && r->seen_chunks < chunks) {
        uint64_t before = r->seen_chunks;
        n = look(r, before, 16, false, &whole);
        seen += n;
        if (r->seen_chunks == before)
            break;
    }
    if (r->sweep_chunk < r->seen_chunks || r->sweep_chunk >= chunks)
        r->sweep_chunk = r->seen_chunks;
    if (r->seen_chunks < chunks) {
        seen += look(r, r->sweep_chunk, LOOK_CHUNKS, r->idle_rounds > 3, &whole);
        r->sweep_chunk += LOOK_CHUNKS;
    }
    r->idle_rounds = seen ? 0 : r->idle_rounds + 1;
    if (r->idle_rounds >= 8 && (r->idle_rounds & (r->idle_rounds - 1)) == 0)
        recount(r);
    return seen;
}

static bool has_plain(uint64_t page, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        if (lensi_page_state(page + i) == LENSI_PLAIN)
            return true;
    return false;
}

/* Seen, due, and with something to prove; tells when it will be due if it is not yet. */
static bool is_due(struct lensi_region *r, uint64_t c, uint32_t ms)
{
    uint64_t page = lensi_region_first_page(r) + c * LENSI_CHUNK_PAGES;
    struct lensi_chunk *chunk = lensi_chunk_of(page);

    if (!(chunk->flags & LENSI_CHUNK_SEEN) || chunk->attempts >= ATTEMPTS_MOST || !has_plain(page, chunk_pages(r, c)) ||
        atomic_load(&chunk->pins) & LENSI_PINS_FOREVER)
        return false;
    if ((int32_t)(ms - chunk->next_try_ms) >= 0 || lensi_throttle_is_waited_at())
        return true;
    if (next_try_ns > (uint64_t)chunk->next_try_ms * 1000000u)
        next_try_ns = (uint64_t)chunk->next_try_ms * 1000000u;
    return false;
}

/* What is pinned for good may have been given another access by the program. */
static bool may_look(uint64_t page) { return !(atomic_load(&lensi_chunk_of(page)->pins) & LENSI_PINS_FOREVER); }

/*
 * Proves what is resident of [page, page + count), run by run: there may be gaps that were never touched, or are
 * absent.
 */
static uint64_t prove_resident(struct lensi_region *r, uint64_t page, uint64_t count, struct lensi_workspace *w)
{
    uint64_t proven = 0;

    if (lensi_sys_resident(lensi_page_address(page), count << LENSI_PAGE_SHIFT, resident) < 0)
        return 0;
    for (uint64_t i = 0, n; i < count; i += n) {
        while (i < count && !(resident[i] & 1 && lensi_page_state(page + i) == LENSI_PLAIN && may_look(page + i)))
            i++;
        for (n = 0; i + n < count && resident[i + n] & 1 && may_look(page + i + n); n++)
            ;
        if (n)
            proven += lensi_prove(r, page + i, n, w, patient);
    }
    return proven;
}

/* Chunks that nobody has looked at yet count from now on. */
static void see_now(struct lensi_region *r, uint64_t page, uint64_t count)
{
    for (uint64_t i = page; i < page + count; i += LENSI_CHUNK_PAGES - i % LENSI_CHUNK_PAGES) {
        uint64_t c = (i - lensi_region_first_page(r)) / LENSI_CHUNK_PAGES, first = lensi_region_first_page(r) + c * LENSI_CHUNK_PAGES;
        struct lensi_chunk *chunk = lensi_chunk_of(i);
        if (chunk->flags & LENSI_CHUNK_SEEN || lensi_sys_resident(lensi_page_address(first), chunk_pages(r, c) << LENSI_PAGE_SHIFT, resident) < 0)
            continue;
        chunk->flags |= LENSI_CHUNK_SEEN;
        chunk->attempts = 0;
        lensi_region_plain(r, count_plain(r, c, resident));
    }
}

void lensi_prover_prove(struct lensi_region *r, uint64_t page, uint64_t count, struct lensi_workspace *w)
{
    see_now(r, page, count);
    prove_resident(r, page, count, w);
}

/*
 * A thread that has filled memory up to `page` would have to wait for proofs: it takes what it has cleared, behind
 * itself, out of memory on its own, if the prover is not at work. True if some pages went. In the fault path; nothing
 * is waited for.
 */
static bool help(struct lensi_region *r, uint64_t page)
{
    uint64_t end = page - page % LENSI_CHUNK_PAGES, count, gone = 0;

    if (lensi_hooks.sampling || lensi_hooks.chaos || !lensi_recognised() || !lensi_try_lock(&lensi_prover_lock))
        return false;
    if (r->help_page < lensi_region_first_page(r) || r->help_page > end)
        r->help_page = lensi_region_first_page(r);
    while (r->help_page < end && gone < LENSI_OUT_PAGES && atomic_load(&r->life) == LENSI_REGION_LIVE) {
        count = end - r->help_page < LENSI_OUT_PAGES ? end - r->help_page : LENSI_OUT_PAGES;
        see_now(r, r->help_page, count);
        gone += lensi_prove_zeros(r, r->help_page, count);
        r->help_page += count;
    }
    lensi_unlock(&lensi_prover_lock);
    return gone > 0;
}

void lensi_prover_prove_read(struct lensi_region *r, uint64_t page, uint64_t count)
{
    uint64_t from = atomic_load(&r->read_to) == page ? atomic_load(&r->read_from) : page, to = page + count;
    struct lensi_workspace *w;

    atomic_store(&r->read_from, from);
    atomic_store(&r->read_to, to);
    if (to - from < LENSI_OUT_PAGES || to < from || !lensi_budget_over() || !lensi_recognise_clear())
        return;
    lensi_prover_start();
    if (!lensi_work_thread() || !lensi_try_lock(&lensi_prover_lock))
        return;
    atomic_store(&r->read_from, to);
    w = lensi_workspace_claim();
    for (uint64_t n; from < to && atomic_load(&r->life) == LENSI_REGION_LIVE; from += n) {
        n = to - from < LENSI_OUT_PAGES ? to - from : LENSI_OUT_PAGES;
        lensi_prover_prove(r, from, n, w);
    }
    lensi_workspace_release(w);
    lensi_budget_enforce();
    lensi_unlock(&lensi_prover_lock);
}

static void schedule_again(struct lensi_region *r, uint64_t c, unsigned chunks, uint32_t ms)
{
    for (unsigned i = 0; i < chunks; i++) {
        uint64_t page = lensi_region_first_page(r) + (c + i) * LENSI_CHUNK_PAGES;
        struct lensi_chunk *chunk = lensi_chunk_of(page);
        if (!has_plain(page, chunk_pages(r, c + i))) {
            chunk->attempts = 0;
            continue;
        }
        chunk->next_try_ms = ms + (2u << (chunk->attempts < 10 ? chunk->attempts : 10));
        chunk->attempts += !lensi_throttle_is_waited_at(); /* then it is tried in every round */
    }
}

/* One attempt at the next chunks that are due. False if there are none now. */
static bool attempt(struct lensi_region *r, struct lensi_workspace *w)
{
    uint64_t chunks = region_chunks(r), c, page, count;
    uint32_t ms = now_ms();
    unsigned most = r->elected == UINT32_MAX && r->zeros_left < LENSI_ZEROS_TRIES ? 1 : LENSI_OUT_PAGES / LENSI_CHUNK_PAGES, n = 0;

    for (uint64_t looked = 0; looked < chunks && looked < SCAN_CHUNKS; looked++) {
        c = r->cursor_chunk < chunks ? r->cursor_chunk : 0;
        r->cursor_chunk = c + 1;
        if (is_due(r, c, ms)) {
            n = 1;
            break;
        }
    }
    if (!n)
        return false;
    while (n < most && c + n < chunks && is_due(r, c + n, ms))
        n++;
    r->cursor_chunk = c + n;
    page = lensi_region_first_page(r) + c * LENSI_CHUNK_PAGES;
    count = lensi_region_pages(r) - c * LENSI_CHUNK_PAGES;
    if (count > n * LENSI_CHUNK_PAGES)
        count = n * LENSI_CHUNK_PAGES;
    tried = true;
    proven_pages += prove_resident(r, page, count, w);
    schedule_again(r, c, n, ms);
    lensi_budget_enforce();
    return true;
}

static void try_anew(struct lensi_region *r)
{
    uint64_t chunks = region_chunks(r);

    lensi_trial_anew(r);
    for (uint64_t c = 0; c < chunks; c++) {
        struct lensi_chunk *chunk = lensi_chunk_of(lensi_region_first_page(r) + c * LENSI_CHUNK_PAGES);
        if (chunk->flags & LENSI_CHUNK_SEEN)
            chunk->attempts = 0, chunk->next_try_ms = 0;
    }
}

static void note_touched(void)
{
    uint64_t pages = lensi_counted(absent_pages) + lensi_counted(mapped_now_pages);

    lensi_stats_peak(&lensi_gauges.stats.absent_pages_peak, pages);
    lensi_stats_peak(&lensi_gauges.stats.snapshot_bytes_peak, lensi_snapshot_bytes());
    lensi_stats_peak(&lensi_gauges.stats.touched_bytes_peak, (lensi_budget_in_use() + pages) << LENSI_PAGE_SHIFT);
}

/*
 * Brings absent pages back in a stream, before the program's threads touch one after the other. True if there were
 * some.
 */
static bool give_back(struct lensi_region *r)
{
    uint64_t first = lensi_region_first_page(r), pages = lensi_region_pages(r), start = lensi_sys_clock_ns(), n = 0;

    if (r->given_back_pages >= pages || !lensi_slowdown_gives_all_back())
        return false;
    for (; n < GIVE_BACK_PAGES && r->given_back_pages < pages; r->given_back_pages++)
        if (lensi_page_state(first + r->given_back_pages) == LENSI_ABSENT) {
            lensi_fault_make_plain(first + r->given_back_pages, first + r->given_back_pages + 1);
            n++;
        }
    lensi_slowdown_gave_back(lensi_sys_clock_ns() - start);
    return true;
}

/* Memory without a lens is looked at for zeros. */
static bool is_worth_an_attempt(const struct lensi_region *r) { return r->zeros_left > 0 || lensi_trial_any(r); }

/* A round for one region, under the prover lock. True if it found something to do. */
static bool visit(struct lensi_region *r, struct lensi_workspace *w, bool anew)
{
    bool busy = false;

    if (atomic_load(&r->life) == LENSI_REGION_DYING)
        lensi_region_reclaim(r);
    if (atomic_load(&r->life) != LENSI_REGION_LIVE)
        return false;
    if (r->library) { /* nothing to prove, but its file is watched */
        lensi_lease_take(r->segments[0].backing, NULL);
        return false;
    }
    if (lensi_hooks.sampling) {
        lensi_hooks.visit(r);
        return false;
    }
    lensi_extents_offer(r);
    busy = look_around(r) > 0;
    if (anew)
        try_anew(r);
    for (unsigned i = 0; i < 8 && lensi_budget_over() && !atomic_load(&lensi_prover_dying) && is_worth_an_attempt(r) && attempt(r, w); i++)
        busy = true;
    for (unsigned i = 0; i < SETTLE_RUNS && !atomic_load(&lensi_prover_dying) && lensi_images_settle(r, w); i++)
        busy = true;
    return give_back(r) || busy;
}

/* Blocks that ended while the lock was taken: their memory goes before anything else is done. */
static void reclaim_dying(void)
{
    if (!atomic_exchange(&lensi_prover_dying, 0))
        return;
    for (uint32_t i = 0; i < lensi_regions_high(); i++)
        if (atomic_load(&lensi_region_at(i)->life) == LENSI_REGION_DYING)
            lensi_region_reclaim(lensi_region_at(i));
}

/* Files and images that nobody is going to need. */
static void forget(void)
{
    lensi_lock(&lensi_prover_lock);
    lensi_open_files_forget();
    lensi_images_tidy();
    lensi_unlock(&lensi_prover_lock);
}

static bool round_of_all(struct lensi_workspace *w)
{
    bool busy = false, anew = lensi_work_anew();

    if ((lensi_budget_over() || lensi_hooks.chaos || lensi_hooks.sampling) && !lensi_recognise_clear())
        return false;
    next_try_ns = UINT64_MAX;
    if (proven_pages || !tried)
        proven_ns = lensi_sys_clock_ns();
    patient = lensi_sys_clock_ns() - proven_ns > PATIENT_NS || (!proven_pages && lensi_throttle_is_waited_at());
    proven_pages = 0;
    lensi_lock(&lensi_prover_lock);
    lensi_lease_listen(w);
    lensi_unlock(&lensi_prover_lock);
    for (uint32_t i = 0; i < lensi_regions_high() && !atomic_load(&stopped); i++) {
        lensi_lock(&lensi_prover_lock);
        reclaim_dying();
        busy |= visit(lensi_region_at(i), w, anew);
        lensi_unlock(&lensi_prover_lock);
    }
    forget();
    if (lensi_hooks.round) {
        lensi_lock(&lensi_prover_lock);
        lensi_hooks.round(w);
        lensi_unlock(&lensi_prover_lock);
    }
    if (lensi_hooks.sampling)
        return false;
    if (lensi_counted(absent_pages))
        lensi_readahead_start();
    lensi_images_consider();
    note_touched();
    lensi_throttle_round();
    lensi_budget_adapt(lensi_sys_clock_ns());
    lensi_slowdown_round(lensi_sys_cpu_ns(false));
    return busy;
}

static void *prover(void *nothing)
{
    struct lensi_workspace *w = lensi_workspace_claim();
    uint64_t sleep_ns = SLEEP_LEAST_NS;

    (void)nothing;
    lensi_work_begun(lensi_sys_thread_id());
    lensi_helper_named("lens-prover");
    if (lensi_backend->signal) /* it reads the program's pages: one may have lost its frame meanwhile */
        lensi_sys_signal_mask(SIG_UNBLOCK, 1ull << (lensi_backend->signal - 1), NULL);
    while (!atomic_load(&stopped)) {
        uint32_t heard = lensi_work_heard();
        uint64_t now, wait;
        if (round_of_all(w)) {
            sleep_ns = SLEEP_LEAST_NS;
        } else {
            sleep_ns = sleep_ns * 2 < SLEEP_MOST_NS ? sleep_ns * 2 : SLEEP_MOST_NS;
            if (sleep_ns == SLEEP_MOST_NS)
                lensi_workspace_trim(w);
        }
        if (lensi_hooks.wait_ns)
            sleep_ns = lensi_hooks.wait_ns();
        if (sleep_ns > SLEEP_WATCHED_NS && lensi_budget_is_watched())
            sleep_ns = SLEEP_WATCHED_NS;
        now = lensi_sys_clock_ns();
        wait = next_try_ns != UINT64_MAX && next_try_ns > now && next_try_ns - now < sleep_ns ? next_try_ns - now : sleep_ns;
        if (lensi_work_sleep(heard, wait))
            sleep_ns = SLEEP_LEAST_NS;
    }
    lensi_workspace_release(w);
    return NULL;
}

void lensi_prover_start(void)
{
    if (!atomic_load(&stopped) && lensi_work_claim() && lensi_helper_start(prover, NULL) < 0)
        lensi_work_begun(-1);
}

static void start_if_needed(void)
{
    uint64_t budget = lensi_budget_pages();

    if (lensi_regions_pages() > budget - budget / 8 || lensi_hooks.chaos || lensi_hooks.sampling)
        lensi_prover_start();
}

static uint64_t resident_pages(const struct lensi_region *r)
{
    uint64_t pages = lensi_region_pages(r), n = 0;

    for (uint64_t first = 0; first < pages; first += sizeof resident) {
        uint64_t ask = pages - first < sizeof resident ? pages - first : sizeof resident;
        if (lensi_sys_resident(r->base + (first << LENSI_PAGE_SHIFT), ask << LENSI_PAGE_SHIFT, resident) == 0)
            for (uint64_t i = 0; i < ask; i++)
                n += resident[i] & 1;
    }
    return n;
}

/* Looks again only when there is an eighth more to look at than ever before. */
void lensi_prover_note_unseen(void)
{
    static uint64_t noted_pages;
    uint64_t could = lensi_regions_pages(), n = 0;

    if (lensi_work_has_begun() || could <= noted_pages + noted_pages / 8)
        return;
    noted_pages = could;
    for (uint32_t i = 0; i < lensi_regions_high(); i++)
        if (atomic_load(&lensi_region_at(i)->life) != LENSI_REGION_FREE)
            n += resident_pages(lensi_region_at(i));
    lensi_stats_peak(&lensi_gauges.stats.touched_bytes_peak, n << LENSI_PAGE_SHIFT);
}

void lensi_prover_stop(void)
{
    atomic_store(&stopped, true);
    lensi_work_ring(false);
    lensi_lock(&lensi_prover_lock);
    lensi_unlock(&lensi_prover_lock);
}

void lensi_prover_retire(void) { atomic_store(&stopped, true); }

void lensi_prover_open(void)
{
    lensi_work_open(start_if_needed);
    lensi_throttle_open(help);
}
