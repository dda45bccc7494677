/*
 * gaps.c - calls that hand memory to the kernel from within libc, or through a pointer inside of what they are given.
 *
 * What they are given is written to a file, which is then loaded into a block: so each structure lies in pages that can
 * be remade and are absent when its turn comes. Before each call everything else is used for a while.
 */
#include "data.h"

#include <dirent.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pty.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/user.h>
#include <utmpx.h>

int capget(cap_user_header_t header, cap_user_data_t to);

enum { EXTENTS = 200, INTERFACES = 64, COLUMNS = 77 };

/* Each has eight pages: what it holds begins in the middle of the first. */
enum place { PATH, HEADER, DATA, PRIORITY, ACCOUNT, CLOCK, INTERFACE_LIST, DRIVER, MAP, SIZE, REGISTERS, PLACES };
#define PLACE_BYTES (8 * PAGE)
#define BLOCK_BYTES ((size_t)PLACES * PLACE_BYTES)

static unsigned char *block, *other;

static void *in(unsigned char *memory, enum place place)
{
    return memory + place * PLACE_BYTES + PAGE / 2;
}
#define GIVEN(type, place, ...) memcpy(in(image, place), &(type)__VA_ARGS__, sizeof(type))

static void fill(unsigned char *image)
{
    memset(image, 0, BLOCK_BYTES);
    strcpy(in(image, PATH), "/");
    GIVEN(struct __user_cap_header_struct, HEADER, {.version = _LINUX_CAPABILITY_VERSION_3});
    GIVEN(struct utmpx, ACCOUNT, {.ut_type = USER_PROCESS, .ut_user = "lens"});
    GIVEN(struct ethtool_drvinfo, DRIVER, {.cmd = ETHTOOL_GDRVINFO});
    GIVEN(struct fiemap, MAP, {.fm_length = ~0ull, .fm_extent_count = EXTENTS});
    GIVEN(struct winsize, SIZE, {.ws_row = 33, .ws_col = COLUMNS});
    for (size_t page = 0; page < BLOCK_BYTES / PAGE; page++)
        image[page * PAGE] = (unsigned char)(page + 1);
}

static void load(void)
{
    static unsigned char image[BLOCK_BYTES];
    int fd = open("given", O_RDWR | O_CREAT | O_TRUNC, 0600);

    fill(image);
    CHECK(write(fd, image, BLOCK_BYTES) == (ssize_t)BLOCK_BYTES && close(fd) == 0);
    fd = open("given", O_RDONLY);
    block = (unsigned char *)malloc(BLOCK_BYTES);
    CHECK(block && read(fd, block, BLOCK_BYTES) == (ssize_t)BLOCK_BYTES && close(fd) == 0);
}

/* Everything else is used, again and again. */
static void leave_alone(void)
{
    for (unsigned round = 0; round < 3; round++) {
        CHECK(data_is_all(other));
        data_pause();
    }
}

static void expect(const char *what, int is_fine)
{
    printf("%s: %s\n", what, is_fine ? "as without" : strerror(errno));
    fflush(stdout);
}
#define TRY(what, call) (leave_alone(), errno = 0, expect(what, (call)))
#define UNLESS_UNREADABLE(call) ((call) != -1 || errno != EFAULT)

static int is_listed(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);

    for (int i = 0; i < n; i++)
        free(names[i]);
    if (n >= 0)
        free(names);
    return n > 2;
}

static int is_recorded(const char *path, const struct utmpx *account)
{
    struct stat it;

    close(open(path, O_CREAT | O_RDWR | O_TRUNC, 0600));
    updwtmpx(path, account);
    return stat(path, &it) == 0 && it.st_size == sizeof *account;
}

/* The list is in the block, and what points to it on the stack. */
static int has_interfaces(int socket, struct ifreq *list)
{
    struct ifconf it = {.ifc_len = INTERFACES * sizeof *list, .ifc_req = list};

    return ioctl(socket, SIOCGIFCONF, &it) == 0;
}

static int is_no_fault_to_ask(int socket, struct ethtool_drvinfo *driver)
{
    struct ifreq it = {.ifr_name = "lo", .ifr_data = (void *)driver};

    return UNLESS_UNREADABLE(ioctl(socket, SIOCETHTOOL, &it));
}

/* A file in pieces: more of them than the structure's own page and the next have room for. */
static int in_pieces(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    for (unsigned i = 0; i < EXTENTS; i++)
        CHECK(pwrite(fd, other, PAGE, (off_t)i * 3 * PAGE) == PAGE);
    CHECK(fsync(fd) == 0);
    return fd;
}

static int has_size(const struct winsize *size)
{
    struct winsize now = {0};
    int own, far;

    if (openpty(&own, &far, NULL, NULL, size) != 0)
        return 0;
    ioctl(own, TIOCGWINSZ, &now);
    close(own);
    close(far);
    return now.ws_col == COLUMNS;
}

static int has_registers(struct user_regs_struct *to)
{
    struct iovec registers = {to, sizeof *to};
    pid_t pid = fork();
    long result;

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        _exit(0);
    }
    CHECK(waitpid(pid, NULL, 0) == pid);
    leave_alone();
    result = ptrace(PTRACE_GETREGSET, pid, (void *)1 /* NT_PRSTATUS */, &registers);
    kill(pid, SIGKILL);
    CHECK(data_wait(pid) == 128 + SIGKILL);
    return result == 0 && registers.iov_len == sizeof *to;
}

static void try_all(void)
{
    struct __user_cap_header_struct near = {_LINUX_CAPABILITY_VERSION_3, 0};
    int net = socket(AF_INET, SOCK_DGRAM, 0), file = in_pieces("pieces");

    TRY("scandir", is_listed(in(block, PATH)));
    TRY("capget", capget(in(block, HEADER), in(block, DATA)) == 0);
    TRY("capget, data only", capget(&near, in(block, DATA)) == 0);
    TRY("pthread_setschedparam", pthread_setschedparam(pthread_self(), SCHED_OTHER, in(block, PRIORITY)) == 0);
    TRY("updwtmpx", is_recorded("accounts", in(block, ACCOUNT)));
    TRY("ntp_adjtime", UNLESS_UNREADABLE(ntp_adjtime(in(block, CLOCK))));
    TRY("SIOCGIFCONF", has_interfaces(net, in(block, INTERFACE_LIST)));
    TRY("SIOCETHTOOL", is_no_fault_to_ask(net, in(block, DRIVER)));
    TRY("FIEMAP", UNLESS_UNREADABLE(ioctl(file, FS_IOC_FIEMAP, in(block, MAP))));
    TRY("openpty", has_size(in(block, SIZE)));
    TRY("ptrace", has_registers(in(block, REGISTERS)));
    close(net);
    close(file);
}

int main(int count, char **argument)
{
    char folder[] = "/tmp/lens-gaps-XXXXXX";

    CHECK(count == 2);
    other = data_load(argument[1]);
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    load();
    try_all();
    CHECK(unlink("given") == 0 && unlink("pieces") == 0 && unlink("accounts") == 0);
    CHECK(chdir("/") == 0 && rmdir(folder) == 0);
    return 0;
}
