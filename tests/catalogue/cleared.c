/*
 * cleared.c - memory that is cleared first, whose zeros may be gone when the program comes back: read into by the kernel in pieces
 * and in one call, written by threads, read after a fork, grown.
 */
#include "data.h"

#include <sys/uio.h>

static unsigned char *cleared(size_t bytes)
{
    unsigned char *block = malloc(bytes);

    CHECK(block);
    memset(block, 0, bytes);
    __asm__ volatile("" ::"r"(block) : "memory");
    data_pause();
    return block;
}

static int is_zero(const unsigned char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i])
            return 0;
    return 1;
}

static void in_one_call(const char *path)
{
    unsigned char *block = cleared(DATA_BYTES + 9000), *other = cleared(DATA_BYTES);
    FILE *file = fopen(path, "r");
    int fd = open(path, O_RDONLY);

    CHECK(read(fd, block + 5000, DATA_BYTES + 4000) == DATA_BYTES && lseek(fd, 0, SEEK_CUR) == DATA_BYTES);
    CHECK(is_zero(block, 5000) && data_is_all(block + 5000) && is_zero(block + 5000 + DATA_BYTES, 4000));
    CHECK(fread(other, 1, DATA_BYTES + 1, file) == DATA_BYTES && feof(file) && !ferror(file));
    data_pause();
    CHECK(data_is_all(other) && data_is_all(block + 5000));
    close(fd);
    fclose(file);
    free(other);
    free(block);
}

static void in_pieces(const char *path, size_t piece)
{
    unsigned char *block = cleared(DATA_BYTES), *streamed = cleared(DATA_BYTES);
    FILE *file = fopen(path, "r");
    int fd = open(path, O_RDONLY);

    for (size_t at = 0; at < DATA_BYTES; at += piece) {
        size_t ask = DATA_BYTES - at < piece ? DATA_BYTES - at : piece;
        struct iovec two[2] = {{block + at, ask / 3}, {block + at + ask / 3, ask - ask / 3}};

        if (at / piece % 3 == 0)
            CHECK(readv(fd, two, 2) == (ssize_t)ask);
        else if (at / piece % 3 == 1)
            CHECK(pread(fd, block + at, ask, (off_t)at) == (ssize_t)ask && lseek(fd, (off_t)ask, SEEK_CUR) == (off_t)(at + ask));
        else
            CHECK(read(fd, block + at, ask) == (ssize_t)ask);
        CHECK(fread(streamed + at, 1, ask, file) == ask);
    }
    CHECK(data_is_all(block) && data_is_all(streamed));
    close(fd);
    fclose(file);
    free(streamed);
    free(block);
}

/* Two openings of the file into one block, in turn, and back to front. */
static void two_into_one(const char *path)
{
    unsigned char *block = cleared(2 * (size_t)DATA_BYTES);
    int one = open(path, O_RDONLY), other = open(path, O_RDONLY);
    const size_t piece = 70000;

    for (size_t at = DATA_BYTES / piece * piece;; at -= piece) {
        CHECK(pread(one, block + at, DATA_BYTES - at < piece ? DATA_BYTES - at : piece, (off_t)at) > 0);
        CHECK(pread(other, block + DATA_BYTES + at, DATA_BYTES - at < piece ? DATA_BYTES - at : piece, (off_t)at) > 0);
        if (at == 0)
            break;
    }
    data_pause();
    CHECK(data_is_all(block) && data_is_all(block + DATA_BYTES));
    close(one);
    close(other);
    free(block);
}

static unsigned char *shared;

static void *write_some(void *of)
{
    for (size_t i = (size_t)of; i < DATA_BYTES; i += 4 * 100)
        shared[i] = (unsigned char)(i % 251 + 1);
    return NULL;
}

/* Four threads write every hundredth byte of the same pages; a child and the parent see all of it, and nothing else. */
static void by_threads(void)
{
    pthread_t thread[4];
    pid_t child;

    shared = cleared(DATA_BYTES);
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, write_some, (void *)(i * 100)) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    child = fork();
    for (size_t i = 0; i < DATA_BYTES; i++)
        if (shared[i] != (i % 100 ? 0 : i % 251 + 1))
            _exit(child ? 99 : 1);
    CHECK(child > 0 ? data_wait(child) == 0 : 1);
    if (!child)
        _exit(0);
    free(shared);
}

static void grown(void)
{
    unsigned char *block = cleared(1 << 20);

    for (size_t bytes = 1 << 20; bytes < 8 << 20; bytes *= 2) {
        block = realloc(block, bytes * 2);
        CHECK(block);
        memset(block + bytes, 0, bytes);
        block[bytes / 2] = 1;
        data_pause();
    }
    for (size_t i = 0; i < 8 << 20; i++)
        CHECK(block[i] == (i == 1 << 19 || i == 1 << 20 || i == 1 << 21));
    free(block);
}

int main(int count, char **argument)
{
    (void)count;
    in_one_call(argument[1]);
    in_pieces(argument[1], 65536);
    in_pieces(argument[1], 10001);
    two_into_one(argument[1]);
    by_threads();
    grown();
    puts("cleared memory: ok");
    return 0;
}
