/* exit_thread.c - the main thread ends first; the process ends with its last thread. */
#include "data.h"

static unsigned char *block;

static void *work(void *unused)
{
    usleep(20000);
    CHECK(data_is_all(block));
    puts("last thread: ok");
    return unused;
}

int main(int count, char **argument)
{
    pthread_t thread;

    (void)count;
    block = data_load(argument[1]);
    pthread_create(&thread, NULL, work, NULL);
    pthread_exit(NULL);
}
