/* output.c - see output.h. */
#include "analysis/term/output.h"

#include "analysis/cmd/cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *command, const char *path)
{
    lensi_warn("%s: cannot write %s: %s", command, path, strerror(errno ? errno : EIO));
    return LENSI_EXIT_FAILED;
}

static int write_beside(const char *command, const char *path, output_function *write, const void *data)
{
    struct stat status;
    bool is_special = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    char *beside = NULL;

    if (asprintf(&beside, is_special ? "%s" : "%s.lens-part", path) < 0)
        return failed(command, path);
    errno = 0;
    FILE *out = fopen(beside, "we");
    int result = out ? write(out, data) : -1;
    bool is_written = out && result == 0 && !ferror(out);
    if (out && fclose(out) != 0)
        is_written = false;
    if (is_written && !is_special && rename(beside, path) < 0)
        is_written = false;
    int why = result == -ENOMEM ? ENOMEM : errno;
    if (!is_written && out && !is_special)
        unlink(beside);
    free(beside);
    errno = why;
    return is_written ? 0 : failed(command, path);
}

int output_write(const char *command, const char *path, output_function *write, const void *data)
{
    if (strcmp(path, "-") != 0)
        return write_beside(command, path, write, data);
    if (write(stdout, data) < 0) {
        errno = ENOMEM;
        return failed(command, "the output");
    }
    return cli_finish();
}
