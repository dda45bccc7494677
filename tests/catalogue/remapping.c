/*
 * remapping.c - every other kind of mremap, mprotect, madvise and mseal on pages of the block, by name and by number: what the
 * program sees is what memory from malloc shows by itself.
 */
#include "data.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
enum { DONTNEED_LOCKED = 24, COLLAPSE = 25, GUARD_INSTALL = 102, GUARD_REMOVE = 103, SYS_SEAL = 462, PAGES = 10 };

static unsigned char *block;
static sigjmp_buf back;

static void jump(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static int is_refused(volatile unsigned char *at)
{
    if (sigsetjmp(back, 1))
        return 1;
    *at = 1;
    return 0;
}

static size_t place(const unsigned char *page) { return (size_t)(page - block); }

static int is_zero(const unsigned char *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i])
            return 0;
    return 1;
}

/* Fresh memory, moved onto pages of the block; and pages of the block onto fresh memory. */
static void moves_to_a_place(int by_number)
{
    unsigned char *from = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *onto = data_page(block, 20 + 40 * (unsigned)by_number), *away = onto + 20 * PAGE, *moved;

    CHECK(from != MAP_FAILED);
    memset(from, 7, PAGES * PAGE);
    if (by_number)
        moved = (void *)syscall(SYS_mremap, from, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, onto);
    else
        moved = mremap(from, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, onto);
    CHECK(moved == onto && onto[0] == 7 && onto[PAGES * PAGE - 1] == 7);
    CHECK(data_is(onto - PAGE, place(onto - PAGE), PAGE) && data_is(onto + PAGES * PAGE, place(onto + PAGES * PAGE), PAGE));
    from = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (by_number)
        moved = (void *)syscall(SYS_mremap, away, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, from);
    else
        moved = mremap(away, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, from);
    CHECK(moved == from && data_is(moved, place(away), PAGES * PAGE));
    CHECK(data_is(away - PAGE, place(away - PAGE), PAGE));
}

