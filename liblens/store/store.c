/*
 * store.c - the view store of this process: its folder, its limit, the images it has.
 *
 * `lock` guards the list and the room while an image is opened. Nothing in a fault opens images.
 */
#include "liblens/store/image.h"

#include "liblens/base/arena.h"
#include "liblens/base/lock.h"
#include "liblens/base/log.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>

/* Less than this is not worth a file: decoding it again is as fast. */
#define WORTH_BYTES (1u << 20)
#define IDLE_NS 2000000000u

static struct lensi_lock lock;

/* ---- the store */

static uint64_t disk_bytes_used(const struct lensi_folder *folder)
{
    struct lensi_names names;
    uint64_t bytes = 0;

    if (lensi_folder_list(folder, &names) < 0)
        return 0;
    for (size_t i = 0; i < names.count; i++)
        bytes += names.list[i].disk_bytes;
    lensi_names_free(&names);
    return bytes;
}

static void set_limit(struct lensi_store *store, uint64_t limit_bytes)
{
    uint64_t used = disk_bytes_used(&store->folder), free_bytes = lensi_folder_free_bytes(&store->folder);

    store->limit_bytes = limit_bytes == LENS_UNKNOWN ? used + free_bytes / 2 : limit_bytes;
    if (store->limit_bytes > INT64_MAX)
        store->limit_bytes = INT64_MAX;
    store->room_bytes = store->limit_bytes > used ? (int64_t)(store->limit_bytes - used) : 0;
}

int lensi_store_open(enum lensi_store_choice kind, const char *dir, uint64_t limit_bytes, struct lensi_store **store,
                     struct lens_error *error)
{
    char standard[PATH_MAX];
    struct lensi_folder folder;
    int result = dir ? 0 : lensi_store_default_dir(kind, standard, sizeof standard);

    if (kind != LENSI_STORE_MEMORY && kind != LENSI_STORE_DISK)
        return -EINVAL;
    if (result < 0) {
        lens_error_set(error, -1, "view store: no folder for it, as neither XDG_CACHE_HOME nor HOME is set");
        return result;
    }
    if (!dir)
        dir = standard;
    result = lensi_folder_open(dir, true, &folder, error);
    if (result < 0)
        return result;
    struct lensi_store *fresh = lensi_arena_new(sizeof *fresh);

    if (!fresh) {
        lensi_folder_close(&folder);
        return -ENOMEM;
    }
    fresh->folder = folder;
    fresh->kind = kind;
    set_limit(fresh, limit_bytes);
    *store = fresh;
    return 0;
}

void lensi_store_after_fork(struct lensi_store *store)
{
    if (!store)
        return;
    lock = (struct lensi_lock){0};
    for (struct lensi_image *image = store->images; image; image = image->next)
        if (image->state == LENSI_IMAGE_BUILDING) {
            image->closed_with = -EPERM;
            image->state = LENSI_IMAGE_CLOSED;
        }
    /* The locks are the parent's; our copy of the descriptor would keep them if the parent died. */
    if (store->folder.lock_fd >= 0)
        lensi_sys_close(store->folder.lock_fd);
    store->folder.lock_fd = -1;
}

static bool is_worth_publishing(const struct lensi_image *image)
{
    uint64_t count = lensi_image_pages(image);

    return image->count > 0 && (count >= image->pages || count * LENSI_PAGE >= WORTH_BYTES);
}

/* exit() may have been called in a signal handler above the holder of the lock: then there is no use in waiting. */
static bool try_lock_at_exit(void)
{
    for (int tries = 0; tries < 10000; tries++) {
        if (lensi_try_lock(&lock))
            return true;
        lensi_sys_yield();
    }
    return false;
}

/* Images stay open for reading: other threads may run, and fault, until the process is gone. */
void lensi_store_close(struct lensi_store *store)
{
    if (!store || store->closed || !try_lock_at_exit())
        return;
    store->closed = true;
    for (struct lensi_image *image = store->images; image; image = image->next) {
        if (image->state == LENSI_IMAGE_BUILDING && is_worth_publishing(image))
            lensi_image_publish(image);
        lensi_image_discard(image, -EROFS);
    }
    lensi_folder_close(&store->folder);
    lensi_unlock(&lock);
}

/* ---- opening images */

static struct lensi_image *find(struct lensi_store *store, const struct lensi_identity *identity, const char *pipe_text,
                                uint32_t shift)
{
    for (struct lensi_image *image = store->images; image; image = image->next)
        if (lensi_image_is_of(image, identity, pipe_text, shift))
            return image;
    return NULL;
}

