/*
 * image_build.c - building an image: a file without a name, filled page by page, published in one step.
 *
 * One thread at a time per image writes. Readers see a page once its present bit is set, which happens after its bytes
 * are in the file; a page that is there is never written again, as it may be mapped.
 */
#include "liblens/store/image.h"

#include "liblens/base/arena.h"
#include "liblens/base/checksum.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WRITEBACK_BYTES (1u << 20) /* how much dirty page cache we leave behind us */
#define RUN_PAGES 256u             /* small steps: a signal makes tmpfs begin a reservation anew */
#define RESERVE_BYTES (1u << 20)   /* for who writes one page after the other */

static uint64_t round_to_pages(uint64_t bytes)
{
    return (bytes + LENSI_PAGE - 1) / LENSI_PAGE * LENSI_PAGE;
}

/* ---- begin */

/* The header's memory, with the key in it and room for the path. */
static int make_header(struct lensi_image *image, const struct lensi_identity *identity, const char *pipe_text,
                       uint32_t shift)
{
    size_t pipe_bytes = strlen(pipe_text);
    uint64_t bytes = round_to_pages(sizeof *image->header + pipe_bytes + 1 + 1024);

    if (bytes > LENSI_IMAGE_HEADER_MAX)
        return -ENAMETOOLONG;
    struct lensi_image_header *header = lensi_arena_map(bytes);

    if (!header)
        return -ENOMEM;
    memcpy(header->magic, LENSI_IMAGE_MAGIC, sizeof LENSI_IMAGE_MAGIC);
    header->header_bytes = (uint32_t)bytes;
    header->page_bytes = LENSI_PAGE;
    header->identity = *identity;
    header->shift = shift;
    header->pipe_bytes = (uint32_t)pipe_bytes;
    memcpy(header + 1, pipe_text, pipe_bytes);
    image->header = header;
    return 0;
}

/* A file nobody can see, or, where the file system has none, KEY.new: the lock makes that name ours. */
static int make_file(struct lensi_image *image)
{
    const struct lensi_folder *folder = &image->store->folder;
    char name[32];
    int low = (int)lensi_sys(SYS_openat, folder->fd, (long)".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600, 0, 0);

    lensi_folder_remove(folder, image->key, LENSI_NAME_NEW);
    if (low == -EOPNOTSUPP || low == -EISDIR || low == -ENOENT) {
        lensi_folder_name(name, image->key, LENSI_NAME_NEW);
        low = (int)lensi_sys(SYS_openat, folder->fd, (long)name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                             0600, 0, 0);
        image->is_named = low >= 0;
    }
    if (low < 0)
        return low;
    lensi_sys(SYS_fchmod, low, 0600, 0, 0, 0, 0); /* whatever the umask is */
    image->fd = lensi_sys_dup_high(low);
    lensi_sys_close(low);
    struct stat status;
    int result = image->fd < 0 ? image->fd : lensi_sys_stat(image->fd, &status);

    if (result < 0)
        return result;
    image->device = status.st_dev;
    image->inode = status.st_ino;
    return 0;
}

int lensi_image_begin(struct lensi_image *image, const struct lensi_identity *identity, const char *pipe_text,
                      uint32_t shift, uint64_t pages)
{
    int result;

    image->fd = -1;
    image->pages = pages;
    image->state = LENSI_IMAGE_BUILDING;
    result = make_header(image, identity, pipe_text, shift);
    if (result == 0)
        result = lensi_image_make_tables(image);
    if (result == 0)
        result = make_file(image);
    if (result < 0) {
        if (image->is_named)
            lensi_folder_remove(&image->store->folder, image->key, LENSI_NAME_NEW);
        lensi_image_unload(image);
    }
    return result;
}

void lensi_image_describe(struct lensi_image *image, const char *path)
{
    struct lensi_image_header *header = image->header;
    size_t room = header->header_bytes - sizeof *header - header->pipe_bytes - 2, bytes = strnlen(path, room);
    char *to = (char *)(header + 1) + header->pipe_bytes + 1;

    if (image->state != LENSI_IMAGE_BUILDING)
        return;
    memset(to, 0, header->path_bytes);
    memcpy(to, path, bytes);
    header->path_bytes = (uint32_t)bytes;
}

static void end_build(struct lensi_image *image, enum lensi_image_state state, int reason)
{
    image->closed_with = reason;
    image->state = state;
    lensi_folder_unlock(&image->store->folder, image->key);
}

void lensi_image_discard(struct lensi_image *image, int reason)
{
    if (image->state != LENSI_IMAGE_BUILDING)
        return;
    if (image->is_named)
        lensi_folder_remove(&image->store->folder, image->key, LENSI_NAME_NEW);
    end_build(image, LENSI_IMAGE_CLOSED, reason);
}

/* ---- write */

/* A file size limit would not fail the write but kill the program by SIGXFSZ. */
static bool is_within_file_limit(uint64_t end)
{
    struct rlimit limit;

    return lensi_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0) < 0 || end <= limit.rlim_cur;
}

