/*
 * ranking_backing.c - which file the bytes of a row came from.
 *
 * What was read straight into a row's blocks came from that file, and goes with a block that realloc grows or shrinks:
 * to the row that holds it afterwards, too. What was read into a buffer is laid to the rows of the innermost function
 * on the reading call path that has large rows, or that fills one: who reads a file while filling memory most likely
 * makes the memory from the file. Rows that are buffers do not end the search there; and where a whole file lay in a
 * buffer, the memory may have been made later, while the buffer was still alive. A function of a library stands for all
 * that is made below it while the file is read, up to the program that calls the library. Nothing depends on this being
 * right.
 */
#include "analysis/report/ranking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

#define ROW_BYTES_MIN (256u * 1024u) /* at the peak; smaller rows get no file by neighbourhood */
#define BLOCK_BYTES_MIN 4096u        /* on average, for the same reason */
#define FILLER_SHARE_MIN 0.05
#define CALLERS 2                   /* of the function shown */
#define BUFFER_SHARE 4u              /* memory of less than this part of a file is a buffer for it */
#define SHRINK_MAX 64u               /* memory made from text is at most this many times larger than the text */

/* Bytes that one row has from one file. */
struct flow_key {
    const char *path;
    uint64_t row;
};
struct flow {
    UT_hash_handle hh;
    struct flow_key key;
    uint64_t into_bytes, near_bytes, file_bytes;
    bool has_step, is_lost;
};
/* The rows that a function stands for. From afar: only for what it makes while it reads. */
struct held {
    uint32_t row;
    bool is_far;
};
struct holder {
    UT_hash_handle hh;
    const char *function;
    struct held *rows;
    size_t rows_count;
    bool is_lost;
};
struct finder {
    struct ranking *ranking;
    const struct study *study;
    struct flow *flows;
    struct holder *holders;
};

/* ------------------------------------------------------------------ functions and their rows */

static int add_holder(struct finder *finder, const char *function, uint32_t row, bool is_far)
{
    struct holder *holder;

    HASH_FIND_PTR(finder->holders, &function, holder);
    if (!holder) {
        holder = calloc(1, sizeof *holder);
        if (!holder)
            return -ENOMEM;
        holder->function = function;
        HASH_ADD_PTR(finder->holders, function, holder);
        if (holder->is_lost) {
            free(holder);
            return -ENOMEM;
        }
    }
    for (size_t i = 0; i < holder->rows_count; i++)
        if (holder->rows[i].row == row) {
            holder->rows[i].is_far = holder->rows[i].is_far && is_far;
            return 0;
        }
    struct held *rows = reallocarray(holder->rows, holder->rows_count + 1, sizeof *rows);
    if (!rows)
        return -ENOMEM;
    holder->rows = rows;
    holder->rows[holder->rows_count++] = (struct held){row, is_far};
    return 0;
}

/* Large, and of a kind that a lens could make: neither nodes and strings nor an allocator's own mappings. */
static bool is_large(const struct ranking_row *row)
{
    const struct ranking_figures *figures = &row->figures;
    bool is_mapping = (row->kinds & ~(1u << LENSI_SITE_MAP)) == 0;

    return figures->at_peak_bytes >= ROW_BYTES_MIN && !is_mapping &&
           figures->at_peak_bytes >= figures->at_peak_count * BLOCK_BYTES_MIN;
}

/* Whether frame `at` of a row's path is where the program begins: it stands for everything, so for nothing. */
static bool is_outermost(const struct ranking_row *row, size_t at)
{
    return at + 1 >= row->path_count || strncmp(row->path[at + 1]->module, "libc.so", 7) == 0;
}

/* The frame where the program itself begins, seen from inside: behind the libraries that it has called. */
static size_t program_frame(const struct ranking_row *row)
{
    const struct symbol *outermost = NULL;
    size_t at = 0;

    for (size_t i = 0; i < row->path_count && !outermost; i++)
        if (is_outermost(row, i))
            outermost = row->path[i];
    while (at < row->path_count && outermost && strcmp(row->path[at]->module, outermost->module) != 0)
        at++;
    return at;
}

/*
 * A row is stood for by the function that is shown, and by its next callers: one may read what the other stores. From
 * afar, by the library functions around them: beyond lies the program, an interpreter perhaps, which stands for
 * everything.
 */
static int hold_rows(struct finder *finder)
{
    int result = 0;

    for (size_t i = 0; i < finder->ranking->rows_count && result == 0; i++) {
        const struct ranking_row *row = &finder->ranking->rows[i];

        if (!is_large(row))
            continue;
        size_t library_end = program_frame(row);
        for (size_t at = 0; (at <= CALLERS || at < library_end) && result == 0 && (!at || !is_outermost(row, at)); at++)
            result = add_holder(finder, row->path[at]->identity, (uint32_t)i, at > CALLERS);
    }
    return result;
}

