/*
 * view.c - makes view bytes; see view.h.
 *
 * A view is a chain of stages. Stage 0 reads the backing; stage i reads the view of stage i - 1, through the same
 * interface (a reader with a window). Each stage keeps checkpoints of its own. The list lock guards `first`.
 */
#include "liblens/view/view.h"

#include "liblens/base/arena.h"
#include "liblens/base/lock.h"
#include "liblens/base/stats.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_EVERY LENSI_CHUNK
#define FIRST_REFILL_BYTES (24u * 1024)

static struct lensi_lock lock;
static struct lensi_view *first, *spent;
static uint64_t serials;

static int64_t stage_read(struct lensi_view *view, struct lensi_workspace *w, unsigned stage, uint64_t offset, void *out,
                          uint64_t bytes, bool keep);

/* ---- the source of a stage */

static int64_t source_read(struct lensi_desk *desk, uint64_t offset, void *to, uint64_t bytes)
{
    struct lensi_view *view = (struct lensi_view *)(uintptr_t)desk->view;

    if (desk->stage == 0)
        return lensi_backing_read(view->backing, offset, to, bytes);
    return stage_read(view, desk->workspace, desk->stage - 1, offset, to, bytes, desk->keep);
}

static int refill(struct lens_reader *reader, uint64_t offset, size_t want)
{
    struct lensi_desk *desk = (struct lensi_desk *)reader;
    uint64_t end = reader->window_start + reader->window_bytes, have = 0, ask;
    int64_t got;

    if (want > 2 * LENS_TOKEN_MAX)
        want = 2 * LENS_TOKEN_MAX;
    desk->grow_bytes = offset <= end && end - offset <= want && desk->grow_bytes ? desk->grow_bytes * 2 : desk->hint_bytes;
    if (desk->grow_bytes > LENSI_WINDOW_BYTES / 2)
        desk->grow_bytes = LENSI_WINDOW_BYTES / 2;
    if (offset >= reader->window_start && offset < end) { /* what is already there goes to the front */
        have = end - offset;
        if (have >= want) /* a lens that asks for what it has */
            return 0;
        memmove(desk->window, reader->window + (offset - reader->window_start), have);
    }
    ask = want > have + desk->grow_bytes ? want - have : desk->grow_bytes;
    reader->window_bytes = 0;
    got = source_read(desk, offset + have, desk->window + have, ask);
    if (got < 0) {
        reader->error = (int)got;
        return (int)got;
    }
    reader->window = desk->window;
    reader->window_start = offset;
    reader->window_bytes = have + (uint64_t)got;
    if ((uint64_t)got < ask && have + (uint64_t)got > 0 && reader->source_bytes == LENS_UNKNOWN)
        reader->source_bytes = offset + have + (uint64_t)got;
    return 0;
}

static uint64_t source_bytes(const struct lensi_view *view, unsigned stage)
{
    return stage == 0 ? view->backing->identity.size_bytes : atomic_load(&view->stage[stage - 1].end);
}

/* Readies a desk for a view's stage; what it remembers of the same stage stays. */
static void desk_take(struct lensi_desk *desk, const struct lensi_view *view, bool keep)
{
    desk->keep = keep;
    desk->reader.error = 0;
    if (desk->view == view && desk->view_serial == view->serial)
        return;
    desk->view = view;
    desk->view_serial = view->serial;
    desk->cursor_good = false;
    desk->grow_bytes = 0;
    desk->reader.refill = refill;
    desk->reader.window = desk->window;
    desk->reader.window_start = 0;
    desk->reader.window_bytes = 0;
    desk->reader.source_bytes = source_bytes(view, desk->stage);
}

/* ---- making */

/* Puts the desk's cursor at the last known place at or before offset. */
static void seek(struct lensi_desk *desk, const struct lensi_stage_view *s, uint64_t offset)
{
    bool here = desk->cursor_good && desk->cursor->view <= offset;

    if (here && desk->cursor->view == offset)
        return;
    if (s->ops->seek && s->ops->seek(s->params, desk->cursor, offset) == 0) {
        desk->cursor_good = true;
        return;
    }
    /* A checkpoint must beat going on from here. */
    lensi_checkpoint_find(&s->checkpoints, offset, here ? desk->cursor->view + 1 : 0, desk->cursor);
    desk->cursor_good = true;
}

