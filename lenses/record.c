/*
 * record.c - the lens `record`: a scanf format, repeated over a file, as an array of structs.
 *
 * The view is what `while (fscanf(f, format, ...) == n)` stores into zeroed memory; with lines=yes, what sscanf
 * makes of each line that matches. The cursor's `source` is the front of the struct at hand, state[0] the bytes of
 * it that are made already, state[1] the flags below.
 */
#include "lenses/args.h"
#include "lenses/text.h"

#include <errno.h>

enum { BEGUN = 1, SPACE_LEFT = 2 }; /* header skipped; white space at the format's end not fully skipped yet */

struct record {
    struct lensi_format format;
    uint32_t stride;
    uint32_t by_lines;
    uint64_t skip_lines;
};
_Static_assert(sizeof(struct record) <= LENS_PARAMS_MAX, "record's params");

/* ------------------------------------------------------------------ arguments */

static const char usage[] = "record(\"%d=%f;\\n\", struct=\"int key; float value;\", skip_lines=0, stride=8, lines=no)";

/* The format comes first: the others are about it. */
static int configure_format(struct record *r, const struct lens_args *args, struct lens_error *error)
{
    const char *text;
    size_t bytes;

    for (size_t i = 0; i < args->count; i++) {
        if (args->list[i].key && !lensi_args_is(args, i, "format"))
            continue;
        if (r->format.steps_count)
            return lens_error_set(error, (int)i, "only one format can be given; write %s", usage);
        if (lensi_args_text(args, i, &text, &bytes, error) < 0 ||
            lensi_format_parse(&r->format, text, bytes, (int)i, error) < 0)
            return -EINVAL;
    }
    if (!r->format.steps_count)
        return lens_error_set(error, -1, "a format is missing; write %s", usage);
    return 0;
}

static int configure_option(struct record *r, const struct lens_args *args, size_t i, int64_t *stride,
                            struct lens_error *error)
{
    const char *text;
    size_t bytes;
    int64_t whole;
    int flag;

    if (lensi_args_is(args, i, "struct")) {
        if (lensi_args_text(args, i, &text, &bytes, error) < 0)
            return -EINVAL;
        return lensi_format_layout(&r->format, text, bytes, (int)i, error);
    }
    if (lensi_args_is(args, i, "stride"))
        return lensi_args_whole(args, i, 1, LENSI_FORMAT_WIDTH_MAX, stride, error);
    if (lensi_args_is(args, i, "skip_lines")) {
        if (lensi_args_whole(args, i, 0, INT64_MAX, &whole, error) < 0)
            return -EINVAL;
        r->skip_lines = (uint64_t)whole;
        return 0;
    }
    if (lensi_args_is(args, i, "lines")) {
        if (lensi_args_flag(args, i, &flag, error) < 0)
            return -EINVAL;
        r->by_lines = (uint32_t)flag;
        return 0;
    }
    return lensi_args_unknown(args, i, usage, error);
}

static int record_configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    struct record *r = params;
    int64_t stride = 0;

    if (configure_format(r, args, error) < 0)
        return -EINVAL;
    for (size_t i = 0; i < args->count; i++)
        if (args->list[i].key && !lensi_args_is(args, i, "format") &&
            configure_option(r, args, i, &stride, error) < 0)
            return -EINVAL;
    if (stride && stride < r->format.bytes)
        return lens_error_set(error, -1, "stride is less than the struct's %d bytes", (int)r->format.bytes);
    r->stride = stride ? (uint32_t)stride : r->format.bytes;
    return 0;
}

/* ------------------------------------------------------------------ get */

/* The place of a get: what it reads, where it is, where its bytes go. */
struct run {
    const struct record *r;
    struct lens_reader *reader;
    struct lens_cursor *cursor;
    struct lensi_out out;
};

