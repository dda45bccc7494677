/* debug_file.c - see debug_file.h. The search itself is libdwfl's. */
#include "analysis/names/debug_file.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *debug_path; /* libdwfl reads it during a search; NULL: the usual places */

static int set_debug_path(const char *dir)
{
    free(debug_path);
    debug_path = NULL;
    if (dir && asprintf(&debug_path, ":.debug:%s:/usr/lib/debug", dir) < 0) {
        debug_path = NULL;
        return -ENOMEM;
    }
    return 0;
}

/* Why it cannot be read, where libdwfl would not say or would wait (a FIFO). */
static int check_path(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0 || access(path, R_OK) < 0)
        return -errno;
    return S_ISREG(status.st_mode) ? 0 : -ENOEXEC;
}

/* Opens one file, whatever its build id. */
static int open_path(struct debug_file *file, const char *path)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &debug_path,
    };
    int result = check_path(path);

    memset(file, 0, sizeof *file);
    if (result < 0)
        return result;
    file->dwfl = dwfl_begin(&callbacks);
    if (!file->dwfl)
        return -ENOMEM;
    dwfl_report_begin(file->dwfl);
    file->module = dwfl_report_offline(file->dwfl, path, path, -1);
    dwfl_report_end(file->dwfl, NULL, NULL);
    GElf_Addr bias = 0;
    if (!file->module || !dwfl_module_getelf(file->module, &bias)) {
        debug_file_close(file);
        return -ENOEXEC;
    }
    file->bias = bias;
    return 0;
}

static int check_build_id(const struct debug_file *file, const struct debug_file_request *request)
{
    const unsigned char *bits;
    GElf_Addr where;

    if (!request->build_id)
        return 0;
    int bytes = dwfl_module_build_id(file->module, &bits, &where);
    if (bytes <= 0 || (size_t)bytes != request->build_id_bytes ||
        memcmp(bits, request->build_id, request->build_id_bytes) != 0)
        return -ESTALE;
    return 0;
}

/* DIR/.build-id/ab/cdef….debug, the layout that debuggers share. */
static int open_by_build_id(struct debug_file *file, const struct debug_file_request *request, const char *dir)
{
    char path[PATH_MAX];
    size_t length = (size_t)snprintf(path, sizeof path, "%s/.build-id/%02x/", dir, request->build_id[0]);

    if (length + 2 * request->build_id_bytes + sizeof ".debug" > sizeof path)
        return -ENAMETOOLONG;
    for (size_t i = 1; i < request->build_id_bytes; i++)
        length += (size_t)snprintf(path + length, sizeof path - length, "%02x", request->build_id[i]);
    snprintf(path + length, sizeof path - length, ".debug");
    int result = open_path(file, path);
    if (result == 0 && (result = check_build_id(file, request)) < 0)
        debug_file_close(file);
    return result;
}

int debug_file_open(struct debug_file *file, const struct debug_file_request *request)
{
    int result = set_debug_path(request->debug_dir), found = -ENOENT;

    if (result < 0)
        return result;
    result = open_path(file, request->path);
    if (result == 0 && (result = check_build_id(file, request)) < 0)
        debug_file_close(file);
    if (result == 0 || !request->build_id || request->build_id_bytes < 2 ||
        request->build_id_bytes > BUILD_ID_BYTES_MAX)
        return result;
    if (request->debug_dir)
        found = open_by_build_id(file, request, request->debug_dir);
    if (found < 0)
        found = open_by_build_id(file, request, "/usr/lib/debug");
    return found == 0 ? 0 : result;
}

void debug_file_close(struct debug_file *file)
{
    if (file->dwfl)
        dwfl_end(file->dwfl);
    memset(file, 0, sizeof *file);
}
