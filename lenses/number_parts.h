/*
 * number_parts.h - what the files of number.h share among themselves.
 */
#ifndef LENS_NUMBER_PARTS_H
#define LENS_NUMBER_PARTS_H

#include <stddef.h>
#include <stdint.h>

struct lens_number;

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes of white space at p. */
size_t lensi_space_bytes(const uint8_t *p, size_t n);
/* The length of `word` (lower case) if the text at p is that word in any case, else 0. */
size_t lensi_match_word(const uint8_t *p, size_t n, const char *word);
/* 0..35 for digits and letters, else 255. */
unsigned lensi_digit_value(uint8_t c);

/* Digits of `base`: sets *value, or ULONG_MAX and *overflow. The bytes used. */
size_t lensi_read_digits(const uint8_t *p, size_t n, unsigned base, uint64_t *value, int *overflow);
/* What strtol and strtoul make of a sign and digits; adds the OVERFLOW flag. */
void lensi_clamp_signed(uint64_t v, int negative, int overflow, struct lens_number *out);
void lensi_clamp_unsigned(uint64_t v, int negative, int overflow, struct lens_number *out);

/* number_fast.cpp: a decimal that begins with a digit, or with '.' and a digit. The bytes used. */
size_t lensi_decimal_double(const uint8_t *p, size_t n, double *value);
size_t lensi_decimal_float(const uint8_t *p, size_t n, float *value);
/* mantissa * 10^q, correctly rounded; 0 where 128 bits do not tell (then: the full conversion). */
int lensi_round_double(uint64_t mantissa, int64_t q, double *value);
int lensi_round_float(uint64_t mantissa, int64_t q, float *value);
/* 10^q as bits * 2^power (rounded down), for q in [-342, 308]; 0 outside. */
int lensi_power_of_ten(int64_t q, uint64_t *bits, int *power);

#ifdef __cplusplus
}
#endif
#endif
