/* suggest_lens.h - the lenses that could make some memory of a file of a kind (suggest.h). */
#ifndef LENS_SUGGEST_LENS_H
#define LENS_SUGGEST_LENS_H

#include "analysis/report/sniff.h"

#define SUGGEST_LENSES_MAX 8 /* alternatives of a site */
#define SUGGEST_LENS_BYTES 3072

struct suggest_memory {
    double bytes;       /* at the peak */
    double block_bytes; /* of one block, on average */
    bool is_read_into;  /* it holds the file's own bytes */
};
struct suggest_lenses {
    char text[SUGGEST_LENSES_MAX][SUGGEST_LENS_BYTES];
    size_t count;
    char extent[64]; /* "read", "352 step block", or "" */
};

void suggest_lenses_for(const struct suggest_memory *memory, const struct sniff *sniff, struct suggest_lenses *lenses);

#endif
