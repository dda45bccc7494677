/*
 * plan_parser.c - what all parts of the plan's parser use: taking tokens, and errors with their place.
 */
#include "liblens/plan/plan_parts.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/plan/options.h"

#include <errno.h>
#include <string.h>

struct lensi_place lensi_parser_place(const struct lensi_parser *parser)
{
    return (struct lensi_place){parser->lexer.token.line, parser->lexer.token.column};
}

/* A long path is shown by its end, so that the message itself stays whole. */
static const char *shown_path(const char *path)
{
    size_t length = strlen(path);

    return length > 80 ? path + length - 80 : path;
}

int lensi_parser_fail(const struct lensi_parser *parser, struct lensi_place place, const char *format, ...)
{
    struct lens_error *error = parser->error;
    va_list list;

    if (!error)
        return -EINVAL;
    size_t length = lensi_format(error->text, sizeof error->text, "%s:%u:%u: ", shown_path(parser->path), place.line,
                                 place.column);
    va_start(list, format);
    lensi_format_list(error->text + length, sizeof error->text - length, format, list);
    va_end(list);
    error->at = -1;
    return -EINVAL;
}

/* The token looked at, as a message shows it. */
static void show_token(const struct lensi_token *token, char *to, size_t room)
{
    if (token->kind == LENSI_TOKEN_END)
        lensi_format(to, room, "the end");
    else if (token->kind == LENSI_TOKEN_STRING)
        lensi_format(to, room, "\"%.*s\"", (int)(token->bytes < 24 ? token->bytes : 24), token->text);
    else
        lensi_format(to, room, "%.*s", (int)(token->bytes < 24 ? token->bytes : 24), token->text);
}

int lensi_parser_expected(const struct lensi_parser *parser, const char *what)
{
    char shown[40];

    if (parser->lexer.token.kind == LENSI_TOKEN_BAD)
        return lensi_parser_fail(parser, lensi_parser_place(parser), "%s", parser->lexer.error);
    show_token(&parser->lexer.token, shown, sizeof shown);
    return lensi_parser_fail(parser, lensi_parser_place(parser), "expected %s, not %s", what, shown);
}

int lensi_parser_unknown(const struct lensi_parser *parser, const char *what, const char *const *words)
{
    const struct lensi_token *token = &parser->lexer.token;
    char shown[40];

    if (token->kind != LENSI_TOKEN_WORD)
        return lensi_parser_expected(parser, what);
    const char *near = lensi_nearest_word(token->text, token->bytes, words);
    show_token(token, shown, sizeof shown);
    if (near)
        return lensi_parser_fail(parser, lensi_parser_place(parser), "%s is not %s; did you mean %s?", shown, what,
                                 near);
    return lensi_parser_fail(parser, lensi_parser_place(parser), "%s is not %s", shown, what);
}

int lensi_parser_next(struct lensi_parser *parser)
{
    int result = lensi_lexer_next(&parser->lexer);

    if (result == 0 && parser->lexer.token.kind == LENSI_TOKEN_BAD)
        return lensi_parser_fail(parser, lensi_parser_place(parser), "%s", parser->lexer.error);
    return result;
}

bool lensi_parser_sees(const struct lensi_parser *parser, const char *text)
{
    return lensi_token_is(&parser->lexer.token, text);
}

int lensi_parser_take(struct lensi_parser *parser, const char *text)
{
    return lensi_parser_sees(parser, text) ? lensi_parser_next(parser) : lensi_parser_expected(parser, text);
}

int lensi_parser_string(struct lensi_parser *parser, const char *what, const char **text)
{
    const struct lensi_token *token = &parser->lexer.token;

    if (token->kind != LENSI_TOKEN_STRING)
        return lensi_parser_expected(parser, what);
    if (token->bytes == 0)
        return lensi_parser_fail(parser, lensi_parser_place(parser), "this string is empty; write %s", what);
    if (memchr(token->text, '\0', token->bytes))
        return lensi_parser_fail(parser, lensi_parser_place(parser), "a NUL byte cannot stand here; write %s", what);
    *text = token->text;
    return lensi_parser_next(parser);
}

int lensi_parser_whole(struct lensi_parser *parser, const char *what, uint64_t *value)
{
    const struct lensi_token *token = &parser->lexer.token;

    if (token->kind != LENSI_TOKEN_NUMBER)
        return lensi_parser_expected(parser, what);
    if (!token->number.whole || token->number.negative)
        return lensi_parser_fail(parser, lensi_parser_place(parser),
                                 "%.*s cannot stand here; write %s, whole and not negative",
                                 (int)(token->bytes < 24 ? token->bytes : 24), token->text, what);
    *value = (uint64_t)token->number.integer;
    return lensi_parser_next(parser);
}

void *lensi_parser_grow(void *list, size_t count, size_t bytes)
{
    if (count != 0 && (count < 4 || (count & (count - 1)) != 0))
        return list;
    void *moved = lensi_arena_new((count < 4 ? 4 : count * 2) * bytes);
    if (moved && count)
        memcpy(moved, list, count * bytes);
    return moved;
}
