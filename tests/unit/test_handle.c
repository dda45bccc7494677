/*
 * test_handle.c - lens_open and its kin on every rung: lazily made arrays, their writes, budget, forks, and files that change.
 */
#include "tests/unit/rungs.h"
#include "tests/unit/toy_lens.h"

#include "lenses/builtin.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/memory/budget.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

TestSuite(handle, .timeout = 100);

#define COUNT 400000u
#define BYTES (COUNT * 8u)

static uint64_t *sums;
static const char *path;

static lens_handle *open_or_skip(const char *file, const char *expression, uint64_t budget)
{
    struct lens_error error = {.at = -1};
    lens_handle *handle = NULL;
    int result;

    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]);
    toy_register();
    result = lens_open(file, expression, budget, &handle, &error);
    if (result == -ENOSYS)
        cr_skip_test("skip: %s: %s", getenv("LENS_FAULT"), error.text);
    cr_assert_eq(result, 0, "%d: %s", result, error.text);
    return handle;
}

static lens_handle *open_sums(uint64_t budget)
{
    path = toy_numbers_file("handle", COUNT, &sums);
    return open_or_skip(path, "toysum", budget);
}

static void nap(unsigned ms) { nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL); }

RUNG_TEST(handle, holds_the_view)
{
    lens_handle *h = open_sums(0);
    const uint64_t *data = lens_data(h);

    (void)rung;
    cr_assert_eq(lens_bytes(h), BYTES);
    cr_assert_eq((uintptr_t)data % 4096, 0);
    cr_assert_leq(toy_resident(data, BYTES), 1, "nothing is made before it is touched");
    for (unsigned i = 0; i < 1000; i++) {
        size_t at = toy_mix(i) % COUNT;
        cr_assert_eq(data[at], sums[at]);
    }
    cr_assert(memcmp(data, sums, BYTES) == 0);
    for (size_t i = BYTES; i % 4096; i++)
        cr_assert_eq(((const uint8_t *)data)[i], 0, "behind the end of the view");
    lens_close(h);
    unlink(path);
}

RUNG_TEST(handle, keeps_to_its_budget)
{
    uint64_t budget = 512 * 1024, most = 0;
    lens_handle *h = open_sums(budget);
    const uint64_t *data = lens_data(h);

    (void)rung;
    for (unsigned pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < COUNT; i++) {
            cr_assert_eq(data[i], sums[i]);
            if (i % 65536 == 0) {
                size_t now = toy_resident(data, BYTES);
                most = now > most ? now : most;
            }
        }
    cr_assert_leq(most, budget / 4096 + 64 + 66, "%llu pages resident", (unsigned long long)most);
    cr_assert_gt(lensi_counted(evicted_pages), 1000);
    lens_close(h);
    unlink(path);
}

RUNG_TEST(handle, keeps_writes)
{
    lens_handle *h = open_sums(300 * 1024);
    uint64_t *data = lens_data(h);

    (void)rung;
    for (unsigned i = 0; i < 2000; i++) {
        size_t at = toy_mix(i) % COUNT;
        data[at] = sums[at] = toy_mix(i + 7);
        at = toy_mix(i + 99) % COUNT;
        data[at] = data[at]; /* the same */
        cr_assert_eq(data[at], sums[at]);
    }
    cr_assert(memcmp(data, sums, BYTES) == 0);
    cr_assert(memcmp(data, sums, BYTES) == 0);
    lens_close(h);
    unlink(path);
}

RUNG_TEST(handle, pins_for_the_kernel)
{
    lens_handle *h = open_sums(300 * 1024);
    uint8_t *data = lens_data(h), *copy = malloc(BYTES);
    int fd = memfd_create("pins", MFD_CLOEXEC);

    (void)rung;
    for (unsigned i = 0; i < 60; i++) {
        size_t at = toy_mix(i) % BYTES, n = toy_mix(i + 1) % 300000 + 1;
        n = n > BYTES - at ? BYTES - at : n;
        cr_assert_eq(lens_pin(data + at, n, 0), 0);
        cr_assert_eq(pwrite(fd, data + at, n, 0), (ssize_t)n, "%s", strerror(errno));
        lens_unpin(data + at, n);
        cr_assert_eq(pread(fd, copy, n, 0), (ssize_t)n);
        cr_assert(memcmp(copy, (uint8_t *)sums + at, n) == 0);
        memset(copy, (int)i, n);
        cr_assert_eq(pwrite(fd, copy, n / 3, 0), (ssize_t)(n / 3));
        cr_assert_eq(lens_pin(data + at, n, 1), 0);
        cr_assert_eq(pread(fd, data + at, n / 3, 0), (ssize_t)(n / 3), "%s", strerror(errno));
        lens_unpin(data + at, n);
        memcpy((uint8_t *)sums + at, copy, n / 3);
    }
    cr_assert(memcmp(data, sums, BYTES) == 0);
    cr_assert_eq(lens_pin(copy, 1000, 1), 0, "not ours: fine");
    lens_unpin(copy, 1000);
    lens_close(h);
    unlink(path);
}

