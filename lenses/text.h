/*
 * text.h - what the lenses over text share: windows that grow, lines that are skipped, elements cut in two.
 */
#ifndef LENS_LENSES_TEXT_H
#define LENS_LENSES_TEXT_H

#include "lenses/format_match.h"

/* No piece of text that must be looked at in one go is longer than this. */
#define LENSI_TEXT_LIMIT (2 * (size_t)LENS_TOKEN_MAX)

/*
 * Points *text at the source from `offset` on. `all`: as much as one step may ever look at, which is what to ask for
 * after a cut; otherwise whatever is at hand. 1, 0 at the end of the source, or reader->error.
 */
int lensi_text_at(struct lens_reader *reader, uint64_t offset, int all, struct lensi_text *text);
/* Moves *offset over white space, over `lines` lines. 0, or reader->error. */
int lensi_text_skip_space(struct lens_reader *reader, uint64_t *offset);
int lensi_text_skip_lines(struct lens_reader *reader, uint64_t *offset, uint64_t lines);

/* The output of one get: [out, end). `part` bytes of the element at hand were made by earlier calls. */
struct lensi_out {
    uint8_t *out, *end;
    uint64_t *part;
};

/*
 * Copies what is missing of an element, as far as there is room. Returns 1 when the element is through: then the
 * cursor moves on.
 */
int lensi_out_element(struct lensi_out *out, const uint8_t *element, size_t bytes);

#endif
