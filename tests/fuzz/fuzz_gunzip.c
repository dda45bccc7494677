/*
 * fuzz_gunzip.c - any bytes as a gzip file: cut in any way, and as far as zlib itself comes.
 *
 * The input is the deflate stream; a header is put before it, so that mutations reach the decoder.
 */
#include "tests/fuzz/lens_cuts.h"

#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t file[1 << 16], plain[FUZZ_ROOM];

/* What zlib makes of the stream in one go; sets *whole if it came to the end of the member. */
static size_t inflate_all(const uint8_t *data, size_t size, int *whole)
{
    z_stream z = { 0 };

    inflateInit2(&z, -15);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (unsigned)size;
    z.next_out = plain;
    z.avail_out = sizeof plain;
    *whole = inflate(&z, Z_NO_FLUSH) == Z_STREAM_END;
    inflateEnd(&z);
    return z.total_out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t header[] = { 0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0 };
    int64_t made;
    size_t want;
    int whole;

    if (size < 1 || size > 20000)
        return 0;
    memcpy(file, header, sizeof header);
    memcpy(file + sizeof header, data + 1, size - 1);
    made = fuzz_cuts(&lens_gunzip, NULL, file, sizeof header + size - 1, size * 2654435761u + data[0]);
    want = inflate_all(data + 1, size - 1, &whole);
    /* Behind a whole member another one may follow. */
    if (made < (int64_t)want || (!whole && made != (int64_t)want) || memcmp(fuzz_view, plain, want))
        abort();
    return 0;
}
