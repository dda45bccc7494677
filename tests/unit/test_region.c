/*
 * test_region.c - regions: what their pages are expected to hold at every kind of edge, segments, numbers and addresses
 * that are used again.
 */
#include "tests/unit/engine_fixture.h"

#include "liblens/engine/prover.h"
#include "liblens/engine/reclaim.h"
#include "liblens/source/segment.h"
#include "liblens/source/source.h"
#include "liblens/view/backing.h"

#include <pthread.h>

TestSuite(region, .timeout = 60);

#define VIEW_BYTES 50000u

static uint8_t *bytes;
static struct lensi_backing *backing;
static struct lensi_view *view;
static const struct lensi_pipe *pipe_used;

static struct lensi_region *new_region(uint64_t n)
{
    struct lensi_region *r;

    if (!lensi_range.bytes) {
        struct lens_error error = {.at = -1};
        const char *path = toy_file("region", bytes = toy_random_bytes(VIEW_BYTES, 4), VIEW_BYTES);
        unsetenv("LENS_FAULT");
        start_engine("min 4K\nfile \"*never*\"\nlens verbatim", 1 << 20);
        cr_assert_eq(lensi_pipe_parse("toyraw", &pipe_used, &error), 0);
        cr_assert_eq(lensi_backing_open(path, &backing), 0);
        cr_assert_eq(lensi_view_open(backing, pipe_used, &view), 0);
        unlink(path);
    }
    r = lensi_region_new(0, n, n, NULL);
    cr_assert_not_null(r);
    return r;
}

/* What pages [page, page + count) hold under a segment, by arithmetic one byte at a time. */
static void check_expect(struct lensi_region *r, uint32_t number, uint64_t page, uint64_t count)
{
    const struct lensi_segment *s = &r->segments[number];
    struct lensi_workspace *w = lensi_workspace_claim();

    memset(w->out, 0xee, (count + 1) * 4096);
    cr_assert_eq(lensi_source_expect(r, number, lensi_region_first_page(r) + page, count, w, w->out, false), 0);
    for (uint64_t i = 0; i < count * 4096; i++) {
        uint64_t at = page * 4096 + i, from = s->view_offset + at - s->start;
        bool inside = at >= s->start && (s->bytes == LENS_UNKNOWN || at < s->start + s->bytes) && from < VIEW_BYTES;
        uint8_t should = inside ? bytes[from] : 0;
        cr_assert_eq(w->out[i], should, "segment at %llu, %llu bytes, view %llu: byte %llu", (unsigned long long)s->start,
                     (unsigned long long)s->bytes, (unsigned long long)s->view_offset, (unsigned long long)at);
    }
    cr_assert_eq(w->out[count * 4096], 0xee, "wrote behind the pages");
    lensi_workspace_release(w);
}

Test(region, expects_view_bytes_and_zeros)
{
    static const uint64_t starts[] = {0, 1, 4095, 4096, 5000, 8192, 40000}, lengths[] = {1, 100, 4096, 4097, 12288, 60000, LENS_UNKNOWN},
                          offsets[] = {0, 1, 4096, 45000, VIEW_BYTES - 1, VIEW_BYTES, VIEW_BYTES + 5000};
    struct lensi_region *r = new_region(100000);

    for (unsigned a = 0; a < 7; a++)
        for (unsigned b = 0; b < 7; b++)
            for (unsigned c = 0; c < 7; c++) {
                struct lensi_segment s = {.start = starts[a], .bytes = lengths[b], .view_offset = offsets[c], .view = view, .backing = backing,
                                          .pipe = pipe_used};
                if (r->segments_count == 200) { /* segments go with their region */
                    lensi_lock(&lensi_prover_lock);
                    for (uint32_t i = 0; i < r->segments_count; i++)
                        lensi_view_hold(view);
                    lensi_region_reclaim(r);
                    lensi_unlock(&lensi_prover_lock);
                    r = new_region(100000);
                }
                int number = lensi_segment_add(r, &s);
                cr_assert_geq(number, 0);
                check_expect(r, (uint32_t)number, 0, 5);
                check_expect(r, (uint32_t)number, 1, 1);
                check_expect(r, (uint32_t)number, 9, 12);
            }
}

