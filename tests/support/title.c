/*
 * title.c - a server that shows what it does in its title: writes over argv and the environment behind it, as setproctitle does.
 * The environment it means is a copy, in which MARK is what a child of its own must find. Then memory for somebody to look at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void set_title(char **argv, int count, const char *title)
{
    char *end = argv[count - 1] + strlen(argv[count - 1]) + 1, **copy;
    size_t n = 0;

    while (environ[n])
        n++;
    copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        if (environ[i] == end)
            end += strlen(environ[i]) + 1;
        copy[i] = strdup(environ[i]);
    }
    environ = copy;
    memset(argv[0], '/', (size_t)(end - argv[0]) - 1);
    memcpy(argv[0], title, strlen(title));
}

int main(int count, char **argv)
{
    char *block;
    pid_t pid;
    int status;

    set_title(argv, count, "title: worker process");
    block = malloc(8 << 20);
    memset(block, 2, 8 << 20);
    pid = fork();
    if (pid == 0)
        execl("/bin/sh", "sh", "-c", "test \"$MARK\" = meant", (char *)NULL);
    waitpid(pid, &status, 0);
    puts(block[5 << 20] == 2 && status == 0 ? "as meant" : "wrong");
    return 0;
}
