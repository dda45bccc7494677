/* record_path.c - walks what has changed since the last walk; see record_path.h. */
#include "preload/recorder/path.h"

#include "liblens/base/trace.h"
#include "preload/recorder/tree.h"
#include "preload/stack_steps.h"

#define GAPS_MOST 2u /* in a walk, between known steps, that the unwinder leads over: each time from the inner end on */

/*
 * How many of the frames [0, count) of the last walk do not stand any more, counted from frame 0: below that, they all
 * do. Looks from the inner end, so that it stops before what a smaller stack at the same place may not have.
 */
static uint32_t standing(const struct lensi_path *path, uint32_t count)
{
    while (count && *path->slots[count - 1] == path->returns[count - 1])
        count--;
    return count;
}

/* The frames of the last walk from `kept` inwards go; the new ones come, and get their nodes. */
static uint32_t join(struct lensi_path *path, uint32_t kept, size_t fresh, bool is_cut)
{
    uint32_t node = kept ? path->nodes[kept - 1] : 0;

    if (kept + fresh > LENSI_PATH_FRAMES) { /* too deep now: as if nothing had been kept */
        path->count = 0;
        return UINT32_MAX;
    }
    path->count = kept;
    path->is_cut = is_cut;
    while (fresh-- > 0) {
        unsigned flags = path->count == 0 && is_cut ? LENSI_NODE_TRUNCATED : 0;

        node = lensi_tree_child(node, path->new_returns[fresh], flags);
        path->slots[path->count] = path->new_slots[fresh];
        path->returns[path->count] = path->new_returns[fresh];
        path->nodes[path->count++] = node;
    }
    return node;
}

/* The unwinder has found the whole stack; outer frames that are as they were keep their nodes. */
static uint32_t replace(struct lensi_path *path, size_t count, uintptr_t caller, const uintptr_t *slot)
{
    bool is_cut = count == LENSI_PATH_FRAMES;
    uint32_t kept = 0;

    if (count == 0) {
        path->new_returns[0] = caller;
        path->new_slots[0] = slot;
        count = 1;
        is_cut = true;
    }
    while (!is_cut && !path->is_cut && kept < path->count && kept < count &&
           path->returns[kept] == path->new_returns[count - 1 - kept] && path->slots[kept] == path->new_slots[count - 1 - kept])
        kept++;
    return join(path, kept, count - kept, is_cut);
}

/*
 * By the unwinder, past `known` frames and on to one from where learned steps lead on; then there are *fresh frames
 * before that one. False: to the end of the stack, which has *fresh frames.
 */
static bool pass_gap(struct lensi_path *path, uintptr_t caller, size_t known, size_t *fresh, const uintptr_t **pointer)
{
    bool is_partial;

    *fresh = lensi_stack_unwind_past(caller, known, LENSI_PATH_FRAMES, path->new_returns, (uintptr_t *)path->new_slots, &is_partial, pointer);
    if (!is_partial)
        return false;
    --*fresh;
    if (*path->new_slots[*fresh] == path->new_returns[*fresh])
        return true;
    /* Not an ordinary call's frame. */
    *fresh = lensi_stack_unwind(caller, LENSI_PATH_FRAMES, path->new_returns, (uintptr_t *)path->new_slots);
    return false;
}

/* By the unwinder, the whole stack. */
static uint32_t unwind(struct lensi_path *path, uintptr_t caller, const uintptr_t *slot)
{
    return replace(path, lensi_stack_unwind(caller, LENSI_PATH_FRAMES, path->new_returns, (uintptr_t *)path->new_slots), caller, slot);
}

static size_t push(struct lensi_path *path, size_t fresh, const uintptr_t *slot)
{
    path->new_slots[fresh] = slot;
    path->new_returns[fresh] = *slot;
    return fresh + 1;
}

static uint32_t walk(struct lensi_path *path, uintptr_t caller, const uintptr_t *slot)
{
    const uintptr_t *pointer = (const uintptr_t *)slot[-1], *begin = slot; /* the frame pointer, while it is known */
    uint32_t last = path->is_cut ? 0 : path->count; /* frames of the last walk that may still stand */
    size_t fresh = 0;

    for (unsigned gaps = 0;;) {
        unsigned how;

        while (last && path->slots[last - 1] < slot)
            last--;
        if (last && path->slots[last - 1] == slot && path->returns[last - 1] == *slot) {
            uint32_t fallen = standing(path, last);

            if (fallen == 0)
                return join(path, last, fresh, false);
            while (last > fallen && fresh < LENSI_PATH_FRAMES)
                fresh = push(path, fresh, path->slots[--last]);
            slot = path->slots[fallen - 1];
            last = fallen - 1;
            pointer = NULL;
        }
        if (fresh == LENSI_PATH_FRAMES)
            return join(path, 0, fresh, true);
        fresh = push(path, fresh, slot);
        how = lensi_step_at(*slot);
        if (how == STEP_LAST)
            return join(path, 0, fresh, false);
        if (how == STEP_UNKNOWN || how == STEP_VARIES || (how == STEP_POINTER && !lensi_step_is_near(pointer, slot)) ||
            !lensi_step_take(how, &slot, &pointer)) {
            if (!pass_gap(path, caller, gaps++ < GAPS_MOST ? fresh : SIZE_MAX, &fresh, &pointer))
                return replace(path, fresh, caller, begin);
            slot = path->new_slots[fresh];
        }
    }
}

uint32_t lensi_path_node(struct lensi_path *path, uintptr_t caller, const uintptr_t *slot)
{
    uint32_t count = path->count, unloads = atomic_load_explicit(&lensi_stack_unloads, memory_order_acquire), node;

    if (!HAS_STEPS || *slot != caller || !lensi_stack_enter(slot))
        return unwind(path, caller, slot);
    if (path->unloads != unloads || !lensi_stack_reaches(path->slots[0])) {
        path->count = count = 0;
        path->unloads = unloads;
    }
    if (count && path->slots[count - 1] == slot && path->returns[count - 1] == caller && !path->is_cut &&
        standing(path, count) == 0)
        return path->nodes[count - 1];
    node = walk(path, caller, slot);
    return node == UINT32_MAX ? walk(path, caller, slot) : node;
}
