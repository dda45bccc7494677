/* storm.c - a signal every millisecond, whose handler reads the block, while everybody faults. */
#include "data.h"

#include <sys/time.h>

static unsigned char *block;
static volatile sig_atomic_t wrong, signals;

static void look(int number)
{
    static uint64_t state;
    size_t at = (state = data_mix(state)) % (DATA_BYTES - 64);
    int saved = errno;

    (void)number;
    signals++;
    wrong |= !data_is(block + at, at, 64);
    errno = saved;
}

static void *work(void *unused)
{
    for (int i = 0; i < 20; i++)
        CHECK(data_is_all(block));
    return unused;
}

int main(int count, char **argument)
{
    struct itimerval every = {.it_interval = {0, 1000}, .it_value = {0, 1000}}, never = {0};
    struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART};
    pthread_t thread[2];

    (void)count;
    block = data_load(argument[1]);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, work, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(!wrong && signals > 0);
    puts("signal storm: ok");
    return 0;
}
