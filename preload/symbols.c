/*
 * symbols.c - from a code address to its module and function; see symbols.h.
 *
 * The loader's _dl_find_object names the module without a lock. A module's symbol table is read from its file (or from
 * the debug file its build id names) when the first address in it is asked for, and sorted by address into memory of
 * our own. Modules are kept in a list that only grows; two threads may both read a module, one wins, nobody waits. One
 * that was unloaded is passed over, until the same file is loaded again.
 */
#include "preload/symbols.h"

#include "liblens/base/arena.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

#define PATH_BYTES 4096u
#define BUILD_ID_BYTES 64u
#define LABELS_MAX 16u

struct module {
    struct module *next;
    _Atomic uintptr_t bias; /* address in memory = address in the file + bias */
    _Atomic bool is_gone;   /* unloaded */
    struct stat file;       /* what was read: another file of that name is another module */
    const char *path;       /* as the loader has it: the key, with bias */
    const char *name;
    uintptr_t text; /* an address in it */
    const struct lensi_function *functions; /* by start */
    size_t functions_count;
};

static _Atomic(struct module *) modules;

/* ---- ELF files. Every offset in them is checked: the file may be damaged or not what it was. */

struct image {
    const uint8_t *bytes;
    size_t size;
};

static struct image image_open(const char *path)
{
    struct image image = {NULL, 0};
    int fd = lensi_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    struct stat status;

    if (fd < 0)
        return image;
    if (lensi_sys_stat(fd, &status) == 0 && S_ISREG(status.st_mode) && (size_t)status.st_size >= sizeof(ElfW(Ehdr))) {
        image.size = (size_t)status.st_size;
        image.bytes = lensi_sys_map(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0, NULL);
    }
    lensi_sys_close(fd);
    return image;
}

static void image_close(struct image image)
{
    if (image.bytes)
        lensi_sys_unmap((void *)(uintptr_t)image.bytes, image.size);
}

static const void *image_at(struct image image, uint64_t offset, uint64_t bytes)
{
    return offset <= image.size && bytes <= image.size - offset ? image.bytes + offset : NULL;
}

static const ElfW(Shdr) *image_sections(struct image image, size_t *count)
{
    const ElfW(Ehdr) *header = (const void *)image.bytes;
    const ElfW(Shdr) *sections;

    *count = 0;
    if (!image.bytes || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shentsize != sizeof *sections ||
        header->e_shoff % _Alignof(ElfW(Shdr)))
        return NULL;
    sections = image_at(image, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
    if (sections)
        *count = header->e_shnum;
    return sections;
}

/* The section of a type, or NULL. */
static const ElfW(Shdr) *image_section(struct image image, uint32_t type)
{
    size_t count;
    const ElfW(Shdr) *sections = image_sections(image, &count);

    for (size_t i = 0; i < count; i++)
        if (sections[i].sh_type == type)
            return &sections[i];
    return NULL;
}

/* ---- a separate debug file, found by the build id: Debian's -dbgsym packages */

static size_t note_build_id(const uint8_t *note, size_t bytes, const uint8_t **id)
{
    while (bytes >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *header = (const void *)note;
        size_t name = (header->n_namesz + 3) & ~(size_t)3, text = (header->n_descsz + 3) & ~(size_t)3;
        if (name > bytes || text > bytes || sizeof *header + name + text > bytes)
            return 0;
        if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == 4 &&
            memcmp(note + sizeof *header, "GNU", 4) == 0) {
            *id = note + sizeof *header + name;
            return header->n_descsz;
        }
        note += sizeof *header + name + text;
        bytes -= sizeof *header + name + text;
    }
    return 0;
}

static size_t image_build_id(struct image image, const uint8_t **id)
{
    size_t count, found;
    const ElfW(Shdr) *sections = image_sections(image, &count);

    for (size_t i = 0; i < count; i++) {
        const uint8_t *note = sections[i].sh_type == SHT_NOTE && sections[i].sh_offset % 4 == 0
                                  ? image_at(image, sections[i].sh_offset, sections[i].sh_size)
                                  : NULL;
        if (note && (found = note_build_id(note, sections[i].sh_size, id)))
            return found;
    }
    return 0;
}

static struct image debug_image(struct image image)
{
    char path[64 + 2 * BUILD_ID_BYTES];
    const uint8_t *id;
    size_t bytes = image_build_id(image, &id), used;

