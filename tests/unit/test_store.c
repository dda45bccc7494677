/*
 * test_store.c - the view store: what is written is found again, within its limits and across processes.
 */
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

TestSuite(store, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- the usual way */

Test(store, builds_publishes_and_hits)
{
    struct lensi_store *store = open_store();
    struct lensi_image *image = open_image(store, false);

    cr_assert_not(lensi_image_has(image, 0));
    write_all(image);
    cr_assert_eq(lensi_image_pages(image), PAGES);
    check_pages(image, 1);
    cr_assert_eq(count_files("view"), 0, "nothing is to be seen before publication");
    cr_assert_eq(lensi_image_publish(image), 0);
    cr_assert_eq(lensi_image_publish(image), 0);
    cr_assert_eq(lensi_image_write(image, 0, 1, expected), -EROFS);
    check_pages(image, 1);

    struct lensi_store *second = open_store();
    struct lensi_image *hit = open_image(second, true);

    cr_assert_eq(lensi_image_pages(hit), PAGES);
    check_pages(hit, 1);
    cr_assert_not(lensi_image_has(hit, PAGES));
    cr_assert_eq(lensi_image_write(hit, 0, 1, expected), -EROFS);
    cr_assert_eq(lensi_image_publish(hit), 0);
    lensi_store_close(store);
    check_pages(image, 1);
}

Test(store, keys_differ_by_each_part)
{
    publish_one();
    for (int part = 0; part < 7; part++) {
        struct lensi_identity other = identity;
        uint64_t *const fields[] = {&other.device, &other.inode, &other.size_bytes, &other.mtime_ns, &other.ctime_ns};
        struct lensi_store *store = open_store();
        struct lensi_image *image;
        bool is_hit = true;

        if (part < 5)
            ++*fields[part];
        cr_assert_eq(
            lensi_image_open(store, &other, part == 5 ? "rows()" : PIPE, part == 6 ? 32 : 16, PAGES, &image, &is_hit),
            0);
        cr_assert_not(is_hit);
        lensi_store_close(store);
    }
}

static size_t count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    size_t lines = 0;

    for (int c; (c = getc(maps)) != EOF;)
        lines += c == '\n';
    fclose(maps);
    return lines;
}

