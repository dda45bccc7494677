/* report_text.c - the ranking as a table for a person. Fits 100 columns. See report.h. */
#include "analysis/report/report.h"

#include "analysis/report/suggest.h"
#include "analysis/report/verdict.h"
#include "analysis/trace/timeline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPARK_STEPS 48
#define NARROW_COLUMNS 100 /* below, columns that nothing is known for are left away */
#define NAME_COLUMNS_MIN 12
#define CELL_BYTES 64
#define RANK_COLUMNS 3
#define BAR_COLUMNS 8
#define FILLERS_SHOWN 3u
#define FILL_SAMPLES_MIN 4u /* below, nothing is said */
#define FILL_SHARE_MIN 0.01

struct table {
    const struct study *study;
    const struct ranking *ranking;
    const struct report_options *options;
    const struct terminal *terminal;
    bool has_column[7];
    unsigned name_columns; /* what is left for the function */
};

/* ------------------------------------------------------------------ header */

static void print_label(const struct terminal *terminal, const char *label)
{
    printf("  %s%-9s%s ", terminal_dim(terminal), label, terminal_plain(terminal));
}

static void print_spark(const struct table *table)
{
    struct timeline timeline;
    double values[SPARK_STEPS], top = 0;

    if (timeline_make(&timeline, table->study, table->ranking, 0, SPARK_STEPS) < 0)
        return; /* an ornament */
    for (size_t i = 0; i < SPARK_STEPS; i++) {
        values[i] = timeline_total(&timeline, i);
        top = values[i] > top ? values[i] : top;
    }
    timeline_free(&timeline);
    if (top <= 0)
        return;
    printf("   %s", terminal_accent(table->terminal));
    terminal_sparkline(table->terminal, values, SPARK_STEPS, top);
    fputs(terminal_plain(table->terminal), stdout);
}

static void print_peak(const struct table *table)
{
    const struct profile *first = table->study->traces[0].profile;
    char size[24], when[24];

    print_label(table->terminal, "peak");
    printf("%s%s%s", terminal_bold(table->terminal), terminal_bytes(size, (double)table->ranking->peak_bytes),
           terminal_plain(table->terminal));
    if (table->study->traces_count == 1)
        printf(" of heap after %s", terminal_time(when, (double)first->peak_ns));
    else
        printf(" of heap, each at its own peak");
    print_spark(table);
    putchar('\n');
}

static void print_sampling(const struct table *table)
{
    const struct ranking_figures *total = &table->ranking->total;
    const struct profile_meta *meta = &table->study->traces[0].profile->meta;
    const char *about = table->ranking->is_sampled ? "about " : "";
    char count[32], size[24], step[24];

    print_label(table->terminal, "counted");
    printf("%s%s allocations of %s in all; ", about, terminal_count(count, total->allocations),
           terminal_bytes(size, (double)total->bytes));
    if (table->ranking->is_sampled)
        printf("sampled every %s (%s is a 95 %% interval)\n", terminal_bytes(step, (double)meta->sample_bytes),
               table->terminal->has_unicode ? "±" : "+-");
    else
        printf("every one was seen\n");
}

static int print_header(const struct table *table)
{
    const struct profile_meta *meta = &table->study->traces[0].profile->meta;
    char *line = report_command_line(meta), end[160], ran[24], fitted[1024];

    if (!line)
        return -ENOMEM;
    terminal_fit(table->terminal, fitted, sizeof fitted, line, table->terminal->columns, TERMINAL_CUT_END);
    printf("%s%s%s\n", terminal_bold(table->terminal), fitted, terminal_plain(table->terminal));
    free(line);
    print_peak(table);
    report_end_words(meta, end, sizeof end);
    print_label(table->terminal, "ran");
    printf("%s, %s", terminal_time(ran, (double)meta->duration_ns), end);
    if (table->study->traces_count > 1)
        printf("; %zu processes in all", table->study->traces_count);
    putchar('\n');
    if (table->ranking->inherited_bytes) {
        print_label(table->terminal, "inherited");
        printf("%s by forks from processes that are here themselves: counted once\n", terminal_bytes(ran, (double)table->ranking->inherited_bytes));
    }
    print_sampling(table);
    putchar('\n');
    return 0;
}

