/* record_tree.c - nodes by (parent, address), modules by address; see record_tree.h. */
#include "preload/recorder/tree.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"
#include "liblens/base/trace.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

#define NODES_MAX (1u << 23)
#define NODES_LEAST (1u << 16)
#define MODULES_MAX 4096u
#define TABLE_FIRST_BITS 12
#define PATH_BYTES 4096
#define HEADER_BYTES 2048u
#define NOTES_BYTES 512u
#define BUILD_ID_BYTES 32u

struct lensi_tree lensi_tree;
struct lensi_lock lensi_tree_lock;

/* Numbers of nodes by hash. Replaced by one twice as large when half full; readers may still be in the old one. */
struct table {
    unsigned bits;
    _Atomic uint32_t slots[];
};
static _Atomic(struct table *) table;
static uint32_t nodes_room;
static unsigned last_module;
static struct dl_find_object last; /* of last_module: most nodes are of the module of the one before, and copying costs a call */

static struct table *table_new(unsigned bits)
{
    struct table *fresh = lensi_arena_map(sizeof *fresh + (sizeof(uint32_t) << bits));

    if (fresh)
        fresh->bits = bits;
    return fresh;
}

int lensi_tree_start(void)
{
    for (nodes_room = NODES_MAX; !lensi_tree.nodes && nodes_room >= NODES_LEAST; nodes_room /= 2)
        if (nodes_room * sizeof *lensi_tree.nodes < lensi_sys_address_limit() / 16)
            lensi_tree.nodes = lensi_arena_map(nodes_room * sizeof *lensi_tree.nodes);
    nodes_room *= 2;
    lensi_tree.modules = lensi_arena_map(MODULES_MAX * sizeof *lensi_tree.modules);
    atomic_store(&table, table_new(TABLE_FIRST_BITS));
    atomic_store(&lensi_tree.nodes_count, 1);
    atomic_store(&lensi_tree.modules_count, 1);
    return lensi_tree.nodes && lensi_tree.modules && atomic_load(&table) ? 0 : -ENOMEM;
}

/*
 * ---- modules. The writer's thread asks about code too, which another thread may unload meanwhile: all is read by
 * copy.
 */

/* The build id among the notes of [at, at + bytes). */
static size_t note_build_id(const uint8_t *at, size_t bytes, const uint8_t **id)
{
    while (bytes >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)at;
        size_t name = (note->n_namesz + 3) & ~(size_t)3, text = (note->n_descsz + 3) & ~(size_t)3;

        if (name > bytes || text > bytes || sizeof *note + name + text > bytes)
            return 0;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(note + 1, "GNU", 4) == 0) {
            *id = at + sizeof *note + name;
            return note->n_descsz;
        }
        at += sizeof *note + name + text;
        bytes -= sizeof *note + name + text;
    }
    return 0;
}

/* From the headers that the loader mapped with the module. */
static void find_build_id(struct lensi_tree_module *module)
{
    _Alignas(ElfW(Ehdr)) uint8_t page[HEADER_BYTES], notes[NOTES_BYTES];
    const ElfW(Ehdr) *header = (const void *)page;
    const ElfW(Phdr) *segments = (const void *)(page + sizeof *header);
    const uint8_t *id = NULL;

    if (lensi_sys_copy_readable(page, (const void *)module->start, sizeof page) != sizeof page ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phoff != sizeof *header ||
        header->e_phoff + header->e_phnum * sizeof *segments > sizeof page)
        return;
    for (size_t i = 0; i < header->e_phnum && !module->build_id_bytes; i++) {
        size_t bytes = segments[i].p_memsz < sizeof notes ? segments[i].p_memsz : sizeof notes;

        if (segments[i].p_type != PT_NOTE || module->bias + segments[i].p_vaddr + segments[i].p_memsz > module->end ||
            lensi_sys_copy_readable(notes, (const uint8_t *)module->bias + segments[i].p_vaddr, bytes) != (int64_t)bytes)
            continue;
        module->build_id_bytes = note_build_id(notes, bytes, &id);
        if (module->build_id_bytes > BUILD_ID_BYTES)
            module->build_id_bytes = BUILD_ID_BYTES;
        if (module->build_id_bytes) /* the module may be unloaded before this is written */
            module->build_id = (const uint8_t *)lensi_arena_text((const char *)id, module->build_id_bytes);
        if (!module->build_id)
            module->build_id_bytes = 0;
    }
}

/* The program itself has no name in the loader's list. */
static const char *module_path(const char *name)
{
    char path[PATH_BYTES];
    size_t length = 0;

    while (name && length < sizeof path && lensi_sys_copy_readable(path + length, name + length, 1) == 1 && path[length])
        length++;
    if (!length) {
        long read = lensi_sys(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)path, sizeof path, 0, 0);
        length = read > 0 ? (size_t)read : 0;
    }
    return length ? lensi_arena_text(path, length) : NULL;
}

/* What lies at an address. */
struct place {
    uintptr_t start, end, bias;
    const void *map;
    const char *name;
};

static bool find_place(const struct dl_find_object *found, struct place *place)
{
    struct link_map map;

    if (lensi_sys_copy_readable(&map, found->dlfo_link_map, sizeof map) != sizeof map)
        return false;
    *place = (struct place){(uintptr_t)found->dlfo_map_start, (uintptr_t)found->dlfo_map_end, map.l_addr, found->dlfo_link_map, map.l_name};
    return true;
}

/* One that came to the place of an unloaded one is another. */
static bool is_module(unsigned module, const struct place *place)
{
    const struct lensi_tree_module *m = &lensi_tree.modules[module];

    return !m->is_gone && m->start == place->start && m->end == place->end && m->bias == place->bias;
}

