/* spawn.c - posix_spawn with every string, vector and environment in the block. */
#include "data.h"

#include <spawn.h>

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    char *vector[] = {data_slot(block, SLOT_SH), data_slot(block, SLOT_C), data_slot(block, SLOT_COMMAND), NULL};
    char *environment[] = {data_slot(block, SLOT_ENV), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all;
    pid_t pid;

    (void)count;
    fflush(stdout);
    CHECK(posix_spawn(&pid, data_slot(block, SLOT_SHELL), NULL, NULL, vector, environment) == 0);
    CHECK(data_wait(pid) == 7);
    CHECK(posix_spawnp(&pid, data_slot(block, SLOT_SH), NULL, NULL, vector, environment) == 0);
    CHECK(data_wait(pid) == 7);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_addopen(&actions, 1, data_slot(block, SLOT_NULL), O_WRONLY, 0);
    CHECK(posix_spawn(&pid, data_slot(block, SLOT_SHELL), &actions, &attributes, vector, environment) == 0);
    CHECK(data_wait(pid) == 7);
    CHECK(posix_spawn(&pid, data_slot(block, SLOT_MISSING), NULL, NULL, vector, environment) == ENOENT);
    CHECK(data_is_all(block));
    puts("posix_spawn: ok");
    return 0;
}
