/*
 * ranking_fill.c - which functions fill the memory of a row.
 *
 * Samples of first touches say who stored; what the kernel wrote for a read, which touches nothing in the program's
 * name, is known from the reads. Both are bytes, so they can be put side by side. A function of the language's runtime
 * (memcpy) fills for its caller.
 */
#include "analysis/report/ranking.h"

#include "analysis/names/wrappers.h"

#include <errno.h>
#include <stdlib.h>

/* What one line of a function put there. */
struct entry {
    uint32_t row;
    const struct symbol *symbol;
    bool is_read;
    double bytes;
    uint64_t samples;
};
struct finder {
    struct ranking *ranking;
    const struct study *study;
    struct entry *entries;
    size_t count, room;
};

/* A function is one, whatever its line. */
static int compare_functions(const struct entry *a, const struct entry *b)
{
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    if (a->is_read != b->is_read)
        return a->is_read ? 1 : -1;
    return (a->symbol->identity > b->symbol->identity) - (a->symbol->identity < b->symbol->identity);
}

static int compare_lines(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int functions = compare_functions(a, b);

    return functions ? functions : (a->symbol->line > b->symbol->line) - (a->symbol->line < b->symbol->line);
}

/* The frame that a call path's stores are laid to. */
static int add(struct finder *finder, size_t trace, uint32_t node, const struct entry *what)
{
    const struct symbol *frames[STUDY_FRAMES_MAX];
    int count = study_path(finder->study, trace, node, frames, STUDY_FRAMES_MAX);

    if (count < 0)
        return count;
    if (finder->count == finder->room) {
        size_t wanted = finder->room * 2 + 64;
        struct entry *fresh = reallocarray(finder->entries, wanted, sizeof *fresh);

        if (!fresh)
            return -ENOMEM;
        finder->entries = fresh;
        finder->room = wanted;
    }
    const struct study_path path = {frames, (size_t)count};
    struct entry *entry = &finder->entries[finder->count++];
    *entry = *what;
    entry->symbol = frames[wrappers_pass_runtime(&path)];
    return 0;
}

static uint32_t row_of(const struct finder *finder, size_t trace, uint32_t site)
{
    return site && site < finder->study->traces[trace].profile->sites_count ? finder->ranking->row_of_site[trace][site]
                                                                            : RANKING_NO_ROW;
}

static int take_stores(struct finder *finder, size_t trace)
{
    const struct profile *profile = finder->study->traces[trace].profile;
    double page = profile->meta.page_bytes ? profile->meta.page_bytes : 4096;
    int result = 0;

    for (size_t i = 0; i < profile->writers_count && result == 0; i++) {
        const struct profile_writer *writer = &profile->writers[i];
        uint32_t row = row_of(finder, trace, writer->site);

        if (row != RANKING_NO_ROW)
            result = add(finder, trace, writer->node,
                         &(struct entry){.row = row, .bytes = (double)writer->pages * page, .samples = writer->samples});
    }
    return result;
}

static bool is_read_into(const struct profile *profile, const struct profile_input *input)
{
    return !input->mapped && input->block && input->block < profile->blocks_count;
}

/* The row that holds the block after all its reallocations. */
static uint32_t row_held_last(const struct finder *finder, size_t trace, uint32_t number)
{
    const struct profile *profile = finder->study->traces[trace].profile;

    while (profile->blocks[number].next)
        number = profile->blocks[number].next;
    return row_of(finder, trace, profile->blocks[number].site);
}

/* A block that is read into again and again is filled once. */
static int take_reads(struct finder *finder, size_t trace)
{
    const struct profile *profile = finder->study->traces[trace].profile;
    double *read = calloc(profile->blocks_count + 1, sizeof *read);
    int result = read ? 0 : -ENOMEM;

    for (size_t i = 0; i < profile->inputs_count && result == 0; i++)
        if (is_read_into(profile, &profile->inputs[i]))
            read[profile->inputs[i].block] += (double)profile->inputs[i].bytes;
    for (size_t i = 0; i < profile->inputs_count && result == 0; i++) {
        const struct profile_input *input = &profile->inputs[i];

        if (!is_read_into(profile, input) || !input->bytes)
            continue;
        const struct profile_block *block = &profile->blocks[input->block];
        uint32_t row = row_of(finder, trace, block->site);
        double part = read[input->block] > (double)block->bytes ? (double)block->bytes / read[input->block] : 1;

        uint32_t last = row_held_last(finder, trace, input->block);

        if (row != RANKING_NO_ROW)
            result = add(finder, trace, input->node,
                         &(struct entry){.row = row, .is_read = true, .bytes = part * (double)input->bytes});
        if (last != RANKING_NO_ROW && last != row && result == 0)
            result = add(finder, trace, input->node,
                         &(struct entry){.row = last, .is_read = true, .bytes = part * (double)input->bytes});
    }
    free(read);
    return result;
}

/* ------------------------------------------------------------------ the best of each row */

static void offer(struct ranking_fill *fill, const struct ranking_filler *filler)
{
    size_t at = fill->count < RANKING_FILLERS_MAX ? fill->count++ : RANKING_FILLERS_MAX;

    for (; at > 0 && fill->fillers[at - 1].share < filler->share; at--)
        if (at < RANKING_FILLERS_MAX)
            fill->fillers[at] = fill->fillers[at - 1];
    if (at < RANKING_FILLERS_MAX)
        fill->fillers[at] = *filler;
}

/* One function's entries, which lie together by lines: its share, and the line with most of it. */
static size_t take_function(const struct finder *finder, size_t from, double total, struct ranking_filler *filler)
{
    const struct entry *first = &finder->entries[from];
    double best = -1, line = 0, bytes = 0;
    size_t at = from;

    *filler = (struct ranking_filler){.is_read = first->is_read};
    for (; at < finder->count && compare_functions(first, &finder->entries[at]) == 0; at++) {
        const struct entry *entry = &finder->entries[at];

        line = at > from && entry[-1].symbol->line == entry->symbol->line ? line + entry->bytes : entry->bytes;
        bytes += entry->bytes;
        filler->samples += entry->samples;
        if (line > best) {
            best = line;
            filler->symbol = entry->symbol;
        }
    }
    filler->share = bytes / total;
    return at;
}

static void take_row(struct finder *finder, size_t from, size_t to)
{
    struct ranking_fill *fill = &finder->ranking->rows[finder->entries[from].row].fill;
    struct ranking_filler filler;
    double total = 0;

    for (size_t i = from; i < to; i++) {
        total += finder->entries[i].bytes;
        fill->samples += finder->entries[i].samples;
    }
    for (size_t at = from; at < to && total > 0;) {
        at = take_function(finder, at, total, &filler);
        offer(fill, &filler);
    }
}

int ranking_find_fillers(struct ranking *ranking, const struct study *study)
{
    struct finder finder = {.ranking = ranking, .study = study};
    int result = 0;

    for (size_t i = 0; i < study->traces_count && result == 0; i++) {
        if (!study->traces[i].profile->is_fill_watched)
            continue;
        ranking->is_fill_watched = true;
        result = take_stores(&finder, i);
        if (result == 0)
            result = take_reads(&finder, i);
    }
    if (result == 0 && finder.count)
        qsort(finder.entries, finder.count, sizeof *finder.entries, compare_lines);
    for (size_t from = 0, to; result == 0 && from < finder.count; from = to) {
        for (to = from; to < finder.count && finder.entries[to].row == finder.entries[from].row;)
            to++;
        take_row(&finder, from, to);
    }
    free(finder.entries);
    return result;
}