static unsigned module_add(const struct place *place)
{
    unsigned number = atomic_load(&lensi_tree.modules_count);
    struct lensi_tree_module *module = &lensi_tree.modules[number];

    if (number == MODULES_MAX)
        return 0;
    module->start = place->start;
    module->end = place->end;
    module->bias = place->bias;
    module->map = place->map;
    module->path = module_path(place->name);
    if (!module->path)
        module->path = "";
    find_build_id(module);
    atomic_store_explicit(&lensi_tree.modules_count, number + 1, memory_order_release);
    return number;
}

/* The call before a return address may be a function's, and a module's, last instruction. */
static unsigned module_of(uintptr_t return_address)
{
    struct dl_find_object found;
    struct place place;

    if (_dl_find_object((void *)(return_address - 1), &found) < 0)
        return 0;
    if (last_module && found.dlfo_link_map == last.dlfo_link_map && found.dlfo_map_start == last.dlfo_map_start && found.dlfo_map_end == last.dlfo_map_end)
        return last_module;
    if (!find_place(&found, &place))
        return 0;
    last = found;
    if (is_module(last_module, &place))
        return last_module;
    for (unsigned i = atomic_load(&lensi_tree.modules_count); i-- > 1;)
        if (is_module(i, &place))
            return last_module = i;
    return last_module = module_add(&place);
}

static bool is_loaded(const struct lensi_tree_module *module)
{
    struct dl_find_object found;

    return _dl_find_object((void *)module->start, &found) == 0 && found.dlfo_link_map == module->map &&
           (uintptr_t)found.dlfo_map_start == module->start && (uintptr_t)found.dlfo_map_end == module->end;
}

void lensi_tree_forget(void)
{
    uint32_t modules = atomic_load(&lensi_tree.modules_count), count;
    bool is_any_gone = false;

    lensi_lock(&lensi_tree_lock);
    for (uint32_t i = 1; i < modules; i++) {
        struct lensi_tree_module *module = &lensi_tree.modules[i];

        if (module->is_gone || is_loaded(module))
            continue;
        module->is_gone = is_any_gone = true;
    }
    last_module = 0;
    count = is_any_gone ? atomic_load(&lensi_tree.nodes_count) : 0;
    for (uint32_t i = 1; i < count; i++)
        if (lensi_tree.modules[lensi_tree.nodes[i].module].is_gone)
            lensi_tree.nodes[i].address |= LENSI_TREE_GONE;
    lensi_unlock(&lensi_tree_lock);
}

/* ---- nodes */

static size_t place_of(const struct table *t, uint32_t parent, uintptr_t address)
{
    uint64_t hash = ((uint64_t)address ^ (uint64_t)parent << 40 ^ parent) * 0x9e3779b97f4a7c15ull;

    return (size_t)(hash >> (64 - t->bits));
}

static uint32_t find(const struct table *t, uint32_t parent, uintptr_t address, size_t *place)
{
    size_t mask = ((size_t)1 << t->bits) - 1;

    for (size_t at = place_of(t, parent, address);; at = (at + 1) & mask) {
        uint32_t number = atomic_load_explicit(&t->slots[at], memory_order_acquire);

        *place = at;
        if (!number || (lensi_tree.nodes[number].address == address && lensi_tree.nodes[number].parent == parent))
            return number;
    }
}

static struct table *grow(const struct table *old)
{
    struct table *fresh = table_new(old->bits + 1);
    uint32_t count = atomic_load(&lensi_tree.nodes_count);
    size_t place;

    for (uint32_t i = 1; fresh && i < count; i++) {
        find(fresh, lensi_tree.nodes[i].parent, lensi_tree.nodes[i].address, &place);
        atomic_store_explicit(&fresh->slots[place], i, memory_order_relaxed);
    }
    if (fresh)
        atomic_store_explicit(&table, fresh, memory_order_release);
    return fresh;
}

static uint32_t add(uint32_t parent, uintptr_t address, unsigned flags)
{
    struct table *t = atomic_load(&table);
    uint32_t number = atomic_load(&lensi_tree.nodes_count), found;
    size_t place;

    if ((found = find(t, parent, address, &place)) != 0) /* somebody else was quicker */
        return found;
    if (number == nodes_room)
        return 0;
    if (number >= (uint32_t)1 << (t->bits - 1)) {
        t = grow(t);
        if (!t)
            return 0;
        find(t, parent, address, &place);
    }
    lensi_tree.nodes[number].address = address;
    lensi_tree.nodes[number].parent = parent;
    lensi_tree.nodes[number].module = (uint16_t)module_of(address);
    lensi_tree.nodes[number].flags = (uint16_t)flags;
    atomic_store_explicit(&lensi_tree.nodes_count, number + 1, memory_order_release);
    atomic_store_explicit(&t->slots[place], number, memory_order_release);
    return number;
}

/* What was called from here last is often called again, and lies nearer than the table. */
static inline bool is_child(uint32_t number, uint32_t parent, uintptr_t address)
{
    return number && lensi_tree.nodes[number].address == address && lensi_tree.nodes[number].parent == parent;
}

uint32_t lensi_tree_child(uint32_t parent, uintptr_t address, unsigned flags)
{
    size_t place;
    uint32_t number = atomic_load_explicit(&lensi_tree.nodes[parent].last_child, memory_order_acquire);

    if (is_child(number, parent, address))
        return number;
    number = find(atomic_load_explicit(&table, memory_order_acquire), parent, address, &place);

    if (!number) {
        lensi_lock(&lensi_tree_lock);
        number = add(parent, address, flags);
        lensi_unlock(&lensi_tree_lock);
    }
    atomic_store_explicit(&lensi_tree.nodes[parent].last_child, number, memory_order_release);
    return number;
}
