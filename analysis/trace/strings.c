/* strings.c - see strings.h. */
#include "analysis/trace/strings.h"

#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->lost = 1)
#include <uthash.h>

struct string {
    UT_hash_handle hh;
    int lost; /* the table had no memory for it */
    char text[];
};
struct strings {
    struct string *table;
};

struct strings *strings_new(void)
{
    return calloc(1, sizeof(struct strings));
}

void strings_free(struct strings *strings)
{
    struct string *string, *next;

    if (!strings)
        return;
    HASH_ITER(hh, strings->table, string, next) {
        HASH_DEL(strings->table, string);
        free(string);
    }
    free(strings);
}

const char *strings_keep(struct strings *strings, const char *text, size_t bytes)
{
    struct string *string;

    HASH_FIND(hh, strings->table, text, bytes, string);
    if (string)
        return string->text;
    string = malloc(sizeof *string + bytes + 1);
    if (!string)
        return NULL;
    string->lost = 0;
    memcpy(string->text, text, bytes);
    string->text[bytes] = '\0';
    HASH_ADD_KEYPTR(hh, strings->table, string->text, bytes, string);
    if (!string->lost)
        return string->text;
    free(string);
    return NULL;
}
