/*
 * checksum.c - XXH3, compiled in from the header of libxxhash so that no name of it reaches the program.
 */
#include "liblens/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t lensi_checksum(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}
