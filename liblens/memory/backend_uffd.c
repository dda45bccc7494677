/*
 * backend_uffd.c - userfaultfd, served in the faulting thread or by a service thread; see backend.h.
 *
 * In the faulting thread: UFFD_FEATURE_SIGBUS makes a touch a SIGBUS, and UFFD_USER_MODE_ONLY needs no privilege; the
 * kernel itself cannot touch an absent page then (callers pin). With a service thread the descriptor is a full one,
 * and the kernel's own touches wait for us like everybody's.
 */
#include "liblens/memory/backend.h"

#include "liblens/base/helper.h"
#include "liblens/base/log.h"
#include "liblens/memory/pages.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>

#define FAILURES_MOST 8u

static int uffd = -1;

static int arm(void *at, size_t bytes)
{
    return lensi_sys_uffd_register(uffd, at, bytes, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
}

static int protect(void *at, size_t bytes) { return lensi_sys_uffd_protect(uffd, at, bytes, true); }

static int unprotect(void *at, size_t bytes) { return lensi_sys_uffd_protect(uffd, at, bytes, false); }

static int drop(void *at, size_t bytes) { return lensi_sys_advise(at, bytes, MADV_DONTNEED); }

/* A copy must not cross from one mapping into the next; a fork's child has more of them, which never merge again. */
/* One call, and one interrupt of the other CPUs, for all of them. */
static size_t drop_many(const struct iovec *ranges, size_t count)
{
    static _Atomic bool refused;
    int64_t bytes = atomic_load_explicit(&refused, memory_order_relaxed) ? 0 : lensi_sys_advise_many(ranges, count, MADV_DONTNEED);
    size_t gone = 0;

    if (bytes == -EBADF || bytes == -ENOSYS || bytes == -EINVAL || bytes == -EPERM) /* an older kernel, or a filter */
        atomic_store(&refused, true);
    for (; gone < count && bytes >= (int64_t)ranges[gone].iov_len; gone++)
        bytes -= (int64_t)ranges[gone].iov_len;
    return gone;
}

static int place(void *at, const void *from, size_t bytes, bool protected)
{
    size_t done = 0, step = bytes;

    while (done < bytes) {
        size_t ask = bytes - done < step ? bytes - done : step;
        int64_t placed = lensi_sys_uffd_copy(uffd, (uint8_t *)at + done, (const uint8_t *)from + done, ask, protected);
        if (placed == -ENOENT && ask > LENSI_PAGE) {
            step = LENSI_PAGE;
            continue;
        }
        if (placed == -EEXIST)
            placed = LENSI_PAGE; /* what is there is this very page: nobody else places it */
        if (placed < 0)
            return (int)placed;
        done += (size_t)placed;
    }
    return 0;
}

static int64_t move(void *to, void *from, size_t bytes) { return lensi_sys_uffd_move(uffd, to, from, bytes); }

static int zero(void *at)
{
    int result = lensi_sys_uffd_zero(uffd, at, LENSI_PAGE);

    return result == -EEXIST ? 0 : result;
}

/* Mapped stretches inside cannot be armed and need not be: goes around them chunk by chunk. */
static int for_all(int (*call)(void *at, size_t bytes), uint64_t first, uint64_t count)
{
    if (call(lensi_page_address(first), count << LENSI_PAGE_SHIFT) == 0)
        return 0;
    for (uint64_t page = first; page < first + count;) {
        uint64_t run = 0;
        int result;
        while (page + run < first + count && lensi_page_state(page + run) != LENSI_MAPPED)
            run++;
        result = run ? call(lensi_page_address(page), run << LENSI_PAGE_SHIFT) : 0;
        if (result < 0)
            return result;
        page += run ? run : 1;
    }
    return 0;
}

static int rearm(uint64_t first, uint64_t count) { return for_all(arm, first, count); }

static int leave(void *at, size_t bytes) { return lensi_sys_uffd_unregister(uffd, at, bytes); }

static void disarm(uint64_t first, uint64_t count) { for_all(leave, first, count); }

static bool owns_fd(int fd) { return fd >= 0 && fd == uffd; }

/* ---- in the faulting thread */

static int open_inthread(void)
{
    uint64_t want = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP, have = 0;
    int fd = lensi_sys_uffd_open(true, want, &have);

    if (fd == -EINVAL)
        return -EOPNOTSUPP;
    if (fd < 0)
        return fd;
    uffd = fd;
    return 0;
}

static int fork_inthread(void)
{
    if (uffd >= 0)
        lensi_sys_close(uffd);
    uffd = -1; /* the parent's */
    return open_inthread();
}

const struct lensi_backend lensi_backend_inthread = {
    .name = "inthread", .signal = SIGBUS, .granule_pages = 1, .open = open_inthread, .arm = arm, .protect = protect,
    .unprotect = unprotect, .drop = drop, .drop_many = drop_many, .place = place, .move = move, .zero = zero, .fork_child = fork_inthread,
    .rearm = rearm, .disarm = disarm, .owns_fd = owns_fd};

/* ---- a service thread */

void (*lensi_backend_resolve)(uint64_t page, bool write);

static void serve(const struct uffd_msg *message)
{
    uint64_t flags = message->arg.pagefault.flags;
    uintptr_t at = message->arg.pagefault.address & ~(uintptr_t)(LENSI_PAGE - 1);
    struct uffdio_range range = {.start = at, .len = LENSI_PAGE};

    if (message->event != UFFD_EVENT_PAGEFAULT)
        return;
    lensi_backend_resolve(lensi_page_of((void *)at), (flags & (UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE)) != 0);
    lensi_sys(SYS_ioctl, uffd, UFFDIO_WAKE, (long)&range, 0, 0, 0);
}

static uint8_t *farewell; /* a page whose touch means: end */

static bool is_farewell(const struct uffd_msg *message)
{
    return farewell && message->event == UFFD_EVENT_PAGEFAULT && message->arg.pagefault.address - (uintptr_t)farewell < LENSI_PAGE &&
           lensi_sys_uffd_zero(uffd, farewell, LENSI_PAGE) == 0;
}

static void *service(void *fd_of_mine)
{
    struct uffd_msg messages[16];
    unsigned failures = 0;

    lensi_helper_named("lens-faults");
    while ((int)(intptr_t)fd_of_mine == uffd) {
        struct pollfd wait = {.fd = uffd, .events = POLLIN};
        int64_t got;
        lensi_sys(SYS_ppoll, (long)&wait, 1, 0, 0, 8, 0);
        got = lensi_sys_read_some(uffd, messages, sizeof messages);
        failures = got < 0 && got != -EAGAIN ? failures + 1 : 0;
        if (failures > FAILURES_MOST && (int)(intptr_t)fd_of_mine == uffd)
            lensi_stop("touches of absent pages cannot be heard of any more: %s", lensi_error_text((int)got));
        for (int64_t i = 0; i < got / (int64_t)sizeof *messages; i++) {
            if (is_farewell(&messages[i]))
                return NULL;
            serve(&messages[i]);
        }
    }
    return NULL;
}

/* Nothing but a touch wakes who waits for touches. */
static void end_thread(void)
{
    uint8_t *page = lensi_sys_map(NULL, LENSI_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, NULL);

    if (!page || lensi_sys_uffd_register(uffd, page, LENSI_PAGE, UFFDIO_REGISTER_MODE_MISSING) < 0)
        return;
    farewell = page;
    (void)*(volatile uint8_t *)page;
}

static int open_thread(void)
{
    uint64_t want = UFFD_FEATURE_PAGEFAULT_FLAG_WP, have = 0;
    int fd = lensi_sys_uffd_open(false, want, &have), result;

    if (fd == -EINVAL)
        return -EOPNOTSUPP;
    if (fd < 0)
        return fd;
    uffd = fd;
    result = lensi_helper_start(service, (void *)(intptr_t)fd);
    if (result < 0) {
        lensi_sys_close(fd);
        uffd = -1;
    }
    return result;
}

static int fork_thread(void)
{
    if (uffd >= 0)
        lensi_sys_close(uffd);
    uffd = -1; /* the parent's */
    return open_thread();
}

const struct lensi_backend lensi_backend_thread = {
    .name = "thread", .signal = 0, .granule_pages = 1, .open = open_thread, .arm = arm, .protect = protect,
    .unprotect = unprotect, .drop = drop, .drop_many = drop_many, .place = place, .move = move, .zero = zero, .fork_child = fork_thread,
    .rearm = rearm, .disarm = disarm, .end = end_thread, .owns_fd = owns_fd};
