/*
 * file_mapping.c - verbatim pages mapped from the backing itself; see file_mapping.h.
 *
 * A truncation takes even the written pages of a private mapping away, so before a writer may go on every page must lie
 * in an anonymous mapping. A run is write-protected (who writes waits in his fault handler), copied, and replaced by
 * the copy in one call, which readers do not notice. The kernel's own writes cannot wait: what is pinned for them is
 * made ordinary memory first (lensi_file_mapping_keep).
 */
#include "liblens/source/file_mapping.h"

#include "liblens/base/cgroup.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/base/work.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/source/align.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#define RUN_PAGES 1024u
#define PIECES_MOST 8192u /* of 65,530 mappings that a process may have by default; copying needs some, too */
#define PATIENCE_ROUNDS 1000u /* a second */
#define PATIENCE_STEP_NS 1000000u
#define TIGHT_AGAIN_NS 1000000000u

static bool wanted;
static uint32_t pieces; /* mappings made, as far as they do not join with the one before */
static const char *fact; /* what the closing line says of the store */
static _Atomic uint64_t turns; /* runs that were begun to be copied */

void lensi_file_mapping_open(const struct lensi_plan *plan, enum lensi_store_choice choice, enum lensi_trust trust)
{
    /* A service thread is there for kernel entries that nobody pins for: these would fail while a page is copied. */
    if (!plan || trust != LENSI_TRUST_LEASE || choice == LENSI_STORE_NONE || !lensi_backend->signal)
        return;
    for (size_t i = 0; i < plan->sites_count; i++)
        wanted |= lensi_site_has_identity(&plan->sites[i]);
    lensi_aligning = wanted;
    fact = choice == LENSI_STORE_AUTO ? "auto: mapped from the file itself" : "none needed: mapped from the file itself";
}

bool lensi_file_mapping_takes_faults(void) { return wanted; }

/*
 * A fault may reach us when the copying is over. Only one that comes again, with nothing copied between, is the
 * program's.
 */
bool lensi_file_mapping_waits(const void *address)
{
    static _Thread_local const void *last __attribute__((tls_model("initial-exec")));
    static _Thread_local uint64_t last_turn __attribute__((tls_model("initial-exec")));
    const void *before = last;
    uint64_t turn_before = last_turn;

    lensi_page_wait(lensi_page_of(address));
    last = address;
    last_turn = atomic_load(&turns);
    return before != address || turn_before != last_turn;
}

/* ---- which pages */

/* Under a hard limit our budget keeps what pays, and the page cache keeps nothing of a loop: not mapped then. */
static bool is_tight(void)
{
    static uint64_t next_ns;
    static bool tight;
    uint64_t now = lensi_sys_clock_ns(), limit;
    struct lensi_cgroup group;

    if (now < next_ns)
        return tight;
    next_ns = now + TIGHT_AGAIN_NS;
    lensi_cgroup_find(&group);
    limit = lensi_cgroup_limit(&group);
    return tight = limit < lensi_memory_total() && lensi_counted(live_bytes) > limit / 2;
}

bool lensi_file_mapping_fits(const struct lensi_region *region, const struct lensi_segment *s)
{
    const struct lensi_backing *b = s->backing;

    return wanted && !region->library && !s->image && !s->failed && lensi_pipe_is_identity(s->pipe) &&
           (s->view_offset - s->start) % LENSI_PAGE == 0 && (atomic_load(&b->leased) || !b->lease_tried) && !atomic_load(&b->changed) &&
           (s->direct || !is_tight());
}

uint64_t lensi_file_mapping_span(const struct lensi_region *region, const struct lensi_segment *s, uint64_t page, uint64_t count, uint64_t *skip)
{
    uint64_t size = s->backing->identity.size_bytes, at = (page - lensi_region_first_page(region)) << LENSI_PAGE_SHIFT;
    uint64_t low = (s->start + LENSI_PAGE - 1) & ~(uint64_t)(LENSI_PAGE - 1), high = at + (count << LENSI_PAGE_SHIFT), end;

    if (s->view_offset >= size || !lensi_file_mapping_fits(region, s) || is_tight() || pieces >= PIECES_MOST)
        return 0;
    end = s->start + (size - s->view_offset);
    if (s->bytes >= size - s->view_offset) /* behind the end of the file the kernel gives zeros, as the view does */
        end = (end + LENSI_PAGE - 1) & ~(uint64_t)(LENSI_PAGE - 1);
    else
        end = (s->start + s->bytes) & ~(uint64_t)(LENSI_PAGE - 1);
    low = low > at ? low : at;
    high = high < end ? high : end;
    *skip = low < high ? (low - at) >> LENSI_PAGE_SHIFT : 0;
    return low < high ? (high - low) >> LENSI_PAGE_SHIFT : 0;
}

/* ---- mapping */

/* Behind the end of a file its last page may hold what a former writer of a shared mapping left there. */
static bool is_tail_clean(const struct lensi_backing *b, uint64_t offset, const uint8_t *expected)
{
    void *look;
    bool clean;

    if (offset + LENSI_PAGE <= b->identity.size_bytes)
        return true;
    look = lensi_sys_map(NULL, LENSI_PAGE, PROT_READ, MAP_PRIVATE, b->fd, offset, NULL);
    clean = look && lensi_sys_is_readable(look) && memcmp(look, expected, LENSI_PAGE) == 0;
    if (look)
        lensi_sys_unmap(look, LENSI_PAGE);
    return clean;
}

