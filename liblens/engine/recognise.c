/*
 * recognise.c - see recognise.h. Files are read, not memory: a module may be unmapped meanwhile, and pages of text that
 * nobody ran do not come into use. The lock guards the list of what was searched and the buffers.
 */
#include "liblens/engine/recognise.h"

#include "liblens/base/log.h"
#include "liblens/engine/engine.h"
#include "liblens/memory/backend.h"
#include "liblens/memory/lift.h"
#include "liblens/memory/pages.h"

#include <string.h>

#define KEEP 64u /* of the code before a piece */
#define PIECE (64u * 1024)
#define PARTS_MOST 1024u
#define AGAIN_NS 1000000000u

static struct lensi_lock lock;
static _Atomic bool found_out;
static _Atomic uint32_t opens; /* modules that the program asked for */
static _Atomic uint32_t seen_opens;
static _Atomic uint64_t seen_ns;
static _Atomic bool looks_again;
static _Thread_local bool has_opened __attribute__((tls_model("initial-exec")));

/* Executable parts that were searched: inode and offset, and where. */
static struct part {
    uint64_t inode, offset, start;
} parts[PARTS_MOST];
static uint32_t parts_count;
static uint8_t buffer[KEEP + PIECE];
static char why[256];

/* ---- machine code */

/*
 * Calls by which the kernel reads or writes what the program allocated. Others have nothing to do with it (futex, mmap,
 * exit ...).
 */
static bool takes_memory(uint64_t number)
{
    static const uint16_t calls[] = {SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_preadv, SYS_pwritev,
                                     SYS_preadv2, SYS_pwritev2, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg,
                                     SYS_recvmmsg, SYS_getdents64, SYS_openat, SYS_newfstatat, SYS_fstat, SYS_vmsplice, SYS_io_submit,
                                     SYS_io_uring_setup, SYS_io_uring_enter, SYS_process_vm_readv, SYS_process_vm_writev,
                                     SYS_rt_sigaction, SYS_rt_sigprocmask,
#ifdef SYS_open
                                     SYS_open, SYS_stat, SYS_lstat, SYS_poll,
#endif
    };

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i] == number)
            return true;
    return false;
}

#define UNKNOWN (~0ull)

#if defined(__x86_64__)
#define CALL_BYTES 2u

/* What the number register holds: a constant, the function's first argument, or something else. */
struct register_a {
    uint64_t value;
    bool is_argument;
};

static uint64_t read_32(const uint8_t *at) { return at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24; }

/* The bytes of a ModRM byte and what belongs to it. */
static size_t operand_bytes(const uint8_t *at)
{
    unsigned mode = *at >> 6, base = *at & 7;
    size_t bytes = 1;

    if (mode == 3)
        return 1;
    if (base == 4) {
        bytes++;
        if (mode == 0 && (at[1] & 7) == 5)
            bytes += 4;
    } else if (mode == 0 && base == 5) {
        bytes += 4;
    }
    return bytes + (mode == 1 ? 1 : mode == 2 ? 4 : 0);
}

/*
 * One of the few instructions that stand between the loading of a call's arguments and the call. Its length, or 0:
 * another one.
 */
