/*
 * backend_protect.c - mprotect and SIGSEGV, for where userfaultfd is refused; see backend.h.
 *
 * An absent page is PROT_NONE in a private mapping of one sparse memfd, at the file offset that is its page number.
 * It is placed by writing the memfd, which nobody sees yet, and then allowing reads: so no other thread ever reads a
 * half-made page. The first write makes the kernel copy the page, and the memfd's is given back.
 *
 * fork: parent and child must not share the memfd, or one would punch holes under the other. The gate keeps every
 * other thread of the parent away from it until the child has copied what is resident to a memfd of its own.
 */
#include "liblens/memory/backend.h"

#include "liblens/base/log.h"
#include "liblens/memory/pages.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stdatomic.h>

static int memory_fd = -1, parents_fd = -1;
static _Atomic uint32_t gate_closed, inside;
static int done_pipe[2] = {-1, -1}; /* the child's end of file tells the parent that it has its own */
static _Atomic uint32_t *done_word; /* shared with the child: says the same where no pipe is to be had */
#define WITHOUT_PIPE_NS 10000000000u

static void enter(void)
{
    for (;;) {
        atomic_fetch_add(&inside, 1);
        if (!atomic_load(&gate_closed))
            return;
        atomic_fetch_sub(&inside, 1);
        lensi_sys_yield();
    }
}

static void leave(void) { atomic_fetch_sub(&inside, 1); }

static uint64_t offset_of(const void *at) { return (uintptr_t)at - lensi_range.start; }

static void punch(const void *at, size_t bytes)
{
    lensi_sys(SYS_fallocate, memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (long)offset_of(at), (long)bytes, 0, 0);
}

static int new_memory(void)
{
    int low = lensi_sys_memfd("lens", 1 /* MFD_CLOEXEC */), high, result;

    if (low < 0)
        return low;
    high = lensi_sys_dup_high(low);
    if (high >= 0)
        lensi_sys_close(low);
    else
        high = low;
    result = lensi_sys_size_ours(high, lensi_range.bytes);
    if (result == 0) {
        memory_fd = high;
        return 0;
    }
    lensi_sys_close(high);
    return result;
}

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
static bool can_populate; /* Linux 5.14 */

/* Ordinary pages are readable and writable as far as we are concerned. */
static bool is_refused(const void *at, bool write)
{
    void *page = (void *)((uintptr_t)at & ~(uintptr_t)(LENSI_PAGE - 1));
    int result = can_populate ? lensi_sys_advise(page, LENSI_PAGE, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) : 0;

    return result == -EINVAL || result == -EFAULT;
}

static int open_protect(void)
{
    done_word = lensi_sys_map(NULL, LENSI_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0, NULL);
    can_populate = done_word && lensi_sys_advise((void *)(uintptr_t)done_word, LENSI_PAGE, MADV_POPULATE_READ) == 0;
    return done_word ? new_memory() : -ENOMEM;
}

static int arm(void *at, size_t bytes)
{
    (void)at;
    (void)bytes;
    return 0;
}

static int protect(void *at, size_t bytes) { return lensi_sys_protect(at, bytes, PROT_READ); }

/* A write that changes nothing: the kernel copies the page, and the memfd's is not needed. */
static void make_private(void *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += LENSI_PAGE)
        __atomic_fetch_or((uint8_t *)at + i, 0, __ATOMIC_RELAXED);
    punch(at, bytes);
}

static int unprotect(void *at, size_t bytes)
{
    int result;

    enter();
    result = lensi_sys_protect(at, bytes, PROT_READ | PROT_WRITE);
    if (result < 0)
        lensi_stop("no more memory mappings for a page that is written (vm.max_map_count); run with --fault thread, or with a "
                   "larger vm.max_map_count");
    make_private(at, bytes);
    leave();
    return 0;
}

static int drop(void *at, size_t bytes)
{
    int error = 0;

    enter();
    if (lensi_sys_map(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, memory_fd, offset_of(at), &error))
        punch(at, bytes);
    leave();
    return error;
}

