/*
 * folder.c - the directory that images lie in. No state but the handle; locks are the kernel's.
 */
#include "liblens/base/folder.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#define LOCK_NAME "builders.lock"
/* Byte offsets of locks must be valid file offsets; two keys that differ in the cut bits only wait for each other. */
#define LOCK_MASK 0x3fffffffffffffffull

static int open_at(int fd, const char *name, int flags, int mode)
{
    long low = lensi_sys(SYS_openat, fd, (long)name, flags | O_CLOEXEC | O_NOFOLLOW, mode, 0, 0);

    if (low < 0)
        return (int)low;
    int high = lensi_sys_dup_high((int)low);

    lensi_sys_close((int)low);
    return high;
}

/* root makes nothing, and trusts nothing, below a folder that is somebody else's to rename. */
static bool is_others(const char *path)
{
    struct stat status;

    if (lensi_sys(SYS_geteuid, 0, 0, 0, 0, 0, 0) != 0)
        return false;
    for (int flags = 0; flags <= AT_SYMLINK_NOFOLLOW; flags += AT_SYMLINK_NOFOLLOW) /* the folder, and the link to it */
        if (lensi_sys(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, flags, 0, 0) == 0 && status.st_uid != 0)
            return true;
    return false;
}

/* mkdir -p, 0700 for what is missing. What cannot be made shows when the folder is opened. */
static int make_path(const char *dir)
{
    char path[PATH_MAX];
    size_t bytes = strlen(dir);
    long result = 0;

    if (bytes == 0 || bytes >= sizeof path)
        return bytes ? -ENAMETOOLONG : -ENOENT;
    memcpy(path, dir, bytes + 1);
    for (size_t i = 1; i <= bytes; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char kept = path[i];

        path[i] = '\0';
        if (is_others(path))
            return -EPERM;
        result = lensi_sys(SYS_mkdirat, AT_FDCWD, (long)path, 0700, 0, 0, 0);
        path[i] = kept;
    }
    return result == -EEXIST ? 0 : (int)result;
}

static int refuse(struct lens_error *error, int code, const char *dir, const char *why)
{
    lens_error_set(error, -1, "view store %s: %s", dir, why);
    return code;
}

static const char *reason(int code)
{
    switch (code) {
    case -EACCES: return "permission denied";
    case -EROFS: return "the file system is read-only";
    case -ENOSPC: return "no space left on the file system";
    case -ENOTDIR: return "not a directory";
    case -ELOOP: return "is a symbolic link; name the directory itself";
    case -ENOENT: return "does not exist";
    case -ENAMETOOLONG: return "the name is too long";
    default: return "cannot be opened";
    }
}

static int check_owner(int fd, const char *dir, bool create, struct lens_error *error)
{
    struct stat status;
    int result = lensi_sys_stat(fd, &status);

    if (result < 0)
        return refuse(error, result, dir, reason(result));
    if (status.st_uid != (uid_t)lensi_sys(SYS_geteuid, 0, 0, 0, 0, 0, 0))
        return refuse(error, -EPERM, dir, "belongs to another user");
    if (status.st_mode & 077)
        return refuse(error, -EPERM, dir, "is open to others; chmod 700 it");
    /* AT_EACCESS is not the raw call's; a preloaded library never runs with two user ids. */
    if (create)
        result = (int)lensi_sys(SYS_faccessat, fd, (long)".", W_OK | X_OK, 0, 0, 0);
    return result < 0 ? refuse(error, result, dir, reason(result)) : 0;
}

int lensi_folder_open(const char *dir, bool create, struct lensi_folder *folder, struct lens_error *error)
{
    struct lens_error ignored;
    int made = create ? make_path(dir) : 0;

    if (!error)
        error = &ignored;
    folder->fd = folder->lock_fd = -1;
    if (made == -EPERM)
        return refuse(error, made, dir, "root does not use folders that belong to another user, or lie in one; name another with --store-dir");
    folder->fd = open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    /* The kernel says ENOTDIR for a link that is not to be followed. */
    if (folder->fd == -ENOTDIR && lensi_sys(SYS_readlinkat, AT_FDCWD, (long)dir, (long)&(char){0}, 1, 0, 0) == 1)
        return refuse(error, -ENOTDIR, dir, reason(-ELOOP));
    if (folder->fd < 0)
        return refuse(error, made < 0 && folder->fd == -ENOENT ? made : folder->fd, dir,
                      reason(made < 0 && folder->fd == -ENOENT ? made : folder->fd));
    int result = check_owner(folder->fd, dir, create, error);

    if (result < 0)
        lensi_folder_close(folder);
    return result;
}

int lensi_folder_again(const struct lensi_folder *from, struct lensi_folder *to)
{
    to->lock_fd = -1;
    to->fd = open_at(from->fd, ".", O_RDONLY | O_DIRECTORY, 0);
    return to->fd < 0 ? to->fd : 0;
}

void lensi_folder_close(struct lensi_folder *folder)
{
    if (folder->fd >= 0)
        lensi_sys_close(folder->fd);
    if (folder->lock_fd >= 0)
        lensi_sys_close(folder->lock_fd);
    folder->fd = folder->lock_fd = -1;
}

