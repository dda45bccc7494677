/*
 * stress.c - an ordinary program that treats its memory badly, and checks every byte of it again and again.
 *
 *   stress FOLDER SEED THREADS SECONDS      writes FOLDER/raw.bin and FOLDER/numbers.num first if they are not there
 *
 * Knows nothing of lens. Each block has a shadow in ordinary memory (mmap, which nobody virtualises) that is written
 * whenever the block is. What is done is drawn from SEED; how the threads meet is the scheduler's choice.
 * Ends with status 0, or says which byte of which block was wrong and ends with 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SITE __attribute__((noinline, noclone))
#define PAGE 4096u
#define RAW_BYTES (16u << 20)
#define NUMBERS 500000u
#define BLOCK_MOST (2u << 20)
#define ROOM (BLOCK_MOST * 2)
#define BLOCKS 4
#define THREADS_MOST 64
#define SMALL_COUNT 40000u

enum kind { NONE, RAW, NUMBER, ZERO };
struct block {
    enum kind kind;
    uint8_t *at, *shadow;
    size_t bytes;
    const char *last; /* what was done to it last */
};
struct worker {
    pthread_t thread;
    unsigned number;
    uint64_t random;
    struct block blocks[BLOCKS];
    uint8_t *buffer;
    int scratch_fd;
    uint64_t steps;
};

static char raw_path[4096], numbers_path[4096];
static unsigned threads_count;
static uint64_t seed, end_ns;
static struct block common, striped; /* read by all; written by all, each its own words */
static uint64_t **small;             /* objects of 16 bytes, packed; written by all, each its own */
static uint64_t *small_shadow;
static _Atomic bool failed;
static int null_fd;

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

static uint64_t draw(struct worker *w, uint64_t below)
{
    w->random = mix(w->random + 0x632be59bd9b4e019u);
    return below ? w->random % below : 0;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *fresh(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return at;
}

/* Every fourth page of the file is zeros, as files are. */
static uint64_t raw_word(uint64_t i) { return i / 512 % 4 == 3 ? 0 : mix(i + 1); }

static int32_t number(uint64_t i) { return (int32_t)(mix(i ^ 0x5555) >> (32 + i % 24)); }

static void raw_bytes(uint8_t *to, uint64_t offset, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        uint64_t word = raw_word((offset + i) / 8), skip = (offset + i) % 8, n = 8 - skip < bytes - i ? 8 - skip : bytes - i;
        memcpy(to + i, (uint8_t *)&word + skip, n);
        i += n;
    }
}

static void make_files(void)
{
    FILE *file;

    if (access(raw_path, R_OK)) {
        uint8_t block[PAGE];
        file = fopen(raw_path, "w");
        for (uint64_t at = 0; file && at < RAW_BYTES; at += PAGE) {
            raw_bytes(block, at, PAGE);
            fwrite(block, 1, PAGE, file);
        }
        if (!file || fclose(file))
            exit(2);
    }
    if (access(numbers_path, R_OK)) {
        file = fopen(numbers_path, "w");
        for (uint64_t i = 0; file && i < NUMBERS; i++)
            fprintf(file, "%d%c", number(i), i % 7 ? ' ' : '\n');
        if (!file || fclose(file))
            exit(2);
    }
}

/* ---- checking */

/* The mapping that the address lies in, for the report. */
static void say_mapping(const void *at)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long long low, high;
    char line[400];

    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%llx-%llx", &low, &high) == 2 && (uintptr_t)at >= low && (uintptr_t)at < high)
            fprintf(stderr, "stress: in %s", line);
    if (maps)
        fclose(maps);
}

static void wrong(const struct worker *w, const struct block *b, const char *where, size_t offset, const void *is, const void *should)
{
    char line[400];
    int n = snprintf(line, sizeof line,
                     "stress: wrong byte: thread %d step %llu pid %d, %s, block %p kind %d of %zu bytes, offset %zu (page %zu), "
                     "is %016llx, should be %016llx; last: %s\n",
                     w ? (int)w->number : -1, w ? (unsigned long long)w->steps : 0, (int)getpid(), where, (void *)b->at, b->kind, b->bytes,
                     offset, offset / PAGE, *(const unsigned long long *)is, *(const unsigned long long *)should, b->last);

    atomic_store(&failed, true);
    if (write(2, line, (size_t)n) < 0)
        _exit(3);
    if (w)
        say_mapping(b->at + offset);
}

