/* images.c - which views go to the view store, and when; see images.h. Only the prover writes here. */
#include "liblens/source/images.h"

#include "liblens/base/cgroup.h"
#include "liblens/base/checksum.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/memory/lift.h"
#include "liblens/source/file_mapping.h"
#include "liblens/source/open_files.h"
#include "liblens/source/source.h"

#include <errno.h>
#include <string.h>

#define BUSY_RETRY_NS 100000000u
/* What it takes to write a page to an image and map it. */
#define WRITE_NS_PER_PAGE 1500u
/* Less than this spent in faults is not worth a file. */
#define FAULTS_LEAST_NS 250000000u
#define SETTLE_AGAIN_NS 1000000000u
#define FAILURES_MOST 16u /* of runs that were made, and found no room in the image */
#define LOADED_NS 1000000000u

static struct lensi_store *store;
static enum lensi_store_choice choice = LENSI_STORE_NONE;
static const char *store_dir;
static uint64_t store_limit;
static bool tried, maps = true, worth, is_child;

void lensi_images_open(enum lensi_store_choice with, const char *dir, uint64_t limit_bytes)
{
    choice = with;
    store_dir = dir;
    store_limit = limit_bytes;
    worth = with != LENSI_STORE_AUTO;
    lensi_stats_say_store(with == LENSI_STORE_NONE ? "none" : with == LENSI_STORE_AUTO ? "auto: none needed" : "none yet");
}

void lensi_images_close(void) { lensi_store_close(store); }

void lensi_images_after_fork(void)
{
    is_child = true;
    if (store)
        lensi_store_after_fork(store);
}

/* A hard limit that what is virtualised will not fit into beside its program. */
static bool is_memory_tight(void)
{
    struct lensi_cgroup group;
    uint64_t limit;

    lensi_cgroup_find(&group);
    limit = lensi_cgroup_limit(&group);
    return limit < lensi_memory_total() && lensi_counted(live_bytes) > limit / 2;
}

static struct lensi_store *open_store(void)
{
    enum lensi_store_choice kind = choice == LENSI_STORE_AUTO ? LENSI_STORE_DISK : choice;
    struct lens_error error = {.at = -1};

    if (tried || choice == LENSI_STORE_NONE)
        return store;
    tried = true;
    maps = !is_memory_tight();
    if (lensi_store_open(kind, store_dir, store_limit, &store, &error) < 0) {
        store = NULL;
        choice = LENSI_STORE_NONE;
        lensi_stats_say_store("none");
        lensi_warn("no view store: %s; going on without it, pages are made again by their lens", error.text);
    } else if (choice != LENSI_STORE_AUTO) {
        lensi_stats_say_store(kind == LENSI_STORE_DISK ? "disk" : "memory");
    }
    return store;
}

/* ---- when */

void lensi_images_consider(void)
{
    uint64_t spent = lensi_counted(fault_ns), pages = lensi_counted(absent_pages) + lensi_counted(resident_pages);
    uint64_t made = lensi_counted(faulted_pages), price = pages * (WRITE_NS_PER_PAGE + (made ? spent / made : 0));

    if (worth || choice != LENSI_STORE_AUTO || spent < FAULTS_LEAST_NS || spent < price)
        return;
    worth = true;
    if (open_store())
        lensi_stats_say_store("auto: disk, as faults cost more");
}

static uint64_t view_pages(const struct lensi_region *region, const struct lensi_segment *s, uint64_t region_pages)
{
    uint64_t end = lensi_view_end(s->view);

    (void)region;
    return end != LENS_UNKNOWN ? end / LENSI_PAGE + 2 : s->view_offset / LENSI_PAGE + region_pages + 2;
}

/*
 * Under a hard limit, an image of a file's own bytes would be a second file to read them from: past the page cache, and
 * after they were written.
 */
static bool is_file_as_good(const struct lensi_segment *s)
{
    return choice == LENSI_STORE_AUTO && !maps && lensi_pipe_is_identity(s->pipe) && lensi_backing_stays(s->backing);
}

/* The image that this segment's pages come from or go to; NULL if they are only to be made by the lens. */
static struct lensi_image *image_of(struct lensi_region *region, struct lensi_segment *s)
{
    const struct lensi_identity *identity = s->backing ? &s->backing->identity : NULL;
    uint32_t shift = (uint32_t)((s->view_offset - s->start) % LENSI_PAGE);
    struct lensi_image *image = NULL;
    bool hit = false;
    int result;

