/* budget.c - residency within bounds; see budget.h. The lock guards the policy; nobody waits for anything under it. */
#include "liblens/memory/budget.h"

#include "liblens/base/arena.h"
#include "liblens/base/cgroup.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/lift.h"
#include "liblens/memory/pages.h"
#include "liblens/memory/policy.h"
#include "liblens/memory/region.h"

#include <errno.h>
#include <string.h>

/* Fewer pages than one instruction can touch would never get on. */
#define LEAST_PAGES 64u
/* With less room, a window would be evicted before it is used, where plain pages leave nothing of the budget. */
#define STREAM_PAGES 320u
#define AUTO_LEAST_BYTES (16ull << 20)
#define EVERYTHING_PAGES (1ull << 40) /* handles add to it, and take away */
/*
 * Dropped in one call: what that costs (an interrupt of every CPU, a call of the hypervisor) is shared by all of them.
 */
#define VICTIMS 256
#define SPARE_SHARE 16
#define SPARE_PAGES 224
#define HELD_MS 1000u /* until what the kernel holds is tried again */
#define ADAPT_NS 500000000u
/*
 * Under a hard limit: how soon to look again, how long the rest must be calm before more is taken, and what stays free.
 */
#define ADAPT_TIGHT_NS 30000000u
#define CALM_NS 300000000u
#define CALM_BYTES (1u << 20)
#define FREE_SHARE 16
#define FREE_LEAST_BYTES (2u << 20)
#define FREE_MOST_BYTES (16u << 20)

static struct lensi_lock lock;
static struct lensi_policy *policy;
static bool automatic;
static _Atomic uint64_t budget_pages = LENS_UNKNOWN;
static _Atomic int64_t plain;
static uint64_t raised_pages; /* the prover's: an automatic budget is not less */
static uint64_t adapted_ns, stall_us;
static unsigned pressure_shift;
static uint64_t limit_pages = LENS_UNKNOWN; /* of the control group */
static struct lensi_cgroup group;
static uint64_t others_bytes, calm_since_ns; /* what the group holds besides ours and files, when it last grew */

int lensi_budget_open(const struct lensi_budget_spec *spec)
{
    uint64_t bytes = lensi_budget_bytes(spec), capacity = lensi_pages.count < 1ull << 26 ? lensi_pages.count : 1ull << 26;
    void *memory = lensi_arena_map(lensi_policy_bytes(lensi_pages.count, capacity));

    automatic = bytes == LENS_UNKNOWN;
    if (automatic) {
        lensi_cgroup_find(&group);
        limit_pages = lensi_cgroup_limit(&group) == LENS_UNKNOWN ? LENS_UNKNOWN : lensi_cgroup_limit(&group) >> LENSI_PAGE_SHIFT;
        bytes = AUTO_LEAST_BYTES;
        if (limit_pages != LENS_UNKNOWN && bytes > limit_pages / 4 * LENSI_PAGE)
            bytes = limit_pages / 4 * LENSI_PAGE;
    }
    if (!memory)
        return -ENOMEM;
    bytes >>= LENSI_PAGE_SHIFT;
    bytes = bytes < LEAST_PAGES ? LEAST_PAGES : bytes > capacity ? capacity : bytes;
    policy = lensi_policy_init(memory, lensi_pages.count, capacity, bytes);
    atomic_store(&budget_pages, bytes);
    lensi_stats_say_budget(bytes << LENSI_PAGE_SHIFT);
    return 0;
}

uint64_t lensi_budget_pages(void) { return atomic_load_explicit(&budget_pages, memory_order_relaxed); }

void lensi_budget_grow(int64_t pages) { atomic_fetch_add(&budget_pages, (uint64_t)pages); }

void lensi_budget_raise(uint64_t pages)
{
    raised_pages = pages;
    atomic_store(&budget_pages, pages == LENS_UNKNOWN ? EVERYTHING_PAGES : pages);
    lensi_stats_say_budget(pages == LENS_UNKNOWN ? LENS_UNKNOWN : pages << LENSI_PAGE_SHIFT);
}

void lensi_budget_plain(int64_t pages) { atomic_fetch_add(&plain, pages); }

uint64_t lensi_budget_in_use(void)
{
    int64_t pages = atomic_load(&plain) + (int64_t)lensi_counted(resident_pages);

    return pages > 0 ? (uint64_t)pages : 0;
}

bool lensi_budget_over(void) { return lensi_budget_in_use() > lensi_budget_pages(); }

