/*
 * lens.h - the public interface of liblens, and the manual of it.
 *
 * What it is. A program's heap often repeats what a file says, in another shape. A *lens* is a pure
 * function from the file's bytes (the *backing*) to the heap's bytes (the *view*). liblens makes views
 * lazily, page by page, and lets their pages go again.
 *
 * Two kinds of reader use this header:
 *   - who wants a lazily made array:  lens_open(), lens_data(), lens_bytes(), lens_close();
 *   - who writes a lens:              struct lens_ops and the lens_reader below.
 *
 * Caveats, said first. A page of a view costs a fault when it is absent. The backing must not change
 * while a view of it is open (replace it by rename instead); if it does and a page cannot be brought
 * back, the process is stopped with a message, never given other bytes. Linux only, little-endian,
 * 4 KiB pages or larger.
 *
 * Errors. Functions return 0 or a negative errno value; counts are >= 0. Nothing here touches errno.
 *
 * Glossary (docs/ARCHITECTURE.md has the rest):
 *   backing     the file a view is made from        view    what one lens makes of one backing, [0, size)
 *   cursor      plain data from which a lens goes on in the middle of a view
 *   checkpoint  a cursor kept, so that any page can be made without starting from the front
 */
#ifndef LENS_H
#define LENS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LENS_VERSION "0.1.0"
#define LENS_ABI 1

#if defined(__GNUC__)
#define LENS_API __attribute__((visibility("default")))
#else
#define LENS_API
#endif

/* A size or an offset that is not known (yet). */
#define LENS_UNKNOWN UINT64_MAX
/* The largest `params` a lens may ask for, in bytes. */
#define LENS_PARAMS_MAX 4096
/* The longest token (number, string, quoted field) a text lens must handle, in bytes. */
#define LENS_TOKEN_MAX (64 * 1024)

/* ------------------------------------------------------------------ for who writes a lens */

/*
 * The source of a lens: random access to bytes, a window at a time. Owned by the caller of `get`; valid
 * during that call only. One reader is used by one thread at a time.
 */
struct lens_reader {
    const uint8_t *window; /* source bytes [window_start, window_start + window_bytes) */
    uint64_t window_start;
    size_t window_bytes;
    uint64_t source_bytes; /* size of the source, or LENS_UNKNOWN while nobody knows it */
    /*
     * Moves the window so that it begins at or before `offset` and holds at least `want` bytes from it,
     * or ends where the source ends. want <= 2 * LENS_TOKEN_MAX. Returns 0 or -errno; sets `error`.
     */
    int (*refill)(struct lens_reader *reader, uint64_t offset, size_t want);
    int error;     /* 0, or the first -errno a refill gave; sticky */
    void *scratch; /* memory for the lens during one call of get, 16-byte aligned, contents undefined */
    size_t scratch_bytes; /* at least LENS_SCRATCH_BYTES */
};

/* Every reader brings at least this much scratch memory. */
#define LENS_SCRATCH_BYTES (256 * 1024)

/*
 * Looks at the source from `offset` on: *bytes points there and at least `want` bytes may be read (fewer
 * only where the source ends). Returns how many may be read (often more than `want`); 0 at the end of the
 * source or after an error (then reader->error is set). The pointer is good until the next call.
 */
static inline size_t lens_reader_at(struct lens_reader *reader, uint64_t offset, size_t want, const uint8_t **bytes)
{
    uint64_t skip = offset - reader->window_start;

    if (offset < reader->window_start || skip > reader->window_bytes || reader->window_bytes - skip < want) {
        if (reader->error || reader->refill(reader, offset, want) < 0)
            return 0;
        skip = offset - reader->window_start;
        if (offset < reader->window_start || skip >= reader->window_bytes)
            return 0;
    }
    *bytes = reader->window + skip;
    return reader->window_bytes - (size_t)skip;
}

