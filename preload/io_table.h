/*
 * io_table.h - every function of libc that hands the program's memory to the kernel, and what it hands over.
 *
 *   LENSI_REGULAR(type, name, parameters, arguments, words)   io.c makes the wrapper; the words are those of io.h
 *   LENSI_BY_HAND(name)                                       written out, because it does more than pin
 *
 * The test goes through all of it (tests/io_table.c); the exported names must be exactly these (preload.map).
 * Not here, because they touch the memory in user space only: fgets, getline, the scanf family, qsort, ...
 * Out of reach: system calls that a library makes with an instruction of its own (liburing's rings, Go programs).
 */
#define LENSI_IO_TABLE(LENSI_REGULAR, LENSI_BY_HAND) \
    LENSI_IO_FILES(LENSI_REGULAR, LENSI_BY_HAND) \
    LENSI_IO_SOCKETS(LENSI_REGULAR) \
    LENSI_IO_WAITING(LENSI_REGULAR) \
    LENSI_IO_STATUS(LENSI_REGULAR) \
    LENSI_IO_PATHS(LENSI_REGULAR) \
    LENSI_IO_ATTRIBUTES(LENSI_REGULAR) \
    LENSI_IO_TIME(LENSI_REGULAR) \
    LENSI_IO_PROCESS(LENSI_REGULAR) \
    LENSI_IO_QUEUES(LENSI_REGULAR) \
    LENSI_IO_OBJECTS(LENSI_REGULAR) \
    LENSI_IO_SYSTEM(LENSI_REGULAR) \
    LENSI_IO_INSIDE(LENSI_REGULAR) \
    LENSI_IO_NAMES(LENSI_REGULAR) \
    LENSI_IO_OLD(LENSI_REGULAR) \
    LENSI_IO_HAND(LENSI_BY_HAND)

/* ---- reading and writing; what reads from a file also tells the engine where the bytes landed (io_read.c) */
#define LENSI_IO_FILES(R, H) \
    H(read) H(__read) H(__read_chk) H(pread) H(pread64) H(__pread64) H(__pread_chk) H(__pread64_chk) \
    H(readv) H(preadv) H(preadv64) H(preadv2) H(preadv64v2) \
    R(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n), IN(from, n)) \
    R(ssize_t, __write, (int fd, const void *from, size_t n), (fd, from, n), IN(from, n)) \
    R(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), IN(from, n)) \
    R(ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at), IN(from, n)) \
    R(ssize_t, __pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at), IN(from, n)) \
    R(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), VECTOR_IN(v, n)) \
    R(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at), VECTOR_IN(v, n)) \
    R(ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at), VECTOR_IN(v, n)) \
    R(ssize_t, pwritev2, (int fd, const struct iovec *v, int n, off_t at, int flags), (fd, v, n, at, flags), \
      VECTOR_IN(v, n)) \
    R(ssize_t, pwritev64v2, (int fd, const struct iovec *v, int n, off64_t at, int flags), (fd, v, n, at, flags), \
      VECTOR_IN(v, n)) \
    R(ssize_t, vmsplice, (int fd, const struct iovec *v, size_t n, unsigned flags), (fd, v, n, flags), \
      VECTOR_FOREVER(v, n)) \
    R(ssize_t, splice, (int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags), \
      (in, from, out, to, n, flags), OUT_ONE(from) OUT_ONE(to)) \
    R(ssize_t, copy_file_range, (int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags), \
      (in, from, out, to, n, flags), OUT_ONE(from) OUT_ONE(to)) \
    R(ssize_t, sendfile, (int out, int in, off_t *at, size_t n), (out, in, at, n), OUT_ONE(at)) \
    R(ssize_t, sendfile64, (int out, int in, off64_t *at, size_t n), (out, in, at, n), OUT_ONE(at)) \
    R(ssize_t, process_vm_readv, (pid_t pid, const struct iovec *v, unsigned long n, const struct iovec *far, \
      unsigned long far_n, unsigned long flags), (pid, v, n, far, far_n, flags), VECTOR_OUT(v, n) VECTOR_IN(far, far_n)) \
    R(ssize_t, process_vm_writev, (pid_t pid, const struct iovec *v, unsigned long n, const struct iovec *far, \
      unsigned long far_n, unsigned long flags), (pid, v, n, far, far_n, flags), VECTOR_IN(v, n) VECTOR_OUT(far, far_n)) \
    R(ssize_t, getrandom, (void *to, size_t n, unsigned flags), (to, n, flags), OUT(to, n)) \
    R(int, getentropy, (void *to, size_t n), (to, n), OUT(to, n)) \
    R(ssize_t, getdents64, (int fd, void *to, size_t n), (fd, to, n), OUT(to, n)) \
    R(int, pipe, (int ends[2]), (ends), OUT(ends, 2 * sizeof *ends)) \
    R(int, pipe2, (int ends[2], int flags), (ends, flags), OUT(ends, 2 * sizeof *ends)) \
    R(int, eventfd_read, (int fd, eventfd_t *value), (fd, value), OUT_ONE(value)) \
    R(int, memfd_create, (const char *name, unsigned flags), (name, flags), TEXT(name)) \
    R(int, mincore, (void *at, size_t n, unsigned char *to), (at, n, to), OUT(to, (n + 4095) / 4096)) \
    R(int, aio_read, (struct aiocb *io), (io), FOREVER_AIO(io)) \
    R(int, aio_read64, (struct aiocb64 *io), (io), FOREVER_AIO(io)) \
    R(int, aio_write, (struct aiocb *io), (io), FOREVER_AIO(io)) \
    R(int, aio_write64, (struct aiocb64 *io), (io), FOREVER_AIO(io)) \
    R(int, lio_listio, (int mode, struct aiocb *const list[], int n, struct sigevent *e), (mode, list, n, e), \
      FOREVER_AIO_LIST(list, n)) \
    R(int, lio_listio64, (int mode, struct aiocb64 *const list[], int n, struct sigevent *e), (mode, list, n, e), \
      FOREVER_AIO_LIST(list, n))