/* Makes room for a view of so many pages by removing what was not used for long. */
static int make_room(struct lensi_store *store, uint64_t pages)
{
    /* `pages` is a bound and may be far too high: it shall not empty the whole store. */
    uint64_t half = store->limit_bytes / 2, wanted = pages > half / LENSI_PAGE ? half : pages * LENSI_PAGE;

    if (store->room_bytes < (int64_t)wanted) {
        int64_t freed = lensi_folder_collect(&store->folder, store->limit_bytes - wanted);

        if (freed > 0)
            atomic_fetch_add(&store->room_bytes, freed);
    }
    return store->room_bytes < LENSI_PAGE ? -ENOSPC : 0;
}

/* The published image, if it is the one asked for. -ENOENT if not, -EBADMSG if its file is damaged. */
static int load(struct lensi_store *store, struct lensi_image *image, const struct lensi_identity *identity,
                const char *pipe_text, uint32_t shift)
{
    uint64_t key = lensi_image_key(identity, pipe_text, shift);
    int result = lensi_image_load(&store->folder, key, image);

    if (result == 0 && !lensi_image_is_of(image, identity, pipe_text, shift)) {
        lensi_image_unload(image);
        result = -ENOENT; /* another key with the same 64 bits */
    }
    return result;
}

static void reset(struct lensi_image *image, struct lensi_store *store, uint64_t key)
{
    memset(image, 0, sizeof *image);
    image->store = store;
    image->key = key;
    image->fd = -1;
}

/* Seven eighths are a hit. What holds less must not keep later runs from adding to it. */
static bool is_enough(const struct lensi_image *image, uint64_t pages)
{
    return image->count >= pages - pages / 8;
}

static struct lensi_image *new_image(struct lensi_store *store)
{
    struct lensi_image *image = store->spent;

    if (!image)
        return lensi_arena_new(sizeof *image);
    store->spent = image->next;
    return image;
}

static void spend(struct lensi_store *store, struct lensi_image *image)
{
    image->next = store->spent;
    store->spent = image;
}

/* Begins a new image on top of what a published one holds (it becomes the base), or of nothing. The lock is held. */
static int begin(struct lensi_image *image, const struct lensi_image *published, const struct lensi_identity *identity,
                 const char *pipe_text, uint32_t shift, uint64_t pages)
{
    struct lensi_image *base = published ? new_image(image->store) : NULL;
    int result = published && !base ? -ENOMEM : make_room(image->store, pages);

    if (result == 0)
        result = lensi_image_begin(image, identity, pipe_text, shift, pages);
    if (result == 0 && base) {
        memcpy(base, published, sizeof *base);
        image->base = base;
        image->base_pages = base->count;
    } else if (base) {
        spend(image->store, base);
    }
    return result;
}

/* Fills image with a published or a new image. */
static int find_or_begin(struct lensi_image *image, const struct lensi_identity *identity, const char *pipe_text,
                         uint32_t shift, uint64_t pages)
{
    struct lensi_store *store = image->store;
    struct lensi_image published;
    uint64_t key = image->key;
    int loaded = load(store, image, identity, pipe_text, shift), result;

    if (loaded == 0 && is_enough(image, pages))
        return 0;
    result = lensi_folder_lock(&store->folder, key);
    if (result < 0) /* somebody else adds to it; the part there is serves meanwhile */
        return loaded == 0 ? 0 : result;
    lensi_image_unload(image);
    reset(&published, store, key);
    loaded = load(store, &published, identity, pipe_text, shift); /* again: its builder may just have finished */
    if (loaded == -EBADMSG)
        lensi_warn("view store: %016llx.view is damaged and is not used; it will be made again",
                   (unsigned long long)key);
    reset(image, store, key);
    result = -EEXIST;
    if (loaded < 0 || !is_enough(&published, pages))
        result = begin(image, loaded == 0 ? &published : NULL, identity, pipe_text, shift, pages);
    if (result == 0)
        return 0;
    lensi_folder_unlock(&store->folder, key);
    if (loaded == 0)
        memcpy(image, &published, sizeof *image);
    return loaded == 0 ? 0 : result;
}

/* A copy of a filled image that stays, in the list. */
static int enter(const struct lensi_image *filled, struct lensi_image **image)
{
    struct lensi_store *store = filled->store;
    struct lensi_image *fresh = new_image(store);

    if (!fresh)
        return -ENOMEM;
    memcpy(fresh, filled, sizeof *fresh);
    fresh->idle_ns = lensi_sys_clock_ns();
    fresh->next = store->images;
    store->images = fresh;
    *image = fresh;
    return 0;
}

