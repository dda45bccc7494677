/* record_fill.c - the events, their rings, and the counts; see record_fill.h. */
#include "preload/recorder/fill.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/watch/first_touch.h"
#include "preload/recorder/block.h"
#include "preload/recorder/clock.h"
#include "preload/recorder/path.h"
#include "preload/recorder/site.h"
#include "preload/recorder/tree.h"
#include "preload/unwind.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>

#define EVENTS_MAX 256u
#define CPUS_MAX 256u
/*
 * Powers of two. Where processors are few, rings are long enough for what a large memset touches while the writer waits
 * for one.
 */
#define RING_PAGES_MOST 256u
#define RING_PAGES 64u
#define RING_PAGES_LEAST 8u
#define FEW_CPUS 4u
#define WAKE_BYTES (16u * 1024u)
#define HELD_BYTES (8u << 20) /* that a process holds in large allocations before it is watched */
#define HELD_BYTES_FULL (1u << 20)
/* One in so many faults: of the first ones more, as most of what is filled once is filled early. */
#define PERIOD_FIRST 32u
#define PERIOD_MOST 128u
#define PERIOD_MOST_FULL 32u
#define SAMPLES_A_PERIOD 256u /* then it is doubled */
#define STACK_BYTES 2048u
#define RECORD_BYTES (STACK_BYTES + 512u)
#define COUNTS 8192u /* a power of two */
#define LATE_NS 200000u /* clocks agree to within this */

struct count;
struct event {
    int fd;
    struct perf_event_mmap_page *ring; /* NULL: its samples go to the ring of the processor's first event */
    bool is_over; /* all of its threads have ended */
    /* Samples that the ring had no room for count half as the sample before, half as the one after them. */
    struct count *last;
    uint64_t last_pages, lost_pages;
};
static struct event events[EVENTS_MAX];
static _Atomic uint32_t events_count;
static uint64_t ring_bytes;
static uint64_t period, period_since_ns; /* since then it is twice what it was */
static uint32_t period_samples;
static _Atomic bool is_asked; /* events were opened, or cannot be */
static bool is_full, is_quiet, is_counted, is_told;
static bool by_touch; /* instead of by events: these are denied */
static struct event touches; /* stands for them */
static _Atomic uint64_t since_ns; /* the last fork */

/* How often a path has touched a site's pages first. */
static struct count {
    uint32_t site, node; /* node 0: free */
    uint64_t samples, pages, told_samples, told_pages;
} *counts;

int lensi_fill_start(bool full, bool quiet)
{
    is_full = full;
    is_quiet = quiet;
    counts = lensi_arena_map(COUNTS * sizeof *counts);
    return counts ? lensi_unwind_start() : -ENOMEM;
}

/* A period that cannot be is refused as such only to who may ask; nothing is opened. */
static bool is_denied(void)
{
    struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes, .config = PERF_COUNT_SW_PAGE_FAULTS_MIN,
                                         .sample_period = 1ull << 63, .exclude_kernel = 1, .exclude_hv = 1};
    long fd = lensi_sys(SYS_perf_event_open, (long)&attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC, 0);

    if (fd >= 0)
        lensi_sys_close((int)fd);
    return fd < 0 && fd != -EINVAL;
}

void lensi_fill_by_touch(void) { by_touch = counts && is_denied() && lensi_first_touch_open() == 0; }

/* ---- events */

#if defined(__x86_64__)
/* In the order of their bits: so they lie in a sample. Numbers are the kernel's (asm/perf_regs.h). */
static const struct {
    uint8_t bit, dwarf;
} sampled_registers[] = {
    {1, LENSI_DWARF_RBX},      {6, LENSI_DWARF_RBP},      {7, LENSI_DWARF_RSP},      {8, LENSI_DWARF_RETURN},
    {20, LENSI_DWARF_R12},     {21, LENSI_DWARF_R12 + 1}, {22, LENSI_DWARF_R12 + 2}, {23, LENSI_DWARF_R12 + 3},
};
#define REGISTERS 8u
_Static_assert(sizeof sampled_registers == REGISTERS * sizeof *sampled_registers, "all of them");