/* One call of the lens: up to bytes, not past the next checkpoint. */
static int64_t make(struct lensi_view *view, struct lensi_desk *desk, struct lensi_stage_view *s, void *out, uint64_t bytes)
{
    struct lens_cursor *cursor = desk->cursor;
    uint64_t before = cursor->view, next = s->ops->seek ? UINT64_MAX : lensi_checkpoint_next(&s->checkpoints, before, desk->keep);
    int64_t got;

    if (bytes > next - before)
        bytes = next - before;
    desk->cursor_good = false;
    got = s->ops->get(s->params, &desk->reader, cursor, out, bytes);
    if (got < 0)
        return got == -EILSEQ ? -EILSEQ : desk->reader.error ? desk->reader.error : got;
    if (desk->reader.error)
        return desk->reader.error;
    if ((uint64_t)got > bytes || cursor->view != before + (uint64_t)got) {
        atomic_store(&view->broken, true);
        return -EPROTO;
    }
    desk->cursor_good = true;
    lensi_count(decoded_bytes, got);
    if ((uint64_t)got < bytes)
        atomic_store(&s->end, cursor->view);
    else if (cursor->view == next)
        lensi_checkpoint_keep(&s->checkpoints, cursor, desk->keep);
    return got;
}

/* A lens that can go anywhere reads about as much as it makes; others have to find their way from a checkpoint. */
static uint64_t first_refill(const struct lensi_stage_view *s, uint64_t bytes)
{
    uint64_t about = s->ops->seek ? bytes : lensi_checkpoints_are_fine(&s->checkpoints) ? 2 * bytes : FIRST_REFILL_BYTES;

    return about < FIRST_REFILL_BYTES ? about : FIRST_REFILL_BYTES;
}

static int64_t stage_read(struct lensi_view *view, struct lensi_workspace *w, unsigned stage, uint64_t offset, void *out,
                          uint64_t bytes, bool keep)
{
    struct lensi_stage_view *s = &view->stage[stage];
    struct lensi_desk *desk = &w->desk[stage];
    uint64_t done = 0, end = atomic_load(&s->end);

    if (offset >= end)
        return 0;
    if (bytes > end - offset) /* the same end for everybody, also if the lens would go on */
        bytes = end - offset;
    if (s->ops->flags & LENS_IDENTITY)
        return stage ? stage_read(view, w, stage - 1, offset, out, bytes, keep) : lensi_backing_read(view->backing, offset, out, bytes);
    desk_take(desk, view, keep);
    desk->hint_bytes = first_refill(s, bytes);
    seek(desk, s, offset);
    if (!keep && desk->cursor->view < offset)
        lensi_checkpoint_skipped(&s->checkpoints, offset - desk->cursor->view, end);
    while (desk->cursor->view < offset) {
        uint64_t skip = offset - desk->cursor->view;
        int64_t got = make(view, desk, s, desk->discard, skip < LENSI_DISCARD_BYTES ? skip : LENSI_DISCARD_BYTES);
        if (got <= 0 || desk->cursor->view >= atomic_load(&s->end))
            return got < 0 ? got : 0;
    }
    while (done < bytes) {
        int64_t got = make(view, desk, s, (uint8_t *)out + done, bytes - done);
        if (got < 0)
            return got;
        done += (uint64_t)got;
        if (atomic_load(&s->end) != LENS_UNKNOWN && desk->cursor->view >= atomic_load(&s->end))
            break;
        if (got == 0)
            break;
    }
    return (int64_t)done;
}

int64_t lensi_view_read(struct lensi_view *view, struct lensi_workspace *w, uint64_t offset, void *out, uint64_t bytes, bool keep)
{
    return stage_read(view, w, (unsigned)view->stages - 1, offset, out, bytes, keep);
}

uint64_t lensi_view_end(const struct lensi_view *view) { return atomic_load(&view->stage[view->stages - 1].end); }

/* Whether some stage finds its way by checkpoints, which only making the view leaves behind. */
static bool needs_checkpoints(const struct lensi_view *view)
{
    for (size_t i = 0; i < view->stages; i++)
        if (!view->stage[i].ops->seek)
            return true;
    return false;
}

int lensi_view_measure(struct lensi_view *view, struct lensi_workspace *w, uint64_t *bytes)
{
    uint64_t offset = 0;
    int64_t got;

    while ((*bytes = lensi_view_end(view)) == LENS_UNKNOWN || (offset < *bytes && needs_checkpoints(view))) {
        got = lensi_view_read(view, w, offset, w->out, LENSI_OUT_BYTES, true);
        if (got < 0)
            return (int)got;
        offset += (uint64_t)got;
        if ((uint64_t)got < LENSI_OUT_BYTES) {
            atomic_store(&view->stage[view->stages - 1].end, offset);
            break;
        }
    }
    *bytes = lensi_view_end(view);
    return 0;
}

