/*
 * delimited_cell.c - one field of a delimited text: what number it is, and what kind of number pandas sees in it.
 */
#include "lenses/delimited.h"
#include "lenses/number_parts.h"

#include <errno.h>
#include <string.h>

/* A byte that no number has, nor stands beside one. */
#define NO_NUMBER '\1'
/* The missing value of pandas and numpy. */
#define NAN_F64 0x7FF8000000000000ull
#define NAN_F32 0x7FC00000u

static int is_one_of(const uint8_t *text, size_t bytes, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == bytes && memcmp(text, *words, bytes) == 0)
            return 1;
    return 0;
}

int lensi_cell_missing(const struct lensi_delimited *p, const uint8_t *text, size_t bytes)
{
    static const char *const pandas[] = {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND",
                                         "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null", NULL};
    size_t at = p->na_at;

    if (p->na_pandas)
        return is_one_of(text, bytes, pandas);
    for (uint16_t k = 0; k < p->na_count; k++) {
        size_t word_bytes;
        const uint8_t *word = lensi_pool_next(p, &at, &word_bytes);

        if (word_bytes == bytes && memcmp(word, text, bytes) == 0)
            return 1;
    }
    return 0;
}

/*
 * inf and infinity with a sign, in any case: what pandas accepts behind its number reader, and without blanks. 0, or
 * all of it.
 */
static size_t read_infinity(const uint8_t *text, size_t bytes, struct lens_number *number)
{
    size_t sign = bytes > 0 && (*text == '-' || *text == '+');
    size_t used = lensi_match_word(text + sign, bytes - sign, "infinity");

    if (used == 0)
        used = lensi_match_word(text + sign, bytes - sign, "inf");
    number->d = sign && *text == '-' ? -__builtin_inf() : __builtin_inf();
    return used && sign + used == bytes ? bytes : 0;
}

int lensi_cell_store_missing(const struct lensi_delimited *p, const struct lensi_item *item, uint8_t *out)
{
    const uint64_t wide = NAN_F64;
    const uint32_t narrow = NAN_F32;

    if (item->type == LENS_TYPE_F64)
        memcpy(out, &wide, sizeof wide);
    else if (item->type == LENS_TYPE_F32)
        memcpy(out, &narrow, sizeof narrow);
    else if (p->odd_missing)
        memset(out, 0, item->bytes);
    else
        return -EILSEQ;
    return 0;
}

static int is_pandas(const struct lensi_item *item)
{
    return item->as == LENS_AS_PANDAS || item->as == LENS_AS_PANDAS_LEGACY;
}

/* pandas keeps a column with such a number as text; its older reader looks at positive ones only. */
static int is_too_large(const struct lensi_item *item, const struct lens_number *number)
{
    return is_pandas(item) && number->flags & LENS_NUMBER_OVERFLOW && (item->as == LENS_AS_PANDAS || number->d > 0);
}

/* The whole of `text` must be the number; blanks around it do not matter. */
static int read_number(const struct lensi_item *item, const uint8_t *text, size_t bytes, uint8_t *out)
{
    struct lens_number number;
    size_t used = lensi_number_read((enum lens_as)item->as, text, bytes, &number);

    if (used == 0 && is_pandas(item))
        used = read_infinity(text, bytes, &number);
    else if (is_too_large(item, &number))
        return -EILSEQ;
    if (used == 0)
        return -EILSEQ;
    while (used < bytes && lensi_is_space(text[used]))
        used++;
    if (used < bytes)
        return -EILSEQ;
    lensi_number_store((enum lens_as)item->as, &number, (enum lens_type)item->type, out);
    return 0;
}

/* 1 true, 0 false, -1 neither; in any case, as pandas has them. */
static int read_truth(const uint8_t *text, size_t bytes)
{
    if (bytes == 4 && lensi_match_word(text, bytes, "true") == 4)
        return 1;
    return bytes == 5 && lensi_match_word(text, bytes, "false") == 5 ? 0 : -1;
}

