/* exit_under.c - ends by _exit(5), with the block unfreed and a thread at work. */
#include "data.h"

static unsigned char *block;

static void *work(void *unused)
{
    for (;;)
        CHECK(data_is_all(block));
    return unused;
}

int main(int count, char **argument)
{
    pthread_t thread;

    (void)count;
    block = data_load(argument[1]);
    pthread_create(&thread, NULL, work, NULL);
    CHECK(data_is_all(block));
    puts("about to end");
    fflush(stdout);
    _exit(5);
}
