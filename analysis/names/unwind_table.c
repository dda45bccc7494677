/* unwind_table.c - see unwind_table.h. The table's layout is in the Linux Standard Base, "Exception Frames". */
#include "analysis/names/unwind_table.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 12u /* version, three encodings, address of .eh_frame, count */
#define ENTRY_BYTES 8u /* start and its frame's description, both relative to the table */

static Elf_Scn *find_section(Elf *elf, GElf_Shdr *header)
{
    Elf_Scn *section = NULL;
    size_t names;

    if (!elf || elf_getshdrstrndx(elf, &names) < 0)
        return NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        const char *name = gelf_getshdr(section, header) ? elf_strptr(elf, names, header->sh_name) : NULL;

        if (name && strcmp(name, ".eh_frame_hdr") == 0 && header->sh_type != SHT_NOBITS)
            return section;
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

void unwind_table_read(struct unwind_table *table, Elf *elf)
{
    GElf_Shdr header;
    Elf_Scn *section = find_section(elf, &header);
    Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
    const unsigned char *bytes = data ? data->d_buf : NULL;
    uint32_t count;

    memset(table, 0, sizeof *table);
    if (!bytes || data->d_size < HEAD_BYTES || bytes[0] != 1 || (bytes[1] & 0x0f) != DW_EH_PE_sdata4 ||
        bytes[2] != DW_EH_PE_udata4 || bytes[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
        return;
    memcpy(&count, bytes + 8, sizeof count);
    if (count > (data->d_size - HEAD_BYTES) / ENTRY_BYTES)
        count = (uint32_t)((data->d_size - HEAD_BYTES) / ENTRY_BYTES);
    table->starts = calloc(count ? count : 1, sizeof *table->starts);
    for (uint32_t i = 0; table->starts && i < count; i++) {
        int32_t start;

        memcpy(&start, bytes + HEAD_BYTES + (size_t)i * ENTRY_BYTES, sizeof start);
        table->starts[i] = header.sh_addr + (uint64_t)(int64_t)start;
    }
    table->count = table->starts ? count : 0;
    if (table->count)
        qsort(table->starts, table->count, sizeof *table->starts, by_value);
}

void unwind_table_free(struct unwind_table *table)
{
    free(table->starts);
    memset(table, 0, sizeof *table);
}

uint64_t unwind_table_find(const struct unwind_table *table, uint64_t address, uint64_t *next)
{
    size_t low = 0, high = table->count;

    *next = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->starts[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < table->count)
        *next = table->starts[low];
    return low ? table->starts[low - 1] : 0;
}
