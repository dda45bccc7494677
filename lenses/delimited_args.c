/*
 * delimited_args.c - the arguments of the delimited lens, a C struct among them.
 */
#include "lenses/args.h"
#include "lenses/builtin.h"
#include "lenses/delimited.h"

#include <errno.h>
#include <string.h>

/* What was said, before it is known to fit together. */
struct request {
    int sep, quote, comment, spaces, decimal, thousands;
    unsigned guess, said; /* LENSI_GUESS_... */
    int odd;
    int type, as, layout;
    size_t na_arg; /* index of the na argument, or SIZE_MAX */
    int fill;      /* -1: not said */
};

/* What type= says beside enum lens_type. */
enum { TYPE_TRUTH = LENS_TYPE_COUNT + 1, TYPE_OWN };

/* ------------------------------------------------------------------ strings kept in params */

static int pool_add(struct lensi_delimited *p, const struct lens_value *value, size_t i, struct lens_error *error)
{
    size_t bytes = value->text_bytes;

    if (value->kind != LENS_STRING && value->kind != LENS_WORD)
        return lens_error_set(error, (int)i, "write all of the list as strings");
    if (p->pool_used + bytes + 2 > sizeof p->pool)
        return lens_error_set(error, (int)i, "these strings take more than %d bytes", LENSI_POOL_BYTES);
    p->pool[p->pool_used] = (uint8_t)bytes;
    p->pool[p->pool_used + 1] = (uint8_t)(bytes >> 8);
    memcpy(p->pool + p->pool_used + 2, value->text, bytes);
    p->pool_used = (uint16_t)(p->pool_used + bytes + 2);
    return 0;
}

static int is_word(const struct lens_value *value, const char *word)
{
    return value->kind == LENS_WORD && strcmp(value->text, word) == 0;
}

static int read_columns(struct lensi_delimited *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    const struct lens_value *items;
    size_t count;

    if (is_word(&args->list[i].value, "all"))
        return 0;
    p->infer = is_word(&args->list[i].value, "same") ? LENSI_SAME : is_word(&args->list[i].value, "numbers") ? LENSI_NUMBERS : 0;
    p->all_columns = 0;
    p->items = 0;
    if (p->infer)
        return 0;
    lensi_args_items(args, i, &items, &count);
    if (count == 0 || count > LENSI_COLUMNS_MAX)
        return lens_error_set(error, (int)i, "columns takes all or a list of 1 to %d columns", LENSI_COLUMNS_MAX);
    for (size_t k = 0; k < count; k++) {
        if (items[0].kind != LENS_NUMBER) {
            if (pool_add(p, &items[k], i, error) < 0)
                return -EINVAL;
            p->names_count++;
        } else if (items[k].kind != LENS_NUMBER || items[k].integer < 0 || items[k].integer > UINT16_MAX) {
            return lens_error_set(error, (int)i, "columns are numbers from 0 to 65535, or names, not both");
        } else {
            p->columns[k] = (uint16_t)items[k].integer;
        }
    }
    p->items = (uint32_t)count;
    return 0;
}

static int read_na(struct lensi_delimited *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    const struct lens_value *items;
    size_t count;

    p->na_at = p->pool_used;
    p->na_pandas = (uint8_t)is_word(&args->list[i].value, "pandas");
    if (p->na_pandas || is_word(&args->list[i].value, "none"))
        return 0;
    lensi_args_items(args, i, &items, &count);
    for (size_t k = 0; k < count; k++)
        if (pool_add(p, &items[k], i, error) < 0)
            return -EINVAL;
    p->na_count = (uint16_t)count;
    return 0;
}

/* ------------------------------------------------------------------ a C struct */

/* Reads text such as "int id; double x, y[2]; char name[16];". */
struct declaration {
    const char *p;
    uint32_t at;        /* the next free byte of the struct */
    uint32_t alignment; /* of the whole */
};

static void pass_space(struct declaration *d)
{
    while (lensi_is_space((uint8_t)*d->p))
        d->p++;
}

static int is_name(char c) { return c == '_' || lensi_is_digit((uint8_t)c) || ((c | 32) >= 'a' && (c | 32) <= 'z'); }