static bool check(const struct worker *w, const struct block *b, size_t offset, size_t bytes, const char *where)
{
    uint64_t is = 0, should = 0;

    if (b->kind == NONE || offset >= b->bytes)
        return true;
    if (bytes > b->bytes - offset)
        bytes = b->bytes - offset;
    if (memcmp(b->at + offset, b->shadow + offset, bytes) == 0)
        return true;
    for (size_t i = 0; i < bytes; i++)
        if (b->at[offset + i] != b->shadow[offset + i]) {
            memcpy(&is, b->at + offset + i, bytes - i < 8 ? bytes - i : 8);
            memcpy(&should, b->shadow + offset + i, bytes - i < 8 ? bytes - i : 8);
            wrong(w, b, where, offset + i, &is, &should);
            return false;
        }
    wrong(w, b, "differed, and does not any more", offset, &is, &should);
    return false;
}

/* ---- sites: the plan of stress.sh names these functions */

SITE void *raw_site(size_t bytes)
{
    void *at = malloc(bytes);

    __asm__ volatile("" : "+r"(at));
    return at;
}

SITE void *number_site(size_t bytes)
{
    void *at = malloc(bytes);

    __asm__ volatile("" : "+r"(at));
    return at;
}

SITE void *zero_site(size_t bytes)
{
    void *at = calloc(1, bytes);

    __asm__ volatile("" : "+r"(at));
    return at;
}

SITE void *small_site(void)
{
    void *at = malloc(16);

    __asm__ volatile("" : "+r"(at));
    return at;
}

/* ---- what is done */

static void fill_pieces(struct worker *w, struct block *b)
{
    int fd = open(raw_path, O_RDONLY | O_CLOEXEC);
    FILE *file = draw(w, 3) == 0 ? fopen(raw_path, "r") : NULL;
    size_t at = draw(w, 4) ? 0 : draw(w, 20000);
    uint64_t from = draw(w, 2) ? draw(w, RAW_BYTES / PAGE) * PAGE : draw(w, RAW_BYTES);

    if (fd < 0)
        exit(2);
    memset(b->at, 0, at); /* malloc promises nothing */
    memset(b->shadow, 0, at);
    while (at < b->bytes) {
        size_t n = draw(w, 3) ? b->bytes - at : draw(w, 300000) + 1;
        ssize_t got;
        n = n > b->bytes - at ? b->bytes - at : n;
        if (from >= RAW_BYTES)
            from = draw(w, RAW_BYTES);
        if (file) {
            fseek(file, (long)from, SEEK_SET);
            got = (ssize_t)fread(b->at + at, 1, n, file);
        } else if (draw(w, 3) == 0) {
            struct iovec v[2] = {{b->at + at, n / 2}, {b->at + at + n / 2, n - n / 2}};
            got = preadv(fd, v, 2, (off_t)from);
        } else if (draw(w, 2)) {
            lseek(fd, (off_t)from, SEEK_SET);
            got = read(fd, b->at + at, n);
        } else {
            got = pread(fd, b->at + at, n, (off_t)from);
        }
        if (got <= 0) {
            fprintf(stderr, "stress: read gave %zd: %s\n", got, strerror(errno));
            atomic_store(&failed, true);
            break;
        }
        raw_bytes(b->shadow + at, from, (size_t)got);
        at += (size_t)got;
        from = draw(w, 4) ? from + (uint64_t)got : draw(w, RAW_BYTES);
    }
    if (file)
        fclose(file);
    close(fd);
    b->last = "filled";
}

static void fill_numbers(struct block *b)
{
    FILE *file = fopen(numbers_path, "r");
    int32_t *to = (int32_t *)(void *)b->at, *shadow = (int32_t *)(void *)b->shadow;

    for (size_t i = 0; i < b->bytes / 4; i++)
        to[i] = shadow[i] = number(i);
    if (file)
        fclose(file);
    b->last = "filled";
}

static void end_block(struct block *b)
{
    free(b->at);
    b->kind = NONE;
}

static void new_block(struct worker *w, struct block *b)
{
    size_t bytes = draw(w, 8) == 0 ? 65536 + draw(w, 5000) : 65536 + draw(w, BLOCK_MOST - 65536);

    switch (draw(w, 4)) {
    case 0:
        b->kind = NUMBER;
        b->bytes = bytes / 4 * 4 > NUMBERS * 4 ? NUMBERS * 4 : bytes / 4 * 4;
        b->at = number_site(b->bytes);
        fill_numbers(b);
        break;
    case 1:
        b->kind = ZERO;
        b->bytes = bytes;
        b->at = zero_site(bytes);
        memset(b->shadow, 0, bytes);
        b->last = "calloc";
        check(w, b, 0, bytes, "calloc");
        if (draw(w, 2))
            fill_pieces(w, b);
        break;
    default:
        b->kind = RAW;
        b->bytes = bytes;
        b->at = raw_site(bytes);
        fill_pieces(w, b);
    }
}