static size_t step(const uint8_t *at, struct register_a *a)
{
    const uint8_t *start = at;
    unsigned rex = (*at & 0xf0) == 0x40 ? *at++ : 0, code = *at++, target = 8, source;

    if (code >= 0xb8 && code <= 0xbf) { /* a constant */
        if (code == 0xb8 && !(rex & 1))
            *a = (struct register_a){read_32(at), false};
        return (size_t)(at - start) + (rex & 8 ? 8 : 4);
    }
    if (code == 0xc7 && *at >= 0xc0) {
        if ((*at & 7) == 0 && !(rex & 1))
            *a = (struct register_a){read_32(at + 1), false};
        return (size_t)(at - start) + 5;
    }
    source = (*at >> 3 & 7) | (rex & 4) << 1;
    if (code == 0x0f) { /* movzx, movsx */
        if (at[0] != 0xb6 && at[0] != 0xb7 && at[0] != 0xbe && at[0] != 0xbf)
            return 0;
        at++;
        target = (*at >> 3 & 7) | (rex & 4) << 1;
    } else if (code == 0x8b || code == 0x8d || code == 0x33 || code == 0x63) {
        target = source;
        source = *at >= 0xc0 ? (*at & 7) | (rex & 1) << 3 : 8;
    } else if (code == 0x89 || code == 0x31 || code == 0x01 || code == 0x29 || code == 0x21) {
        target = *at >= 0xc0 ? (*at & 7) | (rex & 1) << 3 : 8;
    } else if (code != 0x85 && code != 0x83) {
        return 0;
    }
    if (target == 0) {
        bool is_zero = (code == 0x31 || code == 0x33) && source == 0, is_move = code == 0x89 || code == 0x8b || code == 0x63;
        *a = (struct register_a){is_zero ? 0 : UNKNOWN, is_move && source == 7};
    }
    return (size_t)(at - start) + operand_bytes(at) + (code == 0x83);
}

/* The number with which the call at `at` is made: the longest run of known instructions that ends there says. */
static long number_at(const uint8_t *code, size_t at)
{
    struct register_a best = {UNKNOWN, false};

    for (size_t back = 2; back <= 40 && back <= at; back++) {
        struct register_a a = {UNKNOWN, false};
        size_t i = at - back, length = 1;
        while (i < at && (length = step(code + i, &a)))
            i += length;
        if (i != at || (a.value == UNKNOWN && !a.is_argument))
            continue;
        best = a;
        break;
    }
    if (best.is_argument)
        return LENSI_ANY_CALL;
    return best.value != UNKNOWN && takes_memory(best.value) ? (long)best.value : -1;
}

static bool is_call(const uint8_t *at) { return at[0] == 0x0f && at[1] == 0x05; }

#elif defined(__aarch64__)
#define CALL_BYTES 4u

static uint32_t word(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24; }

static bool is_call(const uint8_t *at) { return word(at) == 0xd4000001u; } /* svc #0 */

/* mov x8, #number; or mov x8, x0 */
static long number_at(const uint8_t *code, size_t at)
{
    for (size_t back = 4; back <= 40 && back <= at; back += 4) {
        uint32_t was = word(code + at - back);
        if ((was & 0x7fe0001fu) == 0x52800008u)
            return takes_memory(was >> 5 & 0xffff) ? (long)(was >> 5 & 0xffff) : -1;
        if ((was & 0x7fffffffu) == 0x2a0003e8u)
            return LENSI_ANY_CALL;
    }
    return -1;
}
#endif

/* From *at on, which it moves there. */
static long next_call(const uint8_t *code, size_t bytes, size_t *at)
{
    for (; *at + CALL_BYTES <= bytes; ++*at) {
        long number = is_call(code + *at) ? number_at(code, *at) : -1;
        if (number >= 0)
            return number;
    }
    *at = bytes;
    return -1;
}

long lensi_recognise_code(const uint8_t *code, size_t bytes)
{
    size_t at = 0;

    return next_call(code, bytes, &at);
}

/* ---- modules */

