/* io_table_cases.h - the rows of io_table.c, in the order of preload/io_table.h. */
#define SECOND {0, 1000000}
#define IO_TABLE_CASES \
    CASES_FILES CASES_SOCKETS CASES_WAITING CASES_STATUS CASES_PATHS CASES_ATTRIBUTES CASES_TIME CASES_PROCESS \
    CASES_QUEUES CASES_OBJECTS CASES_SYSTEM CASES_INSIDE CASES_NAMES CASES_OLD CASES_HAND CASES_MESSAGES

#define CASES_FILES \
    O(read, READ_OK(read(file_fd, out, 20))) \
    O(__read, READ_OK(__read(file_fd, out, 20))) \
    O(__read_chk, READ_OK(__read_chk(file_fd, out, 20, PAGE))) \
    O(pread, READ_OK(pread(file_fd, out, 20, 0))) \
    O(pread64, READ_OK(pread64(file_fd, out, 20, 0))) \
    O(__pread64, READ_OK(__pread64(file_fd, out, 20, 0))) \
    O(__pread_chk, READ_OK(__pread_chk(file_fd, out, 20, 0, PAGE))) \
    O(__pread64_chk, READ_OK(__pread64_chk(file_fd, out, 20, 0, PAGE))) \
    O(readv, READ_OK(readv(file_fd, VECTOR_OF(out), 1))) \
    O(preadv, READ_OK(preadv(file_fd, VECTOR_OF(out), 1, 0))) \
    O(preadv64, READ_OK(preadv64(file_fd, VECTOR_OF(out), 1, 0))) \
    O(preadv2, READ_OK(preadv2(file_fd, VECTOR_OF(out), 1, -1, 0))) \
    O(preadv64v2, READ_OK(preadv64v2(file_fd, VECTOR_OF(out), 1, 0, 0))) \
    T(write, "written", write(sink_fd, in, 20) == 20) \
    T(__write, "written", __write(sink_fd, in, 20) == 20) \
    T(pwrite, "written", pwrite(sink_fd, in, 20, 0) == 20) \
    T(pwrite64, "written", pwrite64(sink_fd, in, 20, 0) == 20) \
    T(__pwrite64, "written", __pwrite64(sink_fd, in, 20, 0) == 20) \
    T(writev, "written", writev(sink_fd, VECTOR_OF(in), 1) == 20) \
    T(pwritev, "written", pwritev(sink_fd, VECTOR_OF(in), 1, 0) == 20) \
    T(pwritev64, "written", pwritev64(sink_fd, VECTOR_OF(in), 1, 0) == 20) \
    T(pwritev2, "written", pwritev2(sink_fd, VECTOR_OF(in), 1, 0, 0) == 20) \
    T(pwritev64v2, "written", pwritev64v2(sink_fd, VECTOR_OF(in), 1, 0, 0) == 20) \
    T(vmsplice, "spliced", ({ int p[2]; pipe(p) == 0 && vmsplice(p[1], VECTOR_OF(in), 1, 0) == 20; })) \
    D(splice, ((off64_t){3}), ({ int p[2]; pipe(p) == 0 && splice(file_fd, AT(off64_t), p[1], NULL, 5, 0) == 5 && *AT(off64_t) == 8; })) \
    D(copy_file_range, ((off64_t){3}), copy_file_range(file_fd, AT(off64_t), sink_fd, NULL, 5, 0) == 5 && *AT(off64_t) == 8) \
    D(sendfile, ((off_t){3}), sendfile(sockets[0], file_fd, AT(off_t), 5) == 5 && *AT(off_t) == 8) \
    D(sendfile64, ((off64_t){3}), sendfile64(sockets[0], file_fd, AT(off64_t), 5) == 5 && *AT(off64_t) == 8) \
    T(process_vm_readv, "abc", process_vm_readv(getpid(), VECTOR_OF(out), 1, VECTOR_OF(in), 1, 0) == 20 && !strcmp(out, "abc")) \
    T(process_vm_writev, "abc", process_vm_writev(getpid(), VECTOR_OF(in), 1, VECTOR_OF(out), 1, 0) == 20 && !strcmp(out, "abc")) \
    O(getrandom, getrandom(out, 64, 0) == 64) \
    O(getentropy, getentropy(out, 64) == 0) \
    O(getdents64, ({ int d = open("/", O_RDONLY | O_DIRECTORY); FILLED(getdents64(d, out, PAGE) > 0); })) \
    O(pipe, pipe(TO(int)) == 0 && *TO(int) > 2) \
    O(pipe2, pipe2(TO(int), O_CLOEXEC) == 0 && *TO(int) > 2) \
    O(eventfd_read, eventfd_read(event_fd, TO(eventfd_t)) == 0 && *TO(eventfd_t) == 5) \
    T(memfd_create, "name", memfd_create(in, 0) > 2) \
    O(mincore, FILLED(mincore((void *)((uintptr_t)&in & ~4095ul), 4096, TO(unsigned char)) == 0)) \
    O(aio_read, ({ struct aiocb a = {.aio_fildes = file_fd, .aio_buf = out, .aio_nbytes = 20}; aio_read(&a) == 0 && READ_OK(wait_for_aio(&a)); })) \
    D(aio_fsync, ((struct aiocb){.aio_fildes = 1}), aio_fsync(O_SYNC, AT(struct aiocb)) == 0 && wait_for_aio(AT(struct aiocb)) >= -1) \
    D(aio_fsync64, ((struct aiocb64){.aio_fildes = 1}), aio_fsync64(O_SYNC, AT(struct aiocb64)) == 0 && wait_for_aio(AT(struct aiocb)) >= -1) \
    O(aio_read64, ({ struct aiocb a = {.aio_fildes = file_fd, .aio_buf = out, .aio_nbytes = 20}; aio_read64((struct aiocb64 *)&a) == 0 && READ_OK(wait_for_aio(&a)); })) \
    T(aio_write, "w", ({ struct aiocb a = {.aio_fildes = sink_fd, .aio_buf = in, .aio_nbytes = 20}; aio_write(&a) == 0 && wait_for_aio(&a) == 20; })) \
    T(aio_write64, "w", ({ struct aiocb a = {.aio_fildes = sink_fd, .aio_buf = in, .aio_nbytes = 20}; aio_write64((struct aiocb64 *)&a) == 0 && wait_for_aio(&a) == 20; })) \
    O(lio_listio, ({ struct aiocb a = {.aio_fildes = file_fd, .aio_buf = out, .aio_nbytes = 20, .aio_lio_opcode = LIO_READ}, *l[] = {&a}; lio_listio(LIO_WAIT, l, 1, NULL) == 0 && READ_OK(wait_for_aio(&a)); })) \
    O(lio_listio64, ({ struct aiocb64 a = {.aio_fildes = file_fd, .aio_buf = out, .aio_nbytes = 20, .aio_lio_opcode = LIO_READ}, *l[] = {&a}; lio_listio64(LIO_WAIT, l, 1, NULL) == 0 && READ_OK(aio_return64(&a)); }))

