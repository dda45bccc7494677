/*
 * plan_pipe.c - expressions: stages of lenses with their arguments, joined by |.
 */
#include "liblens/plan/plan_parts.h"

#include "liblens/base/arena.h"
#include "liblens/plan/options.h"

#include <errno.h>
#include <string.h>

#define ARGS_MAX 64
#define ITEMS_MAX 4096
#define NESTING_MAX 8
#define NAMES_MAX 128

/* The arguments of one stage, while they are read. */
struct arguments {
    struct lens_arg *list;
    struct lensi_place *places;
    size_t count;
};

/* ------------------------------------------------------------------ values */

static int parse_value(struct lensi_parser *parser, struct lens_value *value, unsigned depth);

static int parse_items(struct lensi_parser *parser, struct lens_value *value, unsigned depth)
{
    struct lens_value *items = NULL;
    size_t count = 0;
    int result = lensi_parser_take(parser, "[");

    if (result == 0 && depth == NESTING_MAX)
        return lensi_parser_fail(parser, lensi_parser_place(parser),
                                 "lists are nested too deeply; %d levels are the most", NESTING_MAX);
    while (result == 0 && !lensi_parser_sees(parser, "]")) {
        if (count == ITEMS_MAX)
            return lensi_parser_fail(parser, lensi_parser_place(parser), "this list is too long; %d items are the most",
                                     ITEMS_MAX);
        items = lensi_parser_grow(items, count, sizeof *items);
        if (!items)
            return -ENOMEM;
        result = parse_value(parser, &items[count], depth + 1);
        count += result == 0;
        if (result == 0 && !lensi_parser_sees(parser, "]"))
            result =
                lensi_parser_sees(parser, ",") ? lensi_parser_next(parser) : lensi_parser_expected(parser, ", or ]");
    }
    value->kind = LENS_LIST;
    value->items = items;
    value->items_count = count;
    return result ? result : lensi_parser_next(parser);
}

/* Makes a value of the token looked at. */
static int set_value(const struct lensi_token *token, struct lens_value *value)
{
    memset(value, 0, sizeof *value);
    value->kind = token->kind == LENSI_TOKEN_NUMBER   ? LENS_NUMBER
                  : token->kind == LENSI_TOKEN_STRING ? LENS_STRING
                                                      : LENS_WORD;
    value->number = token->number.value;
    value->integer = token->number.integer;
    value->text = lensi_arena_text(token->text, token->bytes);
    value->text_bytes = token->bytes;
    return value->text ? 0 : -ENOMEM;
}

static int parse_value(struct lensi_parser *parser, struct lens_value *value, unsigned depth)
{
    const struct lensi_token *token = &parser->lexer.token;

    if (lensi_parser_sees(parser, "["))
        return parse_items(parser, value, depth);
    if (token->kind != LENSI_TOKEN_NUMBER && token->kind != LENSI_TOKEN_STRING && token->kind != LENSI_TOKEN_WORD)
        return lensi_parser_expected(parser, "a value: a number, a string in quotes, a word or a list [..]");
    int result = set_value(token, value);
    return result ? result : lensi_parser_next(parser);
}

/* ------------------------------------------------------------------ arguments */

static int check_key(const struct lensi_parser *parser, const struct arguments *args, struct lensi_place place,
                     const char *key)
{
    for (size_t i = 0; i < args->count; i++)
        if (args->list[i].key && strcmp(args->list[i].key, key) == 0)
            return lensi_parser_fail(parser, place, "%.40s is given twice; keep one", key);
    return 0;
}

/* value, or key=value: only the sign behind a word tells which. */
static int parse_arg(struct lensi_parser *parser, struct arguments *args, struct lens_arg *arg)
{
    struct lensi_place place = lensi_parser_place(parser);
    bool word = parser->lexer.token.kind == LENSI_TOKEN_WORD;
    int result = parse_value(parser, &arg->value, 0);

    arg->key = NULL;
    if (result || !word || !lensi_parser_sees(parser, "="))
        return result;
    arg->key = arg->value.text;
    result = check_key(parser, args, place, arg->key);
    if (result == 0)
        result = lensi_parser_next(parser);
    return result ? result : parse_value(parser, &arg->value, 0);
}

