/*
 * ring.c - io_uring with registered buffers in the block, by system calls as a program without liburing makes them: what the
 * ring writes to a file is the block's bytes, what it reads is seen in the block, while other pages come and go.
 */
#include "data.h"

#include <linux/io_uring.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { BUFFERS = 4, BUFFER_PAGES = 8, ROUNDS = 20 };
#define BUFFER_BYTES (BUFFER_PAGES * (size_t)PAGE)

struct ring {
    int fd;
    unsigned *sq_tail, *sq_array, sq_mask, *cq_head, *cq_tail, cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
};

static struct ring ring_open(void)
{
    struct io_uring_params p;
    struct ring r;
    char *sq, *cq;

    memset(&p, 0, sizeof p);
    r.fd = (int)syscall(SYS_io_uring_setup, 8, &p);
    if (r.fd < 0)
        return r;
    sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, IORING_OFF_SQ_RING);
    cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof *r.cqes, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, IORING_OFF_CQ_RING);
    r.sqes = mmap(NULL, p.sq_entries * sizeof *r.sqes, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, IORING_OFF_SQES);
    CHECK(sq != MAP_FAILED && cq != MAP_FAILED && r.sqes != MAP_FAILED);
    r.sq_tail = (unsigned *)(void *)(sq + p.sq_off.tail);
    r.sq_array = (unsigned *)(void *)(sq + p.sq_off.array);
    r.sq_mask = p.sq_entries - 1;
    r.cq_head = (unsigned *)(void *)(cq + p.cq_off.head);
    r.cq_tail = (unsigned *)(void *)(cq + p.cq_off.tail);
    r.cq_mask = p.cq_entries - 1;
    r.cqes = (struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes);
    return r;
}

/* One request, and its result. */
static int ring_do(struct ring *r, int operation, int fd, void *at, size_t bytes, size_t offset, unsigned buffer)
{
    unsigned tail = *r->sq_tail, index = tail & r->sq_mask;
    int result;

    memset(&r->sqes[index], 0, sizeof *r->sqes);
    r->sqes[index] = (struct io_uring_sqe){.opcode = (uint8_t)operation, .fd = fd, .addr = (uintptr_t)at, .len = (unsigned)bytes, .off = offset,
                                           .buf_index = (uint16_t)buffer};
    r->sq_array[index] = index;
    __atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
    CHECK(syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);
    CHECK(__atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) != *r->cq_head);
    result = r->cqes[*r->cq_head & r->cq_mask].res;
    __atomic_store_n(r->cq_head, *r->cq_head + 1, __ATOMIC_RELEASE);
    return result;
}

static unsigned char *buffer_at(unsigned char *block, unsigned k) { return data_page(block, 100 + 200 * k); }

static void check_ring(struct ring *r, unsigned char *block)
{
    int fd = fileno(tmpfile());
    unsigned char *back = malloc(BUFFER_BYTES);

    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned k = round % BUFFERS;
        unsigned char *at = buffer_at(block, k);
        size_t from = (size_t)(at - block);

        CHECK(ring_do(r, IORING_OP_WRITE_FIXED, fd, at, BUFFER_BYTES, 0, k) == (int)BUFFER_BYTES);
        CHECK(pread(fd, back, BUFFER_BYTES, 0) == (ssize_t)BUFFER_BYTES && data_is(back, from, BUFFER_BYTES));
        memset(back, (int)round, BUFFER_BYTES);
        CHECK(pwrite(fd, back, BUFFER_BYTES, (off_t)BUFFER_BYTES) == (ssize_t)BUFFER_BYTES);
        CHECK(ring_do(r, IORING_OP_READ_FIXED, fd, at, BUFFER_BYTES, BUFFER_BYTES, k) == (int)BUFFER_BYTES);
        CHECK(memcmp(at, back, BUFFER_BYTES) == 0);
        CHECK(ring_do(r, IORING_OP_READ_FIXED, fd, at, BUFFER_BYTES, 0, k) == (int)BUFFER_BYTES && data_is(at, from, BUFFER_BYTES));
        CHECK(data_is_all(block)); /* makes others go */
    }
    free(back);
    close(fd);
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    struct iovec list[BUFFERS];
    struct ring ring = ring_open();

    (void)count;
    if (ring.fd < 0) {
        fprintf(stderr, "skip: no io_uring here: %s\n", strerror(errno));
    } else {
        for (unsigned k = 0; k < BUFFERS; k++)
            list[k] = (struct iovec){buffer_at(block, k), BUFFER_BYTES};
        CHECK(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, list, BUFFERS) == 0);
        data_pause();
        check_ring(&ring, block);
        close(ring.fd);
    }
    CHECK(data_is_all(block));
    puts("ring: ok");
    return 0;
}
