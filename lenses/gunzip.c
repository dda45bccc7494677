/*
 * gunzip.c - what a gzip file (RFC 1952) holds; the usual source of another lens.
 *
 * A cursor resumes in the middle of a deflate block, so that a call costs what it makes and no block is too large.
 * It keeps the last 32 KiB made, the bit at which the next code begins, and where its block's header lies. Resuming
 * reads that header again and then goes on at that bit; zlib gives the positions away (Z_TREES, inflateMark) and
 * takes bits from anywhere (inflatePrime). Where a call ends inside of a match, the rest of the match is made too and
 * stays in the cursor as `pending`: its last bytes.
 *
 * Checksums are not looked at: the view ends at the first byte that cannot be decoded, and who needs to know whether
 * the bytes are right compares them.
 */
#include "lenses/args.h"
#include "lenses/builtin.h"

#include <errno.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define WINDOW_BYTES 32768
/* More than the longest deflate block header: 17 + 19*3 + 320*14 bits. */
#define HEADER_BYTES_MAX 640
#define HEADER_ROOM 1024
#define PIECE_MAX (1u << 30)
#define MEMBER_HEADER_BYTES 10
#define MEMBER_TRAILER_BYTES 8

/* What the source holds at `position`. Zero is the front. */
enum place { AT_MEMBER, AT_BLOCK, IN_CODES, IN_STORED, AT_END, PLACES };

/* Positions are bits of the source, counted from the lowest bit of byte 0. */
struct more {
    uint64_t position;
    uint64_t header_start, header_end; /* IN_CODES: of the block */
    uint32_t stored_left;              /* IN_STORED: bytes of the block to come */
    uint32_t window_bytes, pending;    /* pending: of the window's last bytes, not yet given */
    uint8_t place, is_last;            /* is_last: IN_STORED: this is the member's last block */
    uint8_t spare[10];
    uint8_t window[WINDOW_BYTES];
};

struct stream {
    z_stream z;
    struct lens_reader *reader;
    struct more *more;
    uint64_t input_end; /* source offset behind z.next_in[0, avail_in) */
    size_t scratch_used;
    int broken;         /* nothing can be decoded from here on */
};

/* ------------------------------------------------------------------ zlib's memory and input */

/* zlib allocates twice (its state, its window) and frees nothing before the end of the call. */
static void *take(void *opaque, unsigned items, unsigned size)
{
    struct stream *s = opaque;
    size_t bytes = ((size_t)items * size + 15) & ~(size_t)15;
    uint8_t *memory = (uint8_t *)s->reader->scratch + s->scratch_used;

    if (bytes > s->reader->scratch_bytes - s->scratch_used)
        return NULL;
    s->scratch_used += bytes;
    return memory;
}

static void give_back(void *opaque, void *memory)
{
    (void)opaque;
    (void)memory;
}

/* The next input byte is the source's byte `offset`. */
static void input_seek(struct stream *s, uint64_t offset)
{
    s->input_end = offset;
    s->z.avail_in = 0;
}

/* Makes sure that there is input. 0 at the end of the source. */
static int input_need(struct stream *s)
{
    const uint8_t *bytes = NULL;
    size_t have;

    if (s->z.avail_in > 0)
        return 1;
    have = lens_reader_at(s->reader, s->input_end, 1, &bytes);
    s->z.next_in = bytes;
    s->z.avail_in = (unsigned)(have < PIECE_MAX ? have : PIECE_MAX);
    s->input_end += s->z.avail_in;
    return have > 0;
}

/* The bit that zlib reads next. */
static uint64_t input_bit(const struct stream *s)
{
    return (s->input_end - s->z.avail_in) * 8 - (unsigned)(s->z.data_type & 63);
}

/* Lets zlib go on at a bit of the source. 0, or -EILSEQ. */
static int input_seek_bit(struct stream *s, uint64_t bit)
{
    unsigned inside = (unsigned)(bit % 8);
    const uint8_t *byte;

    if (inside > 0) {
        if (lens_reader_at(s->reader, bit / 8, 1, &byte) == 0)
            return -EILSEQ;
        if (inflatePrime(&s->z, (int)(8 - inside), *byte >> inside) != Z_OK)
            return -EILSEQ;
    }
    input_seek(s, bit / 8 + (inside > 0));
    return 0;
}

/* ------------------------------------------------------------------ members */

/* Goes over a NUL-terminated text at `offset`; the offset behind it, or 0 at the end of the source. */
static uint64_t pass_text(struct lens_reader *reader, uint64_t offset)
{
    const uint8_t *bytes, *nul;
    size_t have;

    while ((have = lens_reader_at(reader, offset, 1, &bytes)) > 0) {
        nul = memchr(bytes, '\0', have);
        if (nul)
            return offset + (uint64_t)(nul - bytes) + 1;
        offset += have;
    }
    return 0;
}