/* The next name into word[]; its length, 0 if there is none. */
static size_t read_name(struct declaration *d, char *word, size_t size)
{
    size_t n = 0;

    pass_space(d);
    for (; is_name(*d->p); d->p++)
        if (n + 1 < size)
            word[n++] = *d->p;
    word[n] = '\0';
    return n;
}

/* C's own words for integers; the rest lensi_type_find knows. LENS_TYPE_COUNT is char, which holds text. */
static int read_type(struct declaration *d)
{
    char word[32];
    int longs = 0, is_short = 0, is_unsigned = 0, is_char = 0, is_signed = 0;

    for (;;) {
        const char *before = d->p;

        read_name(d, word, sizeof word);
        if (!strcmp(word, "long"))
            longs++;
        else if (!strcmp(word, "short"))
            is_short = 1;
        else if (!strcmp(word, "unsigned"))
            is_unsigned = 1;
        else if (!strcmp(word, "signed"))
            is_signed = 1;
        else if (!strcmp(word, "char"))
            is_char = 1;
        else if (!strcmp(word, "int"))
            is_signed |= !is_unsigned && !longs && !is_short;
        else if (longs || is_short || is_unsigned || is_signed || is_char) {
            d->p = before;
            break;
        } else
            return lensi_type_find(word);
    }
    if (is_char)
        return is_unsigned ? LENS_TYPE_U8 : is_signed ? LENS_TYPE_I8 : LENS_TYPE_COUNT;
    if (longs)
        return is_unsigned ? LENS_TYPE_U64 : LENS_TYPE_I64;
    if (is_short)
        return is_unsigned ? LENS_TYPE_U16 : LENS_TYPE_I16;
    return is_unsigned ? LENS_TYPE_U32 : LENS_TYPE_I32;
}

/* The reader that fits a stored type if nobody says otherwise. */
static enum lens_as usual_reader(int type)
{
    if (type == LENS_TYPE_F64)
        return LENS_AS_STRTOD;
    if (type == LENS_TYPE_F32)
        return LENS_AS_STRTOF;
    return type >= LENS_TYPE_U8 && type <= LENS_TYPE_U64 ? LENS_AS_STRTOUL : LENS_AS_STRTOL;
}

static int is_floating(int type) { return type == LENS_TYPE_F32 || type == LENS_TYPE_F64; }

static int add_member(struct lensi_delimited *p, struct declaration *d, int type, uint32_t text_bytes, int as)
{
    uint32_t bytes = type == LENS_TYPE_COUNT ? text_bytes : (uint32_t)lensi_type_bytes((enum lens_type)type);
    uint32_t alignment = type == LENS_TYPE_COUNT ? 1 : bytes;

    if (p->items == LENSI_MEMBERS_MAX)
        return -EINVAL;
    d->at = (d->at + alignment - 1) & ~(alignment - 1);
    p->members[p->items++] = (struct lensi_item){
        .at = d->at,
        .bytes = (uint16_t)bytes,
        .type = (uint8_t)type,
        .as = (uint8_t)(is_floating(type) && as >= 0 ? (enum lens_as)as : usual_reader(type)),
    };
    d->at += bytes;
    if (d->alignment < alignment)
        d->alignment = alignment;
    return 0;
}

/* One declarator, "name" or "name[count]": text takes one item, an array of numbers one for each. */
static int read_declarator(struct lensi_delimited *p, struct declaration *d, int type, int as)
{
    char word[32];
    uint32_t count = 0;

    if (read_name(d, word, sizeof word) == 0)
        return -EINVAL;
    pass_space(d);
    if (*d->p == '[') {
        for (d->p++; lensi_is_digit((uint8_t)*d->p) && count < 6000; d->p++)
            count = count * 10 + (uint32_t)(*d->p - '0');
        if (count == 0 || *d->p++ != ']')
            return -EINVAL;
        pass_space(d);
    }
    if (type == LENS_TYPE_COUNT)
        return add_member(p, d, type, count ? count : 1, as);
    for (uint32_t k = 0; k < (count ? count : 1); k++)
        if (add_member(p, d, type, 0, as) < 0)
            return -EINVAL;
    return 0;
}