#define ADDRESS_AT ((struct sockaddr_un){AF_UNIX, "socket"})
#define CASES_SOCKETS \
    O(recv, SEND_FIRST(FILE_TEXT) && READ_OK(recv(sockets[0], out, 20, 0))) \
    O(__recv_chk, SEND_FIRST(FILE_TEXT) && READ_OK(__recv_chk(sockets[0], out, 20, PAGE, 0))) \
    O(recvfrom, SEND_FIRST(FILE_TEXT) && READ_OK(recvfrom(sockets[0], out, 20, 0, (void *)(out + 200), &address_bytes))) \
    O(__recvfrom_chk, SEND_FIRST(FILE_TEXT) && READ_OK(__recvfrom_chk(sockets[0], out, 20, PAGE, 0, (void *)(out + 200), &address_bytes))) \
    O(recvmsg, SEND_FIRST(FILE_TEXT) && READ_OK(recvmsg(sockets[0], MESSAGE_OF(out), 0))) \
    O(recvmmsg, ({ struct mmsghdr m = {*MESSAGE_OF(out), 0}; SEND_FIRST(FILE_TEXT) && recvmmsg(sockets[0], &m, 1, 0, NULL) == 1 && READ_OK(m.msg_len); })) \
    T(send, "sent", send(sockets[0], in, 20, 0) == 20) \
    T(__send, "sent", __send(sockets[0], in, 20, 0) == 20) \
    T(sendto, "sent", sendto(sockets[0], in, 20, 0, NULL, 0) == 20) \
    T(sendmsg, "sent", sendmsg(sockets[0], MESSAGE_OF(in), 0) == 20) \
    T(sendmmsg, "sent", ({ struct mmsghdr m = {*MESSAGE_OF(in), 0}; sendmmsg(sockets[0], &m, 1, 0) == 1 && m.msg_len == 20; })) \
    D(bind, ADDRESS_AT, ({ int s = socket(AF_UNIX, SOCK_STREAM, 0); bind(s, AT(struct sockaddr), sizeof ADDRESS_AT) == 0 && listen(s, 5) == 0; })) \
    D(connect, ADDRESS_AT, ({ int s = socket(AF_UNIX, SOCK_STREAM, 0); connect(s, AT(struct sockaddr), sizeof ADDRESS_AT) == 0; })) \
    D(__connect, ADDRESS_AT, ({ int s = socket(AF_UNIX, SOCK_STREAM, 0); __connect(s, AT(struct sockaddr), sizeof ADDRESS_AT) == 0; })) \
    D(accept, ((socklen_t){100}), ({ int s = listener("a"); FILLED(accept(s, TO(struct sockaddr), AT(socklen_t)) > 2); })) \
    D(accept4, ((socklen_t){100}), ({ int s = listener("b"); FILLED(accept4(s, TO(struct sockaddr), AT(socklen_t), 0) > 2); })) \
    D(getsockname, ((socklen_t){100}), FILLED(getsockname(sockets[0], TO(struct sockaddr), AT(socklen_t)) == 0)) \
    D(getpeername, ((socklen_t){100}), FILLED(getpeername(sockets[0], TO(struct sockaddr), AT(socklen_t)) == 0)) \
    D(getsockopt, ((socklen_t){4}), FILLED(getsockopt(sockets[0], SOL_SOCKET, SO_TYPE, out, AT(socklen_t)) == 0)) \
    D(setsockopt, ((int){1}), setsockopt(sockets[0], SOL_SOCKET, SO_KEEPALIVE, in, 4) == 0) \
    O(socketpair, FILLED(socketpair(AF_UNIX, SOCK_STREAM, 0, TO(int)) == 0))

#define ONE_POLL ((struct pollfd){1000, POLLIN, 0})
#define CASES_WAITING \
    D(poll, ONE_POLL, poll(AT(struct pollfd), 1, 0) == 1 && AT(struct pollfd)->revents == POLLNVAL) \
    D(__poll, ONE_POLL, __poll(AT(struct pollfd), 1, 0) == 1) \
    D(__poll_chk, ONE_POLL, __poll_chk(AT(struct pollfd), 1, 0, PAGE) == 1) \
    D(ppoll, ONE_POLL, ppoll(AT(struct pollfd), 1, NULL, NULL) == 1) \
    D(__ppoll_chk, ONE_POLL, __ppoll_chk(AT(struct pollfd), 1, NULL, NULL, PAGE) == 1) \
    D(select, ((fd_set){{1}}), select(1, AT(fd_set), NULL, NULL, &(struct timeval){0, 1}) >= 0) \
    D(__select, ((fd_set){{1}}), __select(1, AT(fd_set), NULL, NULL, &(struct timeval){0, 1}) >= 0) \
    D(pselect, ((struct timespec)SECOND), pselect(0, NULL, NULL, NULL, AT(struct timespec), NULL) == 0) \
    D(epoll_ctl, ((struct epoll_event){EPOLLIN, {.u64 = 7}}), epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, AT(struct epoll_event)) == 0) \
    O(epoll_wait, ready_epoll() && FILLED(epoll_wait(epoll_fd, TO(struct epoll_event), 2, 0) == 1)) \
    O(epoll_pwait, ready_epoll() && FILLED(epoll_pwait(epoll_fd, TO(struct epoll_event), 2, 0, NULL) == 1)) \
    D(epoll_pwait2, ((struct timespec)SECOND), ready_epoll() && FILLED(epoll_pwait2(epoll_fd, TO(struct epoll_event), 2, AT(struct timespec), NULL) == 1)) \
    T(inotify_add_watch, "/", inotify_add_watch(inotify_init1(0), in, IN_CREATE) > 0) \
    T(fanotify_mark, "/nonexistent/x", NOT_A_FAULT(fanotify_mark(fanotify_init(0, 0), FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, in)))

#define CASES_STATUS \
    T(stat, "/dev/null", FILLED(stat(in, TO(struct stat)) == 0)) \
    T(stat64, "/dev/null", FILLED(stat64(in, TO(struct stat64)) == 0)) \
    T(lstat, "/dev/null", FILLED(lstat(in, TO(struct stat)) == 0)) \
    T(lstat64, "/dev/null", FILLED(lstat64(in, TO(struct stat64)) == 0)) \
    O(fstat, FILLED(fstat(null_fd, TO(struct stat)) == 0)) \
    O(fstat64, FILLED(fstat64(null_fd, TO(struct stat64)) == 0)) \
    T(fstatat, "/dev/null", FILLED(fstatat(AT_FDCWD, in, TO(struct stat), 0) == 0)) \
    T(fstatat64, "/dev/null", FILLED(fstatat64(AT_FDCWD, in, TO(struct stat64), 0) == 0)) \
    T(__xstat, "/dev/null", FILLED(__xstat(1, in, TO(struct stat)) == 0)) \
    T(__xstat64, "/dev/null", FILLED(__xstat64(1, in, TO(struct stat64)) == 0)) \
    T(__lxstat, "/dev/null", FILLED(__lxstat(1, in, TO(struct stat)) == 0)) \
    T(__lxstat64, "/dev/null", FILLED(__lxstat64(1, in, TO(struct stat64)) == 0)) \
    O(__fxstat, FILLED(__fxstat(1, null_fd, TO(struct stat)) == 0)) \
    O(__fxstat64, FILLED(__fxstat64(1, null_fd, TO(struct stat64)) == 0)) \
    T(__fxstatat, "/dev/null", FILLED(__fxstatat(1, AT_FDCWD, in, TO(struct stat), 0) == 0)) \
    T(__fxstatat64, "/dev/null", FILLED(__fxstatat64(1, AT_FDCWD, in, TO(struct stat64), 0) == 0)) \
    T(statx, "/dev/null", FILLED(statx(AT_FDCWD, in, 0, STATX_ALL, TO(struct statx)) == 0)) \
    T(statfs, "/", FILLED(statfs(in, TO(struct statfs)) == 0)) \
    T(statfs64, "/", FILLED(statfs64(in, TO(struct statfs64)) == 0)) \
    O(fstatfs, FILLED(fstatfs(file_fd, TO(struct statfs)) == 0)) \
    O(fstatfs64, FILLED(fstatfs64(file_fd, TO(struct statfs64)) == 0)) \
    T(statvfs, "/", FILLED(statvfs(in, TO(struct statvfs)) == 0)) \
    T(statvfs64, "/", FILLED(statvfs64(in, TO(struct statvfs64)) == 0)) \
    T(readlink, "/proc/self/exe", FILLED(readlink(in, out, 1000) > 0)) \
    T(__readlink_chk, "/proc/self/exe", FILLED(__readlink_chk(in, out, 1000, PAGE) > 0)) \
    T(readlinkat, "/proc/self/exe", FILLED(readlinkat(AT_FDCWD, in, out, 1000) > 0)) \
    T(__readlinkat_chk, "/proc/self/exe", FILLED(__readlinkat_chk(AT_FDCWD, in, out, 1000, PAGE) > 0)) \
    O(getcwd, FILLED(getcwd(out, 1000) == out)) \
    O(__getcwd_chk, FILLED(__getcwd_chk(out, 1000, PAGE) == out)) \
    T(realpath, "/proc/self/exe", FILLED(realpath(in, out) == out)) \
    T(__realpath_chk, "/proc/self/exe", FILLED(__realpath_chk(in, out, PAGE) == out)) \
    T(canonicalize_file_name, "/proc/self/exe", canonicalize_file_name(in) != NULL) \
    O(ttyname_r, ttyname_r(null_fd, out, 100) == ENOTTY) \
    T(pathconf, "/", pathconf(in, _PC_LINK_MAX) > 0) \
    T(ftok, "/", ftok(in, 1) != -1) \
    T(name_to_handle_at, "/dev/null", NOT_A_FAULT(name_to_handle_at(AT_FDCWD, in, &(struct { struct file_handle h; char room[128]; }){.h = {0, 0}}.h, TO(int), 0))) \
    D(open_by_handle_at, ((int[2]){8, 1}), NOT_A_FAULT(open_by_handle_at(file_fd, AT(struct file_handle), O_RDONLY)))

