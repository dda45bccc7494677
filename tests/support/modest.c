/*
 * modest.c - what many programs do, told by a sum: reads a file into blocks that grow, small blocks, a thread, a child, a stream.
 * Whatever is refused because of a limit is said, so that a run can be compared with a plain one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEP = 1 << 20, PIECES = 2000 };

static void said(const char *what, long result) { printf("%s %ld %s\n", what, result, result < 0 ? strerror(errno) : "-"); }

static void *in_thread(void *block)
{
    static char own[1000];

    memset(own, 3, sizeof own);
    return (void *)(long)(own[5] + ((char *)block)[100]);
}

static unsigned char *read_all(const char *path, size_t *bytes)
{
    unsigned char *block = NULL;
    int fd = open(path, O_RDONLY);
    ssize_t got;

    for (*bytes = 0;; *bytes += (size_t)got) {
        unsigned char *more = realloc(block, *bytes + STEP);
        if (!more) {
            said("realloc", -1);
            break;
        }
        block = more;
        if ((got = read(fd, block + *bytes, STEP)) <= 0)
            break;
    }
    close(fd);
    return block;
}

int main(int count, char **argument)
{
    unsigned long sum = 0;
    unsigned char *block, *pieces[PIECES];
    char line[100] = "";
    pthread_t thread;
    FILE *stream;
    size_t bytes;
    void *answer = NULL;
    pid_t pid;
    int status = -1;

    (void)count;
    block = read_all(argument[1], &bytes);
    if (!block)
        return 3;
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = malloc(100 + i * 7);
        if (pieces[i])
            memset(pieces[i], (int)i, 100 + i * 7);
    }
    for (int round = 0; round < 3; round++) {
        usleep(20000);
        for (size_t i = 0; i < bytes; i++)
            sum = sum * 31 + block[i];
    }
    errno = pthread_create(&thread, NULL, in_thread, block);
    said("thread", errno ? -1 : 0);
    if (!errno)
        pthread_join(thread, &answer);
    pid = fork();
    if (pid == 0)
        _exit(block[bytes / 2] & 0x7f);
    said("fork", pid < 0 ? -1 : 0);
    if (pid > 0)
        waitpid(pid, &status, 0);
    stream = fopen(argument[1], "r");
    said("fopen", stream && fgets(line, sizeof line, stream) ? 0 : -1);
    for (size_t i = 0; i < PIECES; i++)
        sum += pieces[i] ? pieces[i][50] : 0;
    printf("%zu bytes, sum %lx, thread %ld, child %d, line %zu\n", bytes, sum, (long)answer, status, strlen(line));
    return 0;
}