static int read_declarations(struct lensi_delimited *p, struct declaration *d, int as)
{
    for (pass_space(d); *d->p; pass_space(d)) {
        int type = read_type(d);

        do {
            if (type < 0 || read_declarator(p, d, type, as) < 0)
                return -EINVAL;
        } while (*d->p == ',' && d->p++);
        if (*d->p != ';' && *d->p != '\0')
            return -EINVAL;
        d->p += *d->p == ';';
    }
    return p->items > 0 ? 0 : -EINVAL;
}

/* Fills in members; with columns=[...] as many of them as members. */
static int read_struct(struct lensi_delimited *p, const struct lens_args *args, size_t i, int as,
                       struct lens_error *error)
{
    struct declaration d = {.alignment = 1};
    uint32_t chosen = p->all_columns ? 0 : p->items;
    const char *text;
    size_t bytes;

    if (lensi_args_text(args, i, &text, &bytes, error) < 0)
        return -EINVAL;
    d.p = text;
    p->items = 0;
    if (read_declarations(p, &d, as) < 0)
        return lens_error_set(error, (int)i, "struct stops making sense at byte %zu; write it as \"int id; double x; "
                              "char name[16];\", at most %d numbers and texts", (size_t)(d.p - text), LENSI_MEMBERS_MAX);
    if (chosen && chosen != p->items)
        return lens_error_set(error, (int)i, "the struct has %d members and columns names %d", (int)p->items, (int)chosen);
    p->row_bytes = (d.at + d.alignment - 1) & ~(d.alignment - 1);
    for (uint32_t k = 0; k < p->items && !chosen; k++)
        p->columns[k] = (uint16_t)k;
    p->all_columns = 0;
    return 0;
}

/* ------------------------------------------------------------------ all of them */

/* A byte, or the word none (-1). */
static int read_byte_or_none(const struct lens_args *args, size_t i, int *byte, struct lens_error *error)
{
    uint8_t given = 0;
    int none = is_word(&args->list[i].value, "none");
    int result = none ? 0 : lensi_args_byte(args, i, &given, error);

    *byte = none ? -1 : given;
    return result;
}

static int read_sep(struct request *r, const struct lens_args *args, size_t i, struct lens_error *error)
{
    uint8_t byte = ' ';

    r->said |= LENSI_GUESS_SEP;
    r->spaces = is_word(&args->list[i].value, "space");
    if (!r->spaces && lensi_args_byte(args, i, &byte, error) < 0)
        return -EINVAL;
    r->sep = byte;
    return 0;
}

static int read_named(int (*find)(const char *), const struct lens_args *args, size_t i, int *found,
                      struct lens_error *error, const char *known)
{
    const char *text = args->list[i].value.text;

    *found = text && args->list[i].value.kind != LENS_LIST ? find(text) : -1;
    return *found < 0 ? lens_error_set(error, (int)i, "%s must be one of %s", args->list[i].key, known) : 0;
}

static int read_lines(const struct lens_args *args, size_t i, uint64_t *lines, struct lens_error *error)
{
    int64_t value = 0;
    int result = lensi_args_whole(args, i, 0, INT64_MAX, &value, error);

    *lines = (uint64_t)value;
    return result;
}

static int read_header(struct lensi_delimited *p, const struct lens_args *args, size_t i, struct lens_error *error)
{
    if (is_word(&args->list[i].value, "guess"))
        return p->header_rows = LENSI_HEADER_GUESS, 0;
    if (is_word(&args->list[i].value, "numbers"))
        return p->header_rows = LENSI_HEADER_NUMBERS, 0;
    return read_lines(args, i, &p->header_rows, error);
}

static int read_thousands(struct request *r, const struct lens_args *args, size_t i, struct lens_error *error)
{
    r->said |= LENSI_GUESS_THOUSANDS;
    if (!is_word(&args->list[i].value, "guess"))
        return read_byte_or_none(args, i, &r->thousands, error);
    r->guess |= LENSI_GUESS_THOUSANDS;
    return 0;
}

