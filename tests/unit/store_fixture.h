/*
 * store_fixture.h - a store folder of its own for each test, one view with known bytes, and ways to look at them.
 *
 * Included by the test_store*.c files. Criterion runs each test in its own process.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "liblens/base/checksum.h"
#include "liblens/store/image.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 70u
#define PIPE "record(\"%d=%f;\\n\")"

static char dir[64];
static const struct lensi_identity identity = {11, 12, 13, 14, 15};
static uint8_t expected[PAGES][LENSI_PAGE];

static inline void set_up(void)
{
    strcpy(dir, "/tmp/lens-test-store-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    uint64_t seed = 1;

    for (size_t i = 0; i < sizeof expected; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        expected[i / LENSI_PAGE][i % LENSI_PAGE] = (uint8_t)(seed >> 56);
    }
}

static inline void tear_down(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

/* Criterion does not tear down after a test that skips itself. */
#define skip_store_test(...) \
    do { \
        tear_down(); \
        cr_skip_test(__VA_ARGS__); \
    } while (0)

static inline struct lensi_store *open_store(void)
{
    struct lensi_store *store;
    struct lens_error error = {.text = ""};

    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, dir, LENS_UNKNOWN, &store, &error), 0, "%s", error.text);
    return store;
}

static inline struct lensi_image *open_image(struct lensi_store *store, bool expect_hit)
{
    struct lensi_image *image;
    bool is_hit = !expect_hit;
    int result = lensi_image_open(store, &identity, PIPE, 16, PAGES, &image, &is_hit);

    cr_assert_eq(result, 0, "%d", result);
    cr_assert_eq(is_hit, expect_hit);
    return image;
}

static inline void write_all(struct lensi_image *image)
{
    cr_assert_eq(lensi_image_write(image, 0, PAGES, expected), 0);
}

/* Images of a closed store stay open for threads that still run; a test that opens many gives them back. */
static inline void close_both(struct lensi_store *store, struct lensi_image *image)
{
    lensi_store_close(store);
    lensi_image_unload(image);
}

static inline void publish_one(void)
{
    struct lensi_store *store = open_store();
    struct lensi_image *image = open_image(store, false);

    lensi_image_describe(image, "relative/name");
    write_all(image);
    cr_assert_eq(lensi_image_publish(image), 0);
    close_both(store, image);
}

/* The published image's file; with a folder of one image. */
static inline const char *image_path(void)
{
    static char path[128];
    char name[32];

    lensi_folder_name(name, lensi_image_key(&identity, PIPE, 16), LENSI_NAME_VIEW);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static inline void check_pages(struct lensi_image *image, unsigned step)
{
    uint8_t page[LENSI_PAGE];

    for (unsigned i = 0; i < PAGES; i += step) {
        cr_assert(lensi_image_has(image, i));
        cr_assert_eq(lensi_image_read(image, i, 1, page), 0);
        cr_assert_arr_eq(page, expected[i], LENSI_PAGE);
    }
}

struct states {
    int count, state;
};

static inline int note_state(void *context, const struct lensi_store_entry *entry)
{
    struct states *states = context;

    states->count++;
    states->state = entry->state;
    return 0;
}

static inline struct states each(bool verify)
{
    struct states states = {0, 1};

    cr_assert_eq(lensi_store_each(dir, verify, note_state, &states), 0);
    return states;
}

static inline int count_files(const char *pattern)
{
    char command[160];
    int count = -1;

    snprintf(command, sizeof command, "ls %s | grep -c '%s'", dir, pattern);
    FILE *pipe = popen(command, "r");

    cr_assert_eq(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

/* Undisturbed by what the child does to itself; 0 if it ended well. */
static inline int in_child(void (*work)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        work();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

/* Changes one bit of the image's file; the second time puts it back. */
static inline void flip(uint64_t offset)
{
    int fd = open(image_path(), O_RDWR);
    uint8_t byte;

    cr_assert_eq(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x10;
    cr_assert_eq(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

#endif
