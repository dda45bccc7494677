/*
 * checksum.h - the 64-bit checksum of pages and files: XXH3 (xxHash 0.8), seed 0.
 *
 * Pure: no malloc, no choice of code path at run time, under 300 bytes of stack; may run in a signal handler. It
 * finds damage and mistakes; it is no defence against somebody who computes collisions.
 */
#ifndef LENSI_CHECKSUM_H
#define LENSI_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of bytes[0, n). bytes may be NULL if n is 0. */
uint64_t lensi_checksum(const void *bytes, size_t n);
/* A page (LENSI_PAGE) of zeros, and its checksum. */
bool lensi_is_zero_page(const void *page);
uint64_t lensi_zeros_checksum(void);

#endif
