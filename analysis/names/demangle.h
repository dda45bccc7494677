/*
 * demangle.h - names of functions as their language writes them.
 */
#ifndef LENS_DEMANGLE_H
#define LENS_DEMANGLE_H

#include <stddef.h>

/* The C++ or Rust name behind a symbol, in malloc memory; NULL if the symbol is no mangled name (or out of memory). */
char *demangle(const char *symbol);
/*
 * A name for a table: without parameters, template arguments and the suffixes of compilers' clones. Always
 * NUL-terminates; cuts what does not fit.
 *   std::vector<int, std::allocator<int> >::push_back(int const&)  ->  std::vector::push_back
 *   <alloc::vec::Vec<T> as Extend<T>>::extend                      ->  <alloc::vec::Vec as Extend>::extend
 *   parse_row.constprop.0                                          ->  parse_row
 */
void demangle_shorten(const char *name, char *to, size_t room);

#endif
