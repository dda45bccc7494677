/* tls.c - blocks that hang on thread-local variables and are freed by their destructors. */
#include "data.h"

static pthread_key_t key;
static _Thread_local unsigned char *mine;

static void end(void *block)
{
    CHECK(data_is_all(block));
    free(block);
}

static void *run(void *path)
{
    mine = data_load(path);
    pthread_setspecific(key, mine);
    CHECK(data_is_all(mine));
    return NULL;
}

int main(int count, char **argument)
{
    pthread_t thread[4];

    (void)count;
    pthread_key_create(&key, end);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, run, argument[1]) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    puts("thread-local blocks: ok");
    return 0;
}