/* How the text is written. */
static int read_text_arg(struct request *r, const struct lens_args *args, size_t i, struct lens_error *error)
{
    static const char *const dialects[] = {"given", "guess", NULL};
    uint8_t byte = 0;
    int result, guess = 0;

    if (lensi_args_is(args, i, "sep"))
        return read_sep(r, args, i, error);
    if (lensi_args_is(args, i, "quote"))
        return read_byte_or_none(args, i, &r->quote, error);
    if (lensi_args_is(args, i, "thousands"))
        return read_thousands(r, args, i, error);
    if (lensi_args_is(args, i, "comment")) {
        r->said |= LENSI_GUESS_COMMENT;
        return read_byte_or_none(args, i, &r->comment, error);
    }
    if (lensi_args_is(args, i, "dialect")) {
        result = lensi_args_choice(args, i, dialects, &guess, error);
        r->guess |= guess ? LENSI_GUESS_SEP | LENSI_GUESS_COMMENT | LENSI_GUESS_DECIMAL : 0u;
        return result;
    }
    if (!lensi_args_is(args, i, "decimal"))
        return lensi_args_unknown(args, i, lens_delimited.usage, error);
    result = lensi_args_byte(args, i, &byte, error);
    r->said |= LENSI_GUESS_DECIMAL;
    r->decimal = byte;
    return result;
}

/* The types that a C type does not say. */
static int find_type(const char *name)
{
    if (strcmp(name, "own") == 0)
        return TYPE_OWN;
    return strcmp(name, "bool") == 0 ? TYPE_TRUTH : lensi_type_find(name);
}

static int read_arg(struct lensi_delimited *p, struct request *r, const struct lens_args *args, size_t i,
                    struct lens_error *error)
{
    static const char *const layouts[] = {"rows", "columns", "struct", NULL}, *const odds[] = {"end", "missing", NULL};

    if (lensi_args_is(args, i, "skip_lines"))
        return read_lines(args, i, &p->skip_lines, error);
    if (lensi_args_is(args, i, "header"))
        return read_header(p, args, i, error);
    if (lensi_args_is(args, i, "odd"))
        return lensi_args_choice(args, i, odds, &r->odd, error);
    if (lensi_args_is(args, i, "columns"))
        return read_columns(p, args, i, error);
    if (lensi_args_is(args, i, "type"))
        return read_named(find_type, args, i, &r->type, error, "own bool double float i8 i16 i32 i64 u8 u16 u32 u64");
    if (lensi_args_is(args, i, "as"))
        return read_named(lensi_as_find, args, i, &r->as, error,
                          "strtol strtoul strtod strtof float pandas pandas_legacy python");
    if (lensi_args_is(args, i, "layout"))
        return lensi_args_choice(args, i, layouts, &r->layout, error);
    if (lensi_args_is(args, i, "fill"))
        return lensi_args_flag(args, i, &r->fill, error);
    if (lensi_args_is(args, i, "na"))
        return r->na_arg = i, 0; /* read when all names of columns are in the pool */
    if (lensi_args_is(args, i, "struct"))
        return r->layout = LENSI_STRUCT, 0;
    return read_text_arg(r, args, i, error);
}

enum lensi_hot lensi_hot_of(const struct lensi_delimited *p, const struct lensi_item *item)
{
    int type = item->type, as = item->as;

    if (p->layout == LENSI_STRUCT || p->na_count > 0 || p->decimal != '.' || p->thousands)
        return LENSI_CAREFUL;
    if (type == LENS_TYPE_F64 && (as == LENS_AS_STRTOD || as == LENS_AS_PYTHON))
        return LENSI_HOT_DOUBLE;
    if (type == LENS_TYPE_F64 && as == LENS_AS_PANDAS)
        return LENSI_HOT_PANDAS;
    if (type == LENS_TYPE_F32 && as == LENS_AS_STRTOF)
        return LENSI_HOT_FLOAT;
    if (as == LENS_AS_STRTOL && (type == LENS_TYPE_I64 || type == LENS_TYPE_I32))
        return type == LENS_TYPE_I64 ? LENSI_HOT_I64 : LENSI_HOT_I32;
    return LENSI_CAREFUL;
}

