/*
 * fault_fs.c - a FUSE file system of one file whose bytes change without a trace, or whose disk fails; for tests/backing.sh.
 *   fault_fs -f MOUNTPOINT ORIGINAL
 * MOUNTPOINT/data is the original, read past the page cache, with the times and the size of now for ever. A letter written to
 * MOUNTPOINT/control changes what reads give: o the original, x other bytes, e EIO, s nothing (the end).
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int original;
static struct stat as_it_was;
static atomic_char mode = 'o';

static int get_attributes(const char *path, struct stat *status, struct fuse_file_info *info)
{
    (void)info;
    *status = as_it_was;
    if (!strcmp(path, "/data"))
        return 0;
    if (!strcmp(path, "/")) {
        status->st_mode = S_IFDIR | 0755;
        return 0;
    }
    status->st_mode = S_IFREG | 0600;
    status->st_size = 0;
    return strcmp(path, "/control") ? -ENOENT : 0;
}

static int open_file(const char *path, struct fuse_file_info *info)
{
    info->direct_io = 1;
    return strcmp(path, "/data") && strcmp(path, "/control") ? -ENOENT : 0;
}

static int read_file(const char *path, char *to, size_t bytes, off_t offset, struct fuse_file_info *info)
{
    ssize_t got = pread(original, to, bytes, offset);

    (void)path;
    (void)info;
    if (mode == 'e')
        return -EIO;
    if (mode == 's')
        return 0;
    if (mode == 'x' && got > 0)
        memset(to, 'x', (size_t)got);
    return got < 0 ? -errno : (int)got;
}

static int write_file(const char *path, const char *from, size_t bytes, off_t offset, struct fuse_file_info *info)
{
    (void)offset;
    (void)info;
    if (strcmp(path, "/control") || !bytes)
        return -EACCES;
    mode = from[0];
    return (int)bytes;
}

static int cut_file(const char *path, off_t bytes, struct fuse_file_info *info)
{
    (void)bytes;
    (void)info;
    return strcmp(path, "/control") ? -EACCES : 0;
}

int main(int argc, char **argv)
{
    static const struct fuse_operations operations = {
        .getattr = get_attributes, .open = open_file, .read = read_file, .write = write_file, .truncate = cut_file};

    if (argc != 4 || (original = open(argv[3], O_RDONLY)) < 0 || fstat(original, &as_it_was) < 0)
        return 2;
    argv[3] = NULL;
    return fuse_main(3, argv, &operations, NULL);
}
