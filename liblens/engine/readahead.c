/* readahead.c - see readahead.h. A slot's state is the lock on its fields; only its holder touches them. */
#include "liblens/engine/readahead.h"

#include "liblens/base/arena.h"
#include "liblens/base/helper.h"
#include "liblens/base/stats.h"
#include "liblens/source/images.h"
#include "liblens/source/source.h"

#include <sched.h>
#include <sys/prctl.h>

#define SLOTS 8
#define SLOTS_FOR_NEXT 2 /* what a stream wants beyond its next window leaves so many free for other streams */

#define CALM_NS 200000000u /* nobody has asked for so long: no stream goes on */
#define LONE_PAGES 8u
#define LONE_TIMED_ONE_IN 8u /* the clock costs, too */
#define LONE_OTHER_ONE_IN 64u
#define LONE_NS_MOST 100000000u

enum { EMPTY, FILLING, WANTED, WORKING, READY, TAKEN };

static struct lensi_slot slots[SLOTS];
static _Atomic uint32_t calls, sleeping, turn, wishes;
static _Atomic bool ended;
static _Atomic uint32_t runs_in;

/* ---- where bytes come from */

enum source { BY_LENS, FROM_IMAGE };

static bool is_known(const struct lensi_view *view, enum source source)
{
    return atomic_load_explicit(&view->lone_ns[source], memory_order_relaxed) > 0;
}

/* What has cost less of late; the other one now and then. */
static enum source choose_source(const struct lensi_view *view, uint32_t nth)
{
    enum source better = atomic_load_explicit(&view->lone_ns[BY_LENS], memory_order_relaxed) <
                                 atomic_load_explicit(&view->lone_ns[FROM_IMAGE], memory_order_relaxed)
                             ? BY_LENS
                             : FROM_IMAGE;

    if (!is_known(view, BY_LENS) || !is_known(view, FROM_IMAGE))
        return is_known(view, FROM_IMAGE) ? BY_LENS : FROM_IMAGE;
    return nth % LONE_OTHER_ONE_IN ? better : better == BY_LENS ? FROM_IMAGE : BY_LENS;
}

static void note_cost(struct lensi_view *view, enum source source, uint64_t ns)
{
    uint64_t before = atomic_load_explicit(&view->lone_ns[source], memory_order_relaxed), now;

    ns = ns < LONE_NS_MOST ? ns : LONE_NS_MOST;
    now = before ? (before * 7 + ns) / 8 : ns;
    atomic_store_explicit(&view->lone_ns[source], (uint32_t)(now ? now : 1), memory_order_relaxed);
}

/*
 * A page alone: an image on a slow disk may cost more than the lens over a file that is in the page cache, and the
 * other way round. For a window of many pages the image is the better source, as it is read in one go.
 */
static bool make_alone(struct lensi_region *region, uint32_t segment, uint64_t page, uint64_t count, struct lensi_workspace *workspace,
                       uint8_t *out)
{
    const struct lensi_segment *s = &region->segments[segment];
    uint32_t nth = atomic_fetch_add_explicit(&s->view->lone_turns, 1, memory_order_relaxed);
    enum source source = choose_source(s->view, nth);
    bool timed = nth % LONE_TIMED_ONE_IN == 0 || !is_known(s->view, source), made;
    uint64_t start = timed ? lensi_sys_clock_ns() : 0;

    made = source == BY_LENS ? lensi_source_expect(region, segment, page, count, workspace, out, false) == 0
                             : lensi_images_fetch(region, s, page, count, out);
    if (made && timed)
        note_cost(s->view, source, lensi_sys_clock_ns() - start);
    return made;
}

int lensi_make(struct lensi_region *region, uint32_t segment, uint64_t page, uint64_t count, struct lensi_workspace *workspace,
               uint8_t *out)
{
    const struct lensi_segment *s = &region->segments[segment];

    if (count < LONE_PAGES && s->image && lensi_backing_stays(s->backing) && make_alone(region, segment, page, count, workspace, out))
        return 0;
    if (lensi_images_fetch(region, s, page, count, out))
        return 0;
    return lensi_source_expect(region, segment, page, count, workspace, out, false);
}

static bool change(struct lensi_slot *slot, uint32_t from, uint32_t to) { return atomic_compare_exchange_strong(&slot->state, &from, to); }

static void set(struct lensi_slot *slot, uint32_t to)
{
    atomic_store(&slot->state, to);
    lensi_sys_futex_wake(&slot->state, 64);
}

/* ---- the thread */

static bool work(struct lensi_slot *slot)
{
    struct lensi_workspace *w;
    int result;

    if (!change(slot, WANTED, WORKING))
        return false;
    w = lensi_workspace_claim();
    result = lensi_make(slot->region, slot->segment, slot->page, slot->count, w, slot->bytes);
    lensi_workspace_release(w);
    set(slot, result == 0 ? READY : EMPTY);
    return true;
}

static struct lensi_slot *oldest_wish(void)
{
    struct lensi_slot *oldest = NULL;

    for (unsigned i = 0; i < SLOTS; i++)
        if (atomic_load(&slots[i].state) == WANTED && (!oldest || (int32_t)(slots[i].wish - oldest->wish) < 0))
            oldest = &slots[i];
    return oldest;
}

/*
 * Windows that nobody came for are forgotten, and the memory of all is given back: under a limit pages may be kept
 * there.
 */
static void give_memory_back(void)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (change(&slots[i], READY, FILLING) || change(&slots[i], EMPTY, FILLING)) {
            lensi_sys_advise(slots[i].bytes, LENSI_READAHEAD_PAGES * LENSI_PAGE, MADV_DONTNEED);
            set(&slots[i], EMPTY);
        }
}