/*
 * Where a lens is. All zero means "at the front", for every lens. `view` is the offset of the next byte
 * that get will make and is kept by get; `source` and `state` mean what the lens wants them to mean.
 * A lens that asks for a larger cursor (lens_ops.cursor_bytes) finds its own bytes behind, in `more`.
 */
struct lens_cursor {
    uint64_t view;
    uint64_t source;
    uint64_t state[2];
    uint8_t more[];
};

/* What went wrong, for a person: one clear line without a newline. `at` is the argument's index, or -1. */
struct lens_error {
    char text[240];
    int at;
};

/* One value of an argument list as the plan language has it. Strings are NUL-terminated, escapes resolved. */
enum lens_value_kind { LENS_NUMBER = 1, LENS_STRING, LENS_WORD, LENS_LIST };
struct lens_value {
    enum lens_value_kind kind;
    double number;             /* LENS_NUMBER (sizes such as 4K are numbers) */
    int64_t integer;           /* LENS_NUMBER: the same, if it is a whole number */
    const char *text;          /* LENS_STRING, LENS_WORD, and the number as written */
    size_t text_bytes;         /* without the NUL; strings may hold NULs (\0) */
    const struct lens_value *items; /* LENS_LIST */
    size_t items_count;
};
struct lens_arg {
    const char *key; /* NULL for a positional argument */
    struct lens_value value;
};
struct lens_args {
    const struct lens_arg *list;
    size_t count;
};

/*
 * A lens: a table of functions and a size. All of them are pure: no globals that change, no locale, no
 * malloc, no stdio, no locks, no system calls; they may run in a signal handler and in several threads at
 * once, on a small stack (use reader->scratch, not large locals). `params` is the lens's own plain data,
 * params_bytes long, 16-byte aligned, zeroed before configure; it may be copied by memcpy.
 */
struct lens_ops {
    size_t size;         /* sizeof(struct lens_ops): tells old tables from new ones */
    const char *name;    /* the word used in plans */
    const char *usage;   /* one line: arguments, as a person would write them */
    size_t params_bytes; /* <= LENS_PARAMS_MAX */
    size_t cursor_bytes; /* 0, or sizeof(struct lens_cursor) + what `more` takes (<= 64 KiB) */
    uint64_t checkpoint_every; /* 0, or the view bytes between two checkpoints (default 64 KiB; one a page where pages come at random) */

    /* Reads the arguments into params. 0, or -EINVAL with *error filled in (what was expected, what to write). */
    int (*configure)(void *params, const struct lens_args *args, struct lens_error *error);
    /*
     * Optional. One pass over the source before the first get, for facts that get needs (a maximum, the
     * number of rows); stores them in params. Never called in a fault. 0, -EILSEQ if the source is not of
     * this lens's kind, or reader->error.
     */
    int (*prepare)(void *params, struct lens_reader *source);
    /* Optional. The exact size of the view in bytes if it is known without making it, else LENS_UNKNOWN. */
    uint64_t (*view_bytes)(const void *params, uint64_t source_bytes);
    /*
     * Makes the next n view bytes from the cursor on into out and moves the cursor. Returns n; fewer only
     * where the view ends (the end of the source, or the first byte that is not of this lens's kind: what
     * was made before it is good). Negative: reader->error, or -EILSEQ (the cursor is not one of ours).
     * The result must not depend on how the view is cut into calls.
     */
    int64_t (*get)(const void *params, struct lens_reader *source, struct lens_cursor *cursor, void *out, size_t n);
    /*
     * Optional, the inverse: turns the next n view bytes into source bytes, at most cap of them, at out.
     * Takes whole elements only and stores in *taken how many view bytes it used. Returns the count of
     * source bytes, or -EILSEQ if no source could give this view. cursor as in get, with the roles kept:
     * `view` counts view bytes, `source` source bytes. cap is at least LENS_TOKEN_MAX.
     */
    int64_t (*put)(const void *params, struct lens_cursor *cursor, const void *view, size_t n, size_t *taken,
                   void *out, size_t cap);
    /*
     * Optional, for lenses that need no history: puts the cursor at view offset `view` directly, as if get had
     * made everything before it. No checkpoints are kept then. 0, or -ERANGE if it cannot tell for this offset.
     */
    int (*seek)(const void *params, struct lens_cursor *cursor, uint64_t view);
    unsigned flags; /* LENS_IDENTITY or 0 */
    /* Optional. Whether prepare reads the whole source with these params (1) or only its beginning (0, the default). */
    int (*reads_all)(const void *params);
};