#define MISSING "/nonexistent/lens"
#define IS_MISSING(call) ((call) == -1 && (errno == ENOENT || errno == EPERM))
#define CASES_PATHS \
    T(access, "/dev/null", access(in, R_OK) == 0) \
    T(eaccess, "/dev/null", eaccess(in, R_OK) == 0) \
    T(euidaccess, "/dev/null", euidaccess(in, R_OK) == 0) \
    T(faccessat, "/dev/null", faccessat(AT_FDCWD, in, R_OK, 0) == 0) \
    T(unlink, MISSING, IS_MISSING(unlink(in))) \
    T(unlinkat, MISSING, IS_MISSING(unlinkat(AT_FDCWD, in, 0))) \
    T(remove, MISSING, IS_MISSING(remove(in))) \
    T(rename, MISSING, IS_MISSING(rename(in, "a"))) \
    T(renameat, "small", renameat(AT_FDCWD, "sink", AT_FDCWD, in) == 0) \
    T(renameat2, MISSING, IS_MISSING(renameat2(AT_FDCWD, in, AT_FDCWD, in, 0))) \
    T(link, MISSING, IS_MISSING(link(in, in))) \
    T(linkat, "linked", linkat(AT_FDCWD, "small", AT_FDCWD, in, 0) == 0) \
    T(symlink, "symbolic", symlink(in, in) == 0) \
    T(symlinkat, "symbolic2", symlinkat(in, AT_FDCWD, in) == 0) \
    T(mkdir, "folder1", mkdir(in, 0755) == 0) \
    T(mkdirat, "folder2", mkdirat(AT_FDCWD, in, 0755) == 0) \
    T(rmdir, "folder1", rmdir(in) == 0) \
    T(chdir, ".", chdir(in) == 0) \
    T(chroot, MISSING, IS_MISSING(chroot(in))) \
    T(chmod, "small", chmod(in, 0600) == 0) \
    T(lchmod, "small", NOT_A_FAULT(lchmod(in, 0600))) \
    T(fchmodat, "small", fchmodat(AT_FDCWD, in, 0600, 0) == 0) \
    T(chown, "small", chown(in, (uid_t)-1, (gid_t)-1) == 0) \
    T(lchown, "small", lchown(in, (uid_t)-1, (gid_t)-1) == 0) \
    T(fchownat, "small", fchownat(AT_FDCWD, in, (uid_t)-1, (gid_t)-1, 0) == 0) \
    T(truncate, "small", truncate(in, 10) == 0) \
    T(truncate64, "small", truncate64(in, 10) == 0) \
    T(mknod, "node1", mknod(in, S_IFREG | 0600, 0) == 0) \
    T(mknodat, "node2", mknodat(AT_FDCWD, in, S_IFREG | 0600, 0) == 0) \
    T(mkfifo, "fifo1", mkfifo(in, 0600) == 0) \
    T(mkfifoat, "fifo2", mkfifoat(AT_FDCWD, in, 0600) == 0) \
    T(mkstemp, "tXXXXXX", mkstemp(in) > 2) \
    T(mkstemp64, "tXXXXXX", mkstemp64(in) > 2) \
    T(mkostemp, "tXXXXXX", mkostemp(in, 0) > 2) \
    T(mkostemp64, "tXXXXXX", mkostemp64(in, 0) > 2) \
    T(mkstemps, "tXXXXXX.c", mkstemps(in, 2) > 2) \
    T(mkstemps64, "tXXXXXX.c", mkstemps64(in, 2) > 2) \
    T(mkostemps, "tXXXXXX.c", mkostemps(in, 2, 0) > 2) \
    T(mkostemps64, "tXXXXXX.c", mkostemps64(in, 2, 0) > 2) \
    T(mkdtemp, "tXXXXXX", mkdtemp(in) == in) \
    T(opendir, "/", ({ DIR *d = opendir(in); d && closedir(d) == 0; })) \
    T(utime, "small", utime(in, NULL) == 0) \
    T(utimes, "small", utimes(in, NULL) == 0) \
    T(lutimes, "small", lutimes(in, NULL) == 0) \
    D(futimes, ((struct timeval[2]){{1, 2}, {3, 4}}), futimes(file_fd, AT(struct timeval)) == 0) \
    T(futimesat, "small", futimesat(AT_FDCWD, in, NULL) == 0) \
    D(utimensat, ((struct timespec[2]){{1, 2}, {3, 4}}), utimensat(AT_FDCWD, "small", AT(struct timespec), 0) == 0) \
    D(futimens, ((struct timespec[2]){{1, 2}, {3, 4}}), futimens(file_fd, AT(struct timespec)) == 0) \
    T(mount, MISSING, IS_MISSING(mount(in, in, in, 0, in))) \
    T(umount, MISSING, IS_MISSING(umount(in))) \
    T(umount2, MISSING, IS_MISSING(umount2(in, 0))) \
    T(swapon, MISSING, IS_MISSING(swapon(in, 0))) \
    T(swapoff, MISSING, IS_MISSING(swapoff(in))) \
    T(acct, MISSING, NOT_A_FAULT(acct(in)))

#define USER "user.lens"
#define CASES_ATTRIBUTES \
    T(setxattr, USER, NOT_A_FAULT(setxattr("small", in, in, 5, 0))) \
    T(lsetxattr, USER, NOT_A_FAULT(lsetxattr("small", in, in, 5, 0))) \
    T(fsetxattr, USER, NOT_A_FAULT(fsetxattr(file_fd, in, in, 5, 0))) \
    T(getxattr, USER, NOT_A_FAULT(fsetxattr(file_fd, USER, "value", 5, 0)) && NOT_A_FAULT(getxattr("small", in, out, 100))) \
    T(lgetxattr, USER, NOT_A_FAULT(fsetxattr(file_fd, USER, "value", 5, 0)) && NOT_A_FAULT(lgetxattr("small", in, out, 100))) \
    T(fgetxattr, USER, NOT_A_FAULT(fsetxattr(file_fd, USER, "value", 5, 0)) && NOT_A_FAULT(fgetxattr(file_fd, in, out, 100))) \
    T(listxattr, "small", NOT_A_FAULT(fsetxattr(file_fd, USER, "value", 5, 0)) && NOT_A_FAULT(listxattr(in, out, 100))) \
    T(llistxattr, "small", NOT_A_FAULT(fsetxattr(file_fd, USER, "value", 5, 0)) && NOT_A_FAULT(llistxattr(in, out, 100))) \
    O(flistxattr, NOT_A_FAULT(fsetxattr(file_fd, USER, "value", 5, 0)) && NOT_A_FAULT(flistxattr(file_fd, out, 100))) \
    T(removexattr, USER, NOT_A_FAULT(removexattr("small", in))) \
    T(lremovexattr, USER, NOT_A_FAULT(lremovexattr("small", in))) \
    T(fremovexattr, USER, NOT_A_FAULT(fremovexattr(file_fd, in)))

#define CASES_TIME \
    D(nanosleep, ((struct timespec)SECOND), nanosleep(AT(struct timespec), TO(struct timespec)) == 0) \
    D(clock_nanosleep, ((struct timespec)SECOND), clock_nanosleep(CLOCK_MONOTONIC, 0, AT(struct timespec), TO(struct timespec)) == 0) \
    O(clock_gettime, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, TO(struct timespec)) == 0) \
    O(clock_getres, clock_getres(CLOCK_PROCESS_CPUTIME_ID, TO(struct timespec)) == 0) \
    D(clock_settime, ((struct timespec){-1, -1}), NOT_A_FAULT(clock_settime(CLOCK_MONOTONIC, AT(struct timespec)))) \
    O(gettimeofday, gettimeofday(TO(struct timeval), NULL) == 0) \
    D(settimeofday, ((struct timeval){-1, -1}), NOT_A_FAULT(settimeofday(AT(struct timeval), NULL))) \
    D(adjtimex, ((struct timex){.modes = 0}), adjtimex(AT(struct timex)) >= 0) \
    D(clock_adjtime, ((struct timex){.modes = 0}), clock_adjtime(CLOCK_REALTIME, AT(struct timex)) >= 0) \
    D(timer_create, ((struct sigevent){.sigev_notify = SIGEV_NONE}), timer_create(CLOCK_MONOTONIC, AT(struct sigevent), TO(timer_t)) == 0) \
    D(timer_settime, ((struct itimerspec){{0, 0}, {100, 0}}), timer_settime(a_timer(), 0, AT(struct itimerspec), TO(struct itimerspec)) == 0) \
    O(timer_gettime, timer_gettime(a_timer(), TO(struct itimerspec)) == 0) \
    D(timerfd_settime, ((struct itimerspec){{0, 0}, {100, 0}}), timerfd_settime(timer_fd, 0, AT(struct itimerspec), TO(struct itimerspec)) == 0) \
    O(timerfd_gettime, timerfd_gettime(timer_fd, TO(struct itimerspec)) == 0) \
    D(setitimer, ((struct itimerval){{0, 0}, {0, 0}}), setitimer(ITIMER_REAL, AT(struct itimerval), TO(struct itimerval)) == 0) \
    O(getitimer, getitimer(ITIMER_REAL, TO(struct itimerval)) == 0) \
    O(times, times(TO(struct tms)) != -1)