static int take_blocks(struct lensi_image *image, uint64_t from, uint64_t to)
{
    long result;

    do
        result = lensi_sys(SYS_fallocate, image->fd, 0, (long)from, (long)(to - from), 0, 0);
    while (result == -EINTR);
    if (result == -EOPNOTSUPP || result == -ENOSYS) {
        image->has_no_reserve = true;
        return 0;
    }
    return result == -EDQUOT || result == -EFBIG ? -ENOSPC : (int)result;
}

/*
 * Takes blocks for a range before anything is written to it. Without this, a full disk would show only when the kernel
 * writes dirty pages out, and a mapped page would be lost. Who writes page after page gets a larger piece at once: it
 * halves the cost of small writes.
 */
static int reserve(struct lensi_image *image, uint64_t from, uint64_t to)
{
    uint64_t data_end = image->header->header_bytes + image->pages * LENSI_PAGE, ahead = to;
    int result = -ENOSPC;

    if (!is_within_file_limit(to))
        return -ENOSPC;
    if (image->has_no_reserve || (from >= image->reserved_from && to <= image->reserved_to))
        return 0;
    if (from == image->reserved_to && to < data_end) {
        ahead = from + RESERVE_BYTES > data_end ? data_end : from + RESERVE_BYTES;
        ahead = ahead < to ? to : ahead;
    }
    if (is_within_file_limit(ahead))
        result = take_blocks(image, from, ahead);
    if (result == -ENOSPC && ahead > to)
        result = take_blocks(image, from, ahead = to);
    if (result == 0) {
        image->reserved_from = from;
        image->reserved_to = ahead;
    }
    return result;
}

/* Puts bytes into reserved space; where nothing can be reserved, on the disk itself before anybody relies on them. */
static int put(struct lensi_image *image, uint64_t offset, const void *bytes, uint64_t count)
{
    int result = reserve(image, offset, offset + count);

    if (result < 0)
        return result;
    int64_t written = -EINVAL;

    if (image->direct_fd && !((uintptr_t)bytes % LENSI_PAGE | offset % LENSI_PAGE | count % LENSI_PAGE))
        written = lensi_sys_pwrite(image->direct_fd, bytes, count, offset);
    if (written == -EINVAL) /* not past the cache, or the device wants another alignment */
        written = lensi_sys_pwrite(image->fd, bytes, count, offset);

    if (written == (int64_t)count && image->has_no_reserve)
        written = lensi_sys(SYS_fdatasync, image->fd, 0, 0, 0, 0, 0);
    if (written == -EDQUOT)
        return -ENOSPC;
    return written < 0 ? (int)written : 0;
}

static void start_writeback(struct lensi_image *image)
{
    uint64_t bytes = image->dirty_to - image->dirty_from;

    if (bytes && image->store->kind == LENSI_STORE_DISK)
        lensi_sys(SYS_sync_file_range, image->fd, (long)image->dirty_from, (long)bytes, SYNC_FILE_RANGE_WRITE, 0, 0);
    image->dirty_from = image->dirty_to;
}

/* Sends what was written on its way, in pieces that are worth a request to the disk. */
static void note_dirty(struct lensi_image *image, uint64_t offset, uint64_t bytes)
{
    if (offset != image->dirty_to) {
        start_writeback(image);
        image->dirty_from = offset;
    }
    image->dirty_to = offset + bytes;
    if (image->dirty_to - image->dirty_from >= WRITEBACK_BYTES)
        start_writeback(image);
}

