/* options_chaos.c - what --chaos asks for: "SEED[,min=SIZE][,max=SIZE][,nomap][,nostep]"; see options.h. */
#include "liblens/plan/options.h"

#include "liblens/base/log.h"
#include "liblens/plan/lexer.h"

#include <string.h>

static int read_word(const char *text, size_t bytes, struct lensi_chaos_spec *spec, struct lens_error *error)
{
    char word[64];

    lensi_format(word, sizeof word, "%.*s", (int)(bytes < sizeof word ? bytes : sizeof word - 1), text);
    if (strcmp(word, "nomap") == 0)
        spec->no_map = true;
    else if (strcmp(word, "nostep") == 0)
        spec->no_step = true;
    else if (strncmp(word, "min=", 4) == 0)
        return lensi_parse_size(word + 4, &spec->min_bytes, error);
    else if (strncmp(word, "max=", 4) == 0)
        return lensi_parse_size(word + 4, &spec->max_bytes, error);
    else
        return lens_error_set(error, -1, "\"%s\" is not known; write a seed, and behind it min=SIZE, max=SIZE, nomap or nostep", word);
    return 0;
}

int lensi_chaos_parse(const char *text, struct lensi_chaos_spec *spec, struct lens_error *error)
{
    const char *end = strchr(text, ',');
    size_t bytes = end ? (size_t)(end - text) : strlen(text);
    struct lensi_literal number;
    const char *problem;
    int result = 0;

    if (lensi_literal_read(text, bytes, &number, &problem) < 0 || number.negative || !number.whole)
        return lens_error_set(error, -1, "\"%.40s\" is not a seed; write a whole number, such as 1", text);
    *spec = (struct lensi_chaos_spec){.on = true, .seed = (uint64_t)number.integer, .max_bytes = UINT64_MAX};
    while (end && result == 0) {
        const char *word = end + 1;
        end = strchr(word, ',');
        result = read_word(word, end ? (size_t)(end - word) : strlen(word), spec, error);
    }
    return result;
}