static void write_words(struct worker *w, struct block *b)
{
    for (uint64_t n = draw(w, 20) + 1; n-- > 0;) {
        size_t offset = draw(w, b->bytes - 8);
        uint64_t value = draw(w, 0);
        value = w->random;
        memcpy(b->at + offset, &value, 8);
        memcpy(b->shadow + offset, &value, 8);
    }
    b->last = "words";
}

static void write_same(struct worker *w, struct block *b)
{
    for (uint64_t n = draw(w, 20) + 1; n-- > 0;) {
        volatile uint8_t *at = b->at + draw(w, b->bytes);
        *at = *at;
    }
    b->last = "same bytes";
}

/* Makes pages that were written equal to the file again, so that they may be proven anew. */
static void restore(struct worker *w, struct block *b)
{
    if (b->kind == NUMBER) {
        fill_numbers(b);
    } else {
        fill_pieces(w, b);
    }
    b->last = "restored";
}

static void hand_out(struct worker *w, struct block *b)
{
    size_t offset = draw(w, b->bytes), bytes = draw(w, 200000) + 1, done = 0;

    bytes = bytes > b->bytes - offset ? b->bytes - offset : bytes;
    if (draw(w, 3) == 0) { /* through a pipe */
        int ends[2];
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
            return;
        ssize_t put = write(ends[1], b->at + offset, bytes);
        if (put > 0 && (read(ends[0], w->buffer, (size_t)put) != put || memcmp(w->buffer, b->shadow + offset, (size_t)put)))
            wrong(w, b, "pipe", offset, w->buffer, b->shadow + offset);
        if (put < 0)
            wrong(w, b, strerror(errno), offset, w->buffer, b->shadow + offset);
        close(ends[0]);
        close(ends[1]);
        return;
    }
    while (done < bytes) {
        ssize_t put = pwrite(w->scratch_fd, b->at + offset + done, bytes - done, (off_t)done);
        if (put <= 0) {
            wrong(w, b, strerror(errno), offset, w->buffer, b->shadow + offset);
            return;
        }
        done += (size_t)put;
    }
    if (pread(w->scratch_fd, w->buffer, bytes, 0) != (ssize_t)bytes || memcmp(w->buffer, b->shadow + offset, bytes))
        wrong(w, b, "write(2)", offset, w->buffer, b->shadow + offset);
}

static void take_in(struct worker *w, struct block *b)
{
    size_t offset = draw(w, b->bytes), bytes = draw(w, 100000) + 1;

    bytes = bytes > b->bytes - offset ? b->bytes - offset : bytes;
    for (size_t i = 0; i < bytes; i += 8)
        memcpy(w->buffer + i, &(uint64_t){mix(w->random + i)}, 8);
    if (pwrite(w->scratch_fd, w->buffer, bytes, 0) != (ssize_t)bytes || pread(w->scratch_fd, b->at + offset, bytes, 0) != (ssize_t)bytes) {
        wrong(w, b, strerror(errno), offset, w->buffer, b->shadow + offset);
        return;
    }
    memcpy(b->shadow + offset, w->buffer, bytes);
    b->last = "read(2)";
}

static void resize(struct worker *w, struct block *b)
{
    size_t bytes = draw(w, 3) ? 65536 + draw(w, BLOCK_MOST - 65536) : b->bytes + draw(w, 10000), old = b->bytes;
    uint8_t *at;

    bytes = bytes > BLOCK_MOST ? BLOCK_MOST : bytes;
    at = realloc(b->at, bytes);
    if (!at)
        return;
    b->at = at;
    b->bytes = bytes;
    b->last = "realloc";
    check(w, b, 0, bytes < old ? bytes : old, "realloc");
    if (bytes > old) {
        uint64_t value = draw(w, 256);
        memset(at + old, (int)value, bytes - old);
        memset(b->shadow + old, (int)value, bytes - old);
    }
}

static void move_inside(struct worker *w, struct block *b)
{
    size_t bytes = draw(w, 30000) + 1, from = draw(w, b->bytes - 30001), to = draw(w, b->bytes - 30001);

    memmove(b->at + to, b->at + from, bytes);
    memmove(b->shadow + to, b->shadow + from, bytes);
    b->last = "memmove";
}

