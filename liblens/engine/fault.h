/*
 * fault.h - what happens when a page is touched: the same for every rung.
 */
#ifndef LENSI_FAULT_H
#define LENSI_FAULT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Resolves a touch of page. After return the access is tried again. Never fails: it stops the process instead. */
void lensi_fault_resolve(uint64_t page, bool write);
/* The signal handler of the rungs that serve faults in the faulting thread. */
void lensi_fault_handler(int number, siginfo_t *info, void *context);
/* The handler of every other signal that the program catches (forward.h). */
void lensi_fault_other_signal(int number, siginfo_t *info, void *context);
/* Installs the handler for the rung's signal. 0 or -errno. */
int lensi_fault_listen(void);
/*
 * Makes [first, first + count) present; writable: also kept (PLAIN). The caller has pinned the chunks. 0 or -EIO.
 */
int lensi_fault_present(uint64_t first, uint64_t count, bool writable);
/* Makes pages ordinary memory, but MAPPED ones. Under the prover lock, so that they stay it. */
void lensi_fault_make_plain(uint64_t first, uint64_t end);
/* Pages of one chunk, which a stack pointer is near: ordinary memory until their block ends. In the fault path, too. */
void lensi_fault_keep_stack(uint64_t first, uint64_t end);
/* In a fork's child: ends what other threads had begun. */
void lensi_fault_after_fork(void);

#endif
