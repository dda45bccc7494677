/*
 * allocators.c MODE SEED SCALE - the ways in which allocators are worn down, each checking every byte it was given.
 *
 *   larson    threads free what their predecessors allocated, and hand their own on
 *   sh6bench  rounds of many sizes, freed in the order of allocation, against it, and in part
 *   xmalloc   blocks allocated by one half of the threads and freed by the other
 *   mstress   random realloc, calloc and memalign on a table shared by all threads
 *   churn     one short-lived thread after the other, each with its own allocations
 *
 * Prints the mode and "ok", or says what was wrong and where. Knows nothing of lens.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4 };

static unsigned scale = 10;
static uint64_t seed;

#define CHECK(condition, ...) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "allocators: %s:%d: not %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__); \
            fputc('\n', stderr); \
            abort(); \
        } \
    } while (0)

static uint64_t draw(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Mostly small, now and then large. */
static size_t size_of(uint64_t *state)
{
    uint64_t kind = draw(state) % 100;

    return 1 + draw(state) % (kind < 80 ? 200 : kind < 97 ? 6000 : kind < 99 ? 80000 : 400000);
}

/* ---- a block that knows its own size and what it holds */

struct object {
    size_t bytes;
    uint64_t stamp;
    unsigned char data[];
};

static unsigned char byte_of(const struct object *o, size_t i) { return (unsigned char)((o->stamp >> i % 7 * 8) + i); }

static void fill(struct object *o, size_t from)
{
    for (size_t i = from; i < o->bytes; i++)
        o->data[i] = byte_of(o, i);
}

static void verify(const struct object *o)
{
    for (size_t i = 0; i < o->bytes; i++)
        CHECK(o->data[i] == byte_of(o, i), "byte %zu of %zu at %p is %u", i, o->bytes, (const void *)o, o->data[i]);
}

static struct object *object_new(uint64_t *state)
{
    size_t bytes = size_of(state), alignment = (size_t)16 << draw(state) % 9;
    struct object *o = NULL;
    void *at = NULL;

    switch (draw(state) % 5) {
    case 0:
        o = calloc(1, sizeof *o + bytes);
        for (size_t i = 0; o && i < bytes; i++)
            CHECK(o->data[i] == 0, "calloc gave byte %zu = %u", i, o->data[i]);
        break;
    case 1:
        CHECK(posix_memalign(&at, alignment, sizeof *o + bytes) == 0, "%zu", bytes);
        CHECK((uintptr_t)at % alignment == 0, "%p for %zu", at, alignment);
        o = at;
        break;
    default:
        o = malloc(sizeof *o + bytes);
    }
    CHECK(o && malloc_usable_size(o) >= sizeof *o + bytes && (uintptr_t)o % 16 == 0, "%p, %zu bytes", (void *)o, bytes);
    *o = (struct object){bytes, draw(state)};
    fill(o, 0);
    return o;
}

static void object_end(struct object *o)
{
    if (!o)
        return;
    verify(o);
    free(o);
}

static struct object *object_resize(struct object *o, uint64_t *state)
{
    size_t old = o->bytes, bytes = size_of(state);

    verify(o);
    o = realloc(o, sizeof *o + bytes);
    CHECK(o, "realloc to %zu", bytes);
    o->bytes = bytes < old ? bytes : old;
    verify(o);
    o->bytes = bytes;
    fill(o, bytes < old ? bytes : old);
    return o;
}

/* ---- larson */

enum { TABLE = 300 };
struct table {
    struct object *slot[TABLE];
    uint64_t state;
    unsigned generations;
};

static void *larson(void *from)
{
    struct table *t = from;
    pthread_t next;

    for (unsigned i = 0; i < scale * 40; i++) {
        unsigned at = (unsigned)(draw(&t->state) % TABLE);
        object_end(t->slot[at]);
        t->slot[at] = object_new(&t->state);
    }
    if (t->generations-- > 0) {
        CHECK(pthread_create(&next, NULL, larson, t) == 0, "generation %u", t->generations);
        pthread_join(next, NULL);
    }
    return NULL;
}

static void run_larson(void)
{
    static struct table tables[THREADS];
    pthread_t thread[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        tables[i].state = seed + i;
        tables[i].generations = 8;
        CHECK(pthread_create(&thread[i], NULL, larson, &tables[i]) == 0, "%u", i);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned k = 0; k < TABLE; k++)
            object_end(tables[i].slot[k]);
}

