/* gauges.c - see gauges.h. */
#include "liblens/base/gauges.h"

#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/base/sys.h"
#include "liblens/lens.h"

#include <errno.h>
#include <string.h>

#define SEAL_SEAL 1
#define SEAL_SHRINK 2
#define SEAL_GROW 4
#define SEAL_FUTURE_WRITE 16 /* by others than this mapping */
#define ADD_SEALS 1033
#define MEMFD_FLAGS 3u /* MFD_CLOEXEC | MFD_ALLOW_SEALING */

#define PAGES_BYTES ((sizeof(struct lensi_gauges) + LENSI_PAGE - 1) / LENSI_PAGE * LENSI_PAGE)

/* Alone on its pages: whatever else lay there would be shared too. */
static union {
    struct lensi_gauges gauges;
    char pages[PAGES_BYTES];
} home __attribute__((aligned(LENSI_PAGE)));
extern struct lensi_gauges lensi_gauges __attribute__((alias("home")));

static char at_fork[PAGES_BYTES]; /* what the forking process had counted: it counts on while its child is made */
static int gauges_fd = -1;

bool lensi_gauges_owns_fd(int fd) { return fd >= 0 && fd == gauges_fd; }

static int new_file(void)
{
    int low = lensi_sys_memfd(LENSI_GAUGES_NAME, MEMFD_FLAGS), high, result;

    if (low < 0)
        return low;
    result = lensi_sys_size_ours(low, PAGES_BYTES);
    if (result < 0) {
        lensi_sys_close(low);
        return result;
    }
    high = lensi_sys_dup_high(low);
    if (high >= 0)
        lensi_sys_close(low);
    return high >= 0 ? high : low;
}

/* Puts the file, with what was counted so far, in the place of the object's pages. */
static int move_into(int fd, const void *counted)
{
    int64_t written = lensi_sys_write_ours(fd, counted, PAGES_BYTES, 0);
    int error = 0;

    if (written < 0)
        return (int)written;
    if (!lensi_sys_map(&home, PAGES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0, &error))
        return error;
    lensi_sys(SYS_fcntl, fd, ADD_SEALS, SEAL_SEAL | SEAL_SHRINK | SEAL_GROW | SEAL_FUTURE_WRITE, 0, 0, 0);
    return 0;
}

int lensi_gauges_publish(uint32_t sites_count)
{
    struct lensi_gauges *gauges = &home.gauges;
    int fd = new_file(), result;

    if (fd < 0)
        return fd;
    memcpy(gauges->magic, LENSI_GAUGES_MAGIC, sizeof LENSI_GAUGES_MAGIC - 1);
    gauges->bytes = sizeof *gauges;
    gauges->process_id = (uint32_t)lensi_sys_process_id();
    gauges->started_ns = lensi_sys_clock_ns();
    gauges->stats_count = sizeof gauges->stats / sizeof(uint64_t);
    gauges->sites_count = sites_count;
    lensi_format(gauges->version, sizeof gauges->version, "%s", LENS_VERSION);
    result = move_into(fd, &home);
    if (result < 0)
        lensi_sys_close(fd);
    else
        gauges_fd = fd;
    return result;
}

/* Without a file the pages are the child's alone. */
static void move_home(void)
{
    void *pages = lensi_sys_map(NULL, PAGES_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, NULL);

    if (!pages)
        return; /* the parent's counters then count the child too */
    memcpy(pages, at_fork, PAGES_BYTES);
    lensi_sys(SYS_mremap, (long)pages, PAGES_BYTES, PAGES_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, (long)&home, 0);
}

void lensi_gauges_before_fork(void)
{
    if (gauges_fd >= 0)
        memcpy(at_fork, &home, PAGES_BYTES);
}

void lensi_gauges_after_fork(void)
{
    int before = gauges_fd, fd;

    if (before < 0)
        return;
    fd = new_file();
    if (fd >= 0 && move_into(fd, at_fork) < 0) {
        lensi_sys_close(fd);
        fd = -1;
    }
    if (fd < 0)
        move_home();
    gauges_fd = fd;
    home.gauges.process_id = (uint32_t)lensi_sys_process_id();
    lensi_sys_close(before);
}
