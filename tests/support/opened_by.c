/*
 * opened_by.c - reads a file whole into one block, through a descriptor that came to it by the way named.
 *   opened_by WAY FILE [stream|rows]     stream: by fread; rows: by getline, into a block that the lines are copied to
 * Prints how many bytes there were, and their sum. Waits for nobody: the last line is said when all pages were looked at.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(99);
    }
    return result;
}

static int open_plain(const char *path) { return must(open(path, O_RDONLY | O_CLOEXEC), path); }

static int closing(int from, int to)
{
    close(from);
    return must(to, "duplicate");
}

/* A child opens it and sends it. */
static int by_socket(const char *path)
{
    char byte = 0, room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    int pair[2], fd;

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        fd = open_plain(path);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
        must((int)sendmsg(pair[0], &message, 0), "sendmsg");
        _exit(0);
    }
    must((int)recvmsg(pair[1], &message, 0), "recvmsg");
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    waitpid(child, NULL, 0);
    return fd;
}

/* A child opens it, says its number, and stays until we have it. */
static int by_pidfd(const char *path)
{
    int said[2], end[2], theirs, fd;

    must(pipe(said), "pipe");
    must(pipe(end), "pipe");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        close(end[1]);
        theirs = open_plain(path);
        must((int)write(said[1], &theirs, sizeof theirs), "write");
        must((int)read(end[0], &fd, 1), "read");
        _exit(0);
    }
    close(end[0]);
    must((int)read(said[0], &theirs, sizeof theirs), "read");
    fd = must(pidfd_getfd(must(pidfd_open(child, 0), "pidfd_open"), theirs, 0), "pidfd_getfd");
    close(end[1]);
    waitpid(child, NULL, 0);
    return fd;
}

/* Of the same bytes, in memory; its name is the file's. */
static int by_memfd(const char *path)
{
    const char *slash = strrchr(path, '/');
    int from = open_plain(path), fd = must(memfd_create(slash ? slash + 1 : path, MFD_CLOEXEC), "memfd_create");
    char part[4000]; /* less than what would be taken for data */

    for (ssize_t got; (got = read(from, part, sizeof part)) > 0;)
        must((int)write(fd, part, (size_t)got), "write");
    close(from);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int by_link(const char *form, int fd)
{
    char name[64];

    snprintf(name, sizeof name, form, fd);
    return open_plain(name);
}

static int opened(const char *way, const char *path)
{
    if (!strcmp(way, "plain"))
        return open_plain(path);
    if (!strcmp(way, "inherited")) /* our standard input */
        return 0;
    if (!strcmp(way, "seven")) /* inherited by another number */
        return 7;
    if (!strcmp(way, "dup"))
        return dup(open_plain(path));
    if (!strcmp(way, "dup-alone")) {
        int fd = open_plain(path);
        return closing(fd, dup(fd));
    }
    if (!strcmp(way, "dup2")) {
        int fd = open_plain(path);
        return closing(fd, dup2(fd, 50));
    }
    if (!strcmp(way, "dup3"))
        return dup3(open_plain(path), 51, O_CLOEXEC);
    if (!strcmp(way, "fcntl"))
        return fcntl(open_plain(path), F_DUPFD, 20);
    if (!strcmp(way, "cloexec"))
        return fcntl(open_plain(path), F_DUPFD_CLOEXEC, 20);
    if (!strcmp(way, "socket"))
        return by_socket(path);
    if (!strcmp(way, "pidfd"))
        return by_pidfd(path);
    if (!strcmp(way, "memfd"))
        return by_memfd(path);
    if (!strcmp(way, "dev-stdin"))
        return open_plain("/dev/stdin");
    if (!strcmp(way, "dev-fd"))
        return by_link("/dev/fd/%d", open_plain(path));
    if (!strcmp(way, "proc-fd"))
        return by_link("/proc/self/fd/%d", open_plain(path));
    if (!strcmp(way, "openat2")) {
        struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
        return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    }
    if (!strcmp(way, "removed")) { /* and gone by the time it is read */
        int fd = open_plain(path), copy = dup(fd);
        unlink(path);
        return closing(fd, copy);
    }
    fprintf(stderr, "opened_by: no way named %s\n", way);
    exit(99);
}

static size_t by_lines(FILE *stream, unsigned char *to)
{
    char *line = NULL;
    size_t room = 0, bytes = 0;

    for (ssize_t got; (got = getline(&line, &room, stream)) > 0; bytes += (size_t)got)
        memcpy(to + bytes, line, (size_t)got);
    free(line);
    return bytes;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 99;
    if (!strcmp(argv[1], "exec")) { /* what we have open, another program reads */
        must(dup2(open_plain(argv[2]), 7), "dup2");
        must(execl("/proc/self/exe", argv[0], "seven", argv[2], argv[3], (char *)NULL), "exec");
    }
    const char *how = argc > 3 ? argv[3] : "";
    int fd = must(opened(argv[1], argv[2]), argv[1]);
    struct stat status;
    must(fstat(fd, &status), "fstat");
    size_t room = (size_t)status.st_size, bytes;
    unsigned char *data = malloc(room);
    if (!strcmp(how, "stream"))
        bytes = fread(data, 1, room, fdopen(fd, "rb"));
    else if (!strcmp(how, "rows"))
        bytes = by_lines(fdopen(fd, "r"), data);
    else
        bytes = (size_t)read(fd, data, room);
    unsigned long sum = 0;
    for (int round = 0; round < 3; round++) {
        usleep(60000); /* so that there is something to be given up; what is asserted can be tried again */
        for (size_t i = 0; i < bytes; i += 64)
            sum += data[i];
    }
    printf("%zu %lu\n", bytes, sum);
    return 0;
}