static int place(void *at, const void *from, size_t bytes, bool protected)
{
    int64_t put;
    int result;

    enter();
    put = lensi_sys_write_ours(memory_fd, from, bytes, offset_of(at));
    result = put < 0 ? (int)put : lensi_sys_protect(at, bytes, protected ? PROT_READ : PROT_READ | PROT_WRITE);
    if (result == 0 && !protected)
        make_private(at, bytes);
    leave();
    return result;
}

static int zero(void *at)
{
    (void)at; /* plain memory needs no help of ours */
    return 0;
}

static void forget(void *at, size_t bytes)
{
    enter();
    punch(at, bytes);
    leave();
}

/* ---- fork */

static void fork_prepare(void)
{
    int pipe[2];

    if (lensi_sys(SYS_pipe2, (long)pipe, O_CLOEXEC, 0, 0, 0, 0) == 0)
        for (int i = 0; i < 2; i++) {
            int high = lensi_sys_dup_high(pipe[i]);
            done_pipe[i] = high < 0 ? pipe[i] : high;
            if (high >= 0)
                lensi_sys_close(pipe[i]);
        }
    atomic_store(done_word, 0);
    atomic_store(&gate_closed, 1);
    while (atomic_load(&inside))
        lensi_sys_yield();
}

static void close_both(void)
{
    for (int i = 0; i < 2; i++)
        if (done_pipe[i] >= 0)
            lensi_sys_close(done_pipe[i]);
    done_pipe[0] = done_pipe[1] = -1;
}

static void fork_parent(void)
{
    uint8_t byte;

    if (done_pipe[1] >= 0) {
        lensi_sys_close(done_pipe[1]);
        done_pipe[1] = -1;
        lensi_sys_read_some(done_pipe[0], &byte, 1); /* one byte or the end of file: the child is ready, or gone */
    } else {
        /* Out of descriptors: nothing tells of a child that is gone. */
        uint64_t end = lensi_sys_clock_ns() + WITHOUT_PIPE_NS;
        while (!atomic_load(done_word) && lensi_sys_clock_ns() < end)
            lensi_sys_futex_wait(&gate_closed, 1, 100000);
    }
    close_both();
    atomic_store(&gate_closed, 0);
}

static int fork_child(void)
{
    parents_fd = memory_fd;
    memory_fd = -1; /* should there be no other: nothing of ours may reach the parent's */
    atomic_store(&inside, 0);
    atomic_store(&gate_closed, 0);
    return new_memory();
}

static int move_run(uint64_t first, uint64_t count, bool present)
{
    uint8_t *at = lensi_page_address(first);
    size_t bytes = count << LENSI_PAGE_SHIFT;
    int64_t put = present ? lensi_sys_write_ours(memory_fd, at, bytes, offset_of(at)) : 0;
    int error = 0;

    if (put < 0)
        return (int)put;
    lensi_sys_map(at, bytes, present ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, memory_fd, offset_of(at), &error);
    return error;
}

static int rearm(uint64_t first, uint64_t count)
{
    for (uint64_t page = first; page < first + count;) {
        enum lensi_page_state state = lensi_page_state(page);
        uint64_t run = 1;
        int result = 0;
        while (page + run < first + count && lensi_page_state(page + run) == state)
            run++;
        if (state == LENSI_PROVEN || state == LENSI_ABSENT)
            result = move_run(page, run, state == LENSI_PROVEN);
        if (result < 0)
            return result;
        page += run;
    }
    return 0;
}

static void fork_child_done(void)
{
    lensi_sys_close(parents_fd);
    parents_fd = -1;
    atomic_store(done_word, 1);
    if (done_pipe[1] >= 0) /* not the end of file alone: another process may have come to hold the pipe, too */
        lensi_sys_write_all(done_pipe[1], "", 1);
    close_both();
}

static bool owns_fd(int fd) { return fd >= 0 && (fd == memory_fd || fd == done_pipe[0] || fd == done_pipe[1]); }

const struct lensi_backend lensi_backend_protect = {
    .name = "protect", .signal = SIGSEGV, .granule_pages = 16, .open = open_protect, .arm = arm, .protect = protect,
    .unprotect = unprotect, .drop = drop, .place = place, .zero = zero, .is_refused = is_refused, .forget = forget, .fork_prepare = fork_prepare, .fork_parent = fork_parent,
    .fork_child = fork_child, .rearm = rearm, .fork_child_done = fork_child_done, .owns_fd = owns_fd};
