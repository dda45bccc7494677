/*
 * lock.h - a lock for short sections: spins, then yields, then sleeps a little. Async-signal-safe; a fork's child may
 * reset it.
 */
#ifndef LENSI_LOCK_H
#define LENSI_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lensi_lock {
    _Atomic uint32_t held;
};
void lensi_lock(struct lensi_lock *lock);
bool lensi_try_lock(struct lensi_lock *lock);
void lensi_unlock(struct lensi_lock *lock);

/*
 * One turn of waiting for another thread: spins first, then yields, then sleeps a little (it may have less priority).
 */
void lensi_wait_a_little(unsigned round);

#endif
