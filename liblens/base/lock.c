/* lock.c - see lock.h. */
#include "liblens/base/lock.h"

#include "liblens/base/running_stack.h"
#include "liblens/base/sys.h"

void lensi_wait_a_little(unsigned round)
{
    static const _Atomic uint32_t never;

    if (round > 2000)
        lensi_sys_futex_wait(&never, 0, 50000);
    else if (round > 64)
        lensi_sys_yield();
#if defined(__x86_64__)
    else
        __builtin_ia32_pause();
#endif
}

void lensi_lock(struct lensi_lock *lock)
{
    for (unsigned round = 0; !lensi_try_lock(lock); round++)
        lensi_wait_a_little(round);
}

/* What is held here a fault may want: none may come of the stack under us. */
bool lensi_try_lock(struct lensi_lock *lock)
{
    lensi_stack_under_us();
    return !atomic_load_explicit(&lock->held, memory_order_relaxed) &&
           !atomic_exchange_explicit(&lock->held, 1, memory_order_acquire);
}

void lensi_unlock(struct lensi_lock *lock) { atomic_store_explicit(&lock->held, 0, memory_order_release); }
