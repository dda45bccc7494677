/*
 * server.c - a server that runs for long over data that are replaced all the while, and those who use it; for tests/soak.py.
 *
 *   server make FOLDER VERSION RECORDS                writes FOLDER/table.kv and FOLDER/blob.bin
 *   server serve FOLDER THREADS RECORDS [MISTAKE]     loads both, answers on FOLDER/socket, until its input ends
 *   server ask FOLDER CLIENTS SEED RECORDS                  asks at random and checks each answer, until its input ends
 *   server replace FOLDER RECORDS PERIOD_MS           a next version by rename, each fourth time also a write in place
 *   server press MEGABYTES FILE                       takes memory and gives it back, and reads FILE, until its input ends
 *
 * An ordinary program that knows nothing of lens. Every byte of the data follows from version and place, so that whoever has an
 * answer can tell whether it is right. Some records count how often they were asked for: what was counted is compared when a
 * version goes. Forked workers look things up, too. MISTAKE, for the test's own test: wrong, lost, leak-fd, leak-map, leak-memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SITE __attribute__((noinline, noclone))
enum { BLOB_WORDS_PER_RECORD = 2, ASKED = 16, PIECE_WORDS = 32, COUNTS_EVERY = 4096, COUNTS_AT = 7, WORKER_ASKS = 400, THREADS_MOST = 64, LOOK_MS = 20 };

struct pair {
    int32_t key, value;
};
struct request {
    uint32_t index[ASKED];
};
struct answer {
    uint32_t table_version, blob_version;
    struct pair pairs[ASKED]; /* followed by PIECE_WORDS of the blob, from index[0] on */
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const char *in(const char *folder, const char *name, char *to, size_t bytes)
{
    snprintf(to, bytes, "%s/%s", folder, name);
    return to;
}
#define IN(folder, name) in(folder, name, (char[4096]){0}, 4096)

/* ---- the data */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

/* Record 0 tells the version. */
static struct pair pair_of(uint32_t version, uint32_t i)
{
    uint64_t random = mix((uint64_t)version << 32 | i);

    return i ? (struct pair){(int32_t)random, (int32_t)(random >> 40)} : (struct pair){(int32_t)version, 0};
}

/* As files are, a quarter of it is zeros. */
static uint64_t word_of(uint32_t version, uint64_t i) { return i == 0 ? version : i / 512 % 4 == 3 ? 0 : mix(~((uint64_t)version << 32 | i)); }

static bool counts(uint32_t i) { return i % COUNTS_EVERY == COUNTS_AT; }

static void close_as(FILE *file, const char *folder, const char *temporary, const char *name)
{
    if (fclose(file) || rename(IN(folder, temporary), IN(folder, name)))
        die(name);
}

static void make(const char *folder, uint32_t version, uint32_t records)
{
    FILE *file = fopen(IN(folder, "table.new"), "w");
    uint64_t page[512];

    for (uint32_t i = 0; file && i < records; i++)
        fprintf(file, "%d=%d;\n", pair_of(version, i).key, pair_of(version, i).value);
    if (!file)
        die("table.new");
    close_as(file, folder, "table.new", "table.kv");
    if (!(file = fopen(IN(folder, "blob.new"), "w")))
        die("blob.new");
    for (uint64_t i = 0; i < (uint64_t)records * BLOB_WORDS_PER_RECORD; i += 512) {
        for (uint64_t k = 0; k < 512; k++)
            page[k] = word_of(version, i + k);
        fwrite(page, sizeof page, 1, file);
    }
    close_as(file, folder, "blob.new", "blob.bin");
}

/* ---- latencies: a histogram with sixteen buckets for each doubling */

enum { BUCKETS = 64 * 16 };
struct histogram {
    uint64_t count[BUCKETS], touches, most_ns;
};

static unsigned bucket_of(uint64_t ns)
{
    unsigned top = 63u - (unsigned)__builtin_clzll(ns | 15);

    return top < 4 ? (unsigned)ns : (top - 3) * 16 + (ns >> (top - 4) & 15);
}