static void map_one_by_one(struct lensi_image *image)
{
    /* A page on either side, so that the mapping's neighbours are always the same. */
    uint8_t *at = mmap(NULL, (PAGES + 2) * LENSI_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(at, MAP_FAILED);
    at += LENSI_PAGE;
    size_t before = count_mappings();

    for (unsigned i = 0; i < PAGES; i++)
        cr_assert_eq(lensi_image_map(image, i, 1, at + i * LENSI_PAGE), 0);
    cr_assert_leq(count_mappings(), before + 2, "neighbours merge");
    cr_assert_arr_eq(at, expected, sizeof expected);
    memset(at, 1, 2 * LENSI_PAGE); /* private: the image keeps its bytes */
    check_pages(image, 1);
}

Test(store, maps_privately_while_building_and_after)
{
    struct lensi_store *store = open_store();
    struct lensi_image *image = open_image(store, false);

    write_all(image);
    map_one_by_one(image);
    cr_assert_eq(lensi_image_publish(image), 0);
    map_one_by_one(image);
    map_one_by_one(open_image(open_store(), true));
    cr_assert_eq(lensi_image_map(image, PAGES, 1, expected), -ENODATA);
}

Test(store, mapping_outlives_gc_and_replacement)
{
    publish_one();
    struct lensi_image *hit = open_image(open_store(), true);
    uint8_t *at = mmap(NULL, sizeof expected, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_eq(lensi_image_map(hit, 0, PAGES, at), 0);
    cr_assert_gt(lensi_store_collect(dir, 0), 0);
    cr_assert_eq(count_files("view"), 0);
    publish_one();
    cr_assert_arr_eq(at, expected, sizeof expected);
}

Test(store, partial_images_say_what_they_hold)
{
    struct lensi_store *store = open_store();
    struct lensi_image *image = open_image(store, false);

    for (unsigned i = 0; i < PAGES - 9; i += 3)
        cr_assert_eq(lensi_image_write(image, i, 2, expected[i]), 0);
    cr_assert_eq(lensi_image_publish(image), 0);
    struct lensi_image *hit = open_image(open_store(), false);

    for (unsigned i = 0; i < PAGES; i++)
        cr_assert_eq(lensi_image_has(hit, i), i < PAGES - 8 && i % 3 != 2, "page %u", i);
    cr_assert_eq(lensi_image_read(hit, 0, 3, expected), -EIO);
    cr_assert_eq(lensi_image_map(hit, 1, 2, expected), -ENODATA);
}

/* A first run that ended early must neither be all that later runs get, nor be lost. */
Test(store, a_partial_image_grows)
{
    uint8_t *at = mmap(NULL, sizeof expected, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct lensi_image *image = open_image(open_store(), false);

    cr_assert_eq(lensi_image_write(image, 0, 10, expected), 0);
    cr_assert_eq(lensi_image_publish(image), 0);
    image = open_image(open_store(), false);
    cr_assert_eq(lensi_image_pages(image), 10);
    check_pages(image, PAGES);
    cr_assert_eq(lensi_image_map(image, 2, 8, at), 0);
    cr_assert_eq(lensi_image_publish(image), 0, "nothing new: the old one stays");
    image = open_image(open_store(), false);
    write_all(image); /* ten of them are there */
    check_pages(image, 1);
    cr_assert_eq(lensi_image_map(image, 8, 4, at), -ENODATA, "two files");
    cr_assert_eq(lensi_image_map(image, 10, 4, at), 0);
    cr_assert_eq(lensi_image_publish(image), 0);
    check_pages(image, 1);
    cr_assert_eq(lensi_image_map(image, 0, PAGES, at), 0);
    image = open_image(open_store(), true);
    cr_assert_eq(lensi_image_pages(image), PAGES);
    check_pages(image, 1);
    cr_assert_eq(each(true).count, 1);
    cr_assert_eq(count_files("new"), 0);
}

Test(store, a_damaged_page_of_the_base_is_not_taken_over)
{
    struct lensi_image *image = open_image(open_store(), false);

    cr_assert_eq(lensi_image_write(image, 0, 10, expected), 0);
    cr_assert_eq(lensi_image_publish(image), 0);
    flip(5 * LENSI_PAGE);
    image = open_image(open_store(), false);
    cr_assert_eq(lensi_image_write(image, 10, PAGES - 10, expected[10]), 0);
    cr_assert_eq(lensi_image_publish(image), 0);
    image = open_image(open_store(), true);
    for (unsigned i = 0; i < PAGES; i++)
        cr_assert_eq(lensi_image_has(image, i), i != 4);
}

Test(store, the_same_page_again_must_be_the_same)
{
    struct lensi_image *image = open_image(open_store(), false);

    write_all(image);
    write_all(image);
    cr_assert_eq(lensi_image_pages(image), PAGES);
    expected[3][7] ^= 1;
    cr_assert_eq(lensi_image_write(image, 0, PAGES, expected), -EIO);
    expected[3][7] ^= 1;
    check_pages(image, 1);
    cr_assert_eq(lensi_image_publish(image), -EIO, "two different bytes for one page: others shall not get it");
    cr_assert_eq(each(false).count, 0);
}

Test(store, close_publishes_what_is_worth_it)
{
    static uint8_t large[512][LENSI_PAGE];
    struct lensi_store *store = open_store();
    struct lensi_identity ids[3] = {identity, identity, identity};
    struct lensi_image *image;
    bool is_hit;

    ids[1].inode = 1;
    ids[2].inode = 2;
    cr_assert_eq(lensi_image_open(store, &ids[0], PIPE, 16, 3, &image, &is_hit), 0);
    cr_assert_eq(lensi_image_write(image, 0, 3, large), 0); /* small, complete */
    cr_assert_eq(lensi_image_open(store, &ids[1], PIPE, 16, 1000, &image, &is_hit), 0);
    cr_assert_eq(lensi_image_write(image, 0, 256, large), 0); /* partial, 1 MiB */
    cr_assert_eq(lensi_image_open(store, &ids[2], PIPE, 16, 1000, &image, &is_hit), 0);
    cr_assert_eq(lensi_image_write(image, 0, 255, large), 0); /* partial, little */
    lensi_store_close(store);
    cr_assert_eq(each(true).count, 2);
    cr_assert_eq(each(true).state, 0);
    lensi_store_close(NULL);
}

static void *has_all(void *image)
{
    for (unsigned i = 0; i < PAGES; i++)
        if (!lensi_image_has(image, i))
            return image;
    return NULL;
}

Test(store, threads_verify_at_once)
{
    publish_one();
    struct lensi_image *hit = open_image(open_store(), true);
    pthread_t threads[4];
    void *failed;

    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, has_all, hit), 0);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_assert_null(failed);
    }
}

