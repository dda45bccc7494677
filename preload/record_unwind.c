/*
 * record_unwind.c - see record_unwind.h. The tables: DWARF's call frame information as the Linux Standard Base has it.
 *
 * Understood is what compilers write: the frame's end (CFA) is a register and an offset, or lies in memory at the frame
 * pointer and an offset (stacks that are realigned); registers lie at fixed distances from one of the two. Where there is
 * more to it, the walk ends.
 */
#include "preload/record_unwind.h"

#include "liblens/arena.h"
#include "liblens/sys.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define ROWS 2048u /* a power of two */
#define ENTRY_BYTES 768u /* of one description that are looked at */
#define STATES 4u
#define ENCODING_RELATIVE 0x1b /* four bytes, signed, from where they lie */
#define ENCODING_SORTED 0x3b   /* the same, from the table's start */
#define ENCODING_FOUR 0x03

enum rule_kind { RULE_SAME, RULE_AT_END, RULE_AT_POINTER, RULE_UNKNOWN };
struct rule {
    int32_t offset;
    uint8_t kind;
};
/* How to get from one frame to its caller's. */
struct row {
    uintptr_t address; /* 0: free */
    int32_t offset;    /* of the frame's end, from `base` */
    uint8_t base;      /* a register; LENSI_DWARF_REGISTERS: not understood */
    bool is_deref;     /* the end lies in memory there */
    struct rule rules[LENSI_DWARF_REGISTERS];
};
static struct row *rows;

int lensi_unwind_start(void)
{
    if (!rows)
        rows = lensi_arena_map(ROWS * sizeof *rows);
    return rows ? 0 : -ENOMEM;
}

/* ---- reading. Behind the end everything is 0, and `failed` says so. */

struct reader {
    const uint8_t *at, *end;
    bool failed;
};

static uint64_t take(struct reader *reader, size_t bytes)
{
    uint64_t value = 0;

    if ((size_t)(reader->end - reader->at) < bytes) {
        reader->failed = true;
        reader->at = reader->end;
        return 0;
    }
    memcpy(&value, reader->at, bytes);
    reader->at += bytes;
    return value;
}

static uint64_t take_number(struct reader *reader, bool is_signed)
{
    uint64_t value = 0, byte;
    unsigned shift = 0;

    do {
        byte = take(reader, 1);
        if (shift < 64)
            value |= (byte & 127) << shift;
        shift += 7;
    } while (byte & 128 && !reader->failed);
    return is_signed && shift < 64 && byte & 64 ? value | ~0ull << shift : value;
}

static void skip(struct reader *reader, uint64_t bytes)
{
    if ((uint64_t)(reader->end - reader->at) < bytes)
        reader->failed = true;
    reader->at = reader->failed ? reader->end : reader->at + bytes;
}

/* ---- finding the description of an address */

/* The place of the description (FDE) in the module's sorted table, or 0. */
static uintptr_t find_entry(uintptr_t address)
{
    struct dl_find_object found;
    uint8_t head[12];
    uint32_t low = 0, high;
    uintptr_t table;
    int32_t pair[2] = {0, 0};

    if (_dl_find_object((void *)address, &found) < 0 || !found.dlfo_eh_frame)
        return 0;
    table = (uintptr_t)found.dlfo_eh_frame;
    if (lensi_sys_copy_readable(head, (const void *)table, sizeof head) != sizeof head || head[0] != 1 ||
        head[1] != ENCODING_RELATIVE || head[2] != ENCODING_FOUR || head[3] != ENCODING_SORTED)
        return 0;
    memcpy(&high, head + 8, sizeof high);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (lensi_sys_copy_readable(pair, (const void *)(table + sizeof head + (uintptr_t)middle * sizeof pair), sizeof pair) !=
            sizeof pair)
            return 0;
        if (table + (uintptr_t)(intptr_t)pair[0] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || lensi_sys_copy_readable(pair, (const void *)(table + sizeof head + (low - 1u) * sizeof pair), sizeof pair) != sizeof pair)
        return 0;
    return table + (uintptr_t)(intptr_t)pair[1];
}

