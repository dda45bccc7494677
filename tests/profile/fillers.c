/*
 * fillers.c - large blocks whose fillers are known, one case at a time, for tests/fill.sh.
 *
 *   fillers CASE [FILE]     functions that allocate are named for_..., those that fill by_...
 */
#include <alloca.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noipa))
#define BYTES ((size_t)32 << 20)

static KEEP void by_stores(char *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 8)
        *(long *)(void *)(at + i) = (long)i;
}

static KEEP void by_others(char *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64)
        at[i] = (char)i;
}

static KEEP void by_memset(char *at, size_t bytes)
{
    memset(at, 7, bytes);
    __asm__ volatile("" ::: "memory");
}

/* A frame of a size that is known at run time only, and of a kind that compilers make for it. */
static KEEP void by_a_wide_frame(char *at, size_t bytes, size_t room)
{
    char *frame = alloca(room);

    memset(frame, 1, room);
    __asm__ volatile("" : : "r"(frame) : "memory");
    by_memset(at, bytes);
}

static KEEP void by_recursion(char *at, size_t bytes, int depth)
{
    if (depth)
        by_recursion(at, bytes, depth - 1);
    else
        memset(at, 3, bytes);
    __asm__ volatile("" ::: "memory");
}

static KEEP void by_reads(char *at, size_t bytes, const char *path)
{
    int fd = open(path, O_RDONLY);
    size_t done = 0;
    ssize_t got;

    while (done < bytes && (got = read(fd, at + done, bytes - done < 100000 ? bytes - done : 100000)) > 0)
        done += (size_t)got;
    close(fd);
}

static KEEP char *for_stores(void) { return malloc(BYTES); }
static KEEP char *for_memset(void) { return malloc(BYTES); }
static KEEP char *for_two(void) { return malloc(BYTES); }
static KEEP char *for_reads(void) { return malloc(BYTES); }
static KEEP char *for_threads(void) { return malloc(BYTES); }
static KEEP char *for_zeros(void) { return calloc(BYTES / 8, 8); }
static KEEP char *for_child(void) { return malloc(BYTES); }
static KEEP char *for_later(void) { return malloc(BYTES); }

static void stores(void)
{
    char *one = for_stores(), *two = for_memset(), *three = for_two(), *four = for_zeros();

    by_stores(one, BYTES);
    by_a_wide_frame(two, BYTES, (size_t)getpid() % 2 + 3000);
    by_stores(three, BYTES / 4 * 3);
    by_others(three + BYTES / 4 * 3, BYTES / 4);
    by_recursion(four, BYTES, 300);
    printf("%d %d %d %d\n", one[77], two[77], three[BYTES - 64], four[77]);
}

struct part {
    pthread_t thread;
    char *at;
};

static KEEP void *in_a_thread(void *from)
{
    by_stores(((struct part *)from)->at, BYTES / 4);
    return NULL;
}

static KEEP void *in_another_thread(void *from)
{
    by_others(((struct part *)from)->at, BYTES / 4);
    return NULL;
}

static void threads(void)
{
    struct part parts[4];
    char *at = for_threads();

    for (int i = 0; i < 4; i++) {
        parts[i].at = at + BYTES / 4 * (size_t)i;
        pthread_create(&parts[i].thread, NULL, i == 0 ? in_another_thread : in_a_thread, &parts[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(parts[i].thread, NULL);
    printf("%d %d\n", at[64], at[BYTES / 2 + 64]);
}

/* What is there before a thread begins to allocate is watched too: the block comes from it. */
static void *allocates(void *unused)
{
    (void)unused;
    return for_later();
}

static void reversed(void)
{
    pthread_t thread;
    void *at;

    pthread_create(&thread, NULL, allocates, NULL);
    pthread_join(thread, &at);
    by_stores(at, BYTES);
    printf("%d\n", ((char *)at)[77]);
}

static void reads(const char *path)
{
    char *at = for_reads();

    by_reads(at, BYTES / 2, path);
    by_stores(at + BYTES / 2, BYTES / 2);
    printf("%d %d\n", at[0], at[BYTES / 2 + 64]);
}

static void forks(void)
{
    char *at = for_stores(), *child_at;
    pid_t child;

    by_stores(at, BYTES);
    child = fork();
    if (child == 0) {
        child_at = for_child();
        by_others(at, BYTES); /* copied, not filled */
        by_memset(child_at, BYTES);
        _exit(child_at[5] - 7);
    }
    waitpid(child, NULL, 0);
    by_others(at, BYTES); /* as above */
    at = for_later();
    by_stores(at, BYTES);
    printf("%d\n", at[77]);
}

/* In memory of its own, and nothing large. */
static void small(void)
{
    char *at = malloc(600000);

    by_stores(at, 600000);
    printf("%d\n", at[77]);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {{"stores", stores}, {"threads", threads}, {"reversed", reversed}, {"forks", forks}, {"small", small}};

    for (size_t i = 0; argc == 2 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(argv[1], cases[i].name) == 0)
            return cases[i].run(), 0;
    if (argc == 3 && strcmp(argv[1], "reads") == 0)
        return reads(argv[2]), 0;
    return 2;
}