static void advise(struct worker *w, struct block *b)
{
    uintptr_t low = ((uintptr_t)b->at + draw(w, b->bytes) + PAGE - 1) & ~(uintptr_t)(PAGE - 1), high = ((uintptr_t)b->at + b->bytes) & ~(uintptr_t)(PAGE - 1);
    size_t bytes = (draw(w, 20) + 1) * PAGE;

    if (low >= high || b->kind == NONE)
        return;
    bytes = bytes > high - low ? high - low : bytes;
    if (madvise((void *)low, bytes, MADV_DONTNEED) == 0)
        memset(b->shadow + (low - (uintptr_t)b->at), 0, bytes);
    b->last = "madvise";
}

/* Words of my own in the block of all: changed, and put back as they were, so that the page is proven again. */
static void stripe(struct worker *w)
{
    for (unsigned n = 0; n < 200; n++) {
        size_t word = draw(w, striped.bytes / 8 / threads_count) * threads_count + w->number, offset = word * 8;
        uint64_t value, *at = (uint64_t *)(void *)(striped.at + offset), *shadow = (uint64_t *)(void *)(striped.shadow + offset);
        value = *(volatile uint64_t *)at;
        if (value != *shadow)
            wrong(w, &striped, "stripe", offset, &value, shadow);
        value = draw(w, 8) ? raw_word(word) : draw(w, 1u << 30);
        if (draw(w, 2))
            *(volatile uint64_t *)at = *shadow = value;
    }
}

static void small_ones(struct worker *w)
{
    for (unsigned n = 0; n < 200; n++) {
        size_t i = draw(w, SMALL_COUNT / threads_count) * threads_count + w->number;
        if (!small[i])
            continue;
        if (small[i][0] != small_shadow[i]) {
            struct block b = {.at = (uint8_t *)small[i], .bytes = 16, .last = "small", .kind = RAW};
            wrong(w, &b, "small", 0, &small[i][0], &small_shadow[i]);
        }
        if (draw(w, 16) == 0)
            small[i][0] = small_shadow[i] = draw(w, 2) ? raw_word(2 * i) : w->random;
        if (draw(w, 2000) == 0) {
            free(small[i]);
            small[i] = NULL;
        }
    }
}

static void read_common(struct worker *w)
{
    for (unsigned n = 0; n < 50; n++) {
        size_t page = draw(w, common.bytes / PAGE);
        check(w, &common, page * PAGE, PAGE, "common");
    }
    volatile uint8_t *same = common.at + draw(w, common.bytes);
    *same = *same; /* by everybody at a time */
}

static void step(struct worker *w);

static void child_checks(struct worker *w)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        check(w, &w->blocks[i], 0, w->blocks[i].bytes, "child");
    read_common(w);
    stripe(w);
    for (unsigned i = 0; i < BLOCKS; i++)
        if (w->blocks[i].kind != NONE) {
            write_words(w, &w->blocks[i]);
            check(w, &w->blocks[i], 0, w->blocks[i].bytes, "child, after writing");
        }
    for (unsigned i = 0; i < 10; i++)
        step(w);
}

/* Sometimes the child has a child too. */
_Noreturn static void in_child(struct worker *w)
{
    int status = 0;
    pid_t pid;

    signal(SIGALRM, SIG_DFL);
    alarm(100);
    child_checks(w);
    if (draw(w, 3) == 0) {
        pid = fork();
        if (pid == 0)
            child_checks(w);
        else if (pid > 0 && (waitpid(pid, &status, 0) != pid || status))
            _exit(1);
    }
    _exit(atomic_load(&failed) ? 1 : 0);
}

static void fork_one(struct worker *w)
{
    int status = 0;
    pid_t pid = fork(), got;

    if (pid == 0)
        in_child(w);
    if (pid < 0)
        return;
    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    if (got != pid || status) {
        fprintf(stderr, "stress: thread %u: child %d ended with status 0x%x\n", w->number, (int)pid, status);
        atomic_store(&failed, true);
    }
}

static void step(struct worker *w)
{
    struct block *b = &w->blocks[draw(w, BLOCKS)];

    w->steps++;
    if (b->kind == NONE) {
        new_block(w, b);
        return;
    }
    switch (draw(w, 24)) {
    case 0: end_block(b); break;
    case 1: write_words(w, b); break;
    case 2: write_same(w, b); break;
    case 3: hand_out(w, b); break;
    case 4: take_in(w, b); break;
    case 5: resize(w, b); break;
    case 6: move_inside(w, b); break;
    case 7: advise(w, b); break;
    case 8: case 9: restore(w, b); break;
    case 10: case 11: case 12: stripe(w); break;
    case 13: case 14: read_common(w); break;
    case 15: small_ones(w); break;
    case 16: usleep((useconds_t)draw(w, 3000)); break; /* the prover catches up */
    case 17: case 18:
        for (unsigned i = 0; i < 20; i++) {
            size_t page = draw(w, b->bytes / PAGE + 1);
            check(w, b, page * PAGE, PAGE, "a page");
        }
        break;
    default: check(w, b, 0, b->bytes, "all"); break;
    }
}