/*
 * The field's text as a number would be written: with a point, and without marks between thousands. It may be in
 * `copy`. NULL if it does not fit there.
 */
static const uint8_t *plain_text(const struct lensi_delimited *p, const struct lensi_field *field, uint8_t *copy,
                                 size_t room, size_t *bytes)
{
    size_t used = 0;
    int whole = 1;

    *bytes = field->bytes;
    if (p->decimal == '.' && !p->thousands)
        return field->text;
    if (field->bytes > room)
        return NULL;
    for (size_t i = 0; i < field->bytes; i++) {
        uint8_t c = field->text[i];

        if (p->thousands && whole && i > 0 && c == p->thousands && lensi_is_digit(field->text[i - 1]))
            continue;
        whole = whole && (lensi_is_digit(c) || used == 0 || lensi_is_space(c));
        copy[used++] = c == p->decimal ? '.' : c == '.' ? NO_NUMBER : c;
    }
    *bytes = used;
    return copy;
}

int lensi_cell_read(const struct lensi_delimited *p, const struct lensi_item *item, const struct lensi_field *field,
                    struct lens_reader *reader, uint8_t *out)
{
    size_t bytes;
    const uint8_t *text = plain_text(p, field, reader->scratch, reader->scratch_bytes, &bytes);
    struct lens_number truth;

    if (lensi_cell_missing(p, field->text, field->bytes))
        return lensi_cell_store_missing(p, item, out);
    if (!text)
        return -EILSEQ;
    if (item->as != LENSI_AS_TRUTH && read_number(item, text, bytes, out) == 0)
        return 0;
    truth.i = p->infer ? read_truth(text, bytes) : -1;
    if (truth.i < 0)
        return -EILSEQ;
    lensi_number_store(LENS_AS_STRTOL, &truth, (enum lens_type)item->type, out);
    return 0;
}

/* ------------------------------------------------------------------ what a cell shows of its column */

static int is_whole(const uint8_t *text, size_t bytes, struct lens_number *number)
{
    size_t used = lensi_strtol(text, bytes, 10, number);

    while (used > 0 && used < bytes && lensi_is_space(text[used]))
        used++;
    return used > 0 && used == bytes;
}

/* A whole number outside of int64. */
static unsigned see_large(const uint8_t *text, size_t bytes)
{
    struct lens_number number;

    if (memchr(text, '-', bytes))
        return LENSI_SEEN_LOW | LENSI_SEEN_NEGATIVE;
    lensi_strtoul(text, bytes, 10, &number);
    return number.flags & LENS_NUMBER_OVERFLOW ? LENSI_SEEN_HUGE : LENSI_SEEN_UNSIGNED;
}

unsigned lensi_cell_see(const struct lensi_delimited *p, const struct lensi_field *field, struct lens_reader *reader,
                        unsigned before)
{
    static const struct lensi_item real = {.bytes = 8, .type = LENS_TYPE_F64, .as = LENS_AS_PANDAS};
    struct lens_number number;
    uint8_t value[8];
    size_t bytes;
    const uint8_t *text = plain_text(p, field, reader->scratch, reader->scratch_bytes, &bytes);

    if (lensi_cell_missing(p, field->text, field->bytes))
        return LENSI_SEEN_MISSING;
    if (!text)
        return LENSI_SEEN_TEXT;
    if (is_whole(text, bytes, &number)) {
        if (!(number.flags & LENS_NUMBER_OVERFLOW))
            return LENSI_SEEN_WHOLE | (memchr(text, '-', bytes) ? LENSI_SEEN_NEGATIVE : 0u);
        if (!(before & LENSI_SEEN_REAL))
            return see_large(text, bytes);
    }
    if (read_number(&real, text, bytes, value) == 0)
        return lensi_see_real(before, memchr(text, '-', bytes) == text);
    return read_truth(text, bytes) >= 0 ? LENSI_SEEN_TRUTH : LENSI_SEEN_TEXT;
}
