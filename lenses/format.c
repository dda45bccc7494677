/*
 * format.c - parses scanf formats. See format.h.
 */
#include "lenses/format.h"

#include <errno.h>
#include <string.h>

/* The text being parsed, and where to complain. */
struct cursor {
    const char *p, *end;
    int at;
    struct lens_error *error;
};

static int peek(const struct cursor *c)
{
    return c->p < c->end ? (uint8_t)*c->p : -1;
}

static struct lensi_step *add_step(struct lensi_format *format, struct cursor *c, enum lensi_step_kind kind)
{
    struct lensi_step *step;

    if (format->steps_count == LENSI_FORMAT_STEPS) {
        lens_error_set(c->error, c->at, "the format has more than %d parts", LENSI_FORMAT_STEPS);
        return NULL;
    }
    step = &format->steps[format->steps_count++];
    memset(step, 0, sizeof *step);
    step->kind = (uint8_t)kind;
    return step;
}

/* ------------------------------------------------------------------ one conversion */

static void add_range(uint8_t *set, uint8_t low, uint8_t high)
{
    for (unsigned k = low; k <= high; k++)
        set[k / 8] |= (uint8_t)(1u << (k % 8));
}

/*
 * %[...] as glibc reads it: ^ turns the set round, a ] or - first belongs to it, and a - later makes a range of the
 * bytes on its sides unless the right one is smaller.
 */
static int parse_set(struct lensi_format *format, struct cursor *c, struct lensi_step *step)
{
    uint8_t *set;
    const char *first;
    int invert;

    if (format->sets_count == LENSI_FORMAT_SETS)
        return lens_error_set(c->error, c->at, "the format has more than %d sets", LENSI_FORMAT_SETS);
    set = format->sets[format->sets_count];
    memset(set, 0, 32);
    invert = peek(c) == '^';
    c->p += invert;
    for (first = c->p; peek(c) >= 0 && (*c->p != ']' || c->p == first); c->p++) {
        uint8_t byte = (uint8_t)*c->p;
        int between = byte == '-' && c->p > first && c->end - c->p > 1 && c->p[1] != ']';

        if (between && (uint8_t)c->p[-1] <= (uint8_t)c->p[1])
            add_range(set, (uint8_t)c->p[-1], (uint8_t)c->p[1]);
        else
            add_range(set, byte, byte);
    }
    if (peek(c) < 0)
        return lens_error_set(c->error, c->at, "a %%[ in the format has no ]");
    c->p++;
    for (int k = 0; invert && k < 32; k++)
        set[k] = (uint8_t)~set[k];
    step->set = (uint8_t)format->sets_count++;
    return 0;
}

/* hh h l ll L q j z t; the integer type's size in bytes, or 0 if there is none. */
static unsigned parse_length(struct cursor *c)
{
    int first = peek(c);

    if (first < 0 || !strchr("hlLqjzt", first))
        return 0;
    c->p++;
    if (first == 'h')
        return peek(c) == 'h' ? (c->p++, 1) : 2;
    if (first == 'l' && peek(c) == 'l')
        c->p++;
    return 8;
}

static enum lens_type integer_type(unsigned bytes, int is_signed)
{
    unsigned type = bytes == 1 ? LENS_TYPE_I8 : bytes == 2 ? LENS_TYPE_I16 : bytes == 8 ? LENS_TYPE_I64 : LENS_TYPE_I32;

    return (enum lens_type)(is_signed ? type : type + (LENS_TYPE_U8 - LENS_TYPE_I8));
}

static int parse_text_conversion(struct lensi_format *format, struct cursor *c, struct lensi_step *step, char letter)
{
    step->kind = letter == 'c' ? LENSI_STEP_CHARS : letter == 's' ? LENSI_STEP_STRING : LENSI_STEP_SET;
    step->type = step->read_type = LENS_TYPE_I8;
    if (letter == '[' && parse_set(format, c, step) < 0)
        return -EINVAL;
    if (letter == 'c' && !step->width)
        step->width = 1;
    if (step->stored && !step->width)
        return lens_error_set(c->error, c->at, "%%%c needs a width, for instance %%15%c", letter, letter);
    if (step->width > LENSI_FORMAT_WIDTH_MAX)
        return lens_error_set(c->error, c->at, "a width of the format is over %d", LENSI_FORMAT_WIDTH_MAX);
    /* The NUL behind a string is a byte of the struct's zeroed memory. */
    step->bytes = step->width + (letter != 'c');
    return 0;
}