static int add_arg(struct lensi_parser *parser, struct arguments *args)
{
    if (args->count == ARGS_MAX)
        return lensi_parser_fail(parser, lensi_parser_place(parser), "too many arguments; %d are the most", ARGS_MAX);
    args->list = lensi_parser_grow(args->list, args->count, sizeof *args->list);
    args->places = lensi_parser_grow(args->places, args->count, sizeof *args->places);
    if (!args->list || !args->places)
        return -ENOMEM;
    args->places[args->count] = lensi_parser_place(parser);
    int result = parse_arg(parser, args, &args->list[args->count]);
    args->count += result == 0;
    return result;
}

static int parse_args(struct lensi_parser *parser, struct arguments *args)
{
    int result = lensi_parser_take(parser, "(");

    while (result == 0 && !lensi_parser_sees(parser, ")")) {
        result = add_arg(parser, args);
        if (result == 0 && !lensi_parser_sees(parser, ")"))
            result =
                lensi_parser_sees(parser, ",") ? lensi_parser_next(parser) : lensi_parser_expected(parser, ", or )");
    }
    return result ? result : lensi_parser_next(parser);
}

/* ------------------------------------------------------------------ stages */

/* Lets the lens read its arguments; its error is told at the argument it blames, or at the lens's name. */
static int configure(const struct lensi_parser *parser, struct lensi_place place, const struct arguments *args,
                     const struct lens_ops *ops, struct lensi_stage *stage)
{
    struct lens_args given = {args->list, args->count};
    struct lens_error error = {.at = -1};
    void *params = ops->params_bytes ? lensi_arena_new(ops->params_bytes) : NULL;

    if (ops->params_bytes && !params)
        return -ENOMEM;
    lens_error_set(&error, -1, "wrong arguments; write %s", ops->usage);
    int result = ops->configure(params, &given, &error);
    if (result < 0) {
        if (error.at >= 0 && (size_t)error.at < args->count)
            place = args->places[error.at];
        return result == -ENOMEM ? result : lensi_parser_fail(parser, place, "%s: %s", ops->name, error.text);
    }
    stage->ops = ops;
    stage->params = params;
    return 0;
}

/* Appends stages to a pipe that is being built, and their text to its text. */
static int append(const struct lensi_parser *parser, struct lensi_place place, struct lensi_pipe *pipe,
                  const struct lensi_stage *stages, size_t count, const char *text)
{
    struct lensi_writer writer = {NULL, 0, 0};
    const char *before = pipe->text;

    if (count > LENSI_STAGES_MAX - pipe->count)
        return lensi_parser_fail(parser, place, "this pipe is too long; %d lenses are the most", LENSI_STAGES_MAX);
    memcpy(&pipe->stages[pipe->count], stages, count * sizeof *stages);
    pipe->count += count;
    writer.room = (before ? strlen(before) : 0) + strlen(text) + 4;
    writer.to = lensi_arena_new(writer.room);
    if (!writer.to)
        return -ENOMEM;
    lensi_write(&writer, "%s%s%s", before ? before : "", before ? " | " : "", text);
    pipe->text = writer.to;
    return 0;
}

static int append_builtin(struct lensi_parser *parser, struct lensi_place place, const struct lens_ops *ops,
                          struct lensi_pipe *pipe)
{
    struct arguments args = {NULL, NULL, 0};
    struct lensi_stage stage;
    struct lensi_writer writer = {NULL, 0, 0};
    int result = lensi_parser_sees(parser, "(") ? parse_args(parser, &args) : 0;

