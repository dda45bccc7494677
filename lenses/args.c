/* args.c - see args.h. */
#include "lenses/args.h"

#include <errno.h>
#include <string.h>

static int is_text(const struct lens_value *value)
{
    return value->kind == LENS_STRING || value->kind == LENS_WORD;
}

/* The argument's name for messages. */
static const char *name_of(const struct lens_args *args, size_t i)
{
    return args->list[i].key ? args->list[i].key : "the unnamed argument";
}

int lensi_args_is(const struct lens_args *args, size_t i, const char *key)
{
    return args->list[i].key && strcmp(args->list[i].key, key) == 0;
}

int lensi_args_unknown(const struct lens_args *args, size_t i, const char *usage, struct lens_error *error)
{
    return lens_error_set(error, (int)i, "%s is not wanted here; write %s", name_of(args, i), usage);
}

int lensi_args_whole(const struct lens_args *args, size_t i, int64_t low, int64_t high, int64_t *value,
                     struct lens_error *error)
{
    const struct lens_value *given = &args->list[i].value;

    if (given->kind != LENS_NUMBER || (double)given->integer != given->number || given->integer < low ||
        given->integer > high)
        return lens_error_set(error, (int)i, "%s must be a whole number from %lld to %lld", name_of(args, i),
                              (long long)low, (long long)high);
    *value = given->integer;
    return 0;
}

int lensi_args_real(const struct lens_args *args, size_t i, double *value, int *whole, struct lens_error *error)
{
    const struct lens_value *given = &args->list[i].value;

    if (given->kind != LENS_NUMBER)
        return lens_error_set(error, (int)i, "%s must be a number", name_of(args, i));
    *value = given->number;
    *whole = (double)given->integer == given->number;
    return 0;
}

int lensi_args_text(const struct lens_args *args, size_t i, const char **text, size_t *bytes, struct lens_error *error)
{
    const struct lens_value *given = &args->list[i].value;

    if (!is_text(given))
        return lens_error_set(error, (int)i, "%s must be a string in quotes", name_of(args, i));
    *text = given->text;
    *bytes = given->text_bytes;
    return 0;
}

int lensi_args_byte(const struct lens_args *args, size_t i, uint8_t *byte, struct lens_error *error)
{
    const struct lens_value *given = &args->list[i].value;

    if (!is_text(given) || given->text_bytes != 1)
        return lens_error_set(error, (int)i, "%s must be a string of one byte, such as \",\"", name_of(args, i));
    *byte = (uint8_t)given->text[0];
    return 0;
}

/* "a, b or c" into out, as much as fits. */
static void list_words(const char *const *words, char *out, size_t size)
{
    size_t at = 0;

    for (size_t w = 0; words[w]; w++) {
        const char *join = w == 0 ? "" : words[w + 1] ? ", " : " or ";
        size_t join_bytes = strlen(join), word_bytes = strlen(words[w]);

        if (at + join_bytes + word_bytes >= size)
            break;
        memcpy(out + at, join, join_bytes);
        memcpy(out + at + join_bytes, words[w], word_bytes);
        at += join_bytes + word_bytes;
    }
    out[at] = '\0';
}

int lensi_args_choice(const struct lens_args *args, size_t i, const char *const *words, int *index,
                      struct lens_error *error)
{
    const struct lens_value *given = &args->list[i].value;
    char list[160];

    for (int w = 0; given->text && words[w]; w++) {
        if (strcmp(given->text, words[w]) == 0) {
            *index = w;
            return 0;
        }
    }
    list_words(words, list, sizeof list);
    return lens_error_set(error, (int)i, "%s must be %s", name_of(args, i), list);
}

int lensi_args_flag(const struct lens_args *args, size_t i, int *flag, struct lens_error *error)
{
    static const char *const words[] = {"no", "yes", "false", "true", "0", "1", NULL};
    int index;
    int result = lensi_args_choice(args, i, words, &index, error);

    if (result == 0)
        *flag = index & 1;
    return result;
}

void lensi_args_items(const struct lens_args *args, size_t i, const struct lens_value **items, size_t *count)
{
    const struct lens_value *given = &args->list[i].value;
    int list = given->kind == LENS_LIST;

    *items = list ? given->items : given;
    *count = list ? given->items_count : 1;
}
