/*
 * trace_writer.h - builds records, packs them into frames and writes these to a file.
 *
 * One writer at a time (the caller's lock). No malloc, no stdio: buffers and zlib's state come from the arena, once.
 * The first error that a write meets ends the trace: what follows is dropped, and the trace ends with a whole frame.
 */
#ifndef LENSI_TRACE_WRITER_H
#define LENSI_TRACE_WRITER_H

#include "liblens/base/trace.h"

#define LENSI_RECORD_BYTES_MAX (64u * 1024u) /* a record of ours never gets longer */

struct lensi_trace_writer {
    int fd;
    int error;        /* 0, or the first -errno */
    uint64_t written; /* bytes in the file */
    uint8_t *raw;     /* records of the frame under way */
    size_t raw_bytes;
    uint8_t *record;  /* body of the record under way */
    size_t record_bytes;
    unsigned kind;
    uint8_t *frame;   /* header and packed bytes */
    void *zlib;
};

/* Takes the descriptor; writes the magic. 0 or -errno (-ENOMEM leaves the descriptor open). */
int lensi_trace_open(struct lensi_trace_writer *writer, int fd);
/* Begins a record; the puts that follow are its body. */
void lensi_trace_begin(struct lensi_trace_writer *writer, enum lensi_record_kind kind);
void lensi_trace_put(struct lensi_trace_writer *writer, uint64_t value);
void lensi_trace_put_signed(struct lensi_trace_writer *writer, int64_t value);
void lensi_trace_put_bytes(struct lensi_trace_writer *writer, const void *bytes, size_t count);
void lensi_trace_put_text(struct lensi_trace_writer *writer, const char *text);
/* What still fits into the record under way. */
size_t lensi_trace_room(const struct lensi_trace_writer *writer);
void lensi_trace_end(struct lensi_trace_writer *writer);
/* Writes what there is as a frame. 0 or the writer's error. */
int lensi_trace_flush(struct lensi_trace_writer *writer);
/* In a fork's child: the file is the parent's; begins anew without one. */
void lensi_trace_forget(struct lensi_trace_writer *writer);

#endif
