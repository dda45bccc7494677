/* value.c - see value.h. */
#include "analysis/trace/value.h"

#include "analysis/term/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

json_object *value_text(const char *text)
{
    char *clean = text ? utf8_clean(text) : NULL;
    json_object *value = clean ? json_object_new_string(clean) : NULL;

    free(clean);
    return value;
}

void value_add_text(json_object *to, const char *key, const char *text) { json_object_object_add(to, key, value_text(text)); }

void value_add_count(json_object *to, const char *key, uint64_t count)
{
    json_object_object_add(to, key, json_object_new_uint64(count));
}

void value_add_bool(json_object *to, const char *key, bool value)
{
    json_object_object_add(to, key, json_object_new_boolean(value));
}

void value_add_number(json_object *to, const char *key, double value)
{
    char text[40];

    snprintf(text, sizeof text, "%.6g", value);
    json_object_object_add(to, key, isfinite(value) ? json_object_new_double_s(strtod(text, NULL), text) : NULL);
}

int value_print(FILE *out, json_object *value)
{
    const char *text = value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                                         JSON_C_TO_STRING_NOSLASHESCAPE)
                             : NULL;

    if (text)
        fprintf(out, "%s\n", text);
    json_object_put(value);
    return text ? 0 : -ENOMEM;
}