/* Takes bytes from what the store may still write. */
static bool take_room(struct lensi_store *store, int64_t bytes)
{
    if (atomic_fetch_sub(&store->room_bytes, bytes) >= bytes)
        return true;
    atomic_fetch_add(&store->room_bytes, bytes);
    return false;
}

static int write_run(struct lensi_image *image, uint64_t page, size_t count, const uint8_t *bytes)
{
    uint64_t offset = image->header->header_bytes + page * LENSI_PAGE, total = (uint64_t)count * LENSI_PAGE;

    if (!take_room(image->store, (int64_t)total))
        return -ENOSPC;
    int result = put(image, offset, bytes, total);

    if (result < 0) {
        atomic_fetch_add(&image->store->room_bytes, (int64_t)total);
        return result;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t at = page + i, bit = 1ull << at % 64;

        image->checksums[at] = lensi_checksum(bytes + i * LENSI_PAGE, LENSI_PAGE);
        atomic_fetch_or_explicit(&image->good[at / 64], bit, memory_order_relaxed);
        atomic_fetch_or_explicit(&image->present[at / 64], bit, memory_order_release);
    }
    atomic_fetch_add(&image->count, count);
    note_dirty(image, offset, total);
    lensi_count(store_written_bytes, total);
    return 0;
}

/* Pages that are there already must be the same: they are mapped, perhaps. */
static int compare_run(struct lensi_image *image, uint64_t page, size_t count, const uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        const struct lensi_image *holder = lensi_image_holder(image, page + i);

        if (holder && lensi_checksum(bytes + i * LENSI_PAGE, LENSI_PAGE) != holder->checksums[page + i])
            return -EIO;
    }
    return 0;
}

static int write_pages(struct lensi_image *image, uint64_t page, size_t count, const uint8_t *bytes)
{
    int result = 0;

    for (size_t done = 0, run; result == 0 && done < count; done += run) {
        const uint8_t *from = bytes + done * LENSI_PAGE;
        uint64_t first = page + done;
        bool there = lensi_image_holder(image, first) != NULL;

        for (run = 1;
             run < RUN_PAGES && done + run < count && (lensi_image_holder(image, first + run) != NULL) == there;)
            run++;
        result = there ? compare_run(image, first, run, from) : write_run(image, first, run, from);
    }
    return result;
}

int lensi_image_write(struct lensi_image *image, uint64_t page, size_t count, const void *bytes)
{
    if (image->closed_with || image->state != LENSI_IMAGE_BUILDING)
        return image->closed_with ? image->closed_with : -EROFS;
    if (page >= image->pages || count > image->pages - page)
        return -EINVAL;
    int result = lensi_image_check_fd(image) < 0 ? -EIO : write_pages(image, page, count, bytes);

    /* A full disk takes no more, but what is in the image is good and may be published. After other failures nobody
     * can tell what the file holds: this process verified what it uses, others shall not get it. */
    if (result == -ENOSPC)
        image->closed_with = result;
    else if (result < 0)
        lensi_image_discard(image, -EIO);
    return result == -ENOSPC || result == 0 ? result : -EIO;
}

/* ---- publish */

static uint64_t pages_used(const struct lensi_image *image)
{
    for (uint64_t word = (image->pages + 63) / 64; word > 0; word--)
        if (image->present[word - 1])
            return word * 64 - (uint64_t)__builtin_clzll(image->present[word - 1]);
    return 0;
}

static int write_tables(struct lensi_image *image)
{
    struct lensi_image_header *h = image->header;
    uint64_t bits_bytes, sums_bytes;

    h->pages = pages_used(image);
    h->present = image->count;
    h->table_offset = h->header_bytes + h->pages * LENSI_PAGE;
    h->file_bytes = h->table_offset + round_to_pages(lensi_image_table_bytes(h->pages));
    bits_bytes = (h->pages + 63) / 64 * sizeof(uint64_t);
    sums_bytes = h->pages * sizeof(uint64_t);
    h->bits_checksum = lensi_checksum(image->tables, bits_bytes);
    h->sums_checksum = lensi_checksum(image->checksums, sums_bytes);
    int result = put(image, h->table_offset, image->tables, bits_bytes);

    if (result == 0)
        result = put(image, h->table_offset + bits_bytes, image->checksums, sums_bytes);
    /* All data lies before the tables: nothing that is mapped is cut off, only blocks taken ahead. */
    return result < 0 ? result : lensi_sys_truncate(image->fd, h->file_bytes);
}

