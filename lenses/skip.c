/*
 * skip.c - a part of the source: past a header, before a trailer, at most so many bytes.
 *
 * prepare finds where the part begins and, where it must, where the source ends; get copies. View byte i is
 * source byte start+i-before_bytes, so any cursor will do.
 */
#include "lenses/args.h"
#include "lenses/builtin.h"
#include "lenses/number.h"

#include <errno.h>
#include <string.h>

#define PATTERN_MAX 512
#define BEFORE_MAX 64

struct params {
    uint64_t bytes, lines; /* asked for: after the header lines come `lines` lines, then `bytes` bytes */
    uint64_t last;         /* drop so many bytes at the end of the source */
    uint64_t bytes_max;
    uint64_t start;        /* found by prepare */
    uint64_t source_end;   /* found by prepare if the reader does not know and `last` needs it */
    uint8_t pnm, has_pattern;
    uint8_t before_bytes; /* constant bytes that the view has in front of the part */
    uint8_t before[BEFORE_MAX];
    char pattern[PATTERN_MAX];
};

/* ------------------------------------------------------------------ one byte after the other */

/* Reads the source bytewise during prepare. next() gives -1 at the end. */
struct walk {
    struct lens_reader *reader;
    const uint8_t *bytes;
    size_t have, used;
    uint64_t offset; /* of the next byte */
};

static int peek(struct walk *w)
{
    if (w->used == w->have) {
        w->have = lens_reader_at(w->reader, w->offset, 1, &w->bytes);
        w->used = 0;
        if (w->have == 0)
            return -1;
    }
    return w->bytes[w->used];
}

static int next(struct walk *w)
{
    int c = peek(w);

    if (c >= 0) {
        w->used++;
        w->offset++;
    }
    return c;
}

static int is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static int is_digit(int c) { return c >= '0' && c <= '9'; }

static void pass_space(struct walk *w)
{
    while (is_space(peek(w)))
        next(w);
}

/* ------------------------------------------------------------------ scanf patterns */

/* Numbers are scanf's. The white space in front was passed. */
static int pass_number(struct walk *w, char conversion, uint64_t width)
{
    struct lens_number number;
    const uint8_t *p = NULL;
    size_t n = lens_reader_at(w->reader, w->offset, LENS_TOKEN_MAX, &p), limit = width == UINT64_MAX ? 0 : width, used;

    if (n == 0)
        return -EILSEQ;
    used = conversion == 'f' ? lensi_scan_double(p, n, limit, &number) : lensi_scan_int(p, n, limit, 10, conversion == 'd', &number);
    w->offset += used;
    w->have = w->used = 0;
    return used ? 0 : -EILSEQ;
}

static int pass_word(struct walk *w, uint64_t width)
{
    uint64_t count = 0;

    for (; count < width && peek(w) >= 0 && !is_space(peek(w)); count++)
        next(w);
    return count > 0 ? 0 : -EILSEQ;
}

static int pass_bytes(struct walk *w, uint64_t count)
{
    for (; count > 0; count--)
        if (next(w) < 0)
            return -EILSEQ;
    return 0;
}

/* One conversion, `at` just behind its '%'. Moves *at behind it. The pattern was checked by configure. */
static int pass_conversion(struct walk *w, const char **at)
{
    const char *p = *at + (**at == '*');
    uint64_t width = 0;
    char conversion;

    for (; is_digit(*p); p++)
        width = width * 10 + (uint64_t)(*p - '0');
    conversion = *p;
    *at = p + 1;
    if (conversion == 'c')
        return pass_bytes(w, width ? width : 1);
    pass_space(w);
    if (width == 0)
        width = UINT64_MAX;
    if (conversion == '%')
        return next(w) == '%' ? 0 : -EILSEQ;
    return conversion == 's' ? pass_word(w, width) : pass_number(w, conversion, width);
}

static int pass_pattern(struct walk *w, const char *pattern)
{
    while (*pattern) {
        char c = *pattern++;
        int result = 0;

        if (is_space(c))
            pass_space(w);
        else if (c == '%')
            result = pass_conversion(w, &pattern);
        else
            result = next(w) == (uint8_t)c ? 0 : -EILSEQ;
        if (result < 0)
            return result;
    }
    return 0;
}

