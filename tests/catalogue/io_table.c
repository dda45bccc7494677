/*
 * io_table.c - every entry of preload/io_table.h with what the kernel reads and what it writes in absent memory.
 *
 * Each case owns two pages of a block: `in` holds what its row says (text, a structure), `out` holds 0xee. The pages
 * are first written to a file, which is loaded into the block as a program would: so they can be remade and are
 * absent, or proven and protected, when a case hands them over. The expression must be true, with lens and without.
 * A name of the table without a case here or a reason below is a failure.
 */
#include "data.h"
#include "dns.h"

#include "../../preload/io_table.h"

#include <aio.h>
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <err.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <mntent.h>
#include <mqueue.h>
#include <netdb.h>
#include <nl_types.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/profil.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <threads.h>
#include <ucontext.h>
#include <utime.h>
#include <utmp.h>
#include <utmpx.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* Prototypes of the checked and the old entries, which no header declares. */
#define DECLARE(type, name, parameters, arguments, words) type name parameters;
#define NO_DECLARATION(name)
LENSI_IO_TABLE(DECLARE, NO_DECLARATION)
ssize_t __read(int fd, void *to, size_t n);
ssize_t __pread64(int fd, void *to, size_t n, off64_t at);
ssize_t __read_chk(int fd, void *to, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *to, size_t n, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *to, size_t n, off64_t at, size_t room);
int __open(const char *path, int flags, ...);
int __open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int fd, const char *path, int flags);
int __openat64_2(int fd, const char *path, int flags);
size_t __fread_chk(void *to, size_t room, size_t size, size_t n, FILE *stream);
size_t __fread_unlocked_chk(void *to, size_t room, size_t size, size_t n, FILE *stream);
int __printf_chk(int flag, const char *format, ...);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list list);
int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list list);
int __vdprintf_chk(int fd, int flag, const char *format, va_list list);
int _IO_vfprintf(FILE *stream, const char *format, va_list list);
int _IO_printf(const char *format, ...);
int _IO_fprintf(FILE *stream, const char *format, ...);
void _IO_setbuffer(FILE *stream, char *buffer, size_t bytes);
int __fcntl(int fd, int command, ...);

/* ---- what the cases use */

static int file_fd, sink_fd, null_fd, zero_fd, sockets[2], event_fd, timer_fd, epoll_fd; /* opened anew before each case */
static FILE *file, *sink;
static char *in, *out;
static socklen_t address_bytes;

#define FILE_TEXT "the bytes of a small file that every case may read\n"
#define IN_STRUCT(type) (*(type *)(void *)in)
#define AT(type) ((type *)(void *)in)
#define TO(type) ((type *)(void *)out)
#define NOT_A_FAULT(call) ((call) != -1 || errno != EFAULT)
#define READ_OK(call) ((call) == 20 && memcmp(out, FILE_TEXT, 20) == 0)
#define FILLED(call) ((call) && out[0] != '\xee')
#define VECTOR_OF(at) (&(struct iovec){(at), 20})
#define MESSAGE_OF(at) (&(struct msghdr){.msg_iov = VECTOR_OF(at), .msg_iovlen = 1})
#define SEND_FIRST(text) (send(sockets[1], text, sizeof text, 0) > 0)

/* What a child that executes the call ends with: 42 if the call came back with another error than EFAULT. */
#define CHILD(call)                              \
    ({                                           \
        pid_t pid_ = fork();                     \
        if (pid_ == 0) {                         \
            (void)(call);                        \
            _exit(errno == EFAULT ? 43 : 42);    \
        }                                        \
        data_wait(pid_);                         \
    })
static pid_t ended_child(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid;
}

static int print_list(int (*print)(FILE *, const char *, va_list), const char *format, ...)
{
    va_list list;
    int result;

    va_start(list, format);
    result = print(sink, format, list);
    va_end(list);
    return result;
}
static int with_vprintf(FILE *to, const char *format, va_list list) { (void)to; return vprintf(format, list); }
static int with_vdprintf(FILE *to, const char *format, va_list list) { return vdprintf(fileno(to), format, list); }
static int with_vprintf_chk(FILE *to, const char *format, va_list list) { (void)to; return __vprintf_chk(1, format, list); }
static int with_vfprintf_chk(FILE *to, const char *format, va_list list) { return __vfprintf_chk(to, 1, format, list); }
static int with_vdprintf_chk(FILE *to, const char *format, va_list list) { return __vdprintf_chk(fileno(to), 1, format, list); }

