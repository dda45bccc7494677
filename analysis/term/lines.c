/* lines.c - see lines.h. */
#include "analysis/term/lines.h"

#include "analysis/names/debug_file.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One search. */
struct finder {
    const char *file;
    unsigned line;
    struct line_ranges *ranges;
    bool any_unit, any_file;
    int error;
};

/* Whether `path` ends in `file`, at a border between folders. */
static bool ends_in(const char *path, const char *file)
{
    size_t path_bytes = strlen(path), file_bytes = strlen(file);

    return path_bytes >= file_bytes && strcmp(path + path_bytes - file_bytes, file) == 0 &&
           (path_bytes == file_bytes || path[path_bytes - file_bytes - 1] == '/');
}

static int add_range(struct line_ranges *ranges, uint64_t low, uint64_t high)
{
    struct line_range *last = ranges->count ? &ranges->list[ranges->count - 1] : NULL;

    if (low >= high)
        return 0;
    if (last && last->high == low) {
        last->high = high;
        return 0;
    }
    struct line_range *list = realloc(ranges->list, (ranges->count + 1) * sizeof *list);
    if (!list)
        return -ENOMEM;
    list[ranges->count++] = (struct line_range){low, high};
    ranges->list = list;
    return 0;
}

/* One row of the line table: code from `row` up to `next`. */
static void take_row(struct finder *finder, Dwarf_Line *row, Dwarf_Line *next)
{
    const char *source = dwarf_linesrc(row, NULL, NULL);
    Dwarf_Addr low, high;
    bool end = false;
    int line;

    if (!source || !ends_in(source, finder->file) || dwarf_lineendsequence(row, &end) || end)
        return;
    finder->any_file = true;
    if (dwarf_lineno(row, &line) || dwarf_lineaddr(row, &low) || dwarf_lineaddr(next, &high) || line <= 0)
        return;
    if ((unsigned)line == finder->line)
        finder->error = add_range(finder->ranges, low, high);
    else if ((unsigned)line > finder->line &&
             (finder->ranges->nearest == 0 || (unsigned)line < finder->ranges->nearest))
        finder->ranges->nearest = (unsigned)line;
}

static void take_unit(struct finder *finder, Dwarf_Die *unit)
{
    Dwarf_Lines *lines;
    size_t count;

    if (dwarf_getsrclines(unit, &lines, &count))
        return;
    finder->any_unit = true;
    for (size_t i = 0; i + 1 < count && finder->error == 0; i++)
        take_row(finder, dwarf_onesrcline(lines, i), dwarf_onesrcline(lines, i + 1));
}

static int by_address(const void *a, const void *b)
{
    const struct line_range *left = a, *right = b;

    return left->low < right->low ? -1 : left->low > right->low;
}

/* Sorts and merges: units may say the same of a line more than once. */
static void tidy(struct line_ranges *ranges)
{
    size_t kept = 0;

    if (ranges->count == 0)
        return;
    qsort(ranges->list, ranges->count, sizeof *ranges->list, by_address);
    for (size_t i = 1; i < ranges->count; i++) {
        struct line_range *last = &ranges->list[kept], *next = &ranges->list[i];

        if (next->low > last->high)
            ranges->list[++kept] = *next;
        else if (next->high > last->high)
            last->high = next->high;
    }
    ranges->count = kept + 1;
}

static void take_module(struct finder *finder, Dwfl_Module *module)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = NULL;

    while (finder->error == 0 && (unit = dwfl_module_nextcu(module, unit, &bias)) != NULL)
        take_unit(finder, unit);
    tidy(finder->ranges);
}

int lines_find(const char *module_path, const char *file, unsigned line, struct line_ranges *ranges)
{
    const struct debug_file_request request = {.path = module_path};
    struct finder finder = {.file = file, .line = line, .ranges = ranges};
    struct debug_file opened;
    int result;

    memset(ranges, 0, sizeof *ranges);
    result = debug_file_open(&opened, &request);
    if (result == -ENOMEM)
        return result;
    if (result == 0)
        take_module(&finder, opened.module);
    debug_file_close(&opened);
    if (finder.error) {
        free(ranges->list);
        ranges->list = NULL;
        return finder.error;
    }
    return finder.any_file ? 0 : finder.any_unit ? -ENOENT : -ENODATA;
}