#define CASES_PROCESS \
    O(wait, ended_child() > 0 && wait(TO(int)) > 0 && *TO(int) == 0) \
    O(waitpid, waitpid(ended_child(), TO(int), 0) > 0 && *TO(int) == 0) \
    O(wait3, ended_child() > 0 && wait3(TO(int), 0, TO(struct rusage)) > 0) \
    O(wait4, wait4(ended_child(), NULL, 0, TO(struct rusage)) > 0) \
    O(waitid, waitid(P_PID, (id_t)ended_child(), TO(siginfo_t), WEXITED) == 0 && TO(siginfo_t)->si_status == 0) \
    O(getrusage, FILLED(getrusage(RUSAGE_SELF, TO(struct rusage)) == 0)) \
    D(sched_setparam, ((struct sched_param){0}), sched_setparam(0, AT(struct sched_param)) == 0) \
    O(sched_getparam, FILLED(sched_getparam(0, TO(struct sched_param)) == 0)) \
    D(sched_setscheduler, ((struct sched_param){0}), sched_setscheduler(0, SCHED_OTHER, AT(struct sched_param)) == 0) \
    O(sched_rr_get_interval, FILLED(sched_rr_get_interval(0, TO(struct timespec)) == 0)) \
    D(sched_setaffinity, ((cpu_set_t){{~0ul}}), sched_setaffinity(0, sizeof(cpu_set_t), AT(cpu_set_t)) == 0) \
    O(sched_getaffinity, FILLED(sched_getaffinity(0, sizeof(cpu_set_t), TO(cpu_set_t)) == 0)) \
    D(pthread_setaffinity_np, ((cpu_set_t){{~0ul}}), pthread_setaffinity_np(pthread_self(), sizeof(cpu_set_t), AT(cpu_set_t)) == 0) \
    O(pthread_getaffinity_np, FILLED(pthread_getaffinity_np(pthread_self(), sizeof(cpu_set_t), TO(cpu_set_t)) == 0)) \
    T(pthread_setname_np, "table", pthread_setname_np(pthread_self(), in) == 0) \
    O(pthread_getname_np, pthread_getname_np(pthread_self(), out, 100) == 0 && !strcmp(out, "table")) \
    O(getgroups, getgroups(100, TO(gid_t)) >= 0) \
    D(setgroups, ((gid_t){0}), NOT_A_FAULT(setgroups(1, AT(gid_t)))) \
    O(getresuid, FILLED(getresuid(TO(uid_t), TO(uid_t) + 1, TO(uid_t) + 2) == 0)) \
    O(getresgid, FILLED(getresgid(TO(gid_t), TO(gid_t) + 1, TO(gid_t) + 2) == 0)) \
    O(uname, FILLED(uname(TO(struct utsname)) == 0)) \
    O(sysinfo, FILLED(sysinfo(TO(struct sysinfo)) == 0)) \
    T(sethostname, "x", NOT_A_FAULT(sethostname(in, 1000))) \
    T(setdomainname, "x", NOT_A_FAULT(setdomainname(in, 1000))) \
    O(klogctl, NOT_A_FAULT(klogctl(3, out, 100))) \
    T(system, "exit 4", WEXITSTATUS(system(in)) == 4) \
    T(popen, "exit 4", ({ FILE *p = popen(in, "r"); WEXITSTATUS(pclose(p)) == 4; })) \
    T(execve, "/bin/true", CHILD(execve(in, (char *[]){in, NULL}, environ)) == 0) \
    T(execv, "/bin/true", CHILD(execv(in, (char *[]){in, NULL})) == 0) \
    T(execvp, "true", CHILD(execvp(in, (char *[]){in, NULL})) == 0) \
    T(execvpe, "true", CHILD(execvpe(in, (char *[]){in, NULL}, environ)) == 0) \
    T(fexecve, "true", CHILD(fexecve(open("/bin/true", O_RDONLY), (char *[]){in, NULL}, environ)) == 0) \
    T(execveat, "/bin/true", CHILD(execveat(AT_FDCWD, in, (char *[]){in, NULL}, environ, 0)) == 0) \
    T(posix_spawn, "/bin/true", ({ pid_t p; posix_spawn(&p, in, NULL, NULL, (char *[]){in, NULL}, environ) == 0 && data_wait(p) == 0; })) \
    T(posix_spawnp, "true", ({ pid_t p; posix_spawnp(&p, in, NULL, NULL, (char *[]){in, NULL}, environ) == 0 && data_wait(p) == 0; }))

#define CASES_QUEUES \
    D(msgsnd, ((long[2]){1, 2}), ({ int q = msgget(IPC_PRIVATE, 0600); int r = msgsnd(q, in, 8, 0); msgctl(q, IPC_RMID, NULL); r == 0; })) \
    O(msgrcv, ({ int q = msgget(IPC_PRIVATE, 0600); msgsnd(q, ((long[2]){1, 2}), 8, 0); int r = (int)msgrcv(q, out, 100, 0, 0); msgctl(q, IPC_RMID, NULL); r == 8; })) \
    O(msgctl, ({ int q = msgget(IPC_PRIVATE, 0600); int r = msgctl(q, IPC_STAT, TO(struct msqid_ds)); msgctl(q, IPC_RMID, NULL); r == 0; })) \
    O(shmctl, ({ int m = shmget(IPC_PRIVATE, 4096, 0600); int r = shmctl(m, IPC_STAT, TO(struct shmid_ds)); shmctl(m, IPC_RMID, NULL); r == 0; })) \
    D(semop, ((struct sembuf){0, 1, 0}), ({ int s = semget(IPC_PRIVATE, 1, 0600); int r = semop(s, AT(struct sembuf), 1); semctl(s, 0, IPC_RMID); r == 0; })) \
    D(semtimedop, ((struct sembuf){0, 1, 0}), ({ int s = semget(IPC_PRIVATE, 1, 0600); int r = semtimedop(s, AT(struct sembuf), 1, NULL); semctl(s, 0, IPC_RMID); r == 0; })) \
    O(semctl, ({ int s = semget(IPC_PRIVATE, 1, 0600); int r = semctl(s, 0, IPC_STAT, out); semctl(s, 0, IPC_RMID); r == 0; })) \
    T(mq_open, "/lens-table", ({ mqd_t q = mq_open(in, O_RDWR | O_CREAT, 0600, NULL); NOT_A_FAULT(q) && (q == -1 || mq_close(q) == 0); })) \
    T(mq_send, "message", with_queue() && mq_send(queue, in, 8, 1) == 0) \
    T(mq_timedsend, "message", with_queue() && mq_timedsend(queue, in, 8, 1, &(struct timespec){1, 0}) == 0) \
    O(mq_receive, with_queue() && FILLED(mq_receive(queue, out, 100, TO(unsigned) + 100) == 8)) \
    O(mq_timedreceive, with_queue() && FILLED(mq_timedreceive(queue, out, 100, TO(unsigned) + 100, &(struct timespec){1, 0}) == 8)) \
    O(mq_getattr, with_queue() && FILLED(mq_getattr(queue, TO(struct mq_attr)) == 0)) \
    D(mq_setattr, ((struct mq_attr){0}), with_queue() && FILLED(mq_setattr(queue, AT(struct mq_attr), TO(struct mq_attr)) == 0)) \
    T(mq_unlink, "/lens-table-missing", IS_MISSING(mq_unlink(in)))