/* `length`: bytes of an integer, or 0; `real`: bytes of a float, or 0 if it is none we know. */
static int parse_letter(struct lensi_format *format, struct cursor *c, struct lensi_step *step, unsigned length,
                        unsigned real)
{
    int letter = peek(c);
    static const struct {
        char letter;
        uint8_t base, is_signed;
    } integers[] = { { 'd', 10, 1 }, { 'i', 0, 1 }, { 'u', 10, 0 }, { 'x', 16, 0 }, { 'X', 16, 0 }, { 'o', 8, 0 } };

    c->p++;
    if (letter == 'n' || letter == 'p' || letter == 'm' || letter == 'S' || letter == 'C' || letter < 0)
        return lens_error_set(c->error, c->at, "%%%c is not known here; use %%d %%i %%u %%x %%o %%f %%lf %%c %%15s "
                              "%%15[...]", letter < 0 ? ' ' : letter);
    if (letter == 's' || letter == 'c' || letter == '[') {
        if (length)
            return lens_error_set(c->error, c->at, "wide characters (%%l%c) are not supported", letter);
        return parse_text_conversion(format, c, step, (char)letter);
    }
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        if (integers[i].letter == letter) {
            step->kind = LENSI_STEP_INT;
            step->base = integers[i].base;
            step->read_type = (uint8_t)integer_type(length, integers[i].is_signed);
            step->type = step->read_type;
            step->bytes = (uint32_t)lensi_type_bytes((enum lens_type)step->type);
            return 0;
        }
    if (!strchr("fFeEgGaA", letter))
        return lens_error_set(c->error, c->at, "%%%c is no conversion of scanf", letter);
    if (!real)
        return lens_error_set(c->error, c->at, "only %%%c and %%l%c are supported, no long double", letter, letter);
    step->kind = real == 8 ? LENSI_STEP_DOUBLE : LENSI_STEP_FLOAT;
    step->type = step->read_type = real == 8 ? LENS_TYPE_F64 : LENS_TYPE_F32;
    step->bytes = real;
    return 0;
}

/* Behind a %. */
static int parse_conversion(struct lensi_format *format, struct cursor *c)
{
    struct lensi_step *step = add_step(format, c, LENSI_STEP_PERCENT);
    const char *modifier;
    unsigned length, real;

    if (!step)
        return -EINVAL;
    if (peek(c) == '%') {
        c->p++;
        step->literal = '%';
        return 0;
    }
    step->stored = peek(c) != '*';
    c->p += !step->stored;
    while (peek(c) >= '0' && peek(c) <= '9' && step->width < 1u << 24)
        step->width = step->width * 10 + (uint32_t)(*c->p++ - '0');
    modifier = c->p;
    length = parse_length(c);
    /* glibc reads %Lf and %llf as long double; the other lengths mean nothing to a float. */
    real = c->p == modifier ? 4 : c->p == modifier + 1 && *modifier == 'l' ? 8 : 0;
    if (parse_letter(format, c, step, length, real) < 0)
        return -EINVAL;
    format->stored_count += step->stored;
    return 0;
}

/* ------------------------------------------------------------------ the whole format */

/* The members in order, each aligned to its size; then the struct to its largest member. */
static void lay_out(struct lensi_format *format)
{
    uint32_t offset = 0, align = 1, used = 0;

    for (uint32_t i = 0; i < format->steps_count; i++) {
        struct lensi_step *step = &format->steps[i];
        uint32_t one = (uint32_t)lensi_type_bytes((enum lens_type)step->type);

        if (!step->stored)
            continue;
        align = one > align ? one : align;
        step->offset = (offset + one - 1) / one * one;
        offset = step->offset + step->bytes;
        used += step->kind < LENSI_STEP_CHARS ? step->bytes : 0;
    }
    format->bytes = (offset + align - 1) / align * align;
    format->dense = used == format->bytes;
}

