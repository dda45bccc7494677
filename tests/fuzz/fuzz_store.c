/*
 * fuzz_store.c - arbitrary bytes as an image file: never a crash, never a page whose bytes are not proven.
 *
 * The first byte chooses how far the input is helped past the checksums, which a fuzzer does not find by itself:
 * bit 0 mends the header's, bit 1 the tables', bit 2 the sizes. The rest is the file. What is accepted is compared with
 * a second reading of the file here, which shares nothing with the store but the checksum function.
 *
 * clang -fsanitize=fuzzer,address,undefined; run with files as arguments to replay them.
 */
#include "liblens/base/checksum.h"
#include "liblens/base/log.h"
#include "liblens/store/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/dev/shm/lens-fuzz-XXXXXX";
static uint8_t file[FILE_MAX];
static struct lensi_folder folder;

static void require(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz_store: %s\n", what);
    abort();
}

static void remove_folder(void)
{
    lensi_store_collect(dir, 0);
    unlinkat(folder.fd, "builders.lock", 0);
    rmdir(dir);
}

static void make_folder(void)
{
    require(mkdtemp(dir) != NULL, "no folder in /dev/shm");
    require(lensi_folder_open(dir, true, &folder, NULL) == 0, "the folder cannot be opened");
    lensi_log_quiet(true);
    atexit(remove_folder);
}

static size_t tables_of(const struct lensi_image_header *h, size_t size, size_t *bits_bytes)
{
    *bits_bytes = (size_t)((h->pages + 63) / 64 * 8);
    if (h->pages > FILE_MAX / LENSI_PAGE || h->table_offset > size ||
        *bits_bytes + h->pages * 8 > size - h->table_offset)
        return 0;
    return (size_t)h->table_offset;
}

/* Makes the file's checksums and sizes right, as a patient forger would. */
static void mend(struct lensi_image_header *h, size_t size, unsigned how)
{
    size_t bits_bytes, tables;

    if (how & 4) {
        memcpy(h->magic, LENSI_IMAGE_MAGIC "\0\0\0", sizeof h->magic);
        h->header_bytes = h->page_bytes = LENSI_PAGE;
        h->file_bytes = size;
        h->pages = size / LENSI_PAGE > 2 ? size / LENSI_PAGE - 2 : 1;
        h->table_offset = (h->pages + 1) * LENSI_PAGE;
        h->zero = 0;
    }
    tables = tables_of(h, size, &bits_bytes);
    if ((how & 2) && tables) {
        h->bits_checksum = lensi_checksum(file + tables, bits_bytes);
        h->sums_checksum = lensi_checksum(file + tables + bits_bytes, h->pages * 8);
    }
    if ((how & 1) && h->header_bytes <= size) {
        h->header_checksum = 0;
        h->header_checksum = lensi_checksum(file, h->header_bytes);
    }
}

/* The page's bytes in the input, if the input itself says that they are there and good. */
static const uint8_t *own_reading(size_t size, uint64_t page)
{
    const struct lensi_image_header *h = (const void *)file;
    size_t bits_bytes, tables = tables_of(h, size, &bits_bytes), at = (size_t)(h->header_bytes + page * LENSI_PAGE);
    uint64_t sum;

    if (!tables || page >= h->pages || at + LENSI_PAGE > tables || !(file[tables + page / 8] >> page % 8 & 1))
        return NULL;
    memcpy(&sum, file + tables + bits_bytes + page * 8, sizeof sum);
    return lensi_checksum(file + at, LENSI_PAGE) == sum ? file + at : NULL;
}

static void check_page(struct lensi_image *image, size_t size, uint64_t page)
{
    static uint8_t copy[LENSI_PAGE];
    const uint8_t *own = own_reading(size, page);
    bool has = lensi_image_has(image, page);

    require(has == (own != NULL), "a page is believed that is not good, or the other way round");
    if (!has)
        return;
    require(lensi_image_read(image, page, 1, copy) == 0 && memcmp(copy, own, LENSI_PAGE) == 0,
            "read gives other bytes");
    uint8_t *at = lensi_sys_map(NULL, LENSI_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, NULL);

    require(at && lensi_image_map(image, page, 1, at) == 0 && memcmp(at, own, LENSI_PAGE) == 0,
            "map gives other bytes");
    lensi_sys_unmap(at, LENSI_PAGE);
}

static int nothing(void *context, const struct lensi_store_entry *entry)
{
    (void)context;
    return entry->state > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lensi_image image = {.fd = -1};
    char name[32];
    unsigned how = size ? data[0] & 7 : 0;

    if (folder.fd <= 0)
        make_folder();
    if (size == 0 || size > FILE_MAX)
        return 0;
    memcpy(file, data + 1, --size);
    if (how & 4) /* whole pages, three at least */
        for (size_t whole = (size / LENSI_PAGE + 3) * LENSI_PAGE; size < whole && size < FILE_MAX; size++)
            file[size] = 0;
    if (size >= sizeof(struct lensi_image_header))
        mend((void *)file, size, how);
    lensi_folder_name(name, 1, LENSI_NAME_VIEW);
    int fd = openat(folder.fd, name, O_RDWR | O_CREAT | O_TRUNC, 0600);

    require(fd >= 0 && write(fd, file, size) == (ssize_t)size, "the input cannot be written");
    close(fd);
    if (lensi_image_load(&folder, 1, &image) == 0) {
        require(image.header->file_bytes == size && image.pages <= size / LENSI_PAGE,
                "sizes that do not fit were accepted");
        for (uint64_t page = 0; page <= image.pages; page++)
            check_page(&image, size, page);
        lensi_image_unload(&image);
    }
    require(lensi_store_each(dir, true, nothing, NULL) == 0, "the folder cannot be listed");
    return 0;
}
