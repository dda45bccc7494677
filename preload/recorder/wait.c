/* record_wait.c - see record_wait.h. */
#include "preload/recorder/wait.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"

#include <string.h>

#define THREADS 16u

static struct {
    int thread; /* 0: free */
    uint64_t waited_ns;
} seen[THREADS];
static uint64_t looked_ns, waited_ns;

/* The second of three numbers: on a processor, waiting for one, how often. */
static uint64_t waited_of(const char *name)
{
    char path[64], text[96] = "";
    const char *at = text;
    uint64_t value = 0;
    int fd;

    lensi_format(path, sizeof path, "/proc/self/task/%s/schedstat", name);
    fd = lensi_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    lensi_sys_read_some(fd, text, sizeof text - 1);
    lensi_sys_close(fd);
    while (*at && *at != ' ')
        at++;
    for (at += *at == ' '; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

/* How much longer this thread has waited since it was last looked at. */
static uint64_t take_thread(const char *name)
{
    uint64_t now = waited_of(name), before = 0;
    int thread = 0;
    unsigned at;

    for (const char *digit = name; *digit >= '0' && *digit <= '9'; digit++)
        thread = thread * 10 + (*digit - '0');
    for (at = 0; at < THREADS && seen[at].thread != thread && seen[at].thread; at++)
        ;
    if (at == THREADS) /* threads come and go */
        at = (unsigned)thread % THREADS;
    if (seen[at].thread == thread)
        before = seen[at].waited_ns;
    seen[at].thread = thread;
    seen[at].waited_ns = now;
    return now > before ? now - before : 0;
}

void lensi_wait_look(uint64_t now_ns)
{
    static char entries[1024];
    int fd = lensi_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    long got = fd < 0 ? 0 : lensi_sys(SYS_getdents64, fd, (long)entries, sizeof entries, 0, 0, 0);
    uint64_t most = 0, interval = now_ns > looked_ns ? now_ns - looked_ns : 0;
    unsigned count = 0;

    for (long at = 0; at < got && count < THREADS;) {
        const char *name = entries + at + 19; /* behind inode, offset, length and type */
        uint16_t bytes;

        memcpy(&bytes, entries + at + 16, sizeof bytes);
        if (*name != '.') {
            uint64_t waited = take_thread(name);
            most = waited > most ? waited : most;
            count++;
        }
        at += bytes;
    }
    if (fd >= 0)
        lensi_sys_close(fd);
    waited_ns += most < interval ? most : interval;
    looked_ns = now_ns;
}

uint64_t lensi_waited_ns(void) { return waited_ns; }

void lensi_wait_after_fork(uint64_t now_ns)
{
    memset(seen, 0, sizeof seen);
    waited_ns = 0;
    looked_ns = now_ns;
}
