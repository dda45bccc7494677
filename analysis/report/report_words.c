/* report_words.c - what several forms of a report say of a trace in words. See report.h. */
#include "analysis/report/report.h"

#include <stdlib.h>
#include <string.h>

void report_end_words(const struct profile_meta *meta, char *to, size_t room)
{
    const char *cut = meta->cut ? "; the trace is cut, what followed is lost" : "";

    switch (meta->end) {
    case LENSI_END_EXIT:
        snprintf(to, room, "ended with status %d%s", meta->end_status, cut);
        break;
    case LENSI_END_UNDER:
        snprintf(to, room, "ended with status %d by _exit%s", meta->end_status, cut);
        break;
    case LENSI_END_EXEC:
        snprintf(to, room, "became another program (exec)%s", cut);
        break;
    case LENSI_END_DISK:
        snprintf(to, room, "the trace could not be written further (disk full?), the program went on%s", cut);
        break;
    case LENSI_END_SIGNAL:
        snprintf(to, room, "ended by signal %d (%s)%s", meta->end_status, strsignal(meta->end_status), cut);
        break;
    case LENSI_END_LOCKED:
        snprintf(to, room, "recorded until it locked itself in (seccomp), the program went on%s", cut);
        break;
    default:
        snprintf(to, room, "still running, or killed%s", cut);
        break;
    }
}

static void print_word(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=+:,@%^";

    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    putc('\'', out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            putc(*word, out);
    putc('\'', out);
}

char *report_command_line(const struct profile_meta *meta)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    if (!out)
        return NULL;
    for (size_t i = 0; i < meta->argc; i++) {
        if (i)
            putc(' ', out);
        print_word(out, meta->argv[i]);
    }
    if (meta->argc == 0)
        fputs(meta->program, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