static void *work(void *argument)
{
    struct worker *w = argument;

    while (now_ns() < end_ns && !atomic_load(&failed)) {
        for (unsigned i = 0; i < 40; i++)
            step(w);
        if (draw(w, 6) == 0)
            fork_one(w);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        check(w, &w->blocks[i], 0, w->blocks[i].bytes, "the end");
        if (w->blocks[i].kind != NONE)
            end_block(&w->blocks[i]);
    }
    return NULL;
}

/* A handler may touch memory and hand it to the kernel, whatever it interrupted. */
static void tick(int number)
{
    static _Atomic uint64_t turn;
    int saved = errno;
    size_t page = mix(atomic_fetch_add(&turn, 1)) % (common.bytes / PAGE);

    (void)number;
    check(NULL, &common, page * PAGE, PAGE, "signal handler");
    if (write(null_fd, common.at + page * PAGE, PAGE) != PAGE) {
        uint64_t zero = 0;
        wrong(NULL, &common, "write in a handler", page * PAGE, &zero, &zero);
    }
    errno = saved;
}

static void make_common(void)
{
    int fd = open(raw_path, O_RDONLY | O_CLOEXEC);

    common = (struct block){.kind = RAW, .bytes = 3u << 20, .shadow = fresh(3u << 20), .last = "filled"};
    striped = (struct block){.kind = RAW, .bytes = 1u << 20, .shadow = fresh(1u << 20), .last = "filled"};
    common.at = raw_site(common.bytes);
    striped.at = raw_site(striped.bytes);
    if (pread(fd, common.at, common.bytes, 12345) != (ssize_t)common.bytes || pread(fd, striped.at, striped.bytes, 0) != (ssize_t)striped.bytes)
        exit(2);
    raw_bytes(common.shadow, 12345, common.bytes);
    raw_bytes(striped.shadow, 0, striped.bytes);
    close(fd);
    fd = open(raw_path, O_RDONLY | O_CLOEXEC); /* an opening of its own: the packed site counts from here */
    small = fresh(SMALL_COUNT * sizeof *small);
    small_shadow = fresh(SMALL_COUNT * sizeof *small_shadow);
    for (size_t i = 0; i < SMALL_COUNT; i++) {
        small[i] = small_site();
        small[i][0] = small_shadow[i] = raw_word(2 * i);
        small[i][1] = raw_word(2 * i + 1);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MOST];
    struct itimerval timer = {{0, 3000}, {0, 3000}};
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    uint64_t steps = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: %s FOLDER SEED THREADS SECONDS\n", argv[0]);
        return 2;
    }
    snprintf(raw_path, sizeof raw_path, "%s/raw.bin", argv[1]);
    snprintf(numbers_path, sizeof numbers_path, "%s/numbers.num", argv[1]);
    seed = strtoull(argv[2], NULL, 0);
    threads_count = (unsigned)atoi(argv[3]);
    if (threads_count < 1 || threads_count > THREADS_MOST)
        return 2;
    make_files();
    end_ns = now_ns() + (uint64_t)(atof(argv[4]) * 1e9);
    null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    make_common();
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (unsigned i = 0; i < threads_count; i++) {
        struct worker *w = &workers[i];
        w->number = i;
        w->random = mix(seed * 1000 + i);
        w->buffer = fresh(BLOCK_MOST);
        w->scratch_fd = memfd_create("stress", MFD_CLOEXEC);
        for (unsigned k = 0; k < BLOCKS; k++)
            w->blocks[k].shadow = fresh(ROOM);
        if (pthread_create(&w->thread, NULL, work, w))
            return 2;
    }
    for (unsigned i = 0; i < threads_count; i++) {
        pthread_join(workers[i].thread, NULL);
        steps += workers[i].steps;
    }
    timer = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &timer, NULL);
    check(NULL, &common, 0, common.bytes, "the end");
    check(NULL, &striped, 0, striped.bytes, "the end");
    printf("%llu steps\n", (unsigned long long)steps);
    return atomic_load(&failed) ? 1 : 0;
}
