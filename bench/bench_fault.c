/*
 * bench_fault.c - what a touch of an absent page costs, beside a bare in-thread userfaultfd loop in the same run.
 *
 * Both hold the same number of pages resident and touch the same random pages. The bare loop has one page of bytes,
 * no lens, no checksum, no policy: a ring decides who goes.
 *
 *   bench_fault [MIB [BUDGET_MIB [SECONDS]]]
 */
#include "lenses/builtin.h"
#include "liblens/base/stats.h"
#include "liblens/base/sys.h"
#include "liblens/lens.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_MOST (1u << 20)

static int uffd;
static uint8_t *area;
static uint64_t pages, budget;
static uint8_t one_page[LENSI_PAGE];
static _Atomic uint64_t ring_head;
static _Atomic uint64_t ring[RING_MOST];
static _Atomic bool go, stop;
static double seconds = 1;

static void bare_handler(int number, siginfo_t *info, void *context)
{
    uintptr_t at = (uintptr_t)info->si_addr & ~(uintptr_t)(LENSI_PAGE - 1);
    uint64_t slot, old;

    (void)number;
    (void)context;
    if (lensi_sys_uffd_copy(uffd, (void *)at, one_page, LENSI_PAGE, false) < 0)
        return; /* another thread was quicker */
    slot = atomic_fetch_add(&ring_head, 1) % budget;
    old = atomic_exchange(&ring[slot], at);
    if (old)
        lensi_sys_advise((void *)(uintptr_t)old, LENSI_PAGE, MADV_DONTNEED);
}

struct worker {
    pthread_t thread;
    volatile uint8_t *at;
    uint64_t seed, touches;
};

static void *touch(void *argument)
{
    struct worker *w = argument;
    uint64_t x = w->seed * 0x9E3779B97F4A7C15u + 1, n = 0;

    while (!atomic_load(&go))
        ;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        (void)w->at[x % pages * LENSI_PAGE];
        n++;
    }
    w->touches = n;
    return NULL;
}

/* Touches per second of `threads` threads at random. */
static double rate(volatile uint8_t *at, unsigned threads, uint64_t seed)
{
    struct worker workers[64];
    uint64_t start, total = 0;

    atomic_store(&go, false);
    atomic_store(&stop, false);
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){.at = at, .seed = seed + i};
        pthread_create(&workers[i].thread, NULL, touch, &workers[i]);
    }
    start = lensi_sys_clock_ns();
    atomic_store(&go, true);
    usleep((useconds_t)(seconds * 1e6));
    atomic_store(&stop, true);
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        total += workers[i].touches;
    }
    return (double)total * 1e9 / (double)(lensi_sys_clock_ns() - start);
}

static char *make_file(uint64_t bytes)
{
    static char path[] = "/tmp/bench-fault-XXXXXX";
    int fd = mkstemp(path);
    uint64_t *block = malloc(1 << 20), x = 88172645463325252u;

    for (uint64_t done = 0; done < bytes; done += 1 << 20) {
        for (size_t i = 0; i < (1 << 20) / 8; i++)
            x ^= x << 13, x ^= x >> 7, x ^= x << 17, block[i] = x;
        if (write(fd, block, 1 << 20) != 1 << 20)
            exit(1);
    }
    free(block);
    close(fd);
    return path;
}

int main(int argc, char **argv)
{
    uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 256, budget_mib = argc > 2 ? strtoull(argv[2], NULL, 10) : mib / 10;
    unsigned counts[] = {1, 2, 4, 8};
    double one = 0, more = 1e9;
    struct lens_error error;
    lens_handle *handle;
    struct sigaction ours;
    char *path = make_file(mib << 20);
    uint64_t features;

    if (argc > 3)
        seconds = strtod(argv[3], NULL);
    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]);
    pages = mib << 8;
    budget = budget_mib << 8;
    setenv("LENS_FAULT", "inthread", 1);
    if (lens_open(path, "verbatim", budget_mib << 20, &handle, &error) < 0) {
        fprintf(stderr, "bench_fault: %s\n", error.text);
        return 77;
    }
    sigaction(SIGBUS, NULL, &ours);
    uffd = lensi_sys_uffd_open(true, UFFD_FEATURE_SIGBUS, &features);
    area = lensi_sys_map(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, NULL);
    if (uffd < 0 || lensi_sys_uffd_register(uffd, area, mib << 20, UFFDIO_REGISTER_MODE_MISSING) < 0)
        return 77;
    printf("random touches of %llu MiB, %llu MiB resident, %.1f s each\n", (unsigned long long)mib, (unsigned long long)budget_mib, seconds);
    printf("%-8s %14s %14s %8s %14s %14s\n", "threads", "bare/s", "lens/s", "ratio", "bare ns/fault", "lens ns/fault");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        double bare, with, miss = 1 - (double)budget / (double)pages;
        lensi_sys_catch(SIGBUS, bare_handler, SA_RESTART, NULL);
        rate(area, counts[i], 1); /* fills the ring */
        bare = rate(area, counts[i], 7);
        sigaction(SIGBUS, &ours, NULL);
        rate(lens_data(handle), counts[i], 1);
        with = rate(lens_data(handle), counts[i], 7);
        printf("%-8u %14.0f %14.0f %8.2f %14.0f %14.0f\n", counts[i], bare, with, with / bare, counts[i] > 1 ? 0 : 1e9 / bare / miss,
               counts[i] > 1 ? 0 : 1e9 / with / miss);
        if (counts[i] == 1)
            one = bare / with;
        else if (with / bare < more)
            more = with / bare;
    }
    printf("%s: one thread %.2f x the bare loop's time, more threads at least %.2f x its pages/s\n",
           one <= 1.3 && more >= 0.8 ? "reached" : "not reached", one, more);
    lens_close(handle);
    unlink(path);
    return 0;
}
