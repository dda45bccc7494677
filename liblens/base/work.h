/*
 * work.h - how work is handed to the prover (prover.h): the lock it is done under, and what wakes it.
 *
 * Every transition that the prover makes is under the lock, which fork and the ends of blocks take too. It never waits
 * for the program. The rest is async-signal-safe.
 */
#ifndef LENSI_WORK_H
#define LENSI_WORK_H

#include "liblens/base/lock.h"

extern struct lensi_lock lensi_prover_lock;

/* Something happened: look now. anew: also try again what was refuted (a file was closed: loading is done). */
void lensi_work_ring(bool anew);
/* Some block is new, has grown, or was read into: the prover starts if it is needed. Nothing before lensi_work_open. */
void lensi_work_want(void);

/* ---- the prover's */

/* What lensi_work_want calls. */
void lensi_work_open(void (*want)(void));
/* How often it was rung by now. */
uint32_t lensi_work_heard(void);
/* Sleeps until it is rung again since `heard`, or for ns. True if it was rung meanwhile. */
bool lensi_work_sleep(uint32_t heard, uint64_t ns);
/* Whether something is to be tried again; asked once. */
bool lensi_work_anew(void);
/* True for the one that may start the thread: nobody has in this process. */
bool lensi_work_claim(void);
/* The thread runs; -1: it could not be started. */
void lensi_work_begun(int thread_id);
bool lensi_work_has_begun(void);
/* Its thread id, for who has to hear of leases; 0 if it could not be started. Waits while it is starting. */
int lensi_work_thread(void);
void lensi_work_after_fork(void); /* in the child: the thread is not here any more */

#endif