/* Who fills a row stands for it too: allocating and filling may be done by different functions. */
static int hold_fillers(struct finder *finder)
{
    int result = 0;

    for (size_t i = 0; i < finder->ranking->rows_count; i++) {
        const struct ranking_row *row = &finder->ranking->rows[i];

        for (size_t j = 0; is_large(row) && j < row->fill.count && result == 0; j++) {
            const struct ranking_filler *filler = &row->fill.fillers[j];

            if (!filler->is_read && filler->share >= FILLER_SHARE_MIN && filler->symbol != &study_no_symbol)
                result = add_holder(finder, filler->symbol->identity, (uint32_t)i, false);
        }
    }
    return result;
}

/* ------------------------------------------------------------------ files and their flows */

static struct flow *flow_of(struct finder *finder, const char *path, uint32_t row)
{
    const struct flow_key key = {path, row};
    struct flow *flow;

    HASH_FIND(hh, finder->flows, &key, sizeof key, flow);
    if (flow)
        return flow;
    flow = calloc(1, sizeof *flow);
    if (!flow)
        return NULL;
    flow->key = key;
    HASH_ADD(hh, finder->flows, key, sizeof flow->key, flow);
    if (!flow->is_lost)
        return flow;
    free(flow);
    return NULL;
}

/* One input with what belongs to it. */
struct reading {
    size_t trace;
    const struct profile_input *input;
    const struct profile_file *file;
    const char *path;
    uint32_t row;          /* read into, or RANKING_NO_ROW */
    uint64_t file_first_ns; /* when the file was first read */
};

static bool is_buffer(const struct finder *finder, const struct reading *reading, uint32_t row)
{
    return finder->ranking->rows[row].figures.at_peak_bytes < reading->file->bytes / BUFFER_SHARE;
}

/* Whether a row's memory may have been made from what was read. */
static bool may_be_from(const struct finder *finder, const struct reading *reading, const struct held *held)
{
    const struct profile_input *input = reading->input;
    const struct profile *profile = finder->study->traces[reading->trace].profile;
    uint64_t made_ns = finder->ranking->rows[held->row].figures.first_ns;

    if (held->row == reading->row)
        return false;
    if (held->is_far && made_ns < reading->file_first_ns)
        return false;
    if (reading->row == RANKING_NO_ROW || is_buffer(finder, reading, reading->row))
        return input->last_ns >= made_ns; /* else all was read, and had gone, before there was memory for it */
    return !held->is_far && input->bytes >= reading->file->bytes / 2 && made_ns >= input->first_ns &&
           profile->blocks[input->block].death_ns > made_ns;
}

static int add_near(struct finder *finder, const struct reading *reading)
{
    const struct symbol *frames[STUDY_FRAMES_MAX];
    int count = study_path(finder->study, reading->trace, reading->input->node, frames, STUDY_FRAMES_MAX);
    bool found = false;

    if (count < 0)
        return count;
    for (int i = 0; i < count && !found; i++) {
        struct holder *holder;

        HASH_FIND_PTR(finder->holders, &frames[i]->identity, holder);
        for (size_t j = 0; holder && j < holder->rows_count; j++) {
            const struct held *held = &holder->rows[j];
            struct flow *flow;

            found = found || (held->row != reading->row && !is_buffer(finder, reading, held->row));
            if (!may_be_from(finder, reading, held))
                continue;
            flow = flow_of(finder, reading->path, held->row);
            if (!flow)
                return -ENOMEM;
            flow->near_bytes += reading->input->bytes;
            flow->file_bytes = reading->file->bytes;
        }
    }
    return 0;
}

static int add_into(struct finder *finder, const struct reading *reading, uint32_t row)
{
    struct flow *flow = flow_of(finder, reading->path, row);

    if (!flow)
        return -ENOMEM;
    flow->into_bytes += reading->input->bytes;
    flow->file_bytes = reading->file->bytes;
    flow->has_step = flow->has_step || reading->input->file_offset != reading->input->block_offset;
    return 0;
}

static uint32_t row_of_block(const struct finder *finder, size_t trace, uint32_t number)
{
    const struct profile *profile = finder->study->traces[trace].profile;

    if (!number || number >= profile->blocks_count || profile->blocks[number].site >= profile->sites_count)
        return RANKING_NO_ROW;
    return finder->ranking->row_of_site[trace][profile->blocks[number].site];
}

/* Each row that has held these bytes hears of them once: an array may be grown by one function many times. */
static int add_into_all(struct finder *finder, const struct reading *reading)
{
    const struct profile *profile = finder->study->traces[reading->trace].profile;
    uint32_t number = reading->input->block, last = RANKING_NO_ROW;
    int result = 0;

    for (; number && number < profile->blocks_count && result == 0; number = profile->blocks[number].next) {
        uint32_t row = row_of_block(finder, reading->trace, number);

        if (row != RANKING_NO_ROW && row != last && (row != reading->row || last == RANKING_NO_ROW))
            result = add_into(finder, reading, row);
        last = row;
    }
    return result;
}