/* What matching wants to know beforehand. */
static void note_shape(struct lensi_format *format)
{
    uint32_t n = format->steps_count;
    const struct lensi_step *first = &format->steps[0], *last = &format->steps[format->steps_count - 1];

    format->begins_with_space = first->kind != LENSI_STEP_LITERAL && first->kind != LENSI_STEP_CHARS &&
                                first->kind != LENSI_STEP_SET;
    format->ends_open = last->kind >= LENSI_STEP_INT;
    for (format->stored_end = n; !format->steps[format->stored_end - 1].stored;)
        format->stored_end--;
    for (format->space_from = n; format->steps[format->space_from - 1].kind == LENSI_STEP_SPACE;)
        format->space_from--;
    for (uint32_t i = 0; i < n; i++) {
        struct lensi_step *step = &format->steps[i];

        step->plain = step->stored && step->kind >= LENSI_STEP_INT && step->kind <= LENSI_STEP_DOUBLE && !step->width &&
                      step->type == step->read_type && (step->kind != LENSI_STEP_INT || step->base == 10);
    }
}

static int finish(struct lensi_format *format, int at, struct lens_error *error)
{
    lay_out(format);
    note_shape(format);
    if (format->bytes > LENSI_FORMAT_WIDTH_MAX)
        return lens_error_set(error, at, "the struct is larger than %d bytes", LENSI_FORMAT_WIDTH_MAX);
    return 0;
}

int lensi_format_parse(struct lensi_format *format, const char *text, size_t n, int at, struct lens_error *error)
{
    struct cursor c = { text, text + n, at, error };
    struct lensi_step *step;

    memset(format, 0, sizeof *format);
    while (c.p < c.end) {
        uint8_t byte = (uint8_t)*c.p++;

        if (byte == '%') {
            if (parse_conversion(format, &c) < 0)
                return -EINVAL;
            continue;
        }
        step = add_step(format, &c, lensi_is_space(byte) ? LENSI_STEP_SPACE : LENSI_STEP_LITERAL);
        if (!step)
            return -EINVAL;
        step->literal = byte;
    }
    if (!format->stored_count)
        return lens_error_set(error, at, "the format stores nothing; it needs a conversion such as %%d or %%f");
    lay_out(format);
    note_shape(format);
    if (format->bytes > LENSI_FORMAT_WIDTH_MAX)
        return lens_error_set(error, at, "the struct is larger than %d bytes", LENSI_FORMAT_WIDTH_MAX);
    return 0;
}

/* ------------------------------------------------------------------ declarations */

struct member {
    char type[64];
    uint32_t count; /* of an array, else 0 */
};

