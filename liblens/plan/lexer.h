/*
 * lexer.h - the words of the plan language: numbers, strings, words and signs, each with its place.
 *
 * Reads any bytes whatever; never past text + bytes. Memory for strings comes from the arena.
 */
#ifndef LENSI_LEXER_H
#define LENSI_LEXER_H

#include "liblens/lens.h"

#include <stdbool.h>

enum lensi_token_kind {
    LENSI_TOKEN_END,    /* the end of the text */
    LENSI_TOKEN_NUMBER, /* 12, -3, 0x1f, 4K, 0.5, 1e-3 */
    LENSI_TOKEN_STRING, /* "..." with its escapes resolved */
    LENSI_TOKEN_WORD,   /* letter or _, then letters, digits, _ and - */
    LENSI_TOKEN_SIGN,   /* one of = | ( ) { } [ ] , */
    LENSI_TOKEN_BAD     /* none of these; lexer->error says why */
};

/* A number as written: number = (negative ? -1 : 1) * digits * 10^exponent * scale, digits without trailing zeros. */
struct lensi_literal {
    double value;
    int64_t integer; /* value, if it is whole and fits; else 0 */
    bool whole;      /* integer is the value */
    bool negative;
    uint64_t digits;
    int exponent;
};

struct lensi_token {
    enum lensi_token_kind kind;
    unsigned line, column; /* from 1; columns count bytes */
    const char *text;      /* STRING: arena memory; else as written, in the source, not terminated */
    size_t bytes;
    struct lensi_literal number;
};

struct lensi_lexer {
    const char *at, *end;
    const char *line_start;
    unsigned line;
    struct lensi_token token; /* the one looked at */
    char error[120];          /* why token.kind is LENSI_TOKEN_BAD: "what; what to do" */
};

/* Begins at the front of text[0, bytes) and looks at the first token. 0 or -ENOMEM (as lensi_lexer_next). */
int lensi_lexer_start(struct lensi_lexer *lexer, const char *text, size_t bytes);
/* Looks at the next token. 0, or -ENOMEM. At the end and at a bad token it stays there. */
int lensi_lexer_next(struct lensi_lexer *lexer);
/* Whether the token looked at is this word or sign. */
bool lensi_token_is(const struct lensi_token *token, const char *text);

/*
 * Reads the number that is all of text[0, bytes): decimal or 0x..., a sign, a fraction, an exponent, and a size's
 * letter behind (K M G T, powers of 1024, with or without B or iB). At most 19 digits count.
 * 0, or -EINVAL with *problem, a static text.
 */
int lensi_literal_read(const char *text, size_t bytes, struct lensi_literal *number, const char **problem);
/* Writes the number in its one canonical spelling; returns the length it has. */
size_t lensi_literal_print(const struct lensi_literal *number, char *to, size_t room);

#endif
