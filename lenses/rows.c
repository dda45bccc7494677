/*
 * rows.c - the lens `rows`: lines of "label element element ..." as one array, a mark behind each row.
 *
 * What liblinear-train and svm-train make of their files: the label is left out, every token becomes one struct, a
 * struct of given numbers ends the row, and there may be one more before it (the bias), whose index is only known
 * when the whole file was read. Numbers follow strtol and strtod. The cursor's `source` is the front of the token at
 * hand, state[0] the bytes of its struct that are made already, state[1] the phase.
 */
#include "lenses/args.h"
#include "lenses/text.h"

#include <errno.h>

/* What comes next: a label, a token, the bias element of a row that was read, its end mark. */
enum phase { ROW, TOKEN, BIAS, END };

enum { ELEMENT_MAX = 256 };

struct rows {
    struct lensi_format format;
    uint32_t labels;
    uint8_t has_end, has_bias, index_is_maximum;
    uint8_t between[32]; /* bitmap: bytes between two tokens of a row */
    uint64_t view_bytes; /* known when prepare went over the file, else 0 */
    uint8_t end[ELEMENT_MAX], bias[ELEMENT_MAX];
};
_Static_assert(sizeof(struct rows) <= LENS_PARAMS_MAX, "rows's params");

/* ------------------------------------------------------------------ arguments */

static const char usage[] = "rows(\"%d:%lf\", label=1, end=[-1, 0], bias=1, bias_index=max, separators=\" \\t\")";

/* What the arguments say about the bias element, until all of them are read. */
struct bias {
    struct lens_value index, value;
    int at;
};

static int configure_format(struct rows *r, const struct lens_args *args, size_t i, struct lens_error *error)
{
    const char *text;
    size_t bytes;

    if (r->format.steps_count)
        return lens_error_set(error, (int)i, "only one format can be given; write %s", usage);
    if (lensi_args_text(args, i, &text, &bytes, error) < 0 ||
        lensi_format_parse(&r->format, text, bytes, (int)i, error) < 0)
        return -EINVAL;
    if (r->format.bytes > ELEMENT_MAX)
        return lens_error_set(error, (int)i, "an element may be %d bytes at most", ELEMENT_MAX);
    for (uint32_t k = 0; k < r->format.steps_count; k++) {
        struct lensi_step *step = &r->format.steps[k];

        if (step->kind != LENSI_STEP_LITERAL && (step->kind < LENSI_STEP_INT || step->kind > LENSI_STEP_DOUBLE))
            return lens_error_set(error, (int)i, "an element's format has numbers and plain characters only");
        step->strict = 1;
    }
    return 0;
}

static void add_between(struct rows *r, const char *bytes, size_t n)
{
    for (size_t k = 0; k < n; k++)
        r->between[(uint8_t)bytes[k] / 8] |= (uint8_t)(1u << ((uint8_t)bytes[k] % 8));
}

static int configure_bias_index(struct rows *r, const struct lens_args *args, size_t i, struct bias *bias,
                                struct lens_error *error)
{
    bias->index = args->list[i].value;
    r->index_is_maximum = bias->index.kind == LENS_WORD && !strcmp(bias->index.text, "max");
    if (!r->index_is_maximum && bias->index.kind != LENS_NUMBER)
        return lens_error_set(error, (int)i, "bias_index is a number, or max for the file's highest index plus one");
    return 0;
}

static int configure_struct(struct rows *r, const struct lens_args *args, size_t i, struct lens_error *error)
{
    size_t bytes;
    const char *text;

    return lensi_args_text(args, i, &text, &bytes, error) < 0 ? -EINVAL : lensi_format_layout(&r->format, text, bytes, (int)i, error);
}

static int configure_option(struct rows *r, const struct lens_args *args, size_t i, struct bias *bias,
                            struct lens_error *error)
{
    const struct lens_value *items;
    size_t count, bytes;
    const char *text;
    int64_t labels;