/* ------------------------------------------------------------------ columns of figures */

static void error_cell(const struct table *table, const struct ranking_row *row, char *to)
{
    double bytes = (double)row->figures.at_peak_bytes, error = ranking_error_bytes(&row->figures);
    const char *sign = table->terminal->has_unicode ? "±" : "+";

    if (bytes <= 0 || error <= 0)
        snprintf(to, CELL_BYTES, "%s", bytes > 0 ? "exact" : "");
    else
        snprintf(to, CELL_BYTES, error >= 9.995 * bytes ? "%s>999%%" : "%s%.0f%%", sign, 100 * error / bytes);
}

static void bytetime_cell(const struct table *table, const struct ranking_row *row, char *to)
{
    char size[24];

    snprintf(to, CELL_BYTES, table->terminal->has_unicode ? "%s·s" : "%s s",
             terminal_bytes(size, row->figures.byte_seconds));
}

static void part_cell(const struct table *table, double part, char *to)
{
    if (isnan(part))
        snprintf(to, CELL_BYTES, table->terminal->has_unicode ? "–" : "-");
    else
        snprintf(to, CELL_BYTES, "%.0f%%", 100 * part);
}

static void idle_cell(const struct table *table, const struct ranking_row *row, char *to)
{
    part_cell(table, row->use.idle, to);
}

static void rewritten_cell(const struct table *table, const struct ranking_row *row, char *to)
{
    part_cell(table, row->use.rewritten, to);
}

static void saving_cell(const struct table *table, const struct ranking_row *row, char *to)
{
    bool is_bound;
    double saving = verdict_saving(row, &is_bound);
    char size[24];

    if (isnan(saving))
        part_cell(table, NAN, to);
    else
        snprintf(to, CELL_BYTES, "%s%s", is_bound ? (table->terminal->has_unicode ? "≤" : "<=") : "",
                 terminal_bytes(size, saving));
}

static void slower_cell(const struct table *table, const struct ranking_row *row, char *to)
{
    if (isnan(row->use.slowdown.first))
        part_cell(table, NAN, to);
    else
        snprintf(to, CELL_BYTES, table->terminal->has_unicode ? "%.2f×" : "%.2fx", row->use.slowdown.first);
}

static void bytes_cell(const struct table *table, const struct ranking_row *row, char *to)
{
    char size[24];

    (void)table;
    snprintf(to, CELL_BYTES, "%s", terminal_bytes(size, (double)row->figures.at_peak_bytes));
}

enum { COLUMN_ERROR = 1, COLUMN_IDLE = 3, COLUMN_SLOWER = 6 };

static const struct column {
    const char *title;
    unsigned columns;
    void (*write)(const struct table *table, const struct ranking_row *row, char *to);
} columns[] = {
    {"at peak", 7, bytes_cell},   {"+-", 6, error_cell},          {"byte-s", 9, bytetime_cell},
    {"idle", 5, idle_cell},       {"rewr", 5, rewritten_cell},    {"saving", 9, saving_cell},
    {"slower", 6, slower_cell},
};
#define COLUMNS_COUNT (sizeof columns / sizeof *columns)

/* Whether any row that is shown has something to say there. */
static bool is_told(const struct table *table, size_t column)
{
    char cell[CELL_BYTES], none[CELL_BYTES];

    part_cell(table, NAN, none);
    for (size_t i = 0; i < table->ranking->rows_count && i < table->options->top; i++) {
        columns[column].write(table, &table->ranking->rows[i], cell);
        if (strcmp(cell, none) != 0)
            return true;
    }
    return false;
}

