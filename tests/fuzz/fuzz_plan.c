/*
 * fuzz_plan.c - any bytes as a plan: no crash, an error with its place, and print(parse(x)) parses to the same.
 *
 * The arena of the library never frees, so this target brings its own, emptied before every input. Seeds:
 * tests/fixtures/plan.
 */
#include "lenses/builtin.h"
#include "liblens/base/arena.h"
#include "liblens/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX 4096

static void *blocks[BLOCKS_MAX];
static size_t blocks_count;

void *lensi_arena_new(size_t bytes)
{
    if (blocks_count == BLOCKS_MAX)
        return NULL;
    void *block = calloc(1, bytes ? bytes : 1);
    if (block)
        blocks[blocks_count++] = block;
    return block;
}

char *lensi_arena_text(const char *text, size_t bytes)
{
    char *copy = lensi_arena_new(bytes + 1);

    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

void *lensi_arena_map(size_t bytes)
{
    return calloc(1, bytes);
}

void lensi_arena_unmap(void *at, size_t bytes)
{
    (void)bytes;
    free(at);
}

uint64_t lensi_arena_bytes(void)
{
    return 0;
}

static void empty_arena(void)
{
    while (blocks_count)
        free(blocks[--blocks_count]);
}

static char *print(const struct lensi_plan *plan, size_t *bytes)
{
    *bytes = lensi_plan_print(plan, NULL, 0);
    char *text = calloc(1, *bytes + 1);
    if (text && lensi_plan_print(plan, text, *bytes + 1) != *bytes)
        abort();
    return text;
}

/* The printed plan must parse, and print as itself. */
static void check_round_trip(const struct lensi_plan *plan)
{
    struct lensi_plan again;
    struct lens_error error;
    size_t bytes, bytes_again;
    char *text = print(plan, &bytes);
    int result = text ? lensi_plan_parse("printed", text, bytes, &again, &error) : -1;

    if (text && result == 0) {
        char *text_again = print(&again, &bytes_again);

        if (text_again && strcmp(text, text_again) != 0)
            abort();
        free(text_again);
    } else if (text && blocks_count < BLOCKS_MAX) {
        abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lensi_plan plan;
    struct lens_error error = {.at = -1};
    /* A copy without a NUL behind, so that reading past the end is seen. */
    char *text = malloc(size ? size : 1);

    if (!lens_at(0))
        for (size_t i = 0; i < lens_builtin_count; i++)
            lens_register(lens_builtin[i]);
    if (!text)
        return 0;
    memcpy(text, data, size);
    int result = lensi_plan_parse("fuzz", text, size, &plan, &error);
    if (result == 0)
        check_round_trip(&plan);
    else if (strncmp(error.text, "fuzz:", 5) != 0 && blocks_count < BLOCKS_MAX)
        abort();
    free(text);
    empty_arena();
    return 0;
}
