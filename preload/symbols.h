/*
 * symbols.h - from a code address to its module and function, without malloc, stdio or the loader's locks.
 */
#ifndef LENSI_SYMBOLS_H
#define LENSI_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/* A function of a module: file addresses [start, end) (end = start: size unknown) and one of its names. */
struct lensi_function {
    uint64_t start, end;
    const char *name; /* as in the symbol table (C++: mangled) */
};

/* Everything lives as long as the process; no text is NULL. */
struct lensi_symbol {
    const char *module; /* the base name of the file: "libpython3.11.so.1.0"; "" for code in no file */
    uint64_t offset;    /* the address as nm, objdump and addr2line show it */
    const struct lensi_function *functions; /* the function at the address, under each of its names */
    size_t functions_count;                 /* 0 if the symbol table does not tell */
};

/*
 * Describes a return address. The function is that of the call before it, which may be a function's last
 * instruction. Async-signal-safe but for mapping files on first need.
 */
void lensi_symbol_find(uintptr_t return_address, struct lensi_symbol *symbol);

/* Modules have been unloaded: those that are gone are not found any more, until the same file is loaded again. */
void lensi_symbols_forget(void);

/* Writes the qualified name of a mangled C++ function, "ns::load": no arguments, no templates. "" if it is not one. */
void lensi_symbol_unmangle(const char *mangled, char *to, size_t room);

#endif
