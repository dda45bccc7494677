/*
 * checkpoints.c - see checkpoints.h. A slot is filled once, by whoever comes first; those who come at once write the
 * same.
 */
#include "liblens/view/checkpoints.h"

#include "liblens/base/arena.h"
#include "liblens/base/lock.h"
#include "liblens/base/stats.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <string.h>

#define LEAF 1024u
#define LEAVES 16384u /* 1 TiB of view at 64 KiB a checkpoint */
#define FINE_LEAVES (LEAVES * 16u) /* as much of it, a checkpoint a page */
#define UNKNOWN_VIEW_BYTES (64ull << 20)

struct lensi_leaf {
    _Atomic uint8_t valid[LEAF];
    uint8_t cursors[]; /* each cursor_bytes - 8: a checkpoint's view offset is known from its place */
};

/* Less the coarse checkpoint's before it. */
struct fine {
    _Atomic uint32_t source; /* and one more; 0: not kept */
    _Atomic int32_t state[2];
};

struct lensi_fine_leaf {
    struct fine at[LEAF];
};

/* ---- coarse */

static size_t leaf_bytes(const struct lensi_checkpoints *c) { return sizeof(struct lensi_leaf) + LEAF * (c->cursor_bytes - 8); }

static bool coarse_at(const struct lensi_checkpoints *c, uint64_t index, struct lens_cursor *to)
{
    size_t bytes = c->cursor_bytes - sizeof to->view, slot = index % LEAF;
    struct lensi_leaf *leaf;

    if (index == 0) {
        memset(to, 0, c->cursor_bytes);
        return true;
    }
    if (index / LEAF >= LEAVES)
        return false;
    leaf = atomic_load_explicit(&c->leaves[index / LEAF], memory_order_acquire);
    if (!leaf || !atomic_load_explicit(&leaf->valid[slot], memory_order_acquire))
        return false;
    to->view = index * c->every;
    memcpy(&to->source, leaf->cursors + slot * bytes, bytes);
    return true;
}

static void keep_coarse(struct lensi_checkpoints *c, const struct lens_cursor *cursor)
{
    uint64_t index = cursor->view / c->every;
    size_t bytes = c->cursor_bytes - sizeof cursor->view, slot = index % LEAF;
    struct lensi_leaf *leaf;

    if (index == 0 || index / LEAF >= LEAVES)
        return;
    leaf = atomic_load(&c->leaves[index / LEAF]);
    if (!leaf) {
        leaf = lensi_arena_map(leaf_bytes(c));
        if (!leaf)
            return;
        atomic_store(&c->leaves[index / LEAF], leaf);
    }
    if (atomic_load(&leaf->valid[slot]))
        return;
    memcpy(leaf->cursors + slot * bytes, &cursor->source, bytes);
    atomic_store_explicit(&leaf->valid[slot], 1, memory_order_release);
    lensi_count(metadata_bytes, bytes + 1);
}

/* ---- fine */

static struct lensi_fine_leaf *fine_leaf(const struct lensi_checkpoints *c, uint64_t page)
{
    _Atomic(struct lensi_fine_leaf *) *fine = atomic_load_explicit(&c->fine, memory_order_acquire);

    return fine && page / LEAF < FINE_LEAVES ? atomic_load_explicit(&fine[page / LEAF], memory_order_acquire) : NULL;
}

static bool find_fine(const struct lensi_checkpoints *c, uint64_t offset, uint64_t beyond, struct lens_cursor *to)
{
    struct lens_cursor base;

    if (!lensi_checkpoints_are_fine(c) || !coarse_at(c, offset / c->every, &base))
        return false;
    for (uint64_t page = offset >> LENSI_PAGE_SHIFT; (page << LENSI_PAGE_SHIFT) > base.view && (page << LENSI_PAGE_SHIFT) >= beyond; page--) {
        struct lensi_fine_leaf *leaf = fine_leaf(c, page);
        struct fine *fine = leaf ? &leaf->at[page % LEAF] : NULL;
        uint32_t source = fine ? atomic_load_explicit(&fine->source, memory_order_acquire) : 0;
        if (!source)
            continue;
        to->view = page << LENSI_PAGE_SHIFT;
        to->source = base.source + source - 1;
        for (unsigned i = 0; i < 2; i++)
            to->state[i] = base.state[i] + (uint64_t)(int64_t)atomic_load_explicit(&fine->state[i], memory_order_relaxed);
        return true;
    }
    return false;
}