/* ---- threads */

static const uint64_t *shared;
static _Atomic unsigned wrong;

static void *reader(void *number)
{
    uint64_t seed = (uintptr_t)number;

    for (unsigned i = 0; i < 6000; i++) {
        size_t at = toy_mix(i / 2 + (i & 1 ? seed * 1000 : 0)) % COUNT; /* half of the pages by all at a time */
        wrong += shared[at] != sums[at];
    }
    return NULL;
}

RUNG_TEST(handle, sixteen_threads)
{
    lens_handle *h = open_sums(300 * 1024);
    pthread_t threads[16];

    (void)rung;
    shared = lens_data(h);
    for (uintptr_t i = 0; i < 16; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, reader, (void *)i), 0);
    for (unsigned i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(wrong, 0);
    lens_close(h);
    unlink(path);
}

static void *opener(void *number)
{
    for (unsigned i = 0; i < 40; i++) {
        lens_handle *h = NULL;
        const uint64_t *data;
        wrong += lens_open(path, i % 2 ? "toysum" : "toysum | toyraw", 100 * 1024, &h, NULL) != 0;
        if (!h)
            continue;
        data = lens_data(h);
        for (unsigned k = 0; k < 20; k++) {
            size_t at = toy_mix(k + (uintptr_t)number) % 20000;
            wrong += data[at] != sums[at];
        }
        lens_close(h);
    }
    return NULL;
}

RUNG_TEST(handle, opened_and_closed_by_threads)
{
    pthread_t threads[4];

    (void)rung;
    path = toy_numbers_file("open", 20000, &sums);
    lens_close(open_or_skip(path, "toysum", 0));
    for (uintptr_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, opener, (void *)i), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(wrong, 0);
    cr_assert_eq(lensi_counted(absent_pages), 0, "%llu", (unsigned long long)lensi_counted(absent_pages));
    cr_assert_eq(lensi_counted(resident_pages), 0, "%llu", (unsigned long long)lensi_counted(resident_pages));
    unlink(path);
}

/* ---- fork */

static int child_of(lens_handle *h, unsigned round)
{
    uint64_t *data = lens_data(h), *mine = malloc(BYTES);

    memcpy(mine, sums, BYTES);
    for (unsigned i = 0; i < 500; i++) {
        size_t at = toy_mix(i + round) % COUNT;
        if (data[at] != mine[at])
            return 1;
        data[at] = mine[at] = ~data[at];
    }
    if (memcmp(data, mine, BYTES))
        return 2;
    pid_t grandchild = round % 3 ? -1 : fork();
    if (grandchild == 0) {
        data[round] = mine[round] = 1;
        _exit(memcmp(data, mine, BYTES) ? 3 : 0);
    }
    int status = 0;
    if (grandchild > 0 && (waitpid(grandchild, &status, 0) != grandchild || status))
        return 4;
    return memcmp(data, mine, BYTES) ? 5 : 0;
}

static _Atomic bool enough;

static void *reads_on(void *nothing)
{
    for (uint64_t i = 0; !atomic_load(&enough); i++) {
        size_t at = toy_mix(i) % COUNT;
        wrong += shared[at] != sums[at];
    }
    return nothing;
}

RUNG_TEST(handle, forks_while_threads_fault)
{
    lens_handle *h = open_sums(300 * 1024);
    uint64_t *data = lens_data(h);
    pthread_t threads[3];

    (void)rung;
    for (unsigned i = 0; i < 100; i++)
        data[i * 997] = sums[i * 997] = i; /* kept pages */
    shared = data;
    for (unsigned i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, reads_on, NULL);
    for (unsigned round = 0; round < 12; round++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(60);
            _exit(child_of(h, round));
        }
        cr_assert_gt(pid, 0);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "round %u: child ended with 0x%x", round, status);
        for (unsigned i = 0; i < 200; i++) {
            size_t at = toy_mix(i + round) % COUNT;
            cr_assert_eq(data[at], sums[at], "the child's write came through");
        }
    }
    atomic_store(&enough, true);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(wrong, 0);
    cr_assert(memcmp(data, sums, BYTES) == 0);
    lens_close(h);
    unlink(path);
}