    if (s->snapshot || s->zeros || s->direct || lensi_file_mapping_fits(region, s))
        return NULL;
    if (s->image || s->image_tried || region->library || choice == LENSI_STORE_NONE || s->image_next_ns > lensi_sys_clock_ns() || !open_store())
        return s->image;
    if (is_file_as_good(s))
        return NULL;
    if (!s->image_looked) {
        s->image_looked = true;
        hit = lensi_image_find(store, identity, s->pipe->text, shift, view_pages(region, s, lensi_region_pages(region)), &image) == 0;
    }
    if (hit)
        lensi_count_site(region->site, store_hits, 1);
    if (hit && choice == LENSI_STORE_AUTO)
        lensi_stats_say_store("auto: disk, from an earlier run");
    if (!hit && worth) {
        result = lensi_image_open(store, identity, s->pipe->text, shift, view_pages(region, s, region->span_bytes / LENSI_PAGE), &image, &hit);
        s->image_tried = result != -EBUSY;
        s->image_next_ns = result == -EBUSY ? lensi_sys_clock_ns() + BUSY_RETRY_NS : 0; /* another process is building it */
        if (result < 0)
            return NULL;
        if (!hit)
            lensi_image_describe(image, s->backing->path);
    }
    if (image && !maps)
        lensi_image_past_cache(image);
    if (image)
        lensi_image_use(image);
    return s->image = image;
}

void lensi_images_leave(struct lensi_segment *s)
{
    struct stat status;

    if (s->image)
        lensi_image_leave(s->image, (lensi_sys_stat(s->backing->fd, &status) == 0 && !status.st_nlink) || !lensi_backing_is_as_opened(s->backing));
    s->image = NULL;
}

void lensi_images_tidy(void)
{
    if (store)
        lensi_store_tidy(store);
}

/* ---- how */

uint64_t lensi_images_page(const struct lensi_region *region, const struct lensi_segment *s, uint64_t page)
{
    uint64_t at = (page - lensi_region_first_page(region)) << LENSI_PAGE_SHIFT;

    if (at < s->start)
        return LENS_UNKNOWN;
    if (s->bytes != LENS_UNKNOWN && at + LENSI_PAGE > s->start + s->bytes && s->view_offset + s->bytes != lensi_view_end(s->view))
        return LENS_UNKNOWN; /* the view goes on where this extent ends */
    return (s->view_offset + at - s->start) / LENSI_PAGE;
}

/* The first of the run's image pages, or LENS_UNKNOWN unless all of them are image pages. */
static uint64_t run_in_image(const struct lensi_region *region, const struct lensi_segment *s, uint64_t page, uint64_t count)
{
    if (lensi_images_page(region, s, page + count - 1) == LENS_UNKNOWN)
        return LENS_UNKNOWN;
    return lensi_images_page(region, s, page);
}

bool lensi_images_read(struct lensi_region *region, struct lensi_segment *s, uint64_t page, uint64_t count, uint8_t *out)
{
    struct lensi_image *image = image_of(region, s);
    uint64_t first = image ? run_in_image(region, s, page, count) : LENS_UNKNOWN;

    if (first == LENS_UNKNOWN)
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!lensi_image_has(image, first + i))
            return false;
    return lensi_image_read(image, first, count, out) == 0;
}

bool lensi_images_fetch(const struct lensi_region *region, const struct lensi_segment *s, uint64_t page, uint64_t count, uint8_t *out)
{
    uint64_t first = s->image ? run_in_image(region, s, page, count) : LENS_UNKNOWN;

    return first != LENS_UNKNOWN && lensi_image_fetch(s->image, first, count, out) == 0;
}

/* Whether the image's page is what was proven: another version of a lens may have made it. Only the prover asks. */
static bool is_same(struct lensi_image *image, uint64_t page, const uint8_t *bytes)
{
    static uint8_t there[LENSI_PAGE] __attribute__((aligned(LENSI_PAGE)));

    return lensi_image_fetch(image, page, 1, there) == 0 && !memcmp(there, bytes, LENSI_PAGE);
}

/* Writes what the image does not have yet, in runs. False if the image cannot stand for these bytes. */
static bool complete(struct lensi_image *image, uint64_t first, uint64_t count, const uint8_t *bytes)
{
    for (uint64_t i = 0; i < count;) {
        uint64_t run = 0;
        while (i + run < count && !lensi_image_has(image, first + i + run))
            run++;
        if (run && (is_child || !worth || lensi_image_write(image, first + i, run, bytes + i * LENSI_PAGE) < 0))
            return false;
        if (!run && !is_same(image, first + i, bytes + i * LENSI_PAGE))
            return false;
        i += run ? run : 1;
    }
    return true;
}

