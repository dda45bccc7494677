/* reads.c - see reads.h. A ring under one lock, which nobody waits for anything with. */
#include "liblens/source/reads.h"

#include "liblens/source/extents.h"
#include "liblens/source/open_files.h"
#include "liblens/source/segment.h"

#define KEPT 64u

struct kept {
    dev_t device;
    ino_t inode;
    uint64_t address, bytes, offset; /* bytes 0: free */
};

bool lensi_reads_wanted;
static struct lensi_lock lock;
static struct kept ring[KEPT];
static unsigned turn;

void lensi_reads_open(const struct lensi_plan *plan)
{
    for (size_t i = 0; plan && i < plan->sites_count; i++)
        lensi_reads_wanted |= plan->sites[i].extent == LENSI_EXTENT_READ && !plan->sites[i].snapshot;
}

static bool goes_on(const struct kept *a, const struct kept *b)
{
    return a->bytes && a->device == b->device && a->inode == b->inode && a->address + a->bytes == b->address && a->offset + a->bytes == b->offset;
}

/* The lock is held. What lay there before has been overwritten. */
static void keep(const struct kept *fresh)
{
    for (unsigned i = 0; i < KEPT; i++)
        if (ring[i].address < fresh->address + fresh->bytes && fresh->address < ring[i].address + ring[i].bytes)
            ring[i].bytes = ring[i].address < fresh->address ? fresh->address - ring[i].address : 0;
    for (unsigned i = 0; i < KEPT; i++)
        if (goes_on(&ring[i], fresh)) {
            ring[i].bytes += fresh->bytes;
            return;
        }
    ring[turn++ % KEPT] = *fresh;
}

void lensi_file_read_aside(int fd, uint64_t offset, const void *at, size_t bytes)
{
    uint64_t before = lensi_sys_signals_hold(); /* read(2) may be called in signal handlers */
    struct lensi_backing *backing = lensi_open_file_of_fd(fd);

    if (backing) {
        lensi_lock(&lock);
        keep(&(struct kept){backing->identity.device, backing->identity.inode, (uint64_t)(uintptr_t)at, bytes, offset});
        lensi_unlock(&lock);
    }
    lensi_backing_close(backing);
    lensi_sys_signals_release(before);
}

/* The next kept read of [from, from + bytes), cut to it, from place *at of the ring on; it is forgotten there. */
static bool take(uint64_t from, uint64_t bytes, unsigned *at, struct kept *found)
{
    bool is_found = false;

    lensi_lock(&lock);
    for (; *at < KEPT && !is_found; ++*at) {
        struct kept *k = &ring[*at];

        if (k->bytes && k->address >= from && k->address < from + bytes) {
            *found = *k;
            if (found->bytes > from + bytes - found->address)
                found->bytes = from + bytes - found->address;
            k->bytes = 0;
            is_found = true;
        }
    }
    lensi_unlock(&lock);
    return is_found;
}

static void put(struct lensi_backing *backing, uint64_t offset, const void *at, uint64_t bytes)
{
    if (lensi_is_ours(at)) {
        lensi_extents_read(backing, offset, at, bytes);
        return;
    }
    lensi_lock(&lock);
    keep(&(struct kept){backing->identity.device, backing->identity.inode, (uint64_t)(uintptr_t)at, bytes, offset});
    lensi_unlock(&lock);
}

static void move_ordinary(const uint8_t *from, size_t bytes, const uint8_t *to)
{
    struct kept moved[KEPT];
    unsigned count = 0, at = 0;

    while (count < KEPT && take((uint64_t)(uintptr_t)from, bytes, &at, &moved[count]))
        count++;
    for (unsigned i = 0; i < count; i++) {
        struct lensi_backing *backing = lensi_open_file_of_file(moved[i].device, moved[i].inode);

        if (backing)
            put(backing, moved[i].offset, to + (moved[i].address - (uint64_t)(uintptr_t)from), moved[i].bytes);
        lensi_backing_close(backing);
    }
}

/* One read may be offered to several lenses: it is put once for each. */
static void move_block(const struct lensi_region *region, size_t bytes, const uint8_t *to)
{
    const struct lensi_pipe *pipe = NULL;

    for (uint32_t i = 0; i < atomic_load(&region->segments_count); i++) {
        const struct lensi_segment *s = &region->segments[i];
        uint64_t start = s->start - region->start.lead;

        pipe = pipe ? pipe : s->pipe;
        if (s->observed && s->backing && s->pipe == pipe && s->start >= region->start.lead && start < bytes)
            put(s->backing, s->view_offset, to + start, s->bytes < bytes - start ? s->bytes : bytes - start);
    }
}

void lensi_reads_moved(const void *from, size_t bytes, const void *to)
{
    const struct lensi_region *region = lensi_region_of(from);
    uint64_t before;

    if (!lensi_reads_wanted || lensi_retired || (region && region->packed))
        return;
    before = lensi_sys_signals_hold();
    if (region)
        move_block(region, bytes, to);
    else
        move_ordinary(from, bytes, to);
    lensi_sys_signals_release(before);
}

void lensi_reads_before_fork(void) { lensi_lock(&lock); }

void lensi_reads_after_fork(void) { lensi_unlock(&lock); }
