/*
 * backing.h - the file a view is made from: an open descriptor of our own and the identity it had when opened.
 *
 * A backing follows the inode, not the name: replacing the file by rename does not disturb it. One backing per
 * (device, inode, size, mtime, ctime) is shared by all views of it and counted. Reading takes no lock.
 */
#ifndef LENSI_BACKING_H
#define LENSI_BACKING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct lensi_identity {
    uint64_t device, inode, size_bytes, mtime_ns, ctime_ns;
};

struct lensi_backing {
    int fd; /* ours, on a high number, read-only, close-on-exec */
    struct lensi_identity identity;
    _Atomic uint32_t refs;
    _Atomic bool leased; /* a read lease is held: writers wait until we let go (lease.h) */
    bool lease_tried;
    int lease_error;
    int lease_owner, lease_fd; /* the thread that hears of writers, and the descriptor it is told */
    bool lease_again; /* a fork's child has to take one of its own */
    bool direct;      /* pages may be mapped from it (file_mapping.h) */
    int fork_fd;      /* open with a lease while a fork is under way, for the child; else 0 */
    _Atomic int copy_fd;    /* a private copy, which all reads go to (copy.h); else 0 */
    uint64_t kept_until_ns; /* prover: nothing may depend on it till then (trust.h); 0: nothing was refused yet */
    _Atomic bool changed; /* no longer what it was; nothing may be made from it */
    struct lensi_backing *next;
    struct lensi_backing *next_spent; /* closed by all: its memory serves again */
    uint64_t path_room;
    char path[]; /* as opened, for messages */
};

/* Opens the file behind `path`. -ENOENT, -EACCES, -EISDIR, -ESPIPE (not a regular file), -ENOMEM. */
int lensi_backing_open(const char *path, struct lensi_backing **backing);
/* The same for a descriptor the program has open; `path` is for messages. The program's descriptor is not touched. */
int lensi_backing_open_fd(int fd, const char *path, struct lensi_backing **backing);
void lensi_backing_hold(struct lensi_backing *backing);
void lensi_backing_close(struct lensi_backing *backing); /* NULL is fine */
/* Exactly `bytes` from `offset`, fewer only at the end the file had when opened. -ESTALE if the file is shorter now. */
int64_t lensi_backing_read(struct lensi_backing *backing, uint64_t offset, void *to, uint64_t bytes);
/* Its bytes will be there when they are asked for: a lease keeps writers off, or all reads go to a private copy. */
static inline bool lensi_backing_stays(const struct lensi_backing *backing)
{
    return atomic_load(&backing->leased) || atomic_load(&backing->copy_fd);
}
/* Whether size and mtime of the file itself are what they were. One fstat(2). */
bool lensi_backing_is_as_opened(const struct lensi_backing *backing);
/* 0 while size and mtime are what they were, or reads go to a private copy; -ESTALE afterwards. */
int lensi_backing_check(struct lensi_backing *backing);
/* Calls each(context, backing) for all that are open, under the list's lock. */
void lensi_backing_each(void (*each)(void *context, struct lensi_backing *backing), void *context);
bool lensi_backing_owns_fd(int fd);
void lensi_backing_before_fork(void);
void lensi_backing_after_fork(void); /* in parent and child */
/*
 * A lease belongs to the open file: replaces it by another on the same number, as in a fork's child, whose parent keeps
 * it.
 */
void lensi_backing_reopen(struct lensi_backing *backing);
void lensi_identity_of(const struct stat *status, struct lensi_identity *identity);
bool lensi_identity_equal(const struct lensi_identity *a, const struct lensi_identity *b);

#endif
