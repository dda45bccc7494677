/* workspace.c - where views are made; see workspace.h. Claimed by compare-and-swap, guarded by `busy`. */
#include "liblens/view/workspace.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"

#include <errno.h>

#define COUNT_MOST 64u
#define COUNT_LEAST 8u

static struct lensi_workspace *all[COUNT_MOST];
static unsigned count; /* fewer where address space is short */
static uint8_t *memory;
static size_t each_bytes;

static size_t desk_bytes(void)
{
    size_t bytes = LENSI_WINDOW_BYTES + LENSI_CURSOR_BYTES + LENS_SCRATCH_BYTES + LENSI_DISCARD_BYTES;

    return (bytes + LENSI_PAGE - 1) & ~(size_t)(LENSI_PAGE - 1);
}

static void lay_out(struct lensi_workspace *w, uint8_t *at)
{
    w->out = at;
    at += LENSI_OUT_BYTES;
    for (unsigned i = 0; i < LENSI_STAGES_MAX; i++, at += desk_bytes()) {
        struct lensi_desk *desk = &w->desk[i];
        desk->workspace = w;
        desk->stage = i;
        desk->window = at;
        desk->reader.scratch = at + LENSI_WINDOW_BYTES;
        desk->reader.scratch_bytes = LENS_SCRATCH_BYTES;
        desk->discard = at + LENSI_WINDOW_BYTES + LENS_SCRATCH_BYTES;
        desk->cursor = (struct lens_cursor *)(void *)(desk->discard + LENSI_DISCARD_BYTES);
    }
}

int lensi_workspaces_reserve(void)
{
    each_bytes = LENSI_OUT_BYTES + LENSI_STAGES_MAX * desk_bytes();
    if (memory)
        return 0;
    count = COUNT_MOST;
    while (count > COUNT_LEAST && count * each_bytes > lensi_sys_address_limit() / 16)
        count /= 2;
    memory = lensi_arena_map(count * each_bytes);
    for (uint32_t i = 0; memory && i < count; i++) {
        all[i] = lensi_arena_new(sizeof **all);
        if (!all[i])
            return -ENOMEM;
        all[i]->index = i;
        lay_out(all[i], memory + i * each_bytes);
    }
    return memory ? 0 : -ENOMEM;
}

struct lensi_workspace *lensi_workspace_claim(void)
{
    for (;;) {
        for (unsigned i = 0; i < count; i++)
            if (!atomic_load_explicit(&all[i]->busy, memory_order_relaxed) && !atomic_exchange(&all[i]->busy, 1))
                return all[i];
        lensi_sys_yield();
    }
}

void lensi_workspace_release(struct lensi_workspace *w) { atomic_store(&w->busy, 0); }

void lensi_workspace_trim(struct lensi_workspace *w)
{
    for (unsigned i = 0; i < LENSI_STAGES_MAX; i++)
        w->desk[i].view = NULL;
    lensi_sys_advise(memory + w->index * each_bytes, each_bytes, MADV_DONTNEED);
}

void lensi_workspaces_after_fork(void)
{
    for (unsigned i = 0; i < count && all[i]; i++) {
        for (unsigned k = 0; k < LENSI_STAGES_MAX; k++)
            all[i]->desk[k].view = NULL;
        atomic_store(&all[i]->busy, 0);
    }
}
