/*
 * toy_lens.h - toy lenses for the tests of the core, and files for them.
 *
 *   toysum    lines of numbers -> 64-bit running sums: no page can be made without what came before it
 *   toymore   the same, with the sum behind the fixed part of the cursor; notices a cursor that is not its own
 *   toyraw    the bytes as they are, but neither seekable nor marked as such
 *   toylots   says it made more than it was asked for          toyfew      stops in the middle, at random places
 *   toyfickle other bytes each time                            toylost     forgets to move the cursor
 *   toyerror  -EILSEQ after the first 100,000 bytes
 */
#ifndef TESTS_UNIT_TOY_LENS_H
#define TESTS_UNIT_TOY_LENS_H

#include "liblens/lens.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TOY_MAGIC = 0x70795f6d };

struct toy_more {
    uint64_t magic, sum;
    uint8_t ballast[3000];
};

static inline int toy_configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    (void)params;
    return args->count ? lens_error_set(error, 0, "a toy takes no arguments") : 0;
}

/* The number at offset; the offset behind its newline in *next. 0 at the end. */
static inline int toy_number(struct lens_reader *source, uint64_t offset, uint64_t *value, uint64_t *next)
{
    const uint8_t *bytes;
    size_t have = lens_reader_at(source, offset, 24, &bytes), i = 0;

    for (*value = 0; i < have && bytes[i] != '\n'; i++)
        *value = *value * 10 + (uint64_t)(bytes[i] - '0');
    *next = offset + i + 1;
    return i < have;
}

/* Makes view bytes one element of 8 at a time; *sum is the element under way (and the sum up to it). */
static inline int64_t toy_sums(struct lens_reader *source, struct lens_cursor *cursor, uint64_t *sum, uint8_t *out, size_t n)
{
    size_t done = 0;

    while (done < n) {
        uint64_t value, next, at = cursor->view % 8;
        if (at == 0) {
            if (!toy_number(source, cursor->source, &value, &next))
                break;
            *sum += value;
            cursor->source = next;
        }
        size_t take = 8 - at < n - done ? 8 - at : n - done;
        memcpy(out + done, (uint8_t *)sum + at, take);
        done += take;
        cursor->view += take;
    }
    return source->error ? source->error : (int64_t)done;
}

static inline int64_t toy_sum_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    (void)params;
    return toy_sums(source, cursor, &cursor->state[0], out, n);
}

static inline int64_t toy_more_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    struct toy_more *more = (struct toy_more *)(void *)cursor->more;

    (void)params;
    if (more->magic != (cursor->view ? TOY_MAGIC : 0) || (!cursor->view && more->sum) || more->ballast[2999] != (cursor->view ? 0xab : 0))
        return -EILSEQ; /* somebody else's, or not zero at the front */
    more->magic = TOY_MAGIC;
    more->ballast[2999] = 0xab;
    return toy_sums(source, cursor, &more->sum, out, n);
}

static inline int64_t toy_raw_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    size_t done = 0;

    (void)params;
    while (done < n) {
        const uint8_t *bytes;
        size_t have = lens_reader_at(source, cursor->view, 1, &bytes);
        if (!have)
            break;
        have = have < n - done ? have : n - done;
        memcpy((uint8_t *)out + done, bytes, have);
        done += have;
        cursor->view += have;
        cursor->source = cursor->view;
    }
    return source->error ? source->error : (int64_t)done;
}

static inline int64_t toy_lots_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    int64_t got = toy_raw_get(params, source, cursor, out, n);

    cursor->view++;
    return got + 1;
}

static _Atomic unsigned toy_turn;

static inline int64_t toy_few_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    return toy_raw_get(params, source, cursor, out, atomic_fetch_add(&toy_turn, 1) % 3 == 2 && n > 10 ? n / 2 : n);
}

static inline int64_t toy_fickle_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    int64_t got = toy_raw_get(params, source, cursor, out, n);

    if (got > 0)
        ((uint8_t *)out)[got / 2] ^= (uint8_t)(atomic_fetch_add(&toy_turn, 1) + 1);
    return got;
}

static inline int64_t toy_lost_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    uint64_t view = cursor->view;
    int64_t got = toy_raw_get(params, source, cursor, out, n);

    cursor->view = view;
    return got;
}

static inline int64_t toy_error_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    return cursor->view + n > 100000 ? -EILSEQ : toy_raw_get(params, source, cursor, out, n);
}

static inline void toy_register(void)
{
    static struct lens_ops toys[8];
    static const struct {
        const char *name;
        int64_t (*get)(const void *, struct lens_reader *, struct lens_cursor *, void *, size_t);
        size_t cursor_bytes;
    } list[8] = {{"toysum", toy_sum_get, 0},   {"toymore", toy_more_get, sizeof(struct lens_cursor) + sizeof(struct toy_more)},
                 {"toyraw", toy_raw_get, 0},   {"toylots", toy_lots_get, 0},
                 {"toyfew", toy_few_get, 0},   {"toyfickle", toy_fickle_get, 0},
                 {"toylost", toy_lost_get, 0}, {"toyerror", toy_error_get, 0}};

    for (size_t i = 0; i < 8; i++) {
        if (toys[i].size)
            continue;
        toys[i] = (struct lens_ops){.size = sizeof toys[i], .name = list[i].name, .usage = list[i].name, .params_bytes = 8,
                                    .cursor_bytes = list[i].cursor_bytes, .configure = toy_configure, .get = list[i].get};
        cr_assert_eq(lens_register(&toys[i]), 0);
    }
}

/* ---- files */

static inline uint64_t toy_mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

/* The temporary file `name`, with text or bytes; gone at the end of the test. Its path lasts as long as the process. */
static inline const char *toy_file(const char *name, const void *bytes, size_t n)
{
    char *path = malloc(200);
    int fd;

    snprintf(path, 200, "%s/lens-%s-%d-%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", "toy", (int)getpid(), name);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
    for (size_t done = 0; done < n;) {
        ssize_t put = write(fd, (const char *)bytes + done, n - done);
        cr_assert(put > 0);
        done += (size_t)put;
    }
    close(fd);
    return path;
}

static inline uint8_t *toy_random_bytes(size_t n, uint64_t seed)
{
    uint8_t *bytes = malloc(n + 8);

    for (size_t i = 0; i < n; i += 8)
        memcpy(bytes + i, &(uint64_t){toy_mix(seed + i)}, 8);
    return bytes;
}

/* `count` numbers as lines, and the sums that toysum makes of them. */
static inline const char *toy_numbers_file(const char *name, size_t count, uint64_t **sums)
{
    char *text = malloc(count * 12 + 1), *at = text;
    uint64_t sum = 0;
    const char *path;

    *sums = malloc(count * 8 + 8);
    for (size_t i = 0; i < count; i++) {
        unsigned value = (unsigned)(toy_mix(i) >> (32 + i % 30));
        at += sprintf(at, "%u\n", value);
        (*sums)[i] = sum += value;
    }
    path = toy_file(name, text, (size_t)(at - text));
    free(text);
    return path;
}

/* Pages of [at, at + bytes) with a frame. */
static inline size_t toy_resident(const void *at, size_t bytes)
{
    static uint8_t vector[1 << 20];
    size_t pages = (bytes + 4095) / 4096, n = 0;

    cr_assert(pages <= sizeof vector && mincore((void *)(uintptr_t)at, bytes, vector) == 0);
    for (size_t i = 0; i < pages; i++)
        n += vector[i] & 1;
    return n;
}

#endif
