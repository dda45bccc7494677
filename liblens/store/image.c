/*
 * image.c - reading images: nothing in a file is believed before it was checked.
 *
 * Any thread may call lensi_image_has, _read and _map; they take no lock. The bit tables only ever change by atomic
 * operations, and two threads that verify the same page come to the same result.
 */
#include "liblens/store/image.h"

#include "liblens/base/arena.h"
#include "liblens/base/checksum.h"
#include "liblens/base/log.h"

#include <errno.h>
#include <string.h>

#define WORD_BITS 64

static uint64_t words_of(uint64_t pages)
{
    return (pages + WORD_BITS - 1) / WORD_BITS;
}

uint64_t lensi_image_table_bytes(uint64_t pages)
{
    return (words_of(pages) + pages) * sizeof(uint64_t);
}

uint64_t lensi_image_key(const struct lensi_identity *identity, const char *pipe_text, uint32_t shift)
{
    const uint64_t parts[] = {identity->device,   identity->inode, identity->size_bytes,
                              identity->mtime_ns, identity->ctime_ns, shift,
                              lensi_checksum(pipe_text, strlen(pipe_text))};

    return lensi_checksum(parts, sizeof parts);
}

bool lensi_image_is_of(const struct lensi_image *image, const struct lensi_identity *identity, const char *pipe_text,
                       uint32_t shift)
{
    return image->header->shift == shift && lensi_identity_equal(&image->header->identity, identity) &&
           strcmp(lensi_image_pipe(image->header), pipe_text) == 0;
}

/* Present bits, good bits, checksums; address space only until used. */
static size_t memory_bytes(const struct lensi_image *image)
{
    return (2 * words_of(image->pages) + image->pages) * sizeof(uint64_t);
}

int lensi_image_make_tables(struct lensi_image *image)
{
    uint64_t words = words_of(image->pages);

    image->tables = lensi_arena_map(memory_bytes(image));
    if (!image->tables)
        return -ENOMEM;
    image->present = (_Atomic uint64_t *)image->tables;
    image->good = image->present + words;
    image->checksums = image->tables + 2 * words;
    return 0;
}

void lensi_image_unload(struct lensi_image *image)
{
    if (image->fd >= 0)
        lensi_sys_close(image->fd);
    if (image->direct_fd)
        lensi_sys_close(image->direct_fd);
    image->direct_fd = 0;
    if (image->header)
        lensi_arena_unmap(image->header, image->header->header_bytes);
    if (image->tables)
        lensi_arena_unmap(image->tables, memory_bytes(image));
    image->fd = -1;
    image->header = NULL;
    image->tables = NULL;
}

/* ---- loading */

/* Nobody but us may have been able to write it, and it must be the plain file it seems. */
static int check_file(struct lensi_image *image, uint64_t *file_bytes)
{
    struct stat status;
    int result = lensi_sys_stat(image->fd, &status);

    if (result < 0)
        return result;
    if (status.st_nlink == 0)
        return -ENOENT; /* removed by gc between our open and now */
    if (!S_ISREG(status.st_mode) || (status.st_mode & 07777) != 0600 || status.st_nlink != 1 ||
        status.st_uid != (uid_t)lensi_sys(SYS_geteuid, 0, 0, 0, 0, 0, 0))
        return -EBADMSG;
    image->device = status.st_dev;
    image->inode = status.st_ino;
    *file_bytes = (uint64_t)status.st_size;
    return 0;
}

static bool is_header_sound(const struct lensi_image_header *h, uint64_t file_bytes)
{
    uint64_t data_bytes = h->table_offset - h->header_bytes;
    uint64_t table_bytes;

    /* Sizes first, and in an order in which no sum can overflow: every part lies within the real file. */
    if (h->page_bytes != LENSI_PAGE || h->file_bytes != file_bytes || file_bytes % LENSI_PAGE != 0 ||
        h->table_offset < h->header_bytes || h->table_offset > file_bytes || h->pages != data_bytes / LENSI_PAGE ||
        data_bytes % LENSI_PAGE != 0 || h->pages == 0)
        return false;
    table_bytes = lensi_image_table_bytes(h->pages);
    if ((table_bytes + LENSI_PAGE - 1) / LENSI_PAGE * LENSI_PAGE != file_bytes - h->table_offset)
        return false;
    if ((uint64_t)h->pipe_bytes + h->path_bytes + 2 > h->header_bytes - sizeof *h)
        return false;
    const char *pipe = lensi_image_pipe(h);

    return h->shift < LENSI_PAGE && h->zero == 0 && strnlen(pipe, h->pipe_bytes + 1u) == h->pipe_bytes &&
           strnlen(pipe + h->pipe_bytes + 1, h->path_bytes + 1u) == h->path_bytes;
}