/* One struct from a line of its own: straight into the output if it fits there. 1 when it is through. */
static int take_line(struct run *run, struct lensi_text *line, enum lensi_match *match)
{
    size_t stride = run->r->stride, done;
    int whole = !*run->out.part && (size_t)(run->out.end - run->out.out) >= stride;
    uint8_t *element = whole ? run->out.out : run->reader->scratch;

    *match = lensi_match_many(&run->r->format, line, LENSI_TEXT_LIMIT, element, stride, 1, &done);
    if (*match != LENSI_MATCHED)
        return 0;
    if (!whole)
        return lensi_out_element(&run->out, element, stride);
    run->out.out += stride;
    return 1;
}

/* A struct of which only a part is wanted, or was made before, goes through the scratch memory. */
static int take_part(struct run *run, struct lensi_text *text, enum lensi_match *match)
{
    const uint8_t *start = text->p;
    uint8_t *element = run->reader->scratch;
    size_t done;

    *match = lensi_match_many(&run->r->format, text, LENSI_TEXT_LIMIT, element, run->r->stride, 1, &done);
    if (*match != LENSI_MATCHED || !lensi_out_element(&run->out, element, run->r->stride))
        return 0;
    run->cursor->source += (uint64_t)(text->p - start);
    return 1;
}

/* As many whole structs as there is room and text for, else a part of one. */
static enum lensi_match take_many(struct run *run, struct lensi_text *text)
{
    size_t stride = run->r->stride, count = (size_t)(run->out.end - run->out.out) / stride, done;
    const uint8_t *start = text->p;
    enum lensi_match match;

    if (*run->out.part || !count) {
        take_part(run, text, &match);
        return match;
    }
    match = lensi_match_many(&run->r->format, text, LENSI_TEXT_LIMIT, run->out.out, stride, count, &done);
    run->out.out += done * stride;
    run->cursor->source += (uint64_t)(text->p - start);
    return match;
}

/*
 * After a match that ran to the end of the window: there may be more of the white space that the format ends in. It
 * is skipped at the next step, without a limit.
 */
static void note_space_left(struct run *run, const struct lensi_text *text)
{
    const struct lensi_format *format = &run->r->format;

    if (text->p == text->end && !text->final && format->space_from < format->steps_count)
        run->cursor->state[1] |= SPACE_LEFT;
}

/* White space in front of a struct is no part of what must be looked at in one go. 1 if there was any. */
static int skip_front(struct run *run)
{
    uint64_t before = run->cursor->source;
    int result = run->r->format.begins_with_space ? lensi_text_skip_space(run->reader, &run->cursor->source) : 0;

    return result < 0 ? result : run->cursor->source > before;
}

/* 1 to go on, 0 at the end of the view, or reader->error. *all: see lensi_text_at. */
static int step_stream(struct run *run, int *all)
{
    uint64_t *state = &run->cursor->state[1], before;
    struct lensi_text text;
    enum lensi_match match;
    int result;

    if (*state & SPACE_LEFT) {
        if (lensi_text_skip_space(run->reader, &run->cursor->source) < 0)
            return run->reader->error;
        *state &= ~(uint64_t)SPACE_LEFT;
    }
    before = run->cursor->source;
    result = lensi_text_at(run->reader, before, *all, &text);
    if (result <= 0)
        return result;
    match = take_many(run, &text);
    if (match == LENSI_FAILED)
        return 0;
    if (run->cursor->source > before)
        note_space_left(run, &text);
    else if (match == LENSI_CUT && *all)
        return skip_front(run);
    *all = match == LENSI_CUT && run->cursor->source == before;
    return 1;
}

