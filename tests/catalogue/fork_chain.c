/* fork_chain.c - five generations, each changes one page of its own and checks those of its ancestors. */
#include "data.h"

#include <stdbool.h>

/* Returns in the next generation only. */
static bool generation(unsigned char *block, int depth)
{
    for (int i = 0; i < depth; i++)
        CHECK(data_page(block, (size_t)i * 10)[5] == (unsigned char)('A' + i));
    CHECK(data_is(data_page(block, 200), (size_t)(data_page(block, 200) - block), 400 * PAGE));
    if (depth == 5)
        exit(20);
    data_page(block, (size_t)depth * 10)[5] = (unsigned char)('A' + depth);
    pid_t pid = fork();
    if (pid == 0)
        return true;
    CHECK(data_wait(pid) == 20);
    exit(20);
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]);
    pid_t pid;

    (void)count;
    pid = fork();
    if (pid == 0)
        for (int depth = 0; generation(block, depth);)
            depth++;
    CHECK(data_wait(pid) == 20);
    CHECK(data_is_all(block));
    puts("fork chain: ok");
    return 0;
}
