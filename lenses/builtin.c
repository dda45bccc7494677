/*
 * builtin.c - the list of lenses that come with lens.
 *
 * Registered when the library is loaded; who links statically and drops this file calls lens_register himself.
 */
#include "lenses/builtin.h"

const struct lens_ops *const lens_builtin[] = {
    &lens_verbatim, &lens_bytes_map, &lens_skip, &lens_gunzip, &lens_record,
    &lens_rows,     &lens_tokens,    &lens_fill, &lens_delimited,
};

const size_t lens_builtin_count = sizeof lens_builtin / sizeof lens_builtin[0];

__attribute__((constructor)) static void register_all(void)
{
    for (size_t i = 0; i < lens_builtin_count; i++)
        lens_register(lens_builtin[i]);
}
