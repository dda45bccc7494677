/*
 * known.c - allocations whose numbers are known, one case at a time, for tests/profile.sh.
 *
 *   known CASE      prints nothing but what the case says; functions are named after what they allocate
 *
 * Cases that end by a signal first wait until the trace that LENS_TEST_TRACE names tells of the allocation (its size
 * grows by a tick); they never sleep for luck.
 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset: old programs use it */

#define KEEP __attribute__((noinline, noipa))

static void *volatile sink; /* what goes through it is not optimised away */

/* 1000 of 100 bytes, 400 freed. */
static KEEP void small_ones(void)
{
    static void *list[1000];

    for (int i = 0; i < 1000; i++)
        list[i] = malloc(100);
    for (int i = 0; i < 400; i++)
        free(list[i]);
}

/* 10 of 3 MiB, one at a time. */
static KEEP void one_by_one(void)
{
    for (int i = 0; i < 10; i++) {
        char *at = malloc(3 << 20);

        at[0] = 1;
        sink = at;
        free(at);
    }
}

/* The peak: 8 MiB; then 1 MiB stays. */
static KEEP void mountain(void)
{
    void *list[8];

    for (int i = 0; i < 8; i++)
        list[i] = malloc(1 << 20);
    for (int i = 1; i < 8; i++)
        free(list[i]);
    sink = list[0];
}

/* 1 + 20 allocations by realloc: 1000, 2000, ... 21000 bytes; the last stays. */
static KEEP void chain(void)
{
    char *at = malloc(1000);

    for (size_t i = 2; i <= 21; i++)
        at = realloc(at, i * 1000);
    sink = at;
}

static KEEP void aligned(void)
{
    void *at;

    if (posix_memalign(&at, 4096, 5000))
        abort();
    sink = at;
    sink = aligned_alloc(64, 640);
    sink = memalign(256, 300);
    sink = valloc(700);
    sink = pvalloc(5000);
    sink = calloc(10, 77);
    free(sink);
}

static KEEP void *in_thread(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5000; i++) {
        void *volatile at = malloc(64);

        free(at);
    }
    return malloc(2000);
}

static void threads(void)
{
    pthread_t thread[8];
    void *result;

    for (int i = 0; i < 8; i++)
        pthread_create(&thread[i], NULL, in_thread, NULL);
    for (int i = 0; i < 8; i++) {
        pthread_join(thread[i], &result);
        if (i % 2)
            free(result); /* across threads */
    }
}

static KEEP void map_anonymous(void)
{
    char *at = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(at, 1 << 20); /* 3 MiB stay */
    at = mremap(at + (1 << 20), 3 << 20, 5 << 20, MREMAP_MAYMOVE);
    at[0] = 1;
}

static KEEP void child_allocates(void)
{
    sink = malloc(300000);
}

static void forks(void)
{
    pid_t pid;

    small_ones();
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        child_allocates();
        _exit(7);
    }
    waitpid(pid, NULL, 0);
}

/* Until the trace has grown twice since now: then a whole tick has been told that began later. */
static void wait_for_trace(void)
{
    const char *path = getenv("LENS_TEST_TRACE");
    struct stat status;
    const struct timespec little = {0, 1000000};
    off_t size = -1;

    for (int growths = -1; growths < 3;) {
        if (stat(path, &status) == 0 && status.st_size != size) {
            size = status.st_size;
            growths++;
        }
        sink = malloc(10); /* something to tell */
        free(sink);
        nanosleep(&little, NULL);
    }
}