static int wait_for_aio(struct aiocb *io)
{
    const struct aiocb *list[] = {io};

    aio_suspend(list, 1, NULL);
    return (int)aio_return(io);
}
static uintptr_t volatile zero_address; /* an argument that may be null, whatever the header says */
static void nothing(void) {}
static void *wait_for_byte(void *unused)
{
    char byte;

    CHECK(recv(sockets[0], &byte, 1, 0) == 1);
    return unused;
}

static pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER;
static int signalled;
/* Until its waiter has been woken once. */
static void *signal_soon(void *cond)
{
    for (int i = 0; i < 3; i++) {
        usleep(20000);
        pthread_mutex_lock(&plain_mutex);
        signalled = 1;
        pthread_cond_signal(cond);
        pthread_mutex_unlock(&plain_mutex);
    }
    return NULL;
}
static void ignore(int number) { (void)number; }

#define LONG_TEXT "a long line, longer than what fits into the buffer of a stream that has none\n"
static FILE *unbuffered(void)
{
    setvbuf(sink, NULL, _IONBF, 0);
    return sink;
}

/* A listening socket with somebody waiting at it. */
static int listener(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, name);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 5) == 0);
    CHECK(connect(other, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static int ready_epoll(void)
{
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &(struct epoll_event){EPOLLIN, {.u64 = 7}}) == 0;
}

static timer_t a_timer(void)
{
    timer_t timer;

    CHECK(timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_NONE}, &timer) == 0);
    return timer;
}

static mqd_t queue;
static int with_queue(void)
{
    struct mq_attr small = {.mq_maxmsg = 4, .mq_msgsize = 64};

    queue = mq_open("/lens-table-queue", O_RDWR | O_CREAT, 0600, &small);
    mq_unlink("/lens-table-queue");
    return queue != -1 && mq_send(queue, "1234567", 8, 1) == 0;
}

static int block_usr1(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0;
}

static const char *empty_file(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && close(fd) == 0);
    return name;
}

static size_t file_bytes(const char *name)
{
    struct stat it;

    CHECK(stat(name, &it) == 0);
    return (size_t)it.st_size;
}

/* What stopped a child and its registers, both written by the kernel into a page that is not there. */
static int is_traced(char *to)
{
    struct iovec registers = {to + 1024, 2048};
    pid_t pid = fork();

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        _exit(0);
    }
    CHECK(waitpid(pid, NULL, 0) == pid);
    int is_fine = ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &registers) == 0 && registers.iov_len < 2048 &&
                  memcmp(to + 1024, to + 1025, registers.iov_len - 1) != 0 &&
                  ptrace(PTRACE_GETSIGINFO, pid, NULL, to) == 0 && ((siginfo_t *)(void *)to)->si_signo == SIGSTOP;
    kill(pid, SIGKILL);
    return data_wait(pid) == 128 + SIGKILL && is_fine;
}

/* A name that only programs linked long ago can ask for. The second call finds it where nobody stands before libc. */
static void *find_old(const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);

    return found ? found : dlvsym(RTLD_DEFAULT, name, "GLIBC_2.2.5");
}
#define OLD(name) ((__typeof__(&name))find_old(#name))

/* An answer of the resolver's, in a page that is not there. */
static char resolver[DNS_STATE_BYTES];
#define ASKED(state, call) ({ pid_t pid_ = dns_begin(state); int got_ = (call); dns_end(pid_); got_ == 43 && out[2] & 0x80 && out[42] == 9; })
#define NAME_ASKED "lens.test", 1, 1, (unsigned char *)out, 2048

/* What a call without a result writes to stderr, which here has a buffer: whether `text` is in it, whole. */
#define SAID(text, call)                                                 \
    ({                                                                   \
        FILE *was_ = stderr;                                             \
        char said_[3 * PAGE];                                            \
        int fd_ = dup(2);                                                \
        fflush(stderr);                                                  \
        CHECK(dup2(sink_fd, 2) == 2);                                    \
        setvbuf(stderr, stderr_buffer, _IOFBF, sizeof stderr_buffer);    \
        call;                                                            \
        fflush(stderr);                                                  \
        setvbuf(stderr, NULL, _IONBF, 0);                                \
        CHECK(dup2(fd_, 2) == 2 && close(fd_) == 0 && was_ == stderr);   \
        ssize_t got_ = pread(sink_fd, said_, sizeof said_ - 1, 0);       \
        said_[got_ > 0 ? got_ : 0] = 0;                                  \
        strstr(said_, text) != NULL;                                     \
    })
static char stderr_buffer[256];
static void warn_list(void (*say)(const char *, va_list), const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say(format, list);
    va_end(list);
}
static int end_list(void (*say)(int, const char *, va_list), const char *format, ...)
{
    pid_t pid = fork();

    if (pid == 0) {
        va_list list;

        va_start(list, format);
        say(17, format, list);
        va_end(list);
    }
    return data_wait(pid);
}