static int open_event(int thread, unsigned cpu)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_PAGE_FAULTS_MIN,
        .sample_period = period,
        .sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER |
                       PERF_SAMPLE_DATA_PAGE_SIZE,
        .sample_stack_user = STACK_BYTES,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .inherit = 1,
        .inherit_thread = 1,
        .remove_on_exec = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
        .wakeup_watermark = WAKE_BYTES,
    };
    long fd, high;

    for (size_t i = 0; i < REGISTERS; i++)
        attributes.sample_regs_user |= 1ull << sampled_registers[i].bit;
    fd = lensi_sys(SYS_perf_event_open, (long)&attributes, thread, cpu, -1, PERF_FLAG_FD_CLOEXEC, 0);
    high = fd < 0 ? fd : lensi_sys_dup_high((int)fd);
    if (fd < 0 || high < 0)
        return (int)fd;
    lensi_sys_close((int)fd);
    return (int)high;
}
#else
#define REGISTERS 0u
static const struct {
    uint8_t bit, dwarf;
} sampled_registers[1];
static int open_event(int thread, unsigned cpu)
{
    (void)thread, (void)cpu;
    return -ENOSYS;
}
#endif

/* Rings count against what a user may lock; many processes share that. */
static int map_ring(struct event *event, unsigned cpus)
{
    int error = 0;
    unsigned most = cpus <= FEW_CPUS ? RING_PAGES_MOST : RING_PAGES;

    for (unsigned pages = ring_bytes ? (unsigned)(ring_bytes / LENSI_PAGE) : most; pages >= RING_PAGES_LEAST; pages /= 2) {
        event->ring = lensi_sys_map(NULL, (pages + 1) * LENSI_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, event->fd, 0, &error);
        if (event->ring) {
            ring_bytes = pages * LENSI_PAGE;
            lensi_arena_count((int64_t)(ring_bytes + LENSI_PAGE));
            return 0;
        }
        if (ring_bytes)
            break; /* all of one size */
    }
    return error;
}

/* The process's threads, the caller first. */
static unsigned list_threads(int *threads, unsigned room)
{
    static char entries[4096];
    int fd = lensi_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    unsigned count = 1;
    long got;

    threads[0] = lensi_sys_thread_id();
    while (fd >= 0 && (got = lensi_sys(SYS_getdents64, fd, (long)entries, sizeof entries, 0, 0, 0)) > 0)
        for (long at = 0; at < got;) {
            uint16_t bytes;
            int thread = 0;
            const char *name = entries + at + 19; /* behind inode, offset, length and type */

            memcpy(&bytes, entries + at + 16, sizeof bytes);
            for (; *name >= '0' && *name <= '9'; name++)
                thread = thread * 10 + (*name - '0');
            if (thread && thread != threads[0] && count < room)
                threads[count++] = thread;
            at += bytes;
        }
    if (fd >= 0)
        lensi_sys_close(fd);
    return count;
}

/* How many processors there may be: the highest number of /sys/devices/system/cpu/online, and one. */
static unsigned count_cpus(void)
{
    char text[256] = "";
    unsigned number = 0;
    int fd = lensi_sys_open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC, 0);

    if (fd >= 0) {
        lensi_sys_read_some(fd, text, sizeof text - 1);
        lensi_sys_close(fd);
    }
    for (const char *at = text; *at; at++)
        number = *at >= '0' && *at <= '9' ? number * 10 + (unsigned)(*at - '0') : *at == '\n' ? number : 0;
    return number + 1 < CPUS_MAX ? number + 1 : CPUS_MAX;
}

static void close_events(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (events[i].ring) {
            lensi_sys_unmap(events[i].ring, ring_bytes + LENSI_PAGE);
            lensi_arena_count(-(int64_t)(ring_bytes + LENSI_PAGE));
        }
        lensi_sys_close(events[i].fd);
    }
}

