/*
 * file_mapping.c - reads a big file into one block and goes on using it while somebody changes the file; for tests/direct.sh.
 *   direct make FILE MEGABYTES     writes the file
 *   direct run FILE STOP [idle|holes|fork|orphan|HOW]
 * Four threads verify their pages and write some of them, until the file STOP exists; all the while the program's own
 * SIGSEGV handler is put to work. `idle`: nobody touches anything before STOP; `holes`: the same once it has cut the file itself, with pages in between that are not the file's; `fork`: parent and child both; `orphan`: only the child; HOW (see `changes`): it changes the file
 * itself, in this way. Says "ready" when it has been through all its pages, and ends with 0 if every byte was right.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / 8, THREADS = 4, ZEROS = 255 };

static uint64_t *block, pages;
static uint8_t *turn; /* how often a page was written; ZEROS: the kernel wrote zeros there */
static atomic_int stop, wrong;
static atomic_uint rounds;
static int zero_fd;

static uint64_t word(uint64_t page, uint64_t i, uint8_t by)
{
    return (page * WORDS + i + 1) * 0x9e3779b97f4a7c15u + by;
}

static void check(uint64_t page)
{
    const volatile uint64_t *at = block + page * WORDS;

    for (uint64_t i = 0; i < WORDS; i++) {
        uint64_t got = at[i], want = turn[page] == ZEROS ? 0 : word(page, i, turn[page]);
        if (got != want && !atomic_exchange(&wrong, 1))
            fprintf(stderr, "page %llu word %llu is %llx, not %llx\n", (unsigned long long)page, (unsigned long long)i,
                    (unsigned long long)got, (unsigned long long)want);
    }
}

static void change(uint64_t page)
{
    uint64_t *at = block + page * WORDS;

    turn[page] = (uint8_t)(turn[page] >= 5 ? 1 : turn[page] + 1);
    if (turn[page] == 4 && page / THREADS % 32 == 1) { /* the kernel writes there */
        turn[page] = ZEROS;
        if (read(zero_fd, at, PAGE) != PAGE && !atomic_exchange(&wrong, 1))
            perror("read into the block");
        return;
    }
    for (uint64_t i = 0; i < WORDS; i++)
        at[i] = word(page, i, turn[page]);
}

static void *work(void *number)
{
    uint64_t mine = (uint64_t)(uintptr_t)number;
    sigset_t all;

    sigfillset(&all);
    if (mine & 1)
        pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!stop) {
        for (uint64_t page = mine; page < pages && !stop; page += THREADS) {
            check(page);
            if (page / THREADS % 8 == 1 && page / THREADS % 64 / 8 == rounds % 8)
                change(page);
        }
        atomic_fetch_add(&rounds, 1);
    }
    for (uint64_t page = mine; page < pages; page += THREADS)
        check(page);
    return NULL;
}

/* ---- the program's own faults */

static sigjmp_buf back;
static volatile unsigned caught;

static void on_fault(int number)
{
    (void)number;
    caught++;
    siglongjmp(back, 1);
}

static void fault(const volatile char *guarded)
{
    unsigned before = caught;

    if (sigsetjmp(back, 1) == 0)
        (void)*guarded;
    if (caught != before + 1)
        atomic_store(&wrong, 1), fprintf(stderr, "the program's own handler was not called\n");
}

/* ---- */

static int make(const char *path, uint64_t bytes)
{
    FILE *file = fopen(path, "w");
    uint64_t buffer[WORDS];

    for (uint64_t page = 0; file && page <= bytes / PAGE; page++) {
        for (uint64_t i = 0; i < WORDS; i++)
            buffer[i] = word(page, i, 0);
        fwrite(buffer, 1, page == bytes / PAGE ? 100 : PAGE, file);
    }
    return file && fclose(file) == 0 ? 0 : 1;
}

/* Every eighth page never was the file's. */
static void fill_with_holes(int fd)
{
    for (uint64_t page = 0; page < pages; page++) {
        if (page % 8 == 5)
            change(page);
        else if (pread(fd, block + page * WORDS, PAGE, (off_t)(page * PAGE)) != PAGE)
            exit(3);
    }
}

/* In pieces of `step` bytes: small ones are always copied, large ones perhaps only accounted for. 0: with holes. */
static void fill(const char *path, off_t step)
{
    int fd = open(path, O_RDONLY);
    off_t size = lseek(fd, 0, SEEK_END), got;

    if (fd < 0)
        exit(3);
    block = malloc((size_t)size);
    pages = (uint64_t)size / PAGE;
    turn = calloc(pages, 1);
    lseek(fd, 0, SEEK_SET);
    if (!step)
        fill_with_holes(fd);
    for (off_t done = 0; step && done < size; done += got)
        if ((got = read(fd, (char *)block + done, (size_t)(size - done < step ? size - done : step))) <= 0)
            exit(3);
    if (step) /* else it is still being read: absent pages are not mapped yet */
        close(fd);
}

/* ---- ways to change the file: 0 if done */

static char other[PAGE];

static int overwrite(int fd)
{
    for (uint64_t i = 0; i < pages; i++)
        if (pwrite(fd, other, sizeof other, (off_t)(i * PAGE)) != PAGE)
            return -1;
    return 0;
}

static int change_by_truncate(int fd, const char *path)
{
    (void)fd;
    return close(open(path, O_WRONLY | O_TRUNC));
}

static int change_by_write(int fd, const char *path)
{
    (void)path;
    return overwrite(fd);
}