#define MUTEX ((pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER)
#define RWLOCK ((pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER)
#define COND ((pthread_cond_t)PTHREAD_COND_INITIALIZER)
#define CASES_OBJECTS \
    O(pthread_mutex_init, pthread_mutex_init(TO(pthread_mutex_t), NULL) == 0 && pthread_mutex_lock(TO(pthread_mutex_t)) == 0) \
    O(pthread_cond_init, pthread_cond_init(TO(pthread_cond_t), NULL) == 0 && pthread_cond_signal(TO(pthread_cond_t)) == 0) \
    O(pthread_rwlock_init, pthread_rwlock_init(TO(pthread_rwlock_t), NULL) == 0 && pthread_rwlock_rdlock(TO(pthread_rwlock_t)) == 0) \
    O(pthread_barrier_init, pthread_barrier_init(TO(pthread_barrier_t), NULL, 1) == 0 && pthread_barrier_wait(TO(pthread_barrier_t)) == PTHREAD_BARRIER_SERIAL_THREAD) \
    O(sem_init, sem_init(TO(sem_t), 0, 1) == 0 && sem_wait(TO(sem_t)) == 0) \
    O(mtx_init, mtx_init(TO(mtx_t), mtx_plain) == thrd_success && mtx_lock(TO(mtx_t)) == thrd_success) \
    O(cnd_init, cnd_init(TO(cnd_t)) == thrd_success && cnd_signal(TO(cnd_t)) == thrd_success) \
    D(pthread_mutex_lock, MUTEX, pthread_mutex_lock(AT(pthread_mutex_t)) == 0) \
    D(pthread_mutex_timedlock, MUTEX, pthread_mutex_lock(AT(pthread_mutex_t)) == 0 && pthread_mutex_timedlock(AT(pthread_mutex_t), &(struct timespec){1, 0}) == ETIMEDOUT) \
    D(pthread_mutex_clocklock, MUTEX, pthread_mutex_lock(AT(pthread_mutex_t)) == 0 && pthread_mutex_clocklock(AT(pthread_mutex_t), CLOCK_MONOTONIC, &(struct timespec){1, 0}) == ETIMEDOUT) \
    D(pthread_rwlock_rdlock, RWLOCK, pthread_rwlock_rdlock(AT(pthread_rwlock_t)) == 0) \
    D(pthread_rwlock_wrlock, RWLOCK, pthread_rwlock_wrlock(AT(pthread_rwlock_t)) == 0) \
    D(pthread_rwlock_timedrdlock, RWLOCK, pthread_rwlock_timedrdlock(AT(pthread_rwlock_t), &(struct timespec){1, 0}) == 0) \
    D(pthread_rwlock_timedwrlock, RWLOCK, pthread_rwlock_rdlock(AT(pthread_rwlock_t)) == 0 && pthread_rwlock_timedwrlock(AT(pthread_rwlock_t), &(struct timespec){1, 0}) == ETIMEDOUT) \
    D(pthread_rwlock_clockrdlock, RWLOCK, pthread_rwlock_clockrdlock(AT(pthread_rwlock_t), CLOCK_MONOTONIC, &(struct timespec){1, 0}) == 0) \
    D(pthread_rwlock_clockwrlock, RWLOCK, pthread_rwlock_rdlock(AT(pthread_rwlock_t)) == 0 && pthread_rwlock_clockwrlock(AT(pthread_rwlock_t), CLOCK_MONOTONIC, &(struct timespec){1, 0}) == ETIMEDOUT) \
    D(pthread_cond_wait, COND, ({ pthread_t t; pthread_create(&t, NULL, signal_soon, AT(pthread_cond_t)); pthread_mutex_lock(&plain_mutex); signalled = 0; while (!signalled) pthread_cond_wait(AT(pthread_cond_t), &plain_mutex); pthread_mutex_unlock(&plain_mutex); pthread_join(t, NULL) == 0; })) \
    D(pthread_cond_timedwait, COND, pthread_mutex_lock(&plain_mutex) == 0 && pthread_cond_timedwait(AT(pthread_cond_t), &plain_mutex, &(struct timespec){1, 0}) == ETIMEDOUT && pthread_mutex_unlock(&plain_mutex) == 0) \
    D(pthread_cond_clockwait, COND, pthread_mutex_lock(&plain_mutex) == 0 && pthread_cond_clockwait(AT(pthread_cond_t), &plain_mutex, CLOCK_MONOTONIC, &(struct timespec){1, 0}) == ETIMEDOUT && pthread_mutex_unlock(&plain_mutex) == 0) \
    D(pthread_cond_signal, COND, pthread_cond_signal(AT(pthread_cond_t)) == 0) \
    D(pthread_cond_broadcast, COND, pthread_cond_broadcast(AT(pthread_cond_t)) == 0) \
    D(pthread_once, ((pthread_once_t){PTHREAD_ONCE_INIT}), pthread_once(AT(pthread_once_t), nothing) == 0) \
    O(sem_wait, (memset(out, 0, sizeof(sem_t)), 1) && sem_post(TO(sem_t)) == 0 && sem_wait(TO(sem_t)) == 0) \
    D(sem_timedwait, ((sem_t){.__align = 0}), sem_timedwait(AT(sem_t), &(struct timespec){1, 0}) == -1 && errno == ETIMEDOUT) \
    D(sem_clockwait, ((sem_t){.__align = 0}), sem_clockwait(AT(sem_t), CLOCK_MONOTONIC, &(struct timespec){1, 0}) == -1 && errno == ETIMEDOUT) \
    O(pthread_attr_setstack, ({ pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstack(&a, out, PAGE) == EINVAL; })) \
    D(sigwait, ((sigset_t){{1ul << (SIGUSR1 - 1)}}), block_usr1() && raise(SIGUSR1) == 0 && sigwait(AT(sigset_t), TO(int)) == 0 && *TO(int) == SIGUSR1) \
    D(sigwaitinfo, ((sigset_t){{1ul << (SIGUSR1 - 1)}}), block_usr1() && raise(SIGUSR1) == 0 && sigwaitinfo(AT(sigset_t), TO(siginfo_t)) == SIGUSR1) \
    D(sigtimedwait, ((sigset_t){{1ul << (SIGUSR1 - 1)}}), block_usr1() && raise(SIGUSR1) == 0 && sigtimedwait(AT(sigset_t), TO(siginfo_t), &(struct timespec){1, 0}) == SIGUSR1) \
    D(signalfd, ((sigset_t){{1ul << (SIGUSR1 - 1)}}), signalfd(-1, AT(sigset_t), 0) > 2) \
    D(sigaltstack, ((stack_t){.ss_flags = SS_DISABLE}), sigaltstack(AT(stack_t), TO(stack_t)) == 0)

/* Where it takes a privilege to come further, all that is asked is that nothing is called unreadable. */
#define NO_PLACE "/nonexistent/lens"
#define CASES_SYSTEM \
    D(capget, ((struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 0}), FILLED(capget(in, out) == 0)) \
    D(capset, ((struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, 0}), CHILD(capset(in, in + 100)) == 42) \
    T(quotactl, "/dev/null", NOT_A_FAULT(quotactl(QCMD(Q_GETQUOTA, USRQUOTA), in, 0, out))) \
    D(ntp_adjtime, ((struct timex){.modes = 0}), ntp_adjtime(AT(struct timex)) >= 0) \
    D(__adjtimex, ((struct timex){.modes = 0}), __adjtimex(AT(struct timex)) >= 0) \
    D(pthread_setschedparam, ((struct sched_param){0}), pthread_setschedparam(pthread_self(), SCHED_OTHER, AT(struct sched_param)) == 0) \
    O(getcpu, getcpu(TO(unsigned), TO(unsigned) + 1) == 0 && TO(unsigned)[0] != 0xeeeeeeee && TO(unsigned)[1] != 0xeeeeeeee) \
    O(modify_ldt, NOT_A_FAULT(modify_ldt(2, out, 40))) \
    T(__mq_open_2, NO_PLACE, NOT_A_FAULT(__mq_open_2(in, O_RDONLY))) \
    D(pidfd_send_signal, ((siginfo_t){.si_signo = SIGALRM, .si_code = SI_QUEUE}), ({ int self_ = (int)syscall(SYS_pidfd_open, getpid(), 0); int r = pidfd_send_signal(self_, SIGALRM, AT(siginfo_t), 0); close(self_); r == 0; })) \
    T(pivot_root, NO_PLACE, NOT_A_FAULT(pivot_root(in, in))) \
    T(open_tree, NO_PLACE, IS_MISSING(open_tree(AT_FDCWD, in, 0))) \
    T(move_mount, NO_PLACE, IS_MISSING(move_mount(AT_FDCWD, in, AT_FDCWD, in, 0))) \
    T(fsopen, "lens-no-such", NOT_A_FAULT(fsopen(in, 0))) \
    T(fspick, NO_PLACE, IS_MISSING(fspick(AT_FDCWD, in, 0))) \
    T(fsconfig, "source", ({ int f = fsopen("tmpfs", 0); int r = fsconfig(f, 1, in, in, 0); NOT_A_FAULT(r) && (f == -1 || close(f) == 0); })) \
    T(mount_setattr, NO_PLACE, NOT_A_FAULT(mount_setattr(AT_FDCWD, in, 0, (void *)(in + 104), 32))) \
    T(init_module, "no module", NOT_A_FAULT(init_module(in, 1000, in))) \
    T(delete_module, "lens-no-such", NOT_A_FAULT(delete_module(in, O_NONBLOCK)))