static uint64_t bucket_end(unsigned bucket) /* the first that is beyond it */
{
    return bucket < 16 ? bucket + 1 : (uint64_t)(16 + bucket % 16 + 1) << (bucket / 16 - 1);
}

static void note(struct histogram *h, uint64_t ns)
{
    h->count[bucket_of(ns)]++;
    h->touches++;
    h->most_ns = ns > h->most_ns ? ns : h->most_ns;
}

static uint64_t at_share(const struct histogram *h, double share)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < BUCKETS; i++)
        if ((sum += h->count[i]) >= (uint64_t)((double)h->touches * share) && sum)
            return bucket_end(i) < h->most_ns ? bucket_end(i) : h->most_ns;
    return h->most_ns;
}

static void print(const struct histogram *h)
{
    printf("touches %llu\np50_ns %llu\np99_ns %llu\np999_ns %llu\nmax_ns %llu\nhistogram", (unsigned long long)h->touches,
           (unsigned long long)at_share(h, 0.5), (unsigned long long)at_share(h, 0.99), (unsigned long long)at_share(h, 0.999),
           (unsigned long long)h->most_ns);
    for (unsigned low = 0; low < BUCKETS; low += 16) { /* a doubling each */
        uint64_t sum = 0;
        for (unsigned i = low; i < low + 16; i++)
            sum += h->count[i];
        if (sum)
            printf(" <%llu:%llu", (unsigned long long)bucket_end(low + 15), (unsigned long long)sum);
    }
    printf("\n");
}

/* ---- the server */

struct data {
    struct pair *pairs;
    uint64_t *blob;
    uint32_t *counted; /* by record / COUNTS_EVERY; ordinary memory */
    uint32_t table_version, blob_version;
};

static const char *folder;
static uint32_t records;
static const char *mistake = "";
static pthread_rwlock_t lock;
static struct data *current;
static struct histogram histograms[THREADS_MOST];
static _Atomic bool stop;
static _Atomic uint64_t wrongs, reloads, workers, lookups;

static void wrong(const char *what, uint64_t place, uint64_t is, uint64_t should)
{
    if (atomic_fetch_add(&wrongs, 1) < 20)
        fprintf(stderr, "server: wrong: %s %llu is %llx, should be %llx (process %d)\n", what, (unsigned long long)place, (unsigned long long)is,
                (unsigned long long)should, (int)getpid());
}

SITE struct pair *load_table(FILE *file)
{
    struct pair *pairs = malloc(records * sizeof *pairs);

    for (uint32_t i = 0; pairs && i < records; i++)
        if (fscanf(file, "%d=%d;\n", &pairs[i].key, &pairs[i].value) != 2)
            die("table.kv is short");
    return pairs;
}

SITE uint64_t *load_blob(int fd)
{
    size_t bytes = (size_t)records * BLOB_WORDS_PER_RECORD * sizeof(uint64_t), done = 0;
    uint64_t *blob = malloc(bytes);
    ssize_t got;

    while (blob && done < bytes && (got = read(fd, (char *)blob + done, bytes - done)) > 0)
        done += (size_t)got;
    if (done < bytes)
        die("blob.bin is short");
    return blob;
}

static void *fresh(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? die("mmap"), NULL : at;
}

static size_t counted_bytes(void) { return (records / COUNTS_EVERY + 1) * sizeof(uint32_t); }

static struct data *load(void)
{
    FILE *table = fopen(IN(folder, "table.kv"), "r");
    int blob = open(IN(folder, "blob.bin"), O_RDONLY | O_CLOEXEC);
    struct data *d = malloc(sizeof *d);

    if (!table || blob < 0 || !d)
        die("cannot load");
    d->pairs = load_table(table);
    d->blob = load_blob(blob);
    d->counted = fresh(counted_bytes());
    d->table_version = (uint32_t)d->pairs[0].key;
    d->blob_version = (uint32_t)d->blob[0];
    fclose(table);
    close(blob);
    return d;
}

