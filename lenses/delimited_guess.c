/*
 * delimited_guess.c - how a delimited text is written, told from its first lines.
 *
 * What is guessed depends on the text alone. A guess that is wrong makes a view that no program holds, no wrong byte.
 */
#include "lenses/delimited.h"

#include <errno.h>
#include <string.h>

/* How far a guess looks. */
enum { SAMPLE_BYTES = 64 * 1024, SAMPLE_LINES = 24 };

struct line {
    const uint8_t *p, *end; /* without the line end */
};

struct sample {
    struct line lines[SAMPLE_LINES]; /* that hold more than blanks */
    size_t count;
    uint8_t quote;
};

static int is_blank(uint8_t c) { return c == ' ' || (uint8_t)(c - '\t') < 5; }

static struct line trimmed(struct line line)
{
    while (line.p < line.end && is_blank(*line.p))
        line.p++;
    while (line.end > line.p && is_blank(line.end[-1]))
        line.end--;
    return line;
}

static void take_lines(struct sample *s, const uint8_t *p, size_t n, uint8_t newline, int final)
{
    const uint8_t *end = p + n;

    while (p < end && s->count < SAMPLE_LINES) {
        const uint8_t *stop = memchr(p, newline, (size_t)(end - p));
        struct line line = {p, stop ? stop : end};

        if (!stop && !final && s->count > 0)
            return;
        p = stop ? stop + 1 : end;
        if (trimmed(line).p < trimmed(line).end)
            s->lines[s->count++] = line;
    }
}

/* How often a byte stands in a line outside of quotes. */
static size_t count_byte(const struct sample *s, struct line line, uint8_t byte)
{
    size_t count = 0;
    int inside = 0;

    for (const uint8_t *p = line.p; p < line.end; p++) {
        inside ^= *p == s->quote;
        count += *p == byte && !inside;
    }
    return count;
}

/* ------------------------------------------------------------------ comments */

static int begins_with_hash(struct line line) { return *trimmed(line).p == '#'; }

/* A # behind a blank, but not as the whole field: "1,2 # remark". */
static int has_remark(const struct sample *s, struct line line)
{
    int inside = 0;

    for (const uint8_t *p = line.p; p + 1 < line.end; p++) {
        inside ^= *p == s->quote;
        if (!inside && is_blank(p[0]) && p[1] == '#')
            return p > line.p;
    }
    return 0;
}

/* A line behind the first begins with #. */
static int has_comment_line(const uint8_t *p, const uint8_t *end, uint8_t newline)
{
    while ((p = memchr(p, newline, (size_t)(end - p))) && ++p < end)
        if (*p == '#')
            return 1;
    return 0;
}

/* A first line that begins with # may be a header, if it has as many separators as the others; then it stays. */
static int has_comments(const struct sample *s)
{
    static const char separators[] = "\t;|,";

    for (size_t k = 1; k < s->count; k++)
        if (begins_with_hash(s->lines[k]) || has_remark(s, s->lines[k]))
            return 1;
    if (s->count < 2 || !begins_with_hash(s->lines[0]))
        return 0;
    for (const char *c = separators; *c; c++)
        if (count_byte(s, s->lines[1], (uint8_t)*c) > 0)
            return count_byte(s, s->lines[0], (uint8_t)*c) != count_byte(s, s->lines[1], (uint8_t)*c);
    return 1;
}

static void drop_comments(struct sample *s, uint8_t comment)
{
    size_t kept = 0;

    for (size_t k = 0; k < s->count; k++) {
        struct line line = s->lines[k];
        const uint8_t *stop = memchr(line.p, comment, (size_t)(line.end - line.p));

        if (stop && count_byte(s, (struct line){line.p, stop + 1}, comment))
            line.end = stop;
        if (trimmed(line).p < trimmed(line).end)
            s->lines[kept++] = line;
    }
    s->count = kept;
}

/* ------------------------------------------------------------------ separators */

/* In how many lines the byte stands as often as in the last one, which is no header; 0 if in none. */
static size_t agreement(const struct sample *s, uint8_t byte)
{
    size_t often = s->count ? count_byte(s, s->lines[s->count - 1], byte) : 0, lines = 0;

    for (size_t k = 0; often > 0 && k < s->count; k++)
        lines += count_byte(s, s->lines[k], byte) == often;
    return lines;
}