static void choose_columns(struct table *table)
{
    unsigned taken = RANK_COLUMNS + 1 + BAR_COLUMNS + 1 + 6 + 2;

    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        table->has_column[i] = i != COLUMN_ERROR || table->ranking->is_sampled;
        if (i >= COLUMN_IDLE && table->terminal->columns < NARROW_COLUMNS)
            table->has_column[i] = is_told(table, i);
        if (table->has_column[i])
            taken += columns[i].columns + 1;
    }
    table->name_columns = table->terminal->columns > taken + NAME_COLUMNS_MIN ? table->terminal->columns - taken
                                                                               : NAME_COLUMNS_MIN;
}

static void print_titles(const struct table *table)
{
    printf("%s%*s %-*s %6s", terminal_dim(table->terminal), RANK_COLUMNS, "#", BAR_COLUMNS, "share", "");
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        const char *title = i == COLUMN_ERROR && table->terminal->has_unicode ? "±" : columns[i].title;

        if (!table->has_column[i])
            continue;
        putchar(' ');
        terminal_cell(table->terminal, title, columns[i].columns, TERMINAL_CUT_END, TERMINAL_RIGHT);
    }
    printf("  allocated by%s\n", terminal_plain(table->terminal));
}

/* ------------------------------------------------------------------ rows */

/* "train.c:371", or the module where lines are not known. */
static void place_text(const struct symbol *symbol, char *to, size_t room)
{
    const char *slash = symbol->file ? strrchr(symbol->file, '/') : NULL;
    const char *file = slash ? slash + 1 : symbol->file;

    if (file && symbol->line)
        snprintf(to, room, "%s:%u", file, symbol->line);
    else
        snprintf(to, room, "%s", symbol->is_known ? symbol->module : "");
}

/* The figures' width in front of the function's column. */
static unsigned margin(const struct table *table)
{
    return table->terminal->columns > table->name_columns ? table->terminal->columns - table->name_columns : 0;
}

static void print_below(const struct table *table, const char *left, const char *right)
{
    unsigned indent = RANK_COLUMNS + 1, columns_left = margin(table) - indent - 2;

    if (!*left && !*right)
        return;
    char fitted[1024];

    printf("%s%*s", terminal_dim(table->terminal), (int)indent, "");
    if (*right) {
        terminal_cell(table->terminal, left, columns_left, TERMINAL_CUT_END, TERMINAL_LEFT);
        terminal_fit(table->terminal, fitted, sizeof fitted, right, table->name_columns, TERMINAL_CUT_END);
        printf("  %s", fitted);
    } else {
        terminal_print(table->terminal, left);
    }
    printf("%s\n", terminal_plain(table->terminal));
}

static void print_figures(const struct table *table, const struct ranking_row *row, size_t rank)
{
    double share = table->ranking->peak_bytes
                       ? (double)row->figures.at_peak_bytes / (double)table->ranking->peak_bytes
                       : 0;
    char cell[CELL_BYTES];

    printf("%*zu %s", RANK_COLUMNS, rank, terminal_accent(table->terminal));
    terminal_bar(table->terminal, share, BAR_COLUMNS);
    printf("%s %6s", terminal_plain(table->terminal), terminal_share(cell, share));
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        if (!table->has_column[i])
            continue;
        columns[i].write(table, row, cell);
        putchar(' ');
        terminal_cell(table->terminal, cell, columns[i].columns, TERMINAL_CUT_END, TERMINAL_RIGHT);
    }
}

