/*
 * handle.c - lens_open and its kin: a view as a lazily made array, without any preloading; see lens.h.
 *
 * The engine is started with the first handle. A handle's region is absent from the start; a page's checksum is taken
 * the first time it is made: while the size is found, or when it is first touched.
 */
#include "liblens/base/arena.h"
#include "liblens/base/checksum.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/engine/engine.h"
#include "liblens/engine/fault.h"
#include "liblens/engine/prover.h"
#include "liblens/engine/reclaim.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/budget.h"
#include "liblens/source/segment.h"
#include "liblens/view/backing.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct lens_handle {
    struct lensi_region *region; /* NULL: the view is empty */
    uint64_t bytes, budget_pages;
    struct lens_handle *next_free;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lensi_options options;
static struct lens_handle *free_handles;

/* Who opens or closes a handle holds the lock; a fork's child must not find it held. */
static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    lensi_fork_prepare();
}

static void after_in_parent(void)
{
    lensi_fork_parent();
    pthread_mutex_unlock(&lock);
}

static void after_in_child(void)
{
    lensi_fork_child();
    pthread_mutex_unlock(&lock);
}

/* Under the lock. Inside a preloaded program the engine may run already. */
static int start(struct lens_error *error)
{
    int result;

    if (lensi_range.bytes)
        return 0;
    result = lensi_options_read(&options, environ, error);
    if (result < 0)
        return result;
    options.budget = (struct lensi_budget_spec){.kind = LENSI_BUDGET_BYTES, .bytes = 0};
    options.slowdown_limit = 0; /* a handle keeps to the budget that it was given */
    result = lensi_engine_start(&options, NULL, error);
    if (result == 0)
        pthread_atfork(before_fork, after_in_parent, after_in_child);
    return result == -ECANCELED ? -ENOSYS : result;
}

/* Finds the view's size, and its pages' checksums where everything has to be made for that anyway. */
static int measure(struct lensi_view *view, uint64_t *bytes)
{
    struct lensi_workspace *w = lensi_workspace_claim();
    int result = lensi_view_measure(view, w, bytes);

    lensi_workspace_trim(w);
    lensi_workspace_release(w);
    return result;
}

static struct lens_handle *new_handle(void)
{
    struct lens_handle *h = free_handles;

    if (h)
        free_handles = h->next_free;
    else
        h = lensi_arena_new(sizeof *h);
    if (h)
        memset(h, 0, sizeof *h);
    return h;
}

/* A region whose pages are all absent. Under the prover lock: it is nothing to the prover until it is whole. */
static int make_region_locked(struct lens_handle *h, struct lensi_view *view)
{
    struct lensi_segment segment = {.bytes = LENS_UNKNOWN, .view = view, .backing = view->backing, .pipe = view->pipe};
    uint64_t first, pages;
    int result;

    h->region = lensi_region_new(0, h->bytes, h->bytes, NULL);
    if (!h->region)
        return -ENOMEM;
    h->region->library = true;
    h->region->touched_by_us = true;
    lensi_segment_add(h->region, &segment);
    first = lensi_region_first_page(h->region);
    pages = lensi_region_pages(h->region);
    result = lensi_backend->arm(h->region->base, pages << LENSI_PAGE_SHIFT);
    if (result == 0)
        result = lensi_backend->drop(h->region->base, pages << LENSI_PAGE_SHIFT);
    if (result < 0)
        return result;
    h->region->armed_low = first;
    h->region->armed_high = first + pages;
    for (uint64_t page = first; page < first + pages; page++) {
        lensi_pages.segment[page] = 0;
        lensi_pages.checksum[page] = 0;
        lensi_page_set(page, LENSI_ABSENT);
    }
    lensi_count_site(h->region->site, absent_pages, pages);
    return 0;
}

