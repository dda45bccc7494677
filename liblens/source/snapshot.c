/*
 * snapshot.c - regions that are their own backing; see snapshot.h.
 *
 * generation[page] names the file that holds the page, 0: none. It changes under the prover lock while the page is
 * PROVING or BUSY, and becomes 0 while it is LEAVING or its block is gone. Who reads a page that is not his
 * (read-ahead) may read too late or from another file: the checksum tells.
 */
#include "liblens/source/snapshot.h"

#include "liblens/base/arena.h"
#include "liblens/base/stats.h"

#include <errno.h>
#include <linux/falloc.h>
#include <string.h>

#define GENERATIONS 16u /* numbers 1 to 15 */
#define COPY_PAGES 16u
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#endif
#define SEAL_SIZE 7 /* F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW */

static const struct lensi_pipe pipe_of_all = {.text = "snapshot"};

static struct file {
    _Atomic int fd; /* -1: none */
    _Atomic int64_t pages; /* that generation[] names it for */
} files[GENERATIONS];
static _Atomic uint8_t *generation;
static _Atomic uint32_t current; /* the file that is written; 0: none since the start, or since a fork */
static const char *folder; /* NULL: in memory */

int lensi_snapshot_add(struct lensi_region *region)
{
    const struct lensi_segment segment = {.bytes = LENS_UNKNOWN, .pipe = &pipe_of_all, .snapshot = true};

    if (!generation)
        return -EINVAL;
    for (uint32_t i = 0; i < region->segments_count; i++)
        if (region->segments[i].snapshot)
            return (int)i;
    return lensi_segment_add(region, &segment);
}

/* ---- files */

/* A file without a name, on any number. */
static int unnamed(void)
{
    int low = folder ? lensi_sys_open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600) : -ENOENT;
    int result;

    if (low < 0) /* no folder, or one that has no unnamed files */
        low = lensi_sys_memfd("lens-snapshot", 3 /* MFD_CLOEXEC | MFD_ALLOW_SEALING */);
    if (low < 0)
        return low;
    result = lensi_sys_size_ours(low, lensi_range.bytes);
    if (result < 0) {
        lensi_sys_close(low);
        return result;
    }
    lensi_sys(SYS_fcntl, low, F_ADD_SEALS, SEAL_SIZE, 0, 0, 0); /* refused on disk, where nobody else can open it */
    return low;
}

