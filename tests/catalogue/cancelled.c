/* cancelled.c - threads cancelled while they wait in read, recv and poll with their buffers in the block. */
#include "data.h"

#include <poll.h>

static unsigned char *block;
static int ends[2];

static void *wait_in_read(void *unused)
{
    CHECK(read(ends[0], block + 1000000, 100000) < 0);
    return unused;
}

static void *wait_in_poll(void *unused)
{
    struct pollfd *list = (struct pollfd *)(void *)data_page(block, 300);

    *list = (struct pollfd){ends[0], POLLIN, 0};
    CHECK(poll(list, 1, -1) < 0);
    return unused;
}

int main(int count, char **argument)
{
    void *(*run[])(void *) = {wait_in_read, wait_in_poll};

    (void)count;
    block = data_load(argument[1]);
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, run[i], NULL) == 0);
        usleep(30000);
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    }
    CHECK(data_is(block, 0, WORDS_AT + 200 * PAGE));
    data_read(argument[1], block);
    CHECK(data_is_all(block));
    puts("cancelled: ok");
    return 0;
}