/* The time of last use, for gc. On a read-only file system it stays as it is. */
static void note_use(const struct lensi_image *image)
{
    if (image->state == LENSI_IMAGE_PUBLISHED)
        lensi_sys(SYS_utimensat, image->fd, 0, 0, 0, 0, 0);
}

int lensi_image_find(struct lensi_store *store, const struct lensi_identity *identity, const char *pipe_text,
                     uint32_t shift, uint64_t pages, struct lensi_image **image)
{
    struct lensi_image filled;
    int result = -ENOENT;

    lensi_lock(&lock);
    *image = find(store, identity, pipe_text, shift);
    if (*image) {
        result = (*image)->state == LENSI_IMAGE_PUBLISHED ? 0 : -ENOENT;
    } else if (!store->closed) {
        reset(&filled, store, lensi_image_key(identity, pipe_text, shift));
        result = load(store, &filled, identity, pipe_text, shift);
        if (result == 0 && (!is_enough(&filled, pages) || enter(&filled, image) < 0)) {
            lensi_image_unload(&filled);
            result = -ENOENT;
        }
    }
    lensi_unlock(&lock);
    if (result == 0)
        note_use(*image);
    return result;
}

int lensi_image_open(struct lensi_store *store, const struct lensi_identity *identity, const char *pipe_text,
                     uint32_t shift, uint64_t pages, struct lensi_image **image, bool *is_hit)
{
    struct lensi_image filled;
    int result = store->closed || pages == 0 || shift >= LENSI_PAGE || pages > INT64_MAX / LENSI_PAGE / 2 ? -EINVAL : 0;

    lensi_lock(&lock);
    *image = find(store, identity, pipe_text, shift);
    if (result == 0 && !*image) {
        reset(&filled, store, lensi_image_key(identity, pipe_text, shift));
        result = find_or_begin(&filled, identity, pipe_text, shift, pages);
        if (result == 0 && (result = enter(&filled, image)) < 0) {
            lensi_image_discard(&filled, result);
            lensi_image_unload(&filled);
        }
    }
    lensi_unlock(&lock);
    if (result < 0)
        return result;
    *is_hit = (*image)->state != LENSI_IMAGE_BUILDING;
    note_use(*is_hit || !(*image)->base ? *image : (*image)->base);
    return 0;
}

/* ---- letting go of them */

void lensi_image_use(struct lensi_image *image) { image->users++; }

void lensi_image_leave(struct lensi_image *image, bool is_stale)
{
    image->is_stale |= is_stale;
    if (--image->users == 0)
        image->idle_ns = lensi_sys_clock_ns();
}

/* Out of the list, so that nobody finds it meanwhile. NULL: none has been idle for long enough. */
static struct lensi_image *take_idle(struct lensi_store *store)
{
    struct lensi_image *found = NULL;
    uint64_t now = lensi_sys_clock_ns();

    lensi_lock(&lock);
    for (struct lensi_image **at = &store->images; *at && !store->closed; at = &(*at)->next)
        if (!(*at)->users && ((*at)->is_stale || now - (*at)->idle_ns > IDLE_NS)) {
            found = *at;
            *at = found->next;
            break;
        }
    lensi_unlock(&lock);
    return found;
}

/* What is not published is gone with its last descriptor, and the store has the room again. */
static void finish(struct lensi_store *store, struct lensi_image *image)
{
    uint64_t bytes = image->count * LENSI_PAGE;

    if (image->state == LENSI_IMAGE_BUILDING && !image->is_stale && is_worth_publishing(image))
        lensi_image_publish(image);
    lensi_image_discard(image, -EROFS);
    if (image->is_stale && image->state == LENSI_IMAGE_PUBLISHED)
        lensi_folder_remove(&store->folder, image->key, LENSI_NAME_VIEW);
    if (image->is_stale || image->state != LENSI_IMAGE_PUBLISHED)
        atomic_fetch_add(&store->room_bytes, (int64_t)bytes);
}

bool lensi_store_tidy(struct lensi_store *store)
{
    struct lensi_image *image = take_idle(store);

    if (!image)
        return false;
    finish(store, image);
    lensi_lock(&lock);
    if (image->base) {
        lensi_image_unload(image->base);
        spend(store, image->base);
    }
    lensi_image_unload(image);
    spend(store, image);
    lensi_unlock(&lock);
    return true;
}