static int check_pattern(const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        if (*p != '%')
            continue;
        p += 1 + (p[1] == '*');
        for (int digits = 0; is_digit(*p); p++)
            if (++digits > 9)
                return -EINVAL;
        if (*p == '\0' || !strchr("duscf%", *p))
            return -EINVAL;
    }
    return 0;
}

/* ------------------------------------------------------------------ netpbm headers */

/* As netpbm's own reader: a comment counts as the line end that closes it, wherever it stands. */
static int pnm_next(struct walk *w)
{
    int c = next(w);

    if (c == '#')
        while (c >= 0 && c != '\n' && c != '\r')
            c = next(w);
    return c;
}

/* A number and the one byte behind it. */
static int pass_pnm_number(struct walk *w)
{
    int c;

    do
        c = pnm_next(w);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r');
    if (!is_digit(c))
        return -EILSEQ;
    while (is_digit(c))
        c = pnm_next(w);
    return c < 0 ? -EILSEQ : 0;
}

/* Lines up to and with the one that says ENDHDR. */
static int pass_pam_header(struct walk *w)
{
    static const char end[] = "ENDHDR";

    for (;;) {
        size_t match = 0;
        int c;

        while ((c = next(w)) == ' ' || c == '\t')
            ;
        for (; end[match] && c == end[match]; match++)
            c = next(w);
        if (c < 0)
            return -EILSEQ;
        if (!end[match] && is_space(c)) {
            while (c >= 0 && c != '\n')
                c = next(w);
            return c < 0 ? -EILSEQ : 0;
        }
        while (c >= 0 && c != '\n')
            c = next(w);
    }
}

static int pass_pnm_header(struct walk *w)
{
    int letter = next(w), digit = next(w), numbers;

    if (letter != 'P' || digit < '1' || digit > '7')
        return -EILSEQ;
    if (digit == '7')
        return pass_pam_header(w);
    numbers = digit == '1' || digit == '4' ? 2 : 3; /* bitmaps have no maximum */
    for (int i = 0; i < numbers; i++)
        if (pass_pnm_number(w) < 0)
            return -EILSEQ;
    return 0;
}

/* ------------------------------------------------------------------ the lens */

static int read_pattern(struct params *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    const char *text;
    size_t bytes;

    if (lensi_args_text(args, i, &text, &bytes, error) < 0)
        return -EINVAL;
    if (bytes >= sizeof p->pattern || memchr(text, '\0', bytes))
        return lens_error_set(error, (int)i, "scan must be shorter than %d bytes and hold no NUL", PATTERN_MAX);
    memcpy(p->pattern, text, bytes);
    p->pattern[bytes] = '\0';
    p->has_pattern = 1;
    if (check_pattern(p->pattern) < 0)
        return lens_error_set(error, (int)i, "scan knows %%d %%u %%f %%s %%c and %%%%, with a width if you like");
    return 0;
}

static int read_before(struct params *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    const char *text;
    size_t bytes;

    if (lensi_args_text(args, i, &text, &bytes, error) < 0)
        return -EINVAL;
    if (bytes > BEFORE_MAX)
        return lens_error_set(error, (int)i, "before takes at most %d bytes", BEFORE_MAX);
    memcpy(p->before, text, bytes);
    p->before_bytes = (uint8_t)bytes;
    return 0;
}

static int read_count(const struct lens_args *args, size_t i, uint64_t *count, struct lens_error *error)
{
    int64_t value;

    if (lensi_args_whole(args, i, 0, INT64_MAX, &value, error) < 0)
        return -EINVAL;
    *count = (uint64_t)value;
    return 0;
}

static int read_arg(struct params *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    int flag = 0, result;

    if (lensi_args_is(args, i, "bytes") || !args->list[i].key)
        return read_count(args, i, &p->bytes, error);
    if (lensi_args_is(args, i, "lines"))
        return read_count(args, i, &p->lines, error);
    if (lensi_args_is(args, i, "last"))
        return read_count(args, i, &p->last, error);
    if (lensi_args_is(args, i, "bytes_max"))
        return read_count(args, i, &p->bytes_max, error);
    if (lensi_args_is(args, i, "scan"))
        return read_pattern(p, args, i, error);
    if (lensi_args_is(args, i, "before"))
        return read_before(p, args, i, error);
    if (!lensi_args_is(args, i, "pnm"))
        return lensi_args_unknown(args, i, lens_skip.usage, error);
    result = lensi_args_flag(args, i, &flag, error);
    p->pnm = (uint8_t)flag;
    return result;
}

