/* altstack.h - alternate signal stacks, and what becomes of those that a program frees while they are set. */
#ifndef LENSI_ALTSTACK_H
#define LENSI_ALTSTACK_H

#include <stdbool.h>
#include <stddef.h>

/* Whether any thread ever set one: until then there is nothing to look at. */
extern bool lensi_altstacks;

/*
 * Memory that begins at `at` is about to be freed. If this thread's alternate stack lies in it, the thread goes without
 * one from now on. Programs do that at their end (ruby), and get away with it where no signal comes any more. Ours
 * come: they would be written into memory that belongs to somebody else, or is gone.
 */
void lensi_altstack_freed(const void *at);
/* The same for memory that is unmapped. */
void lensi_altstack_unmapped(const void *at, size_t bytes);

#endif
