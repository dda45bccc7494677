/*
 * inject.h - failures made on purpose, for tests (docs/inject.md): every kernel call of ours and every piece of memory for our
 * books passes here when LENS_INJECT is set. Otherwise it costs one test of a global that never changes.
 */
#ifndef LENSI_INJECT_H
#define LENSI_INJECT_H

#include <stdbool.h>
#include <stdint.h>

extern bool lensi_inject_on;

/* Reads LENS_INJECT, which is no option of users. Before any thread runs. False if it is set and wrong. */
bool lensi_inject_read(char *const *environment, int main_process);
/* Writes how often each point was passed, if that was asked for. At the end. */
void lensi_inject_report(void);

/* The call, or what is made of it. */
long lensi_inject_call(long number, long a, long b, long c, long d, long e, long f);
/* Whether memory is refused. */
bool lensi_inject_refuses_memory(void);
/* The clock, perhaps after a jump. */
uint64_t lensi_inject_clock(uint64_t now_ns);

#endif
