/*
 * bench_lenses.c - how fast lenses read text, beside bare loops over the same text in the same run.
 *
 *   bench_lenses [--mb N] [--rounds N]
 *
 * Each text is made in memory. A lens fills 64 KiB at a time through a window of 1 MiB, as a prover asks it to; the
 * loop (bench/fast_float_loop.h) knows the text's shape and checks nothing. Rounds alternate; the best of each counts.
 * MB/s of text, one thread.
 */
#include "bench/fast_float_loop.h"
#include "lenses/builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 64 * 1024, WINDOW = 1 << 20, LINE_MAX_BYTES = 8192 };

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* ------------------------------------------------------------------ texts, a line at a time */

static int line_pairs(char *out)
{
    return sprintf(out, "%ld=%.6g;\n", (long)(next() % 2000000) - 1000000, (double)(next() % 2000000000) / 1e4 - 1e5);
}

static int line_rows(char *out)
{
    int n = sprintf(out, "%s", next() & 1 ? "+1" : "-1");
    long index = 0;

    for (int k = 0; k < 40; k++) {
        index += 1 + (long)(next() % 999);
        n += sprintf(out + n, " %ld:%.6g", index, (double)(next() % 2000000) / 1e6 - 1);
    }
    return n + sprintf(out + n, "\n");
}

static int line_matrix(char *out)
{
    int n = 0;

    for (int k = 0; k < 6; k++)
        n += sprintf(out + n, "%.6f%c", (double)(next() % 2000000000) / 1e9 - 1, k < 5 ? ',' : '\n');
    return n;
}

static int line_exact(char *out)
{
    int n = 0;

    for (int k = 0; k < 6; k++)
        n += sprintf(out + n, "%.17g%c", (double)(next() >> 11) * 0x1p-53 - 0.5, k < 5 ? ',' : '\n');
    return n;
}

static int line_ints(char *out)
{
    int n = 0;

    for (int k = 0; k < 26; k++)
        n += sprintf(out + n, " %ld %ld", (long)(next() % 1000000), 1 + (long)(next() % 97));
    return n + sprintf(out + n, "\n");
}

/* ------------------------------------------------------------------ cases */

static struct lens_value text_value(const char *text)
{
    return (struct lens_value){ .kind = LENS_STRING, .text = text, .text_bytes = strlen(text) };
}

struct bench {
    const char *name, *format;
    const struct lens_ops *ops;
    int (*line)(char *out);
    uint64_t (*loop)(const char *text, size_t n, void *out, size_t room);
};

static const struct bench benches[] = {
    { "record(\"%d=%f;\\n\")", "%d=%f;\n", &lens_record, line_pairs, fast_float_pairs },
    { "rows(\"%d:%lf\")", "%d:%lf", &lens_rows, line_rows, fast_float_rows },
    { "tokens(\"%d\")", "%d", &lens_tokens, line_ints, fast_float_ints },
    { "delimited(), 6 decimals", NULL, &lens_delimited, line_matrix, fast_float_matrix },
    { "delimited(), 17 digits", NULL, &lens_delimited, line_exact, fast_float_matrix },
    { "record, 6 doubles, 17 digits", "%lf,%lf,%lf,%lf,%lf,%lf\n", &lens_record, line_exact, fast_float_matrix },
};

/* The format, or for delimited: no header, plain strtod. */
static int configure(const struct bench *bench, void *params)
{
    struct lens_arg format = { NULL, { 0 } };
    struct lens_arg none = { "header", { .kind = LENS_NUMBER, .text = "0", .text_bytes = 1 } };
    struct lens_args args = { bench->format ? &format : &none, 1 };
    struct lens_error error;
    int result;

    if (bench->format)
        format.value = text_value(bench->format);
    result = bench->ops->configure(params, &args, &error);
    if (result < 0)
        fprintf(stderr, "bench_lenses: %s: %s\n", bench->name, error.text);
    return result;
}

struct memory {
    struct lens_reader reader;
    const char *text;
    size_t n;
};

