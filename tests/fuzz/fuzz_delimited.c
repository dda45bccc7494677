/*
 * fuzz_delimited.c - any text as delimited, in several dialects and layouts: cut in any way, never longer than said.
 */
#include "tests/fuzz/lens_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *configure(unsigned shape)
{
    struct lens_error error;

    switch (shape % 10) {
    case 0:
        return test_configure(&lens_delimited, TEST_ARGS({ "header", test_number(1) }), &error);
    case 1:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "as", test_word("pandas") }, { "layout", test_word("columns") }), &error);
    case 2:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "sep", test_word("space") }, { "comment", test_text("#") },
                                        { "as", test_word("python") }),
                              &error);
    case 3:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "struct", test_text("short a; char b[5]; double c; char d;") }), &error);
    case 4:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "columns", test_number(1) }, { "comment", test_text("#") },
                                        { "type", test_word("i32") }),
                              &error);
    case 5:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "sep", test_text(";") }, { "decimal", test_text(",") },
                                        { "na", test_text("-") }, { "fill", test_word("yes") },
                                        { "layout", test_word("columns") }),
                              &error);
    case 6:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "dialect", test_word("guess") }, { "header", test_word("guess") },
                                        { "as", test_word("pandas") }, { "layout", test_word("columns") },
                                        { "type", test_word("own") }),
                              &error);
    case 7:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "dialect", test_word("guess") }, { "header", test_word("numbers") },
                                        { "as", test_word("pandas") }, { "layout", test_word("columns") },
                                        { "columns", test_word("same") }, { "type", test_word("bool") }),
                              &error);
    case 8:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "dialect", test_word("guess") }, { "header", test_word("guess") },
                                        { "thousands", test_word("guess") }, { "columns", test_word("numbers") },
                                        { "as", test_word("python") }),
                              &error);
    default:
        return test_configure(&lens_delimited,
                              TEST_ARGS({ "dialect", test_word("guess") }, { "odd", test_word("missing") },
                                        { "type", test_word("i32") }),
                              &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct test_reader reader;
    void *params;

    if (size < 1 || size > 20000)
        return 0;
    params = configure(data[0]);
    test_reader_open(&reader, data + 1, size - 1, 1 + size % 999);
    if (lens_delimited.prepare(params, &reader.reader) == 0) {
        int64_t made = fuzz_cuts(&lens_delimited, params, data + 1, size - 1, size * 2654435761u + data[0]);
        uint64_t told = lens_delimited.view_bytes(params, size - 1);

        if (made < 0 || (told != LENS_UNKNOWN && told < (uint64_t)made))
            abort();
    }
    test_reader_close(&reader);
    free(params);
    return 0;
}