static int finish_text(struct lensi_delimited *p, const struct request *r, struct lens_error *error)
{
    static const char digits[] = "0123456789+-.eE\r\n";

    if (r->sep == r->quote || r->sep == r->comment || (r->quote == r->comment && r->quote >= 0))
        return lens_error_set(error, -1, "sep, quote and comment must differ");
    if (memchr(digits, r->sep, sizeof digits) || (r->decimal == r->sep && !(r->guess & ~r->said & LENSI_GUESS_SEP)))
        return lens_error_set(error, -1, "sep must not be part of a number or a line end");
    if (r->thousands >= 0 && (r->thousands == r->decimal || memchr("0123456789+-eE\r\n", r->thousands, 16)))
        return lens_error_set(error, -1, "thousands must not be the decimal point nor part of a number");
    p->dialect = lensi_dialect_make(r->sep, r->quote, r->comment, r->spaces, '\n');
    p->decimal = (uint8_t)r->decimal;
    p->thousands = (uint8_t)(r->thousands < 0 ? 0 : r->thousands);
    p->guess = (uint8_t)(r->guess & (~r->said | LENSI_GUESS_THOUSANDS));
    p->odd_missing = (uint8_t)r->odd;
    return 0;
}

static void finish_matrix(struct lensi_delimited *p, const struct request *r)
{
    int type = r->type >= 0 ? r->type : r->as >= 0 ? (int)lensi_as_type((enum lens_as)r->as) : LENS_TYPE_F64;
    int truth = type == TYPE_TRUTH;
    enum lens_as as;

    if (type == TYPE_OWN)
        p->infer = LENSI_OWN;
    type = type == TYPE_OWN ? LENS_TYPE_F64 : truth ? LENS_TYPE_U8 : type;
    as = r->as >= 0 ? (enum lens_as)r->as : usual_reader(type);
    /* pandas reads a column of integers with an integer reader of its own, which agrees with strtol. */
    if (!is_floating(type) && (as == LENS_AS_PANDAS || as == LENS_AS_PANDAS_LEGACY))
        as = usual_reader(type);
    p->element = (struct lensi_item){
        .bytes = (uint16_t)lensi_type_bytes((enum lens_type)type),
        .type = (uint8_t)type,
        .as = (uint8_t)(truth ? LENSI_AS_TRUTH : as),
    };
    p->row_bytes = p->element.bytes * (p->layout == LENSI_ROWS ? p->items : 1);
}

/* What does not go together. */
static int check(const struct lensi_delimited *p, struct lens_error *error)
{
    if (p->names_count > 0 && (p->header_rows == 0 || p->header_rows == LENSI_HEADER_GUESS))
        return lens_error_set(error, -1, "columns by name need header=1");
    if (p->infer && p->layout == LENSI_STRUCT)
        return lens_error_set(error, -1, "a struct names its columns and types itself");
    if (p->infer == LENSI_OWN && (p->layout != LENSI_COLUMNS || !p->all_columns))
        return lens_error_set(error, -1, "type=own needs layout=columns and columns=all");
    return 0;
}

int lensi_delimited_configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    struct lensi_delimited *p = params;
    struct request r = {.sep = ',', .quote = '"', .comment = -1, .decimal = '.', .thousands = -1, .type = -1, .as = -1,
                        .layout = LENSI_ROWS, .na_arg = SIZE_MAX, .fill = -1};
    size_t declared = SIZE_MAX;

    p->all_columns = 1;
    for (size_t i = 0; i < args->count; i++) {
        if (read_arg(p, &r, args, i, error) < 0)
            return -EINVAL;
        if (lensi_args_is(args, i, "struct"))
            declared = i;
    }
    p->layout = (uint8_t)r.layout;
    p->na_pandas = r.as == LENS_AS_PANDAS || r.as == LENS_AS_PANDAS_LEGACY;
    if (finish_text(p, &r, error) < 0 || (r.na_arg != SIZE_MAX && read_na(p, args, r.na_arg, error) < 0))
        return -EINVAL;
    p->na_fill = (uint8_t)(r.fill >= 0 ? r.fill : r.as == LENS_AS_PANDAS || r.as == LENS_AS_PANDAS_LEGACY);
    if (r.layout != LENSI_STRUCT)
        finish_matrix(p, &r);
    if (check(p, error) < 0)
        return -EINVAL;
    if (r.layout != LENSI_STRUCT)
        return p->hot = (uint8_t)lensi_hot_of(p, &p->element), 0;
    if (declared == SIZE_MAX)
        return lens_error_set(error, -1, "layout=struct needs struct=\"int id; double x;\"");
    return read_struct(p, args, declared, r.as, error);
}
