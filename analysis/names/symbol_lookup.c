/* symbol_lookup.c - see symbol_lookup.h. */
#include "analysis/names/symbol_lookup.h"

#include "analysis/names/demangle.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_NAME_BYTES_MAX 512
#define INLINED_MAX 64
#define SCOPES_MAX 32

/* One lookup. `here` is the address inside the call instruction, with libdwfl's bias. */
struct lookup {
    struct symbol_source *source;
    struct strings *strings;
    uint64_t address; /* as asked for */
    Dwarf_Addr here;
    struct symbols *symbols;
    bool is_out_of_memory;
};

/* ------------------------------------------------------------------ what a module has */

static bool has_section(Elf *elf, unsigned type)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while (elf && (section = elf_nextscn(elf, section)) != NULL)
        if (gelf_getshdr(section, &header) && header.sh_type == type)
            return true;
    return false;
}

void symbol_source_look(struct symbol_source *source)
{
    Dwfl_Module *module = source->file.module;
    GElf_Addr bias;
    Dwarf *dwarf = dwfl_module_getdwarf(module, &bias);

    source->has_lines = dwarf && dwfl_module_nextcu(module, NULL, &bias);
    source->has_names = has_section(dwfl_module_getelf(module, &bias), SHT_SYMTAB) ||
                        (dwarf && has_section(dwarf_getelf(dwarf), SHT_SYMTAB));
    unwind_table_read(&source->functions, dwfl_module_getelf(module, &bias));
}

void symbol_source_close(struct symbol_source *source)
{
    debug_file_close(&source->file);
    free(source->units);
    source->units = NULL;
    unwind_table_free(&source->functions);
}

/* ------------------------------------------------------------------ the unit of an address */

static int by_low(const void *a, const void *b)
{
    const struct unit_range *left = a, *right = b;

    return left->low < right->low ? -1 : left->low > right->low;
}

static void add_unit(struct symbol_source *source, Dwarf_Die *unit)
{
    Dwarf_Addr base, low, high;

    for (ptrdiff_t next = 0; (next = dwarf_ranges(unit, next, &base, &low, &high)) > 0;) {
        if ((source->units_count & (source->units_count + 1)) == 0 || !source->units) {
            size_t room = 2 * source->units_count + 2;
            struct unit_range *units = realloc(source->units, room * sizeof *units);

            if (!units)
                return; /* lines are then missing, names are not */
            source->units = units;
        }
        source->units[source->units_count++] = (struct unit_range){low, high, dwarf_dieoffset(unit)};
    }
}

static void read_units(struct symbol_source *source)
{
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias;

    source->units_are_read = true;
    while ((unit = dwfl_module_nextcu(source->file.module, unit, &bias)) != NULL)
        add_unit(source, unit);
    if (source->units_count)
        qsort(source->units, source->units_count, sizeof *source->units, by_low);
}