    if (lensi_args_is(args, i, "struct"))
        return 0;
    if (lensi_args_is(args, i, "label")) {
        if (lensi_args_whole(args, i, 0, 1000, &labels, error) < 0)
            return -EINVAL;
        r->labels = (uint32_t)labels;
        return 0;
    }
    if (lensi_args_is(args, i, "end")) {
        lensi_args_items(args, i, &items, &count);
        r->has_end = count > 0;
        return lensi_format_fill(&r->format, items, count, r->end, (int)i, error);
    }
    if (lensi_args_is(args, i, "separators")) {
        if (lensi_args_text(args, i, &text, &bytes, error) < 0)
            return -EINVAL;
        add_between(r, text, bytes);
        return 0;
    }
    if (lensi_args_is(args, i, "bias")) {
        bias->value = args->list[i].value;
        bias->at = (int)i;
        r->has_bias = 1;
        return 0;
    }
    if (lensi_args_is(args, i, "bias_index"))
        return configure_bias_index(r, args, i, bias, error);
    return lensi_args_unknown(args, i, usage, error);
}

/* The bias element: its index first, its value last, zeros between. */
static int finish_bias(struct rows *r, const struct bias *bias, struct lens_error *error)
{
    static const struct lens_value zero = { .kind = LENS_NUMBER };
    struct lens_value values[4] = { zero, zero, zero, zero };
    uint32_t count = r->format.stored_count;

    if (!r->has_bias)
        return 0;
    if (count < 2 || count > 4 || r->format.steps[0].kind != LENSI_STEP_INT)
        return lens_error_set(error, bias->at, "bias needs an element that begins with a whole number, the index");
    if (bias->index.kind == LENS_NUMBER)
        values[0] = bias->index;
    values[count - 1] = bias->value;
    return lensi_format_fill(&r->format, values, count, r->bias, bias->at, error);
}

static int rows_configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    static const struct lens_value minus_one = { .kind = LENS_NUMBER, .number = -1, .integer = -1 };
    struct rows *r = params;
    struct bias bias = { .at = -1 };

    r->labels = 1;
    r->has_end = r->index_is_maximum = 1;
    add_between(r, " \t\r\v\f", 5);
    for (size_t i = 0; i < args->count; i++)
        if ((!args->list[i].key || lensi_args_is(args, i, "format")) && configure_format(r, args, i, error) < 0)
            return -EINVAL;
    if (!r->format.steps_count)
        return lens_error_set(error, -1, "an element's format is missing; write %s", usage);
    for (size_t i = 0; i < args->count; i++) /* before the marks, which are laid out like it */
        if (lensi_args_is(args, i, "struct") && configure_struct(r, args, i, error) < 0)
            return -EINVAL;
    if (lensi_format_fill(&r->format, &minus_one, 1, r->end, -1, error) < 0)
        return -EINVAL;
    for (size_t i = 0; i < args->count; i++)
        if (args->list[i].key && !lensi_args_is(args, i, "format") && configure_option(r, args, i, &bias, error) < 0)
            return -EINVAL;
    return finish_bias(r, &bias, error);
}

/* ------------------------------------------------------------------ get */

struct run {
    const struct rows *r;
    struct lensi_out out;
    unsigned phase;
    uint8_t *scratch;
};

LENSI_INLINE int is_between(const struct rows *r, uint8_t c)
{
    return r->between[c / 8] >> (c % 8) & 1;
}

LENSI_INLINE const uint8_t *skip_between(const struct rows *r, const uint8_t *p, const uint8_t *end)
{
    while (p < end && is_between(r, *p))
        p++;
    return p;
}

/* strtol and strtod skip white space in front, but a line's end ends the token. */
static enum lensi_match stay_in_line(struct lensi_text *text)
{
    while (text->p < text->end && *text->p != '\n' && lensi_is_space(*text->p))
        text->p++;
    if (text->p == text->end)
        return text->final ? LENSI_FAILED : LENSI_CUT;
    return *text->p == '\n' ? LENSI_FAILED : LENSI_MATCHED;
}

/* One token, and a look at what ends it. */
LENSI_INLINE enum lensi_match match_token(const struct rows *r, struct lensi_text *text, uint8_t *element)
{
    if (!r->format.dense)
        lensi_clear(element, r->format.bytes);
    for (const struct lensi_step *step = r->format.steps, *stop = step + r->format.steps_count; step < stop; step++) {
        enum lensi_match match = LENSI_MATCHED;

        if (text->p == text->end)
            return text->final ? LENSI_FAILED : LENSI_CUT;
        if (step->kind == LENSI_STEP_LITERAL) {
            if (*text->p++ != step->literal)
                return LENSI_FAILED;
            continue;
        }
        if (lensi_is_space(*text->p))
            match = stay_in_line(text);
        if (match == LENSI_MATCHED)
            match = lensi_match_number_fast(step, text, element);
        if (match != LENSI_MATCHED)
            return match;
    }
    if (text->p == text->end)
        return text->final ? LENSI_MATCHED : LENSI_CUT;
    return *text->p == '\n' || is_between(r, *text->p) ? LENSI_MATCHED : LENSI_FAILED;
}

