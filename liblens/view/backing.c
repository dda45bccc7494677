/* backing.c - the files views are made from; see backing.h. The list lock guards `first`; reads take no lock. */
#include "liblens/view/backing.h"

#include "liblens/base/arena.h"
#include "liblens/base/lock.h"
#include "liblens/base/log.h"
#include "liblens/base/stats.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <string.h>

static struct lensi_lock lock;
static struct lensi_backing *first, *spent;

void lensi_identity_of(const struct stat *status, struct lensi_identity *identity)
{
    identity->device = status->st_dev;
    identity->inode = status->st_ino;
    identity->size_bytes = (uint64_t)status->st_size;
    identity->mtime_ns = (uint64_t)status->st_mtim.tv_sec * 1000000000u + (uint64_t)status->st_mtim.tv_nsec;
    identity->ctime_ns = (uint64_t)status->st_ctim.tv_sec * 1000000000u + (uint64_t)status->st_ctim.tv_nsec;
}

bool lensi_identity_equal(const struct lensi_identity *a, const struct lensi_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* A backing of this identity that is open, held once more; or NULL. */
static struct lensi_backing *find(const struct lensi_identity *identity)
{
    for (struct lensi_backing *b = first; b; b = b->next)
        if (b->refs && lensi_identity_equal(&b->identity, identity)) {
            b->refs++;
            return b;
        }
    return NULL;
}

/*
 * Memory for one: a server may open a file's next version every minute, for years. Spent ones stay readable for who
 * goes through the list without the lock: `next` leads on, and `fd` is nobody's.
 */
static struct lensi_backing *new_backing(const char *path)
{
    uint64_t bytes = strlen(path) + 1, room = (bytes + 127) & ~127ull;
    struct lensi_backing *b = NULL;

    for (struct lensi_backing **at = &spent; *at; at = &(*at)->next_spent)
        if ((*at)->path_room >= bytes) {
            b = *at;
            *at = b->next_spent;
            room = b->path_room;
            break;
        }
    if (!b)
        b = lensi_arena_new(sizeof *b + room);
    if (!b)
        return NULL;
    *b = (struct lensi_backing){.fd = -1, .path_room = room, .next = first};
    memcpy(b->path, path, bytes);
    return b;
}

/* Takes over fd (a descriptor of ours). */
static int enter(int fd, const char *path, struct lensi_backing **backing)
{
    struct stat status;
    struct lensi_identity identity;
    struct lensi_backing *fresh = NULL;
    int result = lensi_sys_stat(fd, &status);

    if (result == 0 && S_ISDIR(status.st_mode))
        result = -EISDIR;
    if (result == 0 && !S_ISREG(status.st_mode))
        result = -ESPIPE;
    if (result < 0) {
        lensi_sys_close(fd);
        return result;
    }
    lensi_identity_of(&status, &identity);
    lensi_lock(&lock);
    *backing = find(&identity);
    if (!*backing && (fresh = new_backing(path))) {
        fresh->fd = fd;
        fresh->identity = identity;
        fresh->refs = 1;
        __atomic_store_n(&first, fresh, __ATOMIC_RELEASE);
        *backing = fresh;
    }
    lensi_unlock(&lock);
    if (!fresh)
        lensi_sys_close(fd);
    return *backing ? 0 : -ENOMEM;
}

static int move_high(int fd)
{
    int high = lensi_sys_dup_high(fd);

    if (high < 0)
        return fd;
    lensi_sys_close(fd);
    return high;
}

int lensi_backing_open(const char *path, struct lensi_backing **backing)
{
    struct stat status;
    int fd = (int)lensi_sys(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0, 0, 0);

    if (fd == 0 && !S_ISREG(status.st_mode))
        return S_ISDIR(status.st_mode) ? -EISDIR : -ESPIPE;
    if (fd == 0)
        fd = lensi_sys_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    return fd < 0 ? fd : enter(move_high(fd), path, backing);
}

int lensi_backing_open_fd(int fd, const char *path, struct lensi_backing **backing)
{
    struct stat status;
    char link[40];
    int ours = fd < 0 ? -EBADF : lensi_sys_stat(fd, &status);

    if (ours < 0)
        return ours;
    if (!S_ISREG(status.st_mode)) /* opening a device may do something to it */
        return S_ISDIR(status.st_mode) ? -EISDIR : -ESPIPE;
    lensi_format(link, sizeof link, "/proc/self/fd/%d", fd);
    /* Opened anew, so that the offset is our own and the program's descriptor is not disturbed. */
    ours = lensi_sys_open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    return ours < 0 ? ours : enter(move_high(ours), path, backing);
}

void lensi_backing_hold(struct lensi_backing *backing) { backing->refs++; }

void lensi_backing_close(struct lensi_backing *backing)
{
    if (!backing)
        return;
    lensi_lock(&lock);
    if (--backing->refs == 0) {
        lensi_sys_close(backing->fd);
        if (backing->copy_fd)
            lensi_sys_close(backing->copy_fd);
        backing->copy_fd = 0;
        backing->fd = -1;
        for (struct lensi_backing **at = &first; *at; at = &(*at)->next)
            if (*at == backing) {
                *at = backing->next;
                break;
            }
        backing->next_spent = spent;
        spent = backing;
    }
    lensi_unlock(&lock);
}

int64_t lensi_backing_read(struct lensi_backing *backing, uint64_t offset, void *to, uint64_t bytes)
{
    uint64_t size = backing->identity.size_bytes;
    int copy = atomic_load_explicit(&backing->copy_fd, memory_order_acquire);
    int64_t got;

    if (offset >= size)
        return 0;
    if (bytes > size - offset)
        bytes = size - offset;
    got = lensi_sys_pread(copy ? copy : backing->fd, to, bytes, offset);
    lensi_count(source_bytes, got > 0 ? got : 0);
    if (got >= 0 && (uint64_t)got < bytes)
        return -ESTALE;
    return got;
}

bool lensi_backing_is_as_opened(const struct lensi_backing *backing)
{
    struct stat status;
    struct lensi_identity now;

    if (lensi_sys_stat(backing->fd, &status) < 0)
        return false;
    lensi_identity_of(&status, &now);
    /* ctime also changes by chmod, link and rename, which leave the bytes alone: size and mtime decide here. */
    return now.size_bytes == backing->identity.size_bytes && now.mtime_ns == backing->identity.mtime_ns;
}

int lensi_backing_check(struct lensi_backing *backing)
{
    if (atomic_load(&backing->changed))
        return -ESTALE;
    return atomic_load(&backing->copy_fd) || lensi_backing_is_as_opened(backing) ? 0 : -ESTALE;
}

void lensi_backing_each(void (*each)(void *context, struct lensi_backing *backing), void *context)
{
    lensi_lock(&lock);
    for (struct lensi_backing *b = first; b; b = b->next)
        each(context, b);
    lensi_unlock(&lock);
}

/* Without the lock: close(2) asks this, also in a signal handler that interrupted us. Backings are never unmapped. */
bool lensi_backing_owns_fd(int fd)
{
    for (struct lensi_backing *b = __atomic_load_n(&first, __ATOMIC_ACQUIRE); b; b = __atomic_load_n(&b->next, __ATOMIC_ACQUIRE))
        if (__atomic_load_n(&b->fd, __ATOMIC_RELAXED) == fd || __atomic_load_n(&b->fork_fd, __ATOMIC_RELAXED) == fd ||
            (fd > 0 && atomic_load_explicit(&b->copy_fd, memory_order_relaxed) == fd))
            return true;
    return false;
}

void lensi_backing_after_fork(void) { lensi_unlock(&lock); }

void lensi_backing_reopen(struct lensi_backing *backing)
{
    char link[40];
    int fd;

    lensi_format(link, sizeof link, "/proc/self/fd/%d", backing->fd);
    fd = lensi_sys_open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return; /* the shared one still reads the same file */
    lensi_sys(SYS_dup3, fd, backing->fd, O_CLOEXEC, 0, 0, 0);
    lensi_sys_close(fd);
}

void lensi_backing_before_fork(void) { lensi_lock(&lock); }
