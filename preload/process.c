/*
 * process.c - forks that libc's hooks do not see, and ends of the process that run no exit handlers.
 *
 * vfork is left alone: its child runs in our memory, where the fault handler works as in the parent, and a wrapper
 * could not return twice. The same holds for clone with CLONE_VM. posix_spawn's child cannot take faults (every
 * signal is blocked there): what it reads is pinned (io_table.h).
 */
#undef _FORTIFY_SOURCE
#include "preload/process.h"

#include "preload/descriptors.h"

#include "liblens/base/helper.h"
#include "liblens/base/log.h"
#include "liblens/base/sys.h"
#include "liblens/engine/engine.h"
#include "liblens/memory/pages.h"
#include "preload/io.h"
#include "preload/masks.h"
#include "preload/recorder/death.h"
#include "preload/recorder/malloc.h"
#include "preload/recorder/record.h"
#include "preload/recorder/writer.h"
#include "preload/signals.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int owner; /* the process whose memory this is; a vfork's child is another */
static pthread_key_t main_thread;
static bool is_locked_in; /* calls of ours could end the program: none is made */

/* ---- the end of the main thread, when others go on */

static bool is_helper(int thread)
{
    static const char prefix[] = "lens-"; /* what the engine names its own threads */
    char path[64], name[sizeof prefix] = "";
    int fd;

    lensi_format(path, sizeof path, "/proc/self/task/%d/comm", thread);
    fd = lensi_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return true; /* it has ended */
    lensi_sys_read_some(fd, name, sizeof name - 1);
    lensi_sys_close(fd);
    return strcmp(name, prefix) == 0;
}

/* Whether a thread of the program is left beside the one that asks. */
static bool has_company(void)
{
    DIR *folder = opendir("/proc/self/task");
    bool found = false;

    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        int thread = atoi(entry->d_name);
        found = thread > 0 && thread != lensi_sys_thread_id() && !is_helper(thread);
    }
    if (folder)
        closedir(folder);
    return found;
}

/*
 * A process ends with its last thread, but the engine's threads do not end. So a main thread that ends by
 * pthread_exit stays, after everything else it has to do (destructors run in four rounds, this comes in the last),
 * and ends the process when it is the last of the program's.
 */
