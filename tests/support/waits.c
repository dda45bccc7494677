/*
 * waits.c - a program to look at while it runs: reads a file into one block, says "ready", then for each line of its
 * standard input sums the block, or forks a child that does (line "fork"), and says what it did. Ends with its input.
 * A second file goes into a block of another function, which is not touched again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char *block;
static size_t bytes;

static size_t open_file(const char *path, FILE **file)
{
    *file = fopen(path, "r");
    if (!*file || fseek(*file, 0, SEEK_END))
        exit(1);
    size_t size = (size_t)ftell(*file);
    rewind(*file);
    return size;
}

static void fill(FILE *file, unsigned char *to, size_t size)
{
    if (!to || fread(to, 1, size, file) != size)
        exit(1);
    fclose(file);
}

__attribute__((noinline)) static void load(const char *path)
{
    FILE *file;

    bytes = open_file(path, &file);
    block = malloc(bytes);
    fill(file, block, bytes);
}

__attribute__((noinline)) static void load_idle(const char *path)
{
    static unsigned char *idle;
    FILE *file;
    size_t size = open_file(path, &file);

    idle = malloc(size);
    fill(file, idle, size);
}

static void answer(const char *line)
{
    unsigned long sum = 0;

    if (strcmp(line, "fork\n") == 0) {
        pid_t child = fork();

        if (child == 0) { /* answers in its own name until the input ends */
            printf("child %d\n", (int)getpid());
            fflush(stdout);
            pause();
        }
        return;
    }
    for (size_t i = 0; i < bytes; i++)
        sum += block[i];
    printf("sum %lu\n", sum);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[100];

    if (argc != 2 && argc != 3)
        return 2;
    load(argv[1]);
    if (argc == 3)
        load_idle(argv[2]);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        answer(line);
    return 0;
}