bool lensi_file_mapping_map(struct lensi_region *region, struct lensi_segment *s, uint64_t page, uint64_t count, const uint8_t *expected)
{
    uint64_t at = (page - lensi_region_first_page(region)) << LENSI_PAGE_SHIFT, offset = s->view_offset + at - s->start;
    uint64_t last = count - 1;

    if (!is_tail_clean(s->backing, offset + last * LENSI_PAGE, expected + last * LENSI_PAGE) ||
        !lensi_sys_map(lensi_page_address(page), count << LENSI_PAGE_SHIFT, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, s->backing->fd, offset, NULL))
        return false;
    pieces += !at || lensi_page_state(page - 1) != LENSI_MAPPED;
    s->direct = true;
    s->backing->direct = true;
    for (uint64_t i = 0; i < count; i++) {
        lensi_pages.segment[page + i] = (uint8_t)(s - region->segments);
        lensi_page_set(page + i, LENSI_MAPPED);
    }
    lensi_count(mapped_pages, count);
    lensi_count_site(region->site, mapped_now_pages, count);
    lensi_stats_say_store(fact);
    return true;
}

/* ---- making real */

static bool holds(const struct lensi_region *r, uint64_t page, const struct lensi_backing *backing)
{
    const struct lensi_segment *s;

    if (lensi_page_state(page) != LENSI_MAPPED)
        return false;
    s = &r->segments[lensi_pages.segment[page]];
    return s->direct && (!backing || s->backing == backing);
}

bool lensi_file_mapping_holds(uint64_t page)
{
    const struct lensi_region *r = wanted ? lensi_region_of(lensi_page_address(page)) : NULL;

    return r && holds(r, page, NULL);
}

/* By the kernel, so that a page that the disk does not give is an error and not a signal. */
static int copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
    struct iovec local = {to, bytes}, remote = {(void *)(uintptr_t)from, bytes};
    long got = lensi_sys(SYS_process_vm_readv, lensi_sys_process_id(), (long)&local, 1, (long)&remote, 1, 0);
    int64_t through;
    int fd;

    if (got == (long)bytes)
        return 0;
    if (got != -EPERM && got != -ENOSYS)
        return got < 0 ? (int)got : -EIO;
    fd = lensi_sys_memfd("lens-copy", 1 /* MFD_CLOEXEC */); /* a filter refuses the call above */
    if (fd < 0)
        return fd;
    through = lensi_sys_pwrite(fd, from, bytes, 0);
    if (through == (int64_t)bytes)
        through = lensi_sys_pread(fd, to, bytes, 0);
    lensi_sys_close(fd);
    return through == (int64_t)bytes ? 0 : through < 0 ? (int)through : -EIO;
}

static int replace(uint8_t *at, size_t bytes)
{
    int result = 0;
    uint8_t *fresh = lensi_sys_map(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, &result);

    if (fresh)
        result = lensi_sys_protect(at, bytes, PROT_READ);
    if (result == 0)
        result = copy(fresh, at, bytes);
    if (result == 0) {
        long moved = lensi_sys(SYS_mremap, (long)fresh, (long)bytes, (long)bytes, MREMAP_MAYMOVE | MREMAP_FIXED, (long)at, 0);
        result = moved < 0 && moved > -4096 ? (int)moved : 0;
    }
    if (result < 0 && fresh)
        lensi_sys_unmap(fresh, bytes);
    return result;
}

/* Out of memory for a moment is no reason to stop. Who writes meanwhile waits. */
static int replace_patiently(uint8_t *at, size_t bytes)
{
    static const _Atomic uint32_t never;
    int result = replace(at, bytes);

    for (unsigned round = 0; result == -ENOMEM && round < PATIENCE_ROUNDS; round++) {
        lensi_budget_relieve();
        lensi_sys_futex_wait(&never, 0, PATIENCE_STEP_NS);
        result = replace(at, bytes);
    }
    return result;
}

void lensi_file_mapping_make_real(struct lensi_region *r, uint64_t page, uint64_t end, const struct lensi_backing *backing)
{
    while (page < end) {
        uint64_t n = 0;
        int result;
        atomic_fetch_add(&turns, 1);
        while (n < RUN_PAGES && page + n < end && holds(r, page + n, backing) && lensi_page_change(page + n, LENSI_MAPPED, LENSI_BUSY))
            n++;
        if (!n) {
            page++;
            continue;
        }
        result = replace_patiently(lensi_page_address(page), n << LENSI_PAGE_SHIFT);
        if (result < 0)
            lensi_stop("%s is about to be written, and memory that is mapped from it cannot be copied (error %d): address %p",
                       r->segments[lensi_pages.segment[page]].backing->path, -result, (void *)lensi_page_address(page));
        for (uint64_t i = 0; i < n; i++)
            lensi_page_set(page + i, LENSI_PLAIN);
        lensi_uncount_site(r->site, mapped_now_pages, n);
        pieces += n < RUN_PAGES;
        lensi_region_plain(r, (int64_t)n);
        page += n;
    }
}

void lensi_file_mapping_make_all_real(const struct lensi_backing *backing)
{
    for (uint32_t i = 0; i < lensi_regions_high(); i++) {
        struct lensi_region *r = lensi_region_at(i);
        uint64_t first = lensi_region_first_page(r);
        if (atomic_load(&r->life) == LENSI_REGION_LIVE && r->segments_count)
            lensi_file_mapping_make_real(r, first, first + lensi_region_pages(r), backing);
    }
}

void lensi_file_mapping_keep(uint64_t page, uint64_t end)
{
    struct lensi_region *r = lensi_region_of(lensi_page_address(page));

    while (page < end && !lensi_file_mapping_holds(page))
        page++;
    if (page == end)
        return;
    lensi_lock(&lensi_prover_lock);
    lensi_file_mapping_make_real(r, page, end, NULL);
    lensi_unlock(&lensi_prover_lock);
}
