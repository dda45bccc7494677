/* io_pins.c - the slow half of io.h: reached only when an argument lies in memory of ours. */
#include "preload/io.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

struct lensi_main_stack lensi_main_stack;

/* The kernel has put its bytes for AT_RANDOM above all that the program's first function finds. */
void lensi_main_stack_init(void)
{
    lensi_main_stack = (struct lensi_main_stack){(uintptr_t)pthread_self(), getauxval(AT_RANDOM)};
}

/* A word for each page, asked of the kernel by a call that filters let through: libc makes it itself. */
bool lensi_is_program_readable_slow(const void *at, size_t bytes)
{
    uintptr_t word = (uintptr_t)at & ~(sizeof(uint64_t) - 1), end = (uintptr_t)at + bytes;

    if (lensi_retired || end < (uintptr_t)at || word < LENSI_IO_PAGE)
        return false;
    for (; word < end; word = (word + LENSI_IO_PAGE) & ~(uintptr_t)(LENSI_IO_PAGE - 1))
        if (!(lensi_is_ours((const void *)word) ? lensi_block_is_readable((const void *)word) : lensi_sys_is_readable((const void *)word)))
            return false;
    return true;
}

static bool grow(struct lensi_pins *pins)
{
    size_t room = pins->room * 4;
    struct lensi_pin *list = lensi_arena_map(room * sizeof *list);

    if (!list)
        return false;
    memcpy(list, pins->list, pins->count * sizeof *list);
    if (pins->list != pins->near)
        lensi_arena_unmap(pins->list, pins->room * sizeof *list);
    pins->list = list;
    pins->room = room;
    return true;
}

/* Without room to remember a pin it is kept for ever: memory lost, no harm done. */
static void remember(struct lensi_pins *pins, const void *at, size_t bytes)
{
    if (pins->count == 0) {
        pins->list = pins->near;
        pins->room = LENSI_PINS_NEAR;
    }
    if (pins->count == pins->room && !grow(pins))
        return;
    pins->list[pins->count++] = (struct lensi_pin){at, bytes};
}

void lensi_pins_add_slow(struct lensi_pins *pins, const void *at, size_t bytes, enum lensi_pin_use use)
{
    int saved = errno;

    if (use == LENSI_PIN_OUT ? lensi_pin_for_write(at, bytes) : lensi_pin_for_read(at, bytes))
        remember(pins, at, bytes);
    errno = saved;
}

void lensi_pins_add_text_slow(struct lensi_pins *pins, const char *text)
{
    int saved = errno;
    size_t bytes;

    if (lensi_pin_text(text, &bytes))
        remember(pins, text, bytes);
    errno = saved;
}

void lensi_pins_end(void *argument)
{
    struct lensi_pins *pins = argument;
    int saved = errno;

    if (pins->count == 0)
        return;
    for (size_t i = 0; i < pins->count; i++)
        lensi_unpin_slow(pins->list[i].at, pins->list[i].bytes);
    if (pins->list != pins->near)
        lensi_arena_unmap(pins->list, pins->room * sizeof *pins->list);
    pins->count = 0;
    errno = saved;
}

void lensi_pins_add_texts(struct lensi_pins *pins, char *const *texts)
{
    size_t count = 0;

    if (!texts || !lensi_is_pinning())
        return;
    for (;; count++) {
        bool is_first = count == 0 || (uintptr_t)&texts[count] % LENSI_IO_PAGE < sizeof *texts;

        if (is_first && !lensi_is_program_readable(&texts[count], sizeof *texts))
            break;
        if (!texts[count])
            break;
        lensi_pins_add_text(pins, texts[count]);
    }
    lensi_pins_add(pins, texts, (count + 1) * sizeof *texts, LENSI_PIN_IN);
}

void lensi_pins_add_vector(struct lensi_pins *pins, const struct iovec *vector, long count, enum lensi_pin_use use)
{
    if (!lensi_is_pinning() || count <= 0 || count > 1024) /* more is EINVAL */
        return;
    if (!lensi_is_program_readable(vector, (size_t)count * sizeof *vector))
        return;
    lensi_pins_add(pins, vector, (size_t)count * sizeof *vector, LENSI_PIN_IN);
    for (long i = 0; i < count; i++)
        lensi_pins_add(pins, vector[i].iov_base, vector[i].iov_len, use);
}

void lensi_pins_add_message(struct lensi_pins *pins, const struct msghdr *message, enum lensi_pin_use use)
{
    if (!lensi_is_pinning() || !lensi_is_program_readable(message, sizeof *message))
        return;
    lensi_pins_add(pins, message, sizeof *message, use);
    lensi_pins_add(pins, message->msg_name, message->msg_namelen, use);
    lensi_pins_add(pins, message->msg_control, message->msg_controllen, use);
    lensi_pins_add_vector(pins, message->msg_iov, (long)message->msg_iovlen, use);
}

void lensi_pins_add_messages(struct lensi_pins *pins, struct mmsghdr *messages, unsigned count, enum lensi_pin_use use)
{
    if (!lensi_is_pinning())
        return;
    if (count > 1024) /* as the kernel does */
        count = 1024;
    lensi_pins_add(pins, messages, count * sizeof *messages, LENSI_PIN_OUT);
    for (unsigned i = 0; i < count; i++)
        lensi_pins_add_message(pins, &messages[i].msg_hdr, use);
}

void lensi_pins_add_address(struct lensi_pins *pins, void *address, socklen_t *bytes)
{
    if (!lensi_is_pinning() || !address || !bytes || !lensi_is_program_readable(bytes, sizeof *bytes))
        return;
    lensi_pins_add(pins, bytes, sizeof *bytes, LENSI_PIN_OUT);
    lensi_pins_add(pins, address, *bytes, LENSI_PIN_OUT);
}

void lensi_pins_add_around(struct lensi_pins *pins, const void *at)
{
    size_t to_page_end = LENSI_IO_PAGE - (uintptr_t)at % LENSI_IO_PAGE;

    if (lensi_is_ours(at))
        lensi_pins_add(pins, at, to_page_end + LENSI_IO_PAGE, LENSI_PIN_OUT);
}

void lensi_pin_forever(const void *at, size_t bytes)
{
    int saved = errno;

    if (LENSI_UNLIKELY(lensi_touches_ours(at, bytes)))
        lensi_pin_forever_slow(at, bytes);
    errno = saved;
}

void lensi_pins_add_nested(struct lensi_pins *pins, const void *at, size_t bytes)
{
    enum { NESTED_BYTES = 1 << 18, STRUCTURE_BYTES = 4096 };
    uintptr_t word;

    if (bytes > STRUCTURE_BYTES)
        bytes = STRUCTURE_BYTES;
    if (!lensi_is_pinning() || !lensi_is_program_readable(at, bytes))
        return;
    for (size_t i = 0; i + sizeof word <= bytes; i += sizeof word) {
        memcpy(&word, (const char *)at + i, sizeof word);
        if (lensi_is_ours((const void *)word))
            lensi_pins_add(pins, (const void *)word, NESTED_BYTES, LENSI_PIN_OUT);
    }
}

void lensi_pin_text_forever(const char *text)
{
    if (LENSI_UNLIKELY(lensi_is_ours(text)))
        lensi_pin_forever(text, strlen(text) + 1);
}
