/* suggest_lens.c - see suggest_lens.h. A lens whose view is far from the memory's size is not worth a try. */
#include "analysis/report/suggest_lens.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VIEW_SHARE_MIN 0.65 /* of the view, whose size is estimated, in memory */
#define BLOCK_FACTOR_MAX 2.15 /* a block that grows by doubling has as much room again */
#define COLUMN_MIN 0.8 /* a block is about as large as one column */
#define COLUMN_MAX 1.25
#define FIELDS_MAX 16 /* of a struct that is made up */

struct chooser {
    const struct suggest_memory *memory;
    const struct sniff *sniff;
    struct suggest_lenses *lenses;
};

/* view_bytes: how long its view would be, about; 0: not known. */
__attribute__((format(printf, 3, 4))) static void add(struct chooser *chooser, double view_bytes, const char *format, ...)
{
    struct suggest_lenses *lenses = chooser->lenses;
    char *to = lenses->text[lenses->count < SUGGEST_LENSES_MAX ? lenses->count : 0];
    va_list list;

    if (lenses->count == SUGGEST_LENSES_MAX ||
        (view_bytes > 0 && !chooser->sniff->is_gzip && (chooser->memory->bytes < VIEW_SHARE_MIN * view_bytes || chooser->memory->block_bytes > BLOCK_FACTOR_MAX * view_bytes)))
        return;
    int before = snprintf(to, SUGGEST_LENS_BYTES, "%s", chooser->sniff->is_gzip ? "gunzip | " : "");
    va_start(list, format);
    int length = vsnprintf(to + before, SUGGEST_LENS_BYTES - (size_t)before, format, list);
    va_end(list);
    if (length >= 0 && before + length < SUGGEST_LENS_BYTES)
        lenses->count++;
}

/* The file's own bytes, perhaps each of them changed. */
static void add_bytes(struct chooser *chooser)
{
    const struct sniff *sniff = chooser->sniff;
    double bytes = chooser->memory->is_read_into ? 0 : (double)sniff->bytes;
    bool is_text = sniff->kind != SNIFF_BINARY && sniff->kind != SNIFF_PNM && sniff->kind != SNIFF_NIFTI && sniff->kind != SNIFF_UNREADABLE;

    if (sniff->kind == SNIFF_UNREADABLE && !chooser->memory->is_read_into)
        return;
    if (sniff->is_gzip && !chooser->memory->is_read_into && chooser->lenses->count < SUGGEST_LENSES_MAX &&
        chooser->memory->bytes >= VIEW_SHARE_MIN * bytes)
        snprintf(chooser->lenses->text[chooser->lenses->count++], SUGGEST_LENS_BYTES, "gunzip");
    else if (!sniff->is_gzip)
        add(chooser, bytes, "verbatim");
    if (is_text)
        add(chooser, bytes, "bytes(map=[\"\\n\", \"\\0\"])");
    for (unsigned unit = 2; unit <= 8 && chooser->memory->is_read_into && !is_text && !sniff->is_gzip; unit *= 2)
        add(chooser, bytes, "bytes(swap=%u)", unit);
}

static void add_svm(struct chooser *chooser)
{
    double elements = chooser->sniff->tokens, rows = chooser->sniff->rows;

    add(chooser, 16 * (elements + rows), "rows(\"%%d:%%lf\", label=1, end=[-1, 0])");
    add(chooser, 16 * (elements + 2 * rows), "rows(\"%%d:%%lf\", label=1, end=[-1, 0], bias=1, bias_index=max)");
    add(chooser, 16 * (elements + 2 * rows), "rows(\"%%d:%%lf\", label=1, end=[-1, 0], bias=1, bias_index=0)");
    add(chooser, 8 * elements, "rows(\"%%*d:%%lf\", label=1, end=[])");
    add(chooser, 4 * elements, "rows(\"%%d:%%*lf\", label=1, end=[])");
    add(chooser, 8 * elements, "rows(\"%%ld:%%*lf\", label=1, end=[])");
    add(chooser, 8 * elements, "rows(\"%%d:%%f\", label=1, end=[])");
    add(chooser, 4 * elements, "rows(\"%%*d:%%f\", label=1, end=[])");
}