static int set_lock(int fd, uint64_t key, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)(key & LOCK_MASK), .l_len = 1};
    int result = (int)lensi_sys(SYS_fcntl, fd, F_OFD_SETLK, (long)&lock, 0, 0, 0);

    return result == -EAGAIN || result == -EACCES ? -EBUSY : result;
}

int lensi_folder_lock(struct lensi_folder *folder, uint64_t key)
{
    if (folder->lock_fd < 0) {
        int fd = open_at(folder->fd, LOCK_NAME, O_RDWR | O_CREAT, 0600);

        if (fd < 0)
            return fd;
        folder->lock_fd = fd;
    }
    return set_lock(folder->lock_fd, key, F_WRLCK);
}

void lensi_folder_unlock(struct lensi_folder *folder, uint64_t key)
{
    if (folder->lock_fd >= 0)
        set_lock(folder->lock_fd, key, F_UNLCK);
}

void lensi_folder_name(char to[32], uint64_t key, enum lensi_name_kind kind)
{
    lensi_format(to, 32, "%016llx.%s", (unsigned long long)key, kind == LENSI_NAME_VIEW ? "view" : "new");
}

int lensi_folder_remove(const struct lensi_folder *folder, uint64_t key, enum lensi_name_kind kind)
{
    char name[32];

    lensi_folder_name(name, key, kind);
    long result = lensi_sys(SYS_unlinkat, folder->fd, (long)name, 0, 0, 0, 0);

    return result == -ENOENT ? 0 : (int)result;
}

/* ---- listing */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_name(const char *text, struct lensi_name *name)
{
    name->key = 0;
    for (int i = 0; i < 16; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return false;
        name->key = name->key << 4 | (uint64_t)digit;
    }
    name->kind = strcmp(text + 16, ".view") == 0 ? LENSI_NAME_VIEW : LENSI_NAME_NEW;
    return name->kind == LENSI_NAME_VIEW || strcmp(text + 16, ".new") == 0;
}

static int add_name(struct lensi_names *names, const struct lensi_name *name)
{
    if (names->count == names->room) {
        size_t room = names->room ? names->room * 2 : 128;
        struct lensi_name *list = lensi_arena_map(room * sizeof *list);

        if (!list)
            return -ENOMEM;
        memcpy(list, names->list ? names->list : list, names->count * sizeof *list);
        lensi_names_free(&(struct lensi_names){names->list, 0, names->room});
        names->list = list;
        names->room = room;
    }
    names->list[names->count++] = *name;
    return 0;
}

void lensi_names_free(struct lensi_names *names)
{
    if (names->list)
        lensi_arena_unmap(names->list, names->room * sizeof *names->list);
    names->list = NULL;
}

/* Shell sort: libc's qsort may call malloc. */
static void sort_names(struct lensi_names *names)
{
    struct lensi_name *list = names->list;

    for (size_t gap = names->count / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < names->count; i++) {
            struct lensi_name name = list[i];
            size_t k = i;

            for (; k >= gap && list[k - gap].used_ns > name.used_ns; k -= gap)
                list[k] = list[k - gap];
            list[k] = name;
        }
}

struct kernel_dirent { /* struct linux_dirent64 of getdents(2) */
    uint64_t inode;
    int64_t offset;
    unsigned short bytes;
    unsigned char type;
    char name[];
};

static int add_entry(const struct lensi_folder *folder, struct lensi_names *names, const char *text)
{
    struct lensi_name name;
    struct stat status;

    if (strlen(text) < 20 || !parse_name(text, &name))
        return 0;
    if (lensi_sys(SYS_newfstatat, folder->fd, (long)text, (long)&status, AT_SYMLINK_NOFOLLOW, 0, 0) < 0)
        return 0; /* went away meanwhile */
    name.used_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    name.disk_bytes = (uint64_t)status.st_blocks * 512;
    return add_name(names, &name);
}

int lensi_folder_list(const struct lensi_folder *folder, struct lensi_names *names)
{
    _Alignas(struct kernel_dirent) char buffer[2048];
    struct lensi_folder own;
    int result = lensi_folder_again(folder, &own); /* a directory position of its own */
    long got = 0;

    memset(names, 0, sizeof *names);
    while (result == 0 && (got = lensi_sys(SYS_getdents64, own.fd, (long)buffer, sizeof buffer, 0, 0, 0)) > 0)
        for (long at = 0; result == 0 && at < got;) {
            const struct kernel_dirent *entry = (const void *)(buffer + at);

            result = add_entry(folder, names, entry->name);
            at += entry->bytes;
        }
    lensi_folder_close(&own);
    if (result == 0 && got < 0)
        result = (int)got;
    if (result < 0)
        lensi_names_free(names);
    else
        sort_names(names);
    return result;
}

uint64_t lensi_folder_free_bytes(const struct lensi_folder *folder)
{
    struct statfs status;

    if (lensi_sys(SYS_fstatfs, folder->fd, (long)&status, 0, 0, 0, 0) < 0)
        return 0;
    return (uint64_t)status.f_bavail * (uint64_t)status.f_bsize;
}