/*
 * Pages are mapped when loading is over: the program has closed the file, or nothing was added or changed for a while.
 * Before that a late patch (liblinear's -B, written to every row at the end) would turn mapped pages into private
 * copies that nobody can take back; pages that are merely absent notice the write and are proven anew.
 */
static bool is_loaded(const struct lensi_region *region, const struct lensi_segment *s)
{
    uint64_t rewritten_ns = atomic_load(&region->rewritten_ns), last_ns = region->grown_ns > rewritten_ns ? region->grown_ns : rewritten_ns;

    return !lensi_open_files_has_open(s->backing) || lensi_sys_clock_ns() > last_ns + LOADED_NS;
}

bool lensi_images_take(struct lensi_region *region, struct lensi_segment *s, uint64_t page, uint64_t count, const uint8_t *bytes)
{
    struct lensi_image *image = image_of(region, s);
    uint64_t first = image ? run_in_image(region, s, page, count) : LENS_UNKNOWN;

    return first != LENS_UNKNOWN && complete(image, first, count, bytes) && maps && is_loaded(region, s);
}

bool lensi_images_wanted(struct lensi_region *region, struct lensi_segment *s) { return image_of(region, s) != NULL; }

bool lensi_images_hold(const struct lensi_region *region, const struct lensi_segment *s, uint64_t page, uint64_t count, const uint8_t *bytes)
{
    uint64_t first = s->image ? run_in_image(region, s, page, count) : LENS_UNKNOWN;

    for (uint64_t i = 0; first != LENS_UNKNOWN && i < count; i++)
        if (!lensi_image_has(s->image, first + i) ||
            (bytes ? !is_same(s->image, first + i, bytes + i * LENSI_PAGE)
                   : !lensi_image_sum_is(s->image, first + i, lensi_pages.checksum[page + i])))
            return false;
    return first != LENS_UNKNOWN;
}

bool lensi_images_map(struct lensi_region *region, struct lensi_segment *s, uint64_t page, uint64_t count)
{
    if (lensi_image_map(s->image, lensi_images_page(region, s, page), count, lensi_page_address(page)) < 0)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        lensi_pages.segment[page + i] = (uint8_t)(s - region->segments);
        lensi_page_set(page + i, LENSI_MAPPED);
    }
    lensi_count(mapped_pages, count);
    lensi_count_site(region->site, mapped_now_pages, count);
    return true;
}

/* ---- settling what was dropped before the store was worth it */

static bool are_good(uint64_t page, uint64_t count, const uint8_t *bytes)
{
    for (uint64_t i = 0; i < count; i++)
        if (lensi_checksum(bytes + i * LENSI_PAGE, LENSI_PAGE) != lensi_pages.checksum[page + i])
            return false;
    return true;
}

/*
 * Takes a run of one segment and one state, absent or proven: how long it is. Nobody can touch it then; a touch waits.
 */
static uint64_t take_run(uint64_t page, uint64_t end, enum lensi_page_state state)
{
    uint64_t n = 0;

    while (n < LENSI_OUT_PAGES && page + n < end && (!n || lensi_pages.segment[page + n] == lensi_pages.segment[page]) &&
           atomic_load(&lensi_chunk_of(page + n)->pins) == 0 && lensi_page_change(page + n, state, LENSI_BUSY))
        n++;
    return n;
}

/*
 * Memory is tight: the pages stay what they are, and come back from the image from now on. Never through the page
 * cache, which has to hold what was written until the disk has it, and is charged to the group like everything else.
 */
static bool fill(struct lensi_region *region, struct lensi_segment *s, uint64_t page, uint64_t count, const uint8_t *bytes,
                 enum lensi_page_state state)
{
    struct lensi_image *image = image_of(region, s);
    uint64_t first = image && lensi_image_is_past_cache(image) ? run_in_image(region, s, page, count) : LENS_UNKNOWN;

    if (first == LENS_UNKNOWN || !complete(image, first, count, bytes))
        return false;
    for (uint64_t i = 0; i < count; i++)
        lensi_page_set(page + i, state);
    return true;
}

static bool settle_absent(struct lensi_region *region, struct lensi_segment *s, uint64_t page, uint64_t count, struct lensi_workspace *w)
{
    if ((!lensi_images_read(region, s, page, count, w->out) &&
         lensi_source_expect(region, (uint32_t)(s - region->segments), page, count, w, w->out, false) < 0) || !are_good(page, count, w->out))
        return false;
    if (!maps)
        return fill(region, s, page, count, w->out, LENSI_ABSENT);
    if (!lensi_images_take(region, s, page, count, w->out) || !lensi_images_map(region, s, page, count))
        return false;
    lensi_uncount_site(region->site, absent_pages, count);
    return true;
}

