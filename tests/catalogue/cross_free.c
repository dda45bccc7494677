/* cross_free.c - one thread loads, another checks and frees. */
#include "data.h"

static unsigned char *box;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void *consume(void *unused)
{
    for (int i = 0; i < 8; i++) {
        pthread_mutex_lock(&lock);
        while (!box)
            pthread_cond_wait(&changed, &lock);
        CHECK(data_is_all(box));
        free(box);
        box = NULL;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

int main(int count, char **argument)
{
    pthread_t thread;

    (void)count;
    pthread_create(&thread, NULL, consume, NULL);
    for (int i = 0; i < 8; i++) {
        unsigned char *block = data_load(argument[1]);
        pthread_mutex_lock(&lock);
        while (box)
            pthread_cond_wait(&changed, &lock);
        box = block;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    pthread_join(thread, NULL);
    puts("freed elsewhere: ok");
    return 0;
}
