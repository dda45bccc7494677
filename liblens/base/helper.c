/* helper.c - see helper.h. */
#include "liblens/base/helper.h"

#include "liblens/base/arena.h"
#include "liblens/base/restorer.h"
#include "liblens/base/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#define STACK_BYTES (256 * 1024)
#define TOGETHER_MOST 4u
#define WAIT_NS 1000000000u

/*
 * AddressSanitizer's pthread_create takes a lock, and so does the thread as it begins and ends: the child of a fork at
 * that moment finds the lock held for good and hangs in its own first start. So helpers start past it. They need one
 * thing of it: that what a thread marked on a stack is wiped when a fork left it behind and the stack serves again.
 */
#if defined(__SANITIZE_ADDRESS__)
#include <dlfcn.h>
#include <errno.h>
#include <sanitizer/asan_interface.h>

struct start {
    void *(*run)(void *);
    void *context;
};

__attribute__((no_sanitize("address"))) static void *on_clean_stack(void *of)
{
    struct start *start = of;

    __asan_unpoison_memory_region((char *)__builtin_frame_address(0) - STACK_BYTES, STACK_BYTES);
    return start->run(start->context);
}

static int create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    __typeof__(&pthread_create) libc_create =
        (__typeof__(&pthread_create))dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "pthread_create");
    struct start *start = lensi_arena_new(sizeof *start);

    if (!start || !libc_create)
        return EAGAIN;
    *start = (struct start){.run = run, .context = context};
    return libc_create(thread, attributes, on_clean_stack, start);
}
#else
#define create pthread_create
#endif

static _Atomic unsigned started;
_Thread_local bool lensi_helper_starts __attribute__((tls_model("initial-exec")));

int lensi_helper_start(void *(*run)(void *context), void *context)
{
    pthread_attr_t attributes;
    pthread_t thread;
    uint64_t before;
    int result;

    /* Not BLOCK: who calls may hold back libc's two. A pthread_create of the program's own may touch absent memory. */
    lensi_sys_signal_mask(SIG_SETMASK, LENSI_HELPER_MASK & ~lensi_open_signals, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    lensi_helper_starts = true;
    result = create(&thread, &attributes, run, context);
    lensi_helper_starts = false;
    pthread_attr_destroy(&attributes);
    lensi_sys_signal_mask(SIG_SETMASK, before, NULL);
    if (result == 0 && atomic_fetch_add(&started, 1) < TOGETHER_MOST) /* later ones get stacks that libc has kept of these */
        lensi_arena_count(STACK_BYTES + LENSI_PAGE);
    return -result;
}

static _Atomic int staying[8]; /* the kernel's numbers of the threads; 0: nobody's */

static bool is_alive(int thread)
{
    return thread && lensi_sys(SYS_tgkill, lensi_sys_process_id(), thread, 0, 0, 0, 0) == 0;
}

void lensi_helper_named(const char *name)
{
    int me = lensi_sys_thread_id();

    lensi_sys(SYS_prctl, PR_SET_NAME, (long)name, 0, 0, 0, 0);
    for (size_t i = 0; i < sizeof staying / sizeof *staying; i++) {
        int was = atomic_load(&staying[i]);
        if (!is_alive(was) && atomic_compare_exchange_strong(&staying[i], &was, me))
            return;
    }
}

bool lensi_helpers_began(void) { return atomic_load(&started) != 0; }

void lensi_helpers_wait(void)
{
    uint64_t end = lensi_sys_clock_ns() + WAIT_NS;

    for (size_t i = 0; i < sizeof staying / sizeof *staying; i++)
        while (is_alive(atomic_load(&staying[i])) && lensi_sys_clock_ns() < end)
            lensi_sys_yield();
}

unsigned lensi_helper_cpus(void)
{
    uint64_t set[16] = {0};
    unsigned cpus = 0;

    if (lensi_sys(SYS_sched_getaffinity, 0, sizeof set, (long)set, 0, 0, 0) < 0)
        return 1;
    for (unsigned i = 0; i < 16; i++)
        cpus += (unsigned)__builtin_popcountll(set[i]);
    return cpus ? cpus : 1;
}

struct together {
    void (*work)(void *context);
    void *context;
    _Atomic uint32_t at_work;
};

static void *help(void *of)
{
    struct together *t = of;

    t->work(t->context);
    if (atomic_fetch_sub(&t->at_work, 1) == 1) /* the last; t may be gone right after, which a wake does not mind */
        lensi_sys_futex_wake(&t->at_work, 1);
    return NULL;
}

void lensi_helper_together(void (*work)(void *context), void *context)
{
    struct together t = {.work = work, .context = context, .at_work = 1};
    unsigned threads = lensi_helper_cpus();
    uint32_t left;

    for (threads = threads < TOGETHER_MOST ? threads : TOGETHER_MOST; threads > 1; threads--) {
        atomic_fetch_add(&t.at_work, 1);
        if (lensi_helper_start(help, &t) == 0)
            continue;
        atomic_fetch_sub(&t.at_work, 1);
        break;
    }
    work(context);
    for (left = atomic_fetch_sub(&t.at_work, 1) - 1; left; left = atomic_load(&t.at_work))
        lensi_sys_futex_wait(&t.at_work, left, 0);
}
