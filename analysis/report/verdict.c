/* verdict.c - see verdict.h. */
#include "analysis/report/verdict.h"

#include "liblens/base/trace.h"

#include "analysis/term/terminal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_SHARE 10 /* times the error of what was sampled */
#define SMALL_BLOCK_BYTES 4096u

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

/* ------------------------------------------------------------------ which */

double verdict_block_bytes(const struct ranking_row *row)
{
    double bytes = (double)row->figures.at_peak_bytes, error = ranking_error_bytes(&row->figures), mean;

    if (row->figures.at_peak_count) {
        mean = bytes / (double)row->figures.at_peak_count;
        /* One small allocation that was sampled stands for hundreds. What has no error was told one by one: it is large. */
        return error > 0 && error * LARGE_SHARE <= bytes && mean < LENSI_TRACE_BLOCK_BYTES ? LENSI_TRACE_BLOCK_BYTES : mean;
    }
    return row->figures.allocations ? (double)row->figures.bytes / (double)row->figures.allocations : 0;
}

static bool is_mapping(const struct ranking_row *row)
{
    return (row->kinds & ~(1u << LENSI_SITE_MAP)) == 0;
}

enum verdict verdict_of(const struct ranking_row *row)
{
    if (is_mapping(row))
        return VERDICT_MAPPING;
    if (verdict_block_bytes(row) < SMALL_BLOCK_BYTES)
        return VERDICT_SMALL_BLOCKS;
    if (row->backing.relation == RANKING_READ_INTO)
        return VERDICT_READ_INTO;
    if (row->backing.relation == RANKING_READ_NEAR)
        return VERDICT_READ_NEAR;
    if (row->figures.at_peak_bytes == 0)
        return VERDICT_SHORT_LIVED;
    if (row->backing.relation == RANKING_READ_THEN)
        return VERDICT_READ_THEN;
    return row->backing.relation == RANKING_NOT_TOLD ? VERDICT_NOT_TOLD : VERDICT_NO_FILE;
}

const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {"read-into", "read-near", "small-blocks", "mapping", "short-lived", "read-then",
                                        "no-file",   "not-told"};

    return words[verdict];
}

void verdict_phrase(const struct ranking_row *row, char *to, size_t room)
{
    const struct ranking_backing *backing = &row->backing;
    char size[24], others[40] = "";

    if (backing->others)
        snprintf(others, sizeof others, " and %zu more", backing->others);
    switch (verdict_of(row)) {
    case VERDICT_READ_INTO:
        snprintf(to, room, "read from %s%s (%s)", base_name(backing->path), others,
                 terminal_bytes(size, (double)backing->bytes));
        break;
    case VERDICT_READ_NEAR:
        snprintf(to, room, "filled while reading %s%s (%s)", base_name(backing->path), others,
                 terminal_bytes(size, (double)backing->bytes));
        break;
    case VERDICT_SMALL_BLOCKS:
        snprintf(to, room, "small blocks, %s on average", terminal_bytes(size, verdict_block_bytes(row)));
        break;
    case VERDICT_MAPPING:
        snprintf(to, room, "mapped by the program itself, not malloc");
        break;
    case VERDICT_SHORT_LIVED:
        snprintf(to, room, "short-lived, not there at the peak");
        break;
    case VERDICT_READ_THEN:
        snprintf(to, room, "made when %s%s was read (%s)", base_name(backing->path), others,
                 terminal_bytes(size, (double)backing->bytes));
        break;
    case VERDICT_NO_FILE:
        snprintf(to, room, "no file was read near it");
        break;
    case VERDICT_NOT_TOLD:
        snprintf(to, room, "%s", "");
        break;
    }
}

double verdict_saving(const struct ranking_row *row, bool *is_bound)
{
    enum verdict verdict = verdict_of(row);

    *is_bound = isnan(row->use.saving_bytes);
    if (!*is_bound)
        return row->use.saving_bytes;
    if (verdict == VERDICT_READ_INTO)
        return (double)(row->backing.bytes < row->figures.at_peak_bytes ? row->backing.bytes
                                                                          : row->figures.at_peak_bytes);
    return verdict == VERDICT_READ_NEAR ? (double)row->figures.at_peak_bytes : NAN;
}

/* ------------------------------------------------------------------ the plan */

/* Appends one character of a string of the plan language. */
static size_t escape(char *to, char c)
{
    if (c == '"' || c == '\\')
        return (size_t)sprintf(to, "\\%c", c);
    if ((unsigned char)c < ' ' || c == 0x7f)
        return (size_t)sprintf(to, "\\x%02x", (unsigned char)c);
    *to = c;
    return 1;
}

/* A text in quotes. Characters that a glob reads otherwise get a \ of their own. */
void verdict_quote(const char *text, char *to, size_t room)
{
    size_t length = 0;

    to[length++] = '"';
    for (; *text && length + 12 < room; text++) {
        if (strchr("*?[\\", *text))
            length += (size_t)sprintf(to + length, "\\\\");
        length += escape(to + length, *text);
    }
    to[length++] = '"';
    to[length] = '\0';
}

static bool is_c_name(const char *name)
{
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

void verdict_site(const struct ranking_row *row, char *to, size_t room)
{
    const struct symbol *symbol = row->path[0];
    char text[600];

    /* The program's own tables know functions that were not inlined, by the names that the linker has. */
    if (symbol->is_known && !symbol->is_inlined && is_c_name(symbol->function))
        snprintf(text, sizeof text, "%s", symbol->function);
    else if (symbol->file && symbol->line)
        snprintf(text, sizeof text, "%.500s:%u", base_name(symbol->file), symbol->line);
    else
        snprintf(text, sizeof text, "%s", symbol->is_known ? symbol->module : symbol->function);
    verdict_quote(text, to, room);
}