    if (bytes < 2 || bytes > BUILD_ID_BYTES)
        return (struct image){NULL, 0};
    used = lensi_format(path, sizeof path, "/usr/lib/debug/.build-id/%02x/", id[0]);
    for (size_t i = 1; i < bytes; i++)
        used += lensi_format(path + used, sizeof path - used, "%02x", id[i]);
    lensi_format(path + used, sizeof path - used, ".debug");
    return image_open(path);
}

/* ---- the index of a module's functions */

static void sift(struct lensi_function *heap, size_t at, size_t count)
{
    struct lensi_function moving = heap[at];
    size_t child;

    while ((child = 2 * at + 1) < count) {
        if (child + 1 < count && heap[child + 1].start > heap[child].start)
            child++;
        if (heap[child].start <= moving.start)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

/* Heapsort: libc's qsort may call malloc. */
static void sort_functions(struct lensi_function *functions, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(functions, i, count);
    for (size_t i = count; i-- > 1;) {
        struct lensi_function last = functions[i];
        functions[i] = functions[0];
        functions[0] = last;
        sift(functions, 0, i);
    }
}

static bool is_function(const ElfW(Sym) *symbol)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);

    return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF && symbol->st_value;
}

/* Reads one symbol table into module. False if the image has none of this type, or an empty one. */
static bool read_table(struct image image, uint32_t type, struct module *module)
{
    const ElfW(Shdr) *table = image_section(image, type), *sections;
    size_t count, sections_count, used = 0;
    const ElfW(Sym) *symbols;
    struct lensi_function *functions;
    const char *names;
    uint64_t names_bytes;

    sections = image_sections(image, &sections_count);
    if (!table || table->sh_link >= sections_count || table->sh_offset % _Alignof(ElfW(Sym)))
        return false;
    symbols = image_at(image, table->sh_offset, table->sh_size);
    names_bytes = sections[table->sh_link].sh_size;
    names = image_at(image, sections[table->sh_link].sh_offset, names_bytes);
    count = table->sh_size / sizeof *symbols;
    if (!symbols || !names || !names_bytes || names[names_bytes - 1] || !count ||
        !(functions = lensi_arena_map(count * sizeof *functions)))
        return false;
    for (size_t i = 0; i < count; i++)
        if (is_function(&symbols[i]) && symbols[i].st_name < names_bytes)
            functions[used++] =
                (struct lensi_function){symbols[i].st_value, symbols[i].st_value + symbols[i].st_size, names + symbols[i].st_name};
    sort_functions(functions, used);
    module->functions = functions;
    module->functions_count = used;
    if (!used)
        lensi_arena_unmap(functions, count * sizeof *functions);
    return used;
}

/* The best table there is: the file's own, its debug file's, or the exported names. Names point into the mapping. */
static void read_functions(const char *path, struct module *module)
{
    struct image image = image_open(path), debug;

    if (!image.bytes || read_table(image, SHT_SYMTAB, module))
        return;
    debug = debug_image(image);
    if (debug.bytes && read_table(debug, SHT_SYMTAB, module)) {
        image_close(image);
        return;
    }
    image_close(debug);
    if (!read_table(image, SHT_DYNSYM, module))
        image_close(image);
}

/* ---- modules */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The file at `path`, now. */
static struct stat file_at(const char *path)
{
    struct stat status = {0};
    int fd = lensi_sys_open(path, O_PATH | O_CLOEXEC, 0);