/* The labels in front of a row. */
static enum lensi_match skip_labels(struct run *run, struct lensi_text *text)
{
    const uint8_t *p = text->p;

    if (p == text->end)
        return text->final ? LENSI_FAILED : LENSI_CUT;
    for (uint32_t k = 0; k < run->r->labels; k++) {
        p = skip_between(run->r, p, text->end);
        while (p < text->end && *p != '\n' && !is_between(run->r, *p))
            p++;
    }
    if ((p == text->end && !text->final) || (size_t)(p - text->p) >= LENSI_TEXT_LIMIT)
        return LENSI_CUT;
    text->p = p;
    run->phase = TOKEN;
    return LENSI_MATCHED;
}

/* One struct made by `match_token`, straight into the output where it fits. */
LENSI_INLINE enum lensi_match take_token(struct run *run, struct lensi_text *text)
{
    size_t bytes = run->r->format.bytes, n = (size_t)(text->end - text->p);
    int far = n > LENSI_TEXT_LIMIT;
    int whole = LENSI_LIKELY(!*run->out.part && (size_t)(run->out.end - run->out.out) >= bytes);
    uint8_t *element = whole ? run->out.out : run->scratch;
    struct lensi_text one = { text->p, far ? text->p + LENSI_TEXT_LIMIT : text->end, text->final && !far };
    enum lensi_match match = match_token(run->r, &one, element);

    if (match != LENSI_MATCHED)
        return match;
    if (whole)
        run->out.out += bytes;
    if (whole || lensi_out_element(&run->out, element, bytes))
        text->p = one.p;
    return LENSI_MATCHED;
}

LENSI_INLINE enum lensi_match next_token(struct run *run, struct lensi_text *text)
{
    text->p = skip_between(run->r, text->p, text->end);
    if (text->p < text->end && LENSI_LIKELY(*text->p != '\n'))
        return take_token(run, text);
    if (text->p == text->end && !text->final)
        return LENSI_CUT;
    text->p += text->p < text->end;
    run->phase = BIAS;
    return LENSI_MATCHED;
}

/*
 * The fast lane: whole tokens with one byte between them, well inside the text, straight into the output. Stops in
 * front of the first thing it is not sure of, which next_token looks at then.
 */
LENSI_INLINE const uint8_t *fast_token(const struct rows *r, const uint8_t *p, uint8_t *element)
{
    if (!r->format.dense)
        lensi_clear(element, r->format.bytes);
    for (const struct lensi_step *step = r->format.steps, *stop = step + r->format.steps_count; step < stop; step++) {
        if (step->kind == LENSI_STEP_LITERAL) {
            if (*p++ != step->literal)
                return NULL;
        } else {
            p = step->plain ? lensi_number_fast(step, p, element) : NULL;
            if (!p)
                return NULL;
        }
    }
    return *p == '\n' || is_between(r, *p) ? p : NULL;
}

static void fast_tokens(struct run *run, struct lensi_text *text)
{
    const struct rows *r = run->r;
    ptrdiff_t slack = LENSI_NUMBER_SLACK * ((ptrdiff_t)r->format.steps_count + 1), bytes = r->format.bytes;
    const uint8_t *p = text->p, *stop = text->end - p > slack ? text->end - slack : p;
    uint8_t *to = run->out.out;

    while (p < stop && run->out.end - to >= bytes && *p != '\n') {
        const uint8_t *next = fast_token(r, p + is_between(r, *p), to);

        if (!next)
            break;
        p = next;
        to += bytes;
    }
    text->p = p;
    run->out.out = to;
}

/* Bias and end mark; a row without them is through at once. */
static void close_row(struct run *run)
{
    const struct rows *r = run->r;

    if (run->phase == BIAS && (!r->has_bias || lensi_out_element(&run->out, r->bias, r->format.bytes)))
        run->phase = END;
    if (run->phase == END && (!r->has_end || lensi_out_element(&run->out, r->end, r->format.bytes)))
        run->phase = ROW;
}

/* Until the output is full, the text is used up, or it is not of this kind. */
static enum lensi_match run_rows(struct run *run, struct lensi_text *text)
{
    enum lensi_match match = LENSI_MATCHED;