#define SIZE_GIVEN ((struct winsize){33, 77, 0, 0})
#define HAS_SIZE(fd) ({ struct winsize now = {0}; ioctl(fd, TIOCGWINSZ, &now) == 0 && now.ws_col == 77; })
#define LISTED(call) ({ int d = open("/", O_RDONLY | O_DIRECTORY); ssize_t n = (call); close(d); n > 0 && TO(struct dirent)->d_reclen <= n; })
#define IS_SORTED(type, call) ({ type **names; (call) > 2; })
#define ACCOUNT {.ut_type = USER_PROCESS, .ut_id = "1", .ut_user = "lens"}
#define CASES_INSIDE \
    D(pututline, ((struct utmp)ACCOUNT), utmpname(empty_file("accounts")) == 0 && (setutent(), pututline(AT(struct utmp))) != NULL && (endutent(), file_bytes("accounts")) == sizeof(struct utmp)) \
    D(pututxline, ((struct utmpx)ACCOUNT), utmpname(empty_file("accounts")) == 0 && (setutxent(), pututxline(AT(struct utmpx))) != NULL && (endutxent(), file_bytes("accounts")) == sizeof(struct utmpx)) \
    D(openpty, SIZE_GIVEN, ({ int own, other; openpty(&own, &other, NULL, NULL, AT(struct winsize)) == 0 && HAS_SIZE(own) && close(own) == 0 && close(other) == 0; })) \
    D(forkpty, SIZE_GIVEN, ({ int own; pid_t p = forkpty(&own, NULL, NULL, AT(struct winsize)); if (p == 0) _exit(HAS_SIZE(0) ? 42 : 43); p > 0 && data_wait(p) == 42 && close(own) == 0; })) \
    O(getdirentries, LISTED(getdirentries(d, out, 2048, (off_t *)(void *)(out + 2400)))) \
    O(getdirentries64, LISTED(getdirentries64(d, out, 2048, (off64_t *)(void *)(out + 2400)))) \
    T(scandir, "/", IS_SORTED(struct dirent, scandir(in, &names, NULL, alphasort))) \
    T(scandir64, "/", IS_SORTED(struct dirent64, scandir64(in, &names, NULL, alphasort64))) \
    T(scandirat, "/", IS_SORTED(struct dirent, scandirat(AT_FDCWD, in, &names, NULL, alphasort))) \
    T(scandirat64, "/", IS_SORTED(struct dirent64, scandirat64(AT_FDCWD, in, &names, NULL, alphasort64))) \
    T(setmntent, "/proc/mounts", ({ FILE *f = setmntent(in, "r"); f && endmntent(f) == 1; })) \
    T(catopen, NO_PLACE, catopen(in, 0) == (nl_catd)-1 && errno == ENOENT) \
    O(__wait, ended_child() > 0 && __wait(TO(int)) > 0 && *TO(int) == 0) \
    O(__waitpid, __waitpid(ended_child(), TO(int), 0) > 0 && *TO(int) == 0) \
    O(__pipe, FILLED(__pipe(TO(int)) == 0)) \
    D(__nanosleep, ((struct timespec){0, 1000}), __nanosleep(AT(struct timespec), TO(struct timespec)) == 0) \
    D(thrd_sleep, ((struct timespec){0, 1000}), thrd_sleep(AT(struct timespec), TO(struct timespec)) == 0) \
    O(__ttyname_r_chk, __ttyname_r_chk(null_fd, out, 100, PAGE) == ENOTTY) \
    T(__statfs, "/", FILLED(__statfs(in, TO(struct statfs)) == 0)) \
    O(__getgroups_chk, __getgroups_chk(100, TO(gid_t), PAGE) >= 0) \
    O(__sched_getparam, FILLED(__sched_getparam(0, TO(struct sched_param)) == 0)) \
    D(__sched_setscheduler, ((struct sched_param){0}), __sched_setscheduler(0, SCHED_OTHER, AT(struct sched_param)) == 0)