/* ---- sh6bench */

static void *sh6bench(void *number)
{
    enum { COUNT = 400 };
    struct object *list[COUNT];
    uint64_t state = seed + (uintptr_t)number;

    for (unsigned round = 0; round < scale * 2; round++) {
        for (unsigned i = 0; i < COUNT; i++)
            list[i] = object_new(&state);
        for (unsigned i = 0; i < COUNT / 2; i += 2) { /* holes, filled again */
            object_end(list[i]);
            list[i] = object_new(&state);
        }
        for (unsigned i = 0; i < COUNT; i++)
            object_end(list[round % 2 ? i : COUNT - 1 - i]);
    }
    return NULL;
}

/* ---- xmalloc */

enum { RING = 64 };
static struct object *ring[RING];
static unsigned head, tail, producers = THREADS / 2;
static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ring_changed = PTHREAD_COND_INITIALIZER;

static void put(struct object *o)
{
    pthread_mutex_lock(&ring_lock);
    while (head - tail == RING)
        pthread_cond_wait(&ring_changed, &ring_lock);
    ring[head++ % RING] = o;
    pthread_cond_broadcast(&ring_changed);
    pthread_mutex_unlock(&ring_lock);
}

static struct object *get(void)
{
    struct object *o = NULL;

    pthread_mutex_lock(&ring_lock);
    while (head == tail && producers)
        pthread_cond_wait(&ring_changed, &ring_lock);
    if (head != tail)
        o = ring[tail++ % RING];
    pthread_cond_broadcast(&ring_changed);
    pthread_mutex_unlock(&ring_lock);
    return o;
}

static void *xmalloc(void *number)
{
    uint64_t state = seed + (uintptr_t)number;
    struct object *o;

    if ((uintptr_t)number % 2) {
        while ((o = get()))
            object_end(o);
        return NULL;
    }
    for (unsigned i = 0; i < scale * 200; i++)
        put(object_new(&state));
    pthread_mutex_lock(&ring_lock);
    producers--;
    pthread_cond_broadcast(&ring_changed);
    pthread_mutex_unlock(&ring_lock);
    return NULL;
}

/* ---- mstress */

static struct object *shared[512];

static void *mstress(void *number)
{
    uint64_t state = seed + (uintptr_t)number;

    for (unsigned i = 0; i < scale * 300; i++) {
        struct object **at = &shared[draw(&state) % (sizeof shared / sizeof *shared)], *o = __atomic_exchange_n(at, NULL, __ATOMIC_ACQ_REL);
        if (!o)
            o = object_new(&state);
        else if (draw(&state) % 3)
            o = object_resize(o, &state);
        else
            object_end(o), o = NULL;
        object_end(__atomic_exchange_n(at, o, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static void run_mstress_end(void)
{
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        object_end(shared[i]);
}

/* ---- churn */

static void *short_life(void *number)
{
    static __thread struct object *own;
    uint64_t state = seed ^ (uintptr_t)number;

    own = object_new(&state);
    return own;
}

static void run_churn(void)
{
    struct object *before = NULL;

    for (uintptr_t i = 0; i < scale * 100; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, short_life, (void *)i) == 0, "thread %zu", (size_t)i);
        pthread_join(thread, &result);
        object_end(before);
        before = result;
    }
    object_end(before);
}

static void in_threads(void *(*run)(void *))
{
    pthread_t thread[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, run, (void *)i) == 0, "%zu", (size_t)i);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

int main(int count, char **argument)
{
    const char *mode = count > 1 ? argument[1] : "";

    seed = count > 2 ? strtoull(argument[2], NULL, 10) : 1;
    scale = count > 3 ? (unsigned)atoi(argument[3]) : 10;
    if (strcmp(mode, "larson") == 0)
        run_larson();
    else if (strcmp(mode, "sh6bench") == 0)
        in_threads(sh6bench);
    else if (strcmp(mode, "xmalloc") == 0)
        in_threads(xmalloc);
    else if (strcmp(mode, "mstress") == 0)
        in_threads(mstress), run_mstress_end();
    else if (strcmp(mode, "churn") == 0)
        run_churn();
    else
        return fprintf(stderr, "allocators: larson, sh6bench, xmalloc, mstress or churn\n"), 2;
    printf("%s ok\n", mode);
    return 0;
}