static void keep_fine(struct lensi_checkpoints *c, const struct lens_cursor *cursor)
{
    uint64_t page = cursor->view >> LENSI_PAGE_SHIFT, source;
    struct lensi_fine_leaf *leaf = fine_leaf(c, page), *none = NULL;
    struct lens_cursor base;
    int64_t state[2];

    if (page / LEAF >= FINE_LEAVES || (leaf && atomic_load_explicit(&leaf->at[page % LEAF].source, memory_order_relaxed)) ||
        !coarse_at(c, cursor->view / c->every, &base))
        return;
    source = cursor->source - base.source;
    for (unsigned i = 0; i < 2; i++)
        state[i] = (int64_t)(cursor->state[i] - base.state[i]);
    if (source >= UINT32_MAX || state[0] != (int32_t)state[0] || state[1] != (int32_t)state[1])
        return;
    if (!leaf) {
        _Atomic(struct lensi_fine_leaf *) *place = &atomic_load(&c->fine)[page / LEAF];
        leaf = lensi_arena_map(sizeof *leaf);
        if (!leaf)
            return;
        if (!atomic_compare_exchange_strong(place, &none, leaf)) {
            lensi_arena_unmap(leaf, sizeof *leaf);
            leaf = none;
        }
    }
    for (unsigned i = 0; i < 2; i++)
        atomic_store_explicit(&leaf->at[page % LEAF].state[i], (int32_t)state[i], memory_order_relaxed);
    atomic_store_explicit(&leaf->at[page % LEAF].source, (uint32_t)source + 1, memory_order_release);
    lensi_count(metadata_bytes, sizeof(struct fine));
}

void lensi_checkpoint_skipped(struct lensi_checkpoints *c, uint64_t bytes, uint64_t view_bytes)
{
    _Atomic(struct lensi_fine_leaf *) *fine, *none = NULL;

    if (lensi_checkpoints_are_fine(c) || c->cursor_bytes != sizeof(struct lens_cursor) ||
        c->every % LENSI_PAGE || atomic_fetch_add(&c->skipped_bytes, bytes) + bytes <= (view_bytes == LENS_UNKNOWN ? UNKNOWN_VIEW_BYTES : view_bytes))
        return;
    fine = lensi_arena_map(FINE_LEAVES * sizeof *fine);
    if (!fine)
        atomic_store(&c->skipped_bytes, 0); /* perhaps later */
    else if (!atomic_compare_exchange_strong(&c->fine, &none, fine))
        lensi_arena_unmap((void *)(uintptr_t)fine, FINE_LEAVES * sizeof *fine);
}

/* ---- both */

bool lensi_checkpoint_find(const struct lensi_checkpoints *c, uint64_t offset, uint64_t beyond, struct lens_cursor *to)
{
    uint64_t index = offset / c->every;

    if (find_fine(c, offset, beyond, to))
        return true;
    while (index * c->every >= beyond && !coarse_at(c, index, to))
        index--;
    return index * c->every >= beyond;
}

uint64_t lensi_checkpoint_next(const struct lensi_checkpoints *c, uint64_t view, bool keep)
{
    if (lensi_checkpoints_are_fine(c))
        return (view | (LENSI_PAGE - 1)) + 1;
    return keep ? (view / c->every + 1) * c->every : UINT64_MAX;
}

void lensi_checkpoint_keep(struct lensi_checkpoints *c, const struct lens_cursor *cursor, bool keep)
{
    if (cursor->view % c->every) {
        keep_fine(c, cursor);
    } else if (keep) {
        keep_coarse(c, cursor);
    }
}

int lensi_checkpoints_open(struct lensi_checkpoints *c, uint64_t every, size_t cursor_bytes)
{
    *c = (struct lensi_checkpoints){.every = every, .cursor_bytes = cursor_bytes};
    c->leaves = lensi_arena_map(LEAVES * sizeof *c->leaves);
    return c->leaves ? 0 : -ENOMEM;
}

void lensi_checkpoints_close(struct lensi_checkpoints *c)
{
    _Atomic(struct lensi_fine_leaf *) *fine = atomic_load(&c->fine);

    for (size_t k = 0; c->leaves && k < LEAVES; k++)
        if (c->leaves[k])
            lensi_arena_unmap(c->leaves[k], leaf_bytes(c));
    if (c->leaves)
        lensi_arena_unmap((void *)(uintptr_t)c->leaves, LEAVES * sizeof *c->leaves);
    for (size_t k = 0; fine && k < FINE_LEAVES; k++)
        if (fine[k])
            lensi_arena_unmap(fine[k], sizeof(struct lensi_fine_leaf));
    if (fine)
        lensi_arena_unmap((void *)(uintptr_t)fine, FINE_LEAVES * sizeof *fine);
    *c = (struct lensi_checkpoints){.every = c->every, .cursor_bytes = c->cursor_bytes};
}