#define OPENED(call) ({ int fd_ = (call); fd_ > 2 && close(fd_) == 0; })
#define CASES_HAND \
    D(process_madvise, ((struct iovec){NULL, 0}), ({ int self_ = (int)syscall(SYS_pidfd_open, getpid(), 0); ssize_t done_ = process_madvise(self_, AT(struct iovec), 1, MADV_COLD, 0); close(self_); done_ == 0; })) \
    T(dlopen, "libm.so.6", ({ void *library = dlopen(in, RTLD_LAZY); library && dlclose(library) == 0; })) \
    T(dlsym, "getpid", dlsym(RTLD_DEFAULT, in) != NULL) \
    T(open, "/dev/null", OPENED(open(in, O_RDONLY))) \
    T(open64, "/dev/null", OPENED(open64(in, O_RDONLY))) \
    T(__open, "/dev/null", OPENED(__open(in, O_RDONLY))) \
    T(__open64, "/dev/null", OPENED(__open64(in, O_RDONLY))) \
    T(__open_2, "/dev/null", OPENED(__open_2(in, O_RDONLY))) \
    T(__open64_2, "/dev/null", OPENED(__open64_2(in, O_RDONLY))) \
    T(openat, "/dev/null", OPENED(openat(AT_FDCWD, in, O_RDONLY))) \
    T(openat64, "/dev/null", OPENED(openat64(AT_FDCWD, in, O_RDONLY))) \
    T(__openat_2, "/dev/null", OPENED(__openat_2(AT_FDCWD, in, O_RDONLY))) \
    T(__openat64_2, "/dev/null", OPENED(__openat64_2(AT_FDCWD, in, O_RDONLY))) \
    T(creat, "created", OPENED(creat(in, 0644))) \
    T(creat64, "created", OPENED(creat64(in, 0644))) \
    T(fopen, "/dev/null", ({ FILE *f = fopen(in, "r"); f && fclose(f) == 0; })) \
    T(fopen64, "/dev/null", ({ FILE *f = fopen64(in, "r"); f && fclose(f) == 0; })) \
    T(freopen, "/dev/null", (file = freopen(in, "r", file)) != NULL) \
    T(freopen64, "/dev/null", (file = freopen64(in, "r", file)) != NULL) \
    O(fread, setvbuf(file, NULL, _IONBF, 0) == 0 && READ_OK(fread(out, 1, 20, file))) \
    O(fread_unlocked, setvbuf(file, NULL, _IONBF, 0) == 0 && READ_OK((fread_unlocked)(out, 1, 20, file))) \
    O(__fread_chk, setvbuf(file, NULL, _IONBF, 0) == 0 && READ_OK(__fread_chk(out, PAGE, 1, 20, file))) \
    O(__fread_unlocked_chk, setvbuf(file, NULL, _IONBF, 0) == 0 && READ_OK(__fread_unlocked_chk(out, PAGE, 1, 20, file))) \
    T(fwrite, "x", fwrite(in, 1, 4096, sink) == 4096 && fflush(sink) == 0) \
    T(fwrite_unlocked, "x", (fwrite_unlocked)(in, 1, 4096, sink) == 4096 && fflush(sink) == 0) \
    T(fputs, LONG_TEXT, fputs(in, unbuffered()) >= 0 && !ferror(sink)) \
    T(fputs_unlocked, LONG_TEXT, fputs_unlocked(in, unbuffered()) >= 0 && !ferror(sink)) \
    T(puts, "puts prints this", fflush(stdout) == 0 && puts(in) >= 0 && fflush(stdout) == 0) \
    T(printf, "printf", printf("%s\n", in) == 7 && fflush(stdout) == 0) \
    T(fprintf, LONG_TEXT, fprintf(unbuffered(), "%s", in) == sizeof LONG_TEXT - 1) \
    T(dprintf, LONG_TEXT, dprintf(null_fd, "%d%s", 1, in) == sizeof LONG_TEXT) \
    T(vprintf, "vprintf\n", print_list(with_vprintf, "%s", in) == 8) \
    T(vfprintf, LONG_TEXT, print_list(vfprintf, "%.2f%s", 0.5, in) == sizeof LONG_TEXT + 3) \
    T(vdprintf, LONG_TEXT, print_list(with_vdprintf, "%s", in) == sizeof LONG_TEXT - 1) \
    T(__printf_chk, "printf_chk\n", __printf_chk(1, "%s", in) == 11) \
    T(__fprintf_chk, LONG_TEXT, __fprintf_chk(unbuffered(), 1, "%s", in) == sizeof LONG_TEXT - 1) \
    T(__dprintf_chk, LONG_TEXT, __dprintf_chk(null_fd, 1, "%s", in) == sizeof LONG_TEXT - 1) \
    T(__vprintf_chk, "vprintf_chk\n", print_list(with_vprintf_chk, "%s", in) == 12) \
    T(__vfprintf_chk, LONG_TEXT, print_list(with_vfprintf_chk, "%s", in) == sizeof LONG_TEXT - 1) \
    T(__vdprintf_chk, LONG_TEXT, print_list(with_vdprintf_chk, "%s", in) == sizeof LONG_TEXT - 1) \
    O(setvbuf, setvbuf(file, out, _IOFBF, PAGE) == 0 && getc(file) == 't') \
    O(setbuf, (setbuf(file, out), getc(file)) == 't' && (setbuf(file, NULL), 1)) \
    O(setbuffer, (setbuffer(file, out, PAGE), getc(file)) == 't') \
    O(ioctl, SEND_FIRST("12345") && ioctl(sockets[0], FIONREAD, out) == 0 && *TO(int) == 6) \
    D(fcntl, ((struct flock){.l_type = F_WRLCK}), fcntl(file_fd, F_GETLK, in) == 0 && AT(struct flock)->l_type == F_UNLCK) \
    D(fcntl64, ((struct flock){.l_type = F_WRLCK}), fcntl64(file_fd, F_GETLK, in) == 0 && AT(struct flock)->l_type == F_UNLCK) \
    T(prctl, "again", prctl(PR_SET_NAME, in) == 0 && prctl(PR_GET_NAME, out) == 0 && !strcmp(out, "again")) \
    O(makecontext, ({ ucontext_t c; getcontext(&c); c.uc_stack.ss_sp = out; c.uc_stack.ss_size = PAGE; makecontext(&c, nothing, 0); 1; })) \
    O(ptrace, is_traced(out)) \
    O(arc4random_buf, (arc4random_buf(out, PAGE), memcmp(out, out + 1, PAGE - 1)) != 0) \
    D(updwtmp, ((struct utmp)ACCOUNT), (updwtmp(empty_file("accounts"), AT(struct utmp)), file_bytes("accounts")) == sizeof(struct utmp)) \
    D(updwtmpx, ((struct utmpx)ACCOUNT), (updwtmpx(empty_file("accounts"), AT(struct utmpx)), file_bytes("accounts")) == sizeof(struct utmpx)) \
    T(execl, "/bin/true", CHILD(execl(in, in, NULL)) == 0) \
    T(execlp, "true", CHILD(execlp(in, in, NULL)) == 0) \
    T(execle, "/bin/true", CHILD(execle(in, in, NULL, environ)) == 0) \
    T(syscall, "/dev/null", FILLED(syscall(SYS_stat, in, out) == 0)) \
    D(setrlimit, ((struct rlimit){1000, 1000000}), setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0 && NOT_A_FAULT(setrlimit(RLIMIT_RTTIME, AT(struct rlimit)))) \
    D(setrlimit64, ((struct rlimit64){0, 0}), setrlimit64(RLIMIT_CORE, AT(struct rlimit64)) == 0) \
    O(getrlimit, FILLED(getrlimit(RLIMIT_NOFILE, TO(struct rlimit)) == 0)) \
    O(getrlimit64, FILLED(getrlimit64(RLIMIT_NOFILE, TO(struct rlimit64)) == 0)) \
    D(prlimit, ((struct rlimit){0, 0}), FILLED(prlimit(0, RLIMIT_CORE, AT(struct rlimit), TO(struct rlimit)) == 0)) \
    D(prlimit64, ((struct rlimit64){0, 0}), FILLED(prlimit64(0, RLIMIT_CORE, AT(struct rlimit64), TO(struct rlimit64)) == 0)) \
    D(sigaction, ((struct sigaction){.sa_handler = SIG_IGN}), FILLED(sigaction(SIGUSR2, AT(struct sigaction), TO(struct sigaction)) == 0)) \
    D(sigprocmask, ((sigset_t){{0}}), FILLED(sigprocmask(SIG_BLOCK, AT(sigset_t), TO(sigset_t)) == 0)) \
    D(pthread_sigmask, ((sigset_t){{0}}), FILLED(pthread_sigmask(SIG_BLOCK, AT(sigset_t), TO(sigset_t)) == 0)) \
    D(sigsuspend, ((sigset_t){{0}}), signal(SIGUSR1, ignore) != SIG_ERR && block_usr1() && raise(SIGUSR1) == 0 && sigsuspend(AT(sigset_t)) == -1 && errno == EINTR) \
    O(sigpending, FILLED(sigpending(TO(sigset_t)) == 0))

/* Tried at length by another program here, or handing no memory to the kernel. */
#define LOCAL_SERVER ((struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {0x0100007f}})
#define CASES_NAMES \
    O(res_query, ASKED(__res_state(), res_query(NAME_ASKED))) \
    O(__res_query, ASKED(__res_state(), OLD(__res_query)(NAME_ASKED))) \
    O(res_search, ASKED(__res_state(), res_search(NAME_ASKED))) \
    O(__res_search, ASKED(__res_state(), OLD(__res_search)(NAME_ASKED))) \
    O(res_querydomain, ASKED(__res_state(), res_querydomain("lens", "test", 1, 1, (unsigned char *)out, 2048))) \
    O(__res_querydomain, ASKED(__res_state(), OLD(__res_querydomain)("lens", "test", 1, 1, (unsigned char *)out, 2048))) \
    D(res_send, dns_question, ASKED(__res_state(), res_send(AT(unsigned char), sizeof dns_question, (unsigned char *)out, 2048))) \
    D(__res_send, dns_question, ASKED(__res_state(), OLD(__res_send)(AT(unsigned char), sizeof dns_question, (unsigned char *)out, 2048))) \
    O(res_nquery, ASKED(resolver, res_nquery(resolver, NAME_ASKED))) \
    O(__res_nquery, ASKED(resolver, OLD(__res_nquery)(resolver, NAME_ASKED))) \
    O(res_nsearch, ASKED(resolver, res_nsearch(resolver, NAME_ASKED))) \
    O(__res_nsearch, ASKED(resolver, OLD(__res_nsearch)(resolver, NAME_ASKED))) \
    O(res_nquerydomain, ASKED(resolver, res_nquerydomain(resolver, "lens", "test", 1, 1, (unsigned char *)out, 2048))) \
    O(__res_nquerydomain, ASKED(resolver, OLD(__res_nquerydomain)(resolver, "lens", "test", 1, 1, (unsigned char *)out, 2048))) \
    D(res_nsend, dns_question, ASKED(resolver, res_nsend(resolver, AT(unsigned char), sizeof dns_question, (unsigned char *)out, 2048))) \
    D(__res_nsend, dns_question, ASKED(resolver, OLD(__res_nsend)(resolver, AT(unsigned char), sizeof dns_question, (unsigned char *)out, 2048))) \
    D(bindresvport, LOCAL_SERVER, ({ int s = socket(AF_INET, SOCK_DGRAM, 0); int r = NOT_A_FAULT(bindresvport(s, AT(struct sockaddr_in))); close(s); r; })) \
    T(mktemp, "mXXXXXX", *mktemp(in) == 'm') \
    T(tempnam, ".", ({ char *name = tempnam(in, "lens"); int fine = name && !strncmp(name, "./lens", 6); free(name); fine; })) \
    O(tmpnam_r, ({ char *name = tmpnam_r(out); name && !strncmp(out, "/tmp/", 5); })) \
    T(putenv, "LENS_TABLE=put", putenv(in) == 0 && (data_pause(), CHILD(execl("/bin/sh", "sh", "-c", "test $LENS_TABLE = put", NULL))) == 0 && unsetenv("LENS_TABLE") == 0)

