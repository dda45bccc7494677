/*
 * test_guard.c - leases: who gets one, and that a writer finds everything real on every rung.
 */
#include "tests/unit/engine_fixture.h"

#include "liblens/engine/lease.h"
#include "liblens/engine/prover.h"
#include "liblens/source/segment.h"
#include "liblens/view/backing.h"

#include <sys/wait.h>

TestSuite(guard, .timeout = 60);

#define COUNT 200000u
#define BYTES (COUNT * 8u)

static struct lensi_backing *open_backing(const char *path)
{
    struct lensi_backing *backing;
    uint64_t before;

    lensi_sys_signal_mask(SIG_BLOCK, ~0ull, &before); /* as in the prover, which hears of writers by a signal */
    cr_assert_eq(lensi_backing_open(path, &backing), 0);
    return backing;
}

Test(guard, leases_what_nobody_writes)
{
    const char *path = toy_file("lease", "abc", 3);
    struct lensi_backing *backing = open_backing(path);
    int error = 1;

    cr_assert(lensi_lease_take(backing, &error), "%d", error);
    cr_assert_eq(error, 0);
    cr_assert_eq(open(path, O_WRONLY | O_NONBLOCK), -1, "a writer waits");
    cr_assert_eq(errno, EWOULDBLOCK);
    unlink(path);
}

Test(guard, refuses_with_the_reason)
{
    const char *path = toy_file("written", "abc", 3);
    struct lensi_backing *backing = open_backing(path);
    int writer = open(path, O_WRONLY), error = 0;

    cr_assert_not(lensi_lease_take(backing, &error));
    cr_assert_eq(error, -EAGAIN);
    close(writer);
    cr_assert_not(lensi_lease_take(backing, &error), "tried once");
    unlink(path);
}

/* A file that changed between its opening and the lease keeps nobody waiting. */
Test(guard, gives_back_a_lease_that_came_too_late)
{
    const char *path = toy_file("late", "abc", 3);
    struct lensi_backing *backing = open_backing(path);
    int error = 0, fd = open(path, O_WRONLY | O_TRUNC);

    close(fd);
    cr_assert_not(lensi_lease_take(backing, &error));
    cr_assert_eq(error, -ESTALE);
    fd = open(path, O_WRONLY | O_NONBLOCK);
    cr_assert(fd >= 0, "%s", strerror(errno));
    unlink(path);
}

RUNG_TEST(guard, a_writer_finds_all_real)
{
    const char *path;
    uint64_t *sums, *block, *second;
    int status, fd;
    pid_t pid;

    (void)rung;
    start_engine("min 4K\nfile \"*numbers*\"\nlens toysum", 256 * 1024);
    path = toy_numbers_file("numbers", COUNT, &sums);
    fd = open_for_engine(path);
    block = lensi_block_new(0, BYTES, 0);
    memcpy(block, sums, BYTES);
    close_for_engine(fd);
    cr_assert(wait_for_proofs(BYTES / 4096 / 2));
    nap(200);
    cr_assert_gt(lensi_counted(absent_pages), 100);
    block[1000] = 5;
    pid = vfork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", ": > \"$0\"", path, (char *)NULL);
        _exit(127);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert_eq(lensi_counted(absent_pages), 0);
    cr_assert_eq(block[1000], 5);
    block[1000] = sums[1000];
    cr_assert(memcmp(block, sums, BYTES) == 0);
    /* What changed proves nothing more, also not for a new block; nobody is stopped. */
    second = lensi_block_new(0, BYTES, 0);
    memcpy(second, sums, BYTES);
    lensi_work_ring(true);
    nap(500);
    cr_assert_eq(lensi_counted(absent_pages), 0);
    cr_assert(memcmp(second, sums, BYTES) == 0);
    cr_assert(memcmp(block, sums, BYTES) == 0);
    lensi_block_free(block);
    lensi_block_free(second);
    unlink(path);
}

/* The program itself opens its file for writing: it waits for its own prover, not for ever. */
RUNG_TEST(guard, the_program_itself_writes)
{
    const char *path;
    uint64_t *sums, *block;
    struct timespec start, end;
    int fd;

    (void)rung;
    start_engine("min 4K\nfile \"*numbers*\"\nlens toysum", 256 * 1024);
    path = toy_numbers_file("numbers", COUNT, &sums);
    fd = open_for_engine(path);
    block = lensi_block_new(0, BYTES, 0);
    memcpy(block, sums, BYTES);
    close_for_engine(fd);
    cr_assert(wait_for_proofs(BYTES / 4096 / 2));
    nap(200);
    clock_gettime(CLOCK_MONOTONIC, &start);
    fd = open(path, O_RDWR | O_TRUNC);
    clock_gettime(CLOCK_MONOTONIC, &end);
    cr_assert(fd >= 0);
    cr_assert_lt(end.tv_sec - start.tv_sec, 3);
    cr_assert_eq(write(fd, "7\n", 2), 2);
    cr_assert(memcmp(block, sums, BYTES) == 0);
    lensi_block_free(block);
    close(fd);
    unlink(path);
}