#define LENSI_IO_SOCKETS(R) \
    R(ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags), OUT(to, n)) \
    R(ssize_t, __recv_chk, (int fd, void *to, size_t n, size_t room, int flags), (fd, to, n, room, flags), OUT(to, n)) \
    R(ssize_t, recvfrom, (int fd, void *to, size_t n, int flags, struct sockaddr *who, socklen_t *size), \
      (fd, to, n, flags, who, size), OUT(to, n) ADDRESS(who, size)) \
    R(ssize_t, __recvfrom_chk, (int fd, void *to, size_t n, size_t room, int flags, struct sockaddr *who, \
      socklen_t *size), (fd, to, n, room, flags, who, size), OUT(to, n) ADDRESS(who, size)) \
    R(ssize_t, send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags), IN(from, n)) \
    R(ssize_t, __send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags), IN(from, n)) \
    R(ssize_t, sendto, (int fd, const void *from, size_t n, int flags, const struct sockaddr *who, socklen_t size), \
      (fd, from, n, flags, who, size), IN(from, n) IN(who, size)) \
    R(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), MESSAGE_IN(m)) \
    R(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags), (fd, m, n, flags), MESSAGES_IN(m, n)) \
    R(int, bind, (int fd, const struct sockaddr *who, socklen_t size), (fd, who, size), IN(who, size)) \
    R(int, connect, (int fd, const struct sockaddr *who, socklen_t size), (fd, who, size), IN(who, size)) \
    R(int, __connect, (int fd, const struct sockaddr *who, socklen_t size), (fd, who, size), IN(who, size)) \
    R(int, accept, (int fd, struct sockaddr *who, socklen_t *size), (fd, who, size), ADDRESS(who, size)) \
    R(int, accept4, (int fd, struct sockaddr *who, socklen_t *size, int flags), (fd, who, size, flags), \
      ADDRESS(who, size)) \
    R(int, getsockname, (int fd, struct sockaddr *who, socklen_t *size), (fd, who, size), ADDRESS(who, size)) \
    R(int, getpeername, (int fd, struct sockaddr *who, socklen_t *size), (fd, who, size), ADDRESS(who, size)) \
    R(int, getsockopt, (int fd, int level, int name, void *to, socklen_t *size), (fd, level, name, to, size), \
      ADDRESS(to, size)) \
    R(int, setsockopt, (int fd, int level, int name, const void *from, socklen_t size), (fd, level, name, from, size), \
      IN(from, size)) \
    R(int, socketpair, (int domain, int kind, int protocol, int ends[2]), (domain, kind, protocol, ends), \
      OUT(ends, 2 * sizeof *ends))

#define LENSI_IO_WAITING(R) \
    R(int, poll, (struct pollfd *list, nfds_t n, int ms), (list, n, ms), OUT(list, n * sizeof *list)) \
    R(int, __poll, (struct pollfd *list, nfds_t n, int ms), (list, n, ms), OUT(list, n * sizeof *list)) \
    R(int, __poll_chk, (struct pollfd *list, nfds_t n, int ms, size_t room), (list, n, ms, room), \
      OUT(list, n * sizeof *list)) \
    R(int, ppoll, (struct pollfd *list, nfds_t n, const struct timespec *t, const sigset_t *mask), (list, n, t, mask), \
      MASK(mask) OUT(list, n * sizeof *list) IN_ONE(t)) \
    R(int, __ppoll_chk, (struct pollfd *list, nfds_t n, const struct timespec *t, const sigset_t *mask, size_t room), \
      (list, n, t, mask, room), MASK(mask) OUT(list, n * sizeof *list) IN_ONE(t)) \
    R(int, select, (int n, fd_set *in, fd_set *out, fd_set *other, struct timeval *t), (n, in, out, other, t), \
      FDS(in, n) FDS(out, n) FDS(other, n) OUT_ONE(t)) \
    R(int, __select, (int n, fd_set *in, fd_set *out, fd_set *other, struct timeval *t), (n, in, out, other, t), \
      FDS(in, n) FDS(out, n) FDS(other, n) OUT_ONE(t)) \
    R(int, pselect, (int n, fd_set *in, fd_set *out, fd_set *other, const struct timespec *t, const sigset_t *mask), \
      (n, in, out, other, t, mask), MASK(mask) FDS(in, n) FDS(out, n) FDS(other, n) IN_ONE(t)) \
    R(int, epoll_ctl, (int fd, int what, int other, struct epoll_event *e), (fd, what, other, e), IN_ONE(e)) \
    R(int, epoll_wait, (int fd, struct epoll_event *list, int n, int ms), (fd, list, n, ms), \
      OUT(list, n > 0 ? (size_t)n * sizeof *list : 0)) \
    R(int, epoll_pwait, (int fd, struct epoll_event *list, int n, int ms, const sigset_t *mask), \
      (fd, list, n, ms, mask), MASK(mask) OUT(list, n > 0 ? (size_t)n * sizeof *list : 0)) \
    R(int, epoll_pwait2, (int fd, struct epoll_event *list, int n, const struct timespec *t, const sigset_t *mask), \
      (fd, list, n, t, mask), MASK(mask) OUT(list, n > 0 ? (size_t)n * sizeof *list : 0) IN_ONE(t)) \
    R(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), TEXT(path)) \
    R(int, fanotify_mark, (int fd, unsigned flags, uint64_t mask, int at, const char *path), \
      (fd, flags, mask, at, path), TEXT(path))

