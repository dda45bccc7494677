/*
 * open_files.c - the files the program opened; see open_files.h. A ring; the lock guards appending, forgetting and the
 * fd fields.
 */
#include "liblens/source/open_files.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/base/sys.h"
#include "liblens/base/work.h"
#include "liblens/memory/pages.h"

#include <string.h>

#define POSITION_BITS 44 /* and as many as are left for the descriptor */
#define KEPT 64u /* of those that are closed: each costs a descriptor */
#define CROWD 32u
#define FORGET_AT_ONCE 16

static struct lensi_lock lock;
static struct lensi_open_file *openings;
static _Atomic uint64_t count, oldest;
static _Atomic bool news; /* something was opened or closed since it was last looked what to forget */

uint64_t lensi_open_files_count(void) { return atomic_load_explicit(&count, memory_order_acquire); }

uint64_t lensi_open_files_oldest(void) { return atomic_load_explicit(&oldest, memory_order_acquire); }

static struct lensi_open_file *at(uint64_t serial) { return &openings[serial % LENSI_OPEN_FILES_MAX]; }

const struct lensi_open_file *lensi_open_file_at(uint64_t serial) { return at(serial); }

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool lensi_site_takes(const struct lensi_plan_site *site, const char *path)
{
    for (size_t i = 0; i < site->files_count; i++)
        if (site->fixed[i] ? !strcmp(site->files[i], path)
                           : lensi_glob(site->files[i], path) || (site->files[i][0] != '/' && lensi_glob(site->files[i], base_name(path))))
            return true;
    return false;
}

bool lensi_file_wanted(const char *path)
{
    const struct lensi_plan *plan = lensi_range.bytes && !lensi_retired ? lensi_plan_in_force() : NULL;

    for (size_t i = 0; plan && path && i < plan->sites_count; i++)
        if (lensi_site_takes(&plan->sites[i], path))
            return true;
    return false;
}

static bool ready(void)
{
    if (!openings)
        openings = lensi_arena_map(LENSI_OPEN_FILES_MAX * sizeof *openings);
    return openings && count - oldest < LENSI_OPEN_FILES_MAX;
}

/* A file opened again with no block allocated since is the same opening. */
static bool is_again(const struct lensi_open_file *o, const struct lensi_backing *backing)
{
    if (o->backing != backing)
        return false;
    for (size_t i = 0; i < LENSI_PLAN_SITES_MAX; i++)
        if (o->site_blocks[i] != atomic_load(&lensi_gauges.sites[i].blocks))
            return false;
    return true;
}

static bool keep_path(struct lensi_open_file *o, const char *path)
{
    uint64_t bytes = strlen(path) + 1;

    if (bytes > o->path_room) {
        o->path_room = (bytes + 127) & ~127ull;
        o->path = lensi_arena_new(o->path_room);
        o->path_room = o->path ? o->path_room : 0;
    }
    if (o->path)
        memcpy(o->path, path, bytes);
    return o->path != NULL;
}

/* The lock is held. True if it took over the caller's hold on backing. */
static bool enter(struct lensi_backing *backing, const char *path, int fd, bool fixed)
{
    struct lensi_open_file *o;

    for (uint64_t i = count; i-- > oldest && i + 8 >= count;)
        if (is_again(at(i), backing)) {
            at(i)->fd = fd;
            return false;
        }
    if (!ready() || !keep_path(at(count), path))
        return false;
    o = at(count);
    o->backing = backing;
    o->fd = fd;
    o->fixed = fixed;
    for (size_t i = 0; i < LENSI_PLAN_SITES_MAX; i++) {
        o->site_blocks[i] = atomic_load(&lensi_gauges.sites[i].blocks);
        o->site_bytes[i] = atomic_load(&lensi_gauges.sites[i].bytes);
    }
    atomic_store_explicit(&count, count + 1, memory_order_release);
    return true;
}

/* Takes over the caller's hold on backing. */
static void append(struct lensi_backing *backing, const char *path, int fd, bool fixed)
{
    bool entered;

    lensi_lock(&lock);
    entered = enter(backing, path, fd, fixed);
    atomic_store(&news, true);
    lensi_unlock(&lock);
    if (!entered)
        lensi_backing_close(backing);
    /* A program within its budget has no prover. */
    if (count - oldest > CROWD && lensi_try_lock(&lensi_prover_lock)) {
        lensi_open_files_forget();
        lensi_unlock(&lensi_prover_lock);
    }
}

bool lensi_open_file_extent(size_t number, const struct lensi_block_start *block, const struct lensi_open_file *o, uint64_t *offset)
{
    const struct lensi_plan_site *site = &lensi_plan_in_force()->sites[number];

    *offset = site->offset;
    if (!site->step)
        return true;
    if (block->number < o->site_blocks[number])
        return false;
    if (site->step == LENSI_STEP_BLOCK)
        *offset += block->bytes_before - o->site_bytes[number];
    else
        *offset += (block->number - o->site_blocks[number]) * site->step;
    return true;
}

/* ---- forgetting */

static bool is_replaced(uint64_t serial)
{
    for (uint64_t i = serial + 1; i < count; i++)
        if (at(i)->backing && at(i)->backing != at(serial)->backing && !strcmp(at(i)->path, at(serial)->path))
            return true;
    return false;
}