/* One event for each thread there is and each processor; threads to come inherit it. */
static int open_all(void)
{
    static int threads[EVENTS_MAX];
    unsigned cpus = count_cpus(), threads_count = list_threads(threads, EVENTS_MAX / cpus ? EVENTS_MAX / cpus : 1), count = 0;
    int first_of[CPUS_MAX], result = 0;

    for (unsigned t = 0; t < threads_count && result >= 0; t++)
        for (unsigned cpu = 0; cpu < cpus && count < EVENTS_MAX; cpu++) {
            struct event *event = &events[count];

            *event = (struct event){.fd = open_event(threads[t], cpu)};
            if (event->fd == -ENODEV || (t && event->fd < 0)) /* that processor is off, that thread has ended */
                continue;
            result = event->fd;
            if (result >= 0)
                count++;
            if (result >= 0 && t == 0) {
                first_of[cpu] = event->fd;
                result = map_ring(event, cpus);
            } else if (result >= 0) {
                result = (int)lensi_sys(SYS_ioctl, event->fd, PERF_EVENT_IOC_SET_OUTPUT, first_of[cpu], 0, 0, 0);
            }
            if (result < 0)
                break;
        }
    if (result < 0)
        close_events(count);
    else
        atomic_store_explicit(&events_count, count, memory_order_release);
    return result;
}

/* Where all memory comes in large pages, there are few faults, and each is dear. */
static bool has_large_pages(void)
{
    char text[64] = "";
    int fd = lensi_sys_open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC, 0);

    if (fd >= 0) {
        lensi_sys_read_some(fd, text, sizeof text - 1);
        lensi_sys_close(fd);
    }
    return strncmp(text, "[always]", 8) == 0;
}

static void say_why(int error)
{
    const char *why = error == -EACCES || error == -EPERM ? " (kernel.perf_event_paranoid above 2, or a sandbox); --use watches without" : "";

    if (!is_quiet)
        lensi_warn("who fills the memory is not watched: perf_event_open: %s%s", lensi_error_text(error), why);
}

void lensi_fill_grown(void)
{
    int result;

    if (__builtin_expect(atomic_load_explicit(&is_asked, memory_order_relaxed), 1) || !counts || by_touch ||
        lensi_blocks_bytes() < (is_full ? HELD_BYTES_FULL : HELD_BYTES) || atomic_exchange(&is_asked, true))
        return;
    period = has_large_pages() ? 1 : PERIOD_FIRST;
    period_since_ns = 0;
    result = open_all();
    if (result < 0)
        say_why(result);
}

/* ---- samples */

_Static_assert(LENSI_FIRST_TOUCH_REGISTERS == LENSI_DWARF_REGISTERS, "one order");

static void count_sample(struct event *event, uint32_t site, uint32_t node, uint64_t pages)
{
    if (!node)
        return;
    is_counted = true;
    size_t place = (size_t)(((uint64_t)site << 32 | node) * 0x9e3779b97f4a7c15ull >> 32);

    for (size_t probe = 0; probe < COUNTS / 8; probe++) {
        struct count *count = &counts[(place + probe) & (COUNTS - 1)];

        if (!count->node)
            *count = (struct count){.site = site, .node = node};
        if (count->site != site || count->node != node)
            continue;
        count->samples++;
        count->pages += pages + event->lost_pages;
        event->lost_pages = 0;
        event->last = count;
        event->last_pages = pages;
        return;
    }
}

static void count_lost(struct event *event, uint64_t samples)
{
    if (!event->last)
        return;
    event->last->pages += (samples + 1) / 2 * event->last_pages;
    event->lost_pages += samples / 2 * event->last_pages;
}

