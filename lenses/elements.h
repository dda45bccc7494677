/*
 * elements.h - numbers in fixed-size binary form, and turning arrays of one kind into another.
 *
 * Pure loops over memory, written so that compilers vectorise them. Conversions are total: between integers
 * the low bits are kept (C's rule); from a floating type to an integer the fraction is dropped, values out of
 * range give the nearest integer of the type and NaN gives 0.
 */
#ifndef LENS_LENSES_ELEMENTS_H
#define LENS_LENSES_ELEMENTS_H

#include <stddef.h>
#include <stdint.h>

enum lensi_kind { LENSI_U8, LENSI_I8, LENSI_U16, LENSI_I16, LENSI_U32, LENSI_I32, LENSI_U64, LENSI_I64, LENSI_F32,
                  LENSI_F64, LENSI_KINDS };

/* The kind named by `text`: u8 i8 u16 ... f64, with an optional le or be behind. 0, or -EINVAL. */
int lensi_kind_parse(const char *text, enum lensi_kind *kind, int *big_endian);
/* Bytes of one element: 1, 2, 4 or 8. */
size_t lensi_kind_bytes(enum lensi_kind kind);
int lensi_kind_is_float(enum lensi_kind kind);

/* Converts `count` elements, native byte order, no alignment needed; in and out must not overlap. */
typedef void lensi_convert_fn(const void *in, void *out, size_t count);
lensi_convert_fn *lensi_convert(enum lensi_kind from, enum lensi_kind to);

/* Copies `count` elements of 1, 2, 4 or 8 bytes with the bytes of each reversed; in may be out. */
void lensi_swap(const void *in, void *out, size_t count, size_t element_bytes);

/* x*scale+add in place: modulo 2^64, in double and in float (no fused multiply-add). 8-byte aligned arrays. */
void lensi_scale_whole(uint64_t *values, size_t count, uint64_t scale, uint64_t add);
void lensi_scale_double(double *values, size_t count, double scale, double add);
void lensi_scale_float(float *values, size_t count, float scale, float add);

#endif
