/*
 * unwind.c - see unwind.h. The tables: DWARF's call frame information as the Linux Standard Base has it.
 *
 * Understood is what compilers write: the frame's end (CFA) is a register and an offset, or lies in memory at the frame
 * pointer and an offset (stacks that are realigned) or at the stack pointer's (signals); registers lie at fixed
 * distances from one of these. Where there is more to it, the walk ends.
 */
#include "preload/unwind.h"

#include "liblens/base/arena.h"
#include "liblens/base/sys.h"
#include "preload/stack.h"
#include "preload/stack_bounds.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define ROWS 2048u /* a power of two */
#define ENTRY_MOST (1u << 20) /* bytes of one description */
#define WINDOW_BYTES 128u
#define LETTERS_MOST 8u
#define SIGNALS_MOST 8u /* on one stack */
#define STATES 4u
#define ENCODING_RELATIVE 0x1b /* four bytes, signed, from where they lie */
#define ENCODING_SORTED 0x3b   /* the same, from the table's start */
#define ENCODING_FOUR 0x03

enum rule_kind { RULE_SAME, RULE_AT_END, RULE_AT_POINTER, RULE_AT_STACK, RULE_UNKNOWN };
struct rule {
    int32_t offset;
    uint8_t kind;
};
/* How to get from one frame to its caller's. */
struct row {
    uintptr_t address; /* 0: free */
    uint32_t unloads;  /* modules that had been unloaded when it was read */
    int32_t offset;    /* of the frame's end, from `base` */
    uint8_t base;      /* a register; LENSI_DWARF_REGISTERS: not understood */
    bool is_deref;     /* the end lies in memory there */
    bool is_signal;    /* the handler of a signal returns here: to where it came, on whatever stack */
    struct rule rules[LENSI_DWARF_REGISTERS];
};
static struct kept {
    _Atomic uint32_t version; /* odd: being written */
    struct row row;
} *rows;

int lensi_unwind_start(void)
{
    if (!rows)
        rows = lensi_arena_map(ROWS * sizeof *rows);
    return rows ? 0 : -ENOMEM;
}

/* ---- reading, through a small window, by copy. Behind the end everything is 0, and `failed` says so. */

struct reader {
    uintptr_t next, end; /* what is behind the window */
    uint8_t window[WINDOW_BYTES];
    uint32_t at, have;
    bool failed;
};

static void start(struct reader *reader, uintptr_t from, uintptr_t end)
{
    reader->next = from;
    reader->end = end;
    reader->at = reader->have = 0;
    reader->failed = end < from;
}

static uintptr_t place_of(const struct reader *reader) { return reader->next - (reader->have - reader->at); }

static bool is_at_end(const struct reader *reader) { return reader->failed || place_of(reader) >= reader->end; }

static bool fill(struct reader *reader)
{
    size_t bytes = reader->end - reader->next < sizeof reader->window ? reader->end - reader->next : sizeof reader->window;

    if (reader->failed || !bytes || lensi_sys_copy_readable(reader->window, (const void *)reader->next, bytes) != (int64_t)bytes) {
        reader->failed = true;
        return false;
    }
    reader->next += bytes;
    reader->at = 0;
    reader->have = (uint32_t)bytes;
    return true;
}

static uint64_t take(struct reader *reader, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        if (reader->at == reader->have && !fill(reader))
            return 0;
        value |= (uint64_t)reader->window[reader->at++] << 8 * i;
    }
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
    if (bytes <= reader->have - reader->at)
        reader->at += (uint32_t)bytes;
    else if (bytes > reader->end - place_of(reader))
        reader->failed = true;
    else
        start(reader, place_of(reader) + bytes, reader->end);
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
static bool open_entry(uintptr_t place, struct reader *reader, uint32_t *second)
{
    uint32_t words[2];

    if (lensi_sys_copy_readable(words, (const void *)place, sizeof words) != sizeof words || words[0] < 4 || words[0] > ENTRY_MOST)
        return false;
    start(reader, place + sizeof words, place + 4 + words[0]);
    *second = words[1];
    return true;
}

struct common {
    uint64_t code_unit;
    int64_t data_unit;
    bool is_signal; /* a signal handler's return */
};