    while (match == LENSI_MATCHED && run->out.out < run->out.end) {
        if (LENSI_LIKELY(run->phase == TOKEN)) {
            if (!*run->out.part)
                fast_tokens(run, text);
            if (run->out.out < run->out.end)
                match = next_token(run, text);
        }
        else if (run->phase == ROW)
            match = skip_labels(run, text);
        else
            close_row(run);
    }
    return match;
}

static int64_t rows_get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    uint8_t *start = out;
    struct run run = { params, { start, start + n, &cursor->state[0] }, (unsigned)cursor->state[1], source->scratch };
    enum lensi_match match = LENSI_CUT;
    struct lensi_text text;
    int all = 0, result;

    if (cursor->state[0] >= run.r->format.bytes || cursor->state[1] > END)
        return -EILSEQ;
    while (match == LENSI_CUT && run.out.out < run.out.end) {
        const uint8_t *from;

        result = lensi_text_at(source, cursor->source, all, &text);
        if (result < 0)
            return result;
        if (result == 0)
            text = (struct lensi_text){ start, start, 1 }; /* the last row may still want its end */
        from = text.p;
        match = run_rows(&run, &text);
        cursor->source += (uint64_t)(text.p - from);
        if (match == LENSI_CUT && all && text.p == from)
            break;
        all = match == LENSI_CUT && text.p == from;
    }
    cursor->state[1] = run.phase;
    cursor->view += (uint64_t)(run.out.out - start);
    return run.out.out - start;
}

/* ------------------------------------------------------------------ the highest index */

static int64_t index_of(const struct lensi_step *step, const uint8_t *element)
{
    unsigned drop = 64 - 8 * step->bytes;
    uint64_t bits = 0;

    memcpy(&bits, element + step->offset, step->bytes);
    return step->type >= LENS_TYPE_U8 && step->type < LENS_TYPE_U64 ? (int64_t)bits : (int64_t)(bits << drop) >> drop;
}

/* The same lens, whose marks have the index 0. */
static const struct rows *without_marks(const struct rows *r, struct rows *to)
{
    const struct lensi_step *step = &r->format.steps[0];

    *to = *r;
    lensi_clear(to->end + step->offset, step->bytes);
    lensi_clear(to->bias + step->offset, step->bytes);
    return to;
}

/* The bias element's index is one more than the highest of the file; on the way the view's size becomes known. */
static int rows_prepare(void *params, struct lens_reader *source)
{
    struct rows *r = params;
    size_t bytes = r->format.bytes, room = LENS_SCRATCH_BYTES / 2 / bytes * bytes;
    uint8_t *elements = (uint8_t *)source->scratch + LENS_SCRATCH_BYTES / 2;
    struct lens_cursor cursor = { 0 };
    struct lens_number highest = { .i = 0 };
    const struct rows *plain;
    int64_t made;

    if (!r->has_bias || !r->index_is_maximum)
        return 0;
    plain = without_marks(r, (struct rows *)(void *)((uint8_t *)source->scratch + LENS_SCRATCH_BYTES / 4));
    do {
        made = rows_get(plain, source, &cursor, elements, room);
        if (made < 0)
            return (int)made;
        for (int64_t at = 0; at < made; at += (int64_t)bytes) {
            int64_t index = index_of(&plain->format.steps[0], elements + at);

            highest.i = index > highest.i ? index : highest.i;
        }
    } while ((size_t)made == room);
    highest.i++;
    lensi_number_store(LENS_AS_STRTOL, &highest, (enum lens_type)r->format.steps[0].type,
                       r->bias + r->format.steps[0].offset);
    r->view_bytes = cursor.view;
    return 0;
}

static uint64_t rows_view_bytes(const void *params, uint64_t source_bytes)
{
    const struct rows *r = params;

    (void)source_bytes;
    return r->view_bytes ? r->view_bytes : LENS_UNKNOWN;
}

static int reads_all(const void *params)
{
    const struct rows *r = params;

    return r->has_bias && r->index_is_maximum;
}

const struct lens_ops lens_rows = {
    .size = sizeof(struct lens_ops),
    .name = "rows",
    .usage = usage,
    .params_bytes = sizeof(struct rows),
    .configure = rows_configure,
    .prepare = rows_prepare,
    .view_bytes = rows_view_bytes,
    .get = rows_get,
    .reads_all = reads_all,
};