static int take_input(struct finder *finder, size_t trace, const struct profile_input *input, const uint64_t *first_ns)
{
    const struct profile *profile = finder->study->traces[trace].profile;
    struct reading reading = {.trace = trace, .input = input, .row = RANKING_NO_ROW};

    if (input->mapped || input->file == 0 || input->file >= profile->files_count)
        return 0;
    reading.file = &profile->files[input->file];
    reading.file_first_ns = first_ns[input->file];
    reading.path = strings_keep(finder->study->strings, reading.file->path, strlen(reading.file->path));
    if (!reading.path)
        return -ENOMEM;
    reading.row = row_of_block(finder, trace, input->block);
    int result = add_into_all(finder, &reading);
    return result == 0 ? add_near(finder, &reading) : result;
}

static int take_inputs(struct finder *finder, size_t trace)
{
    const struct profile *profile = finder->study->traces[trace].profile;
    uint64_t *first_ns = malloc((profile->files_count + 1) * sizeof *first_ns);
    int result = first_ns ? 0 : -ENOMEM;

    for (size_t i = 0; first_ns && i < profile->files_count; i++)
        first_ns[i] = UINT64_MAX;
    for (size_t i = 0; first_ns && i < profile->inputs_count; i++) {
        const struct profile_input *input = &profile->inputs[i];

        if (input->file < profile->files_count && input->first_ns < first_ns[input->file])
            first_ns[input->file] = input->first_ns;
    }
    for (size_t i = 0; i < profile->inputs_count && result == 0; i++)
        result = take_input(finder, trace, &profile->inputs[i], first_ns);
    free(first_ns);
    return result;
}

/* ------------------------------------------------------------------ the best one */

/* What was read into most of the memory needs no guess, and goes before what was read near it. */
static bool is_most(const struct ranking_row *row, enum ranking_relation relation, uint64_t bytes)
{
    return relation == RANKING_READ_INTO && bytes >= row->figures.at_peak_bytes / 2;
}

/* Above 0: this file is better than the row's best so far; 0: as good. */
static int compare_to_best(const struct ranking_row *row, enum ranking_relation relation, uint64_t bytes)
{
    const struct ranking_backing *best = &row->backing;
    bool is_most_here = is_most(row, relation, bytes), was_most = is_most(row, best->relation, best->bytes);

    if (is_most_here != was_most)
        return is_most_here ? 1 : -1;
    return bytes > best->bytes ? 1 : bytes < best->bytes ? -1 : 0;
}

/* From the last dot of a file's name on, as ".txt"; NULL if there is none. */
static const char *ending_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');

    return dot && dot != name && dot[1] ? dot : NULL;
}

static void offer(struct ranking_row *row, const struct flow *flow)
{
    struct ranking_backing *best = &row->backing;
    enum ranking_relation relation = flow->into_bytes ? RANKING_READ_INTO : RANKING_READ_NEAR;
    uint64_t bytes = flow->into_bytes ? flow->into_bytes : flow->near_bytes;

    if (relation == RANKING_READ_NEAR && bytes < row->figures.at_peak_bytes / SHRINK_MAX)
        return;
    /* Few bytes read into memory do not hide a file that was parsed into all of it. */
    if (relation == RANKING_READ_INTO && bytes < row->figures.at_peak_bytes / SHRINK_MAX)
        return;
    size_t others = best->relation <= RANKING_NO_FILE ? 0 : best->others + 1;
    const char *ending = ending_of(flow->key.path);
    if (best->relation > RANKING_NO_FILE && (!ending || !best->ending || strcmp(ending, best->ending) != 0))
        ending = NULL;
    int order = best->relation <= RANKING_NO_FILE ? 1 : compare_to_best(row, relation, bytes);
    if (order > 0 || (order == 0 && strcmp(flow->key.path, best->path) < 0))
        *best = (struct ranking_backing){relation, flow->key.path, bytes, flow->file_bytes, others, ending, flow->has_step};
    best->others = others;
    best->ending = ending;
}

static void forget(struct finder *finder)
{
    struct flow *flow, *next_flow;
    struct holder *holder, *next_holder;

    HASH_ITER(hh, finder->flows, flow, next_flow) {
        HASH_DEL(finder->flows, flow);
        free(flow);
    }
    HASH_ITER(hh, finder->holders, holder, next_holder) {
        HASH_DEL(finder->holders, holder);
        free(holder->rows);
        free(holder);
    }
}

/* Whether any trace tells of files: without, nothing can be said of a row's. */
static bool tells_files(const struct study *study)
{
    for (size_t i = 0; i < study->traces_count; i++)
        if (study->traces[i].profile->files_count > 1)
            return true;
    return false;
}

int ranking_find_backings(struct ranking *ranking, const struct study *study)
{
    struct finder finder = {.ranking = ranking, .study = study};
    struct flow *flow, *next;
    int result;

    if (!tells_files(study))
        return 0;
    for (size_t i = 0; i < ranking->rows_count; i++)
        ranking->rows[i].backing.relation = RANKING_NO_FILE;
    result = hold_rows(&finder);
    if (result == 0)
        result = hold_fillers(&finder);
    for (size_t i = 0; i < study->traces_count && result == 0; i++)
        result = take_inputs(&finder, i);
    if (result == 0)
        HASH_ITER(hh, finder.flows, flow, next)
            offer(&ranking->rows[flow->key.row], flow);
    forget(&finder);
    return result == 0 ? ranking_find_readings(ranking, study) : result;
}
