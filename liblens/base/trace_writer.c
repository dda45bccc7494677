/* trace_writer.c - records into frames into a file; see trace_writer.h. */
#include "liblens/base/trace_writer.h"

#include "liblens/base/arena.h"
#include "liblens/base/checksum.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define RAW_BYTES (256u * 1024u)
/* zlib's own bound for a buffer of RAW_BYTES, and the header. */
#define FRAME_BYTES (LENSI_FRAME_HEADER_BYTES + RAW_BYTES + RAW_BYTES / 1000 + 1024)
#define VARINT_BYTES_MAX 10u
#define PACK_LEVEL 1

static voidpf zlib_new(voidpf opaque, uInt items, uInt bytes)
{
    (void)opaque;
    return lensi_arena_new((size_t)items * bytes);
}

static void zlib_free(voidpf opaque, voidpf at) /* the state is kept, and used again for the next frame */
{
    (void)opaque;
    (void)at;
}

static int make_buffers(struct lensi_trace_writer *writer)
{
    z_stream *zlib;

    if (writer->zlib)
        return 0;
    writer->raw = lensi_arena_new(RAW_BYTES);
    writer->record = lensi_arena_new(LENSI_RECORD_BYTES_MAX + VARINT_BYTES_MAX);
    writer->frame = lensi_arena_new(FRAME_BYTES);
    zlib = lensi_arena_new(sizeof *zlib);
    if (!writer->raw || !writer->record || !writer->frame || !zlib)
        return -ENOMEM;
    zlib->zalloc = zlib_new;
    zlib->zfree = zlib_free;
    if (deflateInit(zlib, PACK_LEVEL) != Z_OK)
        return -ENOMEM;
    writer->zlib = zlib;
    return 0;
}

static void put_out(struct lensi_trace_writer *writer, const void *bytes, size_t count)
{
    int64_t result;

    if (writer->error)
        return;
    result = lensi_sys_write_all(writer->fd, bytes, count);
    if (result >= 0) {
        writer->written += count;
        return;
    }
    writer->error = (int)result;
    lensi_sys_truncate(writer->fd, writer->written); /* half a frame is of no use to anybody */
}

int lensi_trace_open(struct lensi_trace_writer *writer, int fd)
{
    int result = make_buffers(writer);

    if (result < 0)
        return result;
    writer->fd = fd;
    writer->error = 0;
    writer->written = 0;
    writer->raw_bytes = 0;
    put_out(writer, LENSI_TRACE_MAGIC, LENSI_TRACE_MAGIC_BYTES);
    return writer->error;
}

void lensi_trace_forget(struct lensi_trace_writer *writer)
{
    writer->fd = -1;
    writer->error = 0;
    writer->raw_bytes = 0;
    writer->written = 0;
}

/* ---- records */

static size_t put_varint(uint8_t *to, uint64_t value)
{
    size_t count = 0;

    for (; value >= 0x80; value >>= 7)
        to[count++] = (uint8_t)(value | 0x80);
    to[count++] = (uint8_t)value;
    return count;
}

void lensi_trace_begin(struct lensi_trace_writer *writer, enum lensi_record_kind kind)
{
    writer->kind = kind;
    writer->record_bytes = 0;
}

void lensi_trace_put(struct lensi_trace_writer *writer, uint64_t value)
{
    if (writer->record_bytes < LENSI_RECORD_BYTES_MAX)
        writer->record_bytes += put_varint(writer->record + writer->record_bytes, value);
}

void lensi_trace_put_signed(struct lensi_trace_writer *writer, int64_t value)
{
    lensi_trace_put(writer, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

size_t lensi_trace_room(const struct lensi_trace_writer *writer)
{
    return writer->record_bytes < LENSI_RECORD_BYTES_MAX ? LENSI_RECORD_BYTES_MAX - writer->record_bytes : 0;
}

/* Longer than what fits is cut: the length says how much there is. */
void lensi_trace_put_bytes(struct lensi_trace_writer *writer, const void *bytes, size_t count)
{
    size_t room = lensi_trace_room(writer);

    room = room > VARINT_BYTES_MAX ? room - VARINT_BYTES_MAX : 0;
    if (count > room)
        count = room;
    lensi_trace_put(writer, count);
    if (count)
        memcpy(writer->record + writer->record_bytes, bytes, count);
    writer->record_bytes += count;
}

void lensi_trace_put_text(struct lensi_trace_writer *writer, const char *text)
{
    lensi_trace_put_bytes(writer, text, strlen(text));
}

void lensi_trace_end(struct lensi_trace_writer *writer)
{
    if (writer->raw_bytes + 2 * VARINT_BYTES_MAX + writer->record_bytes > RAW_BYTES)
        lensi_trace_flush(writer);
    writer->raw_bytes += put_varint(writer->raw + writer->raw_bytes, writer->kind);
    writer->raw_bytes += put_varint(writer->raw + writer->raw_bytes, writer->record_bytes);
    memcpy(writer->raw + writer->raw_bytes, writer->record, writer->record_bytes);
    writer->raw_bytes += writer->record_bytes;
}

/* ---- frames */

int lensi_trace_flush(struct lensi_trace_writer *writer)
{
    struct lensi_frame_header header = {.mark = LENSI_FRAME_MARK, .kind = LENSI_FRAME_RECORDS};
    z_stream *zlib = writer->zlib;

    if (!writer->raw_bytes || writer->error)
        return writer->error;
    deflateReset(zlib);
    zlib->next_in = writer->raw;
    zlib->avail_in = (uInt)writer->raw_bytes;
    zlib->next_out = writer->frame + LENSI_FRAME_HEADER_BYTES;
    zlib->avail_out = FRAME_BYTES - LENSI_FRAME_HEADER_BYTES;
    if (deflate(zlib, Z_FINISH) != Z_STREAM_END)
        return writer->error = -EIO;
    header.raw_bytes = (uint32_t)writer->raw_bytes;
    header.packed_bytes = (uint32_t)(FRAME_BYTES - LENSI_FRAME_HEADER_BYTES - zlib->avail_out);
    memcpy(writer->frame, &header, sizeof header);
    header.checksum = lensi_checksum(writer->frame, LENSI_FRAME_HEADER_BYTES + header.packed_bytes);
    memcpy(writer->frame, &header, sizeof header);
    writer->raw_bytes = 0;
    put_out(writer, writer->frame, LENSI_FRAME_HEADER_BYTES + header.packed_bytes);
    return writer->error;
}