/* A description or what several have in common (CIE), with its length and its second word taken. */
static bool open_entry(uintptr_t place, uint8_t *bytes, struct reader *reader, uint32_t *second)
{
    int64_t got = lensi_sys_copy_readable(bytes, (const void *)place, ENTRY_BYTES);
    uint32_t length;

    if (got < 8)
        return false;
    memcpy(&length, bytes, sizeof length);
    if (length < 4 || length > ENTRY_BYTES - 4 || length + 4 > (uint64_t)got)
        return false;
    memcpy(second, bytes + 4, sizeof *second);
    *reader = (struct reader){bytes + 8, bytes + 4 + length, false};
    return true;
}

struct common {
    uint64_t code_unit;
    int64_t data_unit;
    bool has_augmentation;
};

/* Takes the head of a CIE; its instructions are left. False: of a kind that is not understood, or a signal's frame. */
static bool take_common(struct reader *reader, struct common *common)
{
    uint64_t version = take(reader, 1);
    const char *letters = (const char *)reader->at;
    size_t count = strnlen(letters, (size_t)(reader->end - reader->at));
    const uint8_t *rest;

    skip(reader, count + 1);
    common->code_unit = take_number(reader, false);
    common->data_unit = (int64_t)take_number(reader, true);
    if ((version == 1 ? take(reader, 1) : take_number(reader, false)) != LENSI_DWARF_RETURN || (version != 1 && version != 3))
        return false;
    common->has_augmentation = count && letters[0] == 'z';
    if (!common->has_augmentation)
        return false; /* then addresses are of another kind than is read here */
    uint64_t bytes = take_number(reader, false);
    if ((uint64_t)(reader->end - reader->at) < bytes)
        return false;
    rest = reader->at + bytes;
    for (size_t i = 1; i < count && !reader->failed; i++) {
        if (letters[i] == 'R' && take(reader, 1) != ENCODING_RELATIVE)
            return false;
        if (letters[i] == 'S')
            return false;
        if (letters[i] == 'L')
            take(reader, 1);
        if (letters[i] == 'P') {
            uint64_t encoding = take(reader, 1);
            if ((encoding & 0x0f) != 0x0b && (encoding & 0x0f) != 0x03 && encoding != 0)
                return false;
            skip(reader, encoding == 0 ? 8 : 4);
        }
    }
    if (reader->failed)
        return false;
    reader->at = rest;
    return true;
}

/* ---- its instructions */

static void set_rule(struct row *row, uint64_t number, enum rule_kind kind, int64_t offset)
{
    if (number < LENSI_DWARF_REGISTERS)
        row->rules[number] = (struct rule){(int32_t)offset, kind};
}

/* The frame's end, or a register, by an expression: only `frame pointer + offset`, and for the end what lies there. */
static void take_expression(struct reader *reader, struct row *row, uint64_t number, bool is_end)
{
    uint64_t bytes = take_number(reader, false);
    struct reader part = {reader->at, reader->at, false};

    if ((uint64_t)(reader->end - reader->at) >= bytes)
        part.end = reader->at + bytes;
    bool is_pointer = take(&part, 1) == 0x70 + LENSI_DWARF_RBP;
    int64_t offset = (int64_t)take_number(&part, true);
    if (is_end) {
        is_pointer = is_pointer && take(&part, 1) == 0x06;
        row->base = is_pointer && part.at == part.end ? LENSI_DWARF_RBP : LENSI_DWARF_REGISTERS;
        row->is_deref = true;
        row->offset = (int32_t)offset;
    } else {
        set_rule(row, number, is_pointer && part.at == part.end && !part.failed ? RULE_AT_POINTER : RULE_UNKNOWN, offset);
    }
    skip(reader, bytes);
}