/* ---- signals */

static uint64_t ticks;

static void tick(int number)
{
    size_t at = toy_mix(++ticks) % COUNT;

    (void)number;
    wrong += shared[at] != sums[at];
}

RUNG_TEST(handle, handlers_may_touch)
{
    lens_handle *h = open_sums(300 * 1024);
    timer_t timer;
    struct itimerspec every = {{0, 200000}, {0, 200000}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct timespec start, now;

    (void)rung;
    shared = lens_data(h);
    signal(SIGUSR1, tick);
    cr_assert_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    timer_settime(timer, 0, &every, NULL);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (unsigned i = 0;; i++) {
        size_t at = toy_mix(i) % BYTES, n = toy_mix(i) % 100000;
        n = n > BYTES - at ? BYTES - at : n;
        lens_pin((const uint8_t *)shared + at, n, i & 1);
        lens_unpin((const uint8_t *)shared + at, n);
        if (i % 20 == 0) {
            lens_handle *other;
            cr_assert_eq(lens_open(path, "toyraw", 0, &other, NULL), 0);
            (void)*(volatile uint8_t *)lens_data(other);
            lens_close(other);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec >= 3)
            break;
    }
    timer_delete(timer);
    cr_assert_eq(wrong, 0);
    cr_assert_gt(ticks, 100);
    lens_close(h);
    unlink(path);
}

/* ---- memory is given back */

static size_t mapped_kib(const char *key)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[200];
    size_t kib = 0;

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtoul(line + strlen(key), NULL, 10);
    fclose(file);
    return kib;
}

RUNG_TEST(handle, gives_memory_back)
{
    size_t before, after;

    (void)rung;
    for (unsigned i = 0; i < 12; i++) {
        lens_handle *h = i ? open_or_skip(path, "toysum", 0) : open_sums(0);
        cr_assert(memcmp(lens_data(h), sums, BYTES) == 0);
        ((uint64_t *)lens_data(h))[12345] = 1;
        lens_close(h);
        if (i == 2)
            before = mapped_kib("RssAnon:") + mapped_kib("RssShmem:");
    }
    after = mapped_kib("RssAnon:") + mapped_kib("RssShmem:");
    cr_assert_lt(after, before + 2048, "%zu KiB, then %zu", before, after);
    struct stat status; /* a memfd's pages that nobody maps are counted nowhere else */
    for (int fd = 3; fd < 65536; fd++)
        if (fstat(fd, &status) == 0 && status.st_nlink == 0 && S_ISREG(status.st_mode))
            cr_assert_lt((uint64_t)status.st_blocks * 512, 1 << 20, "descriptor %d keeps %llu KiB", fd, (unsigned long long)status.st_blocks / 2);
    cr_assert_eq(lensi_counted(absent_pages), 0);
    unlink(path);
}

/* ---- files that change */

