/*
 * cgroup.c - see cgroup.h. Reads small kernel files by raw system calls; keeps nothing.
 */
#include "liblens/base/cgroup.h"

#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/lens.h"

#include <string.h>

/* Lines of a file, one at a time; what does not fit into the buffer is cut off. */
struct lines {
    int fd;
    size_t at, have;
    char buffer[4096];
    char line[1024];
};

static bool lines_open(struct lines *lines, const char *path)
{
    lines->at = lines->have = 0;
    lines->fd = lensi_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    return lines->fd >= 0;
}

static bool fill(struct lines *lines)
{
    int64_t got = lensi_sys_read_some(lines->fd, lines->buffer, sizeof lines->buffer);

    lines->at = 0;
    lines->have = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* The next line in lines->line without its newline; false at the end, the file then being closed. */
static bool lines_next(struct lines *lines)
{
    size_t length = 0;
    bool any = false;

    while (lines->at < lines->have || fill(lines)) {
        char c = lines->buffer[lines->at++];

        any = true;
        if (c == '\n')
            break;
        if (length + 1 < sizeof lines->line)
            lines->line[length++] = c;
    }
    lines->line[length] = '\0';
    if (!any)
        lensi_sys_close(lines->fd);
    return any;
}

/* Cuts the first word off *at (words end at `separator`). */
static char *cut(char **at, char separator)
{
    char *word = *at, *end = strchr(word, separator);

    *at = end ? end + 1 : word + strlen(word);
    if (end)
        *end = '\0';
    return word;
}

/* Whether `word` is one of the comma-separated words of `list`. */
static bool has_word(const char *list, const char *word)
{
    size_t bytes = strlen(word);

    for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
        if (strncmp(list, word, bytes) == 0 && (list[bytes] == ',' || list[bytes] == '\0'))
            return true;
    return false;
}

/* The group's path as /proc/self/cgroup has it; returns the version, or 0. A legacy memory controller goes first:
 * on hybrid machines the unified tree does not govern memory. */
static int find_path(struct lines *lines, char *path, size_t room)
{
    int version = 0;

    if (!lines_open(lines, "/proc/self/cgroup"))
        return 0;
    while (lines_next(lines)) {
        char *at = lines->line, *id = cut(&at, ':'), *controllers = cut(&at, ':');
        bool unified = id[0] == '0' && id[1] == '\0' && *controllers == '\0';

        if ((unified && version == 0) || has_word(controllers, "memory")) {
            version = unified ? 2 : 1;
            lensi_format(path, room, "%s", at);
        }
    }
    return version;
}

/* Joins mount point and path; a path outside of the mounted root (another namespace's) counts as the root. */
static void join(struct lensi_cgroup *cgroup, const char *mount, const char *root, const char *path)
{
    size_t root_bytes = strcmp(root, "/") == 0 ? 0 : strlen(root);
    bool inside = strncmp(path, root, root_bytes) == 0 && (path[root_bytes] == '/' || path[root_bytes] == '\0');
    const char *rest = inside && strcmp(path + root_bytes, "/") != 0 ? path + root_bytes : "";

    if (strncmp(rest, "/..", 3) == 0)
        rest = "";
    cgroup->root_bytes = strlen(mount);
    if (lensi_format(cgroup->directory, sizeof cgroup->directory, "%s%s", mount, rest) >= sizeof cgroup->directory)
        cgroup->version = 0;
}

/* mountinfo: id parent major:minor root mount options [tags...] - type source super-options */
void lensi_cgroup_find(struct lensi_cgroup *cgroup)
{
    struct lines lines;
    char path[512] = "";
    int version = find_path(&lines, path, sizeof path);

    memset(cgroup, 0, sizeof *cgroup);
    if (version == 0 || !lines_open(&lines, "/proc/self/mountinfo"))
        return;
    while (lines_next(&lines)) {
        char *at = lines.line, *tail = strstr(at, " - ");

        if (!tail)
            continue;
        tail += 3;
        const char *type = cut(&tail, ' ');
        cut(&tail, ' ');
        if (strcmp(type, version == 2 ? "cgroup2" : "cgroup") != 0 || (version == 1 && !has_word(tail, "memory")))
            continue;
        for (int skip = 0; skip < 3; skip++)
            cut(&at, ' ');
        const char *root = cut(&at, ' ');
        cgroup->version = version;
        join(cgroup, cut(&at, ' '), root, path);
    }
}

/* The first number in a file of one line, or LENS_UNKNOWN ("max", no such file). */
static uint64_t read_limit(const char *path)
{
    char text[32];
    uint64_t value = 0;
    int fd = lensi_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    int64_t got = fd < 0 ? 0 : lensi_sys_pread(fd, text, sizeof text, 0);

    if (fd >= 0)
        lensi_sys_close(fd);
    if (got <= 0 || text[0] < '0' || text[0] > '9')
        return LENS_UNKNOWN;
    for (int64_t i = 0; i < got && text[i] >= '0' && text[i] <= '9'; i++)
        value = value < UINT64_MAX / 16 ? value * 10 + (uint64_t)(text[i] - '0') : value;
    /* v1 says "no limit" by the largest number of pages. */
    return value >= (uint64_t)1 << 62 ? LENS_UNKNOWN : value;
}

/* The least limit from the group up to the root, and how much of `directory` names the group that has it. */
static uint64_t least_limit(const struct lensi_cgroup *cgroup, size_t *length_of_least)
{
    static const char *const files[2][2] = {{"memory.limit_in_bytes", NULL}, {"memory.max", "memory.high"}};
    size_t length = strlen(cgroup->directory);
    uint64_t least = LENS_UNKNOWN;
    char path[600];

    if (cgroup->version == 0)
        return least;
    for (;;) {
        for (int i = 0; i < 2 && files[cgroup->version - 1][i]; i++) {
            lensi_format(path, sizeof path, "%.*s/%s", (int)length, cgroup->directory, files[cgroup->version - 1][i]);
            uint64_t limit = read_limit(path);
            if (limit < least) {
                least = limit;
                *length_of_least = length;
            }
        }
        if (length <= cgroup->root_bytes)
            return least;
        do
            length--;
        while (length > cgroup->root_bytes && cgroup->directory[length] != '/');
    }
}

uint64_t lensi_cgroup_limit(const struct lensi_cgroup *cgroup)
{
    size_t length;

    return least_limit(cgroup, &length);
}

static uint64_t number_behind(const char *line, const char *name)
{
    size_t bytes = strlen(name);
    uint64_t value = 0;

    if (strncmp(line, name, bytes) != 0)
        return 0;
    for (const char *at = line + bytes; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

/* memory.stat speaks of the group and those below it: in version 1 by the lines that begin with total_. */
bool lensi_cgroup_use(const struct lensi_cgroup *cgroup, struct lensi_cgroup_use *use)
{
    static const char *const names[2][2] = {{"total_active_file ", "total_inactive_file "}, {"active_file ", "inactive_file "}};
    struct lines lines;
    size_t length = 0;
    char path[600];

    *use = (struct lensi_cgroup_use){.limit_bytes = least_limit(cgroup, &length)};
    if (use->limit_bytes == LENS_UNKNOWN)
        return false;
    lensi_format(path, sizeof path, "%.*s/%s", (int)length, cgroup->directory,
                 cgroup->version == 1 ? "memory.usage_in_bytes" : "memory.current");
    use->bytes = read_limit(path);
    lensi_format(path, sizeof path, "%.*s/memory.stat", (int)length, cgroup->directory);
    if (use->bytes == LENS_UNKNOWN || !lines_open(&lines, path))
        return false;
    while (lines_next(&lines)) {
        for (int i = 0; i < 2; i++)
            use->file_bytes += number_behind(lines.line, names[cgroup->version - 1][i]);
        if (cgroup->version == 1)
            use->swap_bytes += number_behind(lines.line, "total_swap ");
    }
    lensi_format(path, sizeof path, "%.*s/memory.swap.current", (int)length, cgroup->directory);
    if (cgroup->version == 2 && read_limit(path) != LENS_UNKNOWN)
        use->swap_bytes = read_limit(path);
    return true;
}

/* "NAME NUMBER" or "NAME:   NUMBER kB" in a file of such lines; LENS_UNKNOWN if there is none. */
static uint64_t read_figure(const char *path, const char *name)
{
    size_t bytes = strlen(name);
    struct lines lines;
    uint64_t value = LENS_UNKNOWN;

    if (!lines_open(&lines, path))
        return value;
    while (lines_next(&lines)) {
        const char *at = lines.line + bytes;

        if (strncmp(lines.line, name, bytes) != 0 || (*at != ' ' && *at != ':'))
            continue;
        for (value = 0; *at == ' ' || *at == ':'; at++)
            ;
        for (; *at >= '0' && *at <= '9'; at++)
            value = value * 10 + (uint64_t)(*at - '0');
    }
    return value;
}

/* What may still be taken under the limits of one level. */
static uint64_t room_at(const struct lensi_cgroup *cgroup, size_t length, unsigned margin_share)
{
    static const char *const now[2] = {"memory.usage_in_bytes", "memory.current"}, *const most[2] = {"memory.limit_in_bytes", "memory.max"};
    static const char *const clean[2][2] = {{"total_inactive_file", "total_active_file"}, {"inactive_file", "active_file"}};
    uint64_t limit, high, used, files = 0;
    int v = cgroup->version - 1;
    char path[600];

    lensi_format(path, sizeof path, "%.*s/%s", (int)length, cgroup->directory, most[v]);
    limit = read_limit(path);
    lensi_format(path, sizeof path, "%.*s/memory.high", (int)length, cgroup->directory);
    high = v ? read_limit(path) : LENS_UNKNOWN;
    limit = high < limit ? high : limit;
    lensi_format(path, sizeof path, "%.*s/%s", (int)length, cgroup->directory, now[v]);
    used = read_limit(path);
    if (limit == LENS_UNKNOWN || used == LENS_UNKNOWN)
        return LENS_UNKNOWN;
    lensi_format(path, sizeof path, "%.*s/memory.stat", (int)length, cgroup->directory);
    for (int i = 0; i < 2; i++) {
        uint64_t figure = read_figure(path, clean[v][i]);
        files += figure == LENS_UNKNOWN ? 0 : figure;
    }
    used = (used > files ? used - files : 0) + limit / margin_share;
    return used < limit ? limit - used : 0;
}

uint64_t lensi_cgroup_room(const struct lensi_cgroup *cgroup, unsigned margin_share)
{
    size_t length = strlen(cgroup->directory);
    uint64_t least = LENS_UNKNOWN, room;

    if (cgroup->version == 0)
        return least;
    for (;;) {
        room = room_at(cgroup, length, margin_share);
        least = room < least ? room : least;
        if (length <= cgroup->root_bytes)
            return least;
        do
            length--;
        while (length > cgroup->root_bytes && cgroup->directory[length] != '/');
    }
}

static uint64_t kilobytes(uint64_t figure) { return figure == LENS_UNKNOWN ? figure : figure * 1024; }

uint64_t lensi_memory_available(void) { return kilobytes(read_figure("/proc/meminfo", "MemAvailable")); }

uint64_t lensi_memory_total(void) { return kilobytes(read_figure("/proc/meminfo", "MemTotal")); }