/* Who may: libc and its loader, which are interposed; what instruments them; and we. */
static bool is_known_module(const char *path)
{
    static const char *const names[] = {"ld-linux", "ld-2.", "libc.so", "libc-2.", "libpthread", "liblens", "libasan", "libubsan", "liblsan", "libtsan", "libhwasan", "libclang_rt."};
    const char *name = strrchr(path, '/');

    name = name ? name + 1 : path;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Our own call, which is in one place, where we are a part of the program. */
static bool is_ours(uint64_t address)
{
    uint64_t start = (uint64_t)(uintptr_t)lensi_sys_raw;

    return address - start < 256;
}

struct mapping {
    uint64_t start, end, offset, inode;
    bool is_code;
    const char *path;
};

static uint64_t read_number(const char **at, unsigned base)
{
    uint64_t value = 0;

    for (;; ++*at) {
        unsigned digit = **at >= '0' && **at <= '9' ? (unsigned)(**at - '0') : **at >= 'a' && **at <= 'f' ? (unsigned)(**at - 'a') + 10 : 99;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    if (**at)
        ++*at;
    return value;
}

/* "start-end rwxp offset major:minor inode   path" */
static struct mapping read_mapping(const char *line)
{
    struct mapping m = {.start = read_number(&line, 16)};

    m.end = read_number(&line, 16);
    m.is_code = strlen(line) > 5 && line[2] == 'x';
    line += m.is_code ? 5 : strlen(line);
    m.offset = read_number(&line, 16);
    read_number(&line, 16);
    read_number(&line, 16);
    m.inode = read_number(&line, 10);
    while (*line == ' ')
        line++;
    m.path = line;
    return m;
}

static bool is_searched(const struct mapping *m)
{
    for (uint32_t i = 0; i < parts_count; i++)
        if (parts[i].inode == m->inode && parts[i].offset == m->offset && parts[i].start == m->start)
            return true;
    return false;
}

/* The next piece of a mapping's bytes: from its file, or, where that is not to be had, as it lies in memory. */
static int64_t read_piece(int fd, const struct mapping *m, uint64_t at, uint8_t *to)
{
    uint64_t bytes = m->end - m->start - at < PIECE ? m->end - m->start - at : PIECE;

    return fd >= 0 ? lensi_sys_pread(fd, to, bytes, m->offset + at) : lensi_sys_copy_readable(to, (const void *)(uintptr_t)(m->start + at), bytes);
}

static bool is_ring(long number) { return number == SYS_io_uring_setup || number == SYS_io_uring_enter; }

/* The most telling of what was found so far and of what the buffer holds, which lies at `address`. */
static long best_of(long found, size_t bytes, size_t keep, uint64_t address)
{
    size_t at = keep ? keep - (CALL_BYTES - 1) : 0; /* one may stand across two pieces */

    while (!is_ring(found) && at < bytes) {
        long number = next_call(buffer, bytes, &at);
        if (number >= 0 && !is_ours(address + at) && (found < 0 || is_ring(number)))
            found = number;
        at++;
    }
    return found;
}

/* The number of a call in the mapping, or -1. */
static long search(const struct mapping *m)
{
    int fd = lensi_sys_open(m->path, O_RDONLY | O_CLOEXEC, 0);
    struct stat status;
    long found = -1;
    size_t keep = 0;

    if (fd >= 0 && (lensi_sys_stat(fd, &status) < 0 || status.st_ino != m->inode)) {
        lensi_sys_close(fd);
        fd = -1;
    }
    for (uint64_t at = 0; !is_ring(found) && at < m->end - m->start;) {
        int64_t got = read_piece(fd, m, at, buffer + keep);
        size_t bytes = keep + (size_t)(got > 0 ? got : 0);
        if (got <= 0)
            break;
        found = best_of(found, bytes, keep, m->start + at - keep);
        at += (uint64_t)got;
        keep = bytes < KEEP ? bytes : KEEP;
        memmove(buffer, buffer + bytes - keep, keep);
    }
    if (fd >= 0)
        lensi_sys_close(fd);
    return found;
}

/* A service thread serves the kernel as everybody; but what the kernel holds for a ring must be seen, too. */
static bool is_served(long number) { return !lensi_backend->signal && (lensi_lifts() || !is_ring(number)); }

/*
 * Libraries through which processes read each other's memory (process_vm_readv, KNEM, XPMEM): MPI's, and what they
 * stand on.
 */
static bool is_peers_module(const char *path)
{
    static const char *const names[] = {"libmpi", "libopen-pal", "libucp", "libuct", "libfabric", "libpsm2", "liboshmem", "libsma", "libgasnet"};
    const char *name = strrchr(path, '/');

    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strncmp(name + 1, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static bool is_peers_line(const char *line)
{
    struct mapping m = read_mapping(line);

    return m.is_code && is_peers_module(m.path);
}

/* True if one was found: `why` says what. */
static bool look_at(const char *line)
{
    struct mapping m = read_mapping(line);
    const char *name = m.path ? strrchr(m.path, '/') : NULL;
    long number;

    if (lensi_backend->signal && m.is_code && is_peers_module(m.path)) {
        lensi_format(why, sizeof why, "through %s other processes may read it; --fault thread serves them, where it is permitted", name + 1);
        return true;
    }
    if (!m.is_code || *m.path != '/' || is_known_module(m.path) || is_searched(&m))
        return false;
    number = search(&m);
    if (number < 0 && parts_count < PARTS_MOST)
        parts[parts_count++] = (struct part){m.inode, m.offset, m.start};
    if (number < 0 || is_served(number))
        return false;
    if (is_ring(number))
        lensi_format(why, sizeof why, "%s uses io_uring, through which the kernel reads and writes memory by itself", name + 1);
    else
        lensi_format(why, sizeof why, "%s makes system calls of its own, not through libc%s", name + 1,
                     lensi_backend->signal ? "; --fault thread serves them, where it is permitted" : "");
    return true;
}

/* Through the list of mappings, line by line, until one is found. */
static bool look_at_all(bool (*look)(const char *line))
{
    static char text[16384];
    size_t have = 0;
    int fd = lensi_sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    bool found = false;
    int64_t got;

    while (fd >= 0 && !found && (got = lensi_sys_read_some(fd, text + have, sizeof text - 1 - have)) > 0) {
        char *line = text, *end;
        have += (size_t)got;
        text[have] = 0;
        for (; !found && (end = strchr(line, '\n')); line = end + 1) {
            *end = 0;
            found = look(line);
        }
        have -= (size_t)(line - text);
        memmove(text, line, have);
        if (have == sizeof text - 1)
            have = 0; /* no such line */
    }
    if (fd >= 0)
        lensi_sys_close(fd);
    return found;
}

/* ---- when */

static void (*leave_alone)(const char *reason);

void lensi_recognise_open(void (*with)(const char *reason)) { leave_alone = with; }

bool lensi_recognised(void) { return atomic_load_explicit(&found_out, memory_order_relaxed); }

/* What was only about to be opened when it was asked for is there a little later: looked at twice. */
static bool is_time(bool now)
{
    if (now || !lensi_recognised() || atomic_load(&opens) != atomic_load(&seen_opens))
        return true;
    return atomic_load(&looks_again) && lensi_sys_clock_ns() - atomic_load(&seen_ns) > AGAIN_NS;
}

static bool clear(bool now)
{
    uint64_t before;
    bool found = false;

    if (lensi_retired || !lensi_range.bytes)
        return false;
    if (!is_time(now))
        return true;
    before = lensi_sys_signals_hold();
    lensi_lock(&lock);
    if (is_time(now)) {
        uint32_t asked = atomic_load(&opens);
        atomic_store(&looks_again, asked != atomic_exchange(&seen_opens, asked));
        atomic_store(&seen_ns, lensi_sys_clock_ns());
        found = look_at_all(look_at);
    }
    lensi_unlock(&lock);
    if (found)
        leave_alone(why);
    else
        atomic_store(&found_out, true);
    lensi_sys_signals_release(before);
    return !found;
}

bool lensi_recognise_clear(void) { return clear(false); }

void lensi_recognise_opens(void)
{
    atomic_fetch_add(&opens, 1);
    has_opened = true;
}

/* Nothing has been given up before it was found out: then there is time. */
void lensi_recognise_opened(void)
{
    if (!has_opened || !lensi_recognised())
        return;
    has_opened = false;
    clear(true);
}

bool lensi_recognise_peers(void)
{
    bool found;

    lensi_lock(&lock);
    found = look_at_all(is_peers_line);
    lensi_unlock(&lock);
    return found;
}

void lensi_recognise_ring(void)
{
    if (lensi_range.bytes && !lensi_retired && !is_served(SYS_io_uring_setup))
        leave_alone("the program uses io_uring, through which the kernel reads and writes memory by itself");
}

void lensi_recognise_after_fork(void) { atomic_store(&lock.held, 0); }
