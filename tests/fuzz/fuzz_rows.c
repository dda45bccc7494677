/*
 * fuzz_rows.c - any text as rows, in several shapes: cut in any way, and as long as prepare says. Seeds:
 * tests/fixtures/rows.
 */
#include "tests/fuzz/lens_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *configure(unsigned shape)
{
    static const struct lens_value none = { .kind = LENS_LIST };
    struct lens_error error;

    switch (shape % 4) {
    case 0:
        return test_configure(&lens_rows, TEST_ARGS({ NULL, test_text("%d:%lf") }), &error);
    case 1:
        return test_configure(&lens_rows, TEST_ARGS({ NULL, test_text("%d:%lf") }, { "bias", test_number(1) }), &error);
    case 2:
        return test_configure(&lens_rows,
                              TEST_ARGS({ NULL, test_text("%hd") }, { "label", test_number(0) }, { "end", none },
                                        { "separators", test_text(",;") }),
                              &error);
    default:
        return test_configure(&lens_rows, TEST_ARGS({ NULL, test_text("%x=%f/%ld") }, { "label", test_number(2) }),
                              &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct test_reader reader;
    uint64_t told;
    int64_t made;
    void *params;

    if (size < 1 || size > 100000)
        return 0;
    params = configure(data[0]);
    test_reader_open(&reader, data + 1, size - 1, 1 + size % 999);
    if (lens_rows.prepare(params, &reader.reader) < 0)
        abort();
    test_reader_close(&reader);
    made = fuzz_cuts(&lens_rows, params, data + 1, size - 1, size * 2654435761u + data[0]);
    told = lens_rows.view_bytes(params, size - 1);
    if (made < FUZZ_ROOM && told != LENS_UNKNOWN && told != (uint64_t)made)
        abort();
    free(params);
    return 0;
}
