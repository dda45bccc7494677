/*
 * make_trace.c - a trace out of a text, for tests: whatever records a test wants, right or wrong.
 *
 *   make_trace < TEXT > TRACE
 *
 * A line is a record: its kind and the numbers and "texts" of its body, in the order of docs/formats.md. A number with s in front
 * is signed (zigzag). "..." knows \n, \", \\, \xNN. repeat N "text" writes the text N times into one. hex "..." is a text of raw
 * bytes. $NAME takes a number from the command line (NAME=NUMBER).
 * `frame` on a line of its own ends a frame, so does the end; `frame bad` ends one whose checksum is wrong. # begins a comment.
 */
#include "liblens/base/checksum.h"
#include "liblens/base/trace.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct bytes {
    unsigned char *list;
    size_t count, room;
};

static int arguments_count;
static char **arguments;

static void fail(const char *what, const char *line)
{
    fprintf(stderr, "make_trace: %s: %s\n", what, line);
    exit(1);
}

static void add(struct bytes *to, const void *from, size_t count)
{
    if (to->count + count > to->room) {
        to->room = 2 * (to->count + count) + 256;
        to->list = realloc(to->list, to->room);
        if (!to->list)
            fail("out of memory", "");
    }
    if (count)
        memcpy(to->list + to->count, from, count);
    to->count += count;
}

static void add_varint(struct bytes *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        add(to, &(unsigned char){(unsigned char)(value | 0x80)}, 1);
    add(to, &(unsigned char){(unsigned char)value}, 1);
}

/* ---- words of a line */

static unsigned hex_digits(const char **at)
{
    char two[3] = {(*at)[0], (*at)[0] ? (*at)[1] : 0, 0};

    *at += 2;
    return (unsigned)strtoul(two, NULL, 16);
}

/* From behind the opening quote to behind the closing one. */
static const char *read_text(const char *at, struct bytes *text)
{
    while (*at && *at != '"') {
        char c = *at++;

        if (c == '\\' && *at == 'x') {
            at++;
            c = (char)hex_digits(&at);
        } else if (c == '\\') {
            c = *at == 'n' ? '\n' : *at;
            at++;
        }
        add(text, &c, 1);
    }
    return *at ? at + 1 : at;
}

static const char *read_hex(const char *at, struct bytes *text)
{
    while (*at && *at != '"') {
        unsigned char byte = (unsigned char)hex_digits(&at);

        add(text, &byte, 1);
    }
    return *at ? at + 1 : at;
}

static const char *read_argument(const char *at, uint64_t *value)
{
    size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

    for (int i = 1; i < arguments_count; i++)
        if (strncmp(arguments[i], at, length) == 0 && arguments[i][length] == '=') {
            *value = strtoull(arguments[i] + length + 1, NULL, 0);
            return at + length;
        }
    fail("no such argument", at);
    return at;
}

static const char *read_number(const char *at, uint64_t *value)
{
    char *end;

    if (*at == '$')
        return read_argument(at + 1, value);
    if (*at == 's') {
        int64_t number = strtoll(at + 1, &end, 0);
        *value = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    } else {
        *value = strtoull(at, &end, 0);
    }
    if (end == at)
        fail("not a number", at);
    return end;
}

static void add_counted(struct bytes *body, struct bytes *text, uint64_t times)
{
    add_varint(body, text->count * times);
    while (times--)
        add(body, text->list, text->count);
    free(text->list);
}

/* One word into the body; returns what follows. */
static const char *read_word(const char *at, struct bytes *body)
{
    struct bytes text = {0};
    uint64_t value, times = 1;

    if (strncmp(at, "repeat ", 7) == 0) {
        at = read_number(at + 7, &times);
        at += strspn(at, " ");
    }
    if (*at == '"') {
        at = read_text(at + 1, &text);
        add_counted(body, &text, times);
    } else if (strncmp(at, "hex \"", 5) == 0) {
        at = read_hex(at + 5, &text);
        add_counted(body, &text, times);
    } else {
        at = read_number(at, &value);
        add_varint(body, value);
    }
    return at;
}

/* ---- frames */

static void write_frame(struct bytes *records, int is_bad)
{
    uLongf packed_bytes = compressBound(records->count);
    unsigned char *packed = malloc(sizeof(struct lensi_frame_header) + packed_bytes);
    struct lensi_frame_header header = {.mark = LENSI_FRAME_MARK, .kind = LENSI_FRAME_RECORDS};

    if (!packed || compress(packed + sizeof header, &packed_bytes, records->list, records->count) != Z_OK)
        fail("cannot pack", "");
    header.raw_bytes = (uint32_t)records->count;
    header.packed_bytes = (uint32_t)packed_bytes;
    memcpy(packed, &header, sizeof header);
    header.checksum = lensi_checksum(packed, sizeof header + packed_bytes) + (is_bad ? 1 : 0);
    memcpy(packed, &header, sizeof header);
    fwrite(packed, 1, sizeof header + packed_bytes, stdout);
    free(packed);
    records->count = 0;
}

static void read_line(const char *line, struct bytes *records)
{
    struct bytes body = {0};
    const char *at = line + strspn(line, " \t");
    uint64_t kind;

    if (*at == '#' || *at == '\n' || *at == '\0')
        return;
    if (strncmp(at, "frame", 5) == 0) {
        write_frame(records, strstr(at, "bad") != NULL);
        return;
    }
    at = read_number(at, &kind);
    while (*(at += strspn(at, " \t,")) && *at != '\n' && *at != '#')
        at = read_word(at, &body);
    if (records->count + body.count + 20 > LENSI_FRAME_RAW_MAX)
        write_frame(records, 0);
    add_varint(records, kind);
    add_varint(records, body.count);
    add(records, body.list, body.count);
    free(body.list);
}

int main(int argc, char **argv)
{
    struct bytes records = {0};
    char *line = NULL;
    size_t room = 0;

    arguments_count = argc;
    arguments = argv;
    fwrite(LENSI_TRACE_MAGIC, 1, LENSI_TRACE_MAGIC_BYTES, stdout);
    while (getline(&line, &room, stdin) > 0)
        read_line(line, &records);
    if (records.count)
        write_frame(&records, 0);
    free(line);
    free(records.list);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