/* 300,000 bytes from offset 1000 to offset 500 of a block in pieces; the same file by stdio and by a mapping. */
static KEEP void reads(const char *path)
{
    char *block = malloc(1 << 20), line[256];
    int fd = open(path, O_RDONLY);
    FILE *stream = fopen(path, "r");

    for (off_t done = 0; done < 300000; done += 30000)
        if (pread(fd, block + 500 + done, 30000, 1000 + done) != 30000)
            abort();
    while (fgets(line, sizeof line, stream))
        ;
    fclose(stream);
    sink = mmap(NULL, 400000, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    sink = block;
}

static KEEP void recursion(int depth)
{
    if (depth > 0) {
        recursion(depth - 1);
        sink = NULL;
        return;
    }
    sink = malloc(12345);
}

static void early(void) { sink = malloc(54321); }

/* By a fault where the signal is one of a fault, else sent. */
static void dies(int number)
{
    static int *volatile nowhere;

    if (number == SIGSEGV)
        *nowhere = 1;
    kill(getpid(), number);
}

static void *allocates(void *unused)
{
    (void)unused;
    for (;;) {
        void *volatile at = malloc(100), *volatile large = malloc(200000);

        at = realloc(at, 3000);
        free(large);
        free(at);
    }
    return NULL;
}

/* A signal ends the process in the middle of allocations, wherever it then is. */
static void storm(int milliseconds)
{
    struct itimerval soon = {.it_value.tv_usec = milliseconds * 1000};
    pthread_t other;

    pthread_create(&other, NULL, allocates, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    allocates(NULL);
}

static void ignores(int number) { (void)number; }

static void expect(int holds, const char *what)
{
    if (holds)
        return;
    printf("not so: %s\n", what);
    exit(1);
}

/* The default action is seen as the default action, however it is asked for. */
static void actions(void)
{
    struct sigaction now, set = {.sa_handler = ignores, .sa_flags = SA_RESTART};

    expect(sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == SIG_DFL && !now.sa_flags, "the default at first");
    expect(sigaction(SIGTERM, &set, &now) == 0 && now.sa_handler == SIG_DFL, "the default, before a handler");
    expect(signal(SIGTERM, SIG_DFL) == ignores, "the handler");
    expect(signal(SIGTERM, SIG_IGN) == SIG_DFL, "the default again");
    expect(raise(SIGTERM) == 0 && sigset(SIGTERM, SIG_DFL) == SIG_IGN, "ignored");
    expect(sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == SIG_DFL, "the default by sigset");
    expect(signal(SIGCHLD, SIG_IGN) == SIG_DFL && signal(SIGCHLD, SIG_DFL) == SIG_IGN, "a signal that ends nothing");
    small_ones();
    raise(SIGTERM);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    char self[] = "/proc/self/exe", quiet[] = "nothing", name[] = "known";
    char *again[] = {name, quiet, NULL};

    if (strcmp(what, "counts") == 0) {
        small_ones();
        one_by_one();
        mountain();
        chain();
        aligned();
    } else if (strcmp(what, "threads") == 0) {
        threads();
    } else if (strcmp(what, "map") == 0) {
        map_anonymous();
    } else if (strcmp(what, "fork") == 0) {
        forks();
    } else if (strcmp(what, "exec") == 0) {
        small_ones();
        execv(self, again);
    } else if (strcmp(what, "failed_exec") == 0) {
        again[0] = quiet;
        execv("/nowhere/to/be/found", again);
        mountain();
    } else if (strcmp(what, "under") == 0) {
        small_ones();
        _exit(3);
    } else if (strcmp(what, "quick") == 0) {
        small_ones();
        quick_exit(4);
    } else if (strcmp(what, "exit") == 0) {
        small_ones();
        exit(5);
    } else if (strcmp(what, "kill") == 0 || strcmp(what, "abort") == 0) {
        mountain();
        wait_for_trace();
        if (what[0] == 'k')
            raise(SIGKILL);
        abort();
    } else if (strcmp(what, "death") == 0) {
        small_ones();
        dies(atoi(argv[2]));
    } else if (strcmp(what, "storm") == 0) {
        storm(atoi(argv[2]));
    } else if (strcmp(what, "actions") == 0) {
        actions();
    } else if (strcmp(what, "reads") == 0) {
        reads(argv[2]);
    } else if (strcmp(what, "recursion") == 0) {
        recursion(20);
        recursion(1000);
    } else if (strcmp(what, "many") == 0) {
        for (int i = 0; i < 300000; i++) {
            sink = malloc((size_t)i % 500);
            free(sink);
        }
        small_ones();
    } else if (strcmp(what, "nothing") != 0) {
        early();
        return 2;
    }
    printf("done %s\n", what);
    return 0;
}
