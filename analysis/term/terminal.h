/*
 * terminal.h - what the place of output can show, and text that is safe and fits there.
 *
 * Names of files and functions are not trusted: control characters, bytes that are no UTF-8 and characters without a
 * width become '?', so that no name can move the cursor or turn the text around.
 */
#ifndef LENS_TERMINAL_H
#define LENS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct terminal {
    bool is_terminal;
    bool has_unicode;  /* the locale is UTF-8 */
    bool has_colours;
    unsigned columns, rows;
};

/* Looks at the descriptor and the environment (locale, COLUMNS, NO_COLOR, TERM). Sets LC_CTYPE of the process. */
void terminal_look(struct terminal *terminal, int fd);

enum terminal_cut { TERMINAL_CUT_END, TERMINAL_CUT_FRONT, TERMINAL_CUT_MIDDLE };
enum terminal_side { TERMINAL_LEFT, TERMINAL_RIGHT };
/*
 * Writes `text` into to[0..room) so that it takes at most `columns`: what does not fit is cut, with an ellipsis. NUL
 * behind it. Returns the columns taken.
 */
unsigned terminal_fit(const struct terminal *terminal, char *to, size_t room, const char *text, unsigned columns,
                      enum terminal_cut cut);
/* The same, printed on standard output and filled up with spaces to `columns`. */
void terminal_cell(const struct terminal *terminal, const char *text, unsigned columns, enum terminal_cut cut,
                   enum terminal_side side);
/* All of `text`, made safe. */
void terminal_print(const struct terminal *terminal, const char *text);
/* A bar of `columns` cells, filled to `share` (0 to 1) in eighths of a cell, or in whole cells of # without Unicode. */
void terminal_bar(const struct terminal *terminal, double share, unsigned columns);
/* Values from 0 to `top` as a line of small columns. */
void terminal_sparkline(const struct terminal *terminal, const double *values, size_t count, double top);

struct symbol;
/* terminal_fit for a function's name: the end tells most of a qualified name, both ends of module+0x1234. */
unsigned terminal_fit_name(const struct terminal *terminal, char *to, size_t room, const struct symbol *symbol,
                           unsigned columns);

/* Sequences that switch a way of writing on, or "" without colours. */
const char *terminal_bold(const struct terminal *terminal);
const char *terminal_dim(const struct terminal *terminal);
const char *terminal_accent(const struct terminal *terminal);
const char *terminal_good(const struct terminal *terminal);
const char *terminal_bad(const struct terminal *terminal);
const char *terminal_plain(const struct terminal *terminal);

/* ---- figures as a person reads them; each returns `to` */

/* "160 MB", "1.23 GB", "640 B": three digits, powers of 1000. */
const char *terminal_bytes(char to[24], double bytes);
/* "2.10 s", "812 ms", "3 min 12 s". */
const char *terminal_time(char to[24], double ns);
/* "1,234,567" */
const char *terminal_count(char to[32], uint64_t count);
/* "91.4%", "0.03%", "<0.01%" */
const char *terminal_share(char to[16], double share);

#endif