static void set_end(struct row *row, uint64_t base, int64_t offset)
{
    row->base = base < LENSI_DWARF_REGISTERS ? (uint8_t)base : LENSI_DWARF_REGISTERS;
    row->offset = (int32_t)offset;
    row->is_deref = false;
}

struct machine {
    struct row row, initial, kept[STATES];
    unsigned kept_count;
    uint64_t location;
};

/* Those whose first operand is a register. False: not understood. */
static bool step_register(struct machine *m, struct reader *reader, const struct common *common, uint64_t code)
{
    struct row *row = &m->row;
    uint64_t number = take_number(reader, false);

    switch (code) {
    case 0x05:
        set_rule(row, number, RULE_AT_END, (int64_t)take_number(reader, false) * common->data_unit);
        return true;
    case 0x06:
        if (number < LENSI_DWARF_REGISTERS)
            row->rules[number] = m->initial.rules[number];
        return true;
    case 0x07:
    case 0x08:
        set_rule(row, number, code == 0x08 ? RULE_SAME : RULE_UNKNOWN, 0);
        return true;
    case 0x0c:
        set_end(row, number, (int64_t)take_number(reader, false));
        return true;
    case 0x10:
        take_expression(reader, row, number, false);
        return true;
    case 0x11:
        set_rule(row, number, RULE_AT_END, (int64_t)take_number(reader, true) * common->data_unit);
        return true;
    case 0x12:
        set_end(row, number, (int64_t)take_number(reader, true) * common->data_unit);
        return true;
    case 0x14:
    case 0x15:
        set_rule(row, number, RULE_UNKNOWN, 0);
        take_number(reader, false);
        return true;
    case 0x16:
        set_rule(row, number, RULE_UNKNOWN, 0);
        skip(reader, take_number(reader, false));
        return true;
    default:
        return false;
    }
}

/* Instructions without an operand in their first byte; names and numbers are DWARF's (DW_CFA_...). */
static bool step_extended(struct machine *m, struct reader *reader, const struct common *common, uint64_t code)
{
    struct row *row = &m->row;

    switch (code) {
    case 0x00:
        return true;
    case 0x02:
    case 0x03:
    case 0x04:
        m->location += take(reader, 1u << (code - 2)) * common->code_unit;
        return true;
    case 0x0a:
        if (m->kept_count < STATES)
            m->kept[m->kept_count] = *row;
        return m->kept_count++ < STATES;
    case 0x0b:
        if (m->kept_count)
            *row = m->kept[--m->kept_count];
        return true;
    case 0x0d:
        set_end(row, take_number(reader, false), row->offset);
        return true;
    case 0x0e:
        row->offset = (int32_t)take_number(reader, false);
        return true;
    case 0x0f:
        take_expression(reader, row, 0, true);
        return true;
    case 0x13:
        row->offset = (int32_t)((int64_t)take_number(reader, true) * common->data_unit);
        return true;
    case 0x2e:
        take_number(reader, false);
        return true;
    default:
        return step_register(m, reader, common, code);
    }
}

/* Up to the address that is `distance` behind the function's start. */
static bool run(struct machine *m, struct reader *reader, const struct common *common, uint64_t distance)
{
    while (reader->at < reader->end && !reader->failed && m->location <= distance) {
        uint64_t code = take(reader, 1), low = code & 0x3f;
        struct row before = m->row;

        if (code >> 6 == 1)
            m->location += low * common->code_unit;
        else if (code >> 6 == 2)
            set_rule(&m->row, low, RULE_AT_END, (int64_t)take_number(reader, false) * common->data_unit);
        else if (code >> 6 == 3)
            m->row.rules[low < LENSI_DWARF_REGISTERS ? low : 0] = m->initial.rules[low < LENSI_DWARF_REGISTERS ? low : 0];
        else if (!step_extended(m, reader, common, code))
            return false;
        if (m->location > distance)
            m->row = before;
    }
    return !reader->failed;
}

