/*
 * io_syscalls.h - the same table for syscall(2): which of a system call's arguments a to f point to what.
 *
 *   S(name, words)   `name` as in SYS_name; i(at, bytes) the kernel reads, o(at, bytes) it writes or does both,
 *                    t(at) a string, vi/vo(at, count) an iovec, mi/mo(at) a msghdr, one page around: p(at), ad(at,
 *                    bytes) what is
 *                    as long as *bytes says, ne(at, bytes) what a structure's words point to, k(at, bytes) kept for
 *                    later
 *
 * A number that is in none of the tables gets a page around each argument. tests/io_exports.sh knows why others need no
 * row. Calls that do more than use memory (forks, exits, descriptors, mappings, masks) are in io_syscall.c.
 */
#define SETS(n) ((size_t)((n) > 0 ? ((n) + 63) / 64 * 8 : 0)) /* of select */
#define LENSI_SYSCALL_TABLE(S) \
    S(read, o(b, c)) S(write, i(b, c)) S(pread64, o(b, c)) S(pwrite64, i(b, c)) \
    S(readv, vo(b, c)) S(writev, vi(b, c)) S(preadv, vo(b, c)) S(pwritev, vi(b, c)) \
    S(preadv2, vo(b, c)) S(pwritev2, vi(b, c)) S(process_vm_readv, vo(b, c) vi(d, e)) \
    S(process_vm_writev, vi(b, c) vo(d, e)) S(getrandom, o(a, b)) S(getdents64, o(b, c)) S(getdents, o(b, c)) \
    S(sendfile, o(c, 8)) S(splice, o(b, 8) o(d, 8)) S(copy_file_range, o(b, 8) o(d, 8)) \
    S(pipe, o(a, 8)) S(pipe2, o(a, 8)) S(memfd_create, t(a)) S(mincore, o(c, (b + 4095) / 4096)) \
    S(recvfrom, o(b, c) ad(e, f)) S(sendto, i(b, c) i(e, f)) S(recvmsg, mo(b)) S(sendmsg, mi(b)) \
    S(bind, i(b, c)) S(connect, i(b, c)) S(accept, ad(b, c)) S(accept4, ad(b, c)) \
    S(getsockname, ad(b, c)) S(getpeername, ad(b, c)) S(getsockopt, ad(d, e)) \
    S(setsockopt, i(d, e)) S(socketpair, o(d, 8)) \
    S(poll, o(a, b * 8)) S(ppoll, o(a, b * 8) i(c, 16)) S(select, o(b, SETS(a)) o(c, SETS(a)) o(d, SETS(a)) o(e, 16)) \
    S(pselect6, o(b, SETS(a)) o(c, SETS(a)) o(d, SETS(a)) i(e, 16) p(f) ne(f, 16)) S(epoll_ctl, i(d, 12)) S(epoll_wait, o(b, c * 12)) \
    S(epoll_pwait, o(b, c * 12) i(e, 8)) S(epoll_pwait2, o(b, c * 12) i(d, 16) i(e, 8)) \
    S(open, t(a)) S(openat, t(b)) S(openat2, t(b) i(c, d)) S(creat, t(a)) S(stat, t(a) o(b, 144)) \
    S(lstat, t(a) o(b, 144)) S(fstat, o(b, 144)) S(newfstatat, t(b) o(c, 144)) S(statx, t(b) o(e, 256)) \
    S(statfs, t(a) o(b, 120)) S(fstatfs, o(b, 120)) S(readlink, t(a) o(b, c)) S(readlinkat, t(b) o(c, d)) \
    S(getcwd, o(a, b)) S(access, t(a)) S(faccessat, t(b)) S(faccessat2, t(b)) S(unlink, t(a)) S(unlinkat, t(b)) \
    S(rename, t(a) t(b)) S(renameat, t(b) t(d)) S(renameat2, t(b) t(d)) S(link, t(a) t(b)) S(linkat, t(b) t(d)) \
    S(symlink, t(a) t(b)) S(symlinkat, t(a) t(c)) S(mkdir, t(a)) S(mkdirat, t(b)) S(rmdir, t(a)) S(chdir, t(a)) \
    S(chmod, t(a)) S(fchmodat, t(b)) S(chown, t(a)) S(lchown, t(a)) S(fchownat, t(b)) S(truncate, t(a)) \
    S(mknod, t(a)) S(mknodat, t(b)) S(utimensat, t(b) i(c, 32)) S(utimes, t(a) i(b, 32)) \
    S(futimesat, t(b) i(c, 32)) S(mount, t(a) t(b) t(c) t(e) p(e) ne(e, 64)) S(umount2, t(a)) S(chroot, t(a)) \
    S(pivot_root, t(a) t(b)) S(inotify_add_watch, t(b)) S(name_to_handle_at, t(b) p(c) o(d, 4)) \
    S(setxattr, t(a) t(b) i(c, d)) S(lsetxattr, t(a) t(b) i(c, d)) S(fsetxattr, t(b) i(c, d)) \
    S(getxattr, t(a) t(b) o(c, d)) S(lgetxattr, t(a) t(b) o(c, d)) S(fgetxattr, t(b) o(c, d)) \
    S(listxattr, t(a) o(b, c)) S(llistxattr, t(a) o(b, c)) S(flistxattr, o(b, c)) S(removexattr, t(a) t(b)) \
    S(lremovexattr, t(a) t(b)) S(fremovexattr, t(b)) \
    S(nanosleep, i(a, 16) o(b, 16)) S(clock_nanosleep, i(c, 16) o(d, 16)) S(clock_gettime, o(b, 16)) \
    S(clock_getres, o(b, 16)) S(clock_settime, i(b, 16)) S(gettimeofday, o(a, 16) o(b, 8)) S(time, o(a, 8)) \
    S(times, o(a, 32)) S(getitimer, o(b, 32)) S(setitimer, i(b, 32) o(c, 32)) S(timer_create, i(b, 64) o(c, 4)) \
    S(timer_settime, i(c, 32) o(d, 32)) S(timer_gettime, o(b, 32)) S(timerfd_settime, i(c, 32) o(d, 32)) \
    S(timerfd_gettime, o(b, 32)) \
    S(wait4, o(b, 4) o(d, 144)) S(waitid, o(c, 128) o(e, 144)) S(getrusage, o(b, 144)) S(getrlimit, o(b, 16)) \
    S(setrlimit, i(b, 16)) S(prlimit64, i(c, 16) o(d, 16)) S(sysinfo, o(a, 112)) S(uname, o(a, 390)) \
    S(sched_setaffinity, i(c, b)) S(sched_getaffinity, o(c, b)) S(sched_setparam, i(b, 4)) \
    S(sched_getparam, o(b, 4)) S(sched_setscheduler, i(c, 4)) S(sched_setattr, p(b)) S(sched_getattr, o(b, c)) \
    S(getcpu, o(a, 4) o(b, 4)) S(getgroups, o(b, a * 4)) S(setgroups, i(b, a * 4)) S(getresuid, o(a, 4) o(b, 4) o(c, 4)) \
    S(getresgid, o(a, 4) o(b, 4) o(c, 4)) S(prctl, p(b) p(c) ne(c, 16) p(d) p(e)) S(arch_prctl, p(b)) S(capget, p(a) p(b)) \
    S(capset, p(a) p(b)) S(syslog, o(b, c)) S(sethostname, i(a, b)) S(fcntl, p(c)) \
    S(futex, o(a, 4) i(d, 16) o(e, 4)) S(futex_waitv, i(a, b * 24) ne(a, b * 24) p(d)) S(set_robust_list, k(a, 24)) \
    S(rt_sigpending, o(a, 8)) S(rt_sigtimedwait, i(a, 8) o(b, 128) i(c, 16)) S(rt_sigqueueinfo, i(c, 128)) \
    S(rt_tgsigqueueinfo, i(d, 128)) S(pidfd_send_signal, i(c, 128)) S(signalfd, i(b, 8)) S(signalfd4, i(b, 8)) \
    S(msgsnd, i(b, c + 8)) S(msgrcv, o(b, c + 8)) S(msgctl, p(c)) S(shmctl, p(c)) S(semop, i(b, c * 6)) \
    S(semtimedop, i(b, c * 6) i(d, 16)) S(semctl, p(d)) S(mq_open, t(a) i(d, 64)) S(mq_unlink, t(a)) \
    S(mq_timedsend, i(b, c) i(e, 16)) S(mq_timedreceive, o(b, c) o(d, 4) i(e, 16)) S(mq_getsetattr, i(b, 64) o(c, 64)) \
    S(io_setup, o(b, 8)) S(io_getevents, o(d, c * 32) i(e, 16)) S(io_uring_setup, o(b, 120)) S(io_uring_enter, p(e)) \
    S(execve, t(a) ts(b) ts(c)) S(execveat, t(b) ts(c) ts(d)) S(get_mempolicy, p(a) p(b)) S(set_mempolicy, p(b)) \
    S(mbind, p(d)) S(move_pages, i(c, b * 8) i(d, b * 4) o(e, b * 4)) S(bpf, o(b, c) ne(b, c)) S(perf_event_open, p(a)) \
    S(add_key, t(a) t(b) i(c, d)) S(request_key, t(a) t(b) t(c)) S(keyctl, p(b) p(c) p(d) o(c, d) ne(b, 64) ne(c, 64) p(e) p(f)) \
    S(init_module, i(a, b) t(c)) S(finit_module, t(b)) S(landlock_create_ruleset, p(a)) S(landlock_add_rule, p(c)) \
    S(acct, t(a)) S(adjtimex, o(a, 208)) S(clock_adjtime, o(b, 208)) S(delete_module, t(a)) S(fanotify_mark, t(e)) \
    S(fsopen, t(a)) S(fspick, t(b)) S(fsconfig, t(c) t(d) i(d, e)) S(open_tree, t(b)) S(move_mount, t(b) t(d)) \
    S(mount_setattr, t(b) i(d, e)) S(get_robust_list, o(b, 8) o(c, 8)) S(io_cancel, p(b) o(c, 32)) \
    S(io_pgetevents, o(d, c * 32) i(e, 16) p(f) ne(f, 16)) S(io_uring_register, p(c) ne(c, 64)) S(kexec_load, p(c) ne(c, b * 32)) \
    S(kexec_file_load, t(d)) S(lookup_dcookie, o(b, c)) S(migrate_pages, p(c) p(d)) S(modify_ldt, o(b, c)) S(mq_notify, p(b)) \
    S(quotactl, t(b) p(d)) S(quotactl_fd, p(d)) S(rseq, k(a, b)) S(sched_rr_get_interval, o(b, 16)) \
    S(sendmmsg, ms(b, c)) S(set_tid_address, k(a, 4)) S(setdomainname, i(a, b)) S(settimeofday, i(a, 16) i(b, 8)) \
    S(swapon, t(a)) S(swapoff, t(a)) S(sysfs, p(b) p(c)) S(ustat, o(b, 32)) S(utime, t(a) i(b, 16)) S(seccomp, p(c) ne(c, 16)) S(ptrace, p(c) p(d) ne(d, 16)) \
    S(io_submit, i(c, b * 8))