/* What each letter stands for, in their order; `letters` begins with a z. False: of a kind that is not understood. */
static bool take_augmentation(struct reader *reader, const char *letters, struct common *common)
{
    for (size_t i = 1; letters[i] && !reader->failed; i++) {
        uint64_t encoding = letters[i] == 'R' || letters[i] == 'L' || letters[i] == 'P' ? take(reader, 1) : 0;

        if (letters[i] == 'R' && encoding != ENCODING_RELATIVE)
            return false;
        if (letters[i] == 'S')
            common->is_signal = true;
        if (letters[i] == 'P') {
            if ((encoding & 0x0f) != 0x0b && (encoding & 0x0f) != 0x03 && encoding != 0)
                return false;
            skip(reader, encoding == 0 ? 8 : 4);
        }
    }
    return !reader->failed;
}

/* Takes the head of a CIE; its instructions are left. False: of a kind that is not understood. */
static bool take_common(struct reader *reader, struct common *common)
{
    uint64_t version = take(reader, 1), bytes;
    char letters[LETTERS_MOST] = "";
    uintptr_t rest;

    for (size_t i = 0; i < sizeof letters; i++)
        if (!(letters[i] = (char)take(reader, 1)))
            break;
    *common = (struct common){.code_unit = take_number(reader, false), .data_unit = (int64_t)take_number(reader, true)};
    if ((version == 1 ? take(reader, 1) : take_number(reader, false)) != LENSI_DWARF_RETURN || (version != 1 && version != 3))
        return false;
    if (letters[0] != 'z' || letters[sizeof letters - 1])
        return false; /* then addresses are of another kind than is read here */
    bytes = take_number(reader, false);
    rest = place_of(reader) + bytes;
    if (bytes > reader->end - place_of(reader) || !take_augmentation(reader, letters, common) || place_of(reader) > rest)
        return false;
    skip(reader, rest - place_of(reader));
    return !reader->failed;
}

/* ---- its instructions */

static void set_rule(struct row *row, uint64_t number, enum rule_kind kind, int64_t offset)
{
    if (number < LENSI_DWARF_REGISTERS)
        row->rules[number] = (struct rule){(int32_t)offset, kind};
}

/* The frame's end, or a register, by an expression: only `a register + offset`, and for the end what lies there. */
static void take_expression(struct reader *reader, struct row *row, uint64_t number, bool is_end)
{
    uint64_t bytes = take_number(reader, false), from = place_of(reader), code = take(reader, 1);
    bool is_pointer = code == 0x70 + LENSI_DWARF_RBP, is_known = is_pointer || code == 0x70 + LENSI_DWARF_RSP;
    int64_t offset = (int64_t)take_number(reader, true);

    if (is_end) {
        is_known = is_known && take(reader, 1) == 0x06;
        row->base = !is_known ? LENSI_DWARF_REGISTERS : is_pointer ? LENSI_DWARF_RBP : LENSI_DWARF_RSP;
        row->is_deref = true;
        row->offset = (int32_t)offset;
    }
    is_known = is_known && place_of(reader) == from + bytes && !reader->failed;
    if (is_end && !is_known)
        row->base = LENSI_DWARF_REGISTERS;
    if (!is_end)
        set_rule(row, number, !is_known ? RULE_UNKNOWN : is_pointer ? RULE_AT_POINTER : RULE_AT_STACK, offset);
    if (!is_known) {
        start(reader, from, reader->end);
        skip(reader, bytes);
    }
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
    while (!is_at_end(reader) && m->location <= distance) {
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
    struct machine m = {.row.base = LENSI_DWARF_REGISTERS};
    struct reader reader;
    struct common common;
    uint32_t to_common, zero;
    uintptr_t place = find_entry(address), begins;

    if (!place || !open_entry(place, &reader, &to_common) || !to_common || !open_entry(place + 4 - to_common, &reader, &zero) || zero ||
        !take_common(&reader, &common) || !run(&m, &reader, &common, UINT64_MAX) || !open_entry(place, &reader, &to_common))
        return false;
    begins = place + 8 + (uintptr_t)(intptr_t)(int32_t)take(&reader, 4);
    if (address - begins >= take(&reader, 4))
        return false;
    skip(&reader, take_number(&reader, false));
    m.initial = m.row;
    m.location = 0;
    if (!run(&m, &reader, &common, address - begins))
        return false;
    *row = m.row;
    row->is_signal = common.is_signal;
    return true;
}

/*
 * What is learned is kept until a module is unloaded. Who comes while another writes the row reads the tables himself.
 */
static void find_row(uintptr_t address, struct row *row)
{
    struct kept *kept = &rows[(address * 0x9e3779b97f4a7c15ull >> 32) & (ROWS - 1)];
    uint32_t version = atomic_load_explicit(&kept->version, memory_order_acquire), unloads = atomic_load(&lensi_stack_unloads);

    if (!(version & 1) && kept->row.address == address && kept->row.unloads == unloads) {
        *row = kept->row;
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&kept->version, memory_order_relaxed) == version)
            return;
    }
    if (!describe(address, row))
        *row = (struct row){.base = LENSI_DWARF_REGISTERS};
    row->address = address;
    row->unloads = unloads;
    version &= ~1u;
    if (!atomic_compare_exchange_strong(&kept->version, &version, version + 1))
        return;
    kept->row = *row;
    atomic_store_explicit(&kept->version, version + 2, memory_order_release);
}

