/*
 * identity.c - setgid and its kind: libc makes the call on every thread and waits for each of them, ours too. In a
 * process and in its children, which start threads of ours anew: a server's workers do that.
 */
#include "data.h"

static void change(void)
{
    CHECK(setgid(getgid()) == 0);
    CHECK(setuid(getuid()) == 0);
    CHECK(setresgid((gid_t)-1, (gid_t)-1, getgid()) == 0);
}

static void *change_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++)
        change();
    return NULL;
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    pthread_t thread;

    (void)count;
    alarm(60); /* who waits for good is told apart from who is slow */
    change();
    CHECK(data_is_all(block));
    CHECK(pthread_create(&thread, NULL, change_often, NULL) == 0);
    CHECK(data_is_all(block));
    CHECK(pthread_join(thread, NULL) == 0); /* libc's own fork does not bear being in the middle of it */
    for (int i = 0; i < 6; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            change();
            CHECK(data_is(block + (size_t)i * 100000, (size_t)i * 100000, 1000000));
            change();
            _exit(data_is_all(block) ? 7 : 1);
        }
        CHECK(pid > 0 && data_wait(pid) == 7);
    }
    puts("identity: ok");
    return 0;
}
