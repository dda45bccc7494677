/*
 * tokens.c - the lens `tokens`: numbers between white space, as one array.
 *
 * Header lines are skipped, comment lines left out, every k-th number taken, a constant added: how gpmetis and many
 * readers of graphs and matrices fill their arrays. Numbers follow scanf. The cursor's `source` is the place in the
 * text, state[0] the bytes of the number at hand that are made already, state[1] the flags below and, above them,
 * how many numbers to leave out before the next one taken, and how many of this line were taken.
 */
#include "lenses/args.h"
#include "lenses/text.h"

#include <errno.h>

enum { BEGUN = 1, MID_LINE = 2, IN_COMMENT = 4, LEAVE_SHIFT = 8, TAKEN_SHIFT = 40, MOST_MAX = 65535 };

struct tokens {
    struct lensi_format format; /* one step: a number */
    uint64_t skip_lines;
    uint32_t every, from;
    uint32_t lead, most; /* of each line: numbers left out at its front, numbers taken (0: no limit) */
    uint8_t by_line;     /* every line counts anew */
    uint8_t has_comment, comment, has_add;
    int64_t add_whole;
    double add;
};
_Static_assert(sizeof(struct tokens) <= LENS_PARAMS_MAX, "tokens's params");

/* ------------------------------------------------------------------ arguments */

static const char usage[] = "tokens(\"%d\", skip_lines=1, comment=\"%\", every=2, from=0, lead=0, most=1, add=-1)";

static int configure_format(struct tokens *t, const struct lens_args *args, size_t i, struct lens_error *error)
{
    const char *text;
    size_t bytes;

    if (lensi_args_text(args, i, &text, &bytes, error) < 0 ||
        lensi_format_parse(&t->format, text, bytes, (int)i, error) < 0)
        return -EINVAL;
    if (t->format.steps_count != 1 || t->format.steps[0].kind > LENSI_STEP_DOUBLE)
        return lens_error_set(error, (int)i, "the format must be one number: %%d, %%ld, %%u, %%f or %%lf");
    return 0;
}

static int configure_whole(const struct lens_args *args, size_t i, int64_t low, int64_t high, uint32_t *value,
                           struct lens_error *error)
{
    int64_t whole;

    if (lensi_args_whole(args, i, low, high, &whole, error) < 0)
        return -EINVAL;
    *value = (uint32_t)whole;
    return 0;
}

static int configure_option(struct tokens *t, const struct lens_args *args, size_t i, int *add_at,
                            struct lens_error *error)
{
    uint32_t lines;
    int is_whole;

    if (lensi_args_is(args, i, "skip_lines")) {
        if (configure_whole(args, i, 0, INT32_MAX, &lines, error) < 0)
            return -EINVAL;
        t->skip_lines = lines;
        return 0;
    }
    if (lensi_args_is(args, i, "every"))
        return configure_whole(args, i, 1, INT32_MAX, &t->every, error);
    if (lensi_args_is(args, i, "from"))
        return configure_whole(args, i, 0, INT32_MAX, &t->from, error);
    if (lensi_args_is(args, i, "lead")) {
        t->by_line = 1;
        return configure_whole(args, i, 0, MOST_MAX, &t->lead, error);
    }
    if (lensi_args_is(args, i, "most")) {
        t->by_line = 1;
        return configure_whole(args, i, 1, MOST_MAX, &t->most, error);
    }
    if (lensi_args_is(args, i, "comment")) {
        t->has_comment = 1;
        return lensi_args_byte(args, i, &t->comment, error);
    }
    if (lensi_args_is(args, i, "add")) {
        if (lensi_args_real(args, i, &t->add, &is_whole, error) < 0)
            return -EINVAL;
        t->has_add = 1;
        t->add_whole = args->list[i].value.integer;
        *add_at = is_whole ? -1 : (int)i;
        return 0;
    }
    return lensi_args_unknown(args, i, usage, error);
}

static int tokens_configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    struct tokens *t = params;
    int add_at = -1, result;

    t->every = 1;
    for (size_t i = 0; i < args->count; i++) {
        if (!args->list[i].key || lensi_args_is(args, i, "format"))
            result = configure_format(t, args, i, error);
        else
            result = configure_option(t, args, i, &add_at, error);
        if (result < 0)
            return result;
    }
    if (!t->format.steps_count)
        return lens_error_set(error, -1, "a format is missing; write %s", usage);
    if (add_at >= 0 && t->format.steps[0].kind == LENSI_STEP_INT)
        return lens_error_set(error, add_at, "add must be a whole number, as the format is");
    return 0;
}

/* ------------------------------------------------------------------ get */

