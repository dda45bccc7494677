/*
 * folder.h - the directory that images lie in: whose it is, the names in it, who builds what.
 *
 * Internal to the view store. Everything is reached relative to one open descriptor, so that renaming the directory
 * under us changes nothing. Names: KEY.view (published), KEY.new (on its way), builders.lock; KEY is 16 hex digits.
 * Who builds KEY holds an open-file-description lock on byte KEY of builders.lock: it ends with its holder, leaves
 * nothing to clean up, and does not care about other locks of the process.
 */
#ifndef LENSI_FOLDER_H
#define LENSI_FOLDER_H

#include "liblens/lens.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lensi_folder {
    int fd;      /* the directory, on a high number */
    int lock_fd; /* builders.lock, on a high number; -1 until the first lock */
};

enum lensi_name_kind { LENSI_NAME_VIEW, LENSI_NAME_NEW };

struct lensi_name {
    uint64_t key;
    enum lensi_name_kind kind;
    int64_t used_ns;
    uint64_t disk_bytes;
};

/* A directory's images, oldest use first. Ended by lensi_names_free. */
struct lensi_names {
    struct lensi_name *list;
    size_t count, room;
};

/*
 * Opens dir, making it (0700) and its parents if `create`. 0, or -errno with error->text: -EPERM if it is somebody
 * else's or open to others, -EROFS or -EACCES if `create` and nothing can be written there.
 */
int lensi_folder_open(const char *dir, bool create, struct lensi_folder *folder, struct lens_error *error);
/* A second handle on the same directory, whose locks are its own. */
int lensi_folder_again(const struct lensi_folder *from, struct lensi_folder *to);
void lensi_folder_close(struct lensi_folder *folder);

/* Becomes the builder of key: 0, -EBUSY if somebody (not this handle) is it, or -errno. Ended by unlock. */
int lensi_folder_lock(struct lensi_folder *folder, uint64_t key);
void lensi_folder_unlock(struct lensi_folder *folder, uint64_t key);

/* "0123456789abcdef.view" into to[0, 32). */
void lensi_folder_name(char to[32], uint64_t key, enum lensi_name_kind kind);
/* 0 or -errno; a name that is not there is no error. */
int lensi_folder_remove(const struct lensi_folder *folder, uint64_t key, enum lensi_name_kind kind);
/* Lists the images. 0 or -errno (then there is nothing to free). Files with other names are not mentioned. */
int lensi_folder_list(const struct lensi_folder *folder, struct lensi_names *names);
void lensi_names_free(struct lensi_names *names);
/* Free bytes for us on its file system, or 0 if that cannot be told. */
uint64_t lensi_folder_free_bytes(const struct lensi_folder *folder);

#endif
