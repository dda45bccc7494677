/* throttle.c - see throttle.h. Counters are atomic; the fault path waits here for the prover, holding nothing. */
#include "liblens/engine/throttle.h"

#include "liblens/base/stats.h"
#include "liblens/base/work.h"
#include "liblens/engine/slowdown.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"

#define HEADSTART_CHUNKS 32u /* what lies right before the program is left alone */
#define LEAST_AHEAD_PAGES 1024u
/* How long without a proof, and through how many rounds of the prover: on a busy machine these take longer. */
#define PATIENCE_NS 60000000u
#define PATIENCE_ROUNDS 8u
#define OPENING_MOST_NS 5000000000u
#define FREE_PAGES 2048u /* handed out without a look after a prover that did not get on; then twice as many */
#define FREE_MOST_PAGES (1u << 30)

static const uint8_t zeros[LENSI_CHUNK] __attribute__((aligned(LENSI_PAGE)));

/* The first page behind every pinned chunk of [from, end): the kernel may be about to write there, unseen. */
static uint64_t beyond_pins(uint64_t from, uint64_t end)
{
    uint64_t low = from;

    for (uint64_t page = from; page < end; page += LENSI_CHUNK_PAGES)
        if (atomic_load(&lensi_chunk_of(page)->pins))
            low = (page / LENSI_CHUNK_PAGES + 1) * LENSI_CHUNK_PAGES;
    return low;
}

void lensi_throttle_put_up(struct lensi_region *region)
{
    uint64_t first = lensi_region_first_page(region), end = first + lensi_region_pages(region), from;

    if (lensi_backend->signal != SIGBUS) /* others do not see touches of fresh memory, or all threads would wait at once */
        return;
    from = region->gated ? first + region->gate_end : first + (region->seen_chunks + HEADSTART_CHUNKS) * LENSI_CHUNK_PAGES;
    if (from >= end || !lensi_budget_over())
        return;
    lensi_region_note_armed(region, from, end - from);
    from = beyond_pins(from, end); /* who has pinned before that */
    if (from >= end || lensi_backend->arm(lensi_page_address(from), (end - from) << LENSI_PAGE_SHIFT) < 0)
        return;
    region->gate_end = end - first;
    atomic_store(&region->gated, true);
}

static _Atomic uint32_t waiting;
static _Atomic bool opening;
static _Atomic uint64_t rounds;

void lensi_throttle_opening(bool now) { atomic_store(&opening, now); }

void lensi_throttle_round(void) { atomic_fetch_add(&rounds, 1); }

bool lensi_throttle_is_waited_at(void) { return atomic_load_explicit(&waiting, memory_order_relaxed) > 0; }

void lensi_throttle_proven(struct lensi_region *region, uint64_t pages)
{
    int64_t left = atomic_fetch_sub(&region->rewritten_pages, (int64_t)pages) - (int64_t)pages;

    atomic_fetch_add(&region->gate_proven, pages);
    while (left < 0 && !atomic_compare_exchange_weak(&region->rewritten_pages, &left, 0))
        ;
}

static uint64_t ahead(const struct lensi_region *region)
{
    uint64_t handed = atomic_load(&region->gate_handed), proven = atomic_load(&region->gate_proven);

    return handed > proven ? handed - proven : 0;
}

static uint64_t most_ahead(void)
{
    uint64_t most = lensi_budget_pages() / 4;

    return most > LEAST_AHEAD_PAGES ? most : LEAST_AHEAD_PAGES;
}

/* The prover does not get on (other memory is refuted, or it is starved): so many more go without it. */
static uint64_t free_pages(struct lensi_region *region)
{
    uint64_t pages = atomic_load(&region->gate_free_pages);

    pages = pages < FREE_PAGES ? FREE_PAGES : pages;
    atomic_store(&region->gate_free_pages, pages < FREE_MOST_PAGES ? pages * 2 : pages);
    return pages;
}

static bool (*help)(struct lensi_region *region, uint64_t page);

void lensi_throttle_open(bool (*with)(struct lensi_region *region, uint64_t page)) { help = with; }

