/*
 * record_map.h - mappings that the program makes by itself: mmap, munmap, mremap.
 *
 * What the malloc underneath maps is not the program's: calls from inside of it, or from its module, do not count, so
 * that nothing is counted twice. Memory that cannot be accessed (PROT_NONE) is only addresses, and does not count
 * either.
 */
#ifndef LENSI_RECORDER_MAP_H
#define LENSI_RECORDER_MAP_H

#include <stddef.h>
#include <stdint.h>

/* Code addresses of the allocator underneath. */
void lensi_record_map_init(const void *allocator);
/* After a call that succeeded; fd -1: anonymous. */
void lensi_record_mapped(const void *at, size_t bytes, int protection, int flags, int fd, uint64_t offset, const void *caller,
                         const uintptr_t *slot);
void lensi_record_unmapped(const void *at, size_t bytes);
/* Pages moved from `old` to `at`; a block keeps its site. */
void lensi_record_remapped(const void *old, size_t old_bytes, const void *at, size_t bytes);

#endif