/*
 * What is resident needs no making; without it the image would lack the pages that this run liked best. A copy goes to
 * the image: what the kernel holds may change in the meantime.
 */
static bool settle_proven(struct lensi_region *region, struct lensi_segment *s, uint64_t page, uint64_t count, struct lensi_workspace *w)
{
    bool mapped;

    memcpy(w->out, lensi_page_address(page), count << LENSI_PAGE_SHIFT);
    if (!are_good(page, count, w->out))
        return false;
    if (!maps)
        return fill(region, s, page, count, w->out, LENSI_PROVEN);
    if (!lensi_images_take(region, s, page, count, w->out) || !lensi_lift(page, count, w->out))
        return false;
    mapped = lensi_images_map(region, s, page, count);
    lensi_lift_end(page, count, !mapped);
    if (!mapped && lensi_lifts()) {
        for (uint64_t i = 0; i < count; i++) /* writable for a moment: looked at again before it is dropped */
            lensi_lift_note(page + i);
        lensi_backend->protect(lensi_page_address(page), count << LENSI_PAGE_SHIFT);
    }
    for (uint64_t i = 0; mapped && i < count; i++)
        lensi_budget_remove(page + i);
    return mapped;
}

static unsigned settle_failures; /* in this call */

/* One run from page on: how many pages went by, and whether they are in the image now. */
static uint64_t settle_run(struct lensi_region *region, uint64_t page, uint64_t end, struct lensi_workspace *w, bool *done)
{
    enum lensi_page_state state = lensi_page_state(page);
    struct lensi_segment *s = &region->segments[lensi_pages.segment[page]];
    bool there = !maps && lensi_images_hold(region, s, page, 1, NULL);
    uint64_t count = !there && (state == LENSI_ABSENT || state == LENSI_PROVEN) ? take_run(page, end, state) : 0;

    if (count)
        s = &region->segments[lensi_pages.segment[page]]; /* now it stays */
    *done = count && !s->zeros && (state == LENSI_ABSENT ? settle_absent(region, s, page, count, w) : settle_proven(region, s, page, count, w));
    for (uint64_t i = 0; !*done && i < count; i++)
        lensi_page_set(page + i, state);
    settle_failures += count && !*done;
    return count ? count : 1;
}

/*
 * Asks again for images that another process was building. False: no segment that proved has one, or loading goes on.
 */
static bool look_for_images(struct lensi_region *region)
{
    bool any = false;

    for (uint32_t i = 0; i < region->segments_count; i++) {
        struct lensi_segment *s = &region->segments[i];
        any |= s->proven && !s->failed && s->view && image_of(region, s) && is_loaded(region, s);
    }
    return any;
}

/* An image that has all there is to have is published at once: others wait for it. */
static void publish(struct lensi_region *region)
{
    for (uint32_t i = 0; i < region->segments_count; i++) {
        struct lensi_segment *s = &region->segments[i];
        uint64_t end = s->image ? lensi_view_end(s->view) : LENS_UNKNOWN;
        if (end != LENS_UNKNOWN && lensi_image_pages(s->image) >= end / LENSI_PAGE)
            lensi_image_publish(s->image);
    }
}

bool lensi_images_settle(struct lensi_region *region, struct lensi_workspace *w)
{
    uint64_t first = lensi_region_first_page(region), end = first + lensi_region_pages(region);
    uint64_t page = first + region->settled_pages, now = lensi_sys_clock_ns();
    bool done = false;

    if (!worth || choice == LENSI_STORE_NONE || is_child || region->library || now < region->settle_next_ns)
        return false;
    if (page == first && !look_for_images(region)) {
        region->settle_next_ns = now + BUSY_RETRY_NS;
        return false;
    }
    settle_failures = 0;
    for (unsigned looked = 0; page < end && !done && looked < 1u << 16 && (maps || settle_failures < FAILURES_MOST); looked++)
        page += settle_run(region, page, end, w, &done);
    region->settled_pages = page < end ? page - first : 0;
    if (page >= end || (!maps && settle_failures == FAILURES_MOST)) /* what is dropped later, or cannot be in the image, is looked at again in a while */
        region->settle_next_ns = now + SETTLE_AGAIN_NS, publish(region);
    return done;
}
