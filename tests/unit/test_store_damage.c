/*
 * test_store_damage.c - the view store does not believe what lies in its folder.
 */
#include "tests/unit/store_fixture.h"

TestSuite(store_damage, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- damage */

static void expect_refused(const char *what, uint64_t at)
{
    struct states states = each(false);
    struct lensi_image image = {.fd = -1};
    struct lensi_folder folder;

    cr_assert_eq(states.count, 1);
    cr_assert_eq(states.state, -EBADMSG, "%s at %llu was not noticed", what, (unsigned long long)at);
    cr_assert_eq(lensi_folder_open(dir, false, &folder, NULL), 0);
    cr_assert_eq(lensi_image_load(&folder, lensi_image_key(&identity, PIPE, 16), &image), -EBADMSG);
    cr_assert_null(image.header);
    lensi_folder_close(&folder);
}

Test(store_damage, every_header_byte_counts)
{
    publish_one();
    for (uint64_t at = 0; at < 512; at++) {
        flip(at);
        expect_refused("a changed header", at);
        flip(at);
    }
    for (uint64_t at = 512; at < LENSI_PAGE; at += 97) {
        flip(at);
        expect_refused("a changed header", at);
        flip(at);
    }
    cr_assert_eq(each(true).state, 0);
    open_image(open_store(), true);
}

Test(store_damage, every_table_byte_counts)
{
    uint64_t tables = LENSI_PAGE * (1 + PAGES);

    publish_one();
    for (uint64_t at = tables; at < tables + lensi_image_table_bytes(PAGES); at += 5) {
        flip(at);
        expect_refused("a changed table", at);
        flip(at);
    }
    cr_assert_eq(each(true).state, 0);
}

/* A forger who knows the checksum: sizes that do not fit must be refused for themselves. */
static void forge(size_t field, uint64_t value, size_t bytes)
{
    uint8_t header[LENSI_PAGE];
    uint64_t sum = 0;
    int fd = open(image_path(), O_RDWR);

    cr_assert_eq(pread(fd, header, sizeof header, 0), sizeof header);
    memcpy(header + field, &value, bytes);
    memcpy(header + offsetof(struct lensi_image_header, header_checksum), &sum, sizeof sum);
    sum = lensi_checksum(header, sizeof header);
    memcpy(header + offsetof(struct lensi_image_header, header_checksum), &sum, sizeof sum);
    cr_assert_eq(pwrite(fd, header, sizeof header, 0), sizeof header);
    close(fd);
}

Test(store_damage, forged_sizes_are_refused)
{
#define FIELD(name) {offsetof(struct lensi_image_header, name), sizeof(((struct lensi_image_header *)0)->name), #name}
    static const struct {
        size_t at, bytes;
        const char *name;
    } fields[] = {FIELD(header_bytes), FIELD(page_bytes), FIELD(pages),         FIELD(present),
                  FIELD(table_offset), FIELD(file_bytes), FIELD(shift),         FIELD(pipe_bytes),
                  FIELD(path_bytes),   FIELD(zero),       FIELD(bits_checksum), FIELD(sums_checksum)};
    static const uint64_t values[] = {1,          4095,      8192, 1u << 20, UINT32_MAX, 1ull << 40, (1ull << 52) + 1,
                                      1ull << 63, UINT64_MAX};

    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            if (fields[f].bytes == 4 && (uint32_t)values[v] == 0)
                continue;
            publish_one();
            /* The shift is part of the key, any value of it is well-formed below a page. */
            if (strcmp(fields[f].name, "shift") == 0 && (uint32_t)values[v] < LENSI_PAGE)
                values[v] == 1 ? forge(fields[f].at, 4096, 4) : forge(fields[f].at, UINT32_MAX, 4);
            else
                forge(fields[f].at, values[v], fields[f].bytes);
            expect_refused(fields[f].name, values[v]);
            cr_assert_eq(unlink(image_path()), 0);
        }
}

Test(store_damage, a_damaged_page_is_as_if_it_were_not_there)
{
    static const unsigned bad[] = {0, 33, PAGES - 1};

    publish_one();
    for (size_t i = 0; i < 3; i++)
        flip(LENSI_PAGE * (1 + bad[i]) + 100 * i);
    cr_assert_eq(each(false).state, 0, "pages are looked at when they are used");
    cr_assert_eq(each(true).state, -EBADMSG);
    struct lensi_image *hit = open_image(open_store(), true);

    cr_assert_eq(lensi_image_read(hit, 30, 10, expected), -EIO);
    for (unsigned i = 0; i < PAGES; i++)
        cr_assert_eq(lensi_image_has(hit, i), i != bad[0] && i != bad[1] && i != bad[2], "page %u", i);
    cr_assert_eq(lensi_image_pages(hit), PAGES - 3);
    cr_assert_eq(lensi_image_map(hit, 32, 2, expected), -ENODATA);
}

