/* work.c - see work.h. */
#include "liblens/base/work.h"

#include "liblens/base/sys.h"

struct lensi_lock lensi_prover_lock;

static void (*want)(void);
static _Atomic uint32_t rung, asleep;
static _Atomic bool anew;
static _Atomic uint32_t claimed;
static _Atomic int thread; /* 0 until it runs */

void lensi_work_open(void (*with)(void)) { want = with; }

void lensi_work_want(void)
{
    if (want)
        want();
}

void lensi_work_ring(bool again)
{
    if (again)
        atomic_store(&anew, true);
    atomic_fetch_add(&rung, 1);
    if (atomic_exchange(&asleep, 0))
        lensi_sys_futex_wake(&rung, 1);
}

uint32_t lensi_work_heard(void) { return atomic_load(&rung); }

bool lensi_work_sleep(uint32_t heard, uint64_t ns)
{
    bool was_rung;

    atomic_store(&asleep, 1);
    was_rung = lensi_sys_futex_wait(&rung, heard, ns) == 0;
    atomic_store(&asleep, 0);
    return was_rung;
}

bool lensi_work_anew(void) { return atomic_exchange(&anew, false); }

bool lensi_work_claim(void)
{
    return !atomic_load_explicit(&claimed, memory_order_relaxed) && !atomic_exchange(&claimed, 1);
}

void lensi_work_begun(int thread_id)
{
    if (thread_id < 0)
        atomic_store(&claimed, 0);
    else
        atomic_store(&thread, thread_id);
}

bool lensi_work_has_begun(void) { return atomic_load(&thread) != 0; }

int lensi_work_thread(void)
{
    for (unsigned round = 0; !atomic_load(&thread) && atomic_load(&claimed); round++)
        lensi_wait_a_little(round);
    return atomic_load(&thread);
}

void lensi_work_after_fork(void)
{
    atomic_store(&asleep, 0);
    atomic_store(&thread, 0);
    atomic_store(&claimed, 0);
}
