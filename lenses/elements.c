/*
 * elements.c - see elements.h.
 *
 * Loops run over blocks of a fixed count through small local arrays: gcc's -O2 vectorises loops of known length
 * only, and memcpy in and out makes any alignment legal.
 */
#include "lenses/elements.h"

#include <errno.h>
#include <string.h>

#define BLOCK 16

#if defined(__GNUC__) && !defined(__clang__)
/* A fused multiply-add rounds once where the program being imitated rounds twice. */
#define ROUND_TWICE __attribute__((optimize("fp-contract=off")))
#else
#pragma STDC FP_CONTRACT OFF
#define ROUND_TWICE
#endif

static const char kind_names[LENSI_KINDS][4] = {"u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"};
static const uint8_t kind_bytes[LENSI_KINDS] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8};

int lensi_kind_parse(const char *text, enum lensi_kind *kind, int *big_endian)
{
    for (int k = 0; k < LENSI_KINDS; k++) {
        size_t bytes = strlen(kind_names[k]);

        if (strncmp(text, kind_names[k], bytes) != 0)
            continue;
        *big_endian = strcmp(text + bytes, "be") == 0;
        if (text[bytes] != '\0' && !*big_endian && strcmp(text + bytes, "le") != 0)
            continue;
        *kind = (enum lensi_kind)k;
        return 0;
    }
    return -EINVAL;
}

size_t lensi_kind_bytes(enum lensi_kind kind) { return kind_bytes[kind]; }

int lensi_kind_is_float(enum lensi_kind kind) { return kind == LENSI_F32 || kind == LENSI_F64; }

/* Below `low` gives low, above `high` gives high; `past` is the first floating value that does not fit. */
#define SATURATE(to, x, low, high, past) \
    ((x) != (x) ? 0 : (x) <= (double)(low) ? (low) : (double)(x) >= (past) ? (high) : (to)(x))

#define TO_uint8_t(x) SATURATE(uint8_t, x, 0, UINT8_MAX, 0x1p8)
#define TO_int8_t(x) SATURATE(int8_t, x, INT8_MIN, INT8_MAX, 0x1p7)
#define TO_uint16_t(x) SATURATE(uint16_t, x, 0, UINT16_MAX, 0x1p16)
#define TO_int16_t(x) SATURATE(int16_t, x, INT16_MIN, INT16_MAX, 0x1p15)
#define TO_uint32_t(x) SATURATE(uint32_t, x, 0, UINT32_MAX, 0x1p32)
#define TO_int32_t(x) SATURATE(int32_t, x, INT32_MIN, INT32_MAX, 0x1p31)
#define TO_uint64_t(x) SATURATE(uint64_t, x, 0, UINT64_MAX, 0x1p64)
#define TO_int64_t(x) SATURATE(int64_t, x, INT64_MIN, INT64_MAX, 0x1p63)

#define CONVERT(from, to, expression)                                               \
    static void from##_##to(const void *in, void *out, size_t count)                \
    {                                                                               \
        const uint8_t *source = in;                                                 \
        uint8_t *target = out;                                                      \
        from x[BLOCK];                                                              \
        to y[BLOCK];                                                                \
                                                                                    \
        for (; count >= BLOCK; count -= BLOCK) {                                    \
            memcpy(x, source, sizeof x);                                            \
            for (int i = 0; i < BLOCK; i++)                                         \
                y[i] = (to)(expression);                                            \
            memcpy(target, y, sizeof y);                                            \
            source += sizeof x;                                                     \
            target += sizeof y;                                                     \
        }                                                                           \
        memcpy(x, source, count * sizeof x[0]);                                     \
        for (size_t i = 0; i < count; i++)                                          \
            y[i] = (to)(expression);                                                \
        memcpy(target, y, count * sizeof y[0]);                                     \
    }

