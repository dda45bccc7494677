/*
 * image.h - one image: its file format and what a process knows about it. Internal to the view store.
 *
 *   image.c        reads: loads and checks a file, verifies pages, copies and maps them
 *   image_build.c  writes: a file without a name, filled page by page, then published
 *   store.c        which images this process has; collect.c goes through a folder
 *
 * The file (docs/formats.md): header, whole pages | data, page k at header_bytes + k * 4096 | tables: one presence bit
 * per page in 64-bit words, then one checksum per page. The data's place does not depend on how many pages will
 * come, so pages are written, mapped and forgotten long before the tables are known.
 *
 * Invariants: a set `present` bit means the page's bytes are in the file behind fd and checksums[page] is theirs;
 * an image is asked before its base, and until it takes over the base's pages for publication no page is in both;
 * a set `good` bit means this process wrote them or found them equal to their checksum; bits of `good` never go away.
 */
#ifndef LENSI_IMAGE_H
#define LENSI_IMAGE_H

#include "liblens/base/folder.h"
#include "liblens/base/sys.h"
#include "liblens/store/store.h"

#include <stdatomic.h>

#define LENSI_IMAGE_MAGIC "lens-view 1\n"
#define LENSI_IMAGE_HEADER_MAX (256u * 1024)

/* The file's first bytes, little-endian; behind it the pipe's text and the backing's path, NUL behind each. */
struct lensi_image_header {
    char magic[16];
    uint64_t header_checksum; /* of [0, header_bytes) with this field 0 */
    uint64_t bits_checksum, sums_checksum;
    uint32_t header_bytes, page_bytes;
    uint64_t pages, present;           /* pages the tables speak of; bits set */
    uint64_t table_offset, file_bytes; /* = header_bytes + pages * 4096; the whole file */
    struct lensi_identity identity;
    uint32_t shift, pipe_bytes, path_bytes, zero;
};
_Static_assert(sizeof(struct lensi_image_header) == 136, "the header is part of the file format");

enum lensi_image_state {
    LENSI_IMAGE_PUBLISHED, /* somebody's finished file; nothing is ever written to it */
    LENSI_IMAGE_BUILDING,  /* ours, and we are the builder */
    LENSI_IMAGE_CLOSED     /* ours, unpublished, no longer written to */
};

struct lensi_image {
    struct lensi_image *next; /* of the store, newest first; or of those whose memory serves again */
    struct lensi_store *store;
    uint32_t users;   /* segments; the prover's, as the next two */
    uint64_t idle_ns; /* since when it has none */
    bool is_stale;    /* its backing has no name any more, or was written: no other run will want it */
    struct lensi_image *base;          /* the published image of the same key that ours adds to, or NULL */
    uint64_t base_pages;               /* pages that only the base has; 0 once we took them over */
    struct lensi_image_header *header; /* header_bytes of memory; while building only the key is filled in */
    uint64_t key;
    uint64_t device, inode; /* of fd's file: programs that close all descriptors must not make us use another's */
    uint64_t pages;         /* what the tables below have room for */
    uint64_t *tables; /* the memory of the next three; begins with the present words */
    _Atomic uint64_t *present, *good;
    uint64_t *checksums;
    _Atomic uint64_t count; /* bits set in present */
    int fd;
    int direct_fd; /* the same file past the page cache (O_DIRECT), or 0 */
    int closed_with; /* CLOSED: why writing ended, -errno */
    _Atomic int state;
    _Atomic bool warned;
    bool is_named;                 /* built in KEY.new, as the file system has no O_TMPFILE */
    bool has_no_reserve;           /* the file system has no fallocate(2) */
    uint64_t reserved_from, reserved_to; /* file range whose blocks were taken last */
    uint64_t dirty_from, dirty_to; /* file range written but not yet on its way out */
};

struct lensi_store {
    struct lensi_folder folder;
    enum lensi_store_choice kind;
    uint64_t limit_bytes;
    _Atomic int64_t room_bytes; /* what this process may still write */
    struct lensi_image *images; /* newest first; one stays while a segment uses it: threads may read it without a lock */
    struct lensi_image *spent;
    bool closed;
};

static inline const char *lensi_image_pipe(const struct lensi_image_header *header)
{
    return (const char *)(header + 1);
}

static inline const char *lensi_image_path(const struct lensi_image_header *header)
{
    return lensi_image_pipe(header) + header->pipe_bytes + 1;
}

static inline bool lensi_image_bit(const _Atomic uint64_t *words, uint64_t page)
{
    return atomic_load_explicit(&words[page / 64], memory_order_acquire) >> page % 64 & 1;
}

/* ---- image.c */
uint64_t lensi_image_key(const struct lensi_identity *identity, const char *pipe_text, uint32_t shift);
bool lensi_image_is_of(const struct lensi_image *image, const struct lensi_identity *identity, const char *pipe_text,
                       uint32_t shift);
/*
 * Opens the file of a published image and checks everything but its pages. -ENOENT, -EBADMSG (not one of ours, or
 * damaged: never used), -ENOMEM, -errno. The image is the caller's memory, zeroed before; ended by lensi_image_unload.
 */
int lensi_image_load(const struct lensi_folder *folder, uint64_t key, struct lensi_image *image);
void lensi_image_unload(struct lensi_image *image);
/* Memory for the tables of image->pages pages. 0 or -ENOMEM. */
int lensi_image_make_tables(struct lensi_image *image);
/* 0 if fd is still the image's file, else -EBADF. */
int lensi_image_check_fd(const struct lensi_image *image);
uint64_t lensi_image_table_bytes(uint64_t pages); /* in the file */

/* The image behind whose fd the page lies: image or its base. NULL if neither has it; then it is not verified either.
 */
struct lensi_image *lensi_image_holder(struct lensi_image *image, uint64_t page);

/* ---- image_build.c: how store.c begins and ends a build. The key's lock is held. */
int lensi_image_begin(struct lensi_image *image, const struct lensi_identity *identity, const char *pipe_text,
                      uint32_t shift, uint64_t pages);
/* Ends a build without publishing; the image stays readable. */
void lensi_image_discard(struct lensi_image *image, int reason);

/* ---- collect.c */
int64_t lensi_folder_collect(const struct lensi_folder *folder, uint64_t limit_bytes);

#endif
