/* text.c - see text.h. */
#include "lenses/text.h"

/* What is asked for when the window may be anything: enough for many elements, little enough to be there mostly. */
enum { AT_HAND = 512 };

int lensi_text_at(struct lens_reader *reader, uint64_t offset, int all, struct lensi_text *text)
{
    size_t want = all ? LENSI_TEXT_LIMIT : AT_HAND;
    size_t n = lens_reader_at(reader, offset, want, &text->p);

    if (!n)
        return reader->error;
    text->end = text->p + n;
    text->final = n < want;
    return 1;
}

int lensi_text_skip_space(struct lens_reader *reader, uint64_t *offset)
{
    struct lensi_text text;
    const uint8_t *stop;
    int result;

    while ((result = lensi_text_at(reader, *offset, 0, &text)) > 0) {
        stop = lensi_skip_space(text.p, text.end);
        *offset += (uint64_t)(stop - text.p);
        if (stop < text.end)
            return 0;
    }
    return result;
}

int lensi_text_skip_lines(struct lens_reader *reader, uint64_t *offset, uint64_t lines)
{
    struct lensi_text text;
    const uint8_t *newline;
    int result;

    while (lines) {
        result = lensi_text_at(reader, *offset, 0, &text);
        if (result <= 0)
            return result;
        newline = memchr(text.p, '\n', (size_t)(text.end - text.p));
        *offset += (uint64_t)((newline ? newline + 1 : text.end) - text.p);
        lines -= newline != NULL;
    }
    return 0;
}

int lensi_out_element(struct lensi_out *out, const uint8_t *element, size_t bytes)
{
    size_t room = (size_t)(out->end - out->out), left = bytes - (size_t)*out->part;
    size_t n = left < room ? left : room;

    memcpy(out->out, element + *out->part, n);
    out->out += n;
    *out->part = n == left ? 0 : *out->part + n;
    return n == left;
}
