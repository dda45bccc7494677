/*
 * by_number.c - system calls by syscall(2) whose memory is not where their arguments point, or that no table can know yet.
 *
 * As in gaps.c, what they are given lies in pages of a block that can be remade and are absent when its turn comes.
 */
#include "data.h"

#include <linux/bpf.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>
#include <utime.h>

enum place { WORD, CLOCK, TURN, PATH, TIMES, VECTOR, TEXT, DOMAIN, CODE, LICENSE, RANGE, COUNTS, NAME, SECRET, BACK, SIZE, OPTION, PLACES };
#define PLACE_BYTES (4 * PAGE)
#define BLOCK_BYTES ((size_t)PLACES * PLACE_BYTES)
#define A_TEXT "a text that is sent"

static unsigned char *block, *other;

static void *in(unsigned char *memory, enum place place) { return memory + place * PLACE_BYTES + PAGE / 2; }
#define AT(place) in(block, place)

static void load(void)
{
    static unsigned char image[BLOCK_BYTES];
    int fd = open("given", O_RDWR | O_CREAT | O_TRUNC, 0600);

    for (size_t page = 0; page < BLOCK_BYTES / PAGE; page++)
        image[page * PAGE] = (unsigned char)(page + 1);
    memcpy(in(image, WORD), &(uint32_t){77}, 4);
    strcpy(in(image, PATH), "given");
    memcpy(in(image, TIMES), &(struct utimbuf){1000000000, 1000000001}, sizeof(struct utimbuf));
    strcpy(in(image, TEXT), A_TEXT);
    strcpy(in(image, DOMAIN), "lens.test");
    strcpy(in(image, LICENSE), "GPL");
    strcpy(in(image, NAME), "lens:by-number");
    strcpy(in(image, SECRET), "no secret at all");
    memcpy(in(image, SIZE), &(socklen_t){sizeof(int)}, sizeof(socklen_t));
    CHECK(write(fd, image, BLOCK_BYTES) == (ssize_t)BLOCK_BYTES && close(fd) == 0);
    fd = open("given", O_RDONLY);
    block = (unsigned char *)malloc(BLOCK_BYTES);
    CHECK(block && read(fd, block, BLOCK_BYTES) == (ssize_t)BLOCK_BYTES && close(fd) == 0);
}

static void leave_alone(void)
{
    for (unsigned round = 0; round < 2; round++) {
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

struct waiter {
    uint64_t value, word;
    uint32_t flags, unused;
};

/* The word does not hold that: the kernel says so when it has read it. */
static int has_another_value(void *word)
{
    struct waiter waiter = {.value = 78, .word = (uintptr_t)word, .flags = 2 /* 32 bits */};
    struct timespec at_once = {0, 0};

    return UNLESS_UNREADABLE(syscall(449 /* futex_waitv */, &waiter, 1, 0, &at_once, CLOCK_MONOTONIC));
}

static int is_sent(struct iovec *vector, char *text)
{
    struct mmsghdr message = {.msg_hdr = {.msg_iov = vector, .msg_iovlen = 1}};
    char got[sizeof A_TEXT];
    int ends[2], is_fine;

    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    leave_alone();
    *vector = (struct iovec){text, sizeof A_TEXT};
    is_fine = syscall(SYS_sendmmsg, ends[0], &message, 1, MSG_DONTWAIT) == 1 && recv(ends[1], got, sizeof got, MSG_DONTWAIT) == sizeof got &&
              strcmp(got, A_TEXT) == 0;
    close(ends[0]);
    close(ends[1]);
    return is_fine;
}

static int has_bytes_in_pipe(char *text)
{
    struct iovec vector = {text, sizeof A_TEXT};
    char got[sizeof A_TEXT];
    int ends[2], is_fine;

    CHECK(pipe(ends) == 0);
    is_fine = syscall(SYS_vmsplice, ends[1], &vector, 1, 0) == sizeof A_TEXT && read(ends[0], got, sizeof got) == sizeof got && strcmp(got, A_TEXT) == 0;
    close(ends[0]);
    close(ends[1]);
    return is_fine;
}

/* What the attributes point to is two pointers away from the call. */
static int is_no_fault_to_load(void *code, char *license)
{
    union bpf_attr it = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2};
    long fd;

    it.insns = (uintptr_t)code;
    it.license = (uintptr_t)license;
    fd = syscall(SYS_bpf, BPF_PROG_LOAD, &it, sizeof it);
    if (fd >= 0)
        close((int)fd);
    return UNLESS_UNREADABLE(fd);
}

static int is_key_read(char *name, char *secret, char *back)
{
    long key = syscall(SYS_add_key, "user", name, secret, 16, -2 /* the process's */), got = -1;

    if (key < 0)
        return errno != EFAULT;
    leave_alone();
    got = syscall(SYS_keyctl, 11 /* read */, key, back, 2 * PAGE);
    return got == 16 && memcmp(back, "no secret at all", 16) == 0;
}

static int is_dated(const char *path, const struct utimbuf *times)
{
    struct stat it;

    return syscall(SYS_utime, path, times) == 0 && stat("given", &it) == 0 && it.st_mtime == 1000000001;
}

static void try_all(void)
{
    int file = open("given", O_RDONLY), net = socket(AF_INET, SOCK_DGRAM, 0);

    TRY("futex_waitv", has_another_value(AT(WORD)));
    TRY("adjtimex", UNLESS_UNREADABLE(syscall(SYS_adjtimex, AT(CLOCK))));
    TRY("sched_rr_get_interval", syscall(SYS_sched_rr_get_interval, 0, AT(TURN)) == 0);
    TRY("utime", is_dated(AT(PATH), AT(TIMES)));
    TRY("sendmmsg", is_sent(AT(VECTOR), AT(TEXT)));
    TRY("vmsplice", has_bytes_in_pipe(AT(TEXT)));
    TRY("setdomainname", UNLESS_UNREADABLE(syscall(SYS_setdomainname, AT(DOMAIN), -1L)));
    TRY("bpf", is_no_fault_to_load(AT(CODE), AT(LICENSE)));
    TRY("keyctl", is_key_read(AT(NAME), AT(SECRET), AT(BACK)));
    TRY("getsockopt", syscall(SYS_getsockopt, net, SOL_SOCKET, SO_TYPE, AT(OPTION), AT(SIZE)) == 0 && *(int *)AT(OPTION) == SOCK_DGRAM);
    TRY("a number newer than the table", UNLESS_UNREADABLE(syscall(451 /* cachestat */, file, AT(RANGE), AT(COUNTS), 0)));
    close(file);
    close(net);
}

int main(int count, char **argument)
{
    char folder[] = "/tmp/lens-numbers-XXXXXX";

    CHECK(count == 2);
    other = data_load(argument[1]);
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    load();
    try_all();
    CHECK(unlink("given") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
    return 0;
}