/* ---- room */

Test(store, the_limit_holds_and_old_views_make_room)
{
    struct lensi_store *store;
    struct lensi_identity other = identity;
    struct lensi_image *image;
    struct lensi_names names;
    bool is_hit;

    publish_one();
    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, dir, 80 * LENSI_PAGE, &store, NULL), 0);
    other.inode++;
    cr_assert_eq(lensi_image_open(store, &other, PIPE, 16, 30, &image, &is_hit), 0);
    cr_assert_eq(each(false).count, 0, "the older view had to go");
    cr_assert_eq(lensi_image_write(image, 0, 30, expected), 0);
    cr_assert_eq(lensi_image_publish(image), 0);
    other.inode++;
    cr_assert_eq(lensi_image_open(store, &other, PIPE, 16, PAGES, &image, &is_hit), 0);
    cr_assert_eq(lensi_image_write(image, 0, 40, expected), 0);
    cr_assert_eq(lensi_image_write(image, 40, 30, expected[40]), -ENOSPC);
    cr_assert_eq(lensi_image_write(image, 40, 1, expected[40]), -ENOSPC, "closed for writing");
    cr_assert(lensi_image_has(image, 39));
    cr_assert_eq(lensi_image_publish(image), 0);
    cr_assert_eq(lensi_folder_list(&store->folder, &names), 0);
    cr_assert_leq(names.list[0].disk_bytes + names.list[names.count - 1].disk_bytes, 84 * LENSI_PAGE);
    lensi_names_free(&names);
    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, dir, 0, &store, NULL), 0);
    other.inode++;
    cr_assert_eq(lensi_image_open(store, &other, PIPE, 16, 30, &image, &is_hit), -ENOSPC);
}

Test(store, a_full_file_system_is_an_error_and_nothing_else)
{
    static uint8_t large[1024][LENSI_PAGE];

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", dir, "tmpfs", 0, "size=2m,mode=0700") < 0)
        skip_store_test("cannot mount a small tmpfs here: %s", strerror(errno));
    struct lensi_store *store = open_store();
    struct lensi_image *image;
    bool is_hit;
    unsigned written = 0;

    store->room_bytes = INT64_MAX; /* the file system says it, not the limit */
    memset(large, 7, sizeof large);
    cr_assert_eq(lensi_image_open(store, &identity, PIPE, 16, 1024, &image, &is_hit), 0);
    while (written < 1024 && lensi_image_write(image, written, 16, large[written]) == 0)
        written += 16;
    cr_assert(written >= 256 && written <= 512, "%u pages", written);
    cr_assert_eq(lensi_image_write(image, 1000, 1, large[0]), -ENOSPC);
    uint8_t *at = mmap(NULL, sizeof large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_eq(lensi_image_map(image, 0, written, at), 0);
    cr_assert_arr_eq(at, large, written * LENSI_PAGE);
    lensi_store_close(store);
    cr_assert_arr_eq(at, large, written * LENSI_PAGE);
    cr_assert_eq(umount2(dir, MNT_DETACH), 0);
}

Test(store, a_read_only_file_system_is_told)
{
    struct lens_error error;
    struct lensi_store *store;
    char deep[96];

    publish_one();
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(dir, dir, NULL, MS_BIND, NULL) < 0 || mount(NULL, dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
        skip_store_test("cannot make a read-only mount here: %s", strerror(errno));
    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, dir, LENS_UNKNOWN, &store, &error), -EROFS);
    cr_assert_not_null(strstr(error.text, "read-only"), "%s", error.text);
    snprintf(deep, sizeof deep, "%s/deep", dir);
    cr_assert_eq(lensi_store_open(LENSI_STORE_DISK, deep, LENS_UNKNOWN, &store, &error), -EROFS);
    cr_assert_eq(each(true).state, 0);
    cr_assert_eq(lensi_store_collect(dir, 0), -EROFS);
    cr_assert_eq(umount2(dir, MNT_DETACH), 0);
}