static int write_header(struct lensi_image *image)
{
    image->header->header_checksum = 0;
    image->header->header_checksum = lensi_checksum(image->header, image->header->header_bytes);
    return put(image, 0, image->header, image->header->header_bytes);
}

static int link_as(const struct lensi_image *image, enum lensi_name_kind kind)
{
    char from[32], name[32];

    lensi_format(from, sizeof from, "/proc/self/fd/%d", image->fd);
    lensi_folder_name(name, image->key, kind);
    return (int)lensi_sys(SYS_linkat, AT_FDCWD, (long)from, image->store->folder.fd, (long)name, AT_SYMLINK_FOLLOW, 0);
}

/* The one step at which others begin to see the image. */
static int give_name(struct lensi_image *image)
{
    const struct lensi_folder *folder = &image->store->folder;
    char from[32], to[32];
    int result = image->is_named ? -EEXIST : link_as(image, LENSI_NAME_VIEW);

    if (result != -EEXIST)
        return result;
    /* An older image of this key is there. A link replaces nothing, a rename does. */
    if (!image->is_named && (result = link_as(image, LENSI_NAME_NEW)) < 0)
        return result;
    lensi_folder_name(from, image->key, LENSI_NAME_NEW);
    lensi_folder_name(to, image->key, LENSI_NAME_VIEW);
    result = (int)lensi_sys(SYS_renameat, folder->fd, (long)from, folder->fd, (long)to, 0, 0);
    if (result < 0)
        lensi_folder_remove(folder, image->key, LENSI_NAME_NEW);
    return result;
}

/* True if a published image of the same key holds at least as much as we do. */
static bool is_beaten(const struct lensi_image *image)
{
    struct lensi_image other = {.fd = -1};

    if (lensi_image_load(&image->store->folder, image->key, &other) < 0)
        return false;
    bool beaten =
        other.count >= lensi_image_pages(image) &&
        lensi_image_is_of(&other, &image->header->identity, lensi_image_pipe(image->header), image->header->shift);

    lensi_image_unload(&other);
    return beaten;
}

/*
 * Takes over what the base holds: good pages only, one that is damaged stays out. The base itself stays, as another
 * thread may be reading it; the image is asked first.
 */
static int absorb_base(struct lensi_image *image)
{
    struct lensi_image *base = image->base;
    uint8_t page[LENSI_PAGE];
    int result = 0;

    for (uint64_t i = 0; base && result == 0 && i < base->pages && i < image->pages; i++)
        if (!lensi_image_bit(image->present, i) && lensi_image_bit(base->present, i) &&
            lensi_image_read(base, i, 1, page) == 0)
            result = write_run(image, i, 1, page);
    if (result == 0)
        image->base_pages = 0;
    return result;
}

static int finish(struct lensi_image *image)
{
    int result = lensi_image_check_fd(image);

    if (result == 0)
        result = absorb_base(image);
    if (result == 0)
        result = write_tables(image);
    if (result == 0)
        result = write_header(image);
    if (result == 0 && image->store->kind == LENSI_STORE_DISK)
        result = (int)lensi_sys(SYS_fdatasync, image->fd, 0, 0, 0, 0, 0);
    return result < 0 ? result : give_name(image);
}

int lensi_image_publish(struct lensi_image *image)
{
    if (image->state == LENSI_IMAGE_PUBLISHED)
        return 0;
    if (image->state == LENSI_IMAGE_CLOSED)
        return image->closed_with;
    if (image->count == 0 && !image->base)
        return -ENODATA;
    /* A few pages more are not worth writing all of them again. */
    if ((image->base && image->count < image->base->count / 8 + 1) || is_beaten(image)) {
        lensi_image_discard(image, 0);
        return 0;
    }
    int result = finish(image);

    if (result < 0) {
        lensi_image_discard(image, result);
        return result;
    }
    end_build(image, LENSI_IMAGE_PUBLISHED, 0);
    lensi_count(store_published, 1);
    return 0;
}