/* "filled by parse (model.c:88) 93 %, load (load.c:12) by reads 7 %" */
static void print_fill(const struct table *table, const struct ranking_row *row)
{
    char line[1024], part[640], place[200], share[16];
    const unsigned indent = RANK_COLUMNS + 1, columns_left = table->terminal->columns - indent;
    size_t length = 0;

    if (row->fill.count == 0 || (row->fill.samples < FILL_SAMPLES_MIN && row->fill.fillers[0].samples))
        return;
    for (size_t i = 0; i < row->fill.count && i < FILLERS_SHOWN; i++) {
        const struct ranking_filler *filler = &row->fill.fillers[i];

        if (i && filler->share < FILL_SHARE_MIN)
            break;
        place_text(filler->symbol, place, sizeof place);
        int bytes = snprintf(part, sizeof part, "%s%.200s%s%s%s%s %s", i ? ", " : "filled by ", filler->symbol->name,
                             *place ? " (" : "", place, *place ? ")" : "", filler->is_read ? " by reads" : "",
                             terminal_share(share, filler->share));
        if (i && (length + (size_t)bytes > columns_left || length + (size_t)bytes >= sizeof line))
            break;
        length += (size_t)snprintf(line + length, sizeof line - length, "%s", part);
    }
    char fitted[1024];

    terminal_fit(table->terminal, fitted, sizeof fitted, line, columns_left, TERMINAL_CUT_END);
    printf("%s%*s%s%s\n", terminal_dim(table->terminal), (int)indent, "", fitted, terminal_plain(table->terminal));
}

static void print_row(const struct table *table, const struct ranking_row *row, size_t rank)
{
    char text[1024], place[600], phrase[200];

    print_figures(table, row, rank);
    terminal_fit_name(table->terminal, text, sizeof text, row->path[0], table->name_columns);
    printf("  %s%s%s\n", terminal_bold(table->terminal), text, terminal_plain(table->terminal));
    place_text(row->path[0], place, sizeof place);
    verdict_phrase(row, phrase, sizeof phrase);
    if (row->via && *place)
        snprintf(text, sizeof text, "%s via %s", place, row->via);
    else
        snprintf(text, sizeof text, "%s%s", row->via ? "via " : place, row->via ? row->via : "");
    print_below(table, phrase, text);
    print_fill(table, row);
    for (unsigned i = 1; i < table->options->frames && i < row->path_count; i++) {
        const char *arrow = table->terminal->has_unicode ? "↑" : "^";

        place_text(row->path[i], place, sizeof place);
        snprintf(text, sizeof text, "%s %s%s%s", arrow, row->path[i]->name, *place ? "  " : "", place);
        print_below(table, "", text);
    }
}

static void print_rest(const struct table *table)
{
    const struct ranking *ranking = table->ranking;
    uint64_t bytes = 0;
    char size[24], share[16];

    for (size_t i = table->options->top; i < ranking->rows_count; i++)
        bytes += ranking->rows[i].figures.at_peak_bytes;
    if (ranking->rows_count > table->options->top)
        printf("%s%*s %zu more: %s, %s of the peak (--top %zu shows them)%s\n", terminal_dim(table->terminal),
               RANK_COLUMNS, "", ranking->rows_count - table->options->top, terminal_bytes(size, (double)bytes),
               terminal_share(share, ranking->peak_bytes ? (double)bytes / (double)ranking->peak_bytes : 0),
               ranking->rows_count, terminal_plain(table->terminal));
}

/* ------------------------------------------------------------------ footer */

static uint64_t bytes_of(const struct table *table, enum verdict verdict)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < table->ranking->rows_count; i++)
        if (verdict_of(&table->ranking->rows[i]) == verdict)
            bytes += table->ranking->rows[i].figures.at_peak_bytes;
    return bytes;
}

/* Says why a good part of the memory is out of reach, if one is. */
static bool print_reason(const struct table *table, enum verdict verdict, const char *reason)
{
    uint64_t bytes = bytes_of(table, verdict);
    char size[24];

    if (bytes < table->ranking->peak_bytes / 5 || bytes == 0)
        return false;
    printf("  %s %s\n", terminal_bytes(size, (double)bytes), reason);
    return true;
}

