/* ranking.c - see ranking.h. */
#include "analysis/report/ranking.h"

#include "analysis/names/wrappers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

#define NORMAL_95 1.96 /* half the width of a 95 % interval, in standard errors */

/* One frame of a row's key. Texts are compared by address (strings.h). */
struct place {
    const char *function, *file;
    uint64_t line;
};
struct place_key {
    struct place places[RANKING_FRAMES_MAX];
};
struct entry {
    UT_hash_handle hh;
    struct place_key key;
    uint32_t row;
    uint64_t heaviest_bytes; /* of the member that gives the path */
    bool is_lost;
};
struct maker {
    struct ranking *ranking;
    const struct study *study;
    struct wrappers *wrappers;
    struct entry *entries;
    unsigned frames;
    size_t room;
};

double ranking_error_bytes(const struct ranking_figures *figures)
{
    return NORMAL_95 * sqrt(figures->at_peak_variance);
}

/* ------------------------------------------------------------------ adding up */

static double square(double value)
{
    return value * value;
}

/*
 * The site without what a fork inherited of a process that counts it. Times are left as they are: nobody knows how it
 * was shared.
 */
static struct profile_site own_part(const struct profile_site *site)
{
    struct profile_site own = *site;
    uint64_t at_peak = site->at_peak_bytes;

    own.at_peak_bytes -= site->inherited_at_peak.bytes;
    own.at_peak_count -= site->inherited_at_peak.count;
    own.live_bytes -= site->inherited_live.bytes;
    own.live_count -= site->inherited_live.count;
    own.bytes -= site->inherited_at_fork.bytes;
    own.allocations -= site->inherited_at_fork.count;
    own.at_peak_error *= at_peak ? sqrt((double)own.at_peak_bytes / (double)at_peak) : 1;
    own.bytes_error *= site->bytes ? sqrt((double)own.bytes / (double)site->bytes) : 1;
    return own;
}

static void add_figures(struct ranking_figures *to, const struct profile_site *site)
{
    bool is_first = to->allocations == 0 && to->bytes == 0;

    to->at_peak_bytes += site->at_peak_bytes;
    to->at_peak_count += site->at_peak_count;
    to->live_bytes += site->live_bytes;
    to->live_count += site->live_count;
    to->bytes += site->bytes;
    to->allocations += site->allocations;
    to->frees += site->frees;
    to->byte_seconds += site->byte_seconds;
    to->at_peak_variance += square(site->at_peak_error);
    to->bytes_variance += square(site->bytes_error);
    to->first_ns = is_first || site->first_ns < to->first_ns ? site->first_ns : to->first_ns;
    to->last_ns = site->last_ns > to->last_ns ? site->last_ns : to->last_ns;
    for (size_t i = 0; i < LENSI_TRACE_BUCKETS; i++) {
        to->lifetimes[i] += site->lifetimes[i];
        to->sizes[i] += site->sizes[i];
    }
}

static int add_member(struct ranking_row *row, uint32_t trace, uint32_t site)
{
    if ((row->members_count & (row->members_count - 1)) == 0) {
        size_t room = row->members_count ? 2 * row->members_count : 1;
        struct ranking_member *members = reallocarray(row->members, room, sizeof *members);

        if (!members)
            return -ENOMEM;
        row->members = members;
    }
    row->members[row->members_count++] = (struct ranking_member){trace, site};
    return 0;
}

/* ------------------------------------------------------------------ rows */

static struct entry *new_row(struct maker *maker, const struct place_key *key)
{
    struct ranking *ranking = maker->ranking;
    struct entry *entry = calloc(1, sizeof *entry);

