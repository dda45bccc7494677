/* terminal.c - see terminal.h. */
#include "analysis/term/terminal.h"

#include "analysis/names/symboliser.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define COLUMNS_PLAIN 100 /* where the output is no terminal */
#define COLUMNS_MAX 200
#define ROWS_PLAIN 24

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value && *value;
}

static unsigned number_of(const char *name)
{
    const char *value = getenv(name);

    return value ? (unsigned)strtoul(value, NULL, 10) : 0;
}

void terminal_look(struct terminal *terminal, int fd)
{
    struct winsize size = {0};

    setlocale(LC_CTYPE, "");
    memset(terminal, 0, sizeof *terminal);
    terminal->is_terminal = isatty(fd);
    terminal->has_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const char *term = getenv("TERM");
    terminal->has_colours = terminal->is_terminal && !is_set("NO_COLOR") && term && strcmp(term, "dumb") != 0;
    if (terminal->is_terminal)
        ioctl(fd, TIOCGWINSZ, &size);
    terminal->columns = size.ws_col ? size.ws_col : number_of("COLUMNS");
    terminal->rows = size.ws_row ? size.ws_row : ROWS_PLAIN;
    if (terminal->columns < 20 || !terminal->is_terminal)
        terminal->columns = COLUMNS_PLAIN;
    if (terminal->columns > COLUMNS_MAX)
        terminal->columns = COLUMNS_MAX;
}

/* ------------------------------------------------------------------ text */

/* One character of text: how many bytes to keep (0: put a '?' for it), its columns, the bytes to step over. */
struct character {
    size_t bytes, step;
    unsigned columns;
};

static struct character next_character(const struct terminal *terminal, const char *text)
{
    struct character result = {.bytes = 0, .step = 1, .columns = 1};
    mbstate_t state = {0};
    wchar_t wide;

    if ((unsigned char)*text < 0x80) {
        result.bytes = *text >= ' ' && *text != 0x7f;
        return result;
    }
    if (!terminal->has_unicode)
        return result;
    size_t length = mbrtowc(&wide, text, strnlen(text, 8), &state);
    if (length == 0 || length > 8)
        return result;
    int columns = wcwidth(wide);
    result.step = length;
    if (columns > 0) {
        result.bytes = length;
        result.columns = (unsigned)columns;
    }
    return result;
}

static unsigned width(const struct terminal *terminal, const char *text)
{
    unsigned columns = 0;

    while (*text && columns < 1u << 20) {
        struct character next = next_character(terminal, text);

        columns += next.columns;
        text += next.step;
    }
    return columns;
}

/* Appends characters while they fit into `columns`; returns the columns taken. */
static unsigned append(const struct terminal *terminal, char *to, size_t room, size_t *length, const char *text,
                       unsigned columns)
{
    unsigned taken = 0;

    while (*text) {
        struct character next = next_character(terminal, text);

        if (taken + next.columns > columns || *length + next.step + 1 > room)
            break;
        if (next.bytes)
            memcpy(to + *length, text, next.bytes);
        else
            to[*length] = '?';
        *length += next.bytes ? next.bytes : 1;
        taken += next.columns;
        text += next.step;
    }
    to[*length] = '\0';
    return taken;
}

unsigned terminal_fit(const struct terminal *terminal, char *to, size_t room, const char *text, unsigned columns,
                      enum terminal_cut cut)
{
    const char *mark = terminal->has_unicode ? "…" : "~";
    unsigned all = width(terminal, text), taken = 0;
    size_t length = 0;

    if (room == 0)
        return 0;
    to[0] = '\0';
    if (all <= columns)
        return append(terminal, to, room, &length, text, columns);
    if (columns == 0)
        return 0;
    if (cut == TERMINAL_CUT_END) {
        taken = append(terminal, to, room - 4 < room ? room - 4 : room, &length, text, columns - 1);
        return taken + append(terminal, to, room, &length, mark, 1);
    }
    if (cut == TERMINAL_CUT_MIDDLE) /* the front gets the larger half */
        taken = append(terminal, to, room, &length, text, columns / 2);
    columns -= taken;
    for (unsigned drop = all - (columns - 1), dropped = 0; *text && dropped < drop;) {
        struct character next = next_character(terminal, text);

        dropped += next.columns;
        text += next.step;
    }
    taken += append(terminal, to, room, &length, mark, 1);
    return taken + append(terminal, to, room, &length, text, columns - 1);
}

