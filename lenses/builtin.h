/*
 * builtin.h - the lenses that come with lens.
 *
 * builtin.c registers each table of lens_builtin when it is loaded; liblens itself knows none.
 */
#ifndef LENS_LENSES_BUILTIN_H
#define LENS_LENSES_BUILTIN_H

#include "liblens/lens.h"

extern const struct lens_ops lens_verbatim;
extern const struct lens_ops lens_bytes_map;
extern const struct lens_ops lens_skip;
extern const struct lens_ops lens_gunzip;
extern const struct lens_ops lens_delimited;
extern const struct lens_ops lens_record;
extern const struct lens_ops lens_rows;
extern const struct lens_ops lens_tokens;
extern const struct lens_ops lens_fill;

extern const struct lens_ops *const lens_builtin[];
extern const size_t lens_builtin_count;

#endif
