/*
 * collect.c - going through a store folder: what lies in it, what is good, what may go.
 *
 * Only ever unlinks: who has an image mapped keeps its inode. No state, no locks but the builders'.
 */
#include "liblens/store/image.h"

#include <errno.h>
#include <string.h>

static void copy_text(char *to, size_t room, const char *text)
{
    size_t bytes = strnlen(text, room - 1);

    memcpy(to, text, bytes);
    to[bytes] = '\0';
}

/* A relative path means something else here than where it was written down: nothing is concluded from it. */
static bool is_stale(const struct lensi_image_header *header)
{
    const char *path = lensi_image_path(header);
    struct lensi_identity now;
    struct stat status;

    if (path[0] != '/')
        return false;
    long result = lensi_sys(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0, 0, 0);

    if (result < 0)
        return result == -ENOENT || result == -ENOTDIR;
    lensi_identity_of(&status, &now);
    return !lensi_identity_equal(&now, &header->identity);
}

static bool is_every_page_good(struct lensi_image *image)
{
    for (uint64_t page = 0; page < image->pages; page++)
        if (lensi_image_bit(image->present, page) && !lensi_image_has(image, page))
            return false;
    return true;
}

/* KEY.new is either a builder's or was left behind by one that was killed. */
static int state_of_new(struct lensi_folder *folder, uint64_t key)
{
    if (lensi_folder_lock(folder, key) == -EBUSY)
        return -EINPROGRESS;
    lensi_folder_unlock(folder, key);
    return -EBADMSG;
}

/* 0, or -ENOENT if the file went away meanwhile. */
static int describe(struct lensi_folder *folder, const struct lensi_name *name, bool verify,
                    struct lensi_store_entry *entry)
{
    struct lensi_image image = {.fd = -1};
    int result = 0;

    memset(entry, 0, sizeof *entry);
    lensi_folder_name(entry->name, name->key, name->kind);
    entry->file_bytes = name->disk_bytes;
    entry->used_ns = name->used_ns;
    if (name->kind == LENSI_NAME_NEW) {
        entry->state = state_of_new(folder, name->key);
        return 0;
    }
    result = lensi_image_load(folder, name->key, &image);
    if (result < 0) {
        entry->state = -EBADMSG;
        return result == -EBADMSG ? 0 : result;
    }
    const struct lensi_image_header *header = image.header;

    copy_text(entry->path, sizeof entry->path, lensi_image_path(header));
    copy_text(entry->pipe_text, sizeof entry->pipe_text, lensi_image_pipe(header));
    entry->identity = header->identity;
    entry->pages = header->present;
    image.warned = true; /* the entry says it */
    if (lensi_image_key(&header->identity, lensi_image_pipe(header), header->shift) != name->key ||
        (verify && !is_every_page_good(&image)))
        entry->state = -EBADMSG;
    else if (is_stale(header))
        entry->state = -ESTALE;
    lensi_image_unload(&image);
    return 0;
}

static int each_in(const struct lensi_folder *folder, bool verify,
                   int (*each)(void *context, const struct lensi_store_entry *entry), void *context)
{
    struct lensi_store_entry entry;
    struct lensi_folder own; /* a handle whose locks are not the builder's, who may be this process */
    struct lensi_names names;
    int result = lensi_folder_again(folder, &own);

    if (result < 0)
        return result;
    result = lensi_folder_list(&own, &names);
    if (result == 0) {
        for (size_t i = 0; result == 0 && i < names.count; i++) {
            result = describe(&own, &names.list[i], verify, &entry);
            result = result == -ENOENT ? 0 : result < 0 ? result : each(context, &entry);
        }
        lensi_names_free(&names);
    }
    lensi_folder_close(&own);
    return result;
}

int lensi_store_each(const char *dir, bool verify, int (*each)(void *context, const struct lensi_store_entry *entry),
                     void *context)
{
    struct lensi_folder folder;
    int result = lensi_folder_open(dir, false, &folder, NULL);

    if (result < 0)
        return result;
    result = each_in(&folder, verify, each, context);
    lensi_folder_close(&folder);
    return result;
}

struct collection {
    const struct lensi_folder *folder;
    uint64_t kept_bytes, limit_bytes;
    int64_t freed_bytes;
};

static int remove_entry(struct collection *collection, const struct lensi_store_entry *entry)
{
    long result = lensi_sys(SYS_unlinkat, collection->folder->fd, (long)entry->name, 0, 0, 0, 0);

    if (result == 0)
        collection->freed_bytes += (int64_t)entry->file_bytes;
    return result == -EROFS || result == -EACCES ? (int)result : 0;
}

static int remove_useless(void *context, const struct lensi_store_entry *entry)
{
    struct collection *collection = context;

    if (entry->state == -EBADMSG || entry->state == -ESTALE)
        return remove_entry(collection, entry);
    collection->kept_bytes += entry->file_bytes;
    return 0;
}

/* Called oldest use first. */
static int remove_excess(void *context, const struct lensi_store_entry *entry)
{
    struct collection *collection = context;

    if (collection->kept_bytes <= collection->limit_bytes || entry->state == -EINPROGRESS)
        return 0;
    collection->kept_bytes -= entry->file_bytes;
    return remove_entry(collection, entry);
}

int64_t lensi_folder_collect(const struct lensi_folder *folder, uint64_t limit_bytes)
{
    struct collection collection = {.folder = folder, .limit_bytes = limit_bytes};
    int result = each_in(folder, false, remove_useless, &collection);

    if (result == 0 && collection.kept_bytes > limit_bytes)
        result = each_in(folder, false, remove_excess, &collection);
    return result < 0 && collection.freed_bytes == 0 ? result : collection.freed_bytes;
}

int64_t lensi_store_collect(const char *dir, uint64_t limit_bytes)
{
    struct lensi_folder folder;
    int64_t result = lensi_folder_open(dir, false, &folder, NULL);

    if (result < 0)
        return result;
    result = lensi_folder_collect(&folder, limit_bytes);
    lensi_folder_close(&folder);
    return result;
}
