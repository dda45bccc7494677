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
/* Whether a large table, or the range of small records, lies there: addresses that are ours, whether they are used or not. */
bool lensi_arena_holds(const void *at);
/* Bytes handed out by lensi_arena_new, for the statistics. */
uint64_t lensi_arena_bytes(void);

#endif