    if (entry && ranking->rows_count == maker->room) {
        size_t room = maker->room ? 2 * maker->room : 64;
        struct ranking_row *rows = reallocarray(ranking->rows, room, sizeof *rows);

        if (!rows) {
            free(entry);
            return NULL;
        }
        ranking->rows = rows;
        maker->room = room;
    }
    if (!entry)
        return NULL;
    entry->key = *key;
    entry->row = (uint32_t)ranking->rows_count;
    HASH_ADD(hh, maker->entries, key, sizeof entry->key, entry);
    if (entry->is_lost) {
        free(entry);
        return NULL;
    }
    struct ranking_row *row = &ranking->rows[ranking->rows_count++];
    memset(row, 0, sizeof *row);
    row->use = (struct ranking_use){NAN, NAN, NAN, NAN, NAN, {NAN, NAN, NAN}, 0, NULL};
    return entry;
}

static struct entry *row_of(struct maker *maker, const struct study_path *path, size_t shown)
{
    struct place_key key;
    struct entry *entry;

    memset(&key, 0, sizeof key);
    for (size_t i = 0; i < maker->frames && shown + i < path->count; i++) {
        const struct symbol *symbol = path->frames[shown + i];

        key.places[i] = (struct place){symbol->function, symbol->file, symbol->line};
    }
    HASH_FIND(hh, maker->entries, &key, sizeof key, entry);
    return entry ? entry : new_row(maker, &key);
}

static int take_site(struct maker *maker, uint32_t trace, uint32_t number, bool is_counted_twice)
{
    const struct study_trace *from = &maker->study->traces[trace];
    const struct profile_site *site = &from->profile->sites[number];
    struct profile_site own;
    const struct study_path *path = &from->paths[number];

    if (site->kind == LENSI_SITE_MAP_FILE) {
        maker->ranking->row_of_site[trace][number] = RANKING_NO_ROW;
        maker->ranking->mapped_bytes += site->at_peak_bytes;
        return 0;
    }
    if (is_counted_twice) {
        own = own_part(site);
        maker->ranking->inherited_bytes += site->at_peak_bytes - own.at_peak_bytes;
        site = &own;
    }
    size_t shown = wrappers_pass(maker->wrappers, path);
    struct entry *entry = row_of(maker, path, shown);
    if (!entry)
        return -ENOMEM;
    struct ranking_row *row = &maker->ranking->rows[entry->row];
    if (!row->path || site->at_peak_bytes > entry->heaviest_bytes) {
        row->path = path->frames + shown;
        row->path_count = path->count - shown;
        row->via = shown ? path->frames[shown - 1]->name : NULL;
        entry->heaviest_bytes = site->at_peak_bytes;
    }
    row->kinds |= 1u << site->kind;
    add_figures(&row->figures, site);
    add_figures(&maker->ranking->total, site);
    maker->ranking->row_of_site[trace][number] = entry->row;
    return add_member(row, trace, number);
}

/* A fork's child whose parent is there, or another child of the same parent before it. */
static bool shares_with_another(const struct study *study, uint32_t trace)
{
    const struct profile_meta *child = &study->traces[trace].profile->meta;

    for (uint32_t i = 0; child->forked && i < study->traces_count; i++) {
        const struct profile_meta *other = &study->traces[i].profile->meta;
        if (i != trace && (other->pid == child->ppid || (i < trace && other->forked && other->ppid == child->ppid)))
            return true;
    }
    return false;
}

static int take_trace(struct maker *maker, uint32_t trace)
{
    const struct profile *profile = maker->study->traces[trace].profile;
    struct ranking *ranking = maker->ranking;
    bool is_counted_twice = shares_with_another(maker->study, trace);
    uint64_t inherited = ranking->inherited_bytes;
    int result = 0;

    ranking->row_of_site[trace] = calloc(profile->sites_count + 1, sizeof **ranking->row_of_site);
    if (!ranking->row_of_site[trace])
        return -ENOMEM;
    ranking->row_of_site[trace][0] = RANKING_NO_ROW;
    ranking->peak_bytes += profile->peak_bytes;
    ranking->is_sampled = ranking->is_sampled || !profile->meta.full;
    for (size_t i = 1; i < profile->sites_count && result == 0; i++)
        result = take_site(maker, trace, (uint32_t)i, is_counted_twice);
    ranking->peak_bytes -= ranking->inherited_bytes - inherited;
    return result;
}

