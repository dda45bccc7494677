/* protobuf.c - see protobuf.h. */
#include "analysis/report/protobuf.h"

#include <stdlib.h>
#include <string.h>

#define VARINT_BYTES_MAX 10

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static bool make_room(struct protobuf *message, size_t bytes)
{
    if (message->is_out_of_memory || message->length + bytes <= message->room)
        return !message->is_out_of_memory;
    size_t room = 2 * (message->length + bytes) + 64;
    uint8_t *grown = realloc(message->bytes, room);
    if (!grown) {
        message->is_out_of_memory = true;
        return false;
    }
    message->bytes = grown;
    message->room = room;
    return true;
}

static void varint(struct protobuf *message, uint64_t value)
{
    if (!make_room(message, VARINT_BYTES_MAX))
        return;
    for (; value >= 0x80; value >>= 7)
        message->bytes[message->length++] = (uint8_t)(value | 0x80);
    message->bytes[message->length++] = (uint8_t)value;
}

static void key(struct protobuf *message, unsigned field, unsigned wire)
{
    varint(message, (uint64_t)field << 3 | wire);
}

void protobuf_number(struct protobuf *message, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    key(message, field, WIRE_VARINT);
    varint(message, value);
}

void protobuf_bytes(struct protobuf *message, unsigned field, const void *bytes, size_t length)
{
    key(message, field, WIRE_BYTES);
    varint(message, length);
    if (length == 0 || !make_room(message, length))
        return;
    memcpy(message->bytes + message->length, bytes, length);
    message->length += length;
}

void protobuf_numbers(struct protobuf *message, unsigned field, const uint64_t *values, size_t count)
{
    struct protobuf packed = {0};

    for (size_t i = 0; i < count; i++)
        varint(&packed, values[i]);
    protobuf_message(message, field, &packed);
    protobuf_free(&packed);
}

void protobuf_message(struct protobuf *message, unsigned field, struct protobuf *inner)
{
    message->is_out_of_memory = message->is_out_of_memory || inner->is_out_of_memory;
    protobuf_bytes(message, field, inner->bytes, inner->length);
    inner->length = 0;
}

void protobuf_free(struct protobuf *message)
{
    free(message->bytes);
    memset(message, 0, sizeof *message);
}
