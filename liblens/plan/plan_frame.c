/*
 * plan_frame.c - one frame of a site, as a string says it:
 *
 *     NAME                    glob over the function's name or the module's base name
 *     MODULE+0xLOW[-0xHIGH]   return addresses in the module's file; more ranges behind commas
 *     [MODULE:]FILE:LINE      a line of source, which `lens run` makes ranges of
 */
#include "liblens/plan/plan_parts.h"

#include "liblens/base/arena.h"

#include <errno.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Where the offsets of MODULE+0x... begin (at the +), or NULL. A + and digits alone are meant as offsets, too. */
static const char *find_offsets(const char *text)
{
    const char *plus = strrchr(text, '+');

    return plus && is_digit(plus[1]) ? plus : NULL;
}

/* Where the line of FILE:LINE begins (at the :), or NULL. */
static const char *find_line(const char *text)
{
    const char *colon = strrchr(text, ':'), *at;

    if (!colon || colon == text || colon[-1] == ':' || !colon[1])
        return NULL;
    for (at = colon + 1; is_digit(*at); at++)
        ;
    return *at ? NULL : colon;
}

/* Reads 0x... at *at. */
static bool read_offset(const char **at, uint64_t *value)
{
    const char *c = *at;

    if (c[0] != '0' || (c[1] | 32) != 'x')
        return false;
    *value = 0;
    for (c += 2;; c++) {
        int digit = is_digit(*c) ? *c - '0' : (*c | 32) >= 'a' && (*c | 32) <= 'f' ? (*c | 32) - 'a' + 10 : -1;

        if (digit < 0)
            break;
        if (*value >> 56)
            return false;
        *value = *value * 16 + (unsigned)digit;
    }
    bool any = c > *at + 2;
    *at = c;
    return any;
}

/* LOW or LOW-HIGH at *at. */
static bool read_range(const char **at, struct lensi_frame *frame)
{
    if (!read_offset(at, &frame->low))
        return false;
    frame->high = frame->low + 1;
    if (**at != '-')
        return true;
    ++*at;
    return read_offset(at, &frame->high) && frame->high > frame->low;
}

static int parse_offsets(const struct lensi_parser *parser, struct lensi_place place, const char *text,
                         const char *plus, struct lensi_frame *frame)
{
    const char *module = lensi_arena_text(text, (size_t)(plus - text)), *at = plus + 1;

    if (!module)
        return -ENOMEM;
    for (;;) {
        frame->kind = LENSI_FRAME_OFFSET;
        frame->text = module;
        if (!*module || !read_range(&at, frame))
            break;
        if (*at == '\0')
            return 0;
        if (*at++ != ',')
            break;
        struct lensi_frame *more = lensi_arena_new(sizeof *more);
        if (!more)
            return -ENOMEM;
        frame->also = more;
        frame = more;
    }
    return lensi_parser_fail(parser, place, "\"%.40s\" is not a place in a module; write \"module+0x1234\" or "
                             "\"module+0x1200-0x1260\"", text);
}

static int parse_line(const struct lensi_parser *parser, struct lensi_place place, const char *text, const char *colon,
                      struct lensi_frame *frame)
{
    uint64_t line = 0;

    for (const char *at = colon + 1; *at; at++)
        line = line < UINT32_MAX ? line * 10 + (uint64_t)(*at - '0') : line;
    if (line == 0 || line > INT32_MAX)
        return lensi_parser_fail(parser, place, "\"%.40s\" names no line; lines count from 1", text);
    frame->kind = LENSI_FRAME_LINE;
    frame->text = lensi_arena_text(text, (size_t)(colon - text));
    frame->line = (unsigned)line;
    return frame->text ? 0 : -ENOMEM;
}

int lensi_parser_frame(const struct lensi_parser *parser, struct lensi_place place, const char *text,
                       struct lensi_frame *frame)
{
    const char *plus = find_offsets(text), *colon = find_line(text);

    memset(frame, 0, sizeof *frame);
    if (plus)
        return parse_offsets(parser, place, text, plus, frame);
    if (colon)
        return parse_line(parser, place, text, colon, frame);
    frame->kind = LENSI_FRAME_NAME;
    frame->text = text;
    return 0;
}

bool lensi_frame_holds(const struct lensi_frame *frame, uint64_t offset)
{
    for (; frame; frame = frame->also)
        if (frame->kind == LENSI_FRAME_OFFSET && frame->low <= offset && offset < frame->high)
            return true;
    return false;
}
