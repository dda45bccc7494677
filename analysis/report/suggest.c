/* suggest.c - see suggest.h. */
#include "analysis/report/suggest.h"

#include "analysis/report/report.h"
#include "analysis/report/suggest_lens.h"
#include "analysis/report/verdict.h"
#include "analysis/term/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES_MAX 16
#define FILES_MAX 8
#define SHARE_MIN 0.02        /* of the peak: smaller rows are not worth a plan */
#define PLAN_BLOCK_MIN 65536u /* the plan language's own default */

struct site {
    char name[700];
    char files[FILES_MAX][600];
    size_t files_count;
    char what[160]; /* size, and kind of file */
    bool is_guess;  /* only the time speaks for the file */
    uint64_t min_bytes; /* 0: the plan language's own */
    struct suggest_lenses lenses;
};

bool suggest_is_worth_it(const struct ranking *ranking, const struct ranking_row *row)
{
    enum verdict verdict = verdict_of(row);

    return (verdict == VERDICT_READ_INTO || verdict == VERDICT_READ_NEAR || verdict == VERDICT_READ_THEN) &&
           (double)row->figures.at_peak_bytes >= SHARE_MIN * (double)ranking->peak_bytes && verdict_block_bytes(row) >= PLAN_BLOCK_MIN;
}

/* A glob for the files of a row, in quotes: the name of the only one, or what several have in common. */
static void quote_files(const struct ranking_backing *backing, char *to, size_t room)
{
    const char *slash = strrchr(backing->path, '/'), *name = slash && slash[1] ? slash + 1 : backing->path;
    char ending[300];

    if (!backing->others) {
        verdict_quote(name, to, room);
        return;
    }
    verdict_quote(backing->ending ? backing->ending : "", ending, sizeof ending);
    snprintf(to, room, "\"*%s", ending + 1);
}

static void add_file(struct site *site, const char *file)
{
    for (size_t i = 0; i < site->files_count; i++)
        if (!strcmp(site->files[i], file) || !strcmp(site->files[i], "\"*\""))
            return;
    if (site->files_count < FILES_MAX)
        snprintf(site->files[site->files_count++], sizeof site->files[0], "%s", file);
}

static void look(const struct ranking_row *row, struct site *site)
{
    struct suggest_memory memory = {.bytes = (double)row->figures.at_peak_bytes,
                                    .block_bytes = verdict_block_bytes(row),
                                    .is_read_into = verdict_of(row) == VERDICT_READ_INTO};
    char size[24], words[80], file[600];
    struct sniff sniff;

    verdict_site(row, site->name, sizeof site->name);
    quote_files(&row->backing, file, sizeof file);
    add_file(site, file);
    sniff_file(row->backing.path, &sniff);
    sniff_words(&sniff, words, sizeof words);
    snprintf(site->what, sizeof site->what, "%s; the file: %s", terminal_bytes(size, (double)row->figures.at_peak_bytes), words);
    site->is_guess = verdict_of(row) == VERDICT_READ_THEN;
    suggest_lenses_for(&memory, &sniff, &site->lenses);
}

/*
 * Another line of the same function, or of a file without names: one site is both. False: its extents are other ones.
 */
static bool join(struct site *to, const struct site *from)
{
    if (strcmp(to->lenses.extent, from->lenses.extent) != 0)
        return false;
    for (size_t i = 0; i < from->files_count; i++)
        add_file(to, from->files[i]);
    for (size_t i = 0; i < from->lenses.count; i++) {
        bool is_there = false;

        for (size_t k = 0; k < to->lenses.count; k++)
            is_there = is_there || !strcmp(to->lenses.text[k], from->lenses.text[i]);
        if (!is_there && to->lenses.count < SUGGEST_LENSES_MAX)
            memcpy(to->lenses.text[to->lenses.count++], from->lenses.text[i], SUGGEST_LENS_BYTES);
    }
    return true;
}

/* What nobody has a lens for stands in comments: the plan is right, and says what is missing. */
static void print_site(FILE *out, const struct site *site, bool is_taken)
{
    const char *mark = site->lenses.count && !is_taken ? "" : "# ";

    fprintf(out, "%ssite %s {\n%s    # %s%s\n%s    file", mark, site->name, *mark ? "#" : "", site->what,
            site->is_guess ? " (a guess: read when this was made)" : "", mark);
    for (size_t i = 0; i < site->files_count; i++)
        fprintf(out, " %s", site->files[i]);
    fputc('\n', out);
    if (site->min_bytes)
        fprintf(out, "%s    min %llu\n", mark, (unsigned long long)site->min_bytes);
    for (size_t i = 0; i < site->lenses.count; i++)
        fprintf(out, "%s    lens %s\n", mark, site->lenses.text[i]);
    if (!site->lenses.count)
        fprintf(out, "%s    lens ...  # missing: what makes it of the file; see lens lenses\n", mark);
    else if (is_taken)
        fprintf(out, "%s    # missing: outer frames (from \"...\") that tell it from the one above\n", mark);
    if (*site->lenses.extent)
        fprintf(out, "%s    extent %s\n", mark, site->lenses.extent);
    fprintf(out, "%s}\n", mark);
}