Test(store, a_file_size_limit_does_not_kill)
{
    struct rlimit limit = {20 * LENSI_PAGE, RLIM_INFINITY};
    struct lensi_image *image = open_image(open_store(), false);

    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(lensi_image_write(image, 0, 10, expected), 0);
    cr_assert_eq(lensi_image_write(image, 10, 20, expected[10]), -ENOSPC);
    check_pages(image, PAGES);
    cr_assert_eq(lensi_image_publish(image), 0);
}

/* ---- several processes */

static void hold_until_killed(void)
{
    open_image(open_store(), false);
    pause();
}

static void wait_for_builder(void)
{
    struct lensi_store *store = open_store();

    for (int i = 0; i < 5000; i++) {
        if (lensi_folder_lock(&store->folder, lensi_image_key(&identity, PIPE, 16)) == -EBUSY)
            return;
        lensi_folder_unlock(&store->folder, lensi_image_key(&identity, PIPE, 16));
        usleep(1000);
    }
    cr_assert_fail("no builder");
}

Test(store, one_builder_and_a_dead_one_does_not_block)
{
    struct lensi_store *store = open_store();
    struct lensi_image *image;
    bool is_hit;
    pid_t builder = fork();

    if (builder == 0)
        hold_until_killed();
    wait_for_builder();
    cr_assert_eq(lensi_image_open(store, &identity, PIPE, 16, PAGES, &image, &is_hit), -EBUSY);
    cr_assert_eq(kill(builder, SIGKILL), 0);
    cr_assert_eq(waitpid(builder, NULL, 0), builder);
    cr_assert_eq(open_image(store, false), open_image(store, false), "one image per key in a process");
    cr_assert_eq(count_files("view\\|new"), 0);
}

static struct lensi_store *forked_store;
static struct lensi_image *forked_image;

static void child_of_builder(void)
{
    lensi_store_after_fork(forked_store);
    if (lensi_image_write(forked_image, 20, 1, expected[20]) != -EPERM || lensi_image_publish(forked_image) != -EPERM)
        _exit(1);
    for (unsigned i = 0; i < 20; i++)
        if (!lensi_image_has(forked_image, i) || lensi_image_has(forked_image, 20))
            _exit(2);
    lensi_store_close(forked_store);
}

Test(store, a_forked_child_reads_and_never_publishes)
{
    struct lensi_image *other;
    bool is_hit;

    forked_store = open_store();
    forked_image = open_image(forked_store, false);
    cr_assert_eq(lensi_image_write(forked_image, 0, 20, expected), 0);
    cr_assert_eq(in_child(child_of_builder), 0);
    cr_assert_eq(count_files("view\\|new"), 0);
    cr_assert_eq(lensi_image_open(open_store(), &identity, PIPE, 16, PAGES, &other, &is_hit), -EBUSY,
                 "the parent still builds");
    write_all(forked_image);
    cr_assert_eq(lensi_image_publish(forked_image), 0);
    check_pages(open_image(open_store(), true), 1);
}

Test(store, closed_descriptors_do_no_harm)
{
    struct lensi_image *image = open_image(open_store(), false);
    int victim = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    struct stat status;

    cr_assert_eq(lensi_image_write(image, 0, 5, expected), 0);
    /* The program closes everything and gets our number for a file of its own. */
    cr_assert_eq(dup2(victim, image->fd), image->fd);
    cr_assert_eq(lensi_image_map(image, 0, 1, expected), -EBADF);
    cr_assert_eq(lensi_image_write(image, 5, 5, expected[5]), -EIO);
    cr_assert_lt(lensi_image_publish(image), 0);
    cr_assert_eq(fstat(victim, &status), 0);
    cr_assert_eq(status.st_size, 0);
}

/* ---- gc */

static int find_by_inode(void *context, const struct lensi_store_entry *entry)
{
    *(uint64_t *)context = entry->identity.inode;
    return 1;
}

