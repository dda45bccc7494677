/* vdso.c - see vdso.h. The kernel maps a small library into every process; its table of symbols is read here, once. */
#include "liblens/base/vdso.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#if defined(__x86_64__)
#define CLOCK_NAME "__vdso_clock_gettime"
#else
#define CLOCK_NAME "__kernel_clock_gettime"
#endif

/* Linkers lay the names right behind the symbols, which tells how many there are. */
static lensi_clock_function *find(const uint8_t *image)
{
    const Elf64_Ehdr *header = (const void *)image;
    const Elf64_Phdr *part = (const void *)(image + header->e_phoff);
    const Elf64_Dyn *entry = NULL;
    uintptr_t symbols = 0, names = 0, low = 0;

    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (part[i].p_type == PT_DYNAMIC)
            entry = (const void *)(image + part[i].p_offset);
        if (part[i].p_type == PT_LOAD)
            low = part[i].p_vaddr - part[i].p_offset;
    }
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            symbols = entry->d_un.d_ptr - low;
        if (entry->d_tag == DT_STRTAB)
            names = entry->d_un.d_ptr - low;
    }
    for (; symbols && symbols + sizeof(Elf64_Sym) <= names; symbols += sizeof(Elf64_Sym)) {
        const Elf64_Sym *symbol = (const void *)(image + symbols);
        if (symbol->st_shndx && strcmp((const char *)image + names + symbol->st_name, CLOCK_NAME) == 0)
            return (lensi_clock_function *)(uintptr_t)(image + symbol->st_value - low);
    }
    return NULL;
}

lensi_clock_function *lensi_vdso_clock(void)
{
    uintptr_t image = getauxval(AT_SYSINFO_EHDR);

    return image ? find((const uint8_t *)image) : NULL;
}
