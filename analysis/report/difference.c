/* difference.c - see difference.h. */
#include "analysis/report/difference.h"

#include "analysis/names/wrappers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

#define NORMAL_95 1.96

struct entry {
    UT_hash_handle hh;
    const char **functions; /* the key: names by address (strings.h) */
    struct difference_row row;
    double variance;
    bool is_lost;
};
struct maker {
    const struct study *study;
    struct wrappers *wrappers;
    enum difference_measure measure;
    struct entry *entries;
};

static double value_of(const struct profile_site *site, enum difference_measure measure)
{
    switch (measure) {
    case DIFFERENCE_BYTES: return (double)site->bytes;
    case DIFFERENCE_BYTETIME: return site->byte_seconds;
    default: return (double)site->at_peak_bytes;
    }
}

static double error_of(const struct profile_site *site, enum difference_measure measure)
{
    return measure == DIFFERENCE_PEAK ? site->at_peak_error : measure == DIFFERENCE_BYTES ? site->bytes_error : 0;
}

static void forget(struct entry *entry)
{
    free(entry->functions);
    free(entry);
}

static struct entry *find_or_add(struct maker *maker, const struct study_path *path)
{
    const char **functions = calloc(path->count, sizeof *functions);
    struct entry *entry;

    if (!functions)
        return NULL;
    for (size_t i = 0; i < path->count; i++)
        functions[i] = path->frames[i]->identity;
    HASH_FIND(hh, maker->entries, functions, path->count * sizeof *functions, entry);
    if (entry) {
        free(functions);
        return entry;
    }
    entry = calloc(1, sizeof *entry);
    if (!entry) {
        free(functions);
        return NULL;
    }
    size_t shown = wrappers_pass(maker->wrappers, path);
    entry->functions = functions;
    entry->row.path = path->frames + shown;
    entry->row.path_count = path->count - shown;
    entry->row.via = shown ? path->frames[shown - 1]->name : NULL;
    HASH_ADD_KEYPTR(hh, maker->entries, entry->functions, path->count * sizeof *functions, entry);
    if (!entry->is_lost)
        return entry;
    forget(entry);
    return NULL;
}

static int take_trace(struct maker *maker, size_t trace)
{
    const struct study_trace *from = &maker->study->traces[trace];

    for (size_t i = 1; i < from->profile->sites_count; i++) {
        const struct profile_site *site = &from->profile->sites[i];
        double count = (double)(maker->measure == DIFFERENCE_PEAK ? site->at_peak_count : site->allocations);

        if (site->kind == LENSI_SITE_MAP_FILE)
            continue;
        struct entry *entry = find_or_add(maker, &from->paths[i]);
        if (!entry)
            return -ENOMEM;
        *(trace ? &entry->row.after : &entry->row.before) += value_of(site, maker->measure);
        *(trace ? &entry->row.after_count : &entry->row.before_count) += count;
        entry->variance += error_of(site, maker->measure) * error_of(site, maker->measure);
    }
    return 0;
}

static int by_change(const void *a, const void *b)
{
    const struct difference_row *left = a, *right = b;
    double first = fabs(left->after - left->before), second = fabs(right->after - right->before);

    if (first != second)
        return first > second ? -1 : 1;
    if (left->after != right->after)
        return left->after > right->after ? -1 : 1;
    return strcmp(left->path[0]->function, right->path[0]->function);
}

static int collect(struct difference *difference, struct maker *maker)
{
    struct entry *entry, *next;

    difference->rows = calloc(HASH_COUNT(maker->entries) + 1, sizeof *difference->rows);
    if (!difference->rows)
        return -ENOMEM;
    HASH_ITER(hh, maker->entries, entry, next) {
        // cppcheck-suppress uninitvar ; it does not see what HASH_ITER sets
        entry->row.error = NORMAL_95 * sqrt(entry->variance);
        difference->before += entry->row.before;
        difference->after += entry->row.after;
        if (entry->row.before > 0 || entry->row.after > 0)
            difference->rows[difference->rows_count++] = entry->row;
    }
    qsort(difference->rows, difference->rows_count, sizeof *difference->rows, by_change);
    return 0;
}

int difference_make(struct difference *difference, const struct study *study, enum difference_measure measure)
{
    struct maker maker = {.study = study, .measure = measure};
    struct entry *entry, *next;
    int result = 0;

    memset(difference, 0, sizeof *difference);
    maker.wrappers = wrappers_learn(study);
    if (!maker.wrappers)
        return -ENOMEM;
    for (size_t i = 0; i < 2 && result == 0; i++)
        result = take_trace(&maker, i);
    if (result == 0)
        result = collect(difference, &maker);
    HASH_ITER(hh, maker.entries, entry, next) {
        HASH_DEL(maker.entries, entry);
        forget(entry);
    }
    wrappers_free(maker.wrappers);
    if (result < 0)
        difference_free(difference);
    return result;
}

void difference_free(struct difference *difference)
{
    free(difference->rows);
    memset(difference, 0, sizeof *difference);
}
