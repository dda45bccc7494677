/*
 * races.c - what threads share in liblens, used by several at once: for ThreadSanitizer, which cannot host the unit tests'
 * runner, nor the engine (memory outside of its shadow, faults served in signal handlers).
 *
 *   races FOLDER SEED
 *
 * Views with checkpoints, opening and closing them, the view store's images, the ring of touches, counters, the list of
 * lenses. What they give is checked as well. Prints "races: ok".
 */
#include "lenses/builtin.h"
#include "liblens/base/stats.h"
#include "liblens/store/image.h"
#include "liblens/view/view.h"
#include "liblens/watch/touches.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                  \
        }                                                                             \
    } while (0)

enum { NUMBERS = 60000, ROUNDS = 150, PAGES = 64, TOUCHES = 20000 };

static char path[256];
static const struct lensi_pipe *pipes[2];
static struct lensi_view *shared[2];
static int64_t *numbers;
static struct lensi_image *image;
static uint8_t pages[PAGES][LENSI_PAGE];
static uint64_t seed;

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void write_numbers(void)
{
    FILE *file = fopen(path, "w");

    numbers = malloc(NUMBERS * sizeof *numbers);
    CHECK(file && numbers);
    for (unsigned i = 0; i < NUMBERS; i++) {
        numbers[i] = (int64_t)mix(seed + i) >> i % 50;
        fprintf(file, "%lld%c", (long long)numbers[i], i % 10 == 9 ? '\n' : ' ');
    }
    CHECK(fclose(file) == 0);
}

static struct lensi_view *open_view(const struct lensi_pipe *pipe)
{
    struct lensi_backing *backing;
    struct lensi_view *view;

    CHECK(lensi_backing_open(path, &backing) == 0 && lensi_view_open(backing, pipe, &view) == 0);
    lensi_backing_close(backing);
    return view;
}

static void read_pieces(struct lensi_view *view, struct lensi_workspace *w, uint64_t state, unsigned rounds)
{
    static _Thread_local uint8_t piece[30000];

    for (unsigned i = 0; i < rounds; i++) {
        uint64_t r = mix(state + i), at = r % (NUMBERS * 8), n = r >> 40 & 0x3FFF, there = NUMBERS * 8 - at;

        there = n < there ? n : there;
        CHECK(lensi_view_read(view, w, at, piece, n, r >> 60 & 1) == (int64_t)there && !memcmp(piece, (uint8_t *)numbers + at, there));
    }
}

static void *reads(void *me)
{
    struct lensi_workspace *w = lensi_workspace_claim();

    read_pieces(shared[0], w, (uintptr_t)me << 32, ROUNDS);
    lensi_workspace_release(w);
    w = lensi_workspace_claim();
    read_pieces(shared[1], w, (uintptr_t)me << 33, ROUNDS);
    lensi_workspace_release(w);
    return NULL;
}

static void *opens(void *me)
{
    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        struct lensi_view *view = open_view(pipes[i % 2]);
        struct lensi_workspace *w = lensi_workspace_claim();

        read_pieces(view, w, (uintptr_t)me << 34, 3);
        lensi_workspace_release(w);
        lensi_view_close(view);
        CHECK(lens_register(lens_builtin[i % lens_builtin_count]) == 0 && lens_find("rows"));
    }
    return NULL;
}

/* Who builds an image. The others look for pages in it meanwhile. */
static void *builds(void *nothing)
{
    for (unsigned k = 0; k < PAGES; k += 4)
        CHECK(lensi_image_write(image, k, 4, pages[k]) == 0);
    CHECK(lensi_image_publish(image) == 0);
    return nothing;
}

static void *looks(void *me)
{
    uint8_t page[LENSI_PAGE];

    for (unsigned i = 0; i < 20 * PAGES; i++) {
        unsigned k = (unsigned)(mix((uintptr_t)me * 1000 + i) % PAGES);
        if (lensi_image_has(image, k))
            CHECK(lensi_image_read(image, k, 1, page) == 0 && !memcmp(page, pages[k], LENSI_PAGE));
    }
    return NULL;
}

static _Atomic uint64_t taken;
static _Atomic int putters;

static void *puts_touches(void *me)
{
    for (unsigned i = 0; i < TOUCHES; i++) {
        lensi_touch_put(i, (uintptr_t)me, LENSI_TOUCH_READ);
        lensi_count(faults, 1);
    }
    atomic_fetch_sub(&putters, 1);
    return NULL;
}

static void *takes_touches(void *nothing)
{
    struct lensi_touch touch;

    for (;;) {
        int left = atomic_load(&putters);
        while (lensi_touch_take(&touch))
            taken++;
        if (left == 0)
            return nothing;
    }
}

/* Runs them all at once. */
static void together(void *(*const *what)(void *), unsigned count)
{
    pthread_t threads[12];

    for (uintptr_t i = 0; i < count; i++)
        CHECK(pthread_create(&threads[i], NULL, what[i], (void *)(i + 1)) == 0);
    for (unsigned i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

static void images(const char *folder)
{
    static const struct lensi_identity identity = { 1, 2, 3, 4, 5 };
    static void *(*const building[])(void *) = { builds, looks, looks }, *(*const found[])(void *) = { looks, looks, looks };
    struct lens_error error = { .text = "" };
    struct lensi_store *store;
    bool is_hit;

    for (unsigned i = 0; i < PAGES; i++)
        memset(pages[i], (int)(mix(seed + i) | 1), LENSI_PAGE);
    for (int hit = 0; hit < 2; hit++) {
        CHECK(lensi_store_open(LENSI_STORE_DISK, folder, LENS_UNKNOWN, &store, &error) == 0);
        CHECK(lensi_image_open(store, &identity, "verbatim", 0, PAGES, &image, &is_hit) == 0 && is_hit == hit);
        together(hit ? found : building, 3);
        lensi_store_close(store);
    }
}

int main(int count, char **argument)
{
    static void *(*const on_views[])(void *) = { reads, reads, reads, opens, opens };
    static void *(*const on_touches[])(void *) = { puts_touches, puts_touches, puts_touches, takes_touches };
    static char folder[300];
    struct lens_error error;

    if (count != 3)
        return 2;
    seed = strtoull(argument[2], NULL, 10);
    snprintf(path, sizeof path, "%s/numbers", argument[1]);
    snprintf(folder, sizeof folder, "%s/views", argument[1]);
    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]);
    CHECK(lensi_workspaces_reserve() == 0 && lensi_touches_open() == 0);
    CHECK(lensi_pipe_parse("tokens(\"%ld\")", &pipes[0], &error) == 0);
    CHECK(lensi_pipe_parse("skip(0) | rows(\"%ld\", label=0, end=[])", &pipes[1], &error) == 0);
    write_numbers();
    for (int i = 0; i < 2; i++)
        shared[i] = open_view(pipes[i]);
    together(on_views, 5);
    for (int i = 0; i < 2; i++)
        lensi_view_close(shared[i]);
    putters = 3;
    together(on_touches, 4);
    CHECK(taken + lensi_touches_lost() == 3 * TOUCHES);
    images(folder);
    puts("races: ok");
    return 0;
}
