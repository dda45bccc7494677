/*
 * test_fault.c - touches on every rung: what is ours, what is the program's own affair, and what may interrupt what.
 */
#include "tests/unit/engine_fixture.h"

#include "liblens/base/log.h"
#include "liblens/engine/fault.h"
#include "liblens/memory/pages.h"
#include "liblens/source/segment.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>

TestSuite(fault, .timeout = 60);

#define COUNT 200000u
#define BYTES (COUNT * 8u)

static uint64_t *sums, *block;
static const char *path;

static void proven_block(void)
{
    int fd;

    start_engine("min 4K\nfile \"*numbers*\"\nlens toysum", 256 * 1024);
    path = toy_numbers_file("numbers", COUNT, &sums);
    fd = open_for_engine(path);
    block = lensi_block_new(0, BYTES, 0);
    memcpy(block, sums, BYTES);
    close_for_engine(fd);
    cr_assert(wait_for_proofs(BYTES / 4096 / 2));
    nap(200);
}

/* ---- faults that are the program's own */

static sigjmp_buf back;
static volatile int heard;
static void *volatile heard_at;

static void own_handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    heard = number;
    heard_at = info->si_addr;
    lensi_fault_blocked = 0; /* as the preload library does, with the mask that sigsetjmp saved */
    siglongjmp(back, 1);
}

RUNG_TEST(fault, others_go_to_the_program)
{
    struct sigaction mine = {.sa_sigaction = own_handler, .sa_flags = SA_SIGINFO}, old;
    const char *cut = toy_file("cut", "x", 1);
    int fd = open(cut, O_RDONLY);
    volatile uint8_t *beyond = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    volatile uint8_t *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)rung;
    proven_block();
    for (unsigned i = 0; i < 2; i++) {
        int number = i ? SIGSEGV : SIGBUS;
        if (lensi_fault_signals() >> (number - 1) & 1)
            lensi_fault_action(number, &mine, &old); /* as the preload library does with the program's sigaction */
        else
            sigaction(number, &mine, &old);
    }
    for (unsigned i = 0; i < 100; i++) {
        heard = 0;
        if (sigsetjmp(back, 1) == 0)
            (void)beyond[4096];
        cr_assert_eq(heard, SIGBUS);
        cr_assert_eq(heard_at, (void *)(uintptr_t)(beyond + 4096));
        heard = 0;
        if (sigsetjmp(back, 1) == 0)
            (void)*nowhere;
        cr_assert_eq(heard, SIGSEGV);
        heard = 0;
        if (sigsetjmp(back, 1) == 0)
            (void)*((volatile uint8_t *)block + (BYTES + 4095) / 4096 * 4096); /* behind the block: as without us */
        cr_assert_eq(heard, SIGSEGV);
        cr_assert_eq(block[toy_mix(i) % COUNT], sums[toy_mix(i) % COUNT]);
    }
    heard = 0;
    if (sigsetjmp(back, 1) == 0)
        kill(getpid(), SIGBUS);
    cr_assert_eq(heard, SIGBUS, "sent by somebody");
    unlink(cut);
    unlink(path);
}

/* A program that protects its own block, as collectors do for write barriers. */
RUNG_TEST(fault, own_protection_is_the_programs)
{
    struct sigaction mine = {.sa_sigaction = own_handler, .sa_flags = SA_SIGINFO}, old;
    uint8_t *page;

    (void)rung;
    proven_block();
    if (lensi_fault_signals() >> (SIGSEGV - 1) & 1)
        lensi_fault_action(SIGSEGV, &mine, &old);
    else
        sigaction(SIGSEGV, &mine, &old);
    page = (uint8_t *)block + 100 * 4096;
    lensi_pin_forever_slow(page, 8192); /* as the preload library's mprotect does: the prover does not look there any more */
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_eq(mprotect(page, 8192, i & 1 ? PROT_READ : PROT_NONE), 0);
        heard = 0;
        if (sigsetjmp(back, 1) == 0)
            *(volatile uint8_t *)(page + 4100) = 1;
        cr_assert_eq(heard, SIGSEGV);
        cr_assert_eq(heard_at, page + 4100);
        cr_assert_eq(mprotect(page, 8192, PROT_READ | PROT_WRITE), 0);
        cr_assert(memcmp(block, sums, BYTES) == 0);
    }
    unlink(path);
}

RUNG_TEST(fault, the_default_action_is_death)
{
    int status, number;
    pid_t pid;

    (void)rung;
    proven_block();
    for (unsigned i = 0; i < 3; i++) {
        pid = fork();
        if (pid == 0) {
            signal(SIGALRM, SIG_DFL);
            alarm(20);
            if (memcmp(block, sums, BYTES))
                _exit(1);
            if (i == 0)
                raise(SIGBUS);
            else if (i == 1)
                *(volatile int *)strtoul("8", NULL, 0) = 1;
            else
                (void)*((volatile uint8_t *)block + (BYTES + 4095) / 4096 * 4096);
            _exit(2);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        number = i ? SIGSEGV : SIGBUS;
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == number, "case %u: 0x%x", i, status);
    }
    unlink(path);
}

/* ---- pages lost behind our back */