#define CASES_OLD \
    T(__xmknod, "node5", __xmknod(0, in, S_IFREG | 0600, &(dev_t){0}) == 0) \
    T(__xmknodat, "node6", __xmknodat(0, AT_FDCWD, in, S_IFREG | 0600, &(dev_t){0}) == 0) \
    T(__setmntent, "/proc/mounts", ({ FILE *f = __setmntent(in, "r"); f && endmntent(f) == 1; })) \
    O(arch_prctl, arch_prctl(0x1003 /* ARCH_GET_FS */, out) == 0 && *TO(uintptr_t) == (uintptr_t)pthread_self()) \
    O(__arch_prctl, __arch_prctl(0x1003, out) == 0 && *TO(uintptr_t) == (uintptr_t)pthread_self()) \
    O(__gettimeofday, __gettimeofday(TO(struct timeval), out + 64) == 0) \
    O(timespec_get, timespec_get(TO(struct timespec), TIME_UTC) == TIME_UTC) \
    O(timespec_getres, timespec_getres(TO(struct timespec), 1) == 1) \
    O(__pthread_mutex_init, OLD(__pthread_mutex_init)(TO(pthread_mutex_t), NULL) == 0 && pthread_mutex_lock(TO(pthread_mutex_t)) == 0) \
    O(__pthread_rwlock_init, OLD(__pthread_rwlock_init)(TO(pthread_rwlock_t), NULL) == 0 && pthread_rwlock_rdlock(TO(pthread_rwlock_t)) == 0) \
    D(__pthread_mutex_lock, MUTEX, OLD(__pthread_mutex_lock)(AT(pthread_mutex_t)) == 0) \
    D(__pthread_rwlock_rdlock, RWLOCK, OLD(__pthread_rwlock_rdlock)(AT(pthread_rwlock_t)) == 0) \
    D(__pthread_rwlock_wrlock, RWLOCK, OLD(__pthread_rwlock_wrlock)(AT(pthread_rwlock_t)) == 0) \
    D(__pthread_once, ((pthread_once_t){PTHREAD_ONCE_INIT}), OLD(__pthread_once)(AT(pthread_once_t), nothing) == 0) \
    D(call_once, ((once_flag)ONCE_FLAG_INIT), (call_once(AT(once_flag), nothing), 1)) \
    D(pthread_cond_destroy, COND, pthread_cond_destroy(AT(pthread_cond_t)) == 0) \
    D(pthread_timedjoin_np, ((struct timespec)SECOND), ({ pthread_t t; pthread_create(&t, NULL, wait_for_byte, NULL); int late = pthread_timedjoin_np(t, NULL, AT(struct timespec)); CHECK(SEND_FIRST("x")); pthread_join(t, NULL); late == ETIMEDOUT; })) \
    D(pthread_clockjoin_np, ((struct timespec)SECOND), ({ pthread_t t; pthread_create(&t, NULL, wait_for_byte, NULL); int late = pthread_clockjoin_np(t, NULL, CLOCK_MONOTONIC, AT(struct timespec)); CHECK(SEND_FIRST("x")); pthread_join(t, NULL); late == ETIMEDOUT; })) \
    O(profil, profil(TO(unsigned short), 2048, 0, 65536) == 0 && profil((unsigned short *)zero_address, 0, 0, 0) == 0) \
    O(sprofil, sprofil(&(struct prof){out, 2048, 0, 65536}, 1, NULL, 0) == 0 && sprofil(&(struct prof){out, 2048, 0, 0}, 0, NULL, 0) == 0) \
    O(_IO_fread, setvbuf(file, NULL, _IONBF, 0) == 0 && READ_OK(_IO_fread(out, 1, 20, file))) \
    O(_IO_sgetn, setvbuf(file, NULL, _IONBF, 0) == 0 && READ_OK(_IO_sgetn(file, out, 20))) \
    O(_IO_file_read, READ_OK(_IO_file_read(file, out, 20))) \
    T(_IO_fwrite, LONG_TEXT, _IO_fwrite(in, 1, sizeof LONG_TEXT, unbuffered()) == sizeof LONG_TEXT && !ferror(sink)) \
    T(_IO_file_write, LONG_TEXT, _IO_file_write(sink, in, sizeof LONG_TEXT) == sizeof LONG_TEXT) \
    T(_IO_file_xsputn, LONG_TEXT, _IO_file_xsputn(unbuffered(), in, sizeof LONG_TEXT) == sizeof LONG_TEXT && !ferror(sink)) \
    T(_IO_do_write, LONG_TEXT, _IO_do_write(unbuffered(), in, sizeof LONG_TEXT) == 0) \
    T(_IO_fputs, LONG_TEXT, _IO_fputs(in, unbuffered()) >= 0 && !ferror(sink)) \
    T(_IO_puts, "puts", _IO_puts(in) >= 0) \
    T(_IO_fopen, "small", ({ FILE *f = _IO_fopen(in, "r"); f && fclose(f) == 0; })) \
    T(_IO_popen, "exit 4", ({ FILE *p = _IO_popen(in, "r"); WEXITSTATUS(pclose(p)) == 4; })) \
    O(_IO_setvbuf, _IO_setvbuf(sink, out, _IOFBF, 1024) == 0 && (data_pause(), fputs("text", sink) >= 0) && fflush(sink) == 0 && fclose(sink) == 0 && (sink = NULL) == NULL) \
    O(_IO_setbuffer, (_IO_setbuffer(sink, out, 1024), data_pause(), fputs("text", sink) >= 0) && fflush(sink) == 0 && fclose(sink) == 0 && (sink = NULL) == NULL) \
    T(_IO_vfprintf, LONG_TEXT, print_list(_IO_vfprintf, "%.2f%s", 0.5, in) == sizeof LONG_TEXT + 3) \
    T(_IO_printf, "printf", _IO_printf("%s\n", in) == 7 && fflush(stdout) == 0) \
    T(_IO_fprintf, LONG_TEXT, _IO_fprintf(unbuffered(), "%s", in) == sizeof LONG_TEXT - 1) \
    D(__fcntl, ((struct flock){.l_type = F_WRLCK}), __fcntl(sink_fd, F_SETLK, in) == 0)

#define A_LINE "a line that is longer than the buffer of the stream. a line that is longer than the buffer of the stream. " \
    "a line that is longer than the buffer of the stream. a line that is longer than the buffer of the stream. " \
    "a line that is longer than the buffer of the stream. a line that is longer than the buffer of the stream. "
#define CASES_MESSAGES \
    T(perror, A_LINE, SAID(A_LINE, perror(in))) \
    T(herror, A_LINE, SAID(A_LINE, herror(in))) \
    T(psignal, A_LINE, SAID(A_LINE, psignal(SIGUSR1, in))) \
    T(warn, A_LINE, SAID(A_LINE, warn("%s", in))) \
    T(warnx, A_LINE, SAID(A_LINE, warnx("%s", in))) \
    T(vwarn, A_LINE, SAID(A_LINE, warn_list(vwarn, "%s", in))) \
    T(vwarnx, A_LINE, SAID(A_LINE, warn_list(vwarnx, "%s", in))) \
    T(err, A_LINE, SAID(A_LINE, CHECK(CHILD(err(17, "%s", in)) == 17))) \
    T(errx, A_LINE, SAID(A_LINE, CHECK(CHILD(errx(17, "%s", in)) == 17))) \
    T(verr, A_LINE, SAID(A_LINE, CHECK(end_list(verr, "%s", in) == 17))) \
    T(verrx, A_LINE, SAID(A_LINE, CHECK(end_list(verrx, "%s", in) == 17)))

#define IO_TABLE_ELSEWHERE \
    "rcmd", "rcmd_af", "rexec", "rexec_af", /* want a server that only root can be */ \
    "_IO_file_fopen", "_IO_file_open", "_IO_proc_open", "_IO_file_setbuf", /* of streams that no header lets a program make */ \
    "sigpause", "__sigpause", "shmat", "__clone", /* masks, remapping, raw_clone: further names of the same */ \
    "dlclose", "fclose", "close", "__close", "close_range", "closefrom", "dup2", "__dup2", "dup3", "dup", "pidfd_getfd", "fdopen", /* close_all, dup_games */ \
    "getcontext", "setcontext", "swapcontext", "__sigsetjmp", "setjmp", "longjmp", "_longjmp", "siglongjmp", "__longjmp_chk", /* contexts, longjmp */ \
    "mq_notify", "getaddrinfo_a",                                                                /* masks_inherited */ \
    "madvise", "posix_madvise", "mprotect", "pkey_mprotect",                     /* advice, protection, remapping */ \
    "munmap", "mremap", "remap_file_pages", "mmap", "mmap64",                                      /* the same */ \
    "mlock", "mlock2", "mlockall",                                                                 /* locks */ \
    "__sigaction", "signal", "bsd_signal", "ssignal", "sysv_signal", "__sysv_signal", "sigset",    /* own_handlers */ \
    "sigignore", "sighold", "sigrelse", "siginterrupt", "sigblock", "sigsetmask", "siggetmask",    /* masks */ \
    "__sigsuspend", "pthread_attr_setsigmask_np", "pthread_create", "thrd_create",                 /* masks, threads */ \
    "fork", "__fork", "clone", "_Fork", "_exit", "_Exit"                                                             /* raw_clone, exit_under */