/* image->header is set once it has memory of header_bytes. */
static int load_header(struct lensi_image *image, uint64_t file_bytes)
{
    struct lensi_image_header first;
    static const char magic[sizeof first.magic] = LENSI_IMAGE_MAGIC;
    struct lensi_image_header *header;

    if (lensi_sys_pread(image->fd, &first, sizeof first, 0) != sizeof first ||
        memcmp(first.magic, magic, sizeof magic) != 0 || first.header_bytes < LENSI_PAGE ||
        first.header_bytes % LENSI_PAGE != 0 || first.header_bytes > LENSI_IMAGE_HEADER_MAX ||
        first.header_bytes > file_bytes)
        return -EBADMSG;
    header = lensi_arena_map(first.header_bytes);
    if (!header)
        return -ENOMEM;
    bool whole = lensi_sys_pread(image->fd, header, first.header_bytes, 0) == first.header_bytes &&
                 header->header_bytes == first.header_bytes;
    uint64_t sum = header->header_checksum;

    header->header_bytes = first.header_bytes; /* what unload gives back, whatever was read */
    image->header = header;
    header->header_checksum = 0;
    if (!whole || lensi_checksum(header, first.header_bytes) != sum || !is_header_sound(header, file_bytes))
        return -EBADMSG;
    return 0;
}

static int load_tables(struct lensi_image *image)
{
    const struct lensi_image_header *h = image->header;
    uint64_t bits_bytes = words_of(h->pages) * sizeof(uint64_t), sums_bytes = h->pages * sizeof(uint64_t);
    uint64_t set = 0;

    image->pages = h->pages;
    if (lensi_image_make_tables(image) < 0)
        return -ENOMEM;
    if (lensi_sys_pread(image->fd, image->tables, bits_bytes, h->table_offset) != (int64_t)bits_bytes ||
        lensi_sys_pread(image->fd, image->checksums, sums_bytes, h->table_offset + bits_bytes) != (int64_t)sums_bytes ||
        lensi_checksum(image->tables, bits_bytes) != h->bits_checksum ||
        lensi_checksum(image->checksums, sums_bytes) != h->sums_checksum)
        return -EBADMSG;
    for (uint64_t i = 0; i < words_of(h->pages); i++)
        set += (uint64_t)__builtin_popcountll(image->present[i]);
    if (h->pages % WORD_BITS && image->present[h->pages / WORD_BITS] >> h->pages % WORD_BITS)
        return -EBADMSG;
    image->count = set;
    return set == h->present && set > 0 ? 0 : -EBADMSG;
}

int lensi_image_load(const struct lensi_folder *folder, uint64_t key, struct lensi_image *image)
{
    char name[32];
    uint64_t file_bytes = 0;

    lensi_folder_name(name, key, LENSI_NAME_VIEW);
    /* NONBLOCK: a FIFO of this name must not hang us. A link gives ELOOP, a socket ENXIO: not ours either. */
    int low =
        (int)lensi_sys(SYS_openat, folder->fd, (long)name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0, 0, 0);

    if (low < 0)
        return low == -ELOOP || low == -ENXIO || low == -EACCES ? -EBADMSG : low;
    image->fd = lensi_sys_dup_high(low);
    lensi_sys_close(low);
    if (image->fd < 0)
        return image->fd;
    image->key = key;
    image->state = LENSI_IMAGE_PUBLISHED;
    int result = check_file(image, &file_bytes);

    if (result == 0)
        result = load_header(image, file_bytes);
    if (result == 0)
        result = load_tables(image);
    if (result < 0)
        lensi_image_unload(image);
    return result;
}

/* ---- using */

int lensi_image_check_fd(const struct lensi_image *image)
{
    struct stat status;

    if (lensi_sys_stat(image->fd, &status) < 0 || status.st_dev != image->device || status.st_ino != image->inode)
        return -EBADF;
    return 0;
}

static uint64_t offset_of(const struct lensi_image *image, uint64_t page)
{
    return image->header->header_bytes + page * LENSI_PAGE;
}

/* From now on the page is not there. */
static void forget(struct lensi_image *image, uint64_t page)
{
    uint64_t bit = 1ull << page % WORD_BITS;

    if (atomic_fetch_and(&image->present[page / WORD_BITS], ~bit) & bit)
        atomic_fetch_sub(&image->count, 1);
    if (!atomic_exchange(&image->warned, true))
        lensi_warn(
            "view store: page %llu of %016llx.view is damaged and is not used; `lens store verify` checks the rest",
            (unsigned long long)page, (unsigned long long)image->key);
}

/* Its own function, so that the usual, verified case has no page on its stack. */
__attribute__((noinline)) static bool verify(struct lensi_image *image, uint64_t page)
{
    uint8_t bytes[LENSI_PAGE];

    if (lensi_sys_pread(image->fd, bytes, sizeof bytes, offset_of(image, page)) != sizeof bytes ||
        lensi_checksum(bytes, sizeof bytes) != image->checksums[page]) {
        forget(image, page);
        return false;
    }
    atomic_fetch_or_explicit(&image->good[page / WORD_BITS], 1ull << page % WORD_BITS, memory_order_release);
    return true;
}