RUNG_TEST(fault, raw_madvise_of_proven_pages)
{
    (void)rung;
    proven_block();
    for (unsigned i = 0; i < 400; i++) {
        size_t page = toy_mix(i) % (BYTES / 4096);
        (void)((volatile uint64_t *)block)[page * 512];
        /* The kernel drops it, and nobody told us: a proven page comes back, an ordinary one is zero. */
        madvise((uint8_t *)block + page * 4096, 4096, MADV_DONTNEED);
        uint64_t is = ((volatile uint64_t *)block)[page * 512];
        cr_assert(is == sums[page * 512] || is == 0, "page %zu", page);
    }
    unlink(path);
}

/* ---- pins */

RUNG_TEST(fault, pinned_pages_stay)
{
    uint8_t *at;
    size_t n = 600000;

    (void)rung;
    proven_block();
    at = (uint8_t *)block + 12345;
    cr_assert_eq(lensi_pin_slow(at, n, false), 0);
    for (size_t i = 0; i < BYTES; i += 4096) /* all the rest comes and goes */
        cr_assert_eq(((uint8_t *)block)[i], ((uint8_t *)sums)[i]);
    for (uint64_t page = lensi_page_of(at); page <= lensi_page_of(at + n - 1); page++)
        cr_assert_neq(lensi_page_state(page), LENSI_ABSENT);
    cr_assert_geq(toy_resident((void *)((uintptr_t)at & ~4095ul), n), n / 4096);
    lensi_unpin_slow(at, n);
    for (size_t i = 0; i < BYTES; i += 4096)
        cr_assert_eq(((uint8_t *)block)[i], ((uint8_t *)sums)[i]);
    nap(100);
    cr_assert_leq(toy_resident(block, BYTES), 64 + 64 + 32);
    for (uint64_t c = lensi_page_of(block) / LENSI_CHUNK_PAGES; c < lensi_page_of(block + COUNT) / LENSI_CHUNK_PAGES; c++)
        cr_assert_eq(lensi_pages.chunk[c].pins, 0);
    unlink(path);
}

/* read(2) into pages that are just being proven never fails. */
static _Atomic bool enough;

static void *restores(void *nothing)
{
    while (!atomic_load(&enough)) {
        memcpy((uint8_t *)block + BYTES / 2, (uint8_t *)sums + BYTES / 2, BYTES / 2);
        nap(2);
    }
    return nothing;
}

RUNG_TEST(fault, reads_into_what_is_being_proven)
{
    int fd = memfd_create("source", MFD_CLOEXEC);
    pthread_t thread;

    (void)rung;
    proven_block();
    cr_assert_eq(pwrite(fd, sums, BYTES, 0), (ssize_t)BYTES);
    pthread_create(&thread, NULL, restores, NULL);
    for (unsigned i = 0; i < 3000; i++) {
        size_t at = toy_mix(i) % (BYTES / 2), n = toy_mix(i + 1) % 60000 + 1;
        n = n > BYTES / 2 - at ? BYTES / 2 - at : n;
        cr_assert_eq(lensi_pin_slow((uint8_t *)block + at, n, true), 0);
        cr_assert_eq(pread(fd, (uint8_t *)block + at, n, (off_t)at), (ssize_t)n, "%s", strerror(errno));
        lensi_unpin_slow((uint8_t *)block + at, n);
        if (i % 64 == 0)
            nap(3);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    cr_assert(memcmp(block, sums, BYTES) == 0);
    unlink(path);
}

/* A fresh buffer handed to read(2) is not touched beyond need. */
RUNG_TEST(fault, pins_leave_fresh_memory_alone)
{
    uint8_t *fresh;

    (void)rung;
    proven_block();
    fresh = lensi_block_new(0, 64 << 20, 0);
    cr_assert_eq(lensi_pin_slow(fresh, 64 << 20, true), 0);
    lensi_unpin_slow(fresh, 64 << 20);
    cr_assert_eq(toy_resident(fresh, 64 << 20), 0);
    lensi_block_free(fresh);
    unlink(path);
}

/* ---- all at once on a few pages: writers, readers, the prover, the evictor */

static void *contends(void *number)
{
    uintptr_t n = (uintptr_t)number;
    unsigned bad = 0;

    for (unsigned i = 0; i < 20000; i++) {
        size_t word = (toy_mix(n * 100000 + i) % 1000) * 16 + n; /* 32 pages, a word of one's own */
        volatile uint64_t *at = block + word;
        bad += *at != sums[word];
        *at = sums[word] + 1;
        bad += *at != sums[word] + 1;
        *at = sums[word];
        if (i % 500 == 0)
            nap(2);
    }
    return (void *)(uintptr_t)bad;
}

RUNG_TEST(fault, no_write_is_lost)
{
    pthread_t threads[16];
    void *bad;

    (void)rung;
    proven_block();
    for (uintptr_t i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, contends, (void *)i);
    for (unsigned i = 0; i < 16; i++) {
        pthread_join(threads[i], &bad);
        cr_assert_null(bad, "%zu words were wrong", (size_t)(uintptr_t)bad);
    }
    cr_assert(memcmp(block, sums, BYTES) == 0);
    cr_assert_gt(lensi_counted(kept_pages), 10);
    unlink(path);
}
