/*
 * fuzz_record.c - "format NUL text": any format on any text, against fscanf itself, and cut in any way. Seeds:
 * tests/fixtures/record.
 */
#include "lenses/format.h"
#include "tests/fuzz/lens_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether fscanf may be asked: few pointers, ASCII (it reads formats in multibyte characters), and behind the last
 * stored conversion nothing that may fail half-way (then nobody defines where the stream stands). */
static int may_ask(const struct lensi_format *format, const char *text)
{
    for (; *text; text++)
        if (*text & 0x80)
            return 0;
    for (uint32_t i = format->stored_end; i < format->steps_count; i++)
        if (format->steps[i].kind > LENSI_STEP_PERCENT)
            return 0;
    return format->stored_count <= 8 && format->bytes < 4096;
}

static int subnormal_or_same(const struct lensi_format *format, const uint8_t *a, const uint8_t *b)
{
    for (uint32_t i = 0; i < format->steps_count; i++) {
        const struct lensi_step *step = &format->steps[i];
        double d;
        float f;

        if (!step->stored || !memcmp(a + step->offset, b + step->offset, step->bytes))
            continue;
        memcpy(&f, a + step->offset, 4);
        memcpy(&d, a + step->offset, 8 <= format->bytes - step->offset ? 8 : 4);
        if (!(step->kind == LENSI_STEP_FLOAT && __builtin_fabsf(f) <= 0x1p-126f) &&
            !(step->kind == LENSI_STEP_DOUBLE && __builtin_fabs(d) <= 0x1p-1022))
            return 0;
    }
    return 1;
}

static void ask_fscanf(const struct lensi_format *format, const char *text, const uint8_t *bytes, size_t n, int64_t made)
{
    FILE *file = n ? fmemopen((void *)(uintptr_t)bytes, n, "r") : NULL;
    uint8_t *want = aligned_alloc(16, 8192), *p[8] = { 0 };
    int64_t at = 0;

    for (; file && at + format->bytes <= FUZZ_ROOM; at += format->bytes) {
        memset(want, 0, 8192);
        for (uint32_t i = 0, k = 0; i < format->steps_count; i++)
            if (format->steps[i].stored)
                p[k++] = want + format->steps[i].offset;
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (fscanf(file, text, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]) != (int)format->stored_count)
            break;
        if (at + format->bytes > made || !subnormal_or_same(format, fuzz_view + at, want)) {
            fprintf(stderr, "record(\"%s\") differs from fscanf at %lld of %lld\n", text, (long long)at, (long long)made);
            abort();
        }
    }
    if (file && at + format->bytes <= FUZZ_ROOM && at != made) {
        fprintf(stderr, "record(\"%s\"): %lld bytes, fscanf %lld\n", text, (long long)made, (long long)at);
        abort();
    }
    free(want);
    if (file)
        fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = memchr(data, 0, size);
    struct lens_error error;
    struct lens_value text;
    void *params;
    int64_t made;

    if (!nul || nul - data > 200 || size > 100000)
        return 0;
    text = test_text((const char *)data);
    params = test_configure(&lens_record, TEST_ARGS({ NULL, text }), &error);
    if (!params)
        return 0;
    size -= (size_t)(nul + 1 - data);
    made = fuzz_cuts(&lens_record, params, nul + 1, size, size * 2654435761u);
    /* The format is the first thing in record's params. */
    if (may_ask(params, text.text))
        ask_fscanf(params, text.text, nul + 1, size, made);
    free(params);
    return 0;
}