#define FROM_WHOLE(from)                                                                           \
    CONVERT(from, uint8_t, x[i]) CONVERT(from, int8_t, x[i]) CONVERT(from, uint16_t, x[i])          \
    CONVERT(from, int16_t, x[i]) CONVERT(from, uint32_t, x[i]) CONVERT(from, int32_t, x[i])         \
    CONVERT(from, uint64_t, x[i]) CONVERT(from, int64_t, x[i]) CONVERT(from, float, x[i])           \
    CONVERT(from, double, x[i])
#define FROM_FLOATING(from)                                                                        \
    CONVERT(from, uint8_t, TO_uint8_t(x[i])) CONVERT(from, int8_t, TO_int8_t(x[i]))                 \
    CONVERT(from, uint16_t, TO_uint16_t(x[i])) CONVERT(from, int16_t, TO_int16_t(x[i]))             \
    CONVERT(from, uint32_t, TO_uint32_t(x[i])) CONVERT(from, int32_t, TO_int32_t(x[i]))             \
    CONVERT(from, uint64_t, TO_uint64_t(x[i])) CONVERT(from, int64_t, TO_int64_t(x[i]))             \
    CONVERT(from, float, x[i]) CONVERT(from, double, x[i])

FROM_WHOLE(uint8_t)
FROM_WHOLE(int8_t)
FROM_WHOLE(uint16_t)
FROM_WHOLE(int16_t)
FROM_WHOLE(uint32_t)
FROM_WHOLE(int32_t)
FROM_WHOLE(uint64_t)
FROM_WHOLE(int64_t)
FROM_FLOATING(float)
FROM_FLOATING(double)

#define ROW(from)                                                                                       \
    {from##_uint8_t, from##_int8_t,   from##_uint16_t, from##_int16_t, from##_uint32_t,                  \
     from##_int32_t, from##_uint64_t, from##_int64_t,  from##_float,   from##_double}

lensi_convert_fn *lensi_convert(enum lensi_kind from, enum lensi_kind to)
{
    static lensi_convert_fn *const table[LENSI_KINDS][LENSI_KINDS] = {
        ROW(uint8_t),  ROW(int8_t),   ROW(uint16_t), ROW(int16_t), ROW(uint32_t),
        ROW(int32_t),  ROW(uint64_t), ROW(int64_t),  ROW(float),   ROW(double),
    };
    return table[from][to];
}

#define SWAP(bits)                                                                  \
    static void swap##bits(const uint8_t *in, uint8_t *out, size_t count)           \
    {                                                                               \
        uint##bits##_t x[BLOCK];                                                    \
                                                                                    \
        for (; count >= BLOCK; count -= BLOCK) {                                    \
            memcpy(x, in, sizeof x);                                                \
            for (int i = 0; i < BLOCK; i++)                                         \
                x[i] = __builtin_bswap##bits(x[i]);                                 \
            memcpy(out, x, sizeof x);                                               \
            in += sizeof x;                                                         \
            out += sizeof x;                                                        \
        }                                                                           \
        memcpy(x, in, count * sizeof x[0]);                                         \
        for (size_t i = 0; i < count; i++)                                          \
            x[i] = __builtin_bswap##bits(x[i]);                                     \
        memcpy(out, x, count * sizeof x[0]);                                        \
    }

SWAP(16)
SWAP(32)
SWAP(64)

void lensi_swap(const void *in, void *out, size_t count, size_t element_bytes)
{
    switch (element_bytes) {
    case 2: swap16(in, out, count); break;
    case 4: swap32(in, out, count); break;
    case 8: swap64(in, out, count); break;
    default: memmove(out, in, count); break;
    }
}

void lensi_scale_whole(uint64_t *values, size_t count, uint64_t scale, uint64_t add)
{
    for (size_t i = 0; i < count; i++)
        values[i] = values[i] * scale + add;
}

ROUND_TWICE void lensi_scale_double(double *values, size_t count, double scale, double add)
{
    for (size_t i = 0; i < count; i++)
        values[i] = values[i] * scale + add;
}

ROUND_TWICE void lensi_scale_float(float *values, size_t count, float scale, float add)
{
    for (size_t i = 0; i < count; i++)
        values[i] = values[i] * scale + add;
}