static uint32_t node_of(struct lensi_moment *moment)
{
    static uintptr_t returns[LENSI_PATH_FRAMES];
    bool is_whole = false;
    size_t count = lensi_unwind(moment, returns, LENSI_PATH_FRAMES, &is_whole);
    uint32_t node = 0;

    for (size_t i = count; i-- > 0;)
        node = lensi_tree_child(node, returns[i], i + 1 == count && !is_whole ? LENSI_NODE_TRUNCATED : 0);
    return node;
}

/*
 * The block that was touched at that time, not one that came to its place since; and after a fork no older one, whose
 * pages are copied, not filled.
 */
static bool find_block(uint64_t address, uint64_t time_ns, struct lensi_block_record *block)
{
    uint64_t fork_ns = atomic_load(&since_ns);

    return lensi_blocks_first(address, 1, block) && block->birth_ns <= time_ns + LATE_NS &&
           (time_ns < fork_ns || block->birth_ns >= fork_ns) && lensi_sites.sites[block->site].kind != LENSI_SITE_MAP_FILE;
}

/* time, address, kind of registers, registers, size of the stack, stack, how much of it is there, page size. */
static void take_sample(struct event *event, const uint8_t *record, size_t bytes)
{
    struct lensi_moment moment = {0};
    struct lensi_block_record block;
    uint64_t head[3], registers[REGISTERS + 1], stack_room, rest[2];
    const uint8_t *stack = record + sizeof head + REGISTERS * 8 + 8;
    uint64_t start_ns = lensi_record_clock.start_ns;

    if (bytes < (size_t)(stack - record) + sizeof rest)
        return;
    memcpy(head, record, sizeof head);
    memcpy(registers, record + sizeof head, REGISTERS * 8);
    memcpy(&stack_room, stack - 8, sizeof stack_room);
    if (head[2] != PERF_SAMPLE_REGS_ABI_64 || !stack_room || stack_room > bytes - (size_t)(stack - record) - sizeof rest)
        return;
    memcpy(rest, stack + stack_room, sizeof rest);
    period_samples++;
    if (!find_block(head[1], head[0] > start_ns ? head[0] - start_ns : 0, &block))
        return;
    for (size_t i = 0; i < REGISTERS; i++)
        moment.registers[sampled_registers[i].dwarf] = registers[i];
    moment.stack = stack;
    moment.stack_bytes = rest[0] < stack_room ? rest[0] : stack_room;
    count_sample(event, block.site, node_of(&moment), (head[0] < period_since_ns ? period / 2 : period) * (rest[1] > LENSI_PAGE ? rest[1] / LENSI_PAGE : 1));
}

static void copy_out(const struct event *event, uint64_t from, void *to, size_t bytes)
{
    const uint8_t *data = (const uint8_t *)event->ring + LENSI_PAGE;
    size_t at = from & (ring_bytes - 1), first = ring_bytes - at < bytes ? ring_bytes - at : bytes;

    memcpy(to, data + at, first);
    memcpy((uint8_t *)to + first, data, bytes - first);
}

static void empty(struct event *event)
{
    static uint8_t record[RECORD_BYTES];
    struct perf_event_header header;
    uint64_t lost[2]; /* whose, how many */
    uint64_t head = __atomic_load_n(&event->ring->data_head, __ATOMIC_ACQUIRE), tail = event->ring->data_tail;

    while (head - tail >= sizeof header) {
        copy_out(event, tail, &header, sizeof header);
        if (header.size < sizeof header || header.size > head - tail)
            break;
        if (header.type == PERF_RECORD_SAMPLE && header.size - sizeof header <= sizeof record) {
            copy_out(event, tail + sizeof header, record, header.size - sizeof header);
            take_sample(event, record, header.size - sizeof header);
        }
        if (header.type == PERF_RECORD_LOST && header.size >= sizeof header + sizeof lost) {
            copy_out(event, tail + sizeof header, lost, sizeof lost);
            count_lost(event, lost[1]);
        }
        tail += header.size;
    }
    __atomic_store_n(&event->ring->data_tail, head, __ATOMIC_RELEASE);
}

