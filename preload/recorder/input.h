/*
 * record_input.h - where bytes come from: files that the program reads or maps, and which of its blocks they went to.
 *
 * Reads of 4 KiB and more that pass through libc's read family (fread too) are seen one by one; consecutive ones are
 * put together. What stdio reads for itself (fgets, getline, scanf) does not pass there: of files that are open for
 * reading the position is looked at every tick, and what was not seen to be read is told as read into no block.
 */
#ifndef LENSI_RECORDER_INPUT_H
#define LENSI_RECORDER_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LENSI_INPUT_LEAST_BYTES 4096u

int lensi_inputs_start(void);
/* `got` bytes of fd from `offset` on are at `at` now. caller and slot as in lensi_path_node. Keeps errno. */
void lensi_input_read(int fd, int64_t offset, const void *at, ssize_t got, const void *caller, const uintptr_t *slot);
void lensi_input_mapped(int fd, uint64_t offset, const void *at, uint64_t bytes, uint32_t node);
void lensi_input_opened(int fd, const void *caller, const uintptr_t *slot);
void lensi_input_closed(int fd);
/* The same of a descriptor that came by another way than open, unless it is known. */
void lensi_input_met(int fd, const void *caller, const uintptr_t *slot);
void lensi_input_inherited(int fd); /* open before the program began */
void lensi_input_copied(int from, int to); /* to is a duplicate: both have one position */
void lensi_inputs_before_fork(void);
void lensi_inputs_after_fork(bool in_child);

#endif