    if (fd >= 0) {
        lensi_sys_stat(fd, &status);
        lensi_sys_close(fd);
    }
    return status;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* One that was unloaded and has come back, or NULL. */
static const struct module *module_revive(uintptr_t bias, const char *key)
{
    struct stat now = {0};

    for (struct module *module = atomic_load(&modules); module; module = module->next) {
        if (!atomic_load(&module->is_gone) || strcmp(module->path, key) != 0)
            continue;
        if (!now.st_ino)
            now = file_at(key);
        if (!is_same_file(&module->file, &now))
            continue;
        atomic_store(&module->bias, bias);
        atomic_store(&module->is_gone, false);
        return module;
    }
    return NULL;
}

void lensi_symbols_forget(void)
{
    struct dl_find_object object;

    for (struct module *module = atomic_load(&modules); module; module = module->next)
        if (*module->path && (_dl_find_object((void *)module->text, &object) != 0 || !object.dlfo_link_map ||
                              object.dlfo_link_map->l_addr != module->bias || strcmp(object.dlfo_link_map->l_name, module->path) != 0))
            atomic_store(&module->is_gone, true);
}

static const struct module *module_read(uintptr_t bias, const char *key, uintptr_t text)
{
    struct module *module = lensi_arena_new(sizeof *module);
    char self[PATH_BYTES];
    const char *path = key;
    struct module *first;

    if (!module)
        return NULL;
    if (!*key) { /* the loader's name for the program itself */
        long bytes = lensi_sys(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)self, sizeof self - 1, 0, 0);
        self[bytes > 0 ? bytes : 0] = '\0';
        path = self;
    }
    atomic_store(&module->bias, bias);
    module->text = text;
    module->file = file_at(path);
    module->path = lensi_arena_text(key, strlen(key));
    module->name = lensi_arena_text(base_name(path), strlen(base_name(path)));
    if (!module->path || !module->name)
        return NULL;
    read_functions(*key ? path : "/proc/self/exe", module);
    first = atomic_load(&modules);
    do
        module->next = first;
    while (!atomic_compare_exchange_weak(&modules, &first, module));
    return module;
}

static const struct module *module_of(uintptr_t address)
{
    struct dl_find_object object;
    const struct module *back;
    const char *key;
    uintptr_t bias;

    if (_dl_find_object((void *)address, &object) != 0 || !object.dlfo_link_map)
        return NULL;
    bias = object.dlfo_link_map->l_addr;
    key = object.dlfo_link_map->l_name ? object.dlfo_link_map->l_name : "";
    for (const struct module *module = atomic_load(&modules); module; module = module->next)
        if (module->bias == bias && !atomic_load(&module->is_gone) && strcmp(module->path, key) == 0)
            return module;
    back = module_revive(bias, key);
    return back ? back : module_read(bias, key, address);
}

/* How many functions start at or before `at`. */
static size_t functions_before(const struct module *module, uint64_t at)
{
    size_t low = 0, high = module->functions_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (module->functions[middle].start <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * The nearest function before `at` that holds it; labels inside of functions may lie between. Hand-written assembly has
 * functions of size 0.
 */
static void find_function(const struct module *module, uint64_t at, struct lensi_symbol *symbol)
{
    const struct lensi_function *functions = module->functions;
    size_t past = functions_before(module, at), least = past > LABELS_MAX ? past - LABELS_MAX : 0, first;

    while (past > least && functions[past - 1].end <= at && functions[past - 1].end != functions[past - 1].start)
        past--;
    if (past == least)
        return;
    for (first = past - 1; first > 0 && functions[first - 1].start == functions[past - 1].start;)
        first--;
    symbol->functions = &functions[first];
    symbol->functions_count = past - first;
}

void lensi_symbol_find(uintptr_t return_address, struct lensi_symbol *symbol)
{
    const struct module *module = module_of(return_address - 1);

    *symbol = (struct lensi_symbol){.module = "", .offset = return_address};
    if (!module)
        return;
    symbol->module = module->name;
    symbol->offset = return_address - atomic_load(&module->bias);
    find_function(module, symbol->offset - 1, symbol);
}

/* ---- C++ names */

static size_t take_number(const char **at)
{
    size_t number = 0;

    while (**at >= '0' && **at <= '9' && number < 4096)
        number = number * 10 + (size_t)(*(*at)++ - '0');
    return number;
}

/* Skips qualifiers and the nested-name's N; true if "std" comes first. */
static bool take_prefix(const char **at)
{
    if (**at == 'N')
        ++*at;
    while (**at == 'K' || **at == 'V' || **at == 'r' || **at == 'L')
        ++*at;
    if ((*at)[0] != 'S' || (*at)[1] != 't')
        return false;
    *at += 2;
    return true;
}

void lensi_symbol_unmangle(const char *mangled, char *to, size_t room)
{
    size_t used = 0, bytes;
    const char *at = mangled;

    to[0] = '\0';
    if (at[0] != '_' || at[1] != 'Z')
        return;
    at += 2;
    if (take_prefix(&at))
        used = lensi_format(to, room, "std");
    while ((bytes = take_number(&at)) && strnlen(at, bytes) == bytes && used + bytes + 3 < room) {
        used += lensi_format(to + used, room - used, "%s%.*s", used ? "::" : "", (int)bytes, at);
        at += bytes;
    }
}