static void add_graph(struct chooser *chooser)
{
    double tokens = chooser->sniff->tokens;

    if (chooser->sniff->is_weighted) {
        add(chooser, 2 * tokens, "tokens(\"%%d\", skip_lines=1, comment=\"%%\", every=2, from=1)");
        add(chooser, 2 * tokens, "tokens(\"%%d\", skip_lines=1, comment=\"%%\", every=2, from=0, add=-1)");
        add(chooser, 4 * tokens, "tokens(\"%%ld\", skip_lines=1, comment=\"%%\", every=2, from=1)");
        add(chooser, 4 * tokens, "tokens(\"%%ld\", skip_lines=1, comment=\"%%\", every=2, from=0, add=-1)");
    } else {
        add(chooser, 4 * tokens, "tokens(\"%%d\", skip_lines=1, comment=\"%%\", add=-1)");
        add(chooser, 8 * tokens, "tokens(\"%%ld\", skip_lines=1, comment=\"%%\", add=-1)");
    }
    add(chooser, 4 * tokens, "fill(value=1, type=i32)");
}

static void add_matrix(struct chooser *chooser)
{
    double tokens = chooser->sniff->tokens;
    size_t every = chooser->sniff->columns_count;

    if (!chooser->sniff->is_coordinate || every < 2) {
        add(chooser, 8 * tokens, "tokens(\"%%lf\", skip_lines=1, comment=\"%%\")");
        add(chooser, 4 * tokens, "tokens(\"%%f\", skip_lines=1, comment=\"%%\")");
        return;
    }
    double entries = tokens / (double)every;
    if (every > 2)
        add(chooser, 8 * entries, "tokens(\"%%lf\", skip_lines=1, comment=\"%%\", every=%zu, from=2)", every);
    for (unsigned from = 0; from < 2; from++)
        add(chooser, 4 * entries, "tokens(\"%%d\", skip_lines=1, comment=\"%%\", every=%zu, from=%u, add=-1)", every, from);
    for (unsigned from = 0; from < 2; from++)
        add(chooser, 8 * entries, "tokens(\"%%ld\", skip_lines=1, comment=\"%%\", every=%zu, from=%u, add=-1)", every, from);
    for (unsigned from = 0; from < 2; from++)
        add(chooser, 4 * entries, "tokens(\"%%d\", skip_lines=1, comment=\"%%\", every=%zu, from=%u)", every, from);
    if (every > 2)
        add(chooser, 4 * entries, "tokens(\"%%f\", skip_lines=1, comment=\"%%\", every=%zu, from=2)", every);
}

static void add_picture(struct chooser *chooser)
{
    const struct sniff *sniff = chooser->sniff;
    double bytes = (double)(sniff->bytes - (sniff->bytes < sniff->header_bytes ? sniff->bytes : sniff->header_bytes));
    const char *from = sniff->sample_bytes == 2 ? "u16be" : "u8";
    double samples = bytes / (sniff->sample_bytes ? sniff->sample_bytes : 1);

    add(chooser, 4 * samples, "skip(pnm=yes) | bytes(from=%s, to=u32)", from);
    add(chooser, bytes, "skip(pnm=yes)");
    if (sniff->sample_bytes == 2)
        add(chooser, bytes, "skip(pnm=yes) | bytes(swap=2)");
    else
        add(chooser, 2 * samples, "skip(pnm=yes) | bytes(from=u8, to=u16)");
    add(chooser, 4 * samples, "skip(pnm=yes) | bytes(from=%s, to=f32)", from);
    add(chooser, 8 * samples, "skip(pnm=yes) | bytes(from=%s, to=f64)", from);
}

static void add_volumes(struct chooser *chooser)
{
    const struct sniff *sniff = chooser->sniff;

    snprintf(chooser->lenses->extent, sizeof chooser->lenses->extent, "%llu step block", (unsigned long long)sniff->header_bytes);
    if (sniff->sample_bytes > 1)
        add(chooser, 0, "bytes(swap=%u)", sniff->sample_bytes <= 8 ? sniff->sample_bytes : 2);
    if (sniff->is_gzip && chooser->lenses->count < SUGGEST_LENSES_MAX)
        snprintf(chooser->lenses->text[chooser->lenses->count++], SUGGEST_LENS_BYTES, "gunzip");
    else
        add(chooser, 0, "verbatim");
}