static void take_touches(void)
{
    uint64_t start_ns = lensi_record_clock.start_ns;
    const struct lensi_first_touch *first;
    struct lensi_block_record block;

    while ((first = lensi_first_touch_take())) {
        struct lensi_moment moment = {.stack = first->stack, .stack_bytes = first->stack_bytes};
        memcpy(moment.registers, first->registers, sizeof moment.registers);
        if (find_block(first->address, first->time_ns > start_ns ? first->time_ns - start_ns : 0, &block))
            count_sample(&touches, block.site, node_of(&moment), first->pages);
        lensi_first_touch_done();
    }
    count_lost(&touches, lensi_first_touch_lost());
}

void lensi_fill_take(void)
{
    uint32_t count = atomic_load_explicit(&events_count, memory_order_acquire);

    if (by_touch)
        take_touches();
    for (uint32_t i = 0; i < count; i++)
        if (events[i].ring)
            empty(&events[i]);
    if (period_samples < SAMPLES_A_PERIOD || period >= (is_full ? PERIOD_MOST_FULL : PERIOD_MOST))
        return;
    period_samples = 0;
    period *= 2;
    period_since_ns = lensi_sys_clock_ns();
    for (uint32_t i = 0; i < count; i++)
        lensi_sys(SYS_ioctl, events[i].fd, PERF_EVENT_IOC_PERIOD, (long)&period, 0, 0, 0);
}

void lensi_fill_wait(uint64_t timeout_ns)
{
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u)};
    uint32_t count = atomic_load_explicit(&events_count, memory_order_acquire);
    static struct pollfd polls[EVENTS_MAX];
    static _Atomic uint32_t never;

    for (uint32_t i = 0; i < count; i++)
        polls[i] = (struct pollfd){.fd = events[i].ring && !events[i].is_over ? events[i].fd : -1, .events = POLLIN};
    if (!count || lensi_sys(SYS_ppoll, (long)polls, count, (long)&timeout, 0, 8, 0) < 0) {
        lensi_sys_futex_wait(&never, 0, timeout_ns);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        events[i].is_over = events[i].is_over || polls[i].revents & (POLLHUP | POLLERR | POLLNVAL);
}

void lensi_tell_fill(struct lensi_trace_writer *writer, uint32_t nodes, uint32_t sites)
{
    if (!is_told && (by_touch || atomic_load(&events_count))) {
        is_told = true;
        lensi_trace_begin(writer, LENSI_RECORD_WRITER); /* of nothing: it is watched */
        for (unsigned i = 0; i < 4; i++)
            lensi_trace_put(writer, 0);
        lensi_trace_end(writer);
    }
    for (struct count *count = counts; count && count < counts + COUNTS; count++) {
        if (count->samples == count->told_samples || count->node >= nodes || count->site >= sites)
            continue;
        lensi_trace_begin(writer, LENSI_RECORD_WRITER);
        lensi_trace_put(writer, count->site);
        lensi_trace_put(writer, count->node);
        lensi_trace_put(writer, count->samples - count->told_samples);
        lensi_trace_put(writer, count->pages - count->told_pages);
        lensi_trace_end(writer);
        count->told_samples = count->samples;
        count->told_pages = count->pages;
    }
}

/* ---- fork. The child has no rings: the kernel does not copy them. */

void lensi_fill_after_fork(bool in_child)
{
    atomic_store(&since_ns, lensi_record_ns());
    if (!in_child)
        return;
    for (uint32_t i = 0; i < atomic_load(&events_count); i++)
        lensi_sys_close(events[i].fd);
    if (by_touch)
        lensi_first_touch_after_fork();
    touches = (struct event){0};
    atomic_store(&events_count, 0);
    atomic_store(&is_asked, false);
    is_quiet = true;
    ring_bytes = period_samples = 0;
    if (is_counted)
        memset(counts, 0, COUNTS * sizeof *counts);
    is_counted = is_told = false;
}