/* ---- opening */

static int stage_open(struct lensi_view *view, struct lensi_workspace *w, unsigned i)
{
    struct lensi_stage_view *s = &view->stage[i];
    const struct lensi_stage *plan = &view->pipe->stages[i];
    int result = 0;

    s->ops = plan->ops;
    s->end = LENS_UNKNOWN;
    if (!s->params) /* else of a spent view of the same pipe */
        s->params = lensi_arena_new(plan->ops->params_bytes + 16);
    result = lensi_checkpoints_open(&s->checkpoints, plan->ops->checkpoint_every ? plan->ops->checkpoint_every : DEFAULT_EVERY,
                                    plan->ops->cursor_bytes ? plan->ops->cursor_bytes : sizeof(struct lens_cursor));
    if (!s->params || result < 0)
        return -ENOMEM;
    memset(s->params, 0, plan->ops->params_bytes + 16);
    if (plan->params)
        memcpy(s->params, plan->params, plan->ops->params_bytes);
    desk_take(&w->desk[i], view, true);
    if (s->ops->prepare)
        result = s->ops->prepare(s->params, &w->desk[i].reader);
    if (result == 0 && w->desk[i].reader.error)
        result = w->desk[i].reader.error;
    if (result == 0 && s->ops->view_bytes)
        s->end = s->ops->view_bytes(s->params, source_bytes(view, i));
    return result;
}

static void destroy(struct lensi_view *view)
{
    for (size_t i = 0; i < view->stages; i++)
        lensi_checkpoints_close(&view->stage[i].checkpoints);
    lensi_backing_close(view->backing);
    lensi_lock(&lock);
    view->next = spent;
    spent = view;
    lensi_unlock(&lock);
}

/*
 * Memory for one, zeroed but for what its stages' lenses keep: that of a spent view of the same pipe, if there is one.
 */
static struct lensi_view *new_view(const struct lensi_pipe *pipe)
{
    struct lensi_view *view = NULL, fresh = {0};

    lensi_lock(&lock);
    for (struct lensi_view **at = &spent; *at; at = &(*at)->next)
        if ((*at)->pipe == pipe) {
            view = *at;
            *at = view->next;
            break;
        }
    lensi_unlock(&lock);
    if (!view)
        return lensi_arena_new(sizeof *view);
    for (size_t i = 0; i < LENSI_STAGES_MAX; i++)
        fresh.stage[i].params = view->stage[i].params;
    *view = fresh;
    return view;
}

static int create(struct lensi_backing *backing, const struct lensi_pipe *pipe, struct lensi_view **view)
{
    struct lensi_workspace *w;
    struct lensi_view *fresh = new_view(pipe);
    int result = 0;

    if (!fresh)
        return -ENOMEM;
    fresh->backing = backing;
    fresh->pipe = pipe;
    fresh->serial = ++serials;
    fresh->refs = 1;
    lensi_backing_hold(backing);
    w = lensi_workspace_claim();
    while (result == 0 && fresh->stages < pipe->count)
        result = stage_open(fresh, w, (unsigned)fresh->stages++);
    lensi_workspace_release(w);
    if (result < 0) {
        destroy(fresh);
        return result;
    }
    *view = fresh;
    return 0;
}

int lensi_view_open(struct lensi_backing *backing, const struct lensi_pipe *pipe, struct lensi_view **view)
{
    int result;

    lensi_lock(&lock);
    for (struct lensi_view *v = first; v; v = v->next)
        if (v->backing == backing && v->pipe == pipe) {
            v->refs++;
            *view = v;
            lensi_unlock(&lock);
            return 0;
        }
    lensi_unlock(&lock);
    result = create(backing, pipe, view);
    if (result < 0)
        return result;
    lensi_lock(&lock);
    (*view)->next = first;
    first = *view;
    lensi_unlock(&lock);
    return 0;
}

void lensi_view_hold(struct lensi_view *view)
{
    lensi_lock(&lock);
    view->refs++;
    lensi_unlock(&lock);
}

void lensi_view_close(struct lensi_view *view)
{
    bool last;

    if (!view)
        return;
    lensi_lock(&lock);
    last = --view->refs == 0;
    for (struct lensi_view **at = &first; last && *at; at = &(*at)->next)
        if (*at == view) {
            *at = view->next;
            break;
        }
    lensi_unlock(&lock);
    if (last)
        destroy(view);
}

void lensi_views_before_fork(void) { lensi_lock(&lock); }

void lensi_views_after_fork(void) { lensi_unlock(&lock); }