/* ------------------------------------------------------------------ order */

static double known(double value)
{
    return isnan(value) ? -1 : value;
}

static double weight(const struct ranking_row *row, enum ranking_order order)
{
    switch (order) {
    case RANKING_BYTETIME: return row->figures.byte_seconds;
    case RANKING_IDLE: return known(row->use.idle * (double)row->figures.at_peak_bytes);
    case RANKING_LIVE: return (double)row->figures.live_bytes;
    case RANKING_SAVING: return known(row->use.saving_bytes);
    default: return (double)row->figures.at_peak_bytes;
    }
}

/*
 * Largest first; what is equal by bytes at the peak, then by all bytes, then by name, so that the order is always one.
 */
static int compare(const void *a, const void *b, void *order)
{
    const struct ranking_row *left = a, *right = b;
    double first = weight(left, *(enum ranking_order *)order), second = weight(right, *(enum ranking_order *)order);

    if (first != second)
        return first > second ? -1 : 1;
    if (left->figures.at_peak_bytes != right->figures.at_peak_bytes)
        return left->figures.at_peak_bytes > right->figures.at_peak_bytes ? -1 : 1;
    if (left->figures.bytes != right->figures.bytes)
        return left->figures.bytes > right->figures.bytes ? -1 : 1;
    int names = strcmp(left->path[0]->function, right->path[0]->function);
    return names ? names : (left->path[0]->line > right->path[0]->line) - (left->path[0]->line < right->path[0]->line);
}

static void set_order(struct ranking *ranking, enum ranking_order order)
{
    if (ranking->rows_count)
        qsort_r(ranking->rows, ranking->rows_count, sizeof *ranking->rows, compare, &order);
    for (size_t i = 0; i < ranking->rows_count; i++)
        for (size_t j = 0; j < ranking->rows[i].members_count; j++) {
            const struct ranking_member *member = &ranking->rows[i].members[j];

            ranking->row_of_site[member->trace][member->site] = (uint32_t)i;
        }
}

/* ------------------------------------------------------------------ all of it */

static void forget_entries(struct maker *maker)
{
    struct entry *entry, *next;

    HASH_ITER(hh, maker->entries, entry, next) {
        HASH_DEL(maker->entries, entry);
        free(entry);
    }
}

int ranking_make(struct ranking *ranking, const struct study *study, enum ranking_order order, unsigned frames)
{
    struct maker maker = {.ranking = ranking, .study = study, .frames = frames};
    int result = 0;

    memset(ranking, 0, sizeof *ranking);
    maker.wrappers = wrappers_learn(study);
    ranking->row_of_site = calloc(study->traces_count + 1, sizeof *ranking->row_of_site); /* NULL ends it */
    if (!maker.wrappers || !ranking->row_of_site)
        result = -ENOMEM;
    for (size_t i = 0; i < study->traces_count && result == 0; i++)
        result = take_trace(&maker, (uint32_t)i);
    forget_entries(&maker);
    wrappers_free(maker.wrappers);
    if (result == 0)
        result = ranking_find_fillers(ranking, study);
    if (result == 0)
        result = ranking_find_backings(ranking, study);
    if (result == 0)
        result = ranking_find_use(ranking, study);
    if (result == 0)
        set_order(ranking, order);
    else
        ranking_free(ranking);
    return result;
}

void ranking_free(struct ranking *ranking)
{
    for (size_t i = 0; i < ranking->rows_count; i++) {
        free((void *)(uintptr_t)ranking->rows[i].use.figures);
        free(ranking->rows[i].members);
    }
    free(ranking->curve);
    for (size_t i = 0; ranking->row_of_site && ranking->row_of_site[i]; i++)
        free(ranking->row_of_site[i]);
    free(ranking->row_of_site);
    free(ranking->rows);
    memset(ranking, 0, sizeof *ranking);
}
