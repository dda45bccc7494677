/*
 * shapes.c - memory that comes from a file by several hands, for tests/profile.sh: functions are named after what a report
 * should say of their block.
 *
 *   shapes CHUNKED WHOLE      two files of 2 MiB and more
 *
 * As data frame libraries do it: what is read lies in short-lived buffers, a parser fills its own arrays, and the columns are
 * made from these when all was read. As scripts do it: the whole file in one buffer, the array made from that.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noipa))
#define CHUNK (256u * 1024u)
#define MEMORY (3u << 20)

static KEEP char *no_file(size_t bytes)
{
    char *at = malloc(bytes);

    return at ? memset(at, 1, bytes) : NULL;
}

/* ---- by chunks */

static KEEP char *chunk_buffer(void) { return malloc(CHUNK); }

static KEEP ssize_t next_chunk(int fd, char **chunk)
{
    *chunk = chunk_buffer();
    return *chunk ? read(fd, *chunk, CHUNK) : -1;
}

static KEEP char *near_chunks(char *words, size_t bytes) { return realloc(words, bytes); }

static KEEP char *parse(int fd, size_t *bytes)
{
    char *words = NULL, *chunk;
    ssize_t got;

    while ((got = next_chunk(fd, &chunk)) > 0) {
        words = near_chunks(words, *bytes + (size_t)got);
        memcpy(words + *bytes, chunk, (size_t)got);
        *bytes += (size_t)got;
        free(chunk);
    }
    free(chunk);
    return words;
}

static KEEP char *then_chunks(const char *words, size_t bytes)
{
    char *column = malloc(bytes);

    return column ? memcpy(column, words, bytes) : NULL;
}

/* ---- at once */

static KEEP char *into_whole(int fd, size_t bytes)
{
    char *text = malloc(bytes);

    if (!text || read(fd, text, bytes) != (ssize_t)bytes)
        exit(1);
    return text;
}

static KEEP char *near_whole(const char *text, size_t bytes)
{
    char *numbers = malloc(bytes);

    for (size_t i = 0; i < bytes; i++)
        numbers[i] = (char)(text[i] + 1);
    return numbers;
}

static KEEP char *load_whole(int fd, size_t bytes)
{
    char *text = into_whole(fd, bytes), *numbers = near_whole(text, bytes);

    free(text);
    return numbers;
}

int main(int argc, char **argv)
{
    struct stat status;
    size_t bytes = 0;

    if (argc != 3)
        return 2;
    char *computed = no_file(MEMORY);
    int chunked = open(argv[1], O_RDONLY), whole = open(argv[2], O_RDONLY);
    if (chunked < 0 || whole < 0 || fstat(whole, &status) < 0)
        return 1;
    char *words = parse(chunked, &bytes), *column = then_chunks(words, bytes);
    char *numbers = load_whole(whole, (size_t)status.st_size);
    char *beside = no_file(bytes); /* right after, but the file's bytes lie elsewhere already */

    if (!computed || !words || !column || !numbers || !beside)
        return 1;
    free(computed);
    free(beside);
    free(words); /* the columns stay */
    return 0;
}
