/*
 * fuzz_tokens.c - any text as a stream of numbers, in several shapes, cut in any way. Seeds: tests/fixtures/tokens.
 */
#include "tests/fuzz/lens_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *configure(uint8_t shape, double from)
{
    static const char *const formats[] = { "%d", "%ld", "%f", "%lf", "%hhu", "%i", "%x", "%3d" };
    struct lens_error error;

    if (shape >= 128)
        return test_configure(&lens_tokens,
                              TEST_ARGS({ NULL, test_text(formats[shape % 8]) }, { "comment", test_text("%") },
                                        { "lead", test_number(shape / 8 % 3) }, { "every", test_number(1 + from) },
                                        { "most", test_number(1 + shape / 24 % 3) }),
                              &error);
    return test_configure(&lens_tokens,
                          TEST_ARGS({ NULL, test_text(formats[shape % 8]) }, { "skip_lines", test_number(shape / 8 % 3) },
                                    { "comment", test_text("%") }, { "every", test_number(1 + shape / 24 % 3) },
                                    { "from", test_number(from) }, { "add", test_number(-1) }),
                          &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *params;

    if (size < 1 || size > 100000)
        return 0;
    for (int from = 0; from < 3; from++) {
        params = configure(data[0], from);
        fuzz_cuts(&lens_tokens, params, data + 1, size - 1, size * 2654435761u + data[0]);
        free(params);
    }
    return 0;
}