unsigned terminal_fit_name(const struct terminal *terminal, char *to, size_t room, const struct symbol *symbol,
                           unsigned columns)
{
    return terminal_fit(terminal, to, room, symbol->name, columns,
                        symbol->is_known ? TERMINAL_CUT_FRONT : TERMINAL_CUT_MIDDLE);
}

void terminal_cell(const struct terminal *terminal, const char *text, unsigned columns, enum terminal_cut cut,
                   enum terminal_side side)
{
    char fitted[1024];
    unsigned taken = terminal_fit(terminal, fitted, sizeof fitted, text, columns, cut);

    if (side == TERMINAL_RIGHT)
        printf("%*s%s", (int)(columns - taken), "", fitted);
    else
        printf("%s%*s", fitted, (int)(columns - taken), "");
}

void terminal_print(const struct terminal *terminal, const char *text)
{
    while (*text) {
        struct character next = next_character(terminal, text);

        if (next.bytes)
            fwrite(text, 1, next.bytes, stdout);
        else
            putchar('?');
        text += next.step;
    }
}

/* ------------------------------------------------------------------ drawings */

void terminal_bar(const struct terminal *terminal, double share, unsigned columns)
{
    static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    double left = (share < 0 ? 0 : share > 1 ? 1 : share) * columns;

    for (unsigned i = 0; i < columns; i++, left -= 1) {
        double part = left < 0 ? 0 : left > 1 ? 1 : left;

        if (terminal->has_unicode)
            fputs(eighths[(int)(part * 8 + 0.5)], stdout);
        else
            putchar(part >= 0.5 ? '#' : i == 0 && share > 0 ? '|' : ' ');
    }
}

void terminal_sparkline(const struct terminal *terminal, const double *values, size_t count, double top)
{
    static const char *const steps[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char plain[] = "__.--==#";

    for (size_t i = 0; i < count; i++) {
        double part = top > 0 ? values[i] / top : 0;
        int step = (int)(part * 7 + 0.5);

        step = step < 0 ? 0 : step > 7 ? 7 : step;
        if (terminal->has_unicode)
            fputs(steps[step], stdout);
        else
            putchar(plain[step]);
    }
}

static const char *sequence(const struct terminal *terminal, const char *text)
{
    return terminal->has_colours ? text : "";
}

const char *terminal_bold(const struct terminal *terminal) { return sequence(terminal, "\033[1m"); }
const char *terminal_dim(const struct terminal *terminal) { return sequence(terminal, "\033[2m"); }
const char *terminal_accent(const struct terminal *terminal) { return sequence(terminal, "\033[36m"); }
const char *terminal_good(const struct terminal *terminal) { return sequence(terminal, "\033[32m"); }
const char *terminal_bad(const struct terminal *terminal) { return sequence(terminal, "\033[31m"); }
const char *terminal_plain(const struct terminal *terminal) { return sequence(terminal, "\033[0m"); }

/* ------------------------------------------------------------------ figures */

const char *terminal_bytes(char to[24], double bytes)
{
    static const char units[][3] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    double size = bytes < 0 ? -bytes : bytes;

    while (size >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1000;
        unit++;
    }
    int digits = unit == 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
    snprintf(to, 24, "%s%.*f %s", bytes < 0 ? "-" : "", digits, size, units[unit]);
    return to;
}

const char *terminal_time(char to[24], double ns)
{
    double seconds = ns / 1e9;

    if (seconds < 1e-6)
        snprintf(to, 24, "%.0f ns", ns);
    else if (seconds < 1e-3)
        snprintf(to, 24, "%.0f us", seconds * 1e6);
    else if (seconds < 0.9995)
        snprintf(to, 24, "%.0f ms", seconds * 1e3);
    else if (seconds < 60)
        snprintf(to, 24, "%.2f s", seconds);
    else if (seconds < 3600)
        snprintf(to, 24, "%u min %u s", (unsigned)seconds / 60 % 60, (unsigned)seconds % 60);
    else
        snprintf(to, 24, "%.0f h %u min", floor(seconds / 3600), (unsigned)(fmod(seconds, 3600) / 60));
    return to;
}

const char *terminal_count(char to[32], uint64_t count)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    size_t at = 0;

    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            to[at++] = ',';
        to[at++] = digits[i];
    }
    to[at] = '\0';
    return to;
}

const char *terminal_share(char to[16], double share)
{
    double percent = 100 * share;

    if (percent > 0 && percent < 0.01)
        snprintf(to, 16, "<0.01%%");
    else if (percent > 0 && percent < 1)
        snprintf(to, 16, "%.2f%%", percent);
    else
        snprintf(to, 16, percent >= 99.95 ? "%.0f%%" : "%.1f%%", percent);
    return to;
}