/* One line, which sscanf sees up to its newline, or a NUL before that. */
static int step_line(struct run *run, int *all)
{
    struct lensi_text text, line;
    const uint8_t *newline, *nul;
    enum lensi_match match;
    int result = lensi_text_at(run->reader, run->cursor->source, *all, &text);

    if (result <= 0)
        return result;
    newline = memchr(text.p, '\n', (size_t)(text.end - text.p));
    if (!newline && !text.final)
        return *all ? 0 : (*all = 1);
    line = (struct lensi_text){ text.p, newline ? newline + 1 : text.end, 1 };
    if ((size_t)(line.end - line.p) > LENSI_TEXT_LIMIT)
        return 0;
    text.end = line.end;
    nul = memchr(line.p, 0, (size_t)(line.end - line.p));
    line.end = nul ? nul : line.end;
    if (!take_line(run, &line, &match) && match == LENSI_MATCHED)
        return 1;
    run->cursor->source += (uint64_t)(text.end - text.p);
    *all = 0;
    return 1;
}

static int begin(struct run *run)
{
    if (run->cursor->state[1] & BEGUN)
        return 0;
    if (lensi_text_skip_lines(run->reader, &run->cursor->source, run->r->skip_lines) < 0)
        return run->reader->error;
    run->cursor->state[1] |= BEGUN;
    return 0;
}

static int64_t record_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    const struct record *r = params;
    uint8_t *start = out;
    struct run run = { r, source, cursor, { start, start + n, &cursor->state[0] } };
    int result, all = 0;

    if (cursor->state[0] >= r->stride)
        return -EILSEQ;
    result = begin(&run);
    while (result >= 0 && run.out.out < run.out.end) {
        result = r->by_lines ? step_line(&run, &all) : step_stream(&run, &all);
        if (result == 0)
            break;
    }
    cursor->view += (uint64_t)(run.out.out - start);
    return result < 0 ? result : run.out.out - start;
}

/* ------------------------------------------------------------------ put */

/* Whether structs printed one behind the other are read as they were: 1 with a newline between, 0 as they are. */
static int separator(const struct lensi_format *format)
{
    int open = format->ends_open && format->steps[format->steps_count - 1].kind != LENSI_STEP_CHARS;

    return !open ? 0 : format->begins_with_space ? 1 : -EILSEQ;
}

/* Reads the text back, into `back`: is it the same struct, and does it end where the text ends? */
static int proves(const struct record *r, const uint8_t *text, size_t n, const uint8_t *element, uint8_t *back)
{
    struct lensi_text read = { text, text + n, 1 };
    int eaten = r->format.space_from < r->format.steps_count && !r->format.begins_with_space && lensi_is_space(text[0]);
    size_t done;

    /* White space at a struct's front would go the way of the white space at the end of the one before. */
    if (eaten || (r->by_lines && memchr(text, '\n', n) != text + n - 1))
        return 0;
    return lensi_match_many(&r->format, &read, n, back, r->stride, 1, &done) == LENSI_MATCHED && read.p == text + n &&
           !memcmp(back, element, r->stride);
}

/* Every struct is proven by reading its text, so that what has no text is refused: padding, bytes behind a NUL. */
static int64_t record_put(const void *params, struct lens_cursor *cursor, const void *view, size_t n, size_t *taken,
                          void *out, size_t cap)
{
    const struct record *r = params;
    const uint8_t *element = view;
    uint8_t *text = out, *back = text + cap - r->stride;
    size_t at = 0, room = cap - r->stride - 1;
    int newline = separator(&r->format);

    *taken = 0;
    if (newline < 0 || r->skip_lines)
        return -EILSEQ;
    for (; n - *taken >= r->stride; *taken += r->stride, element += r->stride) {
        int64_t made = lensi_format_print(&r->format, element, text + at, room - at);

        if (made == -ENOSPC && at)
            break;
        if (made <= 0 || !proves(r, text + at, (size_t)made, element, back))
            return -EILSEQ;
        at += (size_t)made;
        if (newline)
            text[at++] = '\n';
    }
    cursor->view += *taken;
    cursor->source += at;
    return (int64_t)at;
}

const struct lens_ops lens_record = {
    .size = sizeof(struct lens_ops),
    .name = "record",
    .usage = usage,
    .params_bytes = sizeof(struct record),
    .configure = record_configure,
    .get = record_get,
    .put = record_put,
};