Test(store_damage, a_page_that_goes_bad_after_its_check_is_not_read)
{
    uint8_t page[LENSI_PAGE];

    publish_one();
    struct lensi_image *hit = open_image(open_store(), true);

    cr_assert(lensi_image_has(hit, 5));
    flip(LENSI_PAGE * 6);
    cr_assert_eq(lensi_image_read(hit, 5, 1, page), -EIO);
    cr_assert_not(lensi_image_has(hit, 5));
}

Test(store_damage, other_sizes_are_refused)
{
    static const off_t sizes[] = {
        0, 1, 135, 4095, 4096, 40960, LENSI_PAGE * (1 + PAGES), LENSI_PAGE * (2 + PAGES) - 1, LENSI_PAGE * (3 + PAGES)};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        publish_one();
        cr_assert_eq(truncate(image_path(), sizes[i]), 0);
        expect_refused("another size", (uint64_t)sizes[i]);
        cr_assert_eq(unlink(image_path()), 0);
    }
}

Test(store_damage, a_damaged_file_is_replaced)
{
    publish_one();
    flip(20);
    publish_one();
    cr_assert_eq(each(true).state, 0);
    cr_assert_eq(count_files("new"), 0);
}

/* ---- whose it is */

Test(store_damage, others_files_are_refused)
{
    char path[128], aside[140];

    publish_one();
    cr_assert_eq(chmod(image_path(), 0644), 0);
    expect_refused("mode 0644", 0);
    cr_assert_eq(chmod(image_path(), 04600), 0);
    expect_refused("mode 4600", 0);
    cr_assert_eq(chmod(image_path(), 0600), 0);
    snprintf(path, sizeof path, "%s", image_path());
    snprintf(aside, sizeof aside, "%s.aside", path);
    cr_assert_eq(link(path, aside), 0);
    expect_refused("a second name", 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink(aside, path), 0);
    expect_refused("a symbolic link", 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refused("a FIFO", 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0600), 0);
    expect_refused("a directory", 0);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(rename(aside, path), 0);
    cr_assert_eq(each(true).state, 0);
    if (geteuid() != 0)
        skip_store_test("not root: a file of another owner cannot be made");
    cr_assert_eq(chown(path, 12345, 0), 0);
    expect_refused("another owner", 0);
}

Test(store_damage, others_folders_are_refused)
{
    struct lensi_store *store;
    struct lens_error error;
    char link_path[96];

    cr_assert_eq(chmod(dir, 0755), 0);
    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, dir, LENS_UNKNOWN, &store, &error), -EPERM);
    cr_assert_not_null(strstr(error.text, "chmod 700"), "%s", error.text);
    cr_assert_eq(lensi_store_each(dir, false, note_state, NULL), -EPERM);
    cr_assert_eq(chmod(dir, 0700), 0);
    snprintf(link_path, sizeof link_path, "%s/link", dir);
    cr_assert_eq(symlink(dir, link_path), 0);
    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, link_path, LENS_UNKNOWN, &store, &error), -ENOTDIR);
    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, "/proc/version", LENS_UNKNOWN, &store, &error), -ENOTDIR);
    cr_assert_eq(lensi_store_each("/tmp/lens-test-store-none", false, note_state, NULL), -ENOENT);
    if (geteuid() != 0)
        skip_store_test("not root: a folder of another owner cannot be made");
    cr_assert_eq(chown(dir, 12345, 0), 0);
    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, dir, LENS_UNKNOWN, &store, &error), -EPERM);
    cr_assert_eq(chown(dir, 0, 0), 0);
}

Test(store_damage, folders_are_made)
{
    char deep[128];
    struct stat status;

    snprintf(deep, sizeof deep, "%s/a/b/c", dir);
    struct lensi_store *store;

    cr_assert_eq(lensi_store_open(LENSI_STORE_MEMORY, deep, 1 << 20, &store, NULL), 0);
    cr_assert_eq(stat(deep, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0700);
    lensi_store_close(store);
    setenv("XDG_CACHE_HOME", "/x", 1);
    cr_assert_eq(lensi_store_default_dir(LENSI_STORE_DISK, deep, sizeof deep), 0);
    cr_assert_str_eq(deep, "/x/lens");
    cr_assert_eq(lensi_store_default_dir(LENSI_STORE_DISK, deep, 7), -ENAMETOOLONG);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    cr_assert_eq(lensi_store_default_dir(LENSI_STORE_DISK, deep, sizeof deep), -ENOENT);
    cr_assert_eq(lensi_store_default_dir(LENSI_STORE_MEMORY, deep, sizeof deep), 0);
    cr_assert_eq(strncmp(deep, "/dev/shm/lens-", 14), 0);
}