uint64_t lensi_budget_room(void)
{
    int64_t taken = atomic_load(&plain);
    uint64_t all = lensi_budget_pages(), least = all / 8 > STREAM_PAGES ? all / 8 : STREAM_PAGES;

    if (least > all)
        least = all;
    if (taken <= 0)
        return all;
    return (uint64_t)taken + least < all ? all - (uint64_t)taken : least;
}

static uint32_t site_of(uint64_t page) { return lensi_region_of(lensi_page_address(page))->site; }

void lensi_budget_insert(uint64_t first, uint64_t count, int64_t touched)
{
    lensi_lock(&lock);
    for (uint64_t page = first; page < first + count; page++)
        lensi_policy_insert(policy, (uint32_t)page, touched >= 0 && page != (uint64_t)touched);
    lensi_unlock(&lock);
    lensi_count_site(site_of(first), resident_pages, count);
}

void lensi_budget_remove(uint64_t page)
{
    lensi_lock(&lock);
    lensi_policy_remove(policy, (uint32_t)page);
    lensi_unlock(&lock);
    lensi_uncount_site(site_of(page), resident_pages, 1);
}

/* At least `more` of them, if there are. */
static size_t choose_victims(uint32_t *victims, size_t more)
{
    uint64_t room = lensi_budget_room(), resident, goal;
    size_t n = 0;

    lensi_lock(&lock);
    resident = lensi_policy_resident(policy);
    if (more && resident > more && room > resident - more)
        room = resident - more;
    lensi_policy_set_budget(policy, room);
    goal = lensi_policy_budget(policy);
    if (resident > goal) /* a few more: one call for all costs less than one for each */
        goal -= goal / SPARE_SHARE < SPARE_PAGES ? goal / SPARE_SHARE : SPARE_PAGES;
    while (n < VICTIMS && lensi_policy_resident(policy) > goal) {
        int64_t victim = lensi_policy_victim(policy);
        if (victim < 0)
            break;
        victims[n++] = (uint32_t)victim;
    }
    lensi_unlock(&lock);
    for (size_t i = 1; i < n; i++) { /* neighbours go in one call; the list is nearly in order already */
        uint32_t v = victims[i];
        size_t k = i;
        for (; k > 0 && victims[k - 1] > v; k--)
            victims[k] = victims[k - 1];
        victims[k] = v;
    }
    return n;
}

/* PROVEN -> BUSY unless somebody has it pinned or has written it. */
static bool take_for_drop(uint64_t page)
{
    if (!lensi_page_change(page, LENSI_PROVEN, LENSI_BUSY))
        return false;
    if (atomic_load(&lensi_chunk_of(page)->pins) == 0)
        return true;
    lensi_page_set(page, LENSI_PROVEN);
    return false;
}

static void account_run(uint64_t first, uint64_t count, bool gone)
{
    uint32_t site = site_of(first);

    /*
     * Counted before it shows: who brings a page back at once counts it out, and a block without BUSY pages may be
     * freed.
     */
    lensi_uncount_site(site, resident_pages, count);
    if (gone)
        lensi_count_site(site, absent_pages, count);
    else
        lensi_budget_insert(first, count, -1);
    for (uint64_t page = first; page < first + count; page++)
        lensi_page_set(page, gone ? LENSI_ABSENT : LENSI_PROVEN);
    if (!gone)
        return;
    lensi_count(evicted_pages, count);
    lensi_count(dropped_pages, count);
    lensi_stats_peak(&lensi_gauges.stats.absent_pages_peak, lensi_counted(absent_pages) + lensi_counted(mapped_now_pages));
}

/* BUSY pages with other bytes than were proven, or that the kernel holds and may yet write: ordinary memory again. */
static void account_changed(uint64_t first, uint64_t count)
{
    struct lensi_region *region = lensi_region_of(lensi_page_address(first));

    lensi_uncount_site(region->site, resident_pages, count);
    lensi_region_plain(region, (int64_t)count);
    lensi_count_site(region->site, kept_pages, count);
    lensi_count(held_pages, count);
    lensi_pages_forget(first, count);
    lensi_backend->unprotect(lensi_page_address(first), count << LENSI_PAGE_SHIFT);
    for (uint64_t page = first; page < first + count; page++) {
        lensi_chunk_of(page)->next_try_ms = (uint32_t)(lensi_sys_clock_ns() / 1000000u) + HELD_MS;
        lensi_page_set(page, LENSI_PLAIN);
    }
}

