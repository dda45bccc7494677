/*
 * record_unwind.h - call paths out of a copy of a thread's registers and of its innermost stack.
 *
 * libgcc's unwinder walks the stack it stands on. What the kernel sampled of another thread (record_fill.h) is gone by
 * the time that anybody looks, and the code may be unloaded: so the unwind tables (.eh_frame) are read by copy, and what was
 * learned of an address is kept. x86-64 only; one caller at a time.
 */
#ifndef LENSI_RECORD_UNWIND_H
#define LENSI_RECORD_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LENSI_DWARF_RBX 3u
#define LENSI_DWARF_RBP 6u
#define LENSI_DWARF_RSP 7u
#define LENSI_DWARF_R12 12u
#define LENSI_DWARF_RETURN 16u /* the instruction pointer */
#define LENSI_DWARF_REGISTERS 17u

struct lensi_moment {
    uint64_t registers[LENSI_DWARF_REGISTERS];
    const uint8_t *stack; /* what lay from the stack pointer on */
    size_t stack_bytes;
};

int lensi_unwind_start(void); /* 0 or -ENOMEM */
/*
 * Return addresses, inner to outer; the first is the address behind the first byte of the instruction, as if that were a call.
 * *is_whole: the last is the stack's outermost frame. At least one. Changes moment->registers.
 */
size_t lensi_unwind(struct lensi_moment *moment, uintptr_t *returns, size_t room, bool *is_whole);

#endif
