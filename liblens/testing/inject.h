/*
 * inject.h - failures made on purpose, for tests (docs/inject.md): every kernel call of ours and every piece of memory
 * for our books passes here when LENS_INJECT is set. Otherwise it costs one test of a global that never changes.
 */
#ifndef LENSI_INJECT_H
#define LENSI_INJECT_H

#include <stdbool.h>

/* Reads LENS_INJECT, which is no option of users. Before any thread runs. False if it is set and wrong. */
bool lensi_inject_read(char *const *environment, int main_process);

#endif
