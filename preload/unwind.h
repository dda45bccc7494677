/*
 * unwind.h - from a frame to its caller's by the unwind tables (.eh_frame), of the running thread or of a moment that
 * has gone.
 *
 * libgcc's unwinder follows what it finds, off the end of a fiber's stack too, and cannot walk a copy. Here the tables
 * are read by copy, as code may be unloaded meanwhile, the stack only as far as it is known to be mapped
 * (stack_bounds.h), and what was learned of an address is kept. x86-64 only. No locks, no malloc.
 */
#ifndef LENSI_UNWIND_H
#define LENSI_UNWIND_H

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
    const uint8_t *stack; /* what lay from the stack pointer on; NULL: this thread's own stack, as it is now */
    size_t stack_bytes;
    uint64_t bottom; /* the address of what is at `stack` */
    uint32_t signals; /* whose frames have been passed */
    bool is_behind_call; /* LENSI_DWARF_RETURN is where a call returns to, not an instruction under way */
};

int lensi_unwind_start(void); /* 0 or -ENOMEM */
/*
 * Return addresses, inner to outer; the first is the address behind the first byte of the instruction, as if that were
 * a call.
 * *is_whole: the last is the stack's outermost frame. At least one. Changes moment->registers.
 */
size_t lensi_unwind(struct lensi_moment *moment, uintptr_t *returns, size_t room, bool *is_whole);
/* To the caller's registers. False: no further; *is_last: there is no caller. */
bool lensi_unwind_step(struct lensi_moment *moment, bool *is_last);

#endif