static bool is_same_file(int a, int b)
{
    struct stat one, other;

    return lensi_sys_stat(a, &one) == 0 && lensi_sys_stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/*
 * The number is known to be ours before the file has to be there: a program that closes all descriptors at this very
 * moment closes the first copy, but not the second.
 */
static int open_file(struct file *file)
{
    int low = unnamed(), high = low < 0 ? low : lensi_sys_dup_high(low), result = high < 0 ? high : 0;

    if (low < 0)
        return low;
    if (high >= 0) {
        atomic_store(&file->fd, high);
        if (!is_same_file(low, high))
            result = (int)lensi_sys(SYS_dup3, low, high, O_CLOEXEC, 0, 0, 0);
        if (result >= 0 && !is_same_file(low, high))
            result = -EBADF;
        if (result < 0)
            atomic_store(&file->fd, -1);
    }
    if (result != -EBADF) /* else it is not ours any more */
        lensi_sys_close(low);
    return result < 0 ? result : 0;
}

static void end_file(struct file *file)
{
    int fd = atomic_exchange(&file->fd, -1);

    if (fd >= 0)
        lensi_sys_close(fd);
}

/* A number without a file; frozen files that nobody needs any more are ended first. 0: all are in use. */
static uint32_t free_number(void)
{
    uint32_t number = 0;

    for (uint32_t i = 1; i < GENERATIONS; i++) {
        if (i != atomic_load(&current) && atomic_load(&files[i].pages) == 0)
            end_file(&files[i]);
        if (atomic_load(&files[i].fd) < 0)
            number = i;
    }
    return number;
}

static bool is_last_number(uint32_t number)
{
    for (uint32_t i = 1; i < GENERATIONS; i++)
        if (i != number && atomic_load(&files[i].fd) < 0)
            return false;
    return true;
}

static void name(uint64_t page, uint8_t number)
{
    uint8_t before = atomic_exchange(&generation[page], number);

    if (before)
        atomic_fetch_sub(&files[before].pages, 1);
    if (number)
        atomic_fetch_add(&files[number].pages, 1);
}

/* ---- many generations become one */

static int copy_page(uint64_t page, uint32_t to)
{
    static uint8_t buffer[LENSI_PAGE] __attribute__((aligned(LENSI_PAGE))); /* the prover lock's */
    int result = lensi_snapshot_read(page, 1, buffer);
    int64_t put = result < 0 ? result : lensi_sys_write_ours(atomic_load(&files[to].fd), buffer, LENSI_PAGE, page << LENSI_PAGE_SHIFT);

    if (put != (int64_t)LENSI_PAGE)
        return put < 0 ? (int)put : -EIO;
    name(page, (uint8_t)to);
    return 0;
}

/* Nobody brings it back or writes it meanwhile. A mapped page holds its file by itself. */
static int move_page(uint64_t page, uint32_t to)
{
    enum lensi_page_state state;
    int result;

    if (!atomic_load(&generation[page]) || atomic_load(&generation[page]) == to)
        return 0;
    do
        state = lensi_page_wait(page);
    while ((state == LENSI_ABSENT || state == LENSI_PROVEN) && !lensi_page_change(page, state, LENSI_BUSY));
    if (state != LENSI_ABSENT && state != LENSI_PROVEN) {
        if (state == LENSI_MAPPED)
            name(page, 0);
        return 0;
    }
    result = copy_page(page, to);
    lensi_page_set(page, state);
    return result;
}

static int merge(uint32_t to)
{
    int result = 0;

    for (uint32_t i = 0; i < lensi_regions_high() && result == 0; i++) {
        struct lensi_region *r = lensi_region_at(i);
        if (atomic_load(&r->life) == LENSI_REGION_FREE)
            continue;
        for (uint64_t page = r->armed_low; page < r->armed_high && result == 0; page++)
            result = move_page(page, to);
    }
    for (uint32_t i = 1; i < GENERATIONS && result == 0; i++)
        if (i != to && atomic_load(&files[i].pages) <= 0)
            end_file(&files[i]);
    return result;
}

/* The number of the file that may be written; -errno. */
static int writable(void)
{
    uint32_t number = atomic_load(&current);
    bool last;
    int result;

    if (number)
        return (int)number;
    if (!(number = free_number()))
        return -ENOSPC;
    last = is_last_number(number);
    atomic_store(&files[number].pages, 0);
    result = open_file(&files[number]);
    if (result < 0)
        return result;
    result = last ? merge(number) : 0;
    atomic_store(&current, number);
    return result < 0 ? result : (int)number;
}

/* ---- the proof */

void lensi_snapshot_look(uint64_t page, uint64_t count, uint8_t *out)
{
    for (uint64_t i = 0; i < count; i++)
        if (lensi_page_state(page + i) == LENSI_PLAIN)
            memcpy(out + (i << LENSI_PAGE_SHIFT), lensi_page_address(page + i), LENSI_PAGE);
}

int lensi_snapshot_take(uint64_t page, uint64_t count, const uint8_t *bytes)
{
    int number = writable();
    int64_t put;

    if (number < 0)
        return number;
    put = lensi_sys_write_ours(atomic_load(&files[number].fd), bytes, count << LENSI_PAGE_SHIFT, page << LENSI_PAGE_SHIFT);
    if (put != (int64_t)(count << LENSI_PAGE_SHIFT))
        return put < 0 ? (int)put : -EIO;
    for (uint64_t i = 0; i < count; i++)
        name(page + i, (uint8_t)number);
    return 0;
}

/* The run has just been taken: it lies in the file that is written now. */
bool lensi_snapshot_map(struct lensi_segment *segment, const struct lensi_region *region, uint64_t page, uint64_t count)
{
    int fd = atomic_load(&files[atomic_load(&current)].fd);

    if (!lensi_sys_map(lensi_page_address(page), count << LENSI_PAGE_SHIFT, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, page << LENSI_PAGE_SHIFT, NULL))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        lensi_pages.segment[page + i] = (uint8_t)(segment - region->segments);
        lensi_page_set(page + i, LENSI_MAPPED);
    }
    lensi_count(mapped_pages, count);
    lensi_count_site(region->site, mapped_now_pages, count);
    return true;
}

