/* page_bits.h - a bit for each page of the range. Every change is one atomic operation on its word. */
#ifndef LENSI_PAGE_BITS_H
#define LENSI_PAGE_BITS_H

#include "liblens/base/arena.h"
#include "liblens/memory/pages.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t lensi_page_bits;

/* All of them 0, or NULL. Memory is used for what is set only. */
static inline lensi_page_bits *lensi_page_bits_new(void) { return lensi_arena_map(lensi_pages.count / 8); }

static inline bool lensi_page_bits_has(const lensi_page_bits *bits, uint64_t page)
{
    return atomic_load_explicit(&bits[page / 64], memory_order_relaxed) >> (page % 64) & 1;
}

static inline void lensi_page_bits_add(lensi_page_bits *bits, uint64_t page) { atomic_fetch_or(&bits[page / 64], 1ull << (page % 64)); }

/* Removes it. Returns whether it was there: of several threads one is told so. */
static inline bool lensi_page_bits_take(lensi_page_bits *bits, uint64_t page)
{
    const uint64_t bit = 1ull << (page % 64);

    return lensi_page_bits_has(bits, page) && (atomic_fetch_and(&bits[page / 64], ~bit) & bit);
}

/* Most words of a long stretch were never written: they are only read. */
static inline void lensi_page_bits_remove(lensi_page_bits *bits, uint64_t page, uint64_t count)
{
    for (uint64_t at = page, end = page + count; at < end;) {
        if (at % 64 == 0 && end - at >= 64) {
            if (atomic_load_explicit(&bits[at / 64], memory_order_relaxed))
                atomic_store(&bits[at / 64], 0);
            at += 64;
        } else {
            lensi_page_bits_take(bits, at++);
        }
    }
}

#endif
