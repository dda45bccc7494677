/*
 * reading.h - a read of the program's has landed in a block.
 */
#ifndef LENSI_READING_H
#define LENSI_READING_H

#include <stddef.h>
#include <stdint.h>

/* The program's read of `bytes` from fd at file offset `offset` landed at `at` (ours). For `extent read`. */
void lensi_file_read_into(int fd, uint64_t offset, const void *at, size_t bytes);

#endif