/* Where the compressed data of the member at `offset` begins, or 0 if there is no member. */
static uint64_t member_data(struct lens_reader *reader, uint64_t offset)
{
    enum { HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16, RESERVED = 0xE0 };
    const uint8_t *bytes;
    unsigned flags;

    if (lens_reader_at(reader, offset, MEMBER_HEADER_BYTES, &bytes) < MEMBER_HEADER_BYTES)
        return 0;
    flags = bytes[3];
    if (bytes[0] != 0x1F || bytes[1] != 0x8B || bytes[2] != Z_DEFLATED || (flags & RESERVED))
        return 0;
    offset += MEMBER_HEADER_BYTES;
    if (flags & EXTRA) {
        if (lens_reader_at(reader, offset, 2, &bytes) < 2)
            return 0;
        offset += 2u + bytes[0] + (bytes[1] << 8);
    }
    if (flags & NAME)
        offset = pass_text(reader, offset);
    if (offset && (flags & COMMENT))
        offset = pass_text(reader, offset);
    return offset && (flags & HEADER_CRC) ? offset + 2 : offset;
}

/* Begins the member at more->position; what is no member is the end of the view, as for gzip. */
static int member_open(struct stream *s)
{
    uint64_t data = member_data(s->reader, s->more->position / 8);

    if (data == 0 || inflateReset(&s->z) != Z_OK)
        return -EILSEQ;
    input_seek(s, data);
    s->more->header_start = data * 8;
    s->more->place = AT_BLOCK;
    return 0;
}

static void member_close(struct stream *s)
{
    s->more->position = (input_bit(s) + 7) / 8 * 8 + MEMBER_TRAILER_BYTES * 8;
    s->more->place = AT_MEMBER;
}

/* ------------------------------------------------------------------ decoding */

/*
 * One turn of zlib, to the next edge of a block or header. 0; -EILSEQ if it cannot go on. At the end of the source
 * the bits that zlib holds may still be codes, and zlib calls a turn that only used those Z_BUF_ERROR.
 */
static int turn(struct stream *s)
{
    int more_input = input_need(s), before = s->z.data_type;
    unsigned room = s->z.avail_out;
    int result = inflate(&s->z, Z_TREES);

    if (result != Z_OK && result != Z_BUF_ERROR)
        return -EILSEQ;
    return more_input || s->z.avail_out != room || s->z.data_type != before ? 0 : -EILSEQ;
}

/* Runs zlib until `n` bytes are made or nothing more can be. Returns how many were made. */
static size_t run(struct stream *s, uint8_t *out, size_t n)
{
    s->z.next_out = out;
    s->z.avail_out = (unsigned)n;
    while (s->z.avail_out > 0 && !s->broken) {
        if ((s->more->place == AT_MEMBER && member_open(s) < 0) || turn(s) < 0)
            s->broken = 1;
        else if ((s->z.data_type & 192) == 192) /* behind a block, and it was the last */
            member_close(s);
        else if (s->z.data_type & 128)
            s->more->header_start = input_bit(s);
        else if (s->z.data_type & 256)
            s->more->header_end = input_bit(s);
    }
    return n - s->z.avail_out;
}

static int is_stored(struct stream *s)
{
    const uint8_t *bytes;
    uint64_t bit = s->more->header_start + 1; /* the type, behind the bit that marks the last block */
    unsigned type = 3;

    if (lens_reader_at(s->reader, bit / 8, 2, &bytes) >= 2)
        type = (unsigned)(bytes[0] | bytes[1] << 8) >> (bit % 8) & 3;
    return type == 0;
}

/* zlib has stopped in the middle of a block of codes: finds a bit from which it can go on. */
static void save_codes(struct stream *s)
{
    struct more *more = s->more;
    uint8_t byte;
    long mark;

    while (more->place != AT_MEMBER && !(s->z.data_type & 128) && (inflateMark(&s->z) & 0xFFFF) != 0) {
        if (run(s, &byte, 1) == 0)
            return;
        more->pending++;
    }
    if (more->place == AT_MEMBER)
        return;
    mark = s->z.data_type & 128 ? 0 : inflateMark(&s->z);
    more->place = s->z.data_type & 128 ? AT_BLOCK : IN_CODES;
    more->position = input_bit(s) - (mark > 0 ? (uint64_t)mark >> 16 : 0);
}

/* Leaves in the cursor what the next call needs. */
static void save(struct stream *s)
{
    struct more *more = s->more;
    uint64_t input = input_bit(s);
    unsigned bytes = 0;

    more->pending = 0;
    if (more->place != AT_MEMBER && !s->broken) {
        more->is_last = (s->z.data_type & 64) != 0;
        if (s->z.data_type & 128) {
            more->place = AT_BLOCK;
            more->position = input;
        } else if (is_stored(s)) {
            more->place = IN_STORED;
            more->position = input;
            more->stored_left = (uint32_t)(inflateMark(&s->z) & 0xFFFF);
        } else {
            /* Where `is_stored` moved the reader's window, the input is looked up again. */
            input_seek(s, s->input_end - s->z.avail_in);
            save_codes(s);
        }
    }
    if (s->broken)
        more->place = AT_END;
    inflateGetDictionary(&s->z, more->window, &bytes);
    more->window_bytes = bytes;
}