/* In a child of its own engine: touches pages after `change` was done; what it ends with. */
static int after_change(void (*change)(void), const char *expression, size_t touched_before, int errors_to)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        lens_handle *h;
        uint8_t sum = 0;
        dup2(errors_to, 2);
        for (size_t i = 0; i < lens_builtin_count; i++)
            lens_register(lens_builtin[i]);
        toy_register();
        int fd = open(path, O_RDWR); /* somebody has it open for writing: no lease */
        if (fd < 0 || lens_open(path, expression, 0, &h, NULL))
            _exit(77);
        volatile uint8_t *data = lens_data(h);
        for (size_t i = 0; i < touched_before; i += 4096)
            sum ^= data[i];
        change();
        for (size_t i = 0; i < lens_bytes(h); i += 4096)
            sum ^= data[i];
        _exit(sum && !data ? 1 : 0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void rewrite(void)
{
    int fd = open(path, O_WRONLY);
    char line[64];

    nap(20); /* another mtime */
    memset(line, '9', sizeof line);
    for (unsigned i = 0; i < 3000; i++)
        if (pwrite(fd, line, 3, i * 1000 + 7) != 3)
            _exit(78);
    close(fd);
}

static void cut(void)
{
    if (truncate(path, 1000))
        _exit(78);
}

static void replace(void)
{
    if (rename(toy_file("replacement", "1\n", 2), path))
        _exit(78);
}

RUNG_TEST(handle, stops_when_the_file_changed)
{
    char text[600] = {0};
    int log = memfd_create("log", MFD_CLOEXEC);

    lens_close(open_sums(0)); /* skips where the rung is missing; the children start anew */
    (void)rung;
    cr_assert_eq(after_change(rewrite, "toysum", 0, log), LENSI_EXIT_STOPPED << 8);
    cr_assert_gt(pread(log, text, sizeof text - 1, 0), 0);
    cr_assert(strstr(text, path) && strstr(text, "its bytes are not what they were"), "%s", text);
    path = toy_numbers_file("handle", COUNT, &sums);
    cr_assert_eq(after_change(cut, "toysum", 0, log), LENSI_EXIT_STOPPED << 8);
    path = toy_file("handle", toy_random_bytes(BYTES, 3), BYTES);
    cr_assert_eq(after_change(rewrite, "verbatim", 0, log), LENSI_EXIT_STOPPED << 8);
    path = toy_file("handle", toy_random_bytes(BYTES, 3), BYTES);
    cr_assert_eq(after_change(cut, "verbatim", 4096 * 10, log), LENSI_EXIT_STOPPED << 8);
    path = toy_file("handle", toy_random_bytes(BYTES, 3), BYTES);
    cr_assert_eq(after_change(replace, "verbatim", 4096 * 10, log), 0, "replaced by rename: nothing happens");
    unlink(path);
}

/* A writer waits until what depends on the file is real. */
RUNG_TEST(handle, is_real_before_a_writer_writes)
{
    lens_handle *h = open_sums(1 << 20);
    const uint64_t *data = lens_data(h);
    int status = 0;
    pid_t pid;

    (void)rung;
    for (size_t i = 0; i < COUNT / 2; i += 512)
        cr_assert_eq(data[i], sums[i]);
    nap(300); /* the prover takes the lease in its next round */
    pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "printf 999999999 1<> \"$0\" && : > \"$0\"", path, (char *)NULL);
        _exit(127);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert(memcmp(data, sums, BYTES) == 0);
    lens_close(h);
    unlink(path);
}

/* The same for a fork's child, whose leases are its own. */
RUNG_TEST(handle, a_child_is_guarded_too)
{
    lens_handle *h = open_sums(1 << 20);
    const uint64_t *data = lens_data(h);
    int status = 0, go[2];
    pid_t pid;
    char byte;

    (void)rung;
    nap(300);
    cr_assert_eq(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        alarm(60);
        close(go[1]);
        if (read(go[0], &byte, 1) != 0)
            _exit(3);
        _exit(memcmp(data, sums, BYTES) ? 1 : 0);
    }
    close(go[0]);
    nap(500);
    lens_close(h); /* only the child depends on it now */
    int fd = open(path, O_WRONLY | O_TRUNC);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, "1\n", 2), 2);
    close(go[1]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0, "0x%x", status);
    unlink(path);
}

/* ---- what is not a file of numbers */

Test(handle, refuses)
{
    struct lens_error error;
    lens_handle *h = (lens_handle *)&error;
    char fifo[200];

    open_or_skip(toy_file("some", "1\n", 2), "toysum", 0);
    cr_assert_eq(lens_open("/nowhere/at/all", "verbatim", 0, &h, &error), -ENOENT);
    cr_assert_null(h);
    cr_assert(strstr(error.text, "/nowhere/at/all"), "%s", error.text);
    cr_assert_eq(lens_open("/tmp", "verbatim", 0, &h, &error), -EISDIR);
    snprintf(fifo, sizeof fifo, "/tmp/lens-fifo-%d", (int)getpid());
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    cr_assert_eq(lens_open(fifo, "verbatim", 0, &h, &error), -ESPIPE);
    unlink(fifo);
    cr_assert_eq(lens_open("/dev/null", "verbatim", 0, &h, &error), -ESPIPE);
    cr_assert_eq(lens_open("/etc/passwd", "nonsense", 0, &h, &error), -EINVAL);
    cr_assert(strlen(error.text) > 5);
    cr_assert_eq(lens_open("/etc/passwd", "toysum(1)", 0, &h, NULL), -EINVAL);
    path = toy_file("liar", toy_random_bytes(300000, 1), 300000);
    cr_assert_eq(lens_open(path, "toylots", 0, &h, &error), -EPROTO);
    cr_assert_eq(lens_open(path, "toyerror", 0, &h, &error), -EILSEQ);
    cr_assert_null(h);
    lens_close(NULL);
    unlink(path);
}

