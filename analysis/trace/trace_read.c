/* trace_read.c - frames into records; see trace_read.h. */
#include "analysis/trace/trace_read.h"

#include "liblens/base/checksum.h"

#include <errno.h>
#include <libdeflate.h> /* unpacks twice as fast as zlib, which matters for traces of a gigabyte */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PACKED_BYTES_MAX (LENSI_FRAME_RAW_MAX + LENSI_FRAME_RAW_MAX / 512)

struct trace {
    FILE *file;
    uint64_t bytes, at;
    bool is_cut;
    uint8_t *packed, *raw; /* room for the largest so far; the header in front of the packed bytes */
    size_t packed_room, raw_room;
    const uint8_t *next, *end; /* records of the current frame */
    struct libdeflate_decompressor *unpacker;
};

/* ---- fields */

uint64_t record_long_number(struct record *record)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70 && record->at < record->end; shift += 7) {
        uint8_t byte = *record->at++;

        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    record->is_short = true;
    return 0;
}

int64_t record_signed(struct record *record)
{
    uint64_t value = record_number(record);

    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

size_t record_bytes(struct record *record, const uint8_t **bytes)
{
    uint64_t count = record_number(record);

    *bytes = record->at;
    if (count > (uint64_t)(record->end - record->at)) {
        record->is_short = true;
        record->at = record->end;
        return 0;
    }
    record->at += count;
    return (size_t)count;
}

char *record_text(struct record *record)
{
    const uint8_t *bytes;
    size_t count = record_bytes(record, &bytes);

    return strndup((const char *)bytes, count);
}

/* ---- opening */

static int wrong_magic(const char *path, const char *line, size_t bytes, struct lens_error *error)
{
    static const char words[] = "lens-trace ";

    if (bytes == 0)
        return lens_error_set(error, -1, "%s is empty: nothing was recorded yet", path), -EINVAL;
    if (bytes >= sizeof words - 1 && memcmp(line, words, sizeof words - 1) == 0)
        return lens_error_set(error, -1, "%s is a trace of version %.*s; this lens reads version 1", path,
                              (int)strcspn(line + sizeof words - 1, "\n"), line + sizeof words - 1),
               -EPROTO;
    return lens_error_set(error, -1, "%s is not a trace (expected a first line \"lens-trace 1\"); lens profile writes them", path),
           -EINVAL;
}

static int check_start(struct trace *trace, const char *path, struct lens_error *error)
{
    char line[32] = "";
    struct stat status;
    size_t got;

    if (fstat(fileno(trace->file), &status) < 0 || S_ISDIR(status.st_mode))
        return lens_error_set(error, -1, "%s is a folder; name a trace", path), -EISDIR;
    trace->bytes = (uint64_t)status.st_size;
    got = fread(line, 1, LENSI_TRACE_MAGIC_BYTES, trace->file);
    if (got != LENSI_TRACE_MAGIC_BYTES || memcmp(line, LENSI_TRACE_MAGIC, got) != 0)
        return wrong_magic(path, line, got, error);
    trace->at = got;
    return 0;
}

int trace_open(const char *path, struct trace **to, struct lens_error *error)
{
    struct trace *trace = calloc(1, sizeof *trace);
    int result = -ENOMEM;

    *to = NULL;
    if (!trace || !(trace->unpacker = libdeflate_alloc_decompressor())) {
        free(trace);
        return lens_error_set(error, -1, "out of memory"), -ENOMEM;
    }
    trace->file = fopen(path, "rbe");
    if (!trace->file) {
        result = -errno;
        lens_error_set(error, -1, "cannot read %s: %s", path, strerror(errno));
    } else {
        result = check_start(trace, path, error);
    }
    if (result < 0)
        trace_close(trace);
    else
        *to = trace;
    return result;
}

void trace_close(struct trace *trace)
{
    if (!trace)
        return;
    if (trace->file)
        fclose(trace->file);
    libdeflate_free_decompressor(trace->unpacker);
    free(trace->packed);
    free(trace->raw);
    free(trace);
}

uint64_t trace_bytes(const struct trace *trace) { return trace->bytes; }

uint64_t trace_at(const struct trace *trace) { return trace->at; }

bool trace_is_cut(const struct trace *trace) { return trace->is_cut; }

/* ---- frames */

static bool make_room(uint8_t **buffer, size_t *room, size_t bytes)
{
    uint8_t *fresh;

    if (*room >= bytes)
        return true;
    fresh = realloc(*buffer, bytes);
    if (!fresh)
        return false;
    *buffer = fresh;
    *room = bytes;
    return true;
}

static bool unpack(struct trace *trace, const struct lensi_frame_header *header)
{
    size_t used;

    /* Without a place for the count of what came out, only exactly raw_bytes are a success. */
    return libdeflate_zlib_decompress_ex(trace->unpacker, trace->packed + LENSI_FRAME_HEADER_BYTES, header->packed_bytes,
                                         trace->raw, header->raw_bytes, &used, NULL) == LIBDEFLATE_SUCCESS;
}

/* 1: a frame with records; 0: the end, or what cannot be a whole frame (then is_cut is set); -ENOMEM. */
static int read_frame(struct trace *trace)
{
    struct lensi_frame_header header, plain;
    size_t got = fread(&header, 1, sizeof header, trace->file);

    if (got == 0)
        return 0;
    trace->is_cut = true; /* until the frame has proved whole */
    if (got < sizeof header || header.mark != LENSI_FRAME_MARK || header.raw_bytes > LENSI_FRAME_RAW_MAX ||
        header.packed_bytes > PACKED_BYTES_MAX)
        return 0;
    if (!make_room(&trace->packed, &trace->packed_room, sizeof header + header.packed_bytes) ||
        !make_room(&trace->raw, &trace->raw_room, (size_t)header.raw_bytes + 1))
        return -ENOMEM;
    plain = header;
    plain.checksum = 0;
    memcpy(trace->packed, &plain, sizeof plain);
    if (fread(trace->packed + sizeof header, 1, header.packed_bytes, trace->file) != header.packed_bytes ||
        lensi_checksum(trace->packed, sizeof header + header.packed_bytes) != header.checksum)
        return 0;
    trace->next = trace->end = trace->raw;
    if (header.kind == LENSI_FRAME_RECORDS) {
        if (!unpack(trace, &header))
            return 0;
        trace->end = trace->raw + header.raw_bytes;
    }
    trace->is_cut = false;
    trace->at += sizeof header + header.packed_bytes;
    return 1;
}

int trace_next(struct trace *trace, struct record *record)
{
    struct record all;

    while (trace->next >= trace->end) {
        int result = read_frame(trace);

        if (result <= 0)
            return result;
    }
    all = (struct record){.at = trace->next, .end = trace->end};
    record->kind = record_number(&all);
    record->is_short = false;
    size_t bytes = record_bytes(&all, &record->at);
    record->end = record->at + bytes;
    trace->next = all.at;
    if (!all.is_short)
        return 1;
    trace->is_cut = true; /* a frame that was whole, but makes no sense */
    trace->next = trace->end;
    return 0;
}