/* By the units' own ranges: some compilers write no .debug_aranges. Ranges of different units do not overlap. */
static Dwarf_Die *find_unit(struct symbol_source *source, Dwarf_Addr address, Dwarf_Die *room)
{
    size_t low = 0, high;
    GElf_Addr bias;

    if (!source->units_are_read)
        read_units(source);
    for (high = source->units_count; low < high;) {
        size_t middle = low + (high - low) / 2;

        if (source->units[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || source->units[low - 1].high <= address)
        return NULL;
    return dwarf_offdie(dwfl_module_getdwarf(source->file.module, &bias), source->units[low - 1].unit, room);
}

/* ------------------------------------------------------------------ names */

static const char *keep(struct lookup *lookup, const char *text)
{
    const char *kept = strings_keep(lookup->strings, text, strlen(text));

    if (!kept)
        lookup->is_out_of_memory = true;
    return kept;
}

static void set_names(struct lookup *lookup, struct symbol *symbol, const char *linkage_name)
{
    char brief[SHORT_NAME_BYTES_MAX], *full = demangle(linkage_name);

    symbol->function = symbol->identity = keep(lookup, full ? full : linkage_name);
    demangle_shorten(full ? full : linkage_name, brief, sizeof brief);
    symbol->name = keep(lookup, brief);
    symbol->is_known = true;
    free(full);
}

static const char *attribute_text(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;

    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static const char *linkage_name(Dwarf_Die *die)
{
    const char *name = attribute_text(die, DW_AT_linkage_name);

    return name ? name : attribute_text(die, DW_AT_MIPS_linkage_name);
}

/* Where the function is declared: the entry that lies inside its class. */
static Dwarf_Die *declaration(Dwarf_Die *die, Dwarf_Die *room)
{
    Dwarf_Attribute attribute;

    for (int i = 0; i < 4; i++) { /* inlined -> abstract -> declaration */
        if (!dwarf_attr(die, DW_AT_abstract_origin, &attribute) && !dwarf_attr(die, DW_AT_specification, &attribute))
            break;
        if (!dwarf_formref_die(&attribute, room))
            break;
        die = room;
    }
    return die;
}

/* "outer::Class::name" for functions without a linkage name (constructors that are inlined). */
static void qualified_name(Dwarf_Die *die, char *to, size_t room)
{
    Dwarf_Die declared_room, *declared = declaration(die, &declared_room), *scopes = NULL;
    const char *own = attribute_text(die, DW_AT_name);
    int count = dwarf_getscopes_die(declared, &scopes);
    size_t length = 0;

    to[0] = '\0';
    for (int i = count - 1; i > 0 && count <= SCOPES_MAX; i--) {
        int tag = dwarf_tag(&scopes[i]);
        const char *name = dwarf_diename(&scopes[i]);

        if (!name && tag == DW_TAG_namespace)
            name = "(anonymous namespace)";
        if (name && (tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type) &&
            length < room)
            length += (size_t)snprintf(to + length, room - length, "%s::", name);
    }
    if (length < room)
        snprintf(to + length, room - length, "%s", own ? own : "?");
    free(scopes);
}

static void set_unknown(struct lookup *lookup, struct symbol *symbol)
{
    char text[SHORT_NAME_BYTES_MAX];

    snprintf(text, sizeof text, "%.400s+0x%llx", lookup->source->name, (unsigned long long)lookup->address);
    symbol->function = symbol->name = symbol->identity = keep(lookup, text);
    uint64_t next, start = unwind_table_find(&lookup->source->functions, lookup->here - lookup->source->file.bias, &next);
    if (!start)
        return;
    snprintf(text, sizeof text, "%.400s+0x%llx", lookup->source->name, (unsigned long long)start);
    symbol->identity = keep(lookup, text);
    symbol->function_bytes = next - start < UINT32_MAX ? (uint32_t)(next - start) : 0;
}

/* The function by the symbol table; false if there is none at this address. */
static bool set_from_table(struct lookup *lookup, struct symbol *symbol)
{
    GElf_Off offset;
    GElf_Sym entry;
    const char *name = dwfl_module_addrinfo(lookup->source->file.module, lookup->here, &offset, &entry, NULL, NULL, NULL);

    if (!name || !*name)
        return false;
    /* Hand-written code may have no size; in a stripped file that would be whatever exported name lies before. */
    if (entry.st_size ? offset >= entry.st_size : !lookup->source->has_names)
        return false;
    set_names(lookup, symbol, name);
    symbol->function_bytes = (uint32_t)(entry.st_size > UINT32_MAX ? UINT32_MAX : entry.st_size);
    return true;
}

/* ------------------------------------------------------------------ inlined calls */

static struct symbol *add_symbol(struct lookup *lookup)
{
    struct symbols *symbols = lookup->symbols;
    size_t count = symbols ? symbols->count : 0;

    symbols = realloc(symbols, sizeof *symbols + (count + 1) * sizeof *symbols->list);
    if (!symbols) {
        lookup->is_out_of_memory = true;
        return NULL;
    }
    lookup->symbols = symbols;
    symbols->count = count + 1;
    memset(&symbols->list[count], 0, sizeof *symbols->list);
    symbols->list[count].module = lookup->source->name;
    return &symbols->list[count];
}

static void set_scope_name(struct lookup *lookup, struct symbol *symbol, Dwarf_Die *scope)
{
    const char *name = linkage_name(scope);
    char qualified[SHORT_NAME_BYTES_MAX];

    if (!name) {
        qualified_name(scope, qualified, sizeof qualified);
        name = qualified;
    }
    set_names(lookup, symbol, name);
}

/* Where an inlined call was written: the line of the function around it. */
static void set_call_place(struct lookup *lookup, struct symbol *symbol, Dwarf_Die *unit, Dwarf_Die *inlined)
{
    Dwarf_Attribute attribute;
    Dwarf_Files *files;
    Dwarf_Word number;
    size_t count;

    symbol->file = NULL;
    symbol->line = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0 &&
        dwarf_getsrcfiles(unit, &files, &count) == 0 && number < count) {
        const char *file = dwarf_filesrc(files, number, NULL, NULL);

        symbol->file = file ? keep(lookup, file) : NULL;
    }
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0)
        symbol->line = (unsigned)number;
}

/* One symbol for each call inlined here, innermost first. The last symbol waits for the function around all. */
static void add_inlined(struct lookup *lookup, Dwarf_Die *unit, Dwarf_Addr bias)
{
    Dwarf_Die *scopes = NULL, *chain = NULL;
    int count = 0;

    if (dwarf_getscopes(unit, lookup->here - bias, &scopes) > 0)
        count = dwarf_getscopes_die(&scopes[0], &chain);
    for (int i = 0; i < count && lookup->symbols->count < INLINED_MAX; i++) {
        int tag = dwarf_tag(&chain[i]);
        struct symbol *symbol = &lookup->symbols->list[lookup->symbols->count - 1];

        if (tag == DW_TAG_subprogram && !symbol->function) {
            if (!set_from_table(lookup, symbol) || linkage_name(&chain[i]))
                set_scope_name(lookup, symbol, &chain[i]);
            break;
        }
        if (tag != DW_TAG_inlined_subroutine)
            continue;
        set_scope_name(lookup, symbol, &chain[i]);
        symbol->is_inlined = true;
        struct symbol *around = add_symbol(lookup);
        if (!around)
            break;
        set_call_place(lookup, around, unit, &chain[i]);
    }
    free(chain);
    free(scopes);
}

static void set_line(struct lookup *lookup, struct symbol *symbol, Dwarf_Die *unit, Dwarf_Addr bias)
{
    Dwarf_Line *row = dwarf_getsrc_die(unit, lookup->here - bias);
    const char *file = row ? dwarf_linesrc(row, NULL, NULL) : NULL;
    int line = 0;

    if (!file)
        return;
    symbol->file = keep(lookup, file);
    if (dwarf_lineno(row, &line) == 0 && line > 0)
        symbol->line = (unsigned)line;
}

static void look_into_lines(struct lookup *lookup)
{
    Dwfl_Module *module = lookup->source->file.module;
    Dwarf_Addr bias = 0;
    Dwarf_Die room, *unit = dwfl_module_addrdie(module, lookup->here, &bias);

    if (!unit && dwfl_module_getdwarf(module, &bias))
        unit = find_unit(lookup->source, lookup->here - bias, &room);
    if (!unit)
        return;
    set_line(lookup, &lookup->symbols->list[0], unit, bias);
    add_inlined(lookup, unit, bias);
}

struct symbols *symbol_lookup(struct symbol_source *source, struct strings *strings, uint64_t address, bool is_return)
{
    struct lookup lookup = {.source = source, .strings = strings, .address = address};

    lookup.here = address + source->file.bias - (is_return && address ? 1 : 0);
    if (!add_symbol(&lookup))
        return NULL;
    if (source->file.module && source->has_lines)
        look_into_lines(&lookup);
    struct symbol *last = &lookup.symbols->list[lookup.symbols->count - 1];
    if (!last->function && (!source->file.module || !set_from_table(&lookup, last)))
        set_unknown(&lookup, last);
    if (!lookup.is_out_of_memory)
        return lookup.symbols;
    free(lookup.symbols);
    return NULL;
}