static int configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    struct params *p = params;

    p->bytes_max = LENS_UNKNOWN;
    p->source_end = LENS_UNKNOWN;
    for (size_t i = 0; i < args->count; i++)
        if (read_arg(p, args, i, error) < 0)
            return -EINVAL;
    if (p->pnm && p->has_pattern)
        return lens_error_set(error, -1, "pnm and scan are two ways to say one thing; write one of them");
    p->start = p->bytes;
    return 0;
}

static void pass_lines(struct walk *w, uint64_t lines)
{
    int c = 0;

    for (; lines > 0 && c >= 0; lines--) {
        do
            c = next(w);
        while (c >= 0 && c != '\n');
    }
}

/* Where the source ends, by going there. */
static uint64_t find_end(struct lens_reader *reader, uint64_t offset)
{
    const uint8_t *bytes;

    for (size_t have; (have = lens_reader_at(reader, offset, 1, &bytes)) > 0;)
        offset += have;
    return offset;
}

static int prepare(void *params, struct lens_reader *source)
{
    struct params *p = params;
    struct walk w = {.reader = source};
    int result = 0;

    if (p->pnm)
        result = pass_pnm_header(&w);
    else if (p->has_pattern)
        result = pass_pattern(&w, p->pattern);
    if (result == 0)
        pass_lines(&w, p->lines);
    p->start = w.offset + p->bytes;
    if (p->last > 0 && source->source_bytes == LENS_UNKNOWN)
        p->source_end = find_end(source, w.offset);
    return source->error ? source->error : result;
}

/* The size of the part, or the most it may have where nobody knows. */
static uint64_t part_bytes(const struct params *p, uint64_t source_bytes)
{
    uint64_t size = source_bytes == LENS_UNKNOWN ? p->source_end : source_bytes;

    if (size == LENS_UNKNOWN)
        return p->bytes_max;
    size = size > p->last ? size - p->last : 0;
    size = size > p->start ? size - p->start : 0;
    return size < p->bytes_max ? size : p->bytes_max;
}

static uint64_t view_bytes(const void *params, uint64_t source_bytes)
{
    const struct params *p = params;

    if (source_bytes == LENS_UNKNOWN && p->source_end == LENS_UNKNOWN)
        return LENS_UNKNOWN;
    return p->before_bytes + part_bytes(p, source_bytes);
}

/* At most n bytes from view offset `at` on; 0 at the end of the view. */
static size_t copy_some(const struct params *p, struct lens_reader *source, uint64_t at, uint8_t *out, size_t n)
{
    uint64_t size = part_bytes(p, source->source_bytes), inside = at - p->before_bytes;
    const uint8_t *bytes = p->before;
    size_t have;

    if (at < p->before_bytes) {
        bytes += at;
        have = p->before_bytes - (size_t)at;
    } else {
        if (inside >= size)
            return 0;
        have = lens_reader_at(source, p->start + inside, 1, &bytes);
        if (have > size - inside)
            have = (size_t)(size - inside);
    }
    if (have > n)
        have = n;
    if (have > 0)
        memcpy(out, bytes, have);
    return have;
}

static int64_t get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    const struct params *p = params;
    size_t done = 0;

    while (done < n) {
        size_t made = copy_some(p, source, cursor->view, (uint8_t *)out + done, n - done);

        if (made == 0)
            break;
        done += made;
        cursor->view += made;
    }
    cursor->source = p->start + (cursor->view > p->before_bytes ? cursor->view - p->before_bytes : 0);
    return source->error ? source->error : (int64_t)done;
}

static int seek(const void *params, struct lens_cursor *cursor, uint64_t view)
{
    (void)params;
    memset(cursor, 0, sizeof *cursor);
    cursor->view = view;
    return 0;
}

const struct lens_ops lens_skip = {
    .size = sizeof(struct lens_ops),
    .name = "skip",
    .usage = "skip(bytes=352, lines=N, scan=\"P6 %d %d %d%c\", pnm=yes, last=N, bytes_max=N, before=\"\\xff\")",
    .params_bytes = sizeof(struct params),
    .configure = configure,
    .prepare = prepare,
    .view_bytes = view_bytes,
    .get = get,
    .seek = seek,
};
