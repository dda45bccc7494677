/*
 * plan_parts.h - what the files of the plan's parser and printer share; nobody else includes it.
 */
#ifndef LENSI_PLAN_PARTS_H
#define LENSI_PLAN_PARTS_H

#include "liblens/plan/lexer.h"
#include "liblens/plan/plan.h"

/* A place in the text, for messages. */
struct lensi_place {
    unsigned line, column;
};

/* `lens NAME = ...` */
struct lensi_named_lens {
    const char *name;
    const struct lensi_pipe *pipe;
};

/* One parse. Functions return 0, -EINVAL with *error filled in, or -ENOMEM. */
struct lensi_parser {
    struct lensi_lexer lexer;
    const char *path; /* for messages */
    struct lens_error *error;
    struct lensi_named_lens *named;
    size_t named_count;
};

/* plan_parser.c: words and errors */
struct lensi_place lensi_parser_place(const struct lensi_parser *parser);
/* Fills *error in with "FILE:LINE:COLUMN: ..." and returns -EINVAL. */
int lensi_parser_fail(const struct lensi_parser *parser, struct lensi_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Fails at the token looked at: "expected WHAT, not TOKEN". */
int lensi_parser_expected(const struct lensi_parser *parser, const char *what);
/* Fails at the token looked at, a word that is none of `words` (NULL-terminated); names the nearest. */
int lensi_parser_unknown(const struct lensi_parser *parser, const char *what, const char *const *words);
int lensi_parser_next(struct lensi_parser *parser);
bool lensi_parser_sees(const struct lensi_parser *parser, const char *text);
/* Takes a sign or a word that must come next. */
int lensi_parser_take(struct lensi_parser *parser, const char *text);
/* Takes a string without NUL bytes; `what` names it in the message. */
int lensi_parser_string(struct lensi_parser *parser, const char *what, const char **text);
/* Takes a whole number that is not negative. */
int lensi_parser_whole(struct lensi_parser *parser, const char *what, uint64_t *value);
/*
 * Room for one more item of `bytes` bytes behind `count` of them: returns the list, moved and doubled when it is full
 * (the old one is left in the arena), or NULL.
 */
void *lensi_parser_grow(void *list, size_t count, size_t bytes);

/* plan_pipe.c */
int lensi_parser_pipe(struct lensi_parser *parser, const struct lensi_pipe **pipe);

/* plan_frame.c: one frame of a site, from a string already taken */
int lensi_parser_frame(const struct lensi_parser *parser, struct lensi_place place, const char *text,
                       struct lensi_frame *frame);

/* plan_print.c: canonical text. length goes on counting when the room is used up. */
struct lensi_writer {
    char *to;
    size_t room, length;
};
void lensi_write(struct lensi_writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lensi_write_string(struct lensi_writer *writer, const char *text, size_t bytes);
void lensi_write_stage(struct lensi_writer *writer, const char *name, const struct lens_args *args);
/* The frame as it stands in a plan, without quotes. */
void lensi_write_frame(struct lensi_writer *writer, const struct lensi_frame *frame);

#endif