/* Drops a run of BUSY pages that the program has filled itself. How many pages are gone. */
static size_t lift_run(uint64_t first, uint64_t count)
{
    enum lensi_lifted what[LENSI_OUT_PAGES];
    size_t pages = 0;

    for (uint64_t done = 0, n; done < count; done += n) {
        n = count - done < LENSI_OUT_PAGES ? count - done : LENSI_OUT_PAGES;
        lensi_lift_drop(first + done, n, what);
        for (uint64_t i = 0, same; i < n; i += same) {
            for (same = 1; i + same < n && what[i + same] == what[i]; same++)
                ;
            if (what[i] == LENSI_CHANGED)
                account_changed(first + done + i, same);
            else
                account_run(first + done + i, same, what[i] == LENSI_GONE);
            pages += what[i] == LENSI_GONE ? same : 0;
        }
    }
    return pages;
}

/* Drops runs of BUSY pages. How many pages are gone. */
static size_t drop_runs(const struct iovec *runs, size_t count)
{
    size_t many = lensi_backend->drop_many && count > 1 ? lensi_backend->drop_many(runs, count) : 0, pages = 0;

    for (size_t i = 0; i < count; i++) {
        bool gone = i < many || lensi_backend->drop(runs[i].iov_base, runs[i].iov_len) == 0;
        account_run(lensi_page_of(runs[i].iov_base), runs[i].iov_len >> LENSI_PAGE_SHIFT, gone);
        pages += gone ? runs[i].iov_len >> LENSI_PAGE_SHIFT : 0;
    }
    return pages;
}

/*
 * Victims that cannot go now go back to the policy (BUSY: being placed, or its pins being looked at); if written
 * meanwhile, their writer has counted them out.
 */
static void put_back(uint64_t page)
{
    lensi_lock(&lock);
    if (lensi_page_state(page) == LENSI_PROVEN || lensi_page_state(page) == LENSI_BUSY)
        lensi_policy_insert(policy, (uint32_t)page, 0);
    lensi_unlock(&lock);
}

static bool go_together(uint64_t first, uint64_t run, uint64_t page)
{
    return page == first + run && lensi_lift_is_due(page) == lensi_lift_is_due(first) && lensi_region_of(lensi_page_address(page)) == lensi_region_of(lensi_page_address(first));
}

/* Takes the victims that may go, in runs of neighbours; the others stay. How many runs; *gone pages are so already. */
static size_t take_runs(const uint32_t *victims, size_t count, struct iovec *runs, size_t *gone)
{
    size_t taken = 0;

    for (size_t i = 0, run; i < count; i += run ? run : 1) {
        for (run = 0; i + run < count && go_together(victims[i], run, victims[i + run]) && take_for_drop(victims[i + run]); run++)
            ;
        if (run)
            runs[taken++] = (struct iovec){lensi_page_address(victims[i]), run << LENSI_PAGE_SHIFT};
        else
            put_back(victims[i]);
        if (run && lensi_lift_is_due(victims[i]))
            *gone += lift_run(victims[i], run), taken--;
    }
    return taken;
}

/* How many were dropped. */
static size_t drop_all(const uint32_t *victims, size_t n)
{
    struct iovec runs[VICTIMS];
    size_t gone = 0, taken = take_runs(victims, n, runs, &gone);

    return gone + drop_runs(runs, taken);
}

void lensi_budget_enforce(void)
{
    uint32_t victims[VICTIMS];

    for (unsigned rounds = 0; rounds < 64; rounds++) {
        size_t n = choose_victims(victims, 0), dropped = drop_all(victims, n);
        if (n < VICTIMS || !dropped)
            return;
    }
}

uint64_t lensi_budget_drop(uint64_t page, uint64_t count)
{
    uint64_t dropped = 0;

    for (uint64_t i = 0, run; i < count; i += run ? run : 1) {
        for (run = 0; i + run < count && go_together(page + i, run, page + i + run) && take_for_drop(page + i + run); run++) {
            lensi_lock(&lock);
            lensi_policy_remove(policy, (uint32_t)(page + i + run));
            lensi_unlock(&lock);
        }
        if (run && lensi_lift_is_due(page + i))
            dropped += lift_run(page + i, run);
        else if (run)
            dropped += drop_runs(&(struct iovec){lensi_page_address(page + i), run << LENSI_PAGE_SHIFT}, 1);
    }
    return dropped;
}

void lensi_budget_relieve(void)
{
    uint32_t victims[VICTIMS];

    drop_all(victims, choose_victims(victims, VICTIMS / 4));
}

