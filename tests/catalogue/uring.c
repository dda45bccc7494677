/*
 * uring.c - io_uring as liburing uses it: by system calls of its own, with ordinary memory that was never registered. The kernel
 * reads a file past the page cache, and through it, into buffers whose last content has been idle for a while.
 */
#include "data.h"
#include "raw_calls.h"

#include <linux/io_uring.h>
#include <sys/mman.h>

enum { BUFFERS = 16, ROUNDS = 12 };
#define BUFFER_BYTES (64 * 1024u)

static struct ring {
    int fd;
    unsigned *sq_tail, *sq_array, sq_mask, *cq_head, *cq_tail, cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
} ring;

static void *map(size_t bytes, off_t at)
{
    void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, at);

    CHECK(mapped != MAP_FAILED);
    return mapped;
}

static int ring_open(void)
{
    struct io_uring_params p;
    char *sq, *cq;

    memset(&p, 0, sizeof p);
    ring.fd = (int)raw_call(SYS_io_uring_setup, BUFFERS, (long)&p, 0, 0, 0, 0);
    if (ring.fd < 0)
        return ring.fd;
    sq = map(p.sq_off.array + p.sq_entries * 4, IORING_OFF_SQ_RING);
    cq = map(p.cq_off.cqes + p.cq_entries * sizeof *ring.cqes, IORING_OFF_CQ_RING);
    ring.sqes = map(p.sq_entries * sizeof *ring.sqes, IORING_OFF_SQES);
    ring.sq_tail = (unsigned *)(void *)(sq + p.sq_off.tail);
    ring.sq_array = (unsigned *)(void *)(sq + p.sq_off.array);
    ring.sq_mask = p.sq_entries - 1;
    ring.cq_head = (unsigned *)(void *)(cq + p.cq_off.head);
    ring.cq_tail = (unsigned *)(void *)(cq + p.cq_off.tail);
    ring.cq_mask = p.cq_entries - 1;
    ring.cqes = (struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes);
    return 0;
}

static void ask(int fd, void *at, size_t offset)
{
    unsigned tail = *ring.sq_tail, index = tail & ring.sq_mask;

    memset(&ring.sqes[index], 0, sizeof *ring.sqes);
    ring.sqes[index] = (struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = fd, .addr = (uintptr_t)at, .len = BUFFER_BYTES, .off = offset};
    ring.sq_array[index] = index;
    __atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static void hear(void)
{
    while (__atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE) == *ring.cq_head)
        CHECK(raw_call(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS, 0, 0) >= 0);
    errno = -ring.cqes[*ring.cq_head & ring.cq_mask].res;
    CHECK(ring.cqes[*ring.cq_head & ring.cq_mask].res == (int)BUFFER_BYTES);
    __atomic_store_n(ring.cq_head, *ring.cq_head + 1, __ATOMIC_RELEASE);
}

/* Other bytes for the same buffers in each round: those of an older one are wrong. */
static void read_rounds(int fd)
{
    const size_t file_bytes = DATA_BYTES / BUFFER_BYTES * BUFFER_BYTES;
    unsigned char *buffers[BUFFERS];

    for (int i = 0; i < BUFFERS; i++)
        CHECK(posix_memalign((void **)&buffers[i], PAGE, BUFFER_BYTES) == 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t at[BUFFERS];
        for (unsigned i = 0; i < BUFFERS; i++) {
            at[i] = (size_t)(i * 3 + round * 7) * BUFFER_BYTES % file_bytes;
            ask(fd, buffers[i], at[i]);
        }
        CHECK(raw_call(SYS_io_uring_enter, ring.fd, BUFFERS, 0, 0, 0, 0) == BUFFERS);
        for (int i = 0; i < BUFFERS; i++)
            hear();
        for (int i = 0; i < BUFFERS; i++)
            CHECK(data_is(buffers[i], at[i], BUFFER_BYTES));
        usleep(10000);
    }
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    int direct = open(argument[1], O_RDONLY | O_DIRECT), cached = open(argument[1], O_RDONLY);

    (void)count;
    CHECK(cached >= 0);
    if (ring_open() < 0) {
        fprintf(stderr, "skip: no io_uring here\n");
    } else {
        if (direct >= 0)
            read_rounds(direct);
        read_rounds(cached);
    }
    CHECK(data_is_all(block));
    puts("uring: ok");
    return 0;
}