static int change_by_ftruncate(int fd, const char *path)
{
    (void)path;
    return ftruncate(fd, PAGE);
}

/* By its name, without opening it. */
static int change_by_name(int fd, const char *path)
{
    (void)fd;
    return truncate(path, 100);
}

static int change_by_map(int fd, const char *path)
{
    char *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    (void)path;
    if (map == MAP_FAILED)
        return -1;
    memset(map, 'x', pages * PAGE);
    return munmap(map, pages * PAGE);
}

static int change_by_range(int fd, const char *path)
{
    int from = open("/proc/self/exe", O_RDONLY);
    off_t to = 0;
    ssize_t got;

    (void)path;
    do
        got = copy_file_range(from, NULL, fd, &to, 1 << 20, 0);
    while (got > 0);
    if (got < 0 && (errno == EXDEV || errno == EINVAL)) /* two file systems: the effect is what counts */
        got = overwrite(fd);
    close(from);
    return (int)got;
}

static int change_by_punch(int fd, const char *path)
{
    (void)path;
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)(pages * PAGE / 2));
}

/* Not every file system can; the others' file ends at the same place then. */
static int change_by_collapse(int fd, const char *path)
{
    (void)path;
    return fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE * 16) < 0 && errno == EOPNOTSUPP ? ftruncate(fd, PAGE) : 0;
}

static int change_by_rename(int fd, const char *path)
{
    char fresh[4096];

    (void)fd;
    snprintf(fresh, sizeof fresh, "%s.fresh", path);
    return close(open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0644)) < 0 ? -1 : rename(fresh, path);
}

static int change_by_unlink(int fd, const char *path)
{
    (void)fd;
    return unlink(path);
}

/* A program's own writer that does not want to wait must not be told to (the lease is not its business). */
static int change_without_waiting(int fd, const char *path)
{
    (void)fd;
    fd = open(path, O_WRONLY | O_NONBLOCK);
    return fd < 0 ? -1 : overwrite(fd) < 0 ? -1 : close(fd);
}

static const struct {
    const char *name;
    int needs_fd;
    int (*change)(int fd, const char *path);
} changes[] = {{"truncate", 0, change_by_truncate},   {"write", 1, change_by_write},       {"ftruncate", 1, change_by_ftruncate},
               {"name", 0, change_by_name},           {"map", 2, change_by_map},           {"range", 1, change_by_range},
               {"punch", 2, change_by_punch},         {"collapse", 2, change_by_collapse}, {"rename", 0, change_by_rename},
               {"unlink", 0, change_by_unlink},       {"nonblock", 0, change_without_waiting}};

/* Anonymous memory of this process in KiB. */
static long anonymous(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[128];
    long kib = 0;

    while (status && fgets(line, sizeof line, status))
        sscanf(line, "RssAnon: %ld", &kib);
    if (status)
        fclose(status);
    return kib;
}

/* The prover follows: waits until half of the block is gone, but not for ever, as it may have to stay. */
static void settle(long before_kib)
{
    for (int i = 0; i < 400 && anonymous() > before_kib + (long)(pages * PAGE / 2048); i++)
        usleep(10000);
}

static void change_file(const char *path, const char *how)
{
    memset(other, 'x', sizeof other);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        int fd = -1, result;
        if (strcmp(changes[i].name, how) != 0)
            continue;
        if (changes[i].needs_fd)
            fd = open(path, changes[i].needs_fd == 2 ? O_RDWR : O_WRONLY);
        result = changes[i].needs_fd && fd < 0 ? -1 : changes[i].change(fd, path);
        if (result < 0 || (fd >= 0 && close(fd) < 0))
            atomic_store(&wrong, 1), perror(how);
        return;
    }
}

static int idle(const char *stop_path)
{
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    while (access(stop_path, F_OK) != 0)
        usleep(2000);
    for (uint64_t page = 0; page < pages; page++)
        check(page);
    return wrong;
}

static int go(const char *path, const char *stop_path, const char *how)
{
    pthread_t thread[THREADS];
    const char *guarded = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_handler = on_fault};

    zero_fd = open("/dev/zero", O_RDONLY);
    sigaction(SIGSEGV, &action, NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, work, (void *)i);
    while (rounds < 2 * THREADS)
        usleep(10000);
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    change_file(path, how);
    while (access(stop_path, F_OK) != 0) {
        fault(guarded);
        usleep(200);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    return wrong;
}

int main(int argc, char **argv)
{
    const char *how = argc > 4 ? argv[4] : "";
    pid_t child = 1;
    long before_kib = anonymous();
    int status = 0;

    if (argc > 3 && !strcmp(argv[1], "make"))
        return make(argv[2], strtoull(argv[3], NULL, 10) << 20);
    if (argc < 4)
        return 2;
    fill(argv[2], !strcmp(how, "holes") ? 0 : !strcmp(how, "idle") ? 1 << 17 : 1 << 20);
    for (uint64_t page = 0; page < pages; page++)
        check(page);
    settle(before_kib);
    if (!strcmp(how, "holes"))
        change_file(argv[2], "name");
    if (!strcmp(how, "idle") || !strcmp(how, "holes"))
        return idle(argv[3]);
    if (!strcmp(how, "fork") || !strcmp(how, "orphan"))
        child = fork();
    if (child > 0 && !strcmp(how, "orphan"))
        return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
    status = go(argv[2], argv[3], how);
    if (child == 0)
        _exit(status);
    if (child > 1 && (waitpid(child, &child, 0) < 0 || child != 0))
        status = 1;
    return status;
}
