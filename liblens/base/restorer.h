/*
 * restorer.h - what a signal handler returns to: code that gives the interrupted state back to the kernel.
 *
 * libc has one of its own. Ours look at the mask first, which a handler may have edited in its context: no fault signal
 * may get into it. They carry the unwind tables of a signal frame, so that a backtrace from a handler goes on to what
 * was interrupted.
 */
#ifndef LENSI_RESTORER_H
#define LENSI_RESTORER_H

#include <stdint.h>

/*
 * The signals through which faults reach us, as the kernel's mask: no thread blocks them. Set once, when the engine
 * starts.
 */
extern uint64_t lensi_open_signals;
/* Which of them the program believes that this thread blocks. */
extern _Thread_local uint64_t lensi_fault_blocked __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* From now on it is what our handlers return to. Before the first is caught; idempotent. */
void lensi_restorer_open(void);

typedef void lensi_restorer(void);

#if defined(__x86_64__)
#define LENSI_RESTORER_FLAG 0x04000000ul /* SA_RESTORER, which libc keeps to itself */
/* For our own fault handler. */
__attribute__((visibility("hidden"))) lensi_restorer lensi_restorer_ours;
/* For a handler of the program's. */
__attribute__((visibility("hidden"))) lensi_restorer lensi_restorer_forwarded;
#else
#define LENSI_RESTORER_FLAG 0ul
#endif

#endif
