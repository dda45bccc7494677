/*
 * verbatim.c - the lens that changes nothing: view byte i is source byte i.
 *
 * It owns no state beyond the view offset, so any cursor is as good as any other.
 */
#include "lenses/args.h"
#include "lenses/builtin.h"

#include <errno.h>
#include <string.h>

static int configure(void *params, const struct lens_args *args, struct lens_error *error)
{
    (void)params;
    return args->count ? lensi_args_unknown(args, 0, lens_verbatim.usage, error) : 0;
}

static uint64_t view_bytes(const void *params, uint64_t source_bytes)
{
    (void)params;
    return source_bytes;
}

static int64_t get(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n)
{
    size_t done = 0;

    (void)params;
    while (done < n) {
        const uint8_t *bytes;
        size_t have = lens_reader_at(source, cursor->view, 1, &bytes);

        if (have == 0)
            break;
        if (have > n - done)
            have = n - done;
        memcpy((uint8_t *)out + done, bytes, have);
        done += have;
        cursor->view += have;
    }
    cursor->source = cursor->view;
    return source->error ? source->error : (int64_t)done;
}

static int64_t put(const void *params, struct lens_cursor *cursor, const void *view, size_t n, size_t *taken,
                   void *out, size_t cap)
{
    size_t count = n < cap ? n : cap;

    (void)params;
    memcpy(out, view, count);
    cursor->view += count;
    cursor->source += count;
    *taken = count;
    return (int64_t)count;
}

static int seek(const void *params, struct lens_cursor *cursor, uint64_t view)
{
    (void)params;
    memset(cursor, 0, sizeof *cursor);
    cursor->view = view;
    return 0;
}

const struct lens_ops lens_verbatim = {
    .size = sizeof(struct lens_ops),
    .name = "verbatim",
    .usage = "verbatim",
    .configure = configure,
    .view_bytes = view_bytes,
    .get = get,
    .put = put,
    .seek = seek,
    .flags = LENS_IDENTITY,
};
