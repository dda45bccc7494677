/*
 * recognise.h - programs that enter the kernel behind libc's back, told by the machine code of their modules.
 *
 * In the rungs that serve faults in the faulting thread, the kernel cannot touch an absent or protected page; libc's
 * entries are interposed and pin what they hand over, but a system call in the program's own code (liburing, Go's
 * runtime, FreePascal's) fails with EFAULT. So before memory is given up for the first time, and again when modules
 * have come, the executable parts of all modules but libc's are searched for system calls that take memory. A program
 * that has some is left alone. One that never exceeds its budget is never searched.
 */
#ifndef LENSI_RECOGNISE_H
#define LENSI_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* leave_alone: lensi_engine_leave_alone. At the start. */
void lensi_recognise_open(void (*leave_alone)(const char *reason));
/*
 * True if memory may be given up. Searches what has not been searched yet, and leaves the program alone if something is
 * found. Not under a lock of ours. Safe in signal handlers.
 */
bool lensi_recognise_clear(void);
/* Whether that has been found out: one load. */
bool lensi_recognised(void);
/* The program opens a module (before), and asks for a symbol of it (after). */
void lensi_recognise_opens(void);
void lensi_recognise_opened(void);
/* Whether a library is loaded through which other processes read this one's memory. At the start. */
bool lensi_recognise_peers(void);
/* The program has opened a ring of io_uring through libc. */
void lensi_recognise_ring(void);
void lensi_recognise_after_fork(void);

/* ---- for tests */

/*
 * The number of a system call that takes memory, in `bytes` of machine code; LENSI_ANY_CALL for a function that makes
 * whichever call its first argument says; -1 if there is none.
 */
#define LENSI_ANY_CALL 0xffff
long lensi_recognise_code(const uint8_t *code, size_t bytes);

#endif
