/*
 * lens_cuts.h - what every lens must keep whatever it reads: the view does not depend on how it is cut, nor on the
 * window its source is seen through. For fuzz targets: aborts where it does.
 */
#ifndef TESTS_FUZZ_LENS_CUTS_H
#define TESTS_FUZZ_LENS_CUTS_H

#include "tests/unit/reader.h"

#include <stdio.h>

enum { FUZZ_ROOM = 1 << 18 };

static uint8_t fuzz_view[FUZZ_ROOM], fuzz_pieces[FUZZ_ROOM];

/* Makes the view into fuzz_view; its size, or a negative error. */
static inline int64_t fuzz_cuts(const struct lens_ops *ops, const void *params, const uint8_t *text, size_t n,
                                uint64_t seed)
{
    int64_t made = test_view(ops, params, text, n, FUZZ_ROOM, 0, 1, fuzz_view, FUZZ_ROOM);
    int64_t pieces = test_view(ops, params, text, n, 1 + seed % 977, 1 + seed / 977 % 67, seed, fuzz_pieces, FUZZ_ROOM);

    if (made != pieces || (made > 0 && memcmp(fuzz_view, fuzz_pieces, (size_t)made))) {
        fprintf(stderr, "%s: %lld bytes at once, %lld in pieces\n", ops->name, (long long)made, (long long)pieces);
        abort();
    }
    return made;
}

#endif
