/* lift.c - see lift.h. */
#include "liblens/memory/lift.h"

#include "liblens/base/arena.h"
#include "liblens/base/checksum.h"
#include "liblens/base/log.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/page_bits.h"

#include <errno.h>
#include <string.h>

#define WINDOW_BYTES ((uint64_t)LENSI_OUT_PAGES << LENSI_PAGE_SHIFT)
#define TRIES_MOST 1000u
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static struct lensi_lock lock;
static uint8_t *window;          /* NULL: frames are not lifted */
static lensi_page_bits *filled; /* PROVEN with the program's own frame */

static uint8_t *place_of(uint64_t i) { return window + (i << LENSI_PAGE_SHIFT); }

/* Moves pages; how many, from the first on, before *error came. */
static uint64_t move(uint8_t *to, uint8_t *from, uint64_t count, int *error)
{
    uint64_t done = 0, step = count;

    *error = 0;
    for (unsigned tries = 0; done < count && tries < TRIES_MOST;) {
        uint64_t ask = count - done < step ? count - done : step;
        int64_t moved = lensi_backend->move(to + (done << LENSI_PAGE_SHIFT), from + (done << LENSI_PAGE_SHIFT), ask << LENSI_PAGE_SHIFT);
        if (moved > 0) {
            done += (uint64_t)moved >> LENSI_PAGE_SHIFT;
            tries = 0;
        } else if (moved == -EAGAIN) { /* somebody is changing mappings, or has the page locked for a moment */
            lensi_wait_a_little(tries++);
        } else if (moved == -EINVAL && ask > 1) { /* it lies in more than one mapping */
            step = 1;
        } else {
            *error = (int)moved;
            return done;
        }
    }
    if (done < count)
        *error = -EAGAIN;
    return done;
}

/* Moves frames back that were just moved out. Nothing is in the way: who touches these pages waits. */
static void move_back(uint64_t page, uint64_t from, uint64_t count)
{
    int error;

    if (move(lensi_page_address(page + from), place_of(from), count, &error) < count)
        lensi_stop("memory that was looked at cannot be put back: %s", lensi_error_text(error));
}

static void empty_window(uint64_t count) { lensi_sys_advise(window, count << LENSI_PAGE_SHIFT, MADV_DONTNEED); }

void lensi_lift_open(void)
{
    uint8_t *two = lensi_backend->move ? lensi_arena_map(WINDOW_BYTES + LENSI_PAGE) : NULL;
    int error;

    window = NULL;
    if (!two)
        return;
    lensi_sys_advise(two, WINDOW_BYTES + LENSI_PAGE, MADV_NOHUGEPAGE);
    filled = lensi_page_bits_new();
    two[WINDOW_BYTES] = 1;
    if (filled && lensi_backend->arm(two, WINDOW_BYTES) == 0 && move(two, two + WINDOW_BYTES, 1, &error) == 1) {
        window = two;
        empty_window(1);
    }
}

void lensi_lift_close(void)
{
    lensi_lock(&lock);
    if (window)
        lensi_arena_unmap(window, WINDOW_BYTES + LENSI_PAGE);
    window = NULL;
    lensi_unlock(&lock);
}

bool lensi_lifts(void) { return window != NULL; }

void lensi_lift_note(uint64_t page)
{
    if (window)
        lensi_page_bits_add(filled, page);
}

bool lensi_lift_is_due(uint64_t page) { return window && lensi_page_bits_has(filled, page); }

/* A page that a fork's child has too is refused like a pinned one; a copy of our own is not. */
static bool make_own(uint64_t page)
{
    uint8_t *at = lensi_page_address(page);

    return lensi_backend->unprotect(at, LENSI_PAGE) == 0 && lensi_sys_advise(at, LENSI_PAGE, MADV_POPULATE_WRITE) == 0;
}

/* Moves pages out, from the first on. How many; *error says why not the next one. */
static uint64_t move_out(uint64_t page, uint64_t count, int *error)
{
    uint64_t done = 0;

    for (;;) {
        uint64_t moved = move(place_of(done), lensi_page_address(page + done), count - done, error);
        done += moved;
        if (*error == -EBUSY && make_own(page + done))
            done += move(place_of(done), lensi_page_address(page + done), 1, error);
        else if (*error == -EINVAL) { /* the program may have locked all of its mappings, this one too */
            lensi_sys(SYS_munlock, (long)window, (long)WINDOW_BYTES, 0, 0, 0, 0);
            done += move(place_of(done), lensi_page_address(page + done), 1, error);
        }
        if (*error || done == count)
            return done;
    }
}

static bool is_as_proven(uint64_t page, const uint8_t *bytes)
{
    if (lensi_pages.checksum[page] == lensi_zeros_checksum())
        return lensi_is_zero_page(bytes);
    return lensi_checksum(bytes, LENSI_PAGE) == lensi_pages.checksum[page];
}

/* One run that could be moved out, and the page that ended it. How many pages that is. */
static uint64_t drop_some(uint64_t page, uint64_t count, enum lensi_lifted *what)
{
    int error;
    uint64_t moved = move_out(page, count, &error);

    for (uint64_t i = 0; i < moved; i++) {
        what[i] = is_as_proven(page + i, place_of(i)) ? LENSI_GONE : LENSI_CHANGED;
        if (what[i] == LENSI_CHANGED)
            move_back(page, i, 1);
        else
            lensi_page_bits_take(filled, page + i);
    }
    if (moved)
        empty_window(moved);
    if (moved == count)
        return count;
    /* There was no frame: nothing is lost. Or it is held. Or it is something else, and stays as it is. */
    what[moved] = error == -ENOENT ? LENSI_GONE : error == -EBUSY ? LENSI_CHANGED : LENSI_STAYS;
    return moved + 1;
}

void lensi_lift_drop(uint64_t page, uint64_t count, enum lensi_lifted *what)
{
    lensi_lock(&lock);
    for (uint64_t done = 0; done < count;)
        done += drop_some(page + done, count - done, what + done);
    lensi_unlock(&lock);
}

bool lensi_lift(uint64_t page, uint64_t count, const uint8_t *expected)
{
    uint64_t moved, i = 0;
    int error;

    if (!window)
        return true;
    lensi_lock(&lock);
    moved = move_out(page, count, &error);
    while (i < moved && memcmp(place_of(i), expected + (i << LENSI_PAGE_SHIFT), LENSI_PAGE) == 0)
        i++;
    if (i == count)
        return true;
    if (moved)
        move_back(page, 0, moved);
    lensi_unlock(&lock);
    return false;
}

void lensi_lift_end(uint64_t page, uint64_t count, bool back)
{
    if (!window)
        return;
    if (back)
        move_back(page, 0, count);
    else
        empty_window(count);
    lensi_unlock(&lock);
}

void lensi_lift_before_fork(void) { lensi_lock(&lock); }

void lensi_lift_after_fork(bool in_child)
{
    lensi_unlock(&lock);
    if (in_child && window && lensi_backend->arm(window, WINDOW_BYTES) < 0)
        lensi_stop("a fork's child cannot watch its memory: out of descriptors or mappings");
}
