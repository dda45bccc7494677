/*
 * fuzz_bytes.c - any bytes through `bytes` in several shapes: cut in any way, as long as said, and what put makes of
 * the view gives that view again.
 */
#include "tests/fuzz/lens_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t back[FUZZ_ROOM], again[FUZZ_ROOM];

static void *configure(unsigned shape, size_t *element)
{
    static const char *const kinds[] = { "u8", "i8", "u16be", "i16", "u32", "i32be", "u64", "i64", "f32", "f64be" };
    static const size_t sizes[] = { 1, 1, 2, 2, 4, 4, 8, 8, 4, 8 };
    struct lens_error error;
    unsigned from = shape % 10, to = shape / 10 % 10;

    *element = sizes[to];
    if (shape < 100)
        return test_configure(&lens_bytes_map,
                              TEST_ARGS({ "from", test_word(kinds[from]) }, { "to", test_word(kinds[to]) }), &error);
    if (shape < 200)
        return test_configure(&lens_bytes_map,
                              TEST_ARGS({ "from", test_word(kinds[from]) }, { "to", test_word(kinds[to]) },
                                        { "scale", test_number(shape % 3 ? -3 : 0.37) }, { "add", test_number(17) }),
                              &error);
    *element = shape % 2 ? 4 : 1;
    return shape % 2 ? test_configure(&lens_bytes_map, TEST_ARGS({ "swap", test_number(4) }), &error)
                     : test_configure(&lens_bytes_map, TEST_ARGS({ "case", test_word("upper") }), &error);
}

static void check_put(const void *params, size_t n)
{
    struct lens_cursor cursor = { 0 };
    size_t taken = 0;
    int64_t made = lens_bytes_map.put(params, &cursor, fuzz_view, n, &taken, back, LENS_TOKEN_MAX);

    if (made < 0)
        return;
    if (test_view(&lens_bytes_map, params, back, (size_t)made, 4096, 0, 1, again, FUZZ_ROOM) != (int64_t)taken ||
        memcmp(again, fuzz_view, taken))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t element;
    int64_t made;
    void *params;

    if (size < 1 || size > 4096)
        return 0;
    params = configure(data[0], &element);
    made = fuzz_cuts(&lens_bytes_map, params, data + 1, size - 1, size * 2654435761u + data[0]);
    if (made < 0 || lens_bytes_map.view_bytes(params, size - 1) != (uint64_t)made)
        abort();
    check_put(params, (size_t)made / element * element);
    free(params);
    return 0;
}
