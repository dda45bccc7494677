/*
 * checksum.c - XXH3, compiled in from the header of libxxhash so that no name of it reaches the program.
 */
#include "liblens/base/checksum.h"

#include "liblens/base/sys.h"

#include <stdatomic.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t lensi_checksum(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}

static const uint8_t zeros[LENSI_PAGE] __attribute__((aligned(LENSI_PAGE)));

bool lensi_is_zero_page(const void *page) { return memcmp(page, zeros, LENSI_PAGE) == 0; }

uint64_t lensi_zeros_checksum(void)
{
    static _Atomic uint64_t sum;

    if (!atomic_load_explicit(&sum, memory_order_relaxed))
        atomic_store(&sum, lensi_checksum(zeros, LENSI_PAGE));
    return atomic_load(&sum);
}
