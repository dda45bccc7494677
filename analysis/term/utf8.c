/* utf8.c - see utf8.h. */
#include "analysis/term/utf8.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of the character at `text`, or 0: overlong, a surrogate, too large, cut. */
static size_t character_bytes(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes = *text < 0x80 ? 1 : *text >= 0xf0 && *text < 0xf8 ? 4 : *text >= 0xe0 && *text < 0xf0 ? 3
                   : *text >= 0xc0 && *text < 0xe0 ? 2 : 0;
    uint32_t code = bytes > 1 ? *text & (0x7fu >> bytes) : *text;

    for (size_t i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    if (bytes > 1 && (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)))
        return 0;
    return bytes;
}

char *utf8_clean(const char *text)
{
    char *clean = malloc(3 * strlen(text) + 1), *to = clean;

    while (clean && *text) {
        size_t bytes = character_bytes((const unsigned char *)text);

        memcpy(to, bytes ? text : "\xef\xbf\xbd", bytes ? bytes : 3);
        to += bytes ? bytes : 3;
        text += bytes ? bytes : 1;
    }
    if (clean)
        *to = '\0';
    return clean;
}