struct lensi_image *lensi_image_holder(struct lensi_image *image, uint64_t page)
{
    for (; image; image = image->base)
        if (page < image->pages && lensi_image_bit(image->present, page))
            return image;
    return NULL;
}

bool lensi_image_has(struct lensi_image *image, uint64_t page)
{
    struct lensi_image *holder = lensi_image_holder(image, page);

    return holder && (lensi_image_bit(holder->good, page) || verify(holder, page));
}

bool lensi_image_sum_is(struct lensi_image *image, uint64_t page, uint64_t sum)
{
    const struct lensi_image *holder = lensi_image_holder(image, page);

    return holder && holder->checksums[page] == sum;
}

/* How many pages from `page` on, `count` at most, one and the same image holds; *holder is that image. */
static size_t run_of(struct lensi_image *image, uint64_t page, size_t count, struct lensi_image **holder)
{
    size_t run = 0;

    *holder = lensi_image_holder(image, page);
    while (*holder && run < count && lensi_image_holder(image, page + run) == *holder)
        run++;
    return run;
}

static int read_run(struct lensi_image *image, uint64_t page, size_t count, uint8_t *to)
{
    if (lensi_sys_pread(image->fd, to, count * LENSI_PAGE, offset_of(image, page)) != (int64_t)(count * LENSI_PAGE))
        return -EIO;
    /* Every time, not only the first: 250 ns a page buys that a bad disk never becomes a wrong byte. */
    for (size_t i = 0; i < count; i++)
        if (lensi_checksum(to + i * LENSI_PAGE, LENSI_PAGE) != image->checksums[page + i]) {
            forget(image, page + i);
            return -EIO;
        }
    return 0;
}

int lensi_image_read(struct lensi_image *image, uint64_t page, size_t count, void *to)
{
    uint8_t *bytes = to;
    struct lensi_image *holder;

    for (size_t done = 0, run; done < count; done += run) {
        run = run_of(image, page + done, count - done, &holder);
        if (run == 0 || read_run(holder, page + done, run, bytes + done * LENSI_PAGE) < 0)
            return -EIO;
    }
    return 0;
}

void lensi_image_past_cache(struct lensi_image *image)
{
    char link[40];
    int low;

    if (image->base)
        lensi_image_past_cache(image->base);
    if (image->direct_fd || lensi_image_check_fd(image) < 0)
        return;
    lensi_format(link, sizeof link, "/proc/self/fd/%d", image->fd);
    low = lensi_sys_open(link, (image->state == LENSI_IMAGE_BUILDING ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC, 0);
    if (low < 0)
        return; /* a file system without: through the cache then */
    image->direct_fd = lensi_sys_dup_high(low);
    if (image->direct_fd < 0)
        image->direct_fd = 0;
    lensi_sys_close(low);
}

bool lensi_image_is_past_cache(const struct lensi_image *image) { return image->direct_fd > 0; }

int lensi_image_fetch(struct lensi_image *image, uint64_t page, size_t count, void *to)
{
    uint8_t *bytes = to;
    struct lensi_image *holder;

    for (size_t done = 0, run; done < count; done += run) {
        run = run_of(image, page + done, count - done, &holder);
        if (run == 0)
            return -ENODATA;
        int fd = holder->direct_fd ? holder->direct_fd : holder->fd;
        if (lensi_sys_pread(fd, bytes + done * LENSI_PAGE, run * LENSI_PAGE, offset_of(holder, page + done)) !=
            (int64_t)(run * LENSI_PAGE))
            return -EIO;
    }
    return 0;
}

int lensi_image_map(struct lensi_image *image, uint64_t page, size_t count, void *at)
{
    struct lensi_image *holder;
    int error = 0;

    for (size_t i = 0; i < count; i++)
        if (!lensi_image_has(image, page + i))
            return -ENODATA;
    /* Two files would be two mappings, and the second may fail when the first is made already. */
    if (run_of(image, page, count, &holder) != count)
        return -ENODATA;
    if (count == 0)
        return 0;
    error = lensi_image_check_fd(holder);
    if (error < 0)
        return error;
    /*
     * The kernel counts mappings before it removes the old one, and memory that it accounts for is given back as
     * it is asked for, so a failure leaves `at` alone. NORESERVE: only pages the program writes cost memory.
     */
    if (!lensi_sys_map(at, count * LENSI_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
                       holder->fd, offset_of(holder, page), &error))
        return error;
    return 0;
}

uint64_t lensi_image_pages(const struct lensi_image *image)
{
    return image->count + image->base_pages;
}
