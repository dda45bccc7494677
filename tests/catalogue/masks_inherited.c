/*
 * masks_inherited.c - masks that the program did not set in its own life: over exec and spawn, and those of threads that libc starts for a
 * timer, a message queue or a lookup. None may hold the fault signals back, and all show them.
 */
#include "data.h"

#include <mqueue.h>
#include <netdb.h>
#include <semaphore.h>
#include <spawn.h>
#include <time.h>

extern char **environ;
static unsigned char *block;
static sem_t done;
static pthread_attr_t attributes;

static void show(const char *where)
{
    sigset_t now;

    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
    printf("%s: SIGBUS %d SIGSEGV %d SIGUSR1 %d\n", where, sigismember(&now, SIGBUS), sigismember(&now, SIGSEGV), sigismember(&now, SIGUSR1));
    fflush(stdout);
}

static void notified(union sigval value)
{
    CHECK(data_is_all(block));
    show(value.sival_ptr);
    sem_post(&done);
}

static struct sigevent calls(const char *name)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD};

    event.sigev_notify_function = notified;
    event.sigev_notify_attributes = &attributes;
    event.sigev_value.sival_ptr = (void *)(uintptr_t)name;
    return event;
}

static void wait_for(const char *path)
{
    while (sem_wait(&done) != 0)
        CHECK(errno == EINTR);
    block = data_load(path);
}

static void timer(const char *path)
{
    struct sigevent event = calls("timer");
    struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};
    timer_t timer;

    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
    wait_for(path);
    CHECK(timer_delete(timer) == 0);
}

static void queue(const char *path)
{
    struct sigevent event = calls("queue");
    struct mq_attr small = {.mq_maxmsg = 1, .mq_msgsize = 8};
    char name[64];
    mqd_t queue;

    snprintf(name, sizeof name, "/lens-catalogue-%d", getpid());
    queue = mq_open(name, O_CREAT | O_RDWR, 0600, &small);
    if (queue == (mqd_t)-1)
        return;
    mq_unlink(name);
    CHECK(mq_notify(queue, &event) == 0 && mq_send(queue, "x", 1, 0) == 0);
    wait_for(path);
    mq_close(queue);
}

static void lookup(const char *path)
{
    struct sigevent event = calls("lookup");
    struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST};
    struct gaicb request = {.ar_name = "127.0.0.1", .ar_request = &numeric}, *list[] = {&request};

    CHECK(getaddrinfo_a(GAI_NOWAIT, list, 1, &event) == 0);
    wait_for(path);
    CHECK(gai_error(&request) == 0 && request.ar_result);
}

int main(int count, char **argument)
{
    char *spawned[] = {argument[0], argument[1], (char *)(uintptr_t)"spawned", NULL};
    char *executed[] = {argument[0], argument[1], (char *)(uintptr_t)"executed", NULL};
    sigset_t all;
    pid_t *pid;

    block = data_load(argument[1]);
    if (count > 2) {
        show(argument[2]);
        CHECK(data_is_all(block));
        return 7;
    }
    pthread_attr_init(&attributes);
    sem_init(&done, 0, 0);
    timer(argument[1]);
    queue(argument[1]);
    lookup(argument[1]);
    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK(execv("/nonexistent/lens", executed) < 0 && errno == ENOENT && data_is_all(block));
    pid = (pid_t *)data_page(block, 300);
    CHECK(posix_spawn(pid, argument[0], NULL, NULL, spawned, environ) == 0 && data_wait(*pid) == 7);
    execv(argument[0], executed);
    return 99;
}
