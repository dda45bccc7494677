/*
 * trace_read.h - a trace file as a sequence of records.
 *
 * Nothing in a file is trusted: every length is checked, a frame that fails its checksum ends the trace.
 */
#ifndef LENS_TRACE_READ_H
#define LENS_TRACE_READ_H

#include "liblens/base/trace.h"
#include "liblens/lens.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The body of a record; what is read behind its end is 0, and is_short then says so. */
struct record {
    uint64_t kind;
    const uint8_t *at, *end;
    bool is_short;
};

uint64_t record_long_number(struct record *record);
/* Most numbers are one byte, or two or three. */
static inline uint64_t record_number(struct record *record)
{
    const uint8_t *at = record->at;

    if (record->end - at < 3)
        return record_long_number(record);
    if (at[0] < 0x80) {
        record->at = at + 1;
        return at[0];
    }
    if (at[1] < 0x80) {
        record->at = at + 2;
        return (at[0] & 0x7fu) | (uint64_t)at[1] << 7;
    }
    if (at[2] < 0x80) {
        record->at = at + 3;
        return (at[0] & 0x7fu) | (at[1] & 0x7fu) << 7 | (uint64_t)at[2] << 14;
    }
    return record_long_number(record);
}
int64_t record_signed(struct record *record);
/* *bytes points into the record; the count is returned. */
size_t record_bytes(struct record *record, const uint8_t **bytes);
/* A text in malloc memory; NULL only if there is none left. A NUL inside ends it. */
char *record_text(struct record *record);
static inline bool record_is_at_end(const struct record *record) { return record->at >= record->end; }

struct trace;
/* 0 or -errno with *error: no such file, not a trace, another version. */
int trace_open(const char *path, struct trace **trace, struct lens_error *error);
/* 1 and the next record, which is good until the next call; 0 at the end; -ENOMEM. */
int trace_next(struct trace *trace, struct record *record);
uint64_t trace_bytes(const struct trace *trace);  /* of the file */
uint64_t trace_at(const struct trace *trace);     /* bytes up to the end of the last whole frame */
/* At the end: whether something follows the last whole frame. */
bool trace_is_cut(const struct trace *trace);
void trace_close(struct trace *trace);

#endif
