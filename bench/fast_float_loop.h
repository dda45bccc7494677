/*
 * fast_float_loop.h - the yardstick of bench_lenses: bare loops over text whose shape is known, no checks, no resuming.
 *
 * Numbers go through fast_float, whole ones through std::from_chars (the fast_float of Debian 12 reads no integers),
 * both inlined. Results are stored in an array of `room` bytes, again and again from its front. Return a checksum.
 */
#ifndef BENCH_FAST_FLOAT_LOOP_H
#define BENCH_FAST_FLOAT_LOOP_H

#include <stddef.h>
#include <stdint.h>

/* Weak: without a C++ compiler the benchmark runs and shows no yardstick. */
#define FAST_FLOAT_LOOP __attribute__((weak))

#ifdef __cplusplus
extern "C" {
#endif

/* "int=float;\n" */
uint64_t fast_float_pairs(const char *text, size_t n, void *out, size_t room) FAST_FLOAT_LOOP;
/* "label int:double int:double\n" */
uint64_t fast_float_rows(const char *text, size_t n, void *out, size_t room) FAST_FLOAT_LOOP;
/* doubles with one byte between them */
uint64_t fast_float_matrix(const char *text, size_t n, void *out, size_t room) FAST_FLOAT_LOOP;
/* white space and ints */
uint64_t fast_float_ints(const char *text, size_t n, void *out, size_t room) FAST_FLOAT_LOOP;

#ifdef __cplusplus
}
#endif
#endif