/* View byte i is source byte i, for all of the source: such a view may be read, or mapped, without calling get. */
#define LENS_IDENTITY 1u

/* Fills *error in the way of printf (only %s %d %zu %lld %c) and returns -EINVAL. at: the argument's index or -1. */
LENS_API int lens_error_set(struct lens_error *error, int at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ------------------------------------------------------------------ for who wants a lazily made array */

/* One lazily made array. Opaque; made by lens_open, ended by lens_close. */
typedef struct lens_handle lens_handle;

/*
 * Opens `path` through the lens written in `expression`, the plan language's own words, for instance
 *     record("%d=%f;\n")            gunzip | bytes(swap=2)
 * and reserves address space for its view. No page of the view is made before it is touched, but the
 * source is read once to find the view's size where the lens cannot tell it, and to leave checkpoints.
 *
 * budget_bytes: how much of the view may be resident at once; 0 for no limit of its own.
 * Returns 0 and *handle (ended by lens_close), or
 *   -ENOENT, -EACCES, ...  what open(2) said             -EISDIR, -ESPIPE   not a regular file
 *   -EINVAL   the expression is wrong: *error says where  -EILSEQ            the file is not of this kind
 *   -ENOMEM   no address space or memory                  -ENOSYS            no way to catch faults here
 * error may be NULL. Thread-safe. Not async-signal-safe.
 */
LENS_API int lens_open(const char *path, const char *expression, uint64_t budget_bytes, lens_handle **handle,
                       struct lens_error *error);
/*
 * The view's first byte, page-aligned; NULL for an empty view. Valid until lens_close. Reading faults pages
 * in; writing makes a page private to this process and keeps it. System calls must not be handed absent
 * pages: call lens_pin first. Thread-safe.
 */
LENS_API void *lens_data(const lens_handle *handle);
/* The size of the view in bytes. Divide by the size of your element. Thread-safe. */
LENS_API uint64_t lens_bytes(const lens_handle *handle);
/*
 * Makes [at, at + bytes) present and keeps it so, until the matching lens_unpin: for system calls that read it
 * (writing = 0) or write it (writing = 1). Ranges outside of any view are fine and cost nothing.
 * 0, or -EIO if the backing cannot give the bytes any more. Thread-safe.
 */
LENS_API int lens_pin(const void *at, size_t bytes, int writing);
LENS_API void lens_unpin(const void *at, size_t bytes);
/* Ends a handle; NULL is fine. The memory of its view is gone afterwards. No other thread may use it. */
LENS_API void lens_close(lens_handle *handle);

/*
 * Adds a lens of one's own, before the first lens_open or plan that names it. The table must outlive all use. 0 (also
 * for a table that is registered already), -EEXIST (name taken), -EINVAL (a size or a function is wrong), -ENOSPC (more
 * than 64). Thread-safe.
 */
LENS_API int lens_register(const struct lens_ops *ops);
/* The lens named `name`, or NULL. */
LENS_API const struct lens_ops *lens_find(const char *name);
/* The i-th registered lens, or NULL past the last. */
LENS_API const struct lens_ops *lens_at(size_t i);

/* The version of the library in use, as LENS_VERSION. */
LENS_API const char *lens_version(void);

#ifdef __cplusplus
}
#endif
#endif