struct run {
    const struct tokens *t;
    struct lensi_out out;
    uint64_t leave;  /* numbers to leave out before the next one taken */
    uint64_t taken;  /* of this line; counted where that is limited */
    unsigned flags;
};

static void begin_line(struct run *run)
{
    run->leave = (uint64_t)run->t->lead + run->t->from;
    run->taken = 0;
}

/* Nothing more is taken of this line. */
LENSI_INLINE int is_full(const struct run *run) { return run->t->most && run->taken == run->t->most; }

static void add_constant(const struct tokens *t, uint8_t *element)
{
    uint64_t whole = 0;
    double d;
    float f;

    if (t->format.steps[0].kind == LENSI_STEP_INT) {
        memcpy(&whole, element, t->format.bytes);
        lensi_store_whole(element, t->format.bytes, whole + (uint64_t)t->add_whole);
    } else if (t->format.steps[0].kind == LENSI_STEP_DOUBLE) {
        memcpy(&d, element, 8);
        d += t->add;
        memcpy(element, &d, 8);
    } else {
        memcpy(&f, element, 4);
        f += (float)t->add;
        memcpy(element, &f, 4);
    }
}

LENSI_INLINE enum lensi_match take_number(struct run *run, struct lensi_text *text)
{
    size_t bytes = run->t->format.bytes, n = (size_t)(text->end - text->p);
    int far = n > LENSI_TEXT_LIMIT;
    struct lensi_text one = { text->p, far ? text->p + LENSI_TEXT_LIMIT : text->end, text->final && !far };
    uint8_t element[8] = { 0 };
    enum lensi_match match = lensi_match_number_fast(&run->t->format.steps[0], &one, element);

    if (match != LENSI_MATCHED)
        return match;
    if (run->t->has_add)
        add_constant(run->t, element);
    if (LENSI_LIKELY(!*run->out.part && (size_t)(run->out.end - run->out.out) >= bytes)) {
        uint64_t value;

        memcpy(&value, element, 8);
        lensi_store_whole(run->out.out, (uint32_t)bytes, value);
        run->out.out += bytes;
    } else if (!lensi_out_element(&run->out, element, bytes)) {
        return LENSI_MATCHED;
    }
    text->p = one.p;
    run->leave = run->t->every - 1;
    run->taken += run->t->most > 0;
    return LENSI_MATCHED;
}

/* A number left out is not looked at. */
LENSI_INLINE enum lensi_match leave_number(struct run *run, struct lensi_text *text)
{
    const uint8_t *p = text->p;

    while (p < text->end && !lensi_is_space(*p))
        p++;
    if ((p == text->end && !text->final) || (size_t)(p - text->p) >= LENSI_TEXT_LIMIT)
        return LENSI_CUT;
    text->p = p;
    run->leave--;
    return LENSI_MATCHED;
}

/* To the line's end, as far as the text goes. */
static enum lensi_match leave_line(struct lensi_text *text)
{
    const uint8_t *newline = memchr(text->p, '\n', (size_t)(text->end - text->p));

    text->p = newline ? newline : text->end;
    return LENSI_MATCHED;
}

/* Over white space and comment lines, as far as the text goes. */
LENSI_INLINE void skip_to_number(struct run *run, struct lensi_text *text)
{
    const struct tokens *t = run->t;
    const uint8_t *p = text->p;

    for (; p < text->end; p++) {
        if (*p == '\n') {
            run->flags &= ~(unsigned)(MID_LINE | IN_COMMENT);
            if (t->by_line)
                begin_line(run);
        } else if (__builtin_expect(run->flags & IN_COMMENT, 0))
            continue;
        else if (__builtin_expect(t->has_comment && *p == t->comment && !(run->flags & MID_LINE), 0))
            run->flags |= IN_COMMENT;
        else if (lensi_is_space(*p))
            run->flags |= MID_LINE;
        else
            break;
    }
    if (p < text->end)
        run->flags |= MID_LINE;
    text->p = p;
}

/* Past one byte of white space, if there is one; NULL in front of a comment line, or of a line that counts anew. */
LENSI_INLINE const uint8_t *past_space(const struct tokens *t, const uint8_t *p)
{
    if (!lensi_is_space(*p))
        return p;
    return __builtin_expect(*p == '\n' && (t->by_line || (t->has_comment && p[1] == t->comment)), 0) ? NULL : p + 1;
}

/* A number, with the constant added, or NULL where take_number must decide. */
LENSI_INLINE const uint8_t *fast_number(const struct tokens *t, const uint8_t *p, uint8_t *to)
{
    const struct lensi_step *step = &t->format.steps[0];
    int64_t whole;

    if (LENSI_LIKELY(step->kind == LENSI_STEP_INT)) {
        p = lensi_fast_int(p, &whole);
        if (p)
            lensi_store_whole(to, step->bytes, (uint64_t)whole + (uint64_t)t->add_whole);
        return p;
    }
    p = lensi_number_fast(step, p, to);
    if (p && t->has_add)
        add_constant(t, to);
    return p;
}