/* ---- the walk */

__attribute__((no_sanitize("address"))) static bool load(const struct lensi_moment *moment, uint64_t address, uint64_t *value)
{
    if (!moment->stack) {
        if (address % sizeof *value || !(lensi_stack_reaches((const uintptr_t *)address) || lensi_sys_is_readable((const void *)address)))
            return false; /* what a signal interrupted may stand on another stack */
        *value = *(const volatile uint64_t *)address;
        return true;
    }
    if (address < moment->bottom || address - moment->bottom > moment->stack_bytes ||
        moment->stack_bytes - (address - moment->bottom) < sizeof *value)
        return false;
    memcpy(value, moment->stack + (address - moment->bottom), sizeof *value);
    return true;
}

/* Where the row has the caller's registers; a signal may have come on another stack. */
static bool apply(struct lensi_moment *moment, const struct row *row)
{
    uint64_t *registers = moment->registers, pointer = registers[LENSI_DWARF_RBP], before = registers[LENSI_DWARF_RSP];
    uint64_t end = registers[row->base] + (uint64_t)(int64_t)row->offset;

    if ((row->is_deref && !load(moment, end, &end)) || (end <= before && !row->is_signal))
        return false;
    for (unsigned i = 0; i < LENSI_DWARF_REGISTERS; i++) {
        const struct rule *rule = &row->rules[i];
        uint64_t from = rule->kind == RULE_AT_END ? end : rule->kind == RULE_AT_STACK ? before : pointer;

        if (rule->kind != RULE_SAME && rule->kind != RULE_UNKNOWN && !load(moment, from + (uint64_t)(int64_t)rule->offset, &registers[i]))
            return false;
    }
    registers[LENSI_DWARF_RSP] = end;
    return true;
}

bool lensi_unwind_step(struct lensi_moment *moment, bool *is_last)
{
    struct row row;
    uint8_t from;

    find_row(moment->registers[LENSI_DWARF_RETURN] - moment->is_behind_call, &row);
    from = row.rules[LENSI_DWARF_RETURN].kind;
    *is_last = row.base != LENSI_DWARF_REGISTERS && from == RULE_UNKNOWN;
    if (*is_last || row.base == LENSI_DWARF_REGISTERS || (from != RULE_AT_END && !(from == RULE_AT_STACK && row.is_signal)))
        return false;
    if (row.is_signal && ++moment->signals > SIGNALS_MOST)
        return false;
    moment->is_behind_call = !row.is_signal;
    return apply(moment, &row);
}

size_t lensi_unwind(struct lensi_moment *moment, uintptr_t *returns, size_t room, bool *is_whole)
{
    size_t count = 1;

    moment->bottom = moment->registers[LENSI_DWARF_RSP];
    moment->is_behind_call = false;
    returns[0] = moment->registers[LENSI_DWARF_RETURN] + 1;
    while (lensi_unwind_step(moment, is_whole) && count < room && moment->registers[LENSI_DWARF_RETURN])
        returns[count++] = moment->registers[LENSI_DWARF_RETURN];
    return count;
}
