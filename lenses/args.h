/*
 * args.h - reading a lens's arguments: one value each, with an error a person can act on.
 *
 * Used by configure functions only; not in the fault path. Every function returns 0 or -EINVAL with *error
 * filled in; `i` is the index of the argument in `args`.
 */
#ifndef LENS_LENSES_ARGS_H
#define LENS_LENSES_ARGS_H

#include "liblens/lens.h"

/* Whether argument i is called `key`. */
int lensi_args_is(const struct lens_args *args, size_t i, const char *key);
/* The error for an argument nobody asked for. `usage` is the lens's line of usage. */
int lensi_args_unknown(const struct lens_args *args, size_t i, const char *usage, struct lens_error *error);
/* A whole number in [low, high]. */
int lensi_args_whole(const struct lens_args *args, size_t i, int64_t low, int64_t high, int64_t *value,
                     struct lens_error *error);
/* Any number; *whole says whether it was written as one that int64_t holds. */
int lensi_args_real(const struct lens_args *args, size_t i, double *value, int *whole, struct lens_error *error);
/* A string or a word; the text stays owned by args. */
int lensi_args_text(const struct lens_args *args, size_t i, const char **text, size_t *bytes, struct lens_error *error);
/* A string of exactly one byte. */
int lensi_args_byte(const struct lens_args *args, size_t i, uint8_t *byte, struct lens_error *error);
/* One of `words` (NULL-terminated); *index is its place. */
int lensi_args_choice(const struct lens_args *args, size_t i, const char *const *words, int *index,
                      struct lens_error *error);
/* yes, no, true, false, 1 or 0. */
int lensi_args_flag(const struct lens_args *args, size_t i, int *flag, struct lens_error *error);
/* The items of a list; a single value counts as a list of one. Owned by args. */
void lensi_args_items(const struct lens_args *args, size_t i, const struct lens_value **items, size_t *count);

#endif