/* Until something is wished after `heard`; `most_ns` 0: for as long as it takes. False when it took too long. */
static bool wait_for_wish(uint32_t heard, uint64_t most_ns)
{
    atomic_store(&sleeping, 1);
    if (atomic_load(&calls) == heard)
        lensi_sys_futex_wait(&calls, heard, most_ns);
    atomic_store(&sleeping, 0);
    return atomic_load(&calls) != heard;
}

static void *ahead(void *nothing)
{
    (void)nothing;
    lensi_helper_named("lens-ahead");
    while (!atomic_load(&ended)) {
        uint32_t heard = atomic_load(&calls);
        struct lensi_slot *slot = oldest_wish();
        if (slot) {
            work(slot);
        } else if (!wait_for_wish(heard, CALM_NS)) {
            give_memory_back();
            wait_for_wish(heard, 0);
        }
    }
    return NULL;
}

void lensi_readahead_start(void)
{
    uint32_t me = (uint32_t)lensi_sys_process_id(), nobody = 0;

    if (atomic_load(&ended) || atomic_load(&runs_in) || lensi_helper_cpus() < 2)
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        if (!slots[i].bytes && !(slots[i].bytes = lensi_arena_map(LENSI_READAHEAD_PAGES * LENSI_PAGE)))
            return;
    if (!atomic_compare_exchange_strong(&runs_in, &nobody, me))
        return;
    if (lensi_helper_start(ahead, NULL) < 0)
        atomic_store(&runs_in, 0);
}

void lensi_readahead_end(void)
{
    atomic_store(&ended, true);
    atomic_fetch_add(&calls, 1);
    lensi_sys_futex_wake(&calls, 1);
}

/* ---- the fault path */

uint64_t lensi_readahead_wanted_to(uint64_t page)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        uint32_t state = atomic_load(&slots[i].state);
        if ((state == WANTED || state == WORKING || state == READY) && page - slots[i].page < slots[i].count)
            return slots[i].page + slots[i].count;
    }
    return 0;
}

static unsigned empty_slots(void)
{
    unsigned empty = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        empty += atomic_load(&slots[i].state) == EMPTY;
    return empty;
}

/* A free slot; for the next window of a stream also one whose window nobody came for. */
static struct lensi_slot *slot_for_wish(bool is_next)
{
    struct lensi_slot *stale;

    if (!is_next && empty_slots() <= SLOTS_FOR_NEXT)
        return NULL;
    for (unsigned i = 0; i < SLOTS; i++)
        if (change(&slots[i], EMPTY, FILLING))
            return &slots[i];
    stale = &slots[atomic_fetch_add(&turn, 1) % SLOTS];
    return is_next && change(stale, READY, FILLING) ? stale : NULL;
}

void lensi_readahead_want(struct lensi_region *region, uint64_t page, uint64_t count, uint32_t segment, bool is_next)
{
    struct lensi_slot *slot;

    if (!atomic_load_explicit(&runs_in, memory_order_relaxed) || !(slot = slot_for_wish(is_next)))
        return;
    slot->region = region;
    slot->page = page;
    slot->count = count < LENSI_READAHEAD_PAGES ? count : LENSI_READAHEAD_PAGES;
    slot->segment = segment;
    slot->wish = atomic_fetch_add(&wishes, 1);
    atomic_store(&slot->state, WANTED);
    atomic_fetch_add(&calls, 1);
    if (atomic_load(&sleeping))
        lensi_sys_futex_wake(&calls, 1);
}

/* Instead of waiting for page: makes a window that the same stream comes to next. */
static bool help(const struct lensi_region *region, uint64_t page)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (atomic_load(&slots[i].state) == WANTED && slots[i].region == region && slots[i].page - page < SLOTS * LENSI_READAHEAD_PAGES)
            return work(&slots[i]);
    return false;
}

struct lensi_slot *lensi_readahead_take(uint64_t page)
{
    if (!atomic_load_explicit(&runs_in, memory_order_relaxed))
        return NULL;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct lensi_slot *slot = &slots[i];
        uint32_t state;
        while (state = atomic_load(&slot->state), page - slot->page < slot->count) {
            if (state == READY && change(slot, READY, TAKEN)) {
                if (page - slot->page < slot->count)
                    return slot;
                set(slot, READY);
            } else if (state == WORKING) {
                if (!help(slot->region, page))
                    lensi_sys_futex_wait(&slot->state, WORKING, 500000);
            } else if (state == WANTED && change(slot, WANTED, EMPTY)) {
                break; /* not begun: quicker ourselves */
            } else if (state == EMPTY || state == TAKEN || state == FILLING) {
                break;
            }
        }
    }
    return NULL;
}

void lensi_readahead_release(struct lensi_slot *slot) { set(slot, EMPTY); }

void lensi_readahead_forget(const struct lensi_region *region)
{
    for (unsigned i = 0; i < SLOTS; i++)
        while (slots[i].region == region) {
            uint32_t state = atomic_load(&slots[i].state);
            if (state == EMPTY)
                break;
            if ((state == WANTED || state == READY) && change(&slots[i], state, EMPTY))
                break;
            lensi_sys_yield();
        }
}

void lensi_readahead_after_fork(void)
{
    atomic_store(&runs_in, 0);
    atomic_store(&sleeping, 0);
    for (unsigned i = 0; i < SLOTS; i++)
        atomic_store(&slots[i].state, EMPTY);
}