/* ------------------------------------------------------------------ pandas */

#define NUMPY "_multiarray_umath"
#define PANDAS "parsers.cpython"

static bool is_of(const struct ranking_row *row, const char *module) { return strncmp(row->path[0]->module, module, strlen(module)) == 0; }

static bool uses_pandas(const struct ranking *ranking)
{
    for (size_t i = 0; i < ranking->rows_count; i++)
        if (is_of(&ranking->rows[i], PANDAS))
            return true;
    return false;
}

/*
 * What pandas.read_csv does is known: its tokenizer's memory goes again, pieces of columns are joined, one column after
 * the other, and the frame's block is made of them; both by numpy, at places that tell nothing. Two sites, or none if
 * it is no table.
 */
static size_t look_at_pandas(const struct ranking_row *row, struct site *sites)
{
    struct suggest_memory memory = {0};
    struct sniff sniff;

    look(row, &sites[1]);
    sniff_file(row->backing.path, &sniff);
    if (sniff.kind != SNIFF_TABLE)
        return 0;
    memory.bytes = memory.block_bytes = 8 * sniff.rows;
    sites[1].min_bytes = (uint64_t)(memory.bytes * 0.75) < PLAN_BLOCK_MIN ? 0 : (uint64_t)(memory.bytes * 0.75);
    sniff_words(&sniff, sites[1].what, sizeof sites[1].what);
    sites[0] = sites[1];
    snprintf(sites[0].name, sizeof sites[0].name, "\"" NUMPY "*\" from \"PyObject_Call\" from \"" NUMPY "*\" as \"pandas columns\"");
    suggest_lenses_for(&memory, &sniff, &sites[0].lenses);
    snprintf(sites[1].name, sizeof sites[1].name, "\"" NUMPY "*\" as \"pandas frames\"");
    sites[1].lenses = sites[0].lenses;
    sites[1].lenses.extent[0] = '\0';
    return 2;
}

/* ------------------------------------------------------------------ the whole */

static size_t gather(const struct ranking *ranking, size_t rows, struct site *sites, bool *is_taken)
{
    size_t count = 0;
    bool is_pandas = uses_pandas(ranking), is_numpy_told = false;

    for (size_t i = 0; i < ranking->rows_count && i < rows && count + 1 < SITES_MAX; i++) {
        const struct ranking_row *row = &ranking->rows[i];
        struct site *site = &sites[count];
        bool is_joined = false;

        if (!suggest_is_worth_it(ranking, row))
            continue;
        if (is_pandas && row->backing.relation != RANKING_READ_INTO && (is_of(row, PANDAS) || is_of(row, NUMPY))) {
            size_t told = is_numpy_told ? 0 : look_at_pandas(row, site);

            is_numpy_told = is_numpy_told || told;
            count += told;
            if (told || is_numpy_told)
                continue;
        }
        memset(site, 0, sizeof *site);
        look(row, site);
        is_taken[count] = false;
        for (size_t k = 0; k < count && !is_joined; k++) {
            if (strcmp(sites[k].name, site->name) != 0 || is_taken[k] || !sites[k].lenses.count)
                continue;
            is_joined = join(&sites[k], site);
            is_taken[count] = true;
        }
        count += !is_joined;
    }
    return count;
}

char *suggest_plan(const struct ranking *ranking, size_t rows)
{
    struct site *sites = calloc(SITES_MAX, sizeof *sites);
    bool is_taken[SITES_MAX] = {false};
    char *text = NULL;
    size_t bytes = 0, count = sites ? gather(ranking, rows, sites, is_taken) : 0;
    FILE *out = count ? open_memstream(&text, &bytes) : NULL;

    if (out) {
        fputs("lens-plan 1\n", out);
        for (size_t i = 0; i < count; i++)
            print_site(out, &sites[i], is_taken[i]);
        if (fclose(out) != 0) {
            free(text);
            text = NULL;
        }
    }
    free(sites);
    return text;
}

int report_plan(FILE *out, const struct study *study, const struct ranking *ranking)
{
    char *text = suggest_plan(ranking, ranking->rows_count);

    (void)study;
    fputs(text ? text : "lens-plan 1\n# nothing large was read from a file\n", out);
    free(text);
    return 0;
}