static void sizes(void)
{
    unsigned char *at = data_page(block, 120), *moved;

    CHECK(mremap(at, PAGES * PAGE, PAGES * PAGE, 0) == at && data_is(at, place(at), PAGES * PAGE));
    CHECK(mremap(at, PAGES * PAGE, 2 * PAGES * PAGE, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mremap(at + 1, PAGE, PAGE, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mremap(at, PAGES * PAGE, PAGE, 0) == at && data_is(at, place(at), PAGE) && is_refused(at + PAGE));
    at += 20 * PAGE;
    moved = mremap(at, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    CHECK(moved != MAP_FAILED && moved != at && data_is(moved, place(at), PAGES * PAGE) && is_zero(at, PAGES * PAGE));
    at[5] = 1;
    CHECK(moved[5] == data_byte(place(at) + 5));
    at += 20 * PAGE;
    moved = (void *)syscall(SYS_mremap, at, PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && data_is(moved, place(at), PAGES * PAGE) && is_zero(moved + PAGES * PAGE, PAGES * PAGE));
    CHECK(is_refused(at));
}

static void advice(void)
{
    unsigned char *at = data_page(block, 220);
    int mergeable;

    CHECK(madvise(at, PAGES * PAGE, MADV_REMOVE) == -1 && errno == EINVAL && data_is(at, place(at), PAGES * PAGE));
    CHECK(syscall(SYS_madvise, at, PAGES * PAGE, MADV_REMOVE) == -1 && errno == EINVAL && data_is(at, place(at), PAGES * PAGE));
    mergeable = madvise(at, PAGES * PAGE, MADV_MERGEABLE);
    CHECK(mergeable == 0 || errno == EINVAL);
    CHECK(madvise(at, PAGES * PAGE, COLLAPSE) <= 0 && data_is(at, place(at), PAGES * PAGE));
    CHECK(madvise(at, PAGES * PAGE, MADV_UNMERGEABLE) <= 0 && data_is(at, place(at), PAGES * PAGE));
    CHECK(madvise(at, PAGES * PAGE, MADV_FREE) == 0);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK(is_zero(at + i * PAGE, PAGE) || data_is(at + i * PAGE, place(at + i * PAGE), PAGE));
    memset(at, 9, PAGES * PAGE);
    CHECK(at[0] == 9 && at[PAGES * PAGE - 1] == 9);
    at += 20 * PAGE;
    if (madvise(at, PAGES * PAGE, DONTNEED_LOCKED) == 0)
        CHECK(is_zero(at, PAGES * PAGE));
    at += 20 * PAGE;
    CHECK(syscall(SYS_madvise, at, PAGES * PAGE, MADV_DONTNEED) == 0 && is_zero(at, PAGES * PAGE));
    at += 20 * PAGE;
    if (madvise(at, PAGES * PAGE, GUARD_INSTALL) == 0) {
        CHECK(is_refused(at) && is_refused(at + PAGES * PAGE - 1));
        CHECK(madvise(at, PAGES * PAGE, GUARD_REMOVE) == 0 && is_zero(at, PAGES * PAGE));
    }
    CHECK(data_is(at + PAGES * PAGE, place(at + PAGES * PAGE), 5 * PAGE) && data_is(at - 5 * PAGE, place(at - 5 * PAGE), 5 * PAGE));
    CHECK(syscall(SYS_remap_file_pages, at + PAGES * PAGE, PAGE, 0, 0, 0) == -1 && errno == EINVAL);
    CHECK(remap_file_pages(at + PAGES * PAGE, PAGE, 0, 1, 0) == -1 && errno == EINVAL);
    CHECK(data_is(at + PAGES * PAGE, place(at + PAGES * PAGE), 5 * PAGE));
}

/* To oneself, by vector: by name and by number, each where the kernel takes such advice. */
static void advice_by_vector(void)
{
    unsigned char *at = data_page(block, 440);
    struct iovec parts[2] = {{at, 2 * PAGE}, {at + 5 * PAGE, PAGE}}, nothing = {0};
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

    CHECK(self >= 0);
    CHECK(process_madvise(self, parts, 2, MADV_COLD, 0) == 3 * PAGE && data_is(at, place(at), PAGES * PAGE));
    CHECK(process_madvise(self, parts, 2, MADV_COLD, 1) == -1 && errno == EINVAL);
    CHECK(process_madvise(self, parts, 2, 9999, 0) == -1 && errno == EINVAL && data_is(at, place(at), PAGES * PAGE));
    if (process_madvise(self, &nothing, 1, MADV_DONTNEED, 0) < 0) {
        CHECK(process_madvise(self, parts, 2, MADV_DONTNEED, 0) == -1 && errno == EINVAL && data_is(at, place(at), PAGES * PAGE));
        return;
    }
    CHECK(process_madvise(self, parts, 2, MADV_DONTNEED, 0) == 3 * PAGE);
    CHECK(is_zero(at, 2 * PAGE) && is_zero(at + 5 * PAGE, PAGE));
    parts[0].iov_base = at + 7 * PAGE;
    CHECK(syscall(SYS_process_madvise, self, parts, 1, MADV_DONTNEED, 0) == 2 * PAGE && is_zero(at + 7 * PAGE, 2 * PAGE));
    CHECK(data_is(at + 2 * PAGE, place(at + 2 * PAGE), 3 * PAGE) && data_is(at + 6 * PAGE, place(at + 6 * PAGE), PAGE));
    CHECK(data_is(at + 9 * PAGE, place(at + 9 * PAGE), PAGE));
    CHECK(close(self) == 0);
}

static void locks(void)
{
    unsigned char *at = data_page(block, 340), seen[PAGES];

    CHECK(mlock(at, PAGES * PAGE) == 0 && data_is(at, place(at), PAGES * PAGE));
    CHECK(mincore(at, PAGES * PAGE, seen) == 0);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK(seen[i] & 1);
    CHECK(munlock(at, PAGES * PAGE) == 0 && data_is(at, place(at), PAGES * PAGE));
    CHECK(msync(at, PAGES * PAGE, MS_SYNC) == 0 && data_is(at, place(at), PAGES * PAGE));
    at += 20 * PAGE;
    CHECK(syscall(SYS_mlock2, at, PAGES * PAGE, 1) == 0 && data_is(at, place(at), PAGES * PAGE));
    CHECK(munlock(at, PAGES * PAGE) == 0 && mprotect(at, PAGES * PAGE, PROT_READ) == 0);
    CHECK(is_refused(at + 4 * PAGE) && data_is(at, place(at), PAGES * PAGE));
    CHECK(syscall(SYS_mprotect, at, PAGES * PAGE, PROT_READ | PROT_WRITE) == 0 && !is_refused(at + 4 * PAGE));
}

/* What is sealed can be read and written, and neither moved nor unmapped. Last: nobody can take it back. */
static void seals(void)
{
    unsigned char *at = data_page(block, 400);

    if (syscall(SYS_SEAL, at, PAGES * PAGE, 0) < 0)
        return;
    data_pause();
    CHECK(data_is(block, 0, 300000) && data_is(at, place(at), PAGES * PAGE));
    at[100] ^= 1;
    CHECK(at[100] == (data_byte(place(at) + 100) ^ 1));
    CHECK(mprotect(at, PAGES * PAGE, PROT_READ) == -1 && errno == EPERM);
    at[100] ^= 1;
    CHECK(data_is(at, place(at), PAGES * PAGE));
}

int main(int count, char **argument)
{
    (void)count;
    block = data_load(argument[1]);
    signal(SIGSEGV, jump);
    moves_to_a_place(0);
    moves_to_a_place(1);
    sizes();
    advice();
    advice_by_vector();
    locks();
    seals();
    CHECK(data_is(block, 0, 20 * PAGE));
    puts("remapping: ok");
    return 0;
}