struct case_of {
    const char *name;
    const void *text; /* what `in` holds */
    size_t bytes;
    int (*run)(void);
};

/* T: `in` is a text. D: `in` is a structure. O: only `out` matters. */
#define T(name, text, expression) CASE(name, text, sizeof text, expression)
#define D(name, value, expression) CASE(name, (&value), sizeof value, expression)
#define O(name, expression) CASE(name, "", 1, expression)
#include "io_table_cases.h"

#define CASE(name, text, bytes, expression) static int run_##name(void) { return (expression); }
IO_TABLE_CASES
#undef CASE
#define CASE(name, text, bytes, expression) {#name, text, bytes, run_##name},
static const struct case_of cases[] = {IO_TABLE_CASES};
enum { CASES = sizeof cases / sizeof *cases };

/* Entries that hand over no memory, or that a program of the catalogue tries at length. */
static const char *const elsewhere[] = {
    IO_TABLE_ELSEWHERE
};

/* ---- the test */

static int is_known(const char *name)
{
    for (size_t i = 0; i < CASES; i++)
        if (strcmp(cases[i].name, name) == 0)
            return 1;
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcmp(elsewhere[i], name) == 0)
            return 1;
    fprintf(stderr, "io_table.c has no case for %s\n", name);
    return 0;
}

static int all_known(void)
{
    int known = 1;
#define KNOWN(type, name, parameters, arguments, words) known &= is_known(#name);
#define KNOWN_BY_HAND(name) known &= is_known(#name);
    LENSI_IO_TABLE(KNOWN, KNOWN_BY_HAND)
    return known;
}

static char *load_pages(void)
{
    size_t bytes = (size_t)CASES * 2 * PAGE + 64 * 1024;
    char *image = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *block = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
    int fd = open("pages", O_RDWR | O_CREAT | O_TRUNC, 0644);

    memset(image, 0xee, bytes);
    for (size_t i = 0; i < CASES; i++) {
        memset(image + i * 2 * PAGE, 0, PAGE);
        memcpy(image + i * 2 * PAGE, cases[i].text, cases[i].bytes);
    }
    for (size_t done = 0; done < bytes; done += 1 << 16)
        CHECK(write(fd, image + done, bytes - done < 1 << 16 ? bytes - done : 1 << 16) > 0);
    close(fd);
    munmap(image, bytes);
    fd = open("pages", O_RDONLY);
    CHECK(read(fd, block, bytes) == (ssize_t)bytes);
    close(fd);
    data_pause();
    return block;
}

static void open_all(void)
{
    file_fd = open("small", O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(write(file_fd, FILE_TEXT, sizeof FILE_TEXT) > 0 && lseek(file_fd, 0, SEEK_SET) == 0);
    file = fopen("small", "r");
    sink = fopen("/dev/null", "w");
    sink_fd = open("sink", O_RDWR | O_CREAT | O_TRUNC, 0644);
    null_fd = open("/dev/null", O_RDWR);
    zero_fd = open("/dev/zero", O_RDWR);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    event_fd = eventfd(5, 0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
    epoll_fd = epoll_create1(0);
    address_bytes = 100;
}

static void close_all(void)
{
    int fds[] = {file_fd, sink_fd, null_fd, zero_fd, sockets[0], sockets[1], event_fd, timer_fd, epoll_fd};

    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close(fds[i]);
    if (file)
        fclose(file);
    if (sink)
        fclose(sink);
}

int main(int count, char **argument)
{
    char folder[] = "/tmp/lens-table-XXXXXX";
    unsigned failed = 0;
    char *block;

    (void)count;
    (void)argument;
    signal(SIGALRM, SIG_IGN);
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    failed += !all_known();
    block = load_pages();
    for (size_t i = 0; i < CASES; i++) {
        in = block + i * 2 * PAGE;
        out = in + PAGE;
        fflush(stdout); /* or a child writes it, too */
        open_all();
        errno = 0;
        if (!cases[i].run()) {
            fprintf(stderr, "%s: failed (errno %d, %s)\n", cases[i].name, errno, strerror(errno));
            failed++;
        }
        close_all();
    }
    CHECK(chdir("/") == 0);
    char *remove_folder[] = {"rm", "-rf", folder, NULL};
    pid_t pid;
    CHECK(posix_spawnp(&pid, "rm", NULL, NULL, remove_folder, environ) == 0 && data_wait(pid) == 0);
    printf("%u of %d entries failed\n", failed, CASES);
    return failed ? 99 : 0;
}
