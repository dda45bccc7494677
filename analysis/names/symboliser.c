/* symboliser.c - see symboliser.h: which modules there are, and what was found in them already. */
#include "analysis/names/symboliser.h"

#include "analysis/names/symbol_lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

struct address_key {
    uint64_t address;
    uint32_t module;
    uint32_t is_return;
};
struct found {
    UT_hash_handle hh;
    struct address_key key;
    struct symbols *symbols;
    bool is_lost; /* the table had no memory for it */
};
struct symbol_module {
    const char *path;
    uint8_t build_id[BUILD_ID_BYTES_MAX];
    size_t build_id_bytes;
    enum symboliser_state state;
    struct symbol_source source;
};
struct symboliser {
    struct strings *strings;
    char *debug_dir;
    struct symbol_module *modules;
    size_t modules_count;
    struct found *found;
};

struct symboliser *symboliser_new(struct strings *strings, const char *debug_dir)
{
    struct symboliser *symboliser = calloc(1, sizeof *symboliser);

    if (!symboliser)
        return NULL;
    symboliser->strings = strings;
    symboliser->debug_dir = debug_dir ? strdup(debug_dir) : NULL;
    if (debug_dir && !symboliser->debug_dir) {
        free(symboliser);
        return NULL;
    }
    return symboliser;
}

void symboliser_free(struct symboliser *symboliser)
{
    struct found *found, *next;

    if (!symboliser)
        return;
    HASH_ITER(hh, symboliser->found, found, next) {
        HASH_DEL(symboliser->found, found);
        free(found->symbols);
        free(found);
    }
    for (size_t i = 0; i < symboliser->modules_count; i++)
        symbol_source_close(&symboliser->modules[i].source);
    free(symboliser->modules);
    free(symboliser->debug_dir);
    free(symboliser);
}

/* ------------------------------------------------------------------ modules */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

size_t symboliser_module(struct symboliser *symboliser, const char *path, const uint8_t *build_id,
                         size_t build_id_bytes)
{
    const char *kept = strings_keep(symboliser->strings, path, strlen(path));
    const char *name = strings_keep(symboliser->strings, base_name(path), strlen(base_name(path)));
    struct symbol_module *modules, *module;

    if (build_id_bytes > BUILD_ID_BYTES_MAX)
        build_id_bytes = 0;
    for (size_t i = 0; i < symboliser->modules_count; i++) {
        module = &symboliser->modules[i];
        if (module->path == kept && module->build_id_bytes == build_id_bytes &&
            memcmp(module->build_id, build_id ? build_id : module->build_id, build_id_bytes) == 0)
            return i;
    }
    modules = reallocarray(symboliser->modules, symboliser->modules_count + 1, sizeof *modules);
    if (!modules || !kept || !name)
        return SIZE_MAX;
    symboliser->modules = modules;
    module = &modules[symboliser->modules_count];
    memset(module, 0, sizeof *module);
    module->path = kept;
    module->source.name = name;
    module->build_id_bytes = build_id_bytes;
    if (build_id_bytes)
        memcpy(module->build_id, build_id, build_id_bytes);
    return symboliser->modules_count++;
}

size_t symboliser_modules_count(const struct symboliser *symboliser)
{
    return symboliser->modules_count;
}

enum symboliser_state symboliser_module_state(const struct symboliser *symboliser, size_t module)
{
    return symboliser->modules[module].state;
}

const char *symboliser_module_path(const struct symboliser *symboliser, size_t module)
{
    return symboliser->modules[module].path;
}

static enum symboliser_state open_module(const struct symboliser *symboliser, struct symbol_module *module)
{
    const struct debug_file_request request = {
        .path = module->path,
        .debug_dir = symboliser->debug_dir,
        .build_id = module->build_id_bytes ? module->build_id : NULL,
        .build_id_bytes = module->build_id_bytes,
    };
    int result = debug_file_open(&module->source.file, &request);

    if (result == -ENOENT || result == -ENOTDIR || result == -ENAMETOOLONG)
        return SYMBOLISER_MISSING;
    if (result == -ESTALE)
        return SYMBOLISER_CHANGED;
    if (result < 0)
        return SYMBOLISER_BROKEN;
    symbol_source_look(&module->source);
    return module->source.has_lines   ? SYMBOLISER_LINES
           : module->source.has_names ? SYMBOLISER_NAMES
                                      : SYMBOLISER_STRIPPED;
}

/* ------------------------------------------------------------------ addresses */

static const struct symbols *remember(struct symboliser *symboliser, const struct address_key *key,
                                      struct symbols *symbols)
{
    struct found *found = symbols ? calloc(1, sizeof *found) : NULL;

    if (found) {
        found->key = *key;
        found->symbols = symbols;
        HASH_ADD(hh, symboliser->found, key, sizeof found->key, found);
    }
    if (found && !found->is_lost)
        return symbols;
    free(found);
    free(symbols);
    return NULL;
}

const struct symbols *symboliser_find(struct symboliser *symboliser, size_t module, uint64_t address, bool is_return)
{
    const struct address_key key = {.address = address, .module = (uint32_t)module, .is_return = is_return};
    struct symbol_module *where = &symboliser->modules[module];
    struct found *found;

    HASH_FIND(hh, symboliser->found, &key, sizeof key, found);
    if (found)
        return found->symbols;
    if (where->state == SYMBOLISER_UNSEEN)
        where->state = open_module(symboliser, where);
    return remember(symboliser, &key, symbol_lookup(&where->source, symboliser->strings, address, is_return));
}