/* Newest first, so that the latest closed ones stay. How many there are in backings[]. */
static size_t choose(struct lensi_backing **backings)
{
    size_t chosen = 0;
    uint64_t closed = 0;

    for (uint64_t i = count; i-- > oldest && chosen < FORGET_AT_ONCE;) {
        struct lensi_open_file *o = at(i);
        if (!o->backing || o->fixed || o->fd >= 0 || (closed++ < KEPT && !is_replaced(i)))
            continue;
        backings[chosen++] = o->backing;
        o->backing = NULL;
    }
    while (oldest < count && !at(oldest)->backing)
        atomic_fetch_add(&oldest, 1);
    return chosen;
}

void lensi_open_files_forget(void)
{
    struct lensi_backing *backings[FORGET_AT_ONCE];
    uint64_t before;
    size_t chosen;

    if (!atomic_exchange(&news, false))
        return;
    before = lensi_sys_signals_hold();
    lensi_lock(&lock);
    chosen = choose(backings);
    lensi_unlock(&lock);
    for (size_t i = 0; i < chosen; i++)
        lensi_backing_close(backings[i]);
    if (chosen == FORGET_AT_ONCE)
        atomic_store(&news, true);
    lensi_sys_signals_release(before);
}

/* ---- where the program stands */

static _Atomic uint64_t stream_stands = LENS_UNKNOWN; /* descriptor << POSITION_BITS | position */

void lensi_file_stands(int fd, uint64_t position)
{
    if (fd >= 0 && fd < 1 << (63 - POSITION_BITS) && position < 1ull << POSITION_BITS)
        atomic_store_explicit(&stream_stands, (uint64_t)fd << POSITION_BITS | position, memory_order_relaxed);
}

static void forget_position(int fd)
{
    uint64_t stands = atomic_load_explicit(&stream_stands, memory_order_relaxed);

    if (stands >> POSITION_BITS == (uint64_t)fd)
        atomic_store_explicit(&stream_stands, LENS_UNKNOWN, memory_order_relaxed);
}

/* A stream has read further than its reader. */
uint64_t lensi_open_file_position(int fd)
{
    uint64_t stands = atomic_load_explicit(&stream_stands, memory_order_relaxed);
    long at;

    if (stands != LENS_UNKNOWN && stands >> POSITION_BITS == (uint64_t)fd)
        return stands & ((1ull << POSITION_BITS) - 1);
    at = lensi_sys(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
    return at < 0 ? LENS_UNKNOWN : (uint64_t)at;
}

/* ---- what the program does */

void lensi_file_opened(int fd, const char *path)
{
    struct lensi_backing *backing;
    uint64_t before = lensi_sys_signals_hold(); /* open(2) and close(2) may be called in signal handlers */

    /* A FIFO, a directory, a terminal: nothing that could be read twice. */
    forget_position(fd);
    if (lensi_backing_open_fd(fd, path, &backing) == 0) {
        append(backing, path, fd, false);
        lensi_work_ring(false);
    }
    lensi_sys_signals_release(before);
}

void lensi_file_closed(int fd)
{
    bool found = false;
    uint64_t before = lensi_sys_signals_hold();

    lensi_lock(&lock);
    for (uint64_t i = oldest; i < count; i++)
        if (at(i)->fd == fd) {
            at(i)->fd = -1;
            found = true;
        }
    if (found)
        atomic_store(&news, true);
    lensi_unlock(&lock);
    lensi_sys_signals_release(before);
    if (found)
        lensi_work_ring(true);
}

static bool is_of(const struct lensi_backing *backing, dev_t device, ino_t inode)
{
    return backing->identity.device == device && backing->identity.inode == inode;
}

/* The newest; one that the program knows by number fd goes before it. */
static struct lensi_backing *find(dev_t device, ino_t inode, int fd)
{
    struct lensi_backing *found = NULL;

    lensi_lock(&lock);
    for (uint64_t i = count; i-- > oldest;) {
        const struct lensi_open_file *o = at(i);
        if (!o->backing || !is_of(o->backing, device, inode) || (found && (o->fd != fd || fd < 0)))
            continue;
        found = o->backing;
        if (o->fd == fd)
            break;
    }
    if (found)
        lensi_backing_hold(found);
    lensi_unlock(&lock);
    return found;
}

struct lensi_backing *lensi_open_file_of_fd(int fd)
{
    struct stat status;

    /* The file decides: it may be open by several numbers, and a number may be another file's by now. */
    return lensi_sys_stat(fd, &status) < 0 ? NULL : find(status.st_dev, status.st_ino, fd);
}

struct lensi_backing *lensi_open_file_of_file(dev_t device, ino_t inode) { return find(device, inode, -1); }

bool lensi_open_files_has_open(const struct lensi_backing *backing)
{
    bool found = false;

    lensi_lock(&lock);
    for (uint64_t i = oldest; i < count && !found; i++)
        found = at(i)->backing == backing && at(i)->fd >= 0;
    lensi_unlock(&lock);
    return found;
}

void lensi_open_files_fixed(const struct lensi_plan *plan)
{
    for (size_t i = 0; i < plan->sites_count; i++)
        for (size_t k = 0; k < plan->sites[i].files_count; k++) {
            struct lensi_backing *backing;
            if (!plan->sites[i].fixed[k])
                continue;
            if (lensi_backing_open(plan->sites[i].files[k], &backing) < 0)
                lensi_warn("%s:%u: cannot read the backing %s; site \"%s\" will stay ordinary memory", plan->path, plan->sites[i].line,
                           plan->sites[i].files[k], plan->sites[i].name);
            else
                append(backing, plan->sites[i].files[k], -1, true);
        }
}

void lensi_open_files_before_fork(void) { lensi_lock(&lock); }

void lensi_open_files_after_fork(void) { lensi_unlock(&lock); }