#define LENSI_IO_STATUS(R) \
    R(int, stat, (const char *path, struct stat *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(int, stat64, (const char *path, struct stat64 *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(int, lstat, (const char *path, struct stat *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(int, lstat64, (const char *path, struct stat64 *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(int, fstat, (int fd, struct stat *to), (fd, to), OUT_ONE(to)) \
    R(int, fstat64, (int fd, struct stat64 *to), (fd, to), OUT_ONE(to)) \
    R(int, fstatat, (int fd, const char *path, struct stat *to, int flags), (fd, path, to, flags), \
      TEXT(path) OUT_ONE(to)) \
    R(int, fstatat64, (int fd, const char *path, struct stat64 *to, int flags), (fd, path, to, flags), \
      TEXT(path) OUT_ONE(to)) \
    R(int, __xstat, (int version, const char *path, struct stat *to), (version, path, to), TEXT(path) OUT_ONE(to)) \
    R(int, __xstat64, (int version, const char *path, struct stat64 *to), (version, path, to), TEXT(path) OUT_ONE(to)) \
    R(int, __lxstat, (int version, const char *path, struct stat *to), (version, path, to), TEXT(path) OUT_ONE(to)) \
    R(int, __lxstat64, (int version, const char *path, struct stat64 *to), (version, path, to), \
      TEXT(path) OUT_ONE(to)) \
    R(int, __fxstat, (int version, int fd, struct stat *to), (version, fd, to), OUT_ONE(to)) \
    R(int, __fxstat64, (int version, int fd, struct stat64 *to), (version, fd, to), OUT_ONE(to)) \
    R(int, __fxstatat, (int version, int fd, const char *path, struct stat *to, int flags), \
      (version, fd, path, to, flags), TEXT(path) OUT_ONE(to)) \
    R(int, __fxstatat64, (int version, int fd, const char *path, struct stat64 *to, int flags), \
      (version, fd, path, to, flags), TEXT(path) OUT_ONE(to)) \
    R(int, statx, (int fd, const char *path, int flags, unsigned mask, struct statx *to), (fd, path, flags, mask, to), \
      TEXT(path) OUT_ONE(to)) \
    R(int, statfs, (const char *path, struct statfs *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(int, statfs64, (const char *path, struct statfs64 *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(int, fstatfs, (int fd, struct statfs *to), (fd, to), OUT_ONE(to)) \
    R(int, fstatfs64, (int fd, struct statfs64 *to), (fd, to), OUT_ONE(to)) \
    R(int, statvfs, (const char *path, struct statvfs *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(int, statvfs64, (const char *path, struct statvfs64 *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(ssize_t, readlink, (const char *path, char *to, size_t n), (path, to, n), TEXT(path) OUT(to, n)) \
    R(ssize_t, __readlink_chk, (const char *path, char *to, size_t n, size_t room), (path, to, n, room), \
      TEXT(path) OUT(to, n)) \
    R(ssize_t, readlinkat, (int fd, const char *path, char *to, size_t n), (fd, path, to, n), TEXT(path) OUT(to, n)) \
    R(ssize_t, __readlinkat_chk, (int fd, const char *path, char *to, size_t n, size_t room), (fd, path, to, n, room), \
      TEXT(path) OUT(to, n)) \
    R(char *, getcwd, (char *to, size_t n), (to, n), OUT(to, n)) \
    R(char *, __getcwd_chk, (char *to, size_t n, size_t room), (to, n, room), OUT(to, n)) \
    R(char *, realpath, (const char *path, char *to), (path, to), TEXT(path) OUT(to, PATH_MAX)) \
    R(char *, __realpath_chk, (const char *path, char *to, size_t room), (path, to, room), TEXT(path) OUT(to, PATH_MAX)) \
    R(char *, canonicalize_file_name, (const char *path), (path), TEXT(path)) \
    R(int, ttyname_r, (int fd, char *to, size_t n), (fd, to, n), OUT(to, n)) \
    R(long, pathconf, (const char *path, int name), (path, name), TEXT(path)) \
    R(key_t, ftok, (const char *path, int project), (path, project), TEXT(path)) \
    R(int, name_to_handle_at, (int fd, const char *path, struct file_handle *to, int *mount, int flags), \
      (fd, path, to, mount, flags), TEXT(path) OUT(to, sizeof *to + MAX_HANDLE_SZ) OUT_ONE(mount)) \
    R(int, open_by_handle_at, (int fd, struct file_handle *from, int flags), (fd, from, flags), \
      IN(from, sizeof *from + MAX_HANDLE_SZ))

#define LENSI_IO_PATHS(R) \
    R(int, access, (const char *path, int how), (path, how), TEXT(path)) \
    R(int, eaccess, (const char *path, int how), (path, how), TEXT(path)) \
    R(int, euidaccess, (const char *path, int how), (path, how), TEXT(path)) \
    R(int, faccessat, (int fd, const char *path, int how, int flags), (fd, path, how, flags), TEXT(path)) \
    R(int, unlink, (const char *path), (path), TEXT(path)) \
    R(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), TEXT(path)) \
    R(int, remove, (const char *path), (path), TEXT(path)) \
    R(int, rename, (const char *from, const char *to), (from, to), TEXT(from) TEXT(to)) \
    R(int, renameat, (int fd, const char *from, int other, const char *to), (fd, from, other, to), \
      TEXT(from) TEXT(to)) \
    R(int, renameat2, (int fd, const char *from, int other, const char *to, unsigned flags), \
      (fd, from, other, to, flags), TEXT(from) TEXT(to)) \
    R(int, link, (const char *from, const char *to), (from, to), TEXT(from) TEXT(to)) \
    R(int, linkat, (int fd, const char *from, int other, const char *to, int flags), (fd, from, other, to, flags), \
      TEXT(from) TEXT(to)) \
    R(int, symlink, (const char *from, const char *to), (from, to), TEXT(from) TEXT(to)) \
    R(int, symlinkat, (const char *from, int fd, const char *to), (from, fd, to), TEXT(from) TEXT(to)) \
    R(int, mkdir, (const char *path, mode_t mode), (path, mode), TEXT(path)) \
    R(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), TEXT(path)) \
    R(int, rmdir, (const char *path), (path), TEXT(path)) \
    R(int, chdir, (const char *path), (path), TEXT(path)) \
    R(int, chroot, (const char *path), (path), TEXT(path)) \
    R(int, chmod, (const char *path, mode_t mode), (path, mode), TEXT(path)) \
    R(int, lchmod, (const char *path, mode_t mode), (path, mode), TEXT(path)) \
    R(int, fchmodat, (int fd, const char *path, mode_t mode, int flags), (fd, path, mode, flags), TEXT(path)) \
    R(int, chown, (const char *path, uid_t user, gid_t group), (path, user, group), TEXT(path)) \
    R(int, lchown, (const char *path, uid_t user, gid_t group), (path, user, group), TEXT(path)) \
    R(int, fchownat, (int fd, const char *path, uid_t user, gid_t group, int flags), (fd, path, user, group, flags), \
      TEXT(path)) \
    R(int, truncate, (const char *path, off_t size), (path, size), TEXT(path)) \
    R(int, truncate64, (const char *path, off64_t size), (path, size), TEXT(path)) \
    R(int, mknod, (const char *path, mode_t mode, dev_t device), (path, mode, device), TEXT(path)) \
    R(int, mknodat, (int fd, const char *path, mode_t mode, dev_t device), (fd, path, mode, device), TEXT(path)) \
    R(int, mkfifo, (const char *path, mode_t mode), (path, mode), TEXT(path)) \
    R(int, mkfifoat, (int fd, const char *path, mode_t mode), (fd, path, mode), TEXT(path)) \
    R(int, mkstemp, (char *path), (path), TEXT(path)) \
    R(int, mkstemp64, (char *path), (path), TEXT(path)) \
    R(int, mkostemp, (char *path, int flags), (path, flags), TEXT(path)) \
    R(int, mkostemp64, (char *path, int flags), (path, flags), TEXT(path)) \
    R(int, mkstemps, (char *path, int suffix), (path, suffix), TEXT(path)) \
    R(int, mkstemps64, (char *path, int suffix), (path, suffix), TEXT(path)) \
    R(int, mkostemps, (char *path, int suffix, int flags), (path, suffix, flags), TEXT(path)) \
    R(int, mkostemps64, (char *path, int suffix, int flags), (path, suffix, flags), TEXT(path)) \
    R(char *, mkdtemp, (char *path), (path), TEXT(path)) \
    R(DIR *, opendir, (const char *path), (path), TEXT(path)) \
    R(int, utime, (const char *path, const struct utimbuf *times), (path, times), TEXT(path) IN_ONE(times)) \
    R(int, utimes, (const char *path, const struct timeval times[2]), (path, times), TEXT(path) IN(times, 2 * sizeof *times)) \
    R(int, lutimes, (const char *path, const struct timeval times[2]), (path, times), \
      TEXT(path) IN(times, 2 * sizeof *times)) \
    R(int, futimes, (int fd, const struct timeval times[2]), (fd, times), IN(times, 2 * sizeof *times)) \
    R(int, futimesat, (int fd, const char *path, const struct timeval times[2]), (fd, path, times), \
      TEXT(path) IN(times, 2 * sizeof *times)) \
    R(int, utimensat, (int fd, const char *path, const struct timespec times[2], int flags), (fd, path, times, flags), \
      TEXT(path) IN(times, 2 * sizeof *times)) \
    R(int, futimens, (int fd, const struct timespec times[2]), (fd, times), IN(times, 2 * sizeof *times)) \
    R(int, mount, (const char *from, const char *to, const char *kind, unsigned long flags, const void *data), \
      (from, to, kind, flags, data), TEXT(from) TEXT(to) TEXT(kind) TEXT(data)) \
    R(int, umount, (const char *path), (path), TEXT(path)) \
    R(int, umount2, (const char *path, int flags), (path, flags), TEXT(path)) \
    R(int, swapon, (const char *path, int flags), (path, flags), TEXT(path)) \
    R(int, swapoff, (const char *path), (path), TEXT(path)) \
    R(int, acct, (const char *path), (path), TEXT(path))

#define LENSI_IO_ATTRIBUTES(R) \
    R(int, setxattr, (const char *path, const char *name, const void *from, size_t n, int flags), \
      (path, name, from, n, flags), TEXT(path) TEXT(name) IN(from, n)) \
    R(int, lsetxattr, (const char *path, const char *name, const void *from, size_t n, int flags), \
      (path, name, from, n, flags), TEXT(path) TEXT(name) IN(from, n)) \
    R(int, fsetxattr, (int fd, const char *name, const void *from, size_t n, int flags), (fd, name, from, n, flags), \
      TEXT(name) IN(from, n)) \
    R(ssize_t, getxattr, (const char *path, const char *name, void *to, size_t n), (path, name, to, n), \
      TEXT(path) TEXT(name) OUT(to, n)) \
    R(ssize_t, lgetxattr, (const char *path, const char *name, void *to, size_t n), (path, name, to, n), \
      TEXT(path) TEXT(name) OUT(to, n)) \
    R(ssize_t, fgetxattr, (int fd, const char *name, void *to, size_t n), (fd, name, to, n), TEXT(name) OUT(to, n)) \
    R(ssize_t, listxattr, (const char *path, char *to, size_t n), (path, to, n), TEXT(path) OUT(to, n)) \
    R(ssize_t, llistxattr, (const char *path, char *to, size_t n), (path, to, n), TEXT(path) OUT(to, n)) \
    R(ssize_t, flistxattr, (int fd, char *to, size_t n), (fd, to, n), OUT(to, n)) \
    R(int, removexattr, (const char *path, const char *name), (path, name), TEXT(path) TEXT(name)) \
    R(int, lremovexattr, (const char *path, const char *name), (path, name), TEXT(path) TEXT(name)) \
    R(int, fremovexattr, (int fd, const char *name), (fd, name), TEXT(name))

/* ---- clocks that the vDSO knows touch memory in user space; the others enter the kernel */
#define LENSI_IO_TIME(R) \
    R(int, nanosleep, (const struct timespec *t, struct timespec *left), (t, left), IN_ONE(t) OUT_ONE(left)) \
    R(int, clock_nanosleep, (clockid_t clock, int flags, const struct timespec *t, struct timespec *left), \
      (clock, flags, t, left), IN_ONE(t) OUT_ONE(left)) \
    R(int, clock_gettime, (clockid_t clock, struct timespec *to), (clock, to), OUT_ONE(to)) \
    R(int, clock_getres, (clockid_t clock, struct timespec *to), (clock, to), OUT_ONE(to)) \
    R(int, clock_settime, (clockid_t clock, const struct timespec *from), (clock, from), IN_ONE(from)) \
    R(int, gettimeofday, (struct timeval *to, void *zone), (to, zone), OUT_ONE(to) OUT(zone, sizeof(struct timezone))) \
    R(int, settimeofday, (const struct timeval *from, const struct timezone *zone), (from, zone), \
      IN_ONE(from) IN_ONE(zone)) \
    R(int, adjtimex, (struct timex *t), (t), OUT_ONE(t)) \
    R(int, clock_adjtime, (clockid_t clock, struct timex *t), (clock, t), OUT_ONE(t)) \
    R(int, timer_settime, (timer_t timer, int flags, const struct itimerspec *t, struct itimerspec *old), \
      (timer, flags, t, old), IN_ONE(t) OUT_ONE(old)) \
    R(int, timer_gettime, (timer_t timer, struct itimerspec *to), (timer, to), OUT_ONE(to)) \
    R(int, timerfd_settime, (int fd, int flags, const struct itimerspec *t, struct itimerspec *old), \
      (fd, flags, t, old), IN_ONE(t) OUT_ONE(old)) \
    R(int, timerfd_gettime, (int fd, struct itimerspec *to), (fd, to), OUT_ONE(to)) \
    R(int, setitimer, (__itimer_which_t which, const struct itimerval *t, struct itimerval *old), (which, t, old), \
      IN_ONE(t) OUT_ONE(old)) \
    R(int, getitimer, (__itimer_which_t which, struct itimerval *to), (which, to), OUT_ONE(to)) \
    R(clock_t, times, (struct tms *to), (to), OUT_ONE(to))

#define LENSI_IO_PROCESS(R) \
    R(pid_t, wait, (int *status), (status), OUT_ONE(status)) \
    R(pid_t, waitpid, (pid_t pid, int *status, int flags), (pid, status, flags), OUT_ONE(status)) \
    R(pid_t, wait3, (int *status, int flags, struct rusage *to), (status, flags, to), OUT_ONE(status) OUT_ONE(to)) \
    R(pid_t, wait4, (pid_t pid, int *status, int flags, struct rusage *to), (pid, status, flags, to), \
      OUT_ONE(status) OUT_ONE(to)) \
    R(int, waitid, (idtype_t kind, id_t id, siginfo_t *to, int flags), (kind, id, to, flags), OUT_ONE(to)) \
    R(int, getrusage, (__rusage_who_t who, struct rusage *to), (who, to), OUT_ONE(to)) \
    R(int, sched_setparam, (pid_t pid, const struct sched_param *from), (pid, from), IN_ONE(from)) \
    R(int, sched_getparam, (pid_t pid, struct sched_param *to), (pid, to), OUT_ONE(to)) \
    R(int, sched_setscheduler, (pid_t pid, int policy, const struct sched_param *from), (pid, policy, from), \
      IN_ONE(from)) \
    R(int, sched_rr_get_interval, (pid_t pid, struct timespec *to), (pid, to), OUT_ONE(to)) \
    R(int, sched_setaffinity, (pid_t pid, size_t n, const cpu_set_t *from), (pid, n, from), IN(from, n)) \
    R(int, sched_getaffinity, (pid_t pid, size_t n, cpu_set_t *to), (pid, n, to), OUT(to, n)) \
    R(int, pthread_setaffinity_np, (pthread_t thread, size_t n, const cpu_set_t *from), (thread, n, from), IN(from, n)) \
    R(int, pthread_getaffinity_np, (pthread_t thread, size_t n, cpu_set_t *to), (thread, n, to), OUT(to, n)) \
    R(int, pthread_setname_np, (pthread_t thread, const char *name), (thread, name), TEXT(name)) \
    R(int, pthread_getname_np, (pthread_t thread, char *to, size_t n), (thread, to, n), OUT(to, n)) \
    R(int, getgroups, (int n, gid_t *to), (n, to), OUT(to, n > 0 ? (size_t)n * sizeof *to : 0)) \
    R(int, setgroups, (size_t n, const gid_t *from), (n, from), IN(from, n * sizeof *from)) \
    R(int, getresuid, (uid_t *a, uid_t *b, uid_t *c), (a, b, c), OUT_ONE(a) OUT_ONE(b) OUT_ONE(c)) \
    R(int, getresgid, (gid_t *a, gid_t *b, gid_t *c), (a, b, c), OUT_ONE(a) OUT_ONE(b) OUT_ONE(c)) \
    R(int, uname, (struct utsname *to), (to), OUT_ONE(to)) \
    R(int, sysinfo, (struct sysinfo *to), (to), OUT_ONE(to)) \
    R(int, sethostname, (const char *name, size_t n), (name, n), IN(name, n)) \
    R(int, setdomainname, (const char *name, size_t n), (name, n), IN(name, n)) \
    R(int, klogctl, (int what, char *to, int n), (what, to, n), OUT(to, n > 0 ? (size_t)n : 0)) \
    R(int, execve, (const char *path, char *const *argv, char *const *envp), (path, argv, envp), \
      TEXT(path) TEXTS(argv) TEXTS(envp) LEAVES) \
    R(int, execv, (const char *path, char *const *argv), (path, argv), TEXT(path) TEXTS(argv) TEXTS(environ) LEAVES) \
    R(int, execvp, (const char *path, char *const *argv), (path, argv), TEXT(path) TEXTS(argv) TEXTS(environ) LEAVES) \
    R(int, execvpe, (const char *path, char *const *argv, char *const *envp), (path, argv, envp), \
      TEXT(path) TEXTS(argv) TEXTS(envp) LEAVES) \
    R(int, fexecve, (int fd, char *const *argv, char *const *envp), (fd, argv, envp), TEXTS(argv) TEXTS(envp) LEAVES) \
    R(int, execveat, (int fd, const char *path, char *const *argv, char *const *envp, int flags), \
      (fd, path, argv, envp, flags), TEXT(path) TEXTS(argv) TEXTS(envp) LEAVES)

#define LENSI_IO_QUEUES(R) \
    R(int, msgsnd, (int id, const void *from, size_t n, int flags), (id, from, n, flags), IN(from, n + sizeof(long))) \
    R(ssize_t, msgrcv, (int id, void *to, size_t n, long kind, int flags), (id, to, n, kind, flags), \
      OUT(to, n + sizeof(long))) \
    R(int, msgctl, (int id, int what, struct msqid_ds *to), (id, what, to), OUT_ONE(to)) \
    R(int, shmctl, (int id, int what, struct shmid_ds *to), (id, what, to), OUT_ONE(to)) \
    R(int, semop, (int id, struct sembuf *list, size_t n), (id, list, n), IN(list, n * sizeof *list)) \
    R(int, semtimedop, (int id, struct sembuf *list, size_t n, const struct timespec *t), (id, list, n, t), \
      IN(list, n * sizeof *list) IN_ONE(t)) \
    R(mqd_t, mq_unlink, (const char *name), (name), TEXT(name)) \
    R(int, mq_send, (mqd_t queue, const char *from, size_t n, unsigned rank), (queue, from, n, rank), IN(from, n)) \
    R(int, mq_timedsend, (mqd_t queue, const char *from, size_t n, unsigned rank, const struct timespec *t), \
      (queue, from, n, rank, t), IN(from, n) IN_ONE(t)) \
    R(ssize_t, mq_receive, (mqd_t queue, char *to, size_t n, unsigned *rank), (queue, to, n, rank), \
      OUT(to, n) OUT_ONE(rank)) \
    R(ssize_t, mq_timedreceive, (mqd_t queue, char *to, size_t n, unsigned *rank, const struct timespec *t), \
      (queue, to, n, rank, t), OUT(to, n) OUT_ONE(rank) IN_ONE(t)) \
    R(int, mq_getattr, (mqd_t queue, struct mq_attr *to), (queue, to), OUT_ONE(to)) \
    R(int, mq_setattr, (mqd_t queue, const struct mq_attr *from, struct mq_attr *old), (queue, from, old), \
      IN_ONE(from) OUT_ONE(old))

/* ---- objects that the kernel goes on using: futex words, signal stacks, thread stacks */
#define LENSI_IO_OBJECTS(R) \
    R(int, pthread_mutex_init, (pthread_mutex_t *it, const pthread_mutexattr_t *a), (it, a), FOREVER(it, sizeof *it)) \
    R(int, pthread_cond_init, (pthread_cond_t *it, const pthread_condattr_t *a), (it, a), FOREVER(it, sizeof *it)) \
    R(int, pthread_rwlock_init, (pthread_rwlock_t *it, const pthread_rwlockattr_t *a), (it, a), \
      FOREVER(it, sizeof *it)) \
    R(int, pthread_barrier_init, (pthread_barrier_t *it, const pthread_barrierattr_t *a, unsigned n), (it, a, n), \
      FOREVER(it, sizeof *it)) \
    R(int, sem_init, (sem_t *it, int shared, unsigned value), (it, shared, value), FOREVER(it, sizeof *it)) \
    R(int, mtx_init, (mtx_t *it, int kind), (it, kind), FOREVER(it, sizeof *it)) \
    R(int, cnd_init, (cnd_t *it), (it), FOREVER(it, sizeof *it)) \
    LENSI_IO_LOCKS(R) \
    R(int, pthread_attr_setstack, (pthread_attr_t *a, void *stack, size_t n), (a, stack, n), FOREVER(stack, n)) \
    R(int, sigwait, (const sigset_t *set, int *to), (set, to), IN(set, 8) OUT_ONE(to)) \
    R(int, sigwaitinfo, (const sigset_t *set, siginfo_t *to), (set, to), IN(set, 8) OUT_ONE(to)) \
    R(int, sigtimedwait, (const sigset_t *set, siginfo_t *to, const struct timespec *t), (set, to, t), \
      IN(set, 8) OUT_ONE(to) IN_ONE(t)) \
    R(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), IN(set, 8))

/*
 * Locks that nobody initialised by a call (PTHREAD_COND_INITIALIZER in a structure, std::condition_variable): the
 * kernel looks at their words while it puts a thread to sleep. Waking needs no memory, but a signal may have to wait,
 * too.
 */
#define LENSI_IO_LOCKS(R) \
    R(int, pthread_mutex_lock, (pthread_mutex_t *it), (it), OUT_ONE(it)) \
    R(int, pthread_mutex_timedlock, (pthread_mutex_t *it, const struct timespec *t), (it, t), OUT_ONE(it) IN_ONE(t)) \
    R(int, pthread_mutex_clocklock, (pthread_mutex_t *it, clockid_t clock, const struct timespec *t), (it, clock, t), \
      OUT_ONE(it) IN_ONE(t)) \
    R(int, pthread_rwlock_rdlock, (pthread_rwlock_t *it), (it), OUT_ONE(it)) \
    R(int, pthread_rwlock_wrlock, (pthread_rwlock_t *it), (it), OUT_ONE(it)) \
    R(int, pthread_rwlock_timedrdlock, (pthread_rwlock_t *it, const struct timespec *t), (it, t), OUT_ONE(it) IN_ONE(t)) \
    R(int, pthread_rwlock_timedwrlock, (pthread_rwlock_t *it, const struct timespec *t), (it, t), OUT_ONE(it) IN_ONE(t)) \
    R(int, pthread_rwlock_clockrdlock, (pthread_rwlock_t *it, clockid_t clock, const struct timespec *t), (it, clock, t), \
      OUT_ONE(it) IN_ONE(t)) \
    R(int, pthread_rwlock_clockwrlock, (pthread_rwlock_t *it, clockid_t clock, const struct timespec *t), (it, clock, t), \
      OUT_ONE(it) IN_ONE(t)) \
    R(int, pthread_cond_wait, (pthread_cond_t *it, pthread_mutex_t *mutex), (it, mutex), OUT_ONE(it) OUT_ONE(mutex)) \
    R(int, pthread_cond_timedwait, (pthread_cond_t *it, pthread_mutex_t *mutex, const struct timespec *t), \
      (it, mutex, t), OUT_ONE(it) OUT_ONE(mutex) IN_ONE(t)) \
    R(int, pthread_cond_clockwait, (pthread_cond_t *it, pthread_mutex_t *mutex, clockid_t clock, \
      const struct timespec *t), (it, mutex, clock, t), OUT_ONE(it) OUT_ONE(mutex) IN_ONE(t)) \
    R(int, pthread_cond_signal, (pthread_cond_t *it), (it), OUT_ONE(it)) \
    R(int, pthread_cond_broadcast, (pthread_cond_t *it), (it), OUT_ONE(it)) \
    R(int, pthread_once, (pthread_once_t *it, void (*run)(void)), (it, run), OUT_ONE(it)) \
    R(int, sem_wait, (sem_t *it), (it), OUT_ONE(it)) \
    R(int, sem_timedwait, (sem_t *it, const struct timespec *t), (it, t), OUT_ONE(it) IN_ONE(t)) \
    R(int, sem_clockwait, (sem_t *it, clockid_t clock, const struct timespec *t), (it, clock, t), OUT_ONE(it) IN_ONE(t))

/* ---- who may do what, accounts of the system, mounts, modules */
#define LENSI_IO_SYSTEM(R) \
    R(int, capget, (void *header, void *to), (header, to), OUT(header, 8) OUT(to, 24)) \
    R(int, capset, (void *header, const void *from), (header, from), OUT(header, 8) IN(from, 24)) \
    R(int, quotactl, (int what, const char *path, int id, char *at), (what, path, id, at), TEXT(path) AROUND(at)) \
    R(int, ntp_adjtime, (struct timex *t), (t), OUT_ONE(t)) \
    R(int, __adjtimex, (struct timex *t), (t), OUT_ONE(t)) \
    R(int, pthread_setschedparam, (pthread_t thread, int policy, const struct sched_param *from), (thread, policy, from), \
      IN_ONE(from)) \
    R(int, getcpu, (unsigned *cpu, unsigned *node), (cpu, node), OUT_ONE(cpu) OUT_ONE(node)) \
    R(int, modify_ldt, (int what, void *at, unsigned long n), (what, at, n), OUT(at, n)) \
    R(mqd_t, __mq_open_2, (const char *name, int flags), (name, flags), TEXT(name)) \
    R(int, pidfd_send_signal, (int fd, int number, siginfo_t *from, unsigned flags), (fd, number, from, flags), IN_ONE(from)) \
    R(int, pivot_root, (const char *to, const char *old), (to, old), TEXT(to) TEXT(old)) \
    R(int, open_tree, (int fd, const char *path, unsigned flags), (fd, path, flags), TEXT(path)) \
    R(int, move_mount, (int fd, const char *from, int other, const char *to, unsigned flags), (fd, from, other, to, flags), \
      TEXT(from) TEXT(to)) \
    R(int, fsopen, (const char *name, unsigned flags), (name, flags), TEXT(name)) \
    R(int, fspick, (int fd, const char *path, unsigned flags), (fd, path, flags), TEXT(path)) \
    R(int, fsconfig, (int fd, unsigned what, const char *key, const void *value, int n), (fd, what, key, value, n), \
      TEXT(key) TEXT(value) IN(value, n > 0 ? (size_t)n : 0)) \
    R(int, mount_setattr, (int fd, const char *path, unsigned flags, struct mount_attr *from, size_t n), \
      (fd, path, flags, from, n), TEXT(path) IN(from, n)) \
    R(int, init_module, (void *from, unsigned long n, const char *how), (from, n, how), IN(from, n) TEXT(how)) \
    R(int, delete_module, (const char *name, unsigned flags), (name, flags), TEXT(name))

/* ---- calls whose entry of the kernel is inside libc, where no hook is; and further names of calls above */
#define LENSI_IO_INSIDE(R) \
    R(struct utmp *, pututline, (const struct utmp *from), (from), IN_ONE(from)) \
    R(struct utmpx *, pututxline, (const struct utmpx *from), (from), IN_ONE(from)) \
    R(int, openpty, (int *own, int *other, char *name, const struct termios *how, const struct winsize *size), \
      (own, other, name, how, size), IN_ONE(how) IN_ONE(size)) \
    R(int, forkpty, (int *own, char *name, const struct termios *how, const struct winsize *size), (own, name, how, size), \
      IN_ONE(how) IN_ONE(size)) \
    R(ssize_t, getdirentries, (int fd, char *to, size_t n, off_t *at), (fd, to, n, at), OUT(to, n) OUT_ONE(at)) \
    R(ssize_t, getdirentries64, (int fd, char *to, size_t n, off64_t *at), (fd, to, n, at), OUT(to, n) OUT_ONE(at)) \
    R(int, scandir, (const char *path, struct dirent ***to, int (*is_wanted)(const struct dirent *), \
      int (*order)(const struct dirent **, const struct dirent **)), (path, to, is_wanted, order), TEXT(path)) \
    R(int, scandir64, (const char *path, struct dirent64 ***to, int (*is_wanted)(const struct dirent64 *), \
      int (*order)(const struct dirent64 **, const struct dirent64 **)), (path, to, is_wanted, order), TEXT(path)) \
    R(int, scandirat, (int fd, const char *path, struct dirent ***to, int (*is_wanted)(const struct dirent *), \
      int (*order)(const struct dirent **, const struct dirent **)), (fd, path, to, is_wanted, order), TEXT(path)) \
    R(int, scandirat64, (int fd, const char *path, struct dirent64 ***to, int (*is_wanted)(const struct dirent64 *), \
      int (*order)(const struct dirent64 **, const struct dirent64 **)), (fd, path, to, is_wanted, order), TEXT(path)) \
    R(FILE *, setmntent, (const char *path, const char *mode), (path, mode), TEXT(path)) \
    R(nl_catd, catopen, (const char *path, int flags), (path, flags), TEXT(path)) \
    R(pid_t, __wait, (int *status), (status), OUT_ONE(status)) \
    R(pid_t, __waitpid, (pid_t pid, int *status, int flags), (pid, status, flags), OUT_ONE(status)) \
    R(int, __pipe, (int ends[2]), (ends), OUT(ends, 2 * sizeof *ends)) \
    R(int, __nanosleep, (const struct timespec *t, struct timespec *left), (t, left), IN_ONE(t) OUT_ONE(left)) \
    R(int, thrd_sleep, (const struct timespec *t, struct timespec *left), (t, left), IN_ONE(t) OUT_ONE(left)) \
    R(int, __ttyname_r_chk, (int fd, char *to, size_t n, size_t room), (fd, to, n, room), OUT(to, n)) \
    R(int, __statfs, (const char *path, struct statfs *to), (path, to), TEXT(path) OUT_ONE(to)) \
    R(int, __getgroups_chk, (int n, gid_t *to, size_t room), (n, to, room), OUT(to, n > 0 ? (size_t)n * sizeof *to : 0)) \
    R(int, __sched_getparam, (pid_t pid, struct sched_param *to), (pid, to), OUT_ONE(to)) \
    R(int, __sched_setscheduler, (pid_t pid, int policy, const struct sched_param *from), (pid, policy, from), IN_ONE(from))

/*
 * The resolver sends questions and receives answers where the caller has them; its state has the servers' addresses.
 * Names that are made up for temporary files are looked for where they are made up. libc keeps what putenv is given,
 * and hands it on.
 */
#define LENSI_RES_ASK(R, name) \
    R(int, name, (const char *what, int class, int kind, unsigned char *to, int n), (what, class, kind, to, n), \
      OUT(to, n > 0 ? (size_t)n : 0))
#define LENSI_RES_ASK_IN(R, name) \
    R(int, name, (const char *what, const char *domain, int class, int kind, unsigned char *to, int n), \
      (what, domain, class, kind, to, n), OUT(to, n > 0 ? (size_t)n : 0))
#define LENSI_RES_SEND(R, name) \
    R(int, name, (const unsigned char *from, int size, unsigned char *to, int n), (from, size, to, n), \
      IN(from, size > 0 ? (size_t)size : 0) OUT(to, n > 0 ? (size_t)n : 0))
#define LENSI_RES_BYTES 568 /* sizeof(struct __res_state) */
#define LENSI_RES_NASK(R, name) \
    R(int, name, (void *state, const char *what, int class, int kind, unsigned char *to, int n), \
      (state, what, class, kind, to, n), OUT(state, LENSI_RES_BYTES) OUT(to, n > 0 ? (size_t)n : 0))
#define LENSI_RES_NASK_IN(R, name) \
    R(int, name, (void *state, const char *what, const char *domain, int class, int kind, unsigned char *to, int n), \
      (state, what, domain, class, kind, to, n), OUT(state, LENSI_RES_BYTES) OUT(to, n > 0 ? (size_t)n : 0))
#define LENSI_RES_NSEND(R, name) \
    R(int, name, (void *state, const unsigned char *from, int size, unsigned char *to, int n), (state, from, size, to, n), \
      OUT(state, LENSI_RES_BYTES) IN(from, size > 0 ? (size_t)size : 0) OUT(to, n > 0 ? (size_t)n : 0))
#define LENSI_IO_NAMES(R) \
    LENSI_RES_ASK(R, res_query) LENSI_RES_ASK(R, __res_query) LENSI_RES_ASK(R, res_search) LENSI_RES_ASK(R, __res_search) \
    LENSI_RES_ASK_IN(R, res_querydomain) LENSI_RES_ASK_IN(R, __res_querydomain) \
    LENSI_RES_SEND(R, res_send) LENSI_RES_SEND(R, __res_send) \
    LENSI_RES_NASK(R, res_nquery) LENSI_RES_NASK(R, __res_nquery) LENSI_RES_NASK(R, res_nsearch) LENSI_RES_NASK(R, __res_nsearch) \
    LENSI_RES_NASK_IN(R, res_nquerydomain) LENSI_RES_NASK_IN(R, __res_nquerydomain) \
    LENSI_RES_NSEND(R, res_nsend) LENSI_RES_NSEND(R, __res_nsend) \
    R(int, bindresvport, (int fd, struct sockaddr_in *who), (fd, who), OUT_ONE(who)) \
    R(int, rcmd, (char **host, unsigned short port, const char *own, const char *user, const char *command, int *fd), \
      (host, port, own, user, command, fd), TEXT(own) TEXT(user) TEXT(command)) \
    R(int, rcmd_af, (char **host, unsigned short port, const char *own, const char *user, const char *command, int *fd, \
      sa_family_t family), (host, port, own, user, command, fd, family), TEXT(own) TEXT(user) TEXT(command)) \
    R(int, rexec, (char **host, int port, const char *user, const char *word, const char *command, int *fd), \
      (host, port, user, word, command, fd), TEXT(user) TEXT(word) TEXT(command)) \
    R(int, rexec_af, (char **host, int port, const char *user, const char *word, const char *command, int *fd, \
      sa_family_t family), (host, port, user, word, command, fd, family), TEXT(user) TEXT(word) TEXT(command)) \
    R(char *, mktemp, (char *path), (path), TEXT(path)) \
    R(char *, tempnam, (const char *path, const char *name), (path, name), TEXT(path)) \
    R(char *, tmpnam_r, (char to[L_tmpnam]), (to), OUT(to, L_tmpnam)) \
    R(int, putenv, (char *text), (text), FOREVER_TEXT(text))

/* ---- further names of calls above, most of them for programs of old; and calls that keep what they are given */
#define LENSI_IO_OLD(R) \
    R(int, __xmknod, (int version, const char *path, mode_t mode, dev_t *device), (version, path, mode, device), TEXT(path)) \
    R(int, __xmknodat, (int version, int fd, const char *path, mode_t mode, dev_t *device), \
      (version, fd, path, mode, device), TEXT(path)) \
    R(FILE *, __setmntent, (const char *path, const char *mode), (path, mode), TEXT(path)) \
    R(int, arch_prctl, (int what, void *at), (what, at), AROUND(at)) \
    R(int, __arch_prctl, (int what, void *at), (what, at), AROUND(at)) \
    R(int, __gettimeofday, (struct timeval *to, void *zone), (to, zone), OUT_ONE(to) OUT(zone, sizeof(struct timezone))) \
    R(int, timespec_get, (struct timespec *to, int base), (to, base), OUT_ONE(to)) \
    R(int, timespec_getres, (struct timespec *to, int base), (to, base), OUT_ONE(to)) \
    R(int, __pthread_mutex_init, (pthread_mutex_t *it, const pthread_mutexattr_t *a), (it, a), FOREVER(it, sizeof *it)) \
    R(int, __pthread_rwlock_init, (pthread_rwlock_t *it, const pthread_rwlockattr_t *a), (it, a), FOREVER(it, sizeof *it)) \
    R(int, __pthread_mutex_lock, (pthread_mutex_t *it), (it), OUT_ONE(it)) \
    R(int, __pthread_rwlock_rdlock, (pthread_rwlock_t *it), (it), OUT_ONE(it)) \
    R(int, __pthread_rwlock_wrlock, (pthread_rwlock_t *it), (it), OUT_ONE(it)) \
    R(int, __pthread_once, (pthread_once_t *it, void (*run)(void)), (it, run), OUT_ONE(it)) \
    R(int, pthread_cond_destroy, (pthread_cond_t *it), (it), OUT_ONE(it)) \
    R(int, pthread_timedjoin_np, (pthread_t thread, void **to, const struct timespec *t), (thread, to, t), IN_ONE(t)) \
    R(int, pthread_clockjoin_np, (pthread_t thread, void **to, clockid_t clock, const struct timespec *t), \
      (thread, to, clock, t), IN_ONE(t)) \
    R(int, profil, (unsigned short *to, size_t n, size_t offset, unsigned scale), (to, n, offset, scale), FOREVER(to, n)) \
    R(int, sprofil, (struct prof *list, int n, struct timeval *t, unsigned flags), (list, n, t, flags), \
      FOREVER_PROFILES(list, n)) \
    R(size_t, _IO_fread, (void *to, size_t size, size_t n, FILE *stream), (to, size, n, stream), OUT(to, size * n)) \
    R(size_t, _IO_sgetn, (FILE *stream, void *to, size_t n), (stream, to, n), OUT(to, n)) \
    R(ssize_t, _IO_file_read, (FILE *stream, void *to, ssize_t n), (stream, to, n), OUT(to, n > 0 ? (size_t)n : 0)) \
    R(size_t, _IO_fwrite, (const void *from, size_t size, size_t n, FILE *stream), (from, size, n, stream), IN(from, size * n)) \
    R(ssize_t, _IO_file_write, (FILE *stream, const void *from, ssize_t n), (stream, from, n), IN(from, n > 0 ? (size_t)n : 0)) \
    R(size_t, _IO_file_xsputn, (FILE *stream, const void *from, size_t n), (stream, from, n), IN(from, n)) \
    R(int, _IO_do_write, (FILE *stream, const char *from, size_t n), (stream, from, n), IN(from, n)) \
    R(int, _IO_fputs, (const char *text, FILE *stream), (text, stream), TEXT(text)) \
    R(int, _IO_puts, (const char *text), (text), TEXT(text)) \
    R(FILE *, _IO_fopen, (const char *path, const char *mode), (path, mode), TEXT(path)) \
    R(FILE *, _IO_file_fopen, (FILE *stream, const char *path, const char *mode, int is32), (stream, path, mode, is32), TEXT(path)) \
    R(FILE *, _IO_file_open, (FILE *stream, const char *path, int flags, int mode, int how, int is32), \
      (stream, path, flags, mode, how, is32), TEXT(path)) \
    R(FILE *, _IO_popen, (const char *command, const char *mode), (command, mode), TEXT(command) TEXTS(environ)) \
    R(FILE *, _IO_proc_open, (FILE *stream, const char *command, const char *mode), (stream, command, mode), \
      TEXT(command) TEXTS(environ)) \
    R(FILE *, _IO_file_setbuf, (FILE *stream, char *buffer, ssize_t n), (stream, buffer, n), FOREVER(buffer, n > 0 ? (size_t)n : 0)) \
    R(int, _IO_setvbuf, (FILE *stream, char *buffer, int mode, size_t n), (stream, buffer, mode, n), FOREVER(buffer, n))

#define LENSI_IO_HAND(H) \
    /* files.c */ \
    H(open) H(open64) H(__open) H(__open64) H(__open_2) H(__open64_2) H(openat) H(openat64) H(__openat_2) \
    H(__openat64_2) H(creat) H(creat64) H(fopen) H(fopen64) H(freopen) H(freopen64) H(fclose) \
    H(close) H(__close) H(close_range) H(closefrom) H(dup2) H(__dup2) H(dup3) \
    H(dup) H(fdopen) H(pidfd_getfd) H(recvmsg) H(recvmmsg) \
    /* stdio.c, stdio_print.c */ \
    H(fread) H(fread_unlocked) H(__fread_chk) H(__fread_unlocked_chk) H(fwrite) H(fwrite_unlocked) H(fputs) \
    H(fputs_unlocked) H(puts) H(setvbuf) H(setbuf) H(setbuffer) \
    H(printf) H(fprintf) H(dprintf) H(vprintf) H(vfprintf) H(vdprintf) H(__printf_chk) H(__fprintf_chk) \
    H(_IO_vfprintf) H(_IO_printf) H(_IO_fprintf) H(_IO_setbuffer) H(verr) H(verrx) H(vwarn) H(vwarnx) H(err) H(errx) \
    H(warn) H(warnx) \
    H(__dprintf_chk) H(__vprintf_chk) H(__vfprintf_chk) H(__vdprintf_chk) \
    /* io_control.c */ \
    H(ioctl) H(fcntl) H(fcntl64) H(prctl) H(semctl) H(execl) H(execlp) H(execle) \
    H(mq_open) H(syscall) H(ptrace) H(arc4random_buf) H(updwtmp) H(updwtmpx) \
    H(__fcntl) H(perror) H(herror) H(psignal) H(call_once) \
    /* io_memory.c */ \
    H(madvise) H(posix_madvise) H(mprotect) H(pkey_mprotect) H(munmap) H(mremap) H(mmap) H(mmap64) H(process_madvise) \
    H(remap_file_pages) H(shmat) \
    /* io_lock.c */ \
    H(mlock) H(mlock2) H(mlockall) \
    /* io_limits.c */ \
    H(setrlimit) H(setrlimit64) H(getrlimit) H(getrlimit64) H(prlimit) H(prlimit64) \
    /* signals.c, masks.c */ \
    H(sigaction) H(__sigaction) H(signal) H(bsd_signal) H(ssignal) H(sysv_signal) H(__sysv_signal) H(sigset) \
    H(sigignore) H(sighold) H(sigrelse) H(siginterrupt) H(sigprocmask) H(pthread_sigmask) H(sigblock) \
    H(sigsetmask) H(siggetmask) H(sigsuspend) H(__sigsuspend) H(pthread_attr_setsigmask_np) H(pthread_create) H(thrd_create) \
    H(sigpending) H(sigpause) H(__sigpause) \
    /* contexts.c */ \
    H(getcontext) H(setcontext) H(swapcontext) H(makecontext) H(__sigsetjmp) H(setjmp) H(longjmp) H(_longjmp) \
    H(siglongjmp) H(__longjmp_chk) \
    /* notify.c */ \
    H(timer_create) H(mq_notify) H(getaddrinfo_a) H(aio_fsync) H(aio_fsync64) \
    /* altstack.c */ \
    H(sigaltstack) \
    /* deepbind.c */ \
    H(dlopen) H(dlsym) \
    /* unload.c */ \
    H(dlclose) \
    /* process.c */ \
    H(clone) H(__clone) H(fork) H(__fork) H(_Fork) H(_exit) H(_Exit) \
    /* io.c */ \
    H(posix_spawn) H(posix_spawnp) H(system) H(popen)