/* ------------------------------------------------------------------ resuming */

/* Hands zlib `bits` bits of block header, the first one in header[0]'s lowest bit. */
static int feed_header(struct stream *s, const uint8_t *header, unsigned bits)
{
    s->z.next_in = header;
    s->z.avail_in = bits / 8;
    if (bits >= 8 && inflate(&s->z, Z_TREES) != Z_OK)
        return -EILSEQ;
    if (s->z.avail_in > 0 || (bits % 8 > 0 && inflatePrime(&s->z, (int)(bits % 8), header[bits / 8]) != Z_OK))
        return -EILSEQ;
    return 0;
}

static int resume_codes(struct stream *s)
{
    const struct more *more = s->more;
    uint64_t bits = more->header_end - more->header_start, byte = more->header_start / 8;
    unsigned shift = (unsigned)(more->header_start % 8);
    size_t count = (size_t)bits / 8 + 1, have;
    uint8_t *header = take(s, 1, HEADER_ROOM);
    const uint8_t *from;

    if (!header || bits < 3 || count > HEADER_BYTES_MAX)
        return -EILSEQ;
    have = lens_reader_at(s->reader, byte, count + 1, &from);
    if (have < count)
        return -EILSEQ;
    for (size_t i = 0; i < count; i++)
        header[i] = (uint8_t)(from[i] >> shift | (i + 1 < have ? from[i + 1] << (8 - shift) : 0));
    if (feed_header(s, header, (unsigned)bits) < 0 || input_seek_bit(s, more->position) < 0)
        return -EILSEQ;
    while (!(s->z.data_type & 256))
        if (turn(s) < 0)
            return -EILSEQ;
    return 0;
}

/* A stored block is resumed as a shorter one. */
static int resume_stored(struct stream *s)
{
    const struct more *more = s->more;
    uint8_t header[5] = {more->is_last, (uint8_t)more->stored_left, (uint8_t)(more->stored_left >> 8)};

    header[3] = (uint8_t)~header[1];
    header[4] = (uint8_t)~header[2];
    if (more->position % 8 != 0 || feed_header(s, header, 40) < 0)
        return -EILSEQ;
    input_seek(s, more->position / 8);
    return 0;
}

static int resume(struct stream *s)
{
    struct more *more = s->more;

    s->z.zalloc = take;
    s->z.zfree = give_back;
    s->z.opaque = s;
    s->z.next_in = Z_NULL;
    s->z.avail_in = 0;
    s->z.next_out = more->window; /* zlib wants a place, and gets no room in it */
    s->z.avail_out = 0;
    if (inflateInit2(&s->z, -15) != Z_OK)
        return -ENOMEM;
    if (more->place == AT_MEMBER)
        return 0;
    if (more->window_bytes > 0 && inflateSetDictionary(&s->z, more->window, more->window_bytes) != Z_OK)
        return -EILSEQ;
    if (more->place == IN_CODES)
        return resume_codes(s);
    if (more->place == IN_STORED)
        return resume_stored(s);
    more->header_start = more->position;
    return input_seek_bit(s, more->position);
}

/* ------------------------------------------------------------------ the lens */

static int configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    (void)params;
    return args->count ? lensi_args_unknown(args, 0, lens_gunzip.usage, error) : 0;
}

static int prepare(void *params, struct lens_reader *source)
{
    int is_member = member_data(source, 0) != 0;

    (void)params;
    return source->error ? source->error : is_member ? 0 : -EILSEQ;
}

/* Gives the bytes that the call before had to make beyond its end. */
static size_t give_pending(struct more *more, uint8_t *out, size_t n)
{
    size_t count = more->pending < n ? more->pending : n;

    memcpy(out, more->window + more->window_bytes - more->pending, count);
    more->pending -= (uint32_t)count;
    return count;
}

static int64_t get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    struct more *more = (struct more *)(void *)cursor->more;
    struct stream s = {.reader = source, .more = more};
    size_t done;
    int result;

    (void)params;
    if (n > PIECE_MAX || more->window_bytes > WINDOW_BYTES || more->pending > more->window_bytes || more->place >= PLACES)
        return -EILSEQ;
    done = give_pending(more, out, n);
    if (done < n && more->place != AT_END) {
        result = resume(&s);
        if (result < 0)
            return source->error ? source->error : result;
        done += run(&s, (uint8_t *)out + done, n - done);
        save(&s);
    }
    cursor->view += done;
    cursor->source = more->position / 8;
    return source->error ? source->error : (int64_t)done;
}

const struct lens_ops lens_gunzip = {
    .size = sizeof(struct lens_ops),
    .name = "gunzip",
    .usage = "gunzip",
    .cursor_bytes = sizeof(struct lens_cursor) + sizeof(struct more),
    .checkpoint_every = 8 << 20,
    .configure = configure,
    .prepare = prepare,
    .get = get,
};