Test(region, reads_that_go_on_are_one_segment)
{
    struct lensi_region *r = new_region(1000000);
    struct lensi_segment s = {.start = 100, .bytes = 1000, .view_offset = 5000, .backing = backing, .pipe = pipe_used, .observed = true}, other;

    cr_assert_eq(lensi_segment_add(r, &s), 0);
    s.start += 1000, s.view_offset += 1000, s.bytes = 50;
    cr_assert_eq(lensi_segment_add(r, &s), 0);
    s.start += 50, s.view_offset += 50, s.bytes = 7;
    cr_assert_eq(lensi_segment_add(r, &s), 0);
    cr_assert_eq(r->segments[0].bytes, 1000, "grows when the prover lets it");
    cr_assert_eq(atomic_load(&r->segments[0].read_bytes), 1057);
    other = s;
    other.start += 8, other.view_offset += 8;
    cr_assert_eq(lensi_segment_add(r, &other), 0, "a gap, at the same distance");
    cr_assert_eq(atomic_load(&r->segments[0].read_bytes), 1065);
    cr_assert_eq(lensi_segment_add(r, &s), 0, "read once more");
    cr_assert_eq(atomic_load(&r->segments[0].read_bytes), 1065);
    other.start = 50, other.view_offset = 4950, other.bytes = 20;
    cr_assert_eq(lensi_segment_add(r, &other), 1, "before all that is known");
    cr_assert_eq(r->segments[1].start, 0);
    cr_assert_eq(r->segments[1].view_offset, 4900);
    cr_assert_eq(r->segments[1].bytes, 1165, "over all of it");
    s.start += 7;
    cr_assert_eq(lensi_segment_add(r, &s), 2, "another place of the file");
    s.view_offset += 7, s.observed = false;
    cr_assert_eq(lensi_segment_add(r, &s), 3, "not a read");
    for (int i = 4; i < LENSI_SEGMENTS_MAX; i++) {
        s.start += 100;
        cr_assert_eq(lensi_segment_add(r, &s), i);
    }
    s.start += 100;
    cr_assert_eq(lensi_segment_add(r, &s), -ENOSPC);
}

Test(region, numbers_and_addresses_come_back)
{
    struct lensi_region *r[50];
    uint64_t left;

    lensi_lock(&lensi_prover_lock);
    lensi_unlock(&lensi_prover_lock);
    r[0] = new_region(5000);
    left = lensi_slots_left();
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 1; i < 50; i++) {
            uint64_t n = toy_mix(round * 50 + i) % 20000000 + 1;
            cr_assert_not_null(r[i] = lensi_region_new(0, n, n, NULL));
            r[i]->base[0] = r[i]->base[n - 1] = 1;
            for (unsigned k = 1; k < i; k++)
                cr_assert(r[k]->base + r[k]->span_bytes <= r[i]->base || r[i]->base + r[i]->span_bytes <= r[k]->base, "two regions in one place");
            cr_assert_eq(lensi_region_of(r[i]->base + n - 1), r[i]);
        }
        lensi_lock(&lensi_prover_lock);
        for (unsigned i = 1; i < 50; i++) {
            uint8_t *base = r[i]->base;
            lensi_region_reclaim(r[i]);
            cr_assert_null(lensi_region_of(base));
        }
        lensi_unlock(&lensi_prover_lock);
    }
    cr_assert_lt(lensi_regions_high(), 60);
    cr_assert_eq(lensi_slots_left(), left, "spans were joined again");
}

/* What is cut off is gone, frames and all; what comes back is zero. */
Test(region, shrinking_gives_memory_back)
{
    struct lensi_region *r = new_region(8 << 20);

    memset(r->base, 7, 8 << 20);
    cr_assert_eq(toy_resident(r->base, 8 << 20), 2048);
    lensi_lock(&lensi_prover_lock);
    cr_assert_eq(lensi_region_resize(r, 10000), 0);
    cr_assert_eq(toy_resident(r->base, 8 << 20), 3);
    cr_assert_eq(lensi_region_resize(r, 8 << 20), 0);
    cr_assert_eq(lensi_region_resize(r, (8 << 20) + 1), -ENOMEM);
    lensi_unlock(&lensi_prover_lock);
    cr_assert_eq(r->base[9999], 7);
    for (size_t i = 12288; i < 8 << 20; i += 4096)
        cr_assert_eq(r->base[i], 0);
}

static _Atomic unsigned wrong;

static void *allocates(void *number)
{
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t n = toy_mix((uintptr_t)number * 10000 + i) % 3000000 + 1;
        struct lensi_region *r = lensi_region_new(0, n, n, NULL);
        if (!r) {
            wrong++;
            continue;
        }
        wrong += r->base[n / 2] != 0 || lensi_region_of(r->base + n / 2) != r;
        r->base[n / 2] = 1;
        lensi_lock(&lensi_prover_lock);
        lensi_region_reclaim(r);
        lensi_unlock(&lensi_prover_lock);
    }
    return NULL;
}

Test(region, made_and_ended_by_threads)
{
    pthread_t threads[8];

    new_region(1);
    for (uintptr_t i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, allocates, (void *)i);
    for (unsigned i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(wrong, 0);
}