static void guess_sep(const struct sample *s, struct lensi_dialect *d)
{
    static const char separators[] = "\t;|,";
    size_t best = 0;
    struct line last;

    for (const char *c = separators; *c; c++) {
        size_t lines = agreement(s, (uint8_t)*c);

        if (lines > best) {
            best = lines;
            d->sep = (uint8_t)*c;
        }
    }
    if (best > 0 || s->count == 0)
        return;
    last = trimmed(s->lines[s->count - 1]);
    for (const uint8_t *p = last.p; p < last.end; p++)
        if (*p == ' ' || *p == '\t') {
            d->spaces = 1;
            d->sep = ' ';
        }
}

static int are_digits(const uint8_t *p, size_t n)
{
    while (n > 0 && (uint8_t)(p[n - 1] - '0') < 10)
        n--;
    return n == 0;
}

/* Digits follow, three and no more: a mark between thousands may look like this. */
static int is_group(const uint8_t *p, const uint8_t *end)
{
    return end - p >= 3 && are_digits(p, 3) && (end - p == 3 || !are_digits(p + 3, 1));
}

/* A comma inside of numbers, where points are not, or only between thousands: the decimal point is a comma. */
static uint8_t guess_decimal(const struct sample *s, const struct lensi_dialect *d)
{
    size_t commas[2] = {0, 0}, points[2] = {0, 0};

    if (d->sep == ',')
        return '.';
    for (size_t k = 0; k < s->count; k++) {
        const uint8_t *end = s->lines[k].end;
        int inside = 0;

        for (const uint8_t *p = s->lines[k].p; p + 2 < end; p++) {
            inside ^= *p == s->quote;
            if (!inside && are_digits(p, 1) && are_digits(p + 2, 1)) {
                commas[is_group(p + 2, end)] += p[1] == ',';
                points[is_group(p + 2, end)] += p[1] == '.';
            }
        }
    }
    if (commas[0] != points[0])
        return commas[0] > points[0] ? ',' : '.';
    return commas[1] > points[1] ? ',' : '.';
}

/* Digits, a mark and three digits, in a field of its own kind: "1,234" in quotes, or where nothing else is a comma. */
static int has_thousands(const struct sample *s, const struct lensi_dialect *d, uint8_t mark)
{
    for (size_t k = 0; k < s->count; k++) {
        struct line line = s->lines[k];
        int inside = 0;

        for (const uint8_t *p = line.p; p + 4 < line.end; p++) {
            inside ^= *p == s->quote;
            if (p[1] == mark && (inside || mark != d->sep) && are_digits(p, 1) && are_digits(p + 2, 3) &&
                (p + 5 == line.end || !are_digits(p + 5, 1)))
                return 1;
        }
    }
    return 0;
}

int lensi_delimited_guess(struct lensi_delimited *p, struct lens_reader *source)
{
    const uint8_t *bytes = NULL;
    size_t n = p->guess ? lens_reader_at(source, 0, SAMPLE_BYTES, &bytes) : 0;
    struct lensi_dialect *d = &p->dialect;
    struct sample s = {.quote = d->quote};
    uint8_t before = d->newline;

    if (n == 0)
        return 0;
    if (n > SAMPLE_BYTES)
        n = SAMPLE_BYTES;
    d->newline = memchr(bytes, '\n', n) || !memchr(bytes, '\r', n) ? '\n' : '\r';
    d->quote = d->quote == before ? d->newline : d->quote;
    d->comment = d->comment == before ? d->newline : d->comment;
    take_lines(&s, bytes, n, d->newline, n < SAMPLE_BYTES);
    if (p->guess & LENSI_GUESS_COMMENT && (has_comments(&s) || has_comment_line(bytes, bytes + n, d->newline)))
        d->comment = '#';
    if (d->comment != d->newline)
        drop_comments(&s, d->comment);
    if (p->guess & LENSI_GUESS_SEP)
        guess_sep(&s, d);
    if (p->guess & LENSI_GUESS_DECIMAL)
        p->decimal = guess_decimal(&s, d);
    if (!(p->guess & LENSI_GUESS_THOUSANDS))
        return 0;
    p->thousands = p->decimal == ',' ? '.' : ',';
    return has_thousands(&s, d, p->thousands) ? 0 : -EILSEQ;
}