/* The end of the number at p that is left out, or NULL if it is not well inside the text. */
LENSI_INLINE const uint8_t *past_number(const uint8_t *p, const uint8_t *stop)
{
    const uint8_t *start = p;

    while (p < stop && !lensi_is_space(*p))
        p++;
    return p < stop && p > start ? p : NULL;
}

/*
 * The fast lane: numbers with at most two bytes of white space between them, well inside the text, straight into the
 * output. Begins at a number; stops behind one, in front of the first thing it is not sure of.
 */
static void fast_numbers(struct run *run, struct lensi_text *text)
{
    const struct tokens *t = run->t;
    const uint8_t *p = text->p, *stop = text->end - p > 2 * LENSI_NUMBER_SLACK ? text->end - 2 * LENSI_NUMBER_SLACK : p;
    ptrdiff_t bytes = t->format.bytes;
    uint64_t leave = run->leave;
    uint8_t *to = run->out.out;

    while (p < stop && run->out.end - to >= bytes) {
        const uint8_t *next = past_space(t, p);

        next = next ? past_space(t, next) : NULL;
        if (!next)
            break;
        next = leave ? past_number(next, stop) : fast_number(t, next, to);
        if (!next)
            break;
        p = next;
        to += leave ? 0 : bytes;
        leave = leave ? leave - 1 : t->every - 1;
    }
    text->p = p;
    run->out.out = to;
    run->leave = leave;
}

static enum lensi_match run_tokens(struct run *run, struct lensi_text *text)
{
    enum lensi_match match = LENSI_MATCHED;

    while (match == LENSI_MATCHED && run->out.out < run->out.end) {
        if (!*run->out.part)
            skip_to_number(run, text);
        if (text->p == text->end)
            return text->final ? LENSI_FAILED : LENSI_CUT;
        if (!*run->out.part && run->t->format.steps[0].plain && !run->t->most)
            fast_numbers(run, text);
        if (lensi_is_space(*text->p) || run->out.out == run->out.end)
            continue;
        match = is_full(run) ? leave_line(text) : run->leave ? leave_number(run, text) : take_number(run, text);
    }
    return match;
}

/* The header: lines that are no comments. */
static int begin(const struct tokens *t, struct lens_reader *source, struct lens_cursor *cursor)
{
    for (uint64_t lines = t->skip_lines; lines;) {
        struct lensi_text text;
        int result = lensi_text_at(source, cursor->source, 0, &text);

        if (result <= 0)
            return result;
        lines -= !(t->has_comment && *text.p == t->comment);
        if (lensi_text_skip_lines(source, &cursor->source, 1) < 0)
            return source->error;
    }
    cursor->state[1] = BEGUN | ((uint64_t)t->lead + t->from) << LEAVE_SHIFT;
    return 0;
}

static int64_t tokens_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out,
                          size_t n)
{
    uint8_t *start = out;
    struct run run = { params, { start, start + n, &cursor->state[0] }, 0, 0, 0 };
    enum lensi_match match = LENSI_CUT;
    int all = 0, result = 1;

    if (cursor->state[0] >= run.t->format.bytes)
        return -EILSEQ;
    if (!(cursor->state[1] & BEGUN) && begin(run.t, source, cursor) < 0)
        return source->error;
    run.leave = cursor->state[1] >> LEAVE_SHIFT & UINT32_MAX;
    run.taken = cursor->state[1] >> TAKEN_SHIFT;
    run.flags = cursor->state[1] & (BEGUN | MID_LINE | IN_COMMENT);
    while (match == LENSI_CUT && run.out.out < run.out.end) {
        struct lensi_text text;
        const uint8_t *from;

        result = lensi_text_at(source, cursor->source, all, &text);
        if (result <= 0)
            break;
        from = text.p;
        match = run_tokens(&run, &text);
        cursor->source += (uint64_t)(text.p - from);
        if (match == LENSI_CUT && all && text.p == from)
            break;
        all = match == LENSI_CUT && text.p == from;
    }
    cursor->state[1] = run.flags | run.leave << LEAVE_SHIFT | run.taken << TAKEN_SHIFT;
    cursor->view += (uint64_t)(run.out.out - start);
    return result < 0 ? result : run.out.out - start;
}

const struct lens_ops lens_tokens = {
    .size = sizeof(struct lens_ops),
    .name = "tokens",
    .usage = usage,
    .params_bytes = sizeof(struct tokens),
    .configure = tokens_configure,
    .get = tokens_get,
};
