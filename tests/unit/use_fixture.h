/*
 * use_fixture.h - a made-up run: a program with one block touches its pages in some order, a sampler like the real one watches,
 * and a profile says what it saw.
 */
#ifndef TESTS_UNIT_USE_FIXTURE_H
#define TESTS_UNIT_USE_FIXTURE_H

#include "analysis/trace/use.h"
#include "liblens/base/sample.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define TOUCH_NS 20000u /* from one touch of a page to the next */
#define START_ADDRESS 0x100000000000u

struct made {
    struct profile profile;
    struct profile_usage usage;
    struct profile_block blocks[8];
    struct profile_site sites[8];
    uint64_t now_ns;
    uint32_t level, first_page, pages;
    /* the sampler: sampled pages that are there */
    uint32_t *queue;
    uint32_t head, tail, keep;
    bool *is_there;
    size_t room;
};

static inline void made_note(struct made *m, uint32_t page, enum lensi_touch_kind kind)
{
    if (m->usage.touches_count == m->room) {
        m->room = m->room * 2 + 1024;
        m->usage.touches = reallocarray(m->usage.touches, m->room, sizeof *m->usage.touches);
        cr_assert_not_null(m->usage.touches);
    }
    m->usage.touches[m->usage.touches_count++] = (struct profile_touch){m->now_ns, page, kind};
}

/* A run whose block lies in pages [first_page, first_page + pages) of the range. */
static inline void made_start(struct made *m, uint32_t first_page, uint32_t pages, uint32_t level)
{
    *m = (struct made){.level = level, .first_page = first_page, .pages = pages};
    m->usage = (struct profile_usage){.start_address = START_ADDRESS, .page_bytes = 4096, .least_bytes = 1 << 20};
    m->blocks[1] = (struct profile_block){.address = START_ADDRESS + (uint64_t)first_page * 4096, .bytes = (uint64_t)pages * 4096, .death_ns = PROFILE_ALIVE, .site = 1};
    m->profile.usage = &m->usage;
    m->profile.blocks = m->blocks;
    m->profile.blocks_count = 2;
    m->profile.sites = m->sites;
    m->profile.sites_count = 8;
    m->queue = calloc(1u << 20, sizeof *m->queue);
    m->is_there = calloc(pages, sizeof *m->is_there);
    m->keep = (pages >> level) / 32 > 6 ? (pages >> level) / 32 : 6;
    made_note(m, level, LENSI_TOUCH_LEVEL);
}

/* The program fills its block from the front; the sampler then sends the sampled pages away. */
static inline void made_fill(struct made *m)
{
    for (uint32_t i = 0; i < m->pages; i++) {
        m->now_ns += TOUCH_NS;
        if (lensi_sample_has(m->first_page + i, m->level))
            made_note(m, m->first_page + i, LENSI_TOUCH_FILLED);
    }
    m->now_ns += 100000000;
    for (uint32_t i = 0; i < m->pages; i++)
        if (lensi_sample_has(m->first_page + i, m->level))
            made_note(m, m->first_page + i, LENSI_TOUCH_AWAY);
}

/* A touch of page i of the block. */
static inline void made_touch(struct made *m, uint32_t i, bool write)
{
    m->now_ns += TOUCH_NS;
    if (!lensi_sample_has(m->first_page + i, m->level) || m->is_there[i])
        return;
    made_note(m, m->first_page + i, write ? LENSI_TOUCH_WRITE : LENSI_TOUCH_READ);
    m->is_there[i] = true;
    m->queue[m->tail++ & 0xfffff] = i;
    if (m->tail - m->head > m->keep)
        m->is_there[m->queue[m->head++ & 0xfffff]] = false;
}

/* A touch by a program that touches a page every quick_ns, but for the time that the fault takes if it is seen. Whether it is. */
static inline bool made_quick_touch(struct made *m, uint32_t i, uint64_t quick_ns, uint64_t fault_ns)
{
    size_t before = m->usage.touches_count;

    m->now_ns -= TOUCH_NS - quick_ns;
    made_touch(m, i, false);
    m->now_ns += m->usage.touches_count > before ? fault_ns : 0;
    return m->usage.touches_count > before;
}

static inline struct use *made_use(struct made *m)
{
    struct use *use;

    m->profile.meta.duration_ns = m->now_ns + TOUCH_NS;
    cr_assert_eq(use_make(&m->profile, &use), 0);
    return use;
}

static inline void made_end(struct made *m)
{
    free(m->usage.touches);
    free(m->queue);
    free(m->is_there);
}

/* A generator of its own, so that runs repeat. */
static inline uint32_t made_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

#endif