/* Microseconds that tasks have stalled on memory, from /proc/pressure/memory ("some … total="); 0 if not offered. */
static uint64_t memory_stall_us(void)
{
    char text[256], *at;
    int fd = lensi_sys_open("/proc/pressure/memory", O_RDONLY | O_CLOEXEC, 0);
    int64_t got = fd < 0 ? -1 : lensi_sys_pread(fd, text, sizeof text - 1, 0);
    uint64_t total = 0;

    if (fd >= 0)
        lensi_sys_close(fd);
    if (got <= 0)
        return 0;
    text[got] = 0;
    at = strstr(text, "total=");
    for (at = at ? at + 6 : text; *at >= '0' && *at <= '9'; at++)
        total = total * 10 + (uint64_t)(*at - '0');
    return total;
}

/* An eighth of what is virtualised and touched, at least 16 MiB, halved for each second with stalls. */
static uint64_t modest_pages(void)
{
    int64_t taken = atomic_load(&plain);
    uint64_t stalled = memory_stall_us(), least = AUTO_LEAST_BYTES >> LENSI_PAGE_SHIFT;
    uint64_t touched = (uint64_t)(taken > 0 ? taken : 0) + lensi_counted(resident_pages) + lensi_counted(absent_pages);

    if (stall_us && stalled > stall_us + 25000)
        pressure_shift += pressure_shift < 6;
    else if (pressure_shift)
        pressure_shift--;
    stall_us = stalled;
    return (touched / 8 > least ? touched / 8 : least) >> pressure_shift;
}

/*
 * All that a hard limit leaves beside what cannot be given up and a little for files: a page less would be another
 * fault, and nobody else could use it. Stalls say nothing here: files that do not fit into the group make them, too.
 * What was swapped out had to make room for us: it counts as if it were there.
 */
static uint64_t room_in_group(const struct lensi_cgroup_use *use, uint64_t now_ns)
{
    uint64_t ours = lensi_budget_in_use() << LENSI_PAGE_SHIFT, held = use->bytes + use->swap_bytes;
    uint64_t rest = ours + use->file_bytes, others = held > rest ? held - rest : 0, free = use->limit_bytes / FREE_SHARE, now = lensi_budget_pages(), room;

    free = free < FREE_LEAST_BYTES ? FREE_LEAST_BYTES : free > FREE_MOST_BYTES ? FREE_MOST_BYTES : free;
    room = others + free < use->limit_bytes ? (use->limit_bytes - others - free) >> LENSI_PAGE_SHIFT : 0;
    if (others > others_bytes + CALM_BYTES || others + CALM_BYTES < others_bytes) {
        if (others > others_bytes)
            calm_since_ns = now_ns;
        others_bytes = others;
    }
    if (room <= now)
        return room;
    if (now_ns - calm_since_ns < CALM_NS) /* it may go on growing, faster than anybody looks */
        return now;
    return room < now + now / 8 + LEAST_PAGES ? room : now + now / 8 + LEAST_PAGES;
}

/* What the program holds would not fit into the limit. */
static bool is_tight(void) { return limit_pages != LENS_UNKNOWN && lensi_counted(live_bytes) >> LENSI_PAGE_SHIFT > limit_pages / 2; }

void lensi_budget_adapt(uint64_t now_ns)
{
    struct lensi_cgroup_use use;
    uint64_t want;

    if (!automatic || raised_pages == LENS_UNKNOWN || now_ns - adapted_ns < (is_tight() ? ADAPT_TIGHT_NS : ADAPT_NS))
        return;
    adapted_ns = now_ns;
    if (is_tight() && lensi_cgroup_use(&group, &use)) {
        want = room_in_group(&use, now_ns);
    } else {
        want = modest_pages();
        if (want > limit_pages / 4) /* a hard limit has to hold the rest of the program too */
            want = limit_pages / 4;
        want = want < raised_pages ? raised_pages : want;
    }
    want = want < LEAST_PAGES ? LEAST_PAGES : want;
    atomic_store(&budget_pages, want);
    lensi_stats_say_budget(want << LENSI_PAGE_SHIFT);
    if (lensi_budget_over())
        lensi_budget_enforce();
}

bool lensi_budget_is_watched(void) { return automatic && is_tight(); }

void lensi_budget_before_fork(void) { lensi_lock(&lock); }

void lensi_budget_after_fork(void) { lensi_unlock(&lock); }
