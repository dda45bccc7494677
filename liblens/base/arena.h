/*
 * arena.h - memory for our own books, never from malloc.
 *
 * Two kinds: small records that live as long as the process (bump allocation, lock-free, zeroed), and large
 * tables that are mapped and unmapped as a whole. Safe in every thread, in the malloc path and in a fork's
 * child; the fault path allocates nothing.
 */
#ifndef LENSI_ARENA_H
#define LENSI_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, 16-byte aligned, never freed. NULL when out of memory. */
void *lensi_arena_new(size_t bytes);
/* A NUL-terminated copy of text[0, bytes). */
char *lensi_arena_text(const char *text, size_t bytes);
/* A zeroed table of its own, page-aligned; address space only until it is touched. Not in core dumps if it is large. */
void *lensi_arena_map(size_t bytes);
void lensi_arena_unmap(void *at, size_t bytes);
/*
 * What is ours of [from, to), used or not: the first piece of a large table or of the range of small records; false if
 * there is none.
 */
bool lensi_arena_next(uintptr_t from, uintptr_t to, uintptr_t *start, uintptr_t *end);
/* The sum of the smaller tables, and of what was counted here: mappings of ours that do not come from the arena. */
uint64_t lensi_arena_small_bytes(void);
void lensi_arena_count(int64_t bytes);
/* Bytes handed out by lensi_arena_new, for the statistics. */
uint64_t lensi_arena_bytes(void);

#endif
