/*
 * packed.h - small allocations of one site, laid out densely in an address range of that site's own.
 *
 * The range holds the program's bytes and nothing else, in the order of allocation: a lens over it sees a
 * sequence. What is where stands in two bitmaps outside, one bit per unit of 16 bytes each. Addresses are handed
 * out once and never again: a page whose bytes have all been freed is given back for good.
 *
 * Thread-safe without locks, so there is nothing for a fork to tear. Calls no malloc; keeps errno.
 */
#ifndef LENSI_PACKED_H
#define LENSI_PACKED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LENSI_PACKED_UNIT 16u

/*
 * used_bytes only grows. For each unit u: a bit in starts <=> a living object starts at u; a bit in ends <=> an object,
 * living or freed, ends with u. freed_units[page] = units of the page that were handed out and are free again,
 * gaps before aligned objects included; at 256 nobody can own a byte of the page any more.
 */
struct lensi_packed {
    uint8_t *base;
    uint64_t span_bytes;
    _Atomic uint64_t used_bytes;
    _Atomic uint64_t *starts, *ends;
    _Atomic uint16_t *freed_units;
    /* Told once for each page that nobody owns any more; may be called by several threads at a time. */
    void (*release)(void *context, void *page, size_t bytes);
    void *context;
};

/* Takes [base, base + span_bytes), whole pages that read as zeros. 0 or -ENOMEM. */
int lensi_packed_init(struct lensi_packed *packed, void *base, uint64_t span_bytes,
                      void (*release)(void *context, void *page, size_t bytes), void *context);
/* Ends the books; the range itself is the caller's. */
void lensi_packed_end(struct lensi_packed *packed);
/* `bytes` zeroed bytes behind the last object; alignment is a power of two (0 = 16). NULL when the span is full. */
void *lensi_packed_new(struct lensi_packed *packed, size_t bytes, size_t alignment);
/* 0, or -EINVAL if no living object starts at `at`. */
int lensi_packed_free(struct lensi_packed *packed, const void *at);
/* The bytes that may be used at `at`; 0 if no living object starts there. */
size_t lensi_packed_bytes(const struct lensi_packed *packed, const void *at);
/*
 * Makes the object `bytes` long where it is, or returns false: it does not fit and is not the last one, or would reach
 * into a further page. So pages come into use by lensi_packed_new alone.
 */
bool lensi_packed_resize(struct lensi_packed *packed, const void *at, size_t bytes);

static inline bool lensi_packed_owns(const struct lensi_packed *packed, const void *at)
{
    return (uintptr_t)at - (uintptr_t)packed->base < packed->span_bytes;
}

#endif