static int make_region(struct lens_handle *h, struct lensi_view *view)
{
    uint64_t before = lensi_sys_signals_hold();
    int result;

    lensi_lock(&lensi_prover_lock);
    result = make_region_locked(h, view);
    lensi_unlock(&lensi_prover_lock);
    lensi_sys_signals_release(before);
    return result;
}

static void end_region(struct lens_handle *h)
{
    uint64_t before = lensi_sys_signals_hold();

    lensi_lock(&lensi_prover_lock);
    atomic_store(&h->region->life, LENSI_REGION_DYING);
    lensi_region_reclaim(h->region);
    lensi_unlock(&lensi_prover_lock);
    lensi_sys_signals_release(before);
    h->region = NULL;
}

static int fill_in(struct lens_handle *h, struct lensi_view *view, uint64_t budget_bytes)
{
    int result = measure(view, &h->bytes);

    if (result < 0 || !h->bytes) {
        lensi_view_close(view);
        return result;
    }
    result = make_region(h, view); /* the region holds the view from here on */
    if (result < 0 && h->region)
        end_region(h);
    else if (result < 0)
        lensi_view_close(view);
    if (result < 0)
        return result;
    h->budget_pages = (budget_bytes && budget_bytes < h->bytes ? budget_bytes : h->bytes) / LENSI_PAGE + 1;
    lensi_budget_grow((int64_t)h->budget_pages);
    lensi_prover_start(); /* it takes a lease on the file, and hears when somebody is about to change it */
    lensi_work_ring(false);
    return 0;
}

static int open_locked(const char *path, const char *expression, uint64_t budget_bytes, lens_handle **handle, struct lens_error *error)
{
    const struct lensi_pipe *pipe;
    struct lensi_backing *backing;
    struct lensi_view *view;
    int result = lensi_pipe_parse(expression, &pipe, error);

    if (result == 0)
        result = start(error);
    if (result < 0)
        return result;
    result = lensi_backing_open(path, &backing);
    if (result == 0) {
        result = lensi_view_open(backing, pipe, &view);
        lensi_backing_close(backing);
    }
    if (result < 0) {
        lens_error_set(error, -1, "%s cannot be read through %s: %s", path, pipe->text, lensi_error_text(result));
        return result;
    }
    *handle = new_handle();
    if (!*handle) {
        lensi_view_close(view);
        return -ENOMEM;
    }
    result = fill_in(*handle, view, budget_bytes);
    if (result < 0) {
        (*handle)->next_free = free_handles;
        free_handles = *handle;
        lens_error_set(error, -1, "%s cannot be read through %s: %s", path, pipe->text, lensi_error_text(result));
    }
    return result;
}

int lens_open(const char *path, const char *expression, uint64_t budget_bytes, lens_handle **handle, struct lens_error *error)
{
    struct lens_error unwanted;
    int result;

    if (!error)
        error = &unwanted;
    *error = (struct lens_error){.at = -1};
    *handle = NULL;
    pthread_mutex_lock(&lock);
    result = open_locked(path, expression, budget_bytes, handle, error);
    pthread_mutex_unlock(&lock);
    if (result < 0)
        *handle = NULL;
    return result;
}

void *lens_data(const lens_handle *handle) { return handle->region ? handle->region->base : NULL; }

uint64_t lens_bytes(const lens_handle *handle) { return handle->bytes; }

int lens_pin(const void *at, size_t bytes, int writing)
{
    return lensi_touches_ours(at, bytes) ? lensi_pin_slow(at, bytes, writing != 0) : 0;
}

void lens_unpin(const void *at, size_t bytes)
{
    if (lensi_touches_ours(at, bytes))
        lensi_unpin_slow(at, bytes);
}

void lens_close(lens_handle *handle)
{
    if (!handle)
        return;
    pthread_mutex_lock(&lock);
    if (handle->region) {
        end_region(handle);
        lensi_budget_grow(-(int64_t)handle->budget_pages);
    }
    handle->next_free = free_handles;
    free_handles = handle;
    pthread_mutex_unlock(&lock);
}