Test(store, gc_removes_what_is_stale_damaged_or_abandoned_and_nothing_else)
{
    char path[96], command[160];
    struct lensi_identity now;
    struct stat status;
    struct lensi_store *store = open_store();
    struct lensi_image *image;
    bool is_hit;

    publish_one();
    snprintf(path, sizeof path, "%s/backing", dir);
    int fd = open(path, O_CREAT | O_RDWR, 0600);

    cr_assert_eq(fstat(fd, &status), 0);
    lensi_identity_of(&status, &now);
    cr_assert_eq(lensi_image_open(store, &now, PIPE, 0, 2, &image, &is_hit), 0);
    lensi_image_describe(image, "/a/path/that/is/longer/than/the/one/that/follows");
    lensi_image_describe(image, path);
    cr_assert_eq(lensi_image_write(image, 0, 2, expected), 0);
    cr_assert_eq(lensi_image_publish(image), 0);
    cr_assert_eq(lensi_store_collect(dir, UINT64_MAX), 0);
    cr_assert_eq(count_files("view"), 2);
    cr_assert_eq(write(fd, "x", 1), 1);
    snprintf(command, sizeof command, "cd %s && touch 0123456789abcdef.new notes.view fedcba9876543210.view", dir);
    cr_assert_eq(system(command), 0);
    cr_assert_gt(lensi_store_collect(dir, UINT64_MAX), 0);
    cr_assert_eq(count_files("[0-9a-f]\\{16\\}"), 1);
    cr_assert_eq(count_files("notes"), 1);
    cr_assert_eq(each(true).state, 0);
    close(fd);
}

Test(store, gc_keeps_what_was_used_last)
{
    struct lensi_store *store = open_store();
    struct lensi_image *image;
    struct lensi_identity id = identity;
    bool is_hit;
    uint64_t first = 0;

    for (id.inode = 1; id.inode <= 3; id.inode++) {
        cr_assert_eq(lensi_image_open(store, &id, PIPE, 0, 10, &image, &is_hit), 0);
        cr_assert_eq(lensi_image_write(image, 0, 10, expected), 0);
        cr_assert_eq(lensi_image_publish(image), 0);
        usleep(20000);
    }
    id.inode = 1;
    cr_assert_eq(lensi_image_open(open_store(), &id, PIPE, 0, 10, &image, &is_hit), 0);
    cr_assert(is_hit);
    cr_assert_eq(lensi_store_each(dir, false, find_by_inode, &first), 1);
    cr_assert_eq(first, 2, "oldest use first");
    cr_assert_gt(lensi_store_collect(dir, 16 * LENSI_PAGE), 0);
    cr_assert_eq(each(true).count, 1);
    cr_assert_eq(lensi_store_each(dir, false, find_by_inode, &first), 1);
    cr_assert_eq(first, 1);
}

Test(store, finding_is_a_use)
{
    struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    struct lensi_image *image;
    struct stat status;

    publish_one();
    cr_assert_eq(utimensat(AT_FDCWD, image_path(), long_ago, 0), 0);
    cr_assert_eq(lensi_image_find(open_store(), &identity, PIPE, 16, PAGES, &image), 0);
    cr_assert_eq(stat(image_path(), &status), 0);
    cr_assert_gt(status.st_mtim.tv_sec, 1000, "gc would take it for unused");
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 5000; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* What a server leaves of each version of its data: nothing. */
Test(store, images_that_nobody_uses_go)
{
    struct lensi_store *store = open_store();
    int before = 0;

    for (unsigned round = 0; round < 3; round++) {
        struct lensi_image *image = open_image(store, false);
        lensi_image_use(image);
        write_all(image);
        if (round)
            cr_assert_eq(lensi_image_publish(image), 0);
        cr_assert_not(lensi_store_tidy(store), "it is used");
        check_pages(image, 1);
        lensi_image_leave(image, true);
        cr_assert(lensi_store_tidy(store));
        cr_assert_not(lensi_store_tidy(store));
        before = round ? before : count_descriptors(); /* that of the builders' lock stays */
        cr_assert_eq(count_descriptors(), before, "round %u", round);
        cr_assert_eq(count_files("view"), 0, "its backing is not there any more");
    }
    lensi_store_close(store);
}
