/*
 * symboliser.h - addresses in modules' files into functions and source lines, inlined calls included.
 *
 * Modules and addresses are looked at when first asked for, and remembered. Texts live as long as the symboliser.
 */
#ifndef LENS_SYMBOLISER_H
#define LENS_SYMBOLISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One function at an address. Texts are kept once (strings.h): equal names have equal addresses. None is NULL but
 * `file`.
 */
struct symbol {
    const char *function;    /* in full, demangled; "module+0x1234" where nothing is known */
    const char *name;        /* short (demangle_shorten) */
    const char *identity;    /* of the function: the same at all its addresses. `function`, or module+start if unknown */
    const char *module;      /* base name */
    const char *file;        /* source path as the compiler wrote it, or NULL */
    unsigned line;           /* 0: not known */
    uint32_t function_bytes; /* size of the function's code; 0: not known, or inlined */
    bool is_inlined;         /* into the next symbol of the list */
    bool is_known;           /* false: function is only module+offset */
};
/* Innermost first; the last is the function that has the code. count is at least 1. */
struct symbols {
    size_t count;
    struct symbol list[];
};

/* How a module's file was found. */
enum symboliser_state {
    SYMBOLISER_UNSEEN,   /* nothing was asked of it yet */
    SYMBOLISER_LINES,    /* with debug information */
    SYMBOLISER_NAMES,    /* symbols only */
    SYMBOLISER_STRIPPED, /* neither: module+offset (symbols of the dynamic linker's at best) */
    SYMBOLISER_MISSING,  /* no such file */
    SYMBOLISER_CHANGED,  /* another build id than the one asked for */
    SYMBOLISER_BROKEN,   /* not readable, not an ELF file */
};

struct symboliser;
struct strings;

/* debug_dir: looked into before /usr/lib/debug, or NULL. Texts are kept in `strings`. NULL: out of memory. */
struct symboliser *symboliser_new(struct strings *strings, const char *debug_dir);
void symboliser_free(struct symboliser *symboliser);
/*
 * The number of a module, the same for the same path and build id; SIZE_MAX: out of memory. build_id_bytes 0: not
 * known.
 */
size_t symboliser_module(struct symboliser *symboliser, const char *path, const uint8_t *build_id,
                         size_t build_id_bytes);
size_t symboliser_modules_count(const struct symboliser *symboliser);
enum symboliser_state symboliser_module_state(const struct symboliser *symboliser, size_t module);
const char *symboliser_module_path(const struct symboliser *symboliser, size_t module);
/*
 * What lies at an address of the module's file. is_return: the address is where a call returns to, so the call lies
 * before it. NULL: out of memory.
 */
const struct symbols *symboliser_find(struct symboliser *symboliser, size_t module, uint64_t address, bool is_return);

#endif
