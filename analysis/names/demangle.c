/* demangle.c - see demangle.h. Names come out of files and are not trusted: every loop is bounded by the text. */
#include "analysis/names/demangle.h"

#include <libiberty/demangle.h>
#include <stdbool.h>
#include <string.h>

char *demangle(const char *symbol)
{
    char *name = NULL;

    if (strncmp(symbol, "_Z", 2) == 0 || strncmp(symbol, "_R", 2) == 0 || strncmp(symbol, "__Z", 3) == 0) {
        name = rust_demangle(symbol, DMGL_PARAMS | DMGL_ANSI);
        if (!name)
            name = cplus_demangle(symbol, DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP | DMGL_GNU_V3);
    }
    return name;
}

/* A name being shortened. */
struct cutter {
    const char *at;
    char *to;
    size_t length, room;
};

static void keep(struct cutter *cutter, size_t bytes)
{
    for (; bytes && *cutter->at; bytes--, cutter->at++)
        if (cutter->length + 1 < cutter->room)
            cutter->to[cutter->length++] = *cutter->at;
}

/* Steps over text from an opening bracket to its partner. The > of -> closes nothing. */
static void skip_brackets(struct cutter *cutter, char open, char close)
{
    size_t depth = 0;

    for (char before = 0; *cutter->at; before = *cutter->at++) {
        if (*cutter->at == open)
            depth++;
        else if (*cutter->at == close && before != '-' && --depth == 0) {
            cutter->at++;
            return;
        }
    }
}

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* The marks behind "operator" are part of the name: operator<, operator(), operator->. */
static void keep_operator(struct cutter *cutter)
{
    /* Only those with brackets in them; longer ones first. */
    static const char *const marks[] = {"()", "->*", "->", "<=>", "<<=", ">>=", "<<", ">>", "<=", ">=", "<", ">"};

    keep(cutter, strlen("operator"));
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (begins(cutter->at, marks[i])) {
            keep(cutter, strlen(marks[i]));
            return;
        }
    }
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

/* A < that begins a name ("<T as Trait>::f") holds what is to be read; one behind a name holds arguments. */
static bool begins_name(const struct cutter *cutter)
{
    char before = cutter->length ? cutter->to[cutter->length - 1] : 0;

    return cutter->length == 0 || before == ':' || before == ' ' || before == '<' || before == '&';
}

void demangle_shorten(const char *name, char *to, size_t room)
{
    struct cutter cutter = {.at = name, .to = to, .room = room};
    char before = 0;

    if (begins(name, "__GI_")) /* glibc's own name for what others call without it */
        cutter.at += strlen("__GI_");
    while (*cutter.at) {
        if (begins(cutter.at, " [clone") || begins(cutter.at, ") const"))
            break;
        if (!is_word(before) && begins(cutter.at, "operator") && !is_word(cutter.at[8]))
            keep_operator(&cutter);
        else if (begins(cutter.at, "(anonymous namespace)"))
            keep(&cutter, strlen("(anonymous namespace)"));
        else if (*cutter.at == '(' && cutter.length)
            skip_brackets(&cutter, '(', ')');
        else if (*cutter.at == '<' && !begins_name(&cutter))
            skip_brackets(&cutter, '<', '>');
        else if (begins(cutter.at, " const") && (cutter.at[6] == '\0' || cutter.at[6] == ':'))
            cutter.at += strlen(" const");
        else if (*cutter.at == '.' && is_word(before) && cutter.length && !strchr(name, ':'))
            break; /* f.isra.0, f.part.1, f.cold */
        else
            keep(&cutter, 1);
        before = cutter.length ? to[cutter.length - 1] : 0;
    }
    if (room)
        to[cutter.length] = '\0';
    if (cutter.length == 0 && room > 1)
        strncat(to, name, room - 1);
}
