/*
 * data.h - the data file of the catalogue, and checks of it in memory.
 *
 * Every program here takes the file's path, loads it into a malloc'ed block, does what its name says, and checks
 * that the block still holds the file. The programs know nothing of lens. The file is given by a formula, so that no
 * copy is needed: page 0 holds short strings in slots of 64 bytes, then comes one long string, then random words.
 */
#ifndef CATALOGUE_DATA_H
#define CATALOGUE_DATA_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define DATA_BYTES (4u * 1024 * 1024 + 1000)
#define LONG_AT PAGE                /* the long string: letters, NUL at its end */
#define LONG_BYTES (64u * PAGE)
#define WORDS_AT (LONG_AT + LONG_BYTES)
#define SLOT_BYTES 64u

enum slot {
    SLOT_ROOT, SLOT_SHELL, SLOT_SH, SLOT_C, SLOT_COMMAND, SLOT_ECHO_TEXT, SLOT_ENV, SLOT_DOT, SLOT_NULL, SLOT_ECHO,
    SLOT_HELLO, SLOT_READ, SLOT_MISSING, SLOT_ATTRIBUTE, SLOT_LIBM, SLOT_SELF, SLOTS
};
static const char *const data_slots[SLOTS] = {
    "/", "/bin/sh", "sh", "-c", "echo child of $0; exit 7", "echo from the block", "LENS_CATALOGUE=set", ".",
    "/dev/null", "/bin/echo", "hello", "r", "/nonexistent/lens", "user.lens", "libm.so.6", "/proc/self/exe"};

#define CHECK(condition)                                                                              \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            fprintf(stderr, "%s:%d: failed: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            _exit(99);                                                                                \
        }                                                                                             \
    } while (0)

static inline uint64_t data_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline unsigned char data_byte(size_t at)
{
    if (at < PAGE) {
        const char *text = at / SLOT_BYTES < SLOTS ? data_slots[at / SLOT_BYTES] : "";
        return at % SLOT_BYTES < strlen(text) ? (unsigned char)text[at % SLOT_BYTES] : 0;
    }
    if (at < WORDS_AT)
        return at == WORDS_AT - 1 ? 0 : (unsigned char)('a' + data_mix(at) % 26);
    return (unsigned char)(data_mix(at / 8) >> at % 8 * 8);
}

/* Whether bytes [from, from + n) of the file lie at `at`. */
static inline int data_is(const unsigned char *at, size_t from, size_t n)
{
    size_t i = 0;

    while (i < n) {
        uint64_t word, wanted = data_mix((from + i) / 8);
        if (from + i >= WORDS_AT && (from + i) % 8 == 0 && n - i >= 8) {
            memcpy(&word, at + i, 8);
            if (word != wanted)
                return 0;
            i += 8;
        } else if (at[i] != data_byte(from + i)) {
            return 0;
        } else {
            i++;
        }
    }
    return 1;
}

static inline int data_is_all(const unsigned char *block)
{
    return data_is(block, 0, DATA_BYTES);
}

static inline char *data_slot(unsigned char *block, enum slot slot)
{
    return (char *)block + slot * SLOT_BYTES;
}

/* Time for whoever looks at memory from outside. */
static inline void data_pause(void)
{
    const char *ms = getenv("CATALOGUE_PAUSE_MS");

    if (ms)
        usleep((useconds_t)atoi(ms) * 1000);
}

/* Reads the whole file into at[0, DATA_BYTES) and closes it. */
static inline void data_read(const char *path, unsigned char *at)
{
    int fd = open(path, O_RDONLY);
    size_t got = 0;
    ssize_t n;

    CHECK(fd >= 0);
    while ((n = read(fd, at + got, DATA_BYTES - got)) > 0)
        got += (size_t)n;
    CHECK(got == DATA_BYTES);
    close(fd);
    data_pause();
}

static inline unsigned char *data_load(const char *path)
{
    unsigned char *block = (unsigned char *)malloc(DATA_BYTES);

    CHECK(block);
    data_read(path, block);
    return block;
}

/* A page boundary inside the block, `page` pages behind the first one in the random words. */
static inline unsigned char *data_page(unsigned char *block, size_t page)
{
    uintptr_t first = ((uintptr_t)block + WORDS_AT + PAGE - 1) / PAGE * PAGE;

    return block + (first - (uintptr_t)block) + page * PAGE;
}

/* The status of a child, as a shell gives it. */
static inline int data_wait(pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
