/*
 * raw_calls.c - the block is handed to the kernel by system calls in the program's own code, while pages come and go: written from,
 * read into, also past the page cache, by threads beside each other.
 */
#include "data.h"
#include "raw_calls.h"

enum { THREADS = 3, ROUNDS = 30, PART_PAGES = 16 };
#define PART_BYTES (PART_PAGES * (size_t)PAGE)

static unsigned char *block;
static int files[THREADS];

/* Each thread has parts of the block of its own: what it writes to a file comes back from there, and is the block's again. */
static void *exchange(void *argument)
{
    int me = (int)(intptr_t)argument;

    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned char *at = data_page(block, (size_t)(round % 10) * 80 + (size_t)me * 25);
        size_t from = (size_t)(at - block);

        CHECK(raw_call(SYS_pwrite64, files[me], (long)at, (long)PART_BYTES, 0, 0, 0) == (long)PART_BYTES);
        CHECK(raw_call(SYS_pread64, files[me], (long)at, (long)PART_BYTES, 0, 0, 0) == (long)PART_BYTES);
        CHECK(data_is(at, from, PART_BYTES));
    }
    return NULL;
}

static int open_scratch(void)
{
    char name[] = "raw_calls.XXXXXX";
    int fd = mkstemp(name), direct;

    CHECK(fd >= 0);
    direct = open(name, O_RDWR | O_DIRECT);
    unlink(name);
    if (direct < 0)
        return fd;
    close(fd);
    return direct;
}

int main(int count, char **argument)
{
    pthread_t threads[THREADS];

    (void)count;
    block = data_load(argument[1]);
    for (int i = 0; i < THREADS; i++)
        files[i] = open_scratch();
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, exchange, (void *)(intptr_t)i) == 0);
    for (unsigned round = 0; round < 5; round++)
        CHECK(data_is_all(block)); /* makes others go */
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(data_is_all(block));
    puts("raw_calls: ok");
    return 0;
}
