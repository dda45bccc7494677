/*
 * deepbind.c - modules that are loaded with RTLD_DEEPBIND call us, too.
 *
 * Such a module (each of PHP's and Samba's) looks for its symbols in what it needs itself first, finds libc, and passes
 * us by: its free would be handed blocks that libc does not know, its read absent pages. So what it has bound to libc,
 * or not bound yet, is bound to us where we have a function of that name.
 *
 * That happens when the program asks for the first symbol of it: nothing can be done behind dlopen, which must see its
 * caller's return address (its run path counts), so both functions are jumped through. What a module's constructors do
 * comes before.
 */
#include "preload/deepbind.h"

#include "liblens/base/sys.h"
#include "liblens/engine/recognise.h"
#include "preload/next.h"

#include <dlfcn.h>
#include <elf.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#if defined __x86_64__
enum { BINDS_CALL = R_X86_64_JUMP_SLOT, BINDS_POINTER = R_X86_64_GLOB_DAT, BINDS_WORD = R_X86_64_64 };
#elif defined __aarch64__
enum { BINDS_CALL = R_AARCH64_JUMP_SLOT, BINDS_POINTER = R_AARCH64_GLOB_DAT, BINDS_WORD = R_AARCH64_ABS64 };
#else
#error which relocations bind a symbol here?
#endif

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* How often the program asked for such a module, and which of these have been looked at. */
static atomic_uint opened, seen;
/* The same for this thread alone: another's look may have come while its own module was not ready. */
static _Thread_local bool has_opened __attribute__((tls_model("initial-exec")));
static size_t modules_at_start;

/* A module as the loader has it in memory. */
struct module {
    uintptr_t bias, start, end; /* of its mapping */
    const ElfW(Sym) *symbols;
    const char *names;
    const uint32_t *hash; /* DT_GNU_HASH */
    struct {
        const ElfW(Rela) *at;
        size_t bytes;
    } tables[2];
    uintptr_t fixed_start, fixed_end; /* read-only since it was relocated */
};

/* The loader turns most addresses of the table into absolute ones. */
static const void *address_of(const ElfW(Dyn) *entry, uintptr_t bias)
{
    return (const void *)(entry->d_un.d_ptr < bias ? entry->d_un.d_ptr + bias : entry->d_un.d_ptr);
}

static void module_read(struct module *module, const ElfW(Dyn) *entry, uintptr_t bias)
{
    module->bias = bias;
    for (; entry->d_tag != DT_NULL; entry++)
        switch (entry->d_tag) {
        case DT_SYMTAB: module->symbols = address_of(entry, bias); break;
        case DT_STRTAB: module->names = address_of(entry, bias); break;
        case DT_GNU_HASH: module->hash = address_of(entry, bias); break;
        case DT_JMPREL: module->tables[0].at = address_of(entry, bias); break;
        case DT_PLTRELSZ: module->tables[0].bytes = entry->d_un.d_val; break;
        case DT_RELA: module->tables[1].at = address_of(entry, bias); break;
        case DT_RELASZ: module->tables[1].bytes = entry->d_un.d_val; break;
        default: break;
        }
}

/* Our own function of that name, or NULL. */
static uintptr_t ours(const struct module *self, const char *name)
{
    const uint32_t *buckets = self->hash + 4 + self->hash[2] * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chains = buckets + self->hash[0];
    uint32_t hash = 5381, at;

    for (const char *c = name; *c; c++)
        hash = hash * 33 + (uint8_t)*c;
    at = buckets[hash % self->hash[0]];
    if (at < self->hash[1])
        return 0;
    for (;; at++) {
        uint32_t found = chains[at - self->hash[1]];
        if ((found | 1) == (hash | 1) && strcmp(self->names + self->symbols[at].st_name, name) == 0)
            return self->bias + self->symbols[at].st_value;
        if (found & 1)
            return 0;
    }
}

/* libc's own, found without it. */
static void *real_dlsym(void *handle, const char *name)
{
    static void *(*_Atomic real)(void *, const char *);
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5"};
    void *(*found)(void *, const char *) = atomic_load_explicit(&real, memory_order_relaxed);

    for (size_t i = 0; !found && i < sizeof versions / sizeof *versions; i++)
        *(void **)&found = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    atomic_store_explicit(&real, found, memory_order_relaxed);
    return found(handle, name);
}

/* ---- binding a module anew */

struct binding {
    struct module self;
    uintptr_t libc_start, libc_end;
    size_t index; /* of the module that the loader shows us */
};

