/*
 * ranking_reading.c - which file was read when a row's memory was made, for rows that no file's call path leads to.
 *
 * An interpreter, a data frame library: what is read passes through several hands until it lies where it stays, and no
 * function is on both call paths but the interpreter's own. Then time is all there is to see. It is shown as what it
 * is, and nothing is counted upon it: no saving, no plan. Where memory that a file was read into, or near, lives on as
 * long, the file has found its place, and what was made at that time is another matter.
 */
#include "analysis/report/ranking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES_MIN (256u * 1024u) /* of a file: what is smaller is read by the way */
#define SHRINK_MAX 16u               /* the memory is at most this many times larger than what was read */
#define PLACE_SHARE 4u               /* less memory than this part of the file is a buffer for it, no place */
#define AFTER_NS_MIN 50000000u       /* right after: as long again as the reading took, and at least this long */

/* When a file was read, and how much of it. */
struct window {
    uint32_t file;
    uint64_t first_ns, last_ns, bytes;
};
struct finder {
    struct ranking *ranking;
    const struct study *study;
    struct window *windows; /* of one trace, large ones */
    size_t windows_count;
    uint64_t *made;   /* of each row and window: bytes of blocks made in it */
    uint64_t *deaths; /* of each row: when its last block ended */
};

static bool is_open_question(const struct ranking_row *row) { return row->backing.relation == RANKING_NO_FILE; }

static uint64_t end_of(const struct window *window)
{
    uint64_t took = window->last_ns - window->first_ns;

    return window->last_ns + (took > AFTER_NS_MIN ? took : AFTER_NS_MIN);
}

static int find_windows(struct finder *finder, const struct profile *profile)
{
    struct window *windows = calloc(profile->files_count + 1, sizeof *windows);
    size_t kept = 0;

    if (!windows)
        return -ENOMEM;
    for (size_t i = 0; i < profile->inputs_count; i++) {
        const struct profile_input *input = &profile->inputs[i];
        struct window *window = &windows[input->file < profile->files_count ? input->file : 0];

        if (input->mapped)
            continue;
        if (!window->bytes || input->first_ns < window->first_ns)
            window->first_ns = input->first_ns;
        if (input->last_ns > window->last_ns)
            window->last_ns = input->last_ns;
        window->bytes += input->bytes;
    }
    for (size_t file = 1; file < profile->files_count; file++)
        if (windows[file].bytes >= READ_BYTES_MIN) {
            windows[kept] = windows[file];
            windows[kept++].file = (uint32_t)file;
        }
    finder->windows = windows;
    finder->windows_count = kept;
    return 0;
}

/* Counts only what was there at the peak: that is what the row shows. */
static void count_block(struct finder *finder, size_t trace, const struct profile_block *block, uint64_t peak_ns)
{
    const struct profile *profile = finder->study->traces[trace].profile;
    uint32_t row = block->site < profile->sites_count ? finder->ranking->row_of_site[trace][block->site] : RANKING_NO_ROW;

    if (row != RANKING_NO_ROW && block->death_ns > finder->deaths[row])
        finder->deaths[row] = block->death_ns;
    if (row == RANKING_NO_ROW || !is_open_question(&finder->ranking->rows[row]) || block->birth_ns > peak_ns ||
        block->death_ns <= peak_ns)
        return;
    for (size_t i = 0; i < finder->windows_count; i++)
        if (block->birth_ns >= finder->windows[i].first_ns && block->birth_ns <= end_of(&finder->windows[i]))
            finder->made[row * finder->windows_count + i] += block->bytes;
}

/* Whether what the file was read into, or near, is there for as long as the row. */
static bool has_place(const struct finder *finder, const char *path, uint64_t file_bytes, uint32_t number)
{
    for (size_t i = 0; i < finder->ranking->rows_count; i++) {
        const struct ranking_row *row = &finder->ranking->rows[i];

        if ((row->backing.relation == RANKING_READ_INTO || row->backing.relation == RANKING_READ_NEAR) &&
            row->backing.path == path && row->figures.at_peak_bytes >= file_bytes / PLACE_SHARE &&
            finder->deaths[i] >= finder->deaths[number])
            return true;
    }
    return false;
}

/* The file that was read most of, of those in whose time most of the row was made. */
static int offer(struct finder *finder, const struct profile *profile, uint32_t number)
{
    struct ranking_row *row = &finder->ranking->rows[number];
    const struct window *best = NULL;
    size_t fitting = 0;

    for (size_t i = 0; i < finder->windows_count; i++) {
        const struct window *window = &finder->windows[i];

        if (finder->made[number * finder->windows_count + i] < row->figures.at_peak_bytes / 2 ||
            window->bytes < row->figures.at_peak_bytes / SHRINK_MAX)
            continue;
        fitting++;
        if (!best || window->bytes > best->bytes)
            best = window;
    }
    if (!best || !row->figures.at_peak_bytes)
        return 0;
    const struct profile_file *file = &profile->files[best->file];
    const char *path = strings_keep(finder->study->strings, file->path, strlen(file->path));
    if (!path)
        return -ENOMEM;
    if (has_place(finder, path, file->bytes, number))
        return 0;
    row->backing = (struct ranking_backing){
        .relation = RANKING_READ_THEN, .path = path, .bytes = best->bytes, .file_bytes = file->bytes, .others = fitting - 1};
    return 0;
}

static int look_at_trace(struct finder *finder, size_t trace)
{
    const struct profile *profile = finder->study->traces[trace].profile;
    int result = find_windows(finder, profile);

    if (result == 0 && finder->windows_count) {
        finder->made = calloc(finder->ranking->rows_count * finder->windows_count, sizeof *finder->made);
        finder->deaths = calloc(finder->ranking->rows_count, sizeof *finder->deaths);
        result = finder->made && finder->deaths ? 0 : -ENOMEM;
        for (size_t i = 1; i < profile->blocks_count && result == 0; i++)
            count_block(finder, trace, &profile->blocks[i], profile->peak_ns);
        for (size_t i = 0; i < finder->ranking->rows_count && result == 0; i++)
            if (is_open_question(&finder->ranking->rows[i]))
                result = offer(finder, profile, (uint32_t)i);
    }
    free(finder->made);
    free(finder->deaths);
    free(finder->windows);
    finder->made = finder->deaths = NULL;
    finder->windows = NULL;
    return result;
}

int ranking_find_readings(struct ranking *ranking, const struct study *study)
{
    struct finder finder = {.ranking = ranking, .study = study};
    int result = 0;

    if (!ranking->rows_count)
        return 0;
    for (size_t i = 0; i < study->traces_count && result == 0; i++)
        result = look_at_trace(&finder, i);
    return result;
}