static void print_reasons(const struct table *table)
{
    char size[24];

    print_reason(table, VERDICT_SMALL_BLOCKS,
                 "is in small blocks (objects, nodes, strings), which pages of a file rarely fit.");
    print_reason(table, VERDICT_MAPPING,
                 "is mapped by the program, perhaps for an allocator of its own: lens sees malloc only.");
    print_reason(table, VERDICT_READ_THEN,
                 "was made when a file was read, though not where it was read: it may come from there.");
    print_reason(table, VERDICT_NO_FILE, "was filled without a file being read near it: it seems to be computed.");
    print_reason(table, VERDICT_NOT_TOLD,
                 "may come from files: the trace does not tell which were read (man 5 lens-plan).");
    if (table->ranking->mapped_bytes > table->ranking->peak_bytes / 5)
        printf("  %s more are files that the program maps: the kernel can drop their pages as it is.\n",
               terminal_bytes(size, (double)table->ranking->mapped_bytes));
}

static void print_plan(const struct table *table, const char *plan)
{
    const struct profile_meta *meta = &table->study->traces[0].profile->meta;
    bool is_complete = strstr(plan, "\nsite ") != NULL;
    const char *slash = strrchr(meta->program, '/'), *name = slash ? slash + 1 : meta->program;

    printf("  %s\n\n", is_complete ? "A plan to begin with (--plan FILE writes it); what does not hold is not given up:"
                                   : "Where to look for a lens (lens lenses lists them, man 5 lens-plan explains):");
    for (const char *line = plan; *line;) {
        size_t bytes = strcspn(line, "\n");
        char text[1024];

        snprintf(text, sizeof text, "%.*s", (int)(bytes < sizeof text ? bytes : sizeof text - 1), line);
        printf("    %s", terminal_good(table->terminal));
        terminal_print(table->terminal, text);
        printf("%s\n", terminal_plain(table->terminal));
        line += bytes + (line[bytes] == '\n');
    }
    putchar('\n');
    if (is_complete) {
        /* A tenth of the peak, in the units of the option. */
        printf("  lens run --plan FILE --budget %lluM -- ", (unsigned long long)(table->ranking->peak_bytes / 10 >> 20) + 1);
        terminal_print(table->terminal, name);
        fputs(" ...\n", stdout);
    }
}

/* A good part of the memory is related to some file. */
static bool is_from_files(const struct table *table)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < table->ranking->rows_count; i++)
        if (table->ranking->rows[i].backing.relation >= RANKING_READ_INTO)
            bytes += table->ranking->rows[i].figures.at_peak_bytes;
    return bytes > table->ranking->peak_bytes / 20;
}

static void print_footer(const struct table *table)
{
    char *plan = suggest_plan(table->ranking, table->options->top);

    if (table->ranking->peak_bytes == 0) {
        printf("No memory was allocated through malloc.\n");
        return;
    }
    printf("\n%sWhat next%s\n", terminal_bold(table->terminal), terminal_plain(table->terminal));
    if (plan)
        print_plan(table, plan);
    else if (!bytes_of(table, VERDICT_NOT_TOLD))
        printf("  %s\n", is_from_files(table) ? "What comes from files lies in small blocks, or in many places: no plan is suggested."
                                            : "No large memory is related to a file that was read: a plan would have little to win here.");
    print_reasons(table);
    free(plan);
}

int report_text(const struct study *study, const struct ranking *ranking, const struct report_options *options,
                const struct terminal *terminal)
{
    struct table table = {.study = study, .ranking = ranking, .options = options, .terminal = terminal};
    int result = print_header(&table);

    if (result < 0)
        return result;
    if (ranking->rows_count) {
        choose_columns(&table);
        print_titles(&table);
    }
    for (size_t i = 0; i < ranking->rows_count && i < options->top; i++)
        print_row(&table, &ranking->rows[i], i + 1);
    print_rest(&table);
    report_use_text(ranking, terminal);
    print_footer(&table);
    return 0;
}