static bool describe(uintptr_t address, struct row *row)
{
    static uint8_t entry_bytes[ENTRY_BYTES], common_bytes[ENTRY_BYTES];
    struct machine m = {.row.base = LENSI_DWARF_REGISTERS};
    struct reader entry, shared;
    struct common common;
    uint32_t to_common, zero;
    uintptr_t place = find_entry(address), start;

    if (!place || !open_entry(place, entry_bytes, &entry, &to_common) || !to_common ||
        !open_entry(place + 4 - to_common, common_bytes, &shared, &zero) || zero || !take_common(&shared, &common))
        return false;
    start = place + 8 + (uintptr_t)(intptr_t)(int32_t)take(&entry, 4);
    if (address - start >= take(&entry, 4))
        return false;
    skip(&entry, take_number(&entry, false));
    if (!run(&m, &shared, &common, UINT64_MAX))
        return false;
    m.initial = m.row;
    if (!run(&m, &entry, &common, address - start))
        return false;
    *row = m.row;
    return true;
}

/* What is learned stays, also of code that has gone: a wrong row can only lead to a wrong path. */
static const struct row *row_of(uintptr_t address)
{
    struct row *row = &rows[(address * 0x9e3779b97f4a7c15ull >> 32) & (ROWS - 1)];

    if (row->address == address)
        return row;
    row->address = 0; /* a fork may come in between */
    if (!describe(address, row))
        *row = (struct row){.base = LENSI_DWARF_REGISTERS};
    row->address = address;
    return row;
}

/* ---- the walk */

static bool load(const struct lensi_moment *moment, uint64_t bottom, uint64_t address, uint64_t *value)
{
    if (address < bottom || address - bottom > moment->stack_bytes || moment->stack_bytes - (address - bottom) < sizeof *value)
        return false;
    memcpy(value, moment->stack + (address - bottom), sizeof *value);
    return true;
}

/* To the caller's registers. False: no further; *is_last: there is no caller. */
static bool step(struct lensi_moment *moment, uint64_t bottom, const struct row *row, bool *is_last)
{
    uint64_t *registers = moment->registers, pointer = registers[LENSI_DWARF_RBP], end, before = registers[LENSI_DWARF_RSP];

    *is_last = row->base != LENSI_DWARF_REGISTERS && row->rules[LENSI_DWARF_RETURN].kind == RULE_UNKNOWN;
    if (*is_last || row->base == LENSI_DWARF_REGISTERS || row->rules[LENSI_DWARF_RETURN].kind != RULE_AT_END)
        return false;
    end = registers[row->base] + (uint64_t)(int64_t)row->offset;
    if (row->is_deref && !load(moment, bottom, end, &end))
        return false;
    if (end <= before)
        return false;
    for (unsigned i = 0; i < LENSI_DWARF_REGISTERS; i++) {
        const struct rule *rule = &row->rules[i];
        uint64_t at = (rule->kind == RULE_AT_END ? end : pointer) + (uint64_t)(int64_t)rule->offset;

        if (rule->kind != RULE_SAME && rule->kind != RULE_UNKNOWN && !load(moment, bottom, at, &registers[i]))
            return false;
    }
    registers[LENSI_DWARF_RSP] = end;
    return true;
}

size_t lensi_unwind(struct lensi_moment *moment, uintptr_t *returns, size_t room, bool *is_whole)
{
    const uint64_t bottom = moment->registers[LENSI_DWARF_RSP];
    uintptr_t address = moment->registers[LENSI_DWARF_RETURN];
    size_t count = 1;

    returns[0] = address + 1;
    while (step(moment, bottom, row_of(address), is_whole) && count < room && moment->registers[LENSI_DWARF_RETURN]) {
        returns[count++] = moment->registers[LENSI_DWARF_RETURN];
        address = returns[count - 1] - 1;
    }
    return count;
}
