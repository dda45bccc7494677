/*
 * slowdown.h - what lens costs the program, and the bound on it (--slowdown-limit).
 *
 * The account: time of the program's threads in faults and in waits for proofs, and processor time of ours that the
 * program could have used. When the run gets slower by it than the limit allows, memory is given back: the budget grows
 * by steps, in the end all that is touched stays and nothing is proven. Under a memory limit of the control group it
 * grows only as far as that allows.
 */
#ifndef LENSI_SLOWDOWN_H
#define LENSI_SLOWDOWN_H

#include <stdbool.h>
#include <stdint.h>

struct lensi_lock;

/* limit: how many times as long the run may take; 0: no limit. */
void lensi_slowdown_open(double limit);
/* A thread of the program has waited for us since start_ns. */
void lensi_slowdown_waited(uint64_t start_ns);
/* Takes the lock for a thread of the program. */
void lensi_slowdown_lock(struct lensi_lock *lock);
/* Judges how it goes, and gives memory back. Only the prover calls these; own_cpu_ns: what it has had of processors. */
void lensi_slowdown_round(uint64_t own_cpu_ns);
/* Everything that is touched stays: absent pages are to be brought back. */
bool lensi_slowdown_gives_all_back(void);
/* A step of that took so long; it counts as faults of the program otherwise. */
void lensi_slowdown_gave_back(uint64_t ns);
/* At the end: one line if the limit had to be kept. */
void lensi_slowdown_say(void);
void lensi_slowdown_after_fork(void); /* in the child: its own account */

/* How the judgement is made, for tests: whether `harm` of `run` is going to be more than the limit allows. */
bool lensi_slowdown_is_too_much(double limit, uint64_t run_ns, uint64_t harm_ns);

#endif