static int refill(struct lens_reader *reader, uint64_t offset, size_t want)
{
    struct memory *memory = (struct memory *)reader;
    size_t n = want > WINDOW ? want : WINDOW, left = offset < memory->n ? memory->n - (size_t)offset : 0;

    reader->window = (const uint8_t *)memory->text + memory->n - left;
    reader->window_start = memory->n - left;
    reader->window_bytes = n < left ? n : left;
    return 0;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Makes the whole view; the source bytes it came from, so that a view that ends early is seen. */
static uint64_t run_lens(const struct bench *bench, const void *params, const char *text, size_t n, void *out,
                         void *scratch)
{
    size_t bytes = bench->ops->cursor_bytes ? bench->ops->cursor_bytes : sizeof(struct lens_cursor);
    struct lens_cursor *cursor = calloc(1, bytes);
    struct memory memory = { .reader = { .source_bytes = n, .refill = refill, .scratch = scratch,
                                         .scratch_bytes = LENS_SCRATCH_BYTES },
                             .text = text, .n = n };
    uint64_t used;

    while (bench->ops->get(params, &memory.reader, cursor, out, CHUNK) == CHUNK)
        ;
    used = cursor->source;
    free(cursor);
    return used;
}

static int prepare(const struct bench *bench, void *params, const char *text, size_t n, void *scratch)
{
    struct memory memory = { .reader = { .source_bytes = n, .refill = refill, .scratch = scratch,
                                         .scratch_bytes = LENS_SCRATCH_BYTES },
                             .text = text, .n = n };

    return bench->ops->prepare ? bench->ops->prepare(params, &memory.reader) : 0;
}

static char *make_text(const struct bench *bench, size_t target, size_t *n)
{
    char *text = malloc(target + LINE_MAX_BYTES);

    for (*n = 0; text && *n < target;)
        *n += (size_t)bench->line(text + *n);
    return text;
}

/* *least: the least ratio so far. */
static int run(const struct bench *bench, size_t target, int rounds, void *out, void *scratch, double *least)
{
    void *params = aligned_alloc(16, LENS_PARAMS_MAX);
    double best_lens = 1e9, best_loop = 1e9, start;
    size_t n;
    char *text = make_text(bench, target, &n);

    memset(params, 0, LENS_PARAMS_MAX);
    if (!text || configure(bench, params) < 0)
        return 1;
    if (prepare(bench, params, text, n, scratch) < 0)
        return 1;
    for (int i = 0; i < rounds; i++) {
        start = now();
        if (n - run_lens(bench, params, text, n, out, scratch) > LINE_MAX_BYTES)
            fprintf(stderr, "bench_lenses: %s ended early\n", bench->name);
        best_lens = now() - start < best_lens ? now() - start : best_lens;
        if (!bench->loop)
            continue;
        start = now();
        bench->loop(text, n, out, CHUNK);
        best_loop = now() - start < best_loop ? now() - start : best_loop;
    }
    printf("%-32s %8.0f", bench->name, (double)n / best_lens / 1e6);
    if (bench->loop) {
        printf(" %8.0f %8.2f", (double)n / best_loop / 1e6, best_loop / best_lens);
        *least = best_loop / best_lens < *least ? best_loop / best_lens : *least;
    }
    putchar('\n');
    free(params);
    free(text);
    return 0;
}

int main(int argc, char **argv)
{
    size_t target = 32 << 20;
    int rounds = 5, failed = 0;
    double least = 1e9;
    void *out = malloc(CHUNK), *scratch = aligned_alloc(16, LENS_SCRATCH_BYTES);

    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--mb"))
            target = strtoul(argv[i + 1], NULL, 10) << 20;
        else if (!strcmp(argv[i], "--rounds"))
            rounds = atoi(argv[i + 1]);
    }
    printf("%-32s %8s %8s %8s\n", "MB/s of text, one thread", "lens", "loop", "ratio");
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++)
        failed |= run(&benches[i], target, rounds, out, scratch, &least);
    printf("%s: the least is %.2f x\n", least >= 0.8 ? "reached" : "not reached", least);
    free(out);
    free(scratch);
    return failed;
}