Test(handle, unreadable)
{
    int status;
    pid_t pid;

    path = toy_file("secret", "1\n", 2);
    chmod(path, 0);
    pid = fork();
    if (pid == 0) {
        lens_handle *h;
        toy_register();
        if (geteuid() == 0 && setuid(65534))
            _exit(2);
        _exit(lens_open(path, "toysum", 0, &h, NULL) == -EACCES ? 0 : 1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    unlink(path);
}

Test(handle, empty)
{
    lens_handle *h;

    path = toy_file("empty", "", 0);
    h = open_or_skip(path, "verbatim", 0);
    cr_assert_eq(lens_bytes(h), 0);
    cr_assert_null(lens_data(h));
    lens_close(h);
    h = open_or_skip(path, "toysum", 0);
    cr_assert_eq(lens_bytes(h), 0);
    lens_close(h);
    unlink(path);
}

RUNG_TEST(handle, one_byte)
{
    lens_handle *h;

    (void)rung;
    path = toy_file("one", "x", 1);
    h = open_or_skip(path, "verbatim", 1);
    cr_assert_eq(lens_bytes(h), 1);
    cr_assert_eq(memcmp(lens_data(h), "x\0\0\0\0", 5), 0);
    lens_close(h);
    unlink(path);
}

/* A lens that is not the same twice stops the run when a page has to come back different; it never gives other bytes. */
RUNG_TEST(handle, fickle_lens_stops)
{
    int status;
    pid_t pid;

    (void)rung;
    path = toy_numbers_file("handle", COUNT, &sums);
    lens_close(open_or_skip(path, "toysum", 0));
    pid = fork();
    if (pid == 0) {
        lens_handle *h;
        uint8_t *seen = calloc(1, BYTES);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        if (lens_open(path, "toyfickle", 300 * 1024, &h, NULL))
            _exit(77);
        memcpy(seen, lens_data(h), lens_bytes(h));
        _exit(memcmp(seen, lens_data(h), lens_bytes(h)) ? 1 : 0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, LENSI_EXIT_STOPPED << 8, "0x%x", status);
    unlink(path);
}

/* ---- little room */

static int with_limit(int resource, uint64_t limit)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct rlimit r = {limit, limit};
        lens_handle *h;
        toy_register();
        if (setrlimit((__rlimit_resource_t)resource, &r))
            _exit(77);
        if (lens_open(path, "toysum", 300 * 1024, &h, NULL))
            _exit(5);
        if (memcmp(lens_data(h), sums, BYTES))
            _exit(6);
        pid_t child = fork();
        if (child == 0)
            _exit(memcmp(lens_data(h), sums, BYTES) ? 7 : 0);
        if (child < 0 || waitpid(child, &status, 0) != child || status)
            _exit(8);
        lens_close(h);
        void *own = malloc(100 << 20); /* what the program itself may still have */
        _exit(own ? 0 : 9);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

Test(handle, little_address_space)
{
#ifdef __SANITIZE_ADDRESS__
    cr_skip_test("skip: the sanitizer's own shadow is larger than these limits");
#endif
    path = toy_numbers_file("limits", COUNT, &sums);
    cr_assert_eq(with_limit(RLIMIT_AS, 16ull << 30), 0);
    cr_assert_eq(with_limit(RLIMIT_AS, 4ull << 30), 0);
    cr_assert_eq(with_limit(RLIMIT_AS, 1500ull << 20), 0);
    unlink(path);
}

Test(handle, few_descriptors)
{
    path = toy_numbers_file("limits", COUNT, &sums);
    cr_assert_eq(with_limit(RLIMIT_NOFILE, 40), 0);
    cr_assert_eq(with_limit(RLIMIT_NOFILE, 12), 0);
    setenv("LENS_FAULT", "protect", 1);
    cr_assert_eq(with_limit(RLIMIT_NOFILE, 12), 0);
    unlink(path);
}