static void bind_one(const struct binding *binding, const struct module *module, const ElfW(Rela) *entry, bool *is_open)
{
    unsigned type = (unsigned)ELF64_R_TYPE(entry->r_info);
    const ElfW(Sym) *symbol = &module->symbols[ELF64_R_SYM(entry->r_info)];
    uintptr_t *slot = (uintptr_t *)(module->bias + entry->r_offset), function, bound;
    bool is_libc, is_unbound;

    if ((type != BINDS_CALL && type != BINDS_POINTER && type != BINDS_WORD) || symbol->st_shndx != SHN_UNDEF ||
        (type == BINDS_WORD && entry->r_addend != 0))
        return;
    bound = __atomic_load_n(slot, __ATOMIC_RELAXED);
    is_libc = bound >= binding->libc_start && bound < binding->libc_end;
    is_unbound = type == BINDS_CALL && bound >= module->start && bound < module->end;
    if ((!is_libc && !is_unbound) || (function = ours(&binding->self, module->names + symbol->st_name)) == 0)
        return;
    if ((uintptr_t)slot >= module->fixed_start && (uintptr_t)slot < module->fixed_end && !*is_open) {
        if (lensi_sys_protect((void *)module->fixed_start, module->fixed_end - module->fixed_start, PROT_READ | PROT_WRITE) < 0)
            return;
        *is_open = true;
    }
    __atomic_store_n(slot, function, __ATOMIC_RELEASE);
}

static void bind_module(const struct binding *binding, const struct module *module)
{
    bool is_open = false;

    if (!module->symbols || !module->names)
        return;
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; module->tables[t].at && i < module->tables[t].bytes / sizeof(ElfW(Rela)); i++)
            bind_one(binding, module, &module->tables[t].at[i], &is_open);
    if (is_open)
        lensi_sys_protect((void *)module->fixed_start, module->fixed_end - module->fixed_start, PROT_READ);
}

static int look_at(struct dl_phdr_info *info, size_t bytes, void *argument)
{
    struct binding *binding = argument;
    struct module module = {.start = UINTPTR_MAX};
    const ElfW(Dyn) *dynamic = NULL;

    (void)bytes;
    if (binding->index++ < modules_at_start)
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr, end = start + part->p_memsz;
        if (part->p_type == PT_LOAD && start < module.start)
            module.start = start;
        if (part->p_type == PT_LOAD && end > module.end)
            module.end = end;
        if (part->p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)start;
        if (part->p_type == PT_GNU_RELRO) {
            module.fixed_start = start & ~(uintptr_t)4095;
            module.fixed_end = end & ~(uintptr_t)4095; /* the loader leaves a last, partial page as it is */
        }
    }
    if (!dynamic)
        return 0;
    module_read(&module, dynamic, info->dlpi_addr);
    bind_module(binding, &module);
    return 0;
}

/*
 * `handle` is a module's. Its allocator is looked up first: that waits for whoever is in the middle of a dlopen, and
 * where it is not libc's the module brings its own, and is left alone.
 */
static void bind_all(void *handle)
{
    struct binding binding = {0};
    struct dl_find_object libc;
    unsigned now = atomic_load(&opened);
    uintptr_t allocator = (uintptr_t)real_dlsym(handle, "free");

    if (_dl_find_object((void *)(uintptr_t)gnu_get_libc_version, &libc) < 0)
        return;
    binding.libc_start = (uintptr_t)libc.dlfo_map_start;
    binding.libc_end = (uintptr_t)libc.dlfo_map_end;
    if (allocator < binding.libc_start || allocator >= binding.libc_end)
        return;
    module_read(&binding.self, _DYNAMIC, (uintptr_t)__ehdr_start);
    dl_iterate_phdr(look_at, &binding);
    has_opened = false;
    atomic_store(&seen, now);
}

/* ---- what the program calls */

/* Both must end in a jump: libc looks at the return address to know who asks. */
LENSI_EXPORT void *dlopen(const char *path, int mode)
{
    if (LENSI_UNLIKELY(mode & RTLD_DEEPBIND)) {
        atomic_fetch_add(&opened, 1);
        has_opened = true;
    }
    lensi_recognise_opens();
    return LENSI_NEXT(dlopen)(path, mode);
}

LENSI_EXPORT void *dlsym(void *handle, const char *name)
{
    if (LENSI_UNLIKELY(atomic_load_explicit(&opened, memory_order_relaxed)) && handle != RTLD_DEFAULT && handle != RTLD_NEXT &&
        (has_opened || atomic_load(&seen) != atomic_load(&opened)))
        bind_all(handle);
    lensi_recognise_opened();
    return real_dlsym(handle, name);
}

static int count(struct dl_phdr_info *info, size_t bytes, void *argument)
{
    (void)info;
    (void)bytes;
    ++*(size_t *)argument;
    return 0;
}

/*
 * libc's own function: a sanitizer that is linked into the program has put its own before it, which is not ready yet.
 */
void lensi_deepbind_init(void) { LENSI_NEXT(dl_iterate_phdr)(count, &modules_at_start); }