/* Whole numbers and real ones by the conversions given. */
static void add_record(struct chooser *chooser, const char *whole, const char *real)
{
    char format[6 * SNIFF_FORMAT_BYTES];
    size_t length = 0;

    for (const char *at = chooser->sniff->format; *at; at++) {
        if (*at == '\1')
            length += (size_t)snprintf(format + length, sizeof format - length, "%s", *++at == 'r' ? real : whole);
        else if (*at == '%')
            length += (size_t)snprintf(format + length, sizeof format - length, "%%%%");
        else if (*at == '"' || *at == '\\')
            length += (size_t)snprintf(format + length, sizeof format - length, "\\%c", *at);
        else if ((unsigned char)*at < ' ')
            length += (size_t)snprintf(format + length, sizeof format - length, "\\x%02x", (unsigned char)*at);
        else
            format[length++] = *at;
    }
    format[length] = '\0';
    add(chooser, 0, "record(\"%s\\n\")", format);
}

static void add_records(struct chooser *chooser)
{
    static const char *const both[][2] = {{"%d", "%f"}, {"%d", "%lf"}, {"%ld", "%lf"}, {"%lf", "%lf"}, {"%f", "%f"}};
    static const char *const whole[][2] = {{"%d", ""}, {"%ld", ""}, {"%lf", ""}, {"%f", ""}};
    bool has_real = strstr(chooser->sniff->format, "\1r") != NULL;

    for (size_t i = 0; i < (has_real ? 5 : 4); i++)
        add_record(chooser, has_real ? both[i][0] : whole[i][0], has_real ? both[i][1] : whole[i][1]);
}

/* ------------------------------------------------------------------ tables */

enum choice { EVERY_NUMBER, REALS, WHOLES };

static bool is_chosen(enum sniff_column column, enum choice choice)
{
    return choice == EVERY_NUMBER ? column != SNIFF_WORD : column == (choice == REALS ? SNIFF_REAL : SNIFF_WHOLE);
}

/* ", columns=[0, 2]" unless all are chosen. How many are. */
static size_t columns_text(const struct sniff *sniff, enum choice choice, char *to, size_t room)
{
    size_t length = 0, chosen = 0, count = sniff->columns_count < SNIFF_COLUMNS_MAX ? sniff->columns_count : SNIFF_COLUMNS_MAX;

    for (size_t i = 0; i < count && length + 16 < room; i++)
        if (is_chosen(sniff->columns[i], choice))
            length += (size_t)snprintf(to + length, room - length, "%s%zu", chosen++ ? "," : ", columns=[", i);
    if (chosen == sniff->columns_count || !chosen)
        *to = '\0';
    else
        snprintf(to + length, room - length, "]");
    return chosen;
}

static void separator_text(char separator, char *to, size_t room)
{
    if (separator == ' ')
        snprintf(to, room, "sep=space");
    else if (separator == '\t')
        snprintf(to, room, "sep=\"\\t\"");
    else
        snprintf(to, room, "sep=\"%c\"", separator);
}

/* Columns in blocks of their own, in their order: pandas, before it puts them together. */
static bool add_columns(struct chooser *chooser, const char *lead)
{
    const struct sniff *sniff = chooser->sniff;
    double block = chooser->memory->block_bytes, column = 8 * sniff->rows;
    char some[2560];

    if (sniff->columns_count < 2 || block < COLUMN_MIN * column || block > COLUMN_MAX * column)
        return false;
    snprintf(chooser->lenses->extent, sizeof chooser->lenses->extent, "0 step block");
    if (columns_text(sniff, REALS, some, sizeof some))
        add(chooser, 0, "delimited(%s, layout=columns, as=pandas%s)", lead, some);
    if (columns_text(sniff, WHOLES, some, sizeof some))
        add(chooser, 0, "delimited(%s, layout=columns, type=i64%s)", lead, some);
    if (columns_text(sniff, EVERY_NUMBER, some, sizeof some))
        add(chooser, 0, "delimited(%s, layout=columns%s)", lead, some);
    return true;
}