static void main_thread_ends(void *round)
{
    const struct timespec little = {0, 5000000};
    sigset_t all;

    if ((intptr_t)round < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(main_thread, (void *)((intptr_t)round + 1));
        return;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (has_company())
        nanosleep(&little, NULL);
    exit(0);
}

/* ---- start, forks by libc */

static void before(void)
{
    if (is_locked_in)
        return;
    lensi_stack_under_us();
    lensi_record_before_fork();
    lensi_fork_prepare();
}

static void after_in_parent(void)
{
    if (is_locked_in)
        return;
    lensi_fork_parent();
    lensi_record_after_fork(false);
}

static void after_in_child(void)
{
    if (is_locked_in)
        return;
    atomic_store(&owner, lensi_sys_process_id());
    lensi_descriptors_child();
    lensi_fork_child();
    lensi_record_after_fork(true);
    pthread_setspecific(main_thread, (void *)1); /* whichever thread forked */
}

static void ends_quickly(void) { lensi_process_ends(0); }

void lensi_process_init(void)
{
    atomic_store(&owner, lensi_sys_process_id());
    pthread_atfork(before, after_in_parent, after_in_child);
    (void)at_quick_exit(ends_quickly); /* registered first, so run last */
    if (pthread_key_create(&main_thread, main_thread_ends) == 0)
        pthread_setspecific(main_thread, (void *)1);
}

void lensi_process_ends(int status)
{
    if (is_locked_in || !atomic_load(&owner) || atomic_load(&owner) != lensi_sys_process_id())
        return;
    lensi_engine_finish();
    lensi_record_finish(LENSI_END_UNDER, status);
}

void lensi_process_dies(int number)
{
    if (!is_locked_in && atomic_load(&owner) && atomic_load(&owner) == lensi_sys_process_id())
        lensi_record_finish(LENSI_END_SIGNAL, number);
}

void lensi_process_leaves(void)
{
    if (lensi_recording && !is_locked_in && atomic_load(&owner) == lensi_sys_process_id())
        lensi_record_finish(LENSI_END_EXEC, 0);
    lensi_fault_hand_on();
    lensi_mask_hand_on();
}

void lensi_process_stays(const void *unused)
{
    int saved = errno;

    (void)unused;
    lensi_mask_take_back();
    lensi_fault_take_back();
    errno = saved;
}

bool lensi_process_is_guest(void)
{
    int me = atomic_load(&owner);

    return me && me != lensi_sys_process_id();
}

void lensi_process_locks_in(void)
{
    if (is_locked_in)
        return;
    lensi_record_finish(LENSI_END_LOCKED, 0);
    if (lensi_recording) {
        lensi_recording = false;
        lensi_record_malloc_end();
        lensi_death_end();
        lensi_writer_wait();
    }
    lensi_engine_retire();
    lensi_signals_end();
    is_locked_in = true;
}

bool lensi_process_makes_room(int error)
{
    enum { WHILE_NS = 200000000 };
    static struct lensi_lock one_at_a_time;
    static _Atomic uint64_t until_ns;
    const struct timespec little = {0, 1000000};

    if (error != EAGAIN || lensi_helper_starts || lensi_process_is_guest() || (is_locked_in && !atomic_load(&until_ns)))
        return false;
    lensi_lock(&one_at_a_time);
    if (!is_locked_in && (lensi_helpers_began() || lensi_writer_stays())) {
        lensi_say("a thread or process was refused (ulimit -u, a control group's pids): ours end, from here on the program is left alone");
        lensi_process_locks_in();
        atomic_store(&until_ns, lensi_sys_clock_ns() + WHILE_NS); /* the kernel counts them for a little longer */
    }
    lensi_unlock(&one_at_a_time);
    if (lensi_sys_clock_ns() >= atomic_load(&until_ns))
        return false;
    nanosleep(&little, NULL);
    return true;
}

/* ---- forks. Those of libc's that run hooks need nothing but another try. */

#define FORK(name) \
    LENSI_EXPORT pid_t name(void) \
    { \
        pid_t pid = LENSI_NEXT(name)(); \
 \
        while (LENSI_UNLIKELY(pid < 0) && lensi_process_makes_room(errno)) \
            pid = LENSI_NEXT(name)(); \
        return pid; \
    }
LENSI_EXPORT pid_t __fork(void);
FORK(fork)
FORK(__fork)

/* ---- forks without hooks */

void lensi_process_forks(void)
{
    before();
}

void lensi_process_forked(bool in_child)
{
    if (in_child)
        after_in_child();
    else
        after_in_parent();
}

LENSI_EXPORT pid_t _Fork(void)
{
    pid_t pid;

    before();
    pid = LENSI_NEXT(_Fork)();
    lensi_process_forked(pid == 0);
    while (LENSI_UNLIKELY(pid < 0) && lensi_process_makes_room(errno))
        pid = LENSI_NEXT(_Fork)();
    return pid;
}

/* What the child of clone is to do; on the caller's stack, of which the child has a copy. */
struct start {
    int (*run)(void *);
    void *argument;
};

static int start_copy(void *from)
{
    const struct start *start = from;

    after_in_child();
    return start->run(start->argument);
}

#define CLONE(name) \
    LENSI_EXPORT int name(int (*run)(void *), void *stack, int flags, void *argument, ...) \
    { \
        struct start start = {run, argument}; \
        va_list list; \
        pid_t pid; \
 \
        va_start(list, argument); \
        pid_t *parent_tid = va_arg(list, pid_t *); \
        void *tls = va_arg(list, void *); \
        pid_t *child_tid = va_arg(list, pid_t *); \
        va_end(list); \
        if (flags & CLONE_VM || !run || !stack) \
            pid = LENSI_NEXT(name)(run, stack, flags, argument, parent_tid, tls, child_tid); \
        else { \
            before(); \
            pid = LENSI_NEXT(name)(start_copy, stack, flags, &start, parent_tid, tls, child_tid); \
            after_in_parent(); \
        } \
        while (LENSI_UNLIKELY(pid < 0) && lensi_process_makes_room(errno)) \
            pid = LENSI_NEXT(name)(run, stack, flags, argument, parent_tid, tls, child_tid); \
        return pid; \
    }
CLONE(clone)
LENSI_EXPORT int __clone(int (*run)(void *), void *stack, int flags, void *argument, ...);
CLONE(__clone)

/* ---- ends without exit handlers. What a signal ends says nothing, but to a trace (record_death.h). */

LENSI_EXPORT void _exit(int status)
{
    lensi_process_ends(status);
    LENSI_NEXT(_exit)(status);
}

LENSI_EXPORT void _Exit(int status)
{
    lensi_process_ends(status);
    LENSI_NEXT(_Exit)(status);
}