    if (result == 0)
        result = configure(parser, place, &args, ops, &stage);
    if (result < 0)
        return result;
    struct lens_args given = {args.list, args.count};
    lensi_write_stage(&writer, ops->name, &given);
    writer = (struct lensi_writer){lensi_arena_new(writer.length + 1), writer.length + 1, 0};
    if (!writer.to)
        return -ENOMEM;
    lensi_write_stage(&writer, ops->name, &given);
    return append(parser, place, pipe, &stage, 1, writer.to);
}

static int unknown_lens(const struct lensi_parser *parser)
{
    const char *names[NAMES_MAX + 1];
    const struct lens_ops *ops;
    size_t count = 0;

    for (size_t i = 0; (ops = lens_at(i)) != NULL && count < NAMES_MAX; i++)
        names[count++] = ops->name;
    for (size_t i = 0; i < parser->named_count && count < NAMES_MAX; i++)
        names[count++] = parser->named[i].name;
    names[count] = NULL;
    if (!lensi_nearest_word(parser->lexer.token.text, parser->lexer.token.bytes, names))
        return lensi_parser_fail(parser, lensi_parser_place(parser), "%.*s is not a lens; lens lenses lists them",
                                 (int)(parser->lexer.token.bytes < 40 ? parser->lexer.token.bytes : 40),
                                 parser->lexer.token.text);
    return lensi_parser_unknown(parser, "a lens", names);
}

static const struct lensi_pipe *find_named(const struct lensi_parser *parser, const char *name)
{
    for (size_t i = 0; i < parser->named_count; i++)
        if (strcmp(parser->named[i].name, name) == 0)
            return parser->named[i].pipe;
    return NULL;
}

static int parse_stage(struct lensi_parser *parser, struct lensi_pipe *pipe)
{
    const struct lensi_token *token = &parser->lexer.token;
    struct lensi_place place = lensi_parser_place(parser);

    if (token->kind != LENSI_TOKEN_WORD)
        return lensi_parser_expected(parser, "the name of a lens");
    const char *name = lensi_arena_text(token->text, token->bytes);
    if (!name)
        return -ENOMEM;
    const struct lens_ops *ops = lens_find(name);
    const struct lensi_pipe *named = ops ? NULL : find_named(parser, name);
    if (!ops && !named)
        return unknown_lens(parser);
    int result = lensi_parser_next(parser);
    if (result < 0)
        return result;
    if (ops)
        return append_builtin(parser, place, ops, pipe);
    if (lensi_parser_sees(parser, "("))
        return lensi_parser_fail(parser, lensi_parser_place(parser),
                                 "%.40s takes no arguments; they stand where it is defined", name);
    return append(parser, place, pipe, named->stages, named->count, named->text);
}

bool lensi_pipe_is_identity(const struct lensi_pipe *pipe)
{
    for (size_t i = 0; i < pipe->count; i++)
        if (!(pipe->stages[i].ops->flags & LENS_IDENTITY))
            return false;
    return true;
}

bool lensi_site_has_identity(const struct lensi_plan_site *site)
{
    for (size_t i = 0; i < site->pipes_count; i++)
        if (lensi_pipe_is_identity(site->pipes[i]))
            return true;
    return false;
}

int lensi_parser_pipe(struct lensi_parser *parser, const struct lensi_pipe **pipe)
{
    struct lensi_pipe *made = lensi_arena_new(sizeof *made);
    int result = made ? parse_stage(parser, made) : -ENOMEM;

    while (result == 0 && lensi_parser_sees(parser, "|")) {
        result = lensi_parser_next(parser);
        if (result == 0)
            result = parse_stage(parser, made);
    }
    *pipe = made;
    return result;
}

int lensi_pipe_parse(const char *text, const struct lensi_pipe **pipe, struct lens_error *error)
{
    struct lensi_parser parser = {.path = "expression", .error = error};
    int result = lensi_lexer_start(&parser.lexer, text, strlen(text));

    if (result == 0)
        result = lensi_parser_pipe(&parser, pipe);
    if (result == 0 && parser.lexer.token.kind != LENSI_TOKEN_END)
        result = lensi_parser_expected(&parser, "| or the end");
    return result;
}
