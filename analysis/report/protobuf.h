/*
 * protobuf.h - the wire format of protocol buffers, as far as writing one message needs it.
 *
 * A message grows in memory. Each function appends one field; numbers of 0 are left away, as the format wants.
 */
#ifndef LENS_PROTOBUF_H
#define LENS_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
    uint8_t *bytes;
    size_t length, room;
    bool is_out_of_memory; /* then nothing more is appended */
};

void protobuf_number(struct protobuf *message, unsigned field, uint64_t value);
void protobuf_bytes(struct protobuf *message, unsigned field, const void *bytes, size_t length);
/* A repeated field of numbers, packed. */
void protobuf_numbers(struct protobuf *message, unsigned field, const uint64_t *values, size_t count);
/* A message within a message; empties `inner`, to be used again. */
void protobuf_message(struct protobuf *message, unsigned field, struct protobuf *inner);
void protobuf_free(struct protobuf *message);

#endif