/*
 * Waits while is_ahead, after having helped with what was filled up to `page` (0: nothing). False if the prover did not
 * get on meanwhile.
 */
static bool wait_for_prover(struct lensi_region *region, bool (*is_ahead)(const struct lensi_region *), uint64_t page)
{
    uint64_t seen = atomic_load(&region->gate_proven), start = lensi_sys_clock_ns(), since = start, round = atomic_load(&rounds);
    bool gets_on = true;

    while (page && is_ahead(region) && help(region, page))
        ;
    if (!is_ahead(region)) {
        lensi_slowdown_waited(start);
        return true;
    }
    atomic_fetch_add(&waiting, 1);
    lensi_work_ring(false);
    while (gets_on && is_ahead(region)) {
        uint64_t now = lensi_sys_clock_ns(), proven = atomic_load(&region->gate_proven);
        if (proven != seen || (atomic_load(&opening) && now - start < OPENING_MOST_NS)) {
            seen = proven;
            since = now;
            round = atomic_load(&rounds);
        }
        gets_on = now - since <= PATIENCE_NS || (atomic_load(&rounds) - round < PATIENCE_ROUNDS && now - start < OPENING_MOST_NS);
        lensi_sys_futex_wait(&region->gate_word, 0, 200000); /* nobody wakes it: a short sleep */
    }
    atomic_fetch_sub(&waiting, 1);
    lensi_slowdown_waited(start);
    return gets_on;
}

static bool fills_ahead(const struct lensi_region *region) { return ahead(region) > most_ahead() && lensi_budget_over(); }

static bool rewrites_ahead(const struct lensi_region *region)
{
    return atomic_load(&region->rewritten_pages) > (int64_t)most_ahead() && lensi_budget_over();
}

static void wait_for_rewrites(struct lensi_region *region)
{
    if (rewrites_ahead(region) && !wait_for_prover(region, rewrites_ahead, 0))
        atomic_store(&region->rewritten_pages, (int64_t)most_ahead() - (int64_t)free_pages(region));
}

static void wait_for_fills(struct lensi_region *region, uint64_t page)
{
    if (fills_ahead(region) && !wait_for_prover(region, fills_ahead, page)) {
        uint64_t pages = atomic_load(&region->gate_proven) + most_ahead(), without = free_pages(region);
        atomic_store(&region->gate_handed, pages > without ? pages - without : 0);
    }
}

void lensi_throttle_rewrite(uint64_t page, uint64_t count)
{
    struct lensi_region *region = lensi_region_of(lensi_page_address(page));

    if (region->library)
        return;
    atomic_store(&region->rewritten_ns, lensi_sys_clock_ns());
    atomic_fetch_add(&region->rewritten_pages, (int64_t)count);
    if (lensi_backend->signal && !atomic_load(&lensi_chunk_of(page)->pins)) /* a service thread would keep everybody waiting */
        wait_for_rewrites(region);
}

void lensi_throttle_read(struct lensi_region *region)
{
    if (region->library || !lensi_budget_over())
        return;
    wait_for_rewrites(region);
    if (atomic_load(&region->gated))
        wait_for_fills(region, 0);
}

bool lensi_throttle_pass(uint64_t page)
{
    struct lensi_region *region = lensi_region_of(lensi_page_address(page));
    uint64_t end, count = 0;

    if (!region || !atomic_load(&region->gated))
        return false;
    if (atomic_load(&lensi_chunk_of(page)->pins) == 0)
        wait_for_fills(region, page);
    end = lensi_region_first_page(region) + lensi_region_pages(region);
    while ((count == 0 || (page + count) % LENSI_CHUNK_PAGES) && page + count < end && lensi_page_change(page + count, LENSI_PLAIN, LENSI_LEAVING))
        count++;
    if (!count)
        return false;
    lensi_backend->place(lensi_page_address(page), zeros, count << LENSI_PAGE_SHIFT, false); /* what is there stays */
    lensi_backend->unprotect(lensi_page_address(page), LENSI_PAGE);
    for (uint64_t i = 0; i < count; i++)
        lensi_page_set(page + i, LENSI_PLAIN);
    atomic_fetch_add(&region->gate_handed, count);
    return true;
}