/* What the program wrote must still be there. */
static void unload(struct data *d)
{
    for (uint32_t i = COUNTS_AT; i < records; i += COUNTS_EVERY) {
        int32_t should = pair_of(d->table_version, i).value + (int32_t)d->counted[i / COUNTS_EVERY];
        if (d->pairs[i].value != should)
            wrong("counter", i, (uint32_t)d->pairs[i].value, (uint32_t)should);
    }
    free(d->pairs);
    free(d->blob);
    munmap(d->counted, counted_bytes());
    free(d);
}

static struct pair look_up(struct data *d, uint32_t i, struct histogram *h)
{
    uint64_t start = now_ns();
    struct pair is = *(volatile struct pair *)&d->pairs[i];

    note(h, now_ns() - start);
    if (counts(i)) {
        atomic_fetch_add((_Atomic uint32_t *)&d->counted[i / COUNTS_EVERY], 1);
        if (strcmp(mistake, "lost"))
            atomic_fetch_add((_Atomic int32_t *)&d->pairs[i].value, 1);
    }
    if (!strcmp(mistake, "wrong") && i % 1000 == 0)
        is.value ^= 1;
    return is;
}

static bool all(ssize_t (*call)(int, const struct msghdr *, int), int fd, void *at, size_t bytes)
{
    struct iovec piece = {at, bytes};

    return call(fd, &(struct msghdr){.msg_iov = &piece, .msg_iovlen = 1}, call == sendmsg ? MSG_NOSIGNAL : MSG_WAITALL) == (ssize_t)bytes;
}

static ssize_t receive(int fd, const struct msghdr *message, int flags)
{
    struct msghdr copy = *message;

    return recvmsg(fd, &copy, flags);
}

static uint64_t piece_at(uint32_t index) { return (uint64_t)index * BLOB_WORDS_PER_RECORD % ((uint64_t)records * BLOB_WORDS_PER_RECORD - PIECE_WORDS); }

/* The blob's words go from where they are to the kernel. */
static bool answer(int fd, const struct request *r, struct histogram *h)
{
    struct answer a;
    struct iovec pieces[2] = {{&a, sizeof a}, {NULL, PIECE_WORDS * sizeof(uint64_t)}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    bool sent;

    pthread_rwlock_rdlock(&lock);
    a.table_version = current->table_version;
    a.blob_version = current->blob_version;
    for (unsigned i = 0; i < ASKED; i++)
        a.pairs[i] = look_up(current, r->index[i] % records, h);
    pieces[1].iov_base = current->blob + piece_at(r->index[0] % records);
    sent = sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)(sizeof a + pieces[1].iov_len);
    pthread_rwlock_unlock(&lock);
    atomic_fetch_add(&lookups, ASKED);
    return sent;
}

static int listener;