/* ---- everybody */

int lensi_snapshot_read(uint64_t page, uint64_t count, uint8_t *out)
{
    for (uint64_t i = 0, run; i < count; i += run) {
        uint8_t number = atomic_load(&generation[page + i]), *to = out + (i << LENSI_PAGE_SHIFT);
        int64_t bytes, got;
        for (run = 1; i + run < count && atomic_load(&generation[page + i + run]) == number; run++)
            ;
        bytes = (int64_t)(run << LENSI_PAGE_SHIFT);
        if (!number)
            memset(to, 0, (size_t)bytes);
        got = number ? lensi_sys_pread(atomic_load(&files[number].fd), to, (size_t)bytes, (page + i) << LENSI_PAGE_SHIFT) : bytes;
        if (got != bytes)
            return -EIO;
    }
    return 0;
}

/* A frozen file is a child's or a parent's as well: what lies there stays until the file ends. */
static void forget(uint64_t page, uint64_t count)
{
    uint32_t number = atomic_load(&current);
    uint64_t run = 0;

    if (!generation)
        return;
    for (uint64_t i = 0; i <= count; i++) {
        bool here = i < count && number && atomic_load(&generation[page + i]) == number;
        if (!here && run)
            lensi_sys(SYS_fallocate, atomic_load(&files[number].fd), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (long)((page + i - run) << LENSI_PAGE_SHIFT), (long)(run << LENSI_PAGE_SHIFT), 0, 0);
        run = here ? run + 1 : 0;
        if (i < count && atomic_load(&generation[page + i]))
            name(page + i, 0);
    }
}

int lensi_snapshot_open(enum lensi_store_choice where, const char *dir)
{
    folder = where == LENSI_STORE_DISK ? dir : NULL;
    if (generation)
        return 0;
    for (unsigned i = 0; i < GENERATIONS; i++)
        atomic_store(&files[i].fd, -1);
    generation = lensi_arena_map(lensi_pages.count);
    if (!generation)
        return -ENOMEM;
    lensi_pages.forget = forget;
    lensi_snapshot_after_fork();
    return 0;
}

uint64_t lensi_snapshot_bytes(void)
{
    uint64_t bytes = 0;
    struct stat status;

    for (uint32_t i = 1; generation && i < GENERATIONS; i++)
        if (atomic_load(&files[i].fd) >= 0 && lensi_sys_stat(atomic_load(&files[i].fd), &status) == 0)
            bytes += (uint64_t)status.st_blocks * 512;
    return bytes;
}

void lensi_snapshot_before_fork(void) { atomic_store(&current, 0); }

/*
 * The next file is there before anybody can vfork: such a child has our memory, but the descriptors of that moment.
 * When all others have to be merged first it has to wait for the next proof.
 */
void lensi_snapshot_after_fork(void)
{
    uint32_t number = generation ? free_number() : 0;

    if (number && !is_last_number(number))
        writable();
}

bool lensi_snapshot_owns_fd(int fd)
{
    for (uint32_t i = 1; generation && i < GENERATIONS; i++)
        if (atomic_load(&files[i].fd) == fd)
            return true;
    return false;
}
