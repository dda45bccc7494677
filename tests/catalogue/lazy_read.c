/*
 * lazy_read.c - large reads into fresh memory, in every way a program may do them: what they return, where they leave the
 * file, and what is in memory afterwards.
 */
#include "data.h"

#include <stdatomic.h>

#define PIECE (512u * 1024)

/* Fresh memory each time; `skew` bytes in, so that pages of memory and of the file do not agree. */
static unsigned char *fresh(size_t bytes, size_t skew)
{
    unsigned char *block = malloc(bytes + skew);

    CHECK(block);
    return block + skew;
}

static void whole(const char *path, size_t skew)
{
    unsigned char *block = fresh(DATA_BYTES + 5000, skew);
    int fd = open(path, O_RDONLY);

    CHECK(read(fd, block, DATA_BYTES + 5000) == DATA_BYTES);
    CHECK(lseek(fd, 0, SEEK_CUR) == DATA_BYTES);
    CHECK(read(fd, block, DATA_BYTES) == 0);
    data_pause();
    CHECK(data_is_all(block));
    for (size_t i = 0; i < 5000; i++)
        CHECK(block[DATA_BYTES + i] == 0);
    block[DATA_BYTES / 2]++;
    CHECK(data_is(block, 0, DATA_BYTES / 2) && block[DATA_BYTES / 2] != data_byte(DATA_BYTES / 2));
    close(fd);
}

static void pieces(const char *path)
{
    unsigned char *block = fresh(DATA_BYTES, 16);
    int fd = open(path, O_RDONLY);
    ssize_t got;

    CHECK(pread(fd, block + 777, PIECE * 3, 777) == PIECE * 3);
    CHECK(lseek(fd, 0, SEEK_CUR) == 0);
    CHECK(read(fd, block, 777) == 777);
    CHECK(lseek(fd, 777 + PIECE * 3, SEEK_SET) == 777 + PIECE * 3);
    for (size_t at = 777 + PIECE * 3; at < DATA_BYTES; at += (size_t)got)
        CHECK((got = read(fd, block + at, PIECE)) > 0);
    data_pause();
    CHECK(data_is_all(block));
    CHECK(pread(fd, block, PIECE, DATA_BYTES) == 0 && pread(fd, block, PIECE, DATA_BYTES - 100) == 100);
    CHECK(data_is(block, DATA_BYTES - 100, 100));
    CHECK(read(fd, NULL, 0) == 0);
    close(fd);
    errno = 0;
    CHECK(read(fd, block, PIECE) == -1 && errno == EBADF);
}

static void stream(const char *path)
{
    unsigned char *block = fresh(DATA_BYTES + 100, 8), *other = fresh(DATA_BYTES, 0);
    FILE *file = fopen(path, "r");

    CHECK(fread(block, 1, 100, file) == 100 && ftell(file) == 100);
    errno = 0;
    CHECK(fread(block + 100, 1000, 2000, file) == 2000 && errno == 0);
    CHECK(ftell(file) == 2000100 && !feof(file) && !ferror(file));
    CHECK(fgetc(file) == data_byte(2000100));
    CHECK(ungetc(data_byte(2000100), file) != EOF);
    CHECK(fread(block + 2000100, 1, DATA_BYTES, file) == DATA_BYTES - 2000100);
    CHECK(feof(file) && !ferror(file) && ftell(file) == DATA_BYTES);
    data_pause();
    CHECK(data_is_all(block));
    rewind(file);
    CHECK(fread(other, DATA_BYTES, 1, file) == 1 && !feof(file) && fgetc(file) == EOF && feof(file));
    fclose(file);
    data_pause();
    CHECK(data_is_all(other));
}

/* ---- one descriptor, many readers: each byte of the file goes to one of them */

static int shared_fd;
static _Atomic unsigned places;

static void *reader(void *nothing)
{
    unsigned char *block = fresh(PIECE, 0);
    ssize_t got;

    (void)nothing;
    while ((got = read(shared_fd, block, PIECE)) > 0) {
        for (unsigned i = 0; i <= DATA_BYTES / PIECE; i++)
            if (data_is(block, i * PIECE, 64) && data_is(block, i * PIECE, (size_t)got))
                CHECK(!(atomic_fetch_or(&places, 1u << i) >> i & 1));
        block = fresh(PIECE, 0);
    }
    return NULL;
}

static void shared(const char *path)
{
    pthread_t thread[4];

    shared_fd = open(path, O_RDONLY);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, reader, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    CHECK(places == (1u << (DATA_BYTES / PIECE + 1)) - 1);
    close(shared_fd);
}

static void forked(const char *path)
{
    unsigned char *block = fresh(DATA_BYTES, 0);
    int fd = open(path, O_RDONLY);
    pid_t child;

    CHECK(read(fd, block, DATA_BYTES) == DATA_BYTES);
    child = fork();
    if (child == 0)
        _exit(data_is_all(block) ? 0 : 1);
    CHECK(data_is_all(block));
    CHECK(data_wait(child) == 0);
    close(fd);
}

int main(int count, char **argument)
{
    (void)count;
    whole(argument[1], 0);
    whole(argument[1], 13);
    pieces(argument[1]);
    stream(argument[1]);
    shared(argument[1]);
    forked(argument[1]);
    puts("large reads: ok");
    return 0;
}
