/* moving.c - the data file is renamed, replaced and unlinked during the run, and the folder is left. */
#include "data.h"

static void copy(unsigned char *block, const char *path, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    CHECK(fd >= 0 && write(fd, block, bytes) == (ssize_t)bytes && close(fd) == 0);
}

int main(int count, char **argument)
{
    unsigned char *block = data_load(argument[1]), *second;
    char folder[] = "/tmp/lens-catalogue-XXXXXX", from[100], to[100];

    (void)count;
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    snprintf(from, sizeof from, "%s/one", folder);
    snprintf(to, sizeof to, "%s/two", folder);
    copy(block, "one", DATA_BYTES);
    second = data_load("one");
    free(block);
    CHECK(rename("one", "two") == 0 && data_is_all(second));
    memset(second, 'x', 1000);
    copy(second, "three", 1000);
    CHECK(rename("three", "two") == 0); /* replaced under our feet */
    CHECK(data_is(second + 1000, 1000, DATA_BYTES - 1000));
    CHECK(unlink(to) == 0 && chdir("/") == 0 && rmdir(folder) == 0);
    CHECK(data_is(second + 1000, 1000, DATA_BYTES - 1000) && access(from, F_OK) == -1 && errno == ENOENT);
    puts("moving files: ok");
    return 0;
}
