/* masks.c - workers that block every signal and still read; each sees the mask it set. */
#include "data.h"

static unsigned char *block;

static void *work(void *unused)
{
    sigset_t all, old;

    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &old) == 0);
    CHECK(sigismember(&old, SIGBUS) == 1 && sigismember(&old, SIGSEGV) == 1); /* inherited */
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &old) == 0);
    CHECK(data_is_all(block));
    sigemptyset(&all);
    sigaddset(&all, SIGBUS);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &all, &old) == 0 && sigismember(&old, SIGBUS) == 1);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &old) == 0);
    CHECK(sigismember(&old, SIGBUS) == 0 && sigismember(&old, SIGSEGV) == 1);
    return unused;
}

static volatile sig_atomic_t right;
static void look(int number) { right += number == SIGUSR1 && data_is(block + 300000, 300000, 300000); }

int main(int count, char **argument)
{
    struct sigaction action = {.sa_handler = look}, old_action;
    pthread_t thread[8];
    sigset_t all, old, waiting;

    (void)count;
    block = data_load(argument[1]);
    sigfillset(&all);
    CHECK(sigprocmask(SIG_BLOCK, &all, &old) == 0 && sigismember(&old, SIGBUS) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&thread[i], NULL, work, NULL) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGUSR1, NULL, &old_action) == 0 && sigismember(&old_action.sa_mask, SIGBUS) == 1);
    raise(SIGUSR1);
    CHECK(sigpending(&waiting) == 0 && sigismember(&waiting, SIGUSR1) == 1);
    sigfillset(&waiting);
    sigdelset(&waiting, SIGUSR1);
    CHECK(sigsuspend(&waiting) == -1 && errno == EINTR && right == 1);
    CHECK(sigprocmask(SIG_SETMASK, &old, &all) == 0 && sigismember(&all, SIGBUS) == 1);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &all) == 0 && sigismember(&all, SIGBUS) == 0);
    CHECK(data_is_all(block));
    puts("masks: ok");
    return 0;
}
