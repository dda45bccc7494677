/*
 * number_names.c - readers and stored types by name, and storing one as the other.
 */
#include "lenses/number.h"

#include <string.h>

static const char *const as_names[LENS_AS_COUNT] = { "strtol", "strtoul", "strtod", "strtof",
                                                     "float",  "pandas",  "pandas_legacy", "python" };

int lensi_as_find(const char *name)
{
    for (int i = 0; i < LENS_AS_COUNT; i++)
        if (!strcmp(name, as_names[i]))
            return i;
    return strcmp(name, "round_trip") ? -1 : LENS_AS_PYTHON;
}

const char *lensi_as_name(size_t i) { return i < LENS_AS_COUNT ? as_names[i] : NULL; }

size_t lensi_number_read(enum lens_as as, const uint8_t *p, size_t n, struct lens_number *out)
{
    size_t used;

    switch (as) {
    case LENS_AS_STRTOL:
        return lensi_strtol(p, n, 10, out);
    case LENS_AS_STRTOUL:
        return lensi_strtoul(p, n, 10, out);
    case LENS_AS_STRTOF:
        return lensi_strtof(p, n, out);
    case LENS_AS_FLOAT:
        used = lensi_strtof(p, n, out);
        out->d = (double)out->f;
        return used;
    case LENS_AS_PANDAS:
        return lensi_pandas(p, n, out);
    case LENS_AS_PANDAS_LEGACY:
        return lensi_pandas_legacy(p, n, out);
    case LENS_AS_PYTHON:
        return lensi_python(p, n, out);
    default:
        return lensi_strtod(p, n, out);
    }
}

/* Every name a C programmer may write, in the order of enum lens_type. */
static const char *const type_names[LENS_TYPE_COUNT][5] = {
    { "i8", "int8", "int8_t", "signed char", "char" },
    { "i16", "int16", "int16_t", "short", NULL },
    { "i32", "int32", "int32_t", "int", NULL },
    { "i64", "int64", "int64_t", "long", "long long" },
    { "u8", "uint8", "uint8_t", "unsigned char", NULL },
    { "u16", "uint16", "uint16_t", "unsigned short", NULL },
    { "u32", "uint32", "uint32_t", "unsigned int", "unsigned" },
    { "u64", "uint64", "uint64_t", "unsigned long", "size_t" },
    { "f32", "float32", "float", NULL, NULL },
    { "f64", "float64", "double", NULL, NULL },
};

int lensi_type_find(const char *name)
{
    for (int type = 0; type < LENS_TYPE_COUNT; type++)
        for (int i = 0; i < 5 && type_names[type][i]; i++)
            if (!strcmp(name, type_names[type][i]))
                return type;
    return -1;
}

const char *lensi_type_name(enum lens_type type) { return type_names[type][0]; }

size_t lensi_type_bytes(enum lens_type type)
{
    static const uint8_t bytes[LENS_TYPE_COUNT] = { 1, 2, 4, 8, 1, 2, 4, 8, 4, 8 };

    return bytes[type];
}

enum lens_type lensi_as_type(enum lens_as as)
{
    switch (as) {
    case LENS_AS_STRTOL:
        return LENS_TYPE_I64;
    case LENS_AS_STRTOUL:
        return LENS_TYPE_U64;
    case LENS_AS_STRTOF:
        return LENS_TYPE_F32;
    default:
        return LENS_TYPE_F64;
    }
}

/* The integer of `type` nearest to d, as its bits; 0 for nan. */
static uint64_t clamp_double(double d, enum lens_type type)
{
    unsigned bits = 8 * (unsigned)lensi_type_bytes(type);

    if (type >= LENS_TYPE_U8)
        return d >= 1 ? d >= (double)(1ull << (bits - 1)) * 2 ? UINT64_MAX : (uint64_t)d : 0;
    if (d >= (double)(1ull << (bits - 1)))
        return (1ull << (bits - 1)) - 1;
    if (d <= -(double)(1ull << (bits - 1)))
        return -(1ull << (bits - 1));
    return d == d ? (uint64_t)(int64_t)d : 0;
}

void lensi_number_store(enum lens_as as, const struct lens_number *number, enum lens_type type, void *out)
{
    enum lens_type from = lensi_as_type(as);
    double d = from == LENS_TYPE_F64   ? number->d
               : from == LENS_TYPE_F32 ? (double)number->f
               : from == LENS_TYPE_I64 ? (double)number->i
                                       : (double)number->u;
    uint64_t bits = from == LENS_TYPE_I64 || from == LENS_TYPE_U64 ? number->u : 0;
    float f = from == LENS_TYPE_I64 ? (float)number->i : from == LENS_TYPE_U64 ? (float)number->u : (float)d;

    if (type == LENS_TYPE_F32)
        memcpy(out, &f, sizeof f);
    else if (type == LENS_TYPE_F64)
        memcpy(out, &d, sizeof d);
    else {
        if (from == LENS_TYPE_F32 || from == LENS_TYPE_F64)
            bits = clamp_double(d, type);
        memcpy(out, &bits, lensi_type_bytes(type));
    }
}