static int is_name(int c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static void skip_space(struct cursor *c)
{
    while (peek(c) >= 0 && lensi_is_space((uint8_t)*c->p))
        c->p++;
}

/* Moves over one word; its length, 0 if there is none. */
static size_t read_word(struct cursor *c, const char **word)
{
    skip_space(c);
    *word = c->p;
    while (is_name(peek(c)))
        c->p++;
    return (size_t)(c->p - *word);
}

/* signed, int and the order of words mean nothing in "long unsigned int": the size and the sign do. */
static int c_type(const char *text)
{
    int is_unsigned = strstr(text, "unsigned") != NULL;
    int found = lensi_type_find(text);

    if (found >= 0 || !(strstr(text, "signed") || strstr(text, "int") || strstr(text, "long") || strstr(text, "short")))
        return found;
    if (strstr(text, "int8") || strstr(text, "int16") || strstr(text, "int32") || strstr(text, "int64") ||
        strstr(text, "double"))
        return -1;
    return (int)integer_type(strstr(text, "char") ? 1 : strstr(text, "short") ? 2 : strstr(text, "long") ? 8 : 4,
                             !is_unsigned);
}

/* The words in front of the member's name make its type: the name is the last one. */
static int read_type(struct cursor *c, struct member *member)
{
    const char *word, *name = NULL;
    size_t n, used = 0, name_bytes = 0;

    while ((n = read_word(c, &word))) {
        if (name) {
            if (used + name_bytes + 2 > sizeof member->type)
                return lens_error_set(c->error, c->at, "struct: a type's name is too long");
            memcpy(member->type + used, name, name_bytes);
            used += name_bytes;
            member->type[used++] = ' ';
        }
        name = word;
        name_bytes = n;
    }
    if (!name || !used)
        return lens_error_set(c->error, c->at, "struct: write declarations such as \"int key; float value;\"");
    member->type[used - 1] = 0;
    return 0;
}

/* [16] behind a name. */
static int read_array(struct cursor *c, struct member *member)
{
    uint32_t count = 0;

    member->count = 0;
    skip_space(c);
    if (peek(c) != '[')
        return 0;
    c->p++;
    while (peek(c) >= '0' && peek(c) <= '9' && count < 1u << 24)
        count = count * 10 + (uint32_t)(*c->p++ - '0');
    if (peek(c) != ']' || !count || count > LENSI_FORMAT_WIDTH_MAX)
        return lens_error_set(c->error, c->at, "struct: an array's size must be 1 to %d", LENSI_FORMAT_WIDTH_MAX);
    c->p++;
    member->count = count;
    skip_space(c);
    return 0;
}

/* Fits one conversion to its member, or says why it does not. */
static int bind(struct lensi_step *step, const struct member *member, const struct cursor *c)
{
    int type = c_type(member->type), text = step->kind >= LENSI_STEP_CHARS;
    uint32_t room = member->count ? member->count : 1;

    if (type < 0)
        return lens_error_set(c->error, c->at, "struct: type %s is not known; use C's numbers, stdint's, or char [N]",
                              member->type);
    if (text && (lensi_type_bytes((enum lens_type)type) != 1 || room < step->bytes))
        return lens_error_set(c->error, c->at, "struct: a string conversion needs char [%d] or more", (int)step->bytes);
    if (!text && member->count)
        return lens_error_set(c->error, c->at, "struct: a number cannot go into an array");
    if ((step->kind == LENSI_STEP_FLOAT || step->kind == LENSI_STEP_DOUBLE) && type < LENS_TYPE_F32)
        return lens_error_set(c->error, c->at, "struct: %s cannot hold what %%f reads", member->type);
    step->type = (uint8_t)type;
    step->bytes = room * (uint32_t)lensi_type_bytes((enum lens_type)type);
    return 0;
}

/* The next stored conversion from step *i on, or NULL. */
static struct lensi_step *next_stored(struct lensi_format *format, uint32_t *i)
{
    while (*i < format->steps_count)
        if (format->steps[(*i)++].stored)
            return &format->steps[*i - 1];
    return NULL;
}

/* "int a, b;": the type, then names. Sets *i behind the last conversion bound. */
static int read_declaration(struct lensi_format *format, struct cursor *c, uint32_t *i)
{
    struct member member;
    struct lensi_step *step;
    const char *word;

    if (read_type(c, &member) < 0)
        return -EINVAL;
    for (;;) {
        if (read_array(c, &member) < 0)
            return -EINVAL;
        step = next_stored(format, i);
        if (!step)
            return lens_error_set(c->error, c->at, "struct: it has more members than the format has conversions");
        if (bind(step, &member, c) < 0)
            return -EINVAL;
        if (peek(c) != ',')
            break;
        c->p++;
        if (!read_word(c, &word))
            return lens_error_set(c->error, c->at, "struct: a name is missing behind a comma");
    }
    if (peek(c) != ';' && peek(c) != -1)
        return lens_error_set(c->error, c->at, "struct: unexpected '%c'; pointers and nested structs are not known",
                              peek(c));
    c->p += peek(c) == ';';
    skip_space(c);
    return 0;
}

int lensi_format_layout(struct lensi_format *format, const char *declarations, size_t n, int at,
                        struct lens_error *error)
{
    struct cursor c = { declarations, declarations + n, at, error };
    uint32_t i = 0;

    for (skip_space(&c); c.p < c.end;)
        if (read_declaration(format, &c, &i) < 0)
            return -EINVAL;
    if (next_stored(format, &i))
        return lens_error_set(error, at, "struct: it has fewer members than the format has conversions");
    return finish(format, at, error);
}
