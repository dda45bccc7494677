/*
 * store.h - the view store: files that hold proven views' bytes, decoded once for many processes and runs.
 *
 * One file holds one image: the pages of one view of one backing, page k being view bytes
 * [k * 4096 + shift, …+ 4096), zero behind the view's end. It is keyed by the backing's identity, the canonical text
 * of the pipe and the shift (view offset modulo the page size of where the blocks begin). Images are published
 * atomically; a page is used only after its checksum was verified once by this process, or after this process
 * wrote it. Kept in `DIR/` (0700, owned by us, no links followed): disk in $XDG_CACHE_HOME/lens or ~/.cache/lens,
 * memory in /dev/shm/lens-UID. docs/formats.md describes the file.
 *
 * Called by the prover (one thread at a time per image); mapping and page reads are safe in every thread.
 */
#ifndef LENSI_STORE_H
#define LENSI_STORE_H

#include "liblens/plan/options.h"
#include "liblens/view/backing.h"

#include <stddef.h>

struct lensi_store; /* one per process */
struct lensi_image; /* one view's pages in it */

/*
 * Opens (and creates) the store folder. kind is MEMORY or DISK. dir may be NULL for the default. 0 and *store;
 * -EACCES, -EROFS, -ENOSPC, -ENOTDIR, -EPERM (folder of somebody else, or open to others), with error->text.
 */
int lensi_store_open(enum lensi_store_choice kind, const char *dir, uint64_t limit_bytes, struct lensi_store **store,
                     struct lens_error *error);
/*
 * The image of (identity, pipe_text, shift): an existing published one (then *is_hit = true), or a new one that this
 * process builds in an unpublished file. pages: the most the view can have (space is used only as written).
 * A new one may hold pages from the start: those of a published image that lacks more than an eighth of them.
 * -EBUSY if another process is building it now (try again later), -ENOSPC when the limit leaves no room.
 */
int lensi_image_open(struct lensi_store *store, const struct lensi_identity *identity, const char *pipe_text,
                     uint32_t shift, uint64_t pages, struct lensi_image **image, bool *is_hit);
/*
 * Only a published image, and only if it holds seven eighths of `pages` or more. 0, -ENOENT, -EBADMSG (damaged: not
 * used),
 * -ENOMEM. Builds nothing.
 */
int lensi_image_find(struct lensi_store *store, const struct lensi_identity *identity, const char *pipe_text,
                     uint32_t shift, uint64_t pages, struct lensi_image **image);
/* Notes the backing's path in an image that we build, for `lens store` and so that gc finds out when it is stale. */
void lensi_image_describe(struct lensi_image *image, const char *path);
/* True if page's bytes are in the image and good (verifies the checksum at the first call for a published page). */
bool lensi_image_has(struct lensi_image *image, uint64_t page);
/* Whether a page that is there (lensi_image_has) has this checksum. */
bool lensi_image_sum_is(struct lensi_image *image, uint64_t page, uint64_t sum);
/* Copies pages out: count * 4096 bytes. 0, or -EIO. The pages must be there (lensi_image_has). */
int lensi_image_read(struct lensi_image *image, uint64_t page, size_t count, void *to);
/* Memory is tight: this image's pages are written and fetched past the page cache from now on, where that works. */
void lensi_image_past_cache(struct lensi_image *image);
bool lensi_image_is_past_cache(const struct lensi_image *image);
/* The same without looking at checksums, for callers who keep their own; -ENODATA if a page is not there. */
int lensi_image_fetch(struct lensi_image *image, uint64_t page, size_t count, void *to);
/*
 * Adds pages to an image that we build. Starts writing them out at once, so that dirty page cache stays small.
 * 0, -ENOSPC (disk full or limit reached: the image is closed for writing, what is in it stays usable), -EIO.
 */
int lensi_image_write(struct lensi_image *image, uint64_t page, size_t count, const void *bytes);
/*
 * Maps pages privately, read-write, at `at` (replaces what is there). 0 or -errno (then `at` is as it was).
 * Neighbouring pages of one image share one file, so the kernel merges their mappings.
 */
int lensi_image_map(struct lensi_image *image, uint64_t page, size_t count, void *at);
/* Publishes an image that we build: complete or partial (which pages it holds is recorded). Idempotent. 0 or -errno. */
int lensi_image_publish(struct lensi_image *image);
/*
 * A block uses the image, or does not any more: is_stale: its backing has been replaced or written. What nobody has
 * used for a while is let go of by lensi_store_tidy, one at a time: published if it is worth it, removed if it is
 * stale. True if there was one.
 */
void lensi_image_use(struct lensi_image *image);
void lensi_image_leave(struct lensi_image *image, bool is_stale);
bool lensi_store_tidy(struct lensi_store *store);
/* How many pages the image holds now. */
uint64_t lensi_image_pages(const struct lensi_image *image);
/* In a fork's child: the parent goes on building; the child's images become read-only. Async-signal-safe. */
void lensi_store_after_fork(struct lensi_store *store);
/* Publishes what is worth publishing and removes what is not; at exit. */
void lensi_store_close(struct lensi_store *store);

/* ---- for `lens store`: each entry of a folder, oldest use first. */
struct lensi_store_entry {
    char name[80];       /* file name in the folder */
    char path[256];      /* the backing, as it was opened (may be cut) */
    char pipe_text[256]; /* may be cut */
    struct lensi_identity identity;
    uint64_t pages, file_bytes;
    int64_t used_ns; /* last use, CLOCK_REALTIME */
    int state;       /* 0 good, -ESTALE the backing changed or is gone, -EBADMSG damaged, -EINPROGRESS being built */
};
/* Calls each(context, entry) per entry; stops when it returns non-zero and returns that. verify: check every page. */
int lensi_store_each(const char *dir, bool verify, int (*each)(void *context, const struct lensi_store_entry *entry),
                     void *context);
/*
 * Removes stale, damaged and abandoned files, then the least recently used until limit_bytes is kept.
 * Bytes freed or -errno.
 */
int64_t lensi_store_collect(const char *dir, uint64_t limit_bytes);

#endif
