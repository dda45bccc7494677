/* wrappers.c - see wrappers.h. */
#include "analysis/names/wrappers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

#define CALLERS_MANY 4u
#define PLACES_FEW 3u
#define SIZES_MANY 3
#define NAMED_BYTES_MAX 1024u  /* of code: above, a function with an allocator's name does more than allocate */
#define LEARNT_BYTES_MAX 512u
#define ROUNDS_MAX 8

/* What a function did as the innermost frame that is no wrapper. Equal texts have equal addresses (strings.h). */
struct function_key {
    const char *function, *module;
};
struct function {
    UT_hash_handle hh;
    struct function_key key;
    const char *callers[CALLERS_MANY];
    unsigned lines[PLACES_FEW + 1];
    unsigned callers_count, places_count;
    uint64_t sizes; /* bit i: it allocated sizes of [2^i, 2^(i+1)) */
    uint32_t bytes;
    bool is_wrapper, is_lost;
};
struct wrappers {
    struct function *functions;
};

/* ------------------------------------------------------------------ by module and name */

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

static bool is_runtime_module(const char *module)
{
    static const char *const names[] = {"libc.so",      "libc-2",      "ld-linux",   "ld-musl",   "libstdc++.so",
                                        "libc++.so",    "libc++abi",   "libgcc_s",   "libm.so",   "libpthread",
                                        "libjemalloc",  "libtcmalloc", "libmimalloc", "liblens-preload"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (begins(module, names[i]))
            return true;
    return false;
}

static bool is_runtime_name(const struct symbol *symbol)
{
    static const char *const names[] = {"std::",   "__gnu_cxx::", "alloc::",     "<alloc::", "hashbrown::",
                                        "<hashbrown::", "<std::", "operator new", "__rust_",  "__rdl_",      "__rg_"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (begins(symbol->name, names[i]))
            return true;
    /* A program may have a namespace `core`; Rust's comes from Rust's sources. */
    return (begins(symbol->name, "core::") || begins(symbol->name, "<core::")) && symbol->file &&
           strstr(symbol->file, "/library/core/");
}

static bool is_runtime(const struct symbol *symbol)
{
    return is_runtime_module(symbol->module) || is_runtime_name(symbol);
}

/* Whether text[at] begins a word: behind _ or in front, or a capital behind a small letter. */
static bool is_word_start(const char *text, size_t at)
{
    return at == 0 || !isalpha((unsigned char)text[at - 1]) ||
           (isupper((unsigned char)text[at]) && islower((unsigned char)text[at - 1]));
}

static bool has_allocator_name(const char *name)
{
    static const char *const anywhere[] = {"malloc", "calloc", "realloc", "memalign", "strdup", "strndup", "memdup",
                                           "allocate"};
    const char *last = name;

    for (const char *colons; (colons = strstr(last, "::")) != NULL;)
        last = colons + 2;
    for (size_t i = 0; i < sizeof anywhere / sizeof *anywhere; i++)
        if (strcasestr(last, anywhere[i]))
            return true;
    const char *alloc = strcasestr(last, "alloc");
    return alloc && (is_word_start(last, (size_t)(alloc - last)) || !isalpha((unsigned char)alloc[5]));
}

static bool is_named_wrapper(const struct symbol *symbol)
{
    return symbol->is_known && symbol->function_bytes <= NAMED_BYTES_MAX && has_allocator_name(symbol->name);
}

/* ------------------------------------------------------------------ by what it does */

static struct function *find(const struct wrappers *wrappers, const struct symbol *symbol)
{
    const struct function_key key = {symbol->identity, symbol->module};
    struct function *function;

    HASH_FIND(hh, wrappers->functions, &key, sizeof key, function);
    return function;
}

static bool passes_on(const struct wrappers *wrappers, const struct symbol *symbol)
{
    const struct function *function;

    if (is_runtime(symbol) || is_named_wrapper(symbol))
        return true;
    function = find(wrappers, symbol);
    return function && function->is_wrapper;
}

static struct function *find_or_add(struct wrappers *wrappers, const struct symbol *symbol)
{
    struct function *function = find(wrappers, symbol);

    if (function)
        return function;
    function = calloc(1, sizeof *function);
    if (!function)
        return NULL;
    function->key = (struct function_key){symbol->identity, symbol->module};
    HASH_ADD(hh, wrappers->functions, key, sizeof function->key, function);
    if (!function->is_lost)
        return function;
    free(function);
    return NULL;
}

static void note_caller(struct function *function, const char *caller)
{
    for (unsigned i = 0; i < function->callers_count; i++)
        if (function->callers[i] == caller)
            return;
    if (function->callers_count < CALLERS_MANY)
        function->callers[function->callers_count++] = caller;
}

static void note_place(struct function *function, unsigned line)
{
    for (unsigned i = 0; i < function->places_count; i++)
        if (function->lines[i] == line)
            return;
    if (function->places_count <= PLACES_FEW)
        function->lines[function->places_count++] = line;
}

/* 0 or -1: out of memory. */
static int note_site(struct wrappers *wrappers, const struct profile_site *site, const struct study_path *path)
{
    size_t at = 0;

    while (at < path->count && passes_on(wrappers, path->frames[at]))
        at++;
    if (at + 1 >= path->count)
        return 0;
    struct function *function = find_or_add(wrappers, path->frames[at]);
    if (!function)
        return -1;
    function->bytes = path->frames[at]->function_bytes;
    note_caller(function, path->frames[at + 1]->identity);
    note_place(function, path->frames[at]->line);
    for (unsigned i = 0; i < LENSI_TRACE_BUCKETS; i++)
        if (site->sizes[i])
            function->sizes |= UINT64_C(1) << i;
    return 0;
}

/* Marks the wrappers among what was noted and forgets the rest; whether there were any. */
static bool judge(struct wrappers *wrappers)
{
    struct function *function, *next;
    bool any = false;

    HASH_ITER(hh, wrappers->functions, function, next) {
        bool was = function->is_wrapper;

        // cppcheck-suppress uninitvar ; it does not see what HASH_ITER sets
        function->is_wrapper = was || (function->callers_count >= CALLERS_MANY &&
                                       function->places_count <= PLACES_FEW &&
                                       __builtin_popcountll(function->sizes) >= SIZES_MANY &&
                                       function->bytes <= LEARNT_BYTES_MAX);
        any = any || function->is_wrapper != was;
        if (function->is_wrapper)
            continue;
        HASH_DEL(wrappers->functions, function);
        free(function);
    }
    return any;
}

static int note_all(struct wrappers *wrappers, const struct study *study)
{
    for (size_t i = 0; i < study->traces_count; i++) {
        const struct study_trace *trace = &study->traces[i];

        for (size_t j = 1; j < trace->profile->sites_count; j++)
            if (note_site(wrappers, &trace->profile->sites[j], &trace->paths[j]) < 0)
                return -1;
    }
    return 0;
}

struct wrappers *wrappers_learn(const struct study *study)
{
    struct wrappers *wrappers = calloc(1, sizeof *wrappers);

    for (int round = 0; wrappers && round < ROUNDS_MAX; round++) {
        if (note_all(wrappers, study) < 0) {
            wrappers_free(wrappers);
            return NULL;
        }
        if (!judge(wrappers))
            break;
    }
    return wrappers;
}

void wrappers_free(struct wrappers *wrappers)
{
    struct function *function, *next;

    if (!wrappers)
        return;
    HASH_ITER(hh, wrappers->functions, function, next) {
        HASH_DEL(wrappers->functions, function);
        free(function);
    }
    free(wrappers);
}

size_t wrappers_pass(const struct wrappers *wrappers, const struct study_path *path)
{
    for (size_t i = 0; i < path->count; i++)
        if (!passes_on(wrappers, path->frames[i]))
            return i;
    return wrappers_pass_runtime(path);
}

size_t wrappers_pass_runtime(const struct study_path *path)
{
    for (size_t i = 0; i < path->count; i++)
        if (!is_runtime(path->frames[i]))
            return i;
    return 0;
}