static void add_table(struct chooser *chooser, bool are_vectors)
{
    const struct sniff *sniff = chooser->sniff;
    char all[2560], some[2560], separator[16], lead[80];
    size_t numbers = columns_text(sniff, EVERY_NUMBER, all, sizeof all);
    double view = sniff->rows * (double)numbers;

    separator_text(sniff->separator, separator, sizeof separator);
    snprintf(lead, sizeof lead, "%s, %s=%u%s", separator, are_vectors ? "skip_lines" : "header", sniff->header_lines,
             are_vectors ? ", quote=none" : sniff->has_comments ? ", comment=\"#\"" : "");
    if (!are_vectors && add_columns(chooser, lead))
        return;
    add(chooser, 8 * view, "delimited(%s, layout=rows%s)", lead, all);
    add(chooser, 4 * view, "delimited(%s, layout=rows, type=float%s)", lead, all);
    add(chooser, 4 * view, "delimited(%s, layout=rows, type=float, as=strtod%s)", lead, all);
    if (are_vectors)
        return;
    size_t wholes = columns_text(sniff, WHOLES, some, sizeof some);
    if (wholes) {
        add(chooser, 8 * sniff->rows * (double)wholes, "delimited(%s, layout=columns, type=i64%s)", lead, some);
        if (wholes == sniff->columns_count)
            add(chooser, 4 * view, "delimited(%s, layout=rows, type=i32)", lead);
    }
    size_t reals = columns_text(sniff, REALS, some, sizeof some);
    if (reals)
        add(chooser, 8 * sniff->rows * (double)reals, "delimited(%s, layout=columns, as=pandas%s)", lead, some);
    if (wholes && reals)
        add(chooser, 8 * view, "delimited(%s, layout=columns, as=pandas%s)", lead, all);
    if (reals && !sniff->has_comments && sniff->separator == ' ' && !sniff->header_lines && numbers == sniff->columns_count)
        add(chooser, 8 * view, "tokens(\"%%lf\")");
}

/* A struct of the numbers of a row, in their natural types: what a program of its own may keep. */
static void add_struct(struct chooser *chooser)
{
    const struct sniff *sniff = chooser->sniff;
    char members[16 * FIELDS_MAX + 1] = "", separator[16], columns[128];
    size_t length = 0, bytes = 0, numbers = columns_text(sniff, EVERY_NUMBER, columns, sizeof columns);

    if (numbers < 2 || numbers > FIELDS_MAX || sniff->columns_count > 2 * FIELDS_MAX)
        return;
    for (size_t i = 0; i < sniff->columns_count; i++) {
        if (sniff->columns[i] == SNIFF_WORD)
            continue;
        bool is_real = sniff->columns[i] == SNIFF_REAL;
        length += (size_t)snprintf(members + length, sizeof members - length, "%s%s c%zu;", length ? " " : "", is_real ? "double" : "int", i);
        bytes = is_real ? (bytes + 7) / 8 * 8 + 8 : bytes + 4;
    }
    separator_text(sniff->separator, separator, sizeof separator);
    add(chooser, (double)bytes * sniff->rows, "delimited(%s, header=%u, struct=\"%s\"%s)", separator, sniff->header_lines, members, columns);
}

void suggest_lenses_for(const struct suggest_memory *memory, const struct sniff *sniff, struct suggest_lenses *lenses)
{
    struct chooser chooser = {memory, sniff, lenses};

    lenses->count = 0;
    lenses->extent[0] = '\0';
    if (memory->is_read_into) {
        snprintf(lenses->extent, sizeof lenses->extent, "read");
        add_bytes(&chooser);
        if (sniff->is_gzip) { /* what was read is what was packed */
            snprintf(lenses->text[0], SUGGEST_LENS_BYTES, "verbatim");
            lenses->count = 1;
        }
        return;
    }
    switch (sniff->kind) {
    case SNIFF_SVM: add_svm(&chooser); break;
    case SNIFF_GRAPH: add_graph(&chooser); break;
    case SNIFF_MATRIX: add_matrix(&chooser); break;
    case SNIFF_PNM: add_picture(&chooser); break;
    case SNIFF_NIFTI: add_volumes(&chooser); return;
    case SNIFF_RECORDS: add_records(&chooser); break;
    case SNIFF_VECTORS: add_table(&chooser, true); break;
    case SNIFF_TABLE:
        add_table(&chooser, false);
        if (*lenses->extent)
            return;
        add_struct(&chooser);
        break;
    case SNIFF_TEXT:
    case SNIFF_BINARY:
    case SNIFF_UNREADABLE: break;
    }
    add_bytes(&chooser);
}