static void *serve_clients(void *of)
{
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    struct request r;

    while (!atomic_load(&stop)) {
        int fd = poll(&wait, 1, 100) > 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        while (fd >= 0 && all(receive, fd, &r, sizeof r) && answer(fd, &r, of))
            ;
        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

/* A worker has all the data as they were when it was forked. */
static void look_in_a_worker(struct data *d)
{
    uint64_t random = mix(atomic_load(&workers) + 1);
    pid_t child = fork();
    int status;

    if (child == 0) {
        alarm(120);
        for (unsigned n = 0; n < WORKER_ASKS; n++) {
            uint32_t i = (uint32_t)((random = mix(random + n)) % records);
            struct pair is = *(volatile struct pair *)&d->pairs[i], should = pair_of(d->table_version, i);
            uint64_t k = piece_at(i), word = *(volatile uint64_t *)&d->blob[k];
            if (is.key != should.key || (!counts(i) && is.value != should.value))
                wrong("a worker's record", i, (uint32_t)is.key, (uint32_t)should.key);
            if (word != word_of(d->blob_version, k))
                wrong("a worker's word", k, word, word_of(d->blob_version, k));
        }
        _exit(atomic_load(&wrongs) ? 1 : 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        errno = child < 0 ? errno : 0;
        fprintf(stderr, "server: a worker ended with status %x\n", child < 0 ? 0xffff : (unsigned)status);
        atomic_fetch_add(&wrongs, 1);
    }
    atomic_fetch_add(&workers, 1);
}

static void leak(void)
{
    if (!strcmp(mistake, "leak-fd") && dup(2) < 0)
        die("dup");
    if (!strcmp(mistake, "leak-memory"))
        memset(fresh(2u << 20), 1, 2u << 20);
    for (unsigned i = 0; i < 20 && !strcmp(mistake, "leak-map"); i++)
        mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Loads a version that is new; in between workers are forked. */
static void *follow(void *nothing)
{
    struct stat before = {0}, now;
    struct timespec pause = {0, LOOK_MS * 1000000};

    (void)nothing;
    stat(IN(folder, "blob.bin"), &before);
    while (!atomic_load(&stop)) {
        struct data *old, *next;
        nanosleep(&pause, NULL);
        look_in_a_worker(current);
        if (stat(IN(folder, "blob.bin"), &now) || (now.st_ino == before.st_ino && now.st_mtim.tv_nsec == before.st_mtim.tv_nsec))
            continue;
        before = now;
        next = load();
        pthread_rwlock_wrlock(&lock);
        old = current;
        current = next;
        pthread_rwlock_unlock(&lock);
        unload(old);
        leak();
        printf("reloads %llu\n", (unsigned long long)atomic_fetch_add(&reloads, 1) + 1);
    }
    return NULL;
}

/* A listener does not block: several threads wait for the same client. */
static void open_socket(bool listening, int *fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    snprintf(name.sun_path, sizeof name.sun_path, "%s/socket", folder);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (listening ? SOCK_NONBLOCK : 0), 0);
    if (*fd < 0 || (listening ? bind(*fd, (struct sockaddr *)&name, sizeof name) || listen(*fd, 64) : connect(*fd, (struct sockaddr *)&name, sizeof name)))
        die(name.sun_path);
}

static void wait_for_end_of_input(void)
{
    char c;

    while (read(0, &c, 1) > 0)
        ;
    atomic_store(&stop, true);
}

static int serve(unsigned threads)
{
    pthread_t thread[THREADS_MOST], follower;
    pthread_rwlockattr_t attributes;
    struct histogram sum = {0};

    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&lock, &attributes);
    current = load();
    open_socket(true, &listener);
    for (unsigned i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, serve_clients, &histograms[i]);
    pthread_create(&follower, NULL, follow, NULL);
    printf("ready\n");
    fflush(stdout);
    wait_for_end_of_input();
    for (unsigned i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    pthread_join(follower, NULL);
    unload(current);
    for (unsigned i = 0; i < threads; i++) {
        for (unsigned k = 0; k < BUCKETS; k++)
            sum.count[k] += histograms[i].count[k];
        sum.touches += histograms[i].touches;
        sum.most_ns = sum.most_ns > histograms[i].most_ns ? sum.most_ns : histograms[i].most_ns;
    }
    print(&sum);
    printf("lookups %llu\nreloads %llu\nworkers %llu\nwrongs %llu\n", (unsigned long long)lookups, (unsigned long long)reloads, (unsigned long long)workers,
           (unsigned long long)wrongs);
    return wrongs ? 1 : 0;
}

/* ---- who asks */

static uint64_t seed;

static void check_answer(const struct request *r, const struct answer *a, const uint64_t *words)
{
    for (unsigned i = 0; i < ASKED; i++) {
        uint32_t index = r->index[i] % records;
        struct pair should = pair_of(a->table_version, index);
        if (a->pairs[i].key != should.key)
            wrong("key of record", index, (uint32_t)a->pairs[i].key, (uint32_t)should.key);
        if (!counts(index) && a->pairs[i].value != should.value)
            wrong("value of record", index, (uint32_t)a->pairs[i].value, (uint32_t)should.value);
    }
    for (uint64_t i = 0, at = piece_at(r->index[0] % records); i < PIECE_WORDS; i++)
        if (words[i] != word_of(a->blob_version, at + i))
            wrong("word", at + i, words[i], word_of(a->blob_version, at + i));
}

static void *ask(void *number)
{
    uint64_t random = mix(seed + (uintptr_t)number * 1000003u);
    struct request r;
    struct { struct answer a; uint64_t words[PIECE_WORDS]; } got;
    int fd = -1;

    for (uint64_t n = 0; !atomic_load(&stop); n++) {
        if (n % 1000 == 0) { /* clients come and go */
            if (fd >= 0)
                close(fd);
            open_socket(false, &fd);
        }
        for (unsigned i = 0; i < ASKED; i++) /* some is asked for much more often, as anywhere */
            random = mix(random + i + 1), r.index[i] = (uint32_t)(random >> 32) % (random % 4 ? records / 16 : records);
        if (!all(sendmsg, fd, &r, sizeof r) || !all(receive, fd, &got, sizeof got)) {
            if (!atomic_load(&stop))
                wrong("no answer to request", n, 0, 0);
            break;
        }
        check_answer(&r, &got.a, got.words);
        atomic_fetch_add(&lookups, ASKED);
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int ask_all(unsigned clients)
{
    pthread_t thread[THREADS_MOST];

    for (uintptr_t i = 0; i < clients; i++)
        pthread_create(&thread[i], NULL, ask, (void *)i);
    wait_for_end_of_input();
    for (unsigned i = 0; i < clients; i++)
        pthread_join(thread[i], NULL);
    printf("answers %llu\nwrongs %llu\n", (unsigned long long)lookups, (unsigned long long)wrongs);
    return wrongs || !lookups ? 1 : 0;
}

/* ---- who changes the data, and who wants memory: until their input ends */

static bool goes_on(int milliseconds)
{
    struct pollfd wait = {.fd = 0, .events = POLLIN};

    return poll(&wait, 1, milliseconds) == 0;
}

/* The same bytes again: the lease breaks, and nothing may depend on the file meanwhile. */
static void write_in_place(const char *name)
{
    char bytes[64];
    int fd = open(IN(folder, name), O_RDWR | O_CLOEXEC);
    bool good = fd >= 0 && pread(fd, bytes, sizeof bytes, 4096) == sizeof bytes && pwrite(fd, bytes, sizeof bytes, 4096) == sizeof bytes;

    if (!good || close(fd))
        die(name);
}

static int replace(int period_ms)
{
    uint32_t version = 1;

    while (goes_on(period_ms)) {
        make(folder, ++version, records);
        if (version % 4 == 0 && goes_on(period_ms / 2)) {
            write_in_place("table.kv");
            write_in_place("blob.bin");
        }
    }
    printf("versions %u\n", version);
    return 0;
}

static int press(size_t bytes, const char *path)
{
    static char buffer[1 << 20];

    for (unsigned n = 1; goes_on(20); n++) {
        char *at = fresh(bytes);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        for (size_t i = 0; i < bytes; i += 4096)
            at[i] = (char)n;
        while (fd >= 0 && read(fd, buffer, sizeof buffer) > 0)
            ;
        if (fd >= 0)
            close(fd);
        munmap(at, bytes);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[1] : "";

    setvbuf(stdout, NULL, _IOLBF, 0);
    folder = argc > 2 ? argv[2] : "";
    if (!strcmp(what, "make") && argc == 5)
        return make(folder, (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4])), 0;
    if (!strcmp(what, "serve") && argc >= 5) {
        records = (uint32_t)atoi(argv[4]);
        mistake = argc > 5 ? argv[5] : "";
        return serve((unsigned)atoi(argv[3]));
    }
    if (!strcmp(what, "ask") && argc == 6) {
        records = (uint32_t)atoi(argv[5]);
        seed = (uint64_t)atoll(argv[4]);
        return ask_all((unsigned)atoi(argv[3]));
    }
    if (!strcmp(what, "replace") && argc == 5) {
        records = (uint32_t)atoi(argv[3]);
        return replace(atoi(argv[4]));
    }
    if (!strcmp(what, "press") && argc == 4)
        return press((size_t)atoi(argv[2]) << 20, argv[3]);
    fprintf(stderr, "server: see the head of tests/soak/server.c\n");
    return 2;
}
